#include "gateway/feed.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

/* Silence does not tell an idle topic from one that cannot be read: the end is asked for every
 * LOOK_MS, and a partition whose answer is older than STALE_MS is not being read. */
enum { LOOK_MS = 5000, STALE_MS = 12000 };

struct feed_tail {
    struct kafka_tail *tail; /* NULL: could not be opened again */
    bool placed; /* it began where it was to begin; else it only asks where the end is */
    bool ended;  /* what was there at the start has been taken */
    struct instant look_at;
    struct instant fresh; /* it stood at the end then */
    struct error why;     /* of the last trouble; ERR_OK: none since then */
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
    /* A failure stays, and feed_ready() tells it. */
    if (open_tail(feed, partition, from < item->low ? item->low : from, &tail->why))
        tail->ended = false;
}

static void stood_at_end(struct feed_tail *tail, struct instant now)
{
    tail->ended = true;
    tail->fresh = now;
    tail->why.code = ERR_OK;
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
            *ret = item.message;
            return true;
        case KAFKA_ITEM_START:
            if (!tail->placed)
                reopen(feed, partition, &item);
            break;
        case KAFKA_ITEM_END:
        case KAFKA_ITEM_CAUGHT_UP:
            if (tail->placed)
                stood_at_end(tail, now);
            break;
        case KAFKA_ITEM_WAITING:
            tail->why = item.error;
            break;
        case KAFKA_ITEM_GAP:       /* old events went away meanwhile: */
        case KAFKA_ITEM_TRUNCATED: /* or the topic was made anew; what is there counts */
            log_line(LOG_LEVEL_WARNING, "events are missing, reading what is there",
                     log_number("partition", partition), log_number("position", item.position),
                     log_number("low", item.low), log_number("high", item.high),
                     LOG_TEXT("reason", item.error.message));
            tail->ended = false;
            reopen(feed, partition, &item);
            break;
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

void feed_look(struct feed *feed, struct instant now)
{
    for (int32_t i = 0; i < feed->options.partitions; i++) {
        struct feed_tail *tail = &feed->tails[i];
        if (!tail->tail || !tail->ended || !instant_passed(now, tail->look_at))
            continue;
        kafka_tail_look(tail->tail); /* false: the last one is out, and is answered or not */
        tail->look_at = instant_add_ms(now, LOOK_MS);
    }
}

bool feed_ready(const struct feed *feed, struct instant now, char *why, size_t size)
{
    for (int32_t i = 0; i < feed->options.partitions; i++) {
        const struct feed_tail *tail = &feed->tails[i];
        bool stale = tail->ended && instant_passed(now, instant_add_ms(tail->fresh, STALE_MS));
        if (tail->ended && !stale)
            continue;
        snprintf(why, size, "partition %d of %s: %.100s", i, feed->options.topic,
                 tail->why.code ? tail->why.message
                 : stale        ? "Kafka does not say where the events end"
                                : "the events are being read");
        return false;
    }
    return true;
}
