#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { BUF_FIRST = 512 }; /* most records and messages fit: no growing through the small sizes */

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_init_on(struct buf *buf, size_t max, void *first, size_t size)
{
    CHECK(size > 0);
    *buf = (struct buf){.data = first, .capacity = size, .max = max, .lent = true};
}

void buf_release(struct buf *buf)
{
    if (!buf->lent)
        free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->full = false;
}

static void grow(struct buf *buf, size_t room)
{
    size_t capacity = buf->capacity ? buf->capacity : BUF_FIRST;
    while (capacity < room)
        capacity *= 2;
    if (buf->lent) {
        const uint8_t *first = buf->data;
        buf->data = mem_resize(NULL, capacity, 1);
        memcpy(buf->data, first, buf->length);
        buf->lent = false;
    } else {
        buf->data = mem_resize(buf->data, capacity, 1);
    }
    buf->capacity = capacity;
}

uint8_t *buf_more_room(struct buf *buf, size_t length)
{
    CHECK(buf->max > 0);
    if (buf->full || length > buf->max - buf->length) {
        buf->full = true;
        return NULL;
    }
    if (buf->length + length + 1 > buf->capacity)
        grow(buf, buf->length + length + 1);
    return buf->data + buf->length;
}

void buf_format(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char small[256];
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(small, sizeof small, format, args);
    CHECK(length >= 0);
    if ((size_t)length < sizeof small) {
        buf_add(buf, small, (size_t)length);
    } else {
        uint8_t *room = buf_room(buf, (size_t)length);
        if (room) {
            vsnprintf((char *)room, (size_t)length + 1, format, again);
            buf->length += (size_t)length;
        }
    }
    va_end(again);
    va_end(args);
}

void buf_drop(struct buf *buf, size_t length)
{
    CHECK(length <= buf->length);
    if (!length)
        return;
    memmove(buf->data, buf->data + length, buf->length - length);
    buf->length -= length;
}

const char *buf_text(struct buf *buf)
{
    if (!buf->data) {
        buf->data = mem_alloc(BUF_FIRST, 1);
        buf->capacity = BUF_FIRST;
    }
    CHECK(buf->length < buf->capacity);
    buf->data[buf->length] = '\0';
    return (const char *)buf->data;
}
