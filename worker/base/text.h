/* text.h - bytes with a length: what outside texts are until they have been checked, and after. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

struct text {
    const char *at; /* borrowed, not zero-closed; NULL only when length is 0 */
    size_t length;  /* bytes */
};

#define TEXT(literal) ((struct text){(literal), sizeof(literal) - 1})
#define TEXT_ARGS(text) (int)(text).length, ((text).at ? (text).at : "") /* for "%.*s" */

static inline struct text text_of(const char *zero_closed)
{
    return (struct text){zero_closed, zero_closed ? strlen(zero_closed) : 0};
}
bool text_equal(struct text a, struct text b);
/* Compares as 1C compares names: without case, Cyrillic included (Unicode simple case folding).
 * Both valid UTF-8. */
bool text_same_name(struct text a, struct text b);
/* Appends `text` so that two texts have the same bytes exactly when text_same_name() says so: a key
 * for tables. */
void text_fold(struct buf *buf, struct text text);
/* Whole well-formed UTF-8 (RFC 3629) and no NUL inside. */
bool text_valid(struct text text);
/* Appends `text` so that it is safe in a log line or on a terminal: control characters,
 * bidirectional overrides and invalid bytes as \xNN or \u{N}. */
void text_printable(struct buf *buf, struct text text);
/* Appends lower-case hex. */
void text_hex(struct buf *buf, const void *bytes, size_t length);

/* Whole-text numbers: no blanks, no sign where unsigned, nothing behind. ERR_INVALID names the
 * text. */
enum error_code text_u64(struct text text, uint64_t max, uint64_t *ret,
                         struct error *err) MUST_CHECK;
enum error_code text_i64(struct text text, int64_t *ret, struct error *err) MUST_CHECK;
/* Durations as people type them: `0s`, `90s`, `15m`, `2h`, `250ms`, `1d`; milliseconds out, 0..10
 * years. */
enum error_code text_duration_ms(struct text text, int64_t *ret_ms, struct error *err) MUST_CHECK;

#endif
