#include "model/echo.h"

#include <string.h>

#include "base/check.h"

struct kept {
    struct record *record; /* owned */
    size_t length;         /* of the bytes that follow */
};

enum { QUEUE_MAX = 16 * ECHO_BYTES_MAX }; /* twice the bytes and as many heads, and room to spare */

/* Their texts and numbers come from decoders and from bounded errors, so that the wire form leaves
 * nothing of them out (tests/sim compares runs with and without). */
static bool is_plain(enum record_kind kind)
{
    return kind == RECORD_ACCEPTED || kind == RECORD_RESOLVED || kind == RECORD_OUTCOME ||
           kind == RECORD_CLOSED;
}

/* The one that is due. */
static struct kept first_of(const struct echo *echo)
{
    struct kept kept;
    memcpy(&kept, echo->queue.data + echo->head, sizeof kept);
    return kept;
}

static struct record *pop(struct echo *echo)
{
    struct kept kept = first_of(echo);
    echo->head += sizeof kept + kept.length;
    echo->bytes -= kept.length;
    if (echo->head == echo->queue.length) {
        buf_release(&echo->queue);
        echo->head = 0;
    } else if (echo->head > echo->queue.length / 2) { /* each byte is moved once, about */
        buf_drop(&echo->queue, echo->head);
        echo->head = 0;
    }
    return kept.record;
}

void echo_keep(struct echo *echo, struct record *record, struct text bytes)
{
    if (record->kind == RECORD_OWNER)
        echo_clear(echo);
    if (!is_plain(record->kind) || bytes.length > ECHO_BYTES_MAX - echo->bytes) {
        record_destroy(record);
        return;
    }
    struct kept kept = {record, bytes.length};
    echo->queue.max = QUEUE_MAX;
    buf_add(&echo->queue, &kept, sizeof kept);
    buf_add(&echo->queue, bytes.at, bytes.length);
    CHECK(!echo->queue.full);
    echo->bytes += kept.length;
}

struct record *echo_take(struct echo *echo, struct text bytes)
{
    if (!echo->queue.length)
        return NULL;
    const char *kept = (const char *)echo->queue.data + echo->head + sizeof(struct kept);
    if (!text_equal(bytes, (struct text){kept, first_of(echo).length}))
        return NULL;
    return pop(echo);
}

void echo_clear(struct echo *echo)
{
    while (echo->queue.length)
        record_destroy(pop(echo));
}
