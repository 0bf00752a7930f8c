/* process.h - what every long-running command does with its own process. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include "base/error.h"

/* Passwords live in this process: no core file and no debugger of the same user shows them. */
void process_keep_secrets_in(void);
/* As many descriptors as may be had. */
void process_raise_descriptors(void);
/* Writes the number as one line. Beside and renamed: whoever waits for the file never reads half of
 * it. ERR_USAGE, ERR_SYSTEM. */
enum error_code process_write_port(const char *path, unsigned port, struct error *err) MUST_CHECK;

#endif
