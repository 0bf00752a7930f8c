/* error.h - one error: a class from error.def and a message that names the next step.
 *
 * Functions that can fail return `enum error_code` and take `struct error *err` last; ERR_OK is 0.
 * On failure `*err` is filled and outputs are untouched. `err` may be NULL where only the class
 * matters. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>

#define MUST_CHECK __attribute__((warn_unused_result))

enum error_code {
    ERR_OK = 0,
#define ROW(name, retry, status, meaning) ERR_##name,
#include "base/error.def"
#undef ROW
    ERR_COUNT
};

enum error_retry { RETRY_NEVER, RETRY_LATER, RETRY_VERIFY };

enum {
    ERROR_MESSAGE_MAX = 480
}; /* bytes with the closing zero; longer texts are cut at a character */

struct error {
    enum error_code code;
    char message[ERROR_MESSAGE_MAX];
};

/* Fills `*err` and returns `code`. The format's texts must be valid UTF-8 or already made
 * printable. */
enum error_code error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts a sentence before the present message ("cannot start from 'x': line 3: ...") and returns the
 * class. */
enum error_code error_wrap(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Lower-case label, "ok" for ERR_OK: for JSON, metrics and event reasons. */
const char *error_label(enum error_code code);
const char *error_meaning(enum error_code code);
enum error_retry error_retry(enum error_code code);
int error_exit_status(enum error_code code);
/* The class of a label; ERR_COUNT when there is none of that name. */
enum error_code error_from_label(const char *label);

#endif
