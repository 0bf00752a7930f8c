#include "cli/link.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "kafka/producer.h"

struct link_tail {
    struct kafka_tail *tail;
    int64_t low;
    bool started;
    bool last_read; /* link_read_last(): it stands before its last record */
    bool ended;     /* what was there at the start has been taken */
};

struct link {
    uv_loop_t *loop;
    uv_loop_t own;
    uv_timer_t timer;
    uv_signal_t interrupt;
    struct clock clock;
    struct kafka_hub *hub;
    const struct kafka_settings *settings;
    struct kafka_seen seen;
    struct kafka_producer *producer; /* NULL until something is sent */
    struct kafka_reader *reader;     /* NULL until something is read */
    struct link_tail *tails;         /* owned */
    int32_t tail_count;
    bool holes_are_fine; /* link_read_at() */
    const char *last_of; /* link_read_last(): the topic; borrowed */
    int32_t turn;        /* the tail to be asked next: no partition starves another */
    struct error broken;
    char notice[KAFKA_NOTICE_TEXT_MAX]; /* the last error of a client; "" = none */
    bool ready;
    bool timed;
    bool interrupted;
    int handles; /* open ones */
};

/* ---- life ---- */

static void on_ready(void *self)
{
    struct link *link = self;
    struct kafka_notice notice;
    while (kafka_hub_notice(link->hub, &notice, NULL))
        if (notice.level <= 3)
            memcpy(link->notice, notice.text, sizeof link->notice);
    link->ready = true;
}

static void on_timer(uv_timer_t *timer)
{
    struct link *link = timer->data;
    link->timed = true;
}

static void on_interrupt(uv_signal_t *handle, int number)
{
    struct link *link = handle->data;
    link->interrupted = true;
    uv_signal_stop(handle); /* the next one has its usual effect */
    (void)number;
}

static void watch(struct link *link)
{
    uv_timer_init(link->loop, &link->timer);
    uv_signal_init(link->loop, &link->interrupt);
    link->timer.data = link->interrupt.data = link;
    link->handles = 2;
    uv_signal_start(&link->interrupt, on_interrupt, SIGINT);
}

enum error_code link_create(uv_loop_t *loop, struct kafka_settings *settings, int timeout_ms,
                            struct link **ret, struct error *err)
{
    struct kafka_seen seen;
    if (kafka_probe(settings, timeout_ms, &seen, err))
        return err->code;
    settings->embedded = seen.embedded;
    struct link *link = mem_new(struct link);
    link->seen = seen;
    link->settings = settings;
    link->clock = clock_real();
    link->loop = loop ? loop : &link->own;
    if (!loop)
        CHECK(uv_loop_init(&link->own) == 0);
    watch(link);
    if (kafka_hub_create(link->loop, on_ready, link, &link->hub, err)) {
        link_destroy(link);
        return err->code;
    }
    *ret = link;
    return ERR_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct link *link = handle->data;
    if (--link->handles || link->loop == &link->own)
        return;
    free(link);
}

void link_destroy(struct link *link)
{
    if (!link)
        return;
    bool own = link->loop == &link->own;
    kafka_reader_destroy(link->reader);
    kafka_producer_destroy(link->producer);
    kafka_hub_destroy(link->hub);
    kafka_seen_release(&link->seen);
    free(link->tails);
    uv_close((uv_handle_t *)&link->timer, on_closed);
    uv_close((uv_handle_t *)&link->interrupt, on_closed);
    if (!own)
        return; /* freed when the loop has closed the handles */
    uv_run(link->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(link->loop) == 0);
    free(link);
}

/* ---- waiting ---- */

struct instant link_now(const struct link *link)
{
    return clock_now(&link->clock);
}

enum link_wake link_wait(struct link *link, struct instant until)
{
    struct instant now = link_now(link);
    link->timed = false;
    if (!link->ready && !instant_passed(now, until)) {
        uv_update_time(link->loop); /* the caller may have worked for long */
        uint64_t ms = until.ns == INT64_MAX ? KAFKA_TICK_MS * 4
                                            : (uint64_t)instant_ms_between(now, until) + 1;
        uv_timer_start(&link->timer, on_timer, ms, 0);
        while (!link->ready && !link->timed && !link->interrupted)
            uv_run(link->loop, UV_RUN_ONCE);
        uv_timer_stop(&link->timer);
    }
    link->ready = false;
    if (link->interrupted)
        return LINK_INTERRUPTED;
    return instant_passed(link_now(link), until) ? LINK_DEADLINE : LINK_READY;
}

enum error_code link_gave_up(const struct link *link, enum link_wake wake, const char *what,
                             struct error *err)
{
    if (wake == LINK_INTERRUPTED)
        return error_set(err, ERR_CANCELLED, "interrupted: %s", what);
    if (link->notice[0])
        return error_set(err, ERR_DEADLINE, "%s; last heard of Kafka: %s", what, link->notice);
    return error_set(err, ERR_DEADLINE, "%s", what);
}

/* ---- reading ---- */

enum error_code link_partitions(const struct link *link, const char *topic, int32_t *ret,
                                struct error *err)
{
    const struct kafka_topic_seen *seen = kafka_seen_topic(&link->seen, topic);
    if (!seen || seen->code == ERR_NOT_FOUND || (!seen->code && seen->partitions == 0))
        return error_set(err, ERR_NOT_FOUND,
                         "there is no topic '%s'; 'curfew topics create' makes it", topic);
    if (seen->code)
        return error_set(err, seen->code, "topic '%s': %s", topic, error_meaning(seen->code));
    *ret = seen->partitions;
    return ERR_OK;
}

static enum error_code open_tails(struct link *link, enum kafka_reader_use use, const char *topic,
                                  int64_t from, const int64_t *each, struct error *err)
{
    int32_t count = 0;
    CHECK(!link->reader);
    if (link_partitions(link, topic, &count, err) ||
        kafka_reader_create(link->hub, link->settings, use, "tail", &link->reader, err))
        return err->code;
    link->tails = mem_alloc((size_t)count, sizeof *link->tails);
    link->tail_count = count;
    for (int32_t i = 0; i < count; i++) {
        struct link_tail *tail = &link->tails[i];
        tail->started = tail->ended = each && each[i] < 0;
        if (!tail->ended &&
            kafka_tail_open(link->reader, topic, i, each ? each[i] : from, &tail->tail, err))
            return error_wrap(err, "cannot read '%s'", topic);
    }
    return ERR_OK;
}

enum error_code link_read(struct link *link, enum kafka_reader_use use, const char *topic,
                          int64_t from, struct error *err)
{
    return open_tails(link, use, topic, from, NULL, err);
}

enum error_code link_read_at(struct link *link, const char *topic, const int64_t *from,
                             struct error *err)
{
    link->holes_are_fine = true;
    return open_tails(link, KAFKA_READ_SHARED, topic, 0, from, err);
}

enum error_code link_read_last(struct link *link, const char *topic, struct error *err)
{
    if (link_read(link, KAFKA_READ_SHARED, topic, KAFKA_FROM_END, err))
        return err->code;
    link->last_of = topic;
    return ERR_OK;
}

/* The partition was opened at its end, which is now known: begin again one record earlier. */
static void reopen(struct link *link, struct link_tail *tail, const struct kafka_item *start)
{
    int32_t partition = (int32_t)(tail - link->tails);
    struct error err;
    kafka_tail_close(tail->tail);
    tail->tail = NULL;
    tail->last_read = true;
    tail->ended =
        start->high <= start->low ||
        kafka_tail_open(link->reader, link->last_of, partition, start->high - 1, &tail->tail, &err);
}

/* True when it was a message. */
static bool take_item(struct link *link, struct link_tail *tail, struct kafka_message **ret)
{
    struct kafka_item item;
    while (tail->tail && kafka_tail_take(tail->tail, &item)) {
        switch (item.kind) {
        case KAFKA_ITEM_MESSAGE:
            *ret = item.message;
            return true;
        case KAFKA_ITEM_START:
            tail->started = true;
            tail->low = item.low;
            if (link->last_of && !tail->last_read)
                reopen(link, tail, &item);
            break;
        case KAFKA_ITEM_END:
            tail->ended = true;
            break;
        case KAFKA_ITEM_WAITING:
            snprintf(link->notice, sizeof link->notice, "%.*s", (int)sizeof link->notice - 1,
                     item.error.message);
            break;
        case KAFKA_ITEM_GAP:
        case KAFKA_ITEM_TRUNCATED:
            tail->low = item.low;
            if (!link->broken.code && !link->holes_are_fine)
                error_set(&link->broken, ERR_JOURNAL, "partition %d: %s", (int)(tail - link->tails),
                          item.error.message);
            tail->started = tail->ended = true;
            break;
        case KAFKA_ITEM_CAUGHT_UP: /* nobody looks here */
        case KAFKA_ITEM_NONE:
            break;
        }
    }
    return false;
}

bool link_take(struct link *link, struct kafka_message **ret)
{
    for (int32_t i = 0; i < link->tail_count; i++) {
        struct link_tail *tail = &link->tails[(link->turn + i) % link->tail_count];
        if (!take_item(link, tail, ret))
            continue;
        link->turn = (link->turn + i + 1) % link->tail_count;
        link->ready = true; /* there may be more */
        return true;
    }
    return false;
}

static bool all_started(const struct link *link)
{
    for (int32_t i = 0; i < link->tail_count; i++)
        if (!link->tails[i].started)
            return false;
    return true;
}

bool link_at_end(const struct link *link)
{
    for (int32_t i = 0; i < link->tail_count; i++)
        if (!link->tails[i].ended)
            return false;
    return true;
}

enum error_code link_started(struct link *link, struct instant until, struct error *err)
{
    struct kafka_message *early;
    for (;;) {
        while (link_take(link, &early)) /* only others' messages can come before */
            kafka_message_destroy(early);
        if (all_started(link))
            return ERR_OK;
        enum link_wake wake = link_wait(link, until);
        if (wake != LINK_READY)
            return link_gave_up(link, wake, "the events cannot be read: Kafka does not answer",
                                err);
    }
}

enum error_code link_broken(const struct link *link, struct error *err)
{
    if (link->broken.code)
        *err = link->broken;
    return link->broken.code;
}

int64_t link_low(const struct link *link, int32_t partition)
{
    CHECK(partition < link->tail_count);
    return link->tails[partition].low;
}

/* ---- sending ---- */

static enum error_code hand_over(struct link *link, const char *topic,
                                 const struct message *message, struct error *err)
{
    struct kafka_header headers[KAFKA_HEADERS_MAX];
    CHECK(message->header_count <= KAFKA_HEADERS_MAX);
    for (size_t i = 0; i < message->header_count; i++)
        headers[i] =
            (struct kafka_header){message->headers[i].name, message->headers[i].value, false};
    struct kafka_outgoing outgoing = {.topic = topic,
                                      .partition = KAFKA_ANY_PARTITION,
                                      .has_key = message->key.length > 0,
                                      .key = message->key,
                                      .value = message->value,
                                      .headers = headers,
                                      .header_count = message->header_count};
    return kafka_producer_send(link->producer, &outgoing, 0, err);
}

static enum error_code judge(const struct kafka_receipt *receipt, const char *topic,
                             const char *repeat, struct error *err)
{
    bool written = receipt->delivery != KAFKA_NOT_PERSISTED; /* perhaps */
    if (receipt->delivery == KAFKA_PERSISTED)
        return ERR_OK;
    return error_set(err, receipt->code ? receipt->code : ERR_UNAVAILABLE,
                     "topic '%s' did not acknowledge: %s; %s%s", topic, receipt->reason,
                     written ? "it may have been written: " : "nothing was written",
                     written ? repeat : "");
}

static enum error_code await_receipts(struct link *link, const char *topic, size_t count,
                                      const char *repeat, struct instant until,
                                      struct kafka_receipt *ret, struct error *err)
{
    struct kafka_receipt receipt;
    AUTO_BUF late;
    buf_init(&late, ERROR_MESSAGE_MAX);
    buf_format(&late, "Kafka did not acknowledge in time: it may have been written: %s", repeat);
    while (count) {
        while (count && kafka_producer_poll(link->producer, &receipt)) {
            if (judge(&receipt, topic, repeat, err))
                return err->code;
            count--;
            if (ret)
                *ret = receipt;
        }
        enum link_wake wake = count ? link_wait(link, until) : LINK_READY;
        if (wake != LINK_READY)
            return link_gave_up(link, wake, buf_text(&late), err);
    }
    return ERR_OK;
}

enum error_code link_send(struct link *link, const char *topic, const struct outgoing *outgoing,
                          const char *repeat, struct instant until, struct kafka_receipt *ret,
                          struct error *err)
{
    int32_t partitions;
    if (link_partitions(link, topic, &partitions, err))
        return err->code;
    if (!link->producer && kafka_producer_create(link->hub, link->settings, &link->producer, err))
        return err->code;
    for (size_t i = 0; i < outgoing->count; i++)
        if (hand_over(link, topic, &outgoing->messages[i], err))
            return error_wrap(err, "cannot write to '%s'", topic);
    return await_receipts(link, topic, outgoing->count, repeat, until, ret, err);
}

struct message link_view(const struct kafka_message *message, struct header *headers)
{
    for (uint32_t i = 0; i < message->header_count; i++)
        headers[i] = (struct header){message->headers[i].name, message->headers[i].value};
    return (struct message){message->key, message->value, headers, message->header_count};
}
