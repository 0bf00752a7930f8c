/* echo.h - records that the worker appended itself, kept until the journal gives them back.
 *
 * State moves only by what was read back. But whose bytes are the very same as those of a record
 * that is still at hand need not be decoded again: what is kept is what decoding them would give.
 * Kept are the kinds that every command has, up to ECHO_BYTES_MAX; all others, and whatever comes
 * back in another order, are decoded. One for each partition, all zeros at first. */
#ifndef MODEL_ECHO_H
#define MODEL_ECHO_H

#include "base/buf.h"
#include "model/record.h"

/* Wire bytes of what is kept for one partition: a thousand records. */
enum { ECHO_BYTES_MAX = 384 * 1024 };

struct echo {
    struct buf queue; /* from `head` on, in the order of the appends: each its record, which is
                         owned, its length and its bytes. One block, so that no hole is left in the
                         heap between what lives longer; given back when nothing is under way */
    size_t head;
    size_t bytes; /* of all that are kept */
};

/* Takes `record`, whose wire form is `bytes` (copied). With an OWNER whatever was under way before
 * is forgotten: it is void, and appended again. */
void echo_keep(struct echo *echo, struct record *record, struct text bytes);
/* The record with these bytes when it is the one that is due, now the caller's; else NULL. */
struct record *echo_take(struct echo *echo, struct text bytes);
void echo_clear(struct echo *echo);

#endif
