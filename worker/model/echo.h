/* echo.h - records that the worker appended itself, kept until the journal gives them back.
 *
 * State moves only by what was read back. But whose bytes are the very same as those of a record
 * that is still at hand need not be decoded again: what is kept is what decoding them would give.
 * Kept are the kinds that every command has, up to ECHO_BYTES_MAX; all others, and whatever comes
 * back in another order, are decoded. One for each partition, all zeros at first. */
#ifndef MODEL_ECHO_H
#define MODEL_ECHO_H

#include "model/record.h"

/* Wire bytes of what is kept: hundreds of records. More left holes of megabytes in the heap. */
enum { ECHO_BYTES_MAX = 128 * 1024 };

struct kept;

struct echo {
    struct kept *first; /* owned, in the order of the appends */
    struct kept *last;
    size_t bytes;
};

/* Takes `record`, whose wire form is `bytes` (copied). With an OWNER whatever was under way before
 * is forgotten: it is void, and appended again. */
void echo_keep(struct echo *echo, struct record *record, struct text bytes);
/* The record with these bytes when it is the one that is due, now the caller's; else NULL. */
struct record *echo_take(struct echo *echo, struct text bytes);
void echo_clear(struct echo *echo);

#endif
