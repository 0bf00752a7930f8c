/* problem.h - what is wrong with a file, collected so that people see all of it at once. Inside
 * this room only. */
#ifndef CONFIG_PROBLEM_H
#define CONFIG_PROBLEM_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct problems {
    struct error first;
    uint32_t count;
    struct buf *all; /* one per line; may be NULL */
};

/* `line` 0: of the file as a whole. After CONFIG_PROBLEMS_MAX they are only counted. */
void problem_add(struct problems *problems, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* ERR_OK, or ERR_CONFIG with the first problem and how many more there are. */
enum error_code problems_finish(const struct problems *problems, struct error *err) MUST_CHECK;

#endif
