/* pieces.h - one event's data in pieces: the head, and each target's verdict, encoded once. */
#ifndef EVENT_PIECES_H
#define EVENT_PIECES_H

#include "event/encode.h"

enum { PIECES_FIRST_BYTES = 2048 }; /* an event of one target needs no more */

/* Not to be moved: belongs on the stack. */
struct pieces {
    const struct event *event;
    const struct event_style *style;
    struct buf head;   /* the event without its targets, part and parts */
    struct buf bodies; /* verdicts, one behind the other */
    unsigned char first_of_head[PIECES_FIRST_BYTES];
    unsigned char first_of_bodies[PIECES_FIRST_BYTES];
    size_t *ends; /* where each body ends; owned, unless it is: */
    size_t first_ends[4];
    uint32_t count;
};

/* Encodes the head. */
void pieces_init(struct pieces *pieces, const struct event *event, const char *cluster,
                 const struct event_style *style);
/* Encodes the verdicts; one that would not fit `room` bytes goes without its snapshot. */
void pieces_add_targets(struct pieces *pieces, size_t room);
void pieces_release(struct pieces *pieces);
/* Bytes that verdict `index` takes in a part, separators included. */
size_t pieces_size(const struct pieces *pieces, uint32_t index);
/* Bytes that pieces_join() appends, at most, and one for a closing zero. */
size_t pieces_joined_size(const struct pieces *pieces, uint32_t first, uint32_t behind);
/* Appends the data of one part: the head, and the verdicts from `first` to before `behind`. */
void pieces_join(const struct pieces *pieces, uint32_t part, uint32_t parts, uint32_t first,
                 uint32_t behind, struct buf *out);

#endif
