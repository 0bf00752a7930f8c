#include "model/echo.h"

#include <string.h>

struct kept {
    struct kept *next;
    struct record *record; /* owned */
    size_t length;
    char bytes[];
};

/* Their texts and numbers come from decoders and from bounded errors, so that the wire form leaves
 * nothing of them out (tests/sim compares runs with and without). */
static bool is_plain(enum record_kind kind)
{
    return kind == RECORD_ACCEPTED || kind == RECORD_RESOLVED || kind == RECORD_OUTCOME ||
           kind == RECORD_CLOSED;
}

static struct record *pop(struct echo *echo)
{
    struct kept *kept = echo->first;
    struct record *record = kept->record;
    echo->first = kept->next;
    if (!echo->first)
        echo->last = NULL;
    echo->bytes -= kept->length;
    free(kept);
    return record;
}

void echo_keep(struct echo *echo, struct record *record, struct text bytes)
{
    if (record->kind == RECORD_OWNER)
        echo_clear(echo);
    if (!is_plain(record->kind) || bytes.length > ECHO_BYTES_MAX - echo->bytes) {
        record_destroy(record);
        return;
    }
    struct kept *kept = mem_alloc(1, sizeof *kept + bytes.length);
    kept->record = record;
    kept->length = bytes.length;
    memcpy(kept->bytes, bytes.at, bytes.length);
    if (echo->last)
        echo->last->next = kept;
    else
        echo->first = kept;
    echo->last = kept;
    echo->bytes += kept->length;
}

struct record *echo_take(struct echo *echo, struct text bytes)
{
    const struct kept *due = echo->first;
    if (!due || !text_equal(bytes, (struct text){due->bytes, due->length}))
        return NULL;
    return pop(echo);
}

void echo_clear(struct echo *echo)
{
    while (echo->first)
        record_destroy(pop(echo));
}
