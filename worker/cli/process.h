/* process.h - what every long-running command does with its own process. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include "base/error.h"

/* Passwords live in this process: no core file and no debugger of the same user shows them. */
void process_keep_secrets_in(void);
/* Standard input, output and error that the caller closed are taken by /dev/null, opened the wrong
 * way round: else a socket would get their number, and the log would be written into it; what is
 * read or written there fails. ERR_SYSTEM when even that cannot be opened. First thing of main. */
enum error_code process_fill_standard(struct error *err) MUST_CHECK;
/* As many descriptors as may be had. */
void process_raise_descriptors(void);
/* Room for many look-ups of names at once, in the pool of threads: a resolver that keeps silent about
 * the names of some clusters holds up no other (I10). Before the first loop of the process. */
void process_widen_pool(void);
/* Writes the number as one line. Beside and renamed: whoever waits for the file never reads half of
 * it. ERR_USAGE, ERR_SYSTEM. */
enum error_code process_write_port(const char *path, unsigned port, struct error *err) MUST_CHECK;

#endif
