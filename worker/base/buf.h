/* buf.h - growing bytes with a maximum; nothing in Curfew grows without one.
 *
 * An append over the maximum changes nothing, sets `full` and is ignored from then on: a writer
 * appends freely and looks at `full` once, at the end. Not a string: `buf_text()` closes it with a
 * zero that is not counted. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

struct buf {
    uint8_t *data; /* owned, unless `lent` */
    size_t length; /* bytes */
    size_t capacity;
    size_t max; /* bytes; set by buf_init */
    bool full;  /* an append did not fit */
    bool lent;  /* `data` is the caller's memory */
};

void buf_init(struct buf *buf, size_t max);
/* Begins in the caller's memory of `size` bytes, usually on his stack: what fits costs no
 * allocation. Release before that memory goes. */
void buf_init_on(struct buf *buf, size_t max, void *first, size_t size);
void buf_release(struct buf *buf);
/* Empties it and clears `full`; keeps the memory. */
void buf_clear(struct buf *buf);
void buf_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Removes `length` bytes from the front. */
void buf_drop(struct buf *buf, size_t length);
/* The same when the buffer has to grow, or is full. */
uint8_t *buf_more_room(struct buf *buf, size_t length);
/* Room for `length` more bytes at the end, or NULL (and `full`). Follow with buf_grown(). Inline,
 * as is what stands on it: every message is put together from hundreds of small pieces. */
static inline uint8_t *buf_room(struct buf *buf, size_t length)
{
    size_t free_bytes = buf->capacity - buf->length;
    if (length < free_bytes && length <= buf->max - buf->length && !buf->full)
        return buf->data + buf->length;
    return buf_more_room(buf, length);
}
static inline void buf_grown(struct buf *buf, size_t length)
{
    CHECK(buf->length + length < buf->capacity);
    buf->length += length;
}
/* The content as a zero-closed text; valid until the next change. */
const char *buf_text(struct buf *buf);

static inline void buf_add(struct buf *buf, const void *bytes, size_t length)
{
    uint8_t *room = buf_room(buf, length);
    if (!room || !length)
        return;
    memcpy(room, bytes, length);
    buf->length += length;
}

static inline void buf_byte(struct buf *buf, uint8_t byte)
{
    uint8_t *room = buf_room(buf, 1);
    if (!room)
        return;
    *room = byte;
    buf->length++;
}

/* Appends a zero-closed text without its zero. */
static inline void buf_str(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

#define AUTO_BUF __attribute__((cleanup(buf_release))) struct buf

#endif
