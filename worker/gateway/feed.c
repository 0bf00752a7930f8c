#include "gateway/feed.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"

/* KAFKA_ITEM_WAITING comes at least once a second while a partition cannot be read. */
enum { WAITING_MS = 3000 };

struct feed_tail {
    struct kafka_tail *tail; /* NULL: could not be opened again */
    bool placed; /* it began where it was to begin; else it only asks where the end is */
    bool ended;  /* what was there at the start has been taken */
    bool waits;
    struct instant waits_until;
    struct error why;
};

struct feed {
    struct kafka_reader *reader;
    struct feed_options options;
    struct feed_tail *tails;
    int32_t turn; /* the tail to be asked next: no partition starves another */
};

static enum error_code open_tail(struct feed *feed, int32_t partition, int64_t from,
                                 struct error *err)
{
    return kafka_tail_open(feed->reader, feed->options.topic, partition, from,
                           &feed->tails[partition].tail, err);
}

enum error_code feed_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                            const struct feed_options *options, struct feed **ret,
                            struct error *err)
{
    struct feed *feed = mem_new(struct feed);
    feed->options = *options;
    feed->tails = mem_alloc((size_t)options->partitions, sizeof *feed->tails);
    enum error_code code =
        kafka_reader_create(hub, settings, KAFKA_READ_SHARED, "events", &feed->reader, err);
    for (int32_t i = 0; i < options->partitions && !code; i++)
        code = open_tail(feed, i, KAFKA_FROM_END, err);
    if (code) {
        feed_destroy(feed);
        return code;
    }
    *ret = feed;
    return ERR_OK;
}

void feed_destroy(struct feed *feed)
{
    if (!feed)
        return;
    kafka_reader_destroy(feed->reader);
    free(feed->tails);
    free(feed);
}

/* Opened at its end, which is known now: begin as far back as is wanted. `from` below the log's
 * beginning is its beginning. */
static void reopen(struct feed *feed, int32_t partition, const struct kafka_item *item)
{
    struct feed_tail *tail = &feed->tails[partition];
    int64_t from = item->high - feed->options.look_back;
    kafka_tail_close(tail->tail);
    tail->tail = NULL;
    tail->placed = true;
    if (open_tail(feed, partition, from < item->low ? item->low : from, &tail->why))
        tail->waits = true; /* stays: told by feed_ready() */
}

/* True when it was a message. */
static bool take_item(struct feed *feed, int32_t partition, struct instant now,
                      struct kafka_message **ret)
{
    struct feed_tail *tail = &feed->tails[partition];
    struct kafka_item item;
    while (tail->tail && kafka_tail_take(tail->tail, &item)) {
        switch (item.kind) {
        case KAFKA_ITEM_MESSAGE:
            tail->waits = false;
            *ret = item.message;
            return true;
        case KAFKA_ITEM_START:
            if (!tail->placed)
                reopen(feed, partition, &item);
            break;
        case KAFKA_ITEM_END:
            tail->waits = false;
            tail->ended = true;
            break;
        case KAFKA_ITEM_WAITING:
            tail->waits = true;
            tail->waits_until = instant_add_ms(now, WAITING_MS);
            tail->why = item.error;
            break;
        case KAFKA_ITEM_GAP:       /* old events went away meanwhile: */
        case KAFKA_ITEM_TRUNCATED: /* or the topic was made anew; what is there counts */
            tail->ended = false;
            reopen(feed, partition, &item);
            break;
        case KAFKA_ITEM_CAUGHT_UP:
        case KAFKA_ITEM_NONE:
            break;
        }
    }
    return false;
}

bool feed_take(struct feed *feed, struct instant now, struct kafka_message **ret)
{
    int32_t count = feed->options.partitions;
    for (int32_t i = 0; i < count; i++) {
        int32_t partition = (feed->turn + i) % count;
        if (!take_item(feed, partition, now, ret))
            continue;
        feed->turn = (partition + 1) % count;
        return true;
    }
    return false;
}

bool feed_ready(const struct feed *feed, struct instant now, char *why, size_t size)
{
    for (int32_t i = 0; i < feed->options.partitions; i++) {
        const struct feed_tail *tail = &feed->tails[i];
        bool waits = tail->waits && (!tail->tail || !instant_passed(now, tail->waits_until));
        if (tail->ended && !waits)
            continue;
        snprintf(why, size, "partition %d of %s: %.100s", i, feed->options.topic,
                 waits ? tail->why.message : "the events are being read");
        return false;
    }
    return true;
}
