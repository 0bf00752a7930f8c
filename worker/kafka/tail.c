/* One partition, read without a group: its state, what moves it, and what is taken from it. */
#include "base/check.h"
#include "base/mem.h"
#include "kafka/client.h"
#include "kafka/reader_state.h"

enum {
    RETRY_MS = 500,
    WAITING_EVERY_MS = 1000, /* between two KAFKA_ITEM_WAITING of one tail */
    STALE_MAX = 10000,       /* repeated records skipped in one take */
};

static void tail_wait(struct kafka_tail *tail, rd_kafka_resp_err_t code)
{
    char what[700];
    bool right = code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    snprintf(what, sizeof what, "cannot read topic '%s' partition %d%s%s", tail->name,
             tail->partition, right ? ": grant Read on " : "", right ? tail->name : "");
    kafka_fail(&tail->waiting, code, what);
    tail->retry_at_ms = kafka_hub_ms(tail->reader->hub) + RETRY_MS;
}

/* Stops the fetcher; what it had prefetched goes with the queue. Waits for librdkafka's main
 * thread, not for the network. */
static void tail_halt(struct kafka_tail *tail)
{
    if (!tail->queue)
        return;
    rd_kafka_consume_stop(tail->topic, tail->partition);
    rd_kafka_queue_destroy(tail->queue);
    tail->queue = NULL;
}

static void tail_break(struct kafka_tail *tail, enum kafka_item_kind kind)
{
    tail->broken = kind;
    tail->state = TAIL_BROKEN;
}

/* An answer that is still out is not for this tail, or not for what it wants to know now. */
static void tail_disown_question(struct kafka_tail *tail)
{
    if (tail->question)
        tail->question->tail = NULL; /* the pool does not look at it */
    tail->question = NULL;
}

/* The log does not have what is wanted: ask why, then break or begin anew. What was asked before is
 * no answer: the log may have grown since, and what was read of that would look like a truncation.
 */
static void tail_ask_again(struct kafka_tail *tail)
{
    tail_disown_question(tail);
    tail_halt(tail);
    tail->state = TAIL_ASKING;
    tail->retry_at_ms = 0;
}

/* ---- what the broker says ---- */

bool tail_is_due(const struct kafka_tail *tail, uint64_t now_ms)
{
    bool looks = tail->state == TAIL_READING && tail->look == LOOK_WANTED;
    return !tail->question &&
           (looks || (tail->state == TAIL_ASKING && now_ms >= tail->retry_at_ms));
}

/* A look that failed is given up: whoever wants to know asks again. So is one whose answer is older
 * than what was read meanwhile: that alone proves no truncation, a new question does. */
static void look_answered(struct kafka_tail *tail, const struct question *question)
{
    if (tail->look != LOOK_WANTED)
        return;
    bool known = !question->code && question->high >= tail->from;
    tail->look = known ? LOOK_KNOWN : LOOK_NONE;
    tail->look_end = question->high;
    if (question->code)
        tail_wait(tail, question->code);
    else if (!known)
        tail_ask_again(tail);
}

void tail_answered(struct kafka_tail *tail, const struct question *question)
{
    tail->question = NULL;
    if (tail->state == TAIL_READING) {
        look_answered(tail, question);
        return; /* whatever it made of it: this answer is used up */
    }
    if (tail->state != TAIL_ASKING)
        return;
    if (question->code) {
        tail_wait(tail, question->code);
        return;
    }
    tail->low = question->low;
    tail->high = question->high;
    if (tail->from == KAFKA_FROM_BEGINNING)
        tail->from = tail->low;
    else if (tail->from == KAFKA_FROM_END)
        tail->from = tail->high;
    if (tail->from < tail->low)
        tail_break(tail, KAFKA_ITEM_GAP);
    else if (tail->from > tail->high)
        tail_break(tail, KAFKA_ITEM_TRUNCATED);
    else
        tail->state = TAIL_READY;
}

/* ---- its life ---- */

static struct kafka_tail *find_tail(struct kafka_reader *reader, const char *topic,
                                    int32_t partition)
{
    struct kafka_tail *tail;
    LIST_FOREACH(tail, &reader->tails, link)
    if (tail->partition == partition && strcmp(tail->name, topic) == 0)
        return tail;
    return NULL;
}

enum error_code kafka_tail_open(struct kafka_reader *reader, const char *topic, int32_t partition,
                                int64_t from, struct kafka_tail **ret, struct error *err)
{
    CHECK(!reader->closing);
    CHECK(partition >= 0);
    CHECK(from >= KAFKA_FROM_BEGINNING);
    if (find_tail(reader, topic, partition))
        return error_set(err, ERR_CONFLICT, "topic '%s' partition %d is being read already", topic,
                         partition);
    if (reader->tail_count == KAFKA_TAILS_MAX)
        return error_set(err, ERR_FULL, "%d partitions are being read already", KAFKA_TAILS_MAX);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(reader->handle, topic, NULL);
    if (!handle)
        return kafka_fail(err, rd_kafka_last_error(), "cannot name a topic");
    struct kafka_tail *tail = mem_new(struct kafka_tail);
    tail->reader = reader;
    tail->topic = handle;
    tail->name = mem_text(topic, strlen(topic));
    tail->partition = partition;
    tail->from = from;
    tail->low = tail->high = -1;
    LIST_INSERT_HEAD(&reader->tails, tail, link);
    reader->tail_count++;
    kafka_hub_again(reader->hub); /* the question goes out with all that are opened in this turn */
    *ret = tail;
    return ERR_OK;
}

void kafka_tail_close(struct kafka_tail *tail)
{
    if (!tail)
        return;
    tail_disown_question(tail);
    tail_halt(tail);
    rd_kafka_topic_destroy(tail->topic);
    LIST_REMOVE(tail, link);
    tail->reader->tail_count--;
    free(tail->name);
    free(tail);
}

static void tail_begin(struct kafka_tail *tail)
{
    tail->queue = rd_kafka_queue_new(tail->reader->handle);
    kafka_hub_watch(tail->reader->hub, tail->queue);
    tail->state = TAIL_READING;
    if (rd_kafka_consume_start_queue(tail->topic, tail->partition, tail->from, tail->queue) == 0)
        return;
    rd_kafka_resp_err_t code = rd_kafka_last_error();
    rd_kafka_queue_destroy(tail->queue);
    tail->queue = NULL;
    tail->state = TAIL_ASKING;
    tail_wait(tail, code);
}

static void tail_failed(struct kafka_tail *tail, const rd_kafka_message_t *from)
{
    switch (from->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        /* Offsets of control records are passed over without a record: the end tells. */
        if (tail->reader->use == KAFKA_READ_SHARED && from->offset > tail->from)
            tail->from = from->offset;
        return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
#if RD_KAFKA_VERSION >= 0x020100ff
    case RD_KAFKA_RESP_ERR__LOG_TRUNCATION: /* leader epochs are checked from 2.1 on */
#endif
        tail_ask_again(tail);
        return;
    default:
        tail_wait(tail, from->err);
        return;
    }
}

static struct kafka_item item_of(const struct kafka_tail *tail, enum kafka_item_kind kind)
{
    return (struct kafka_item){
        .kind = kind, .position = tail->from, .low = tail->low, .high = tail->high};
}

/* A record, or false when this one is not to be shown. */
static bool take_record(struct kafka_tail *tail, const rd_kafka_message_t *from,
                        struct kafka_item *ret)
{
    if (from->offset < tail->from)
        return false; /* fetched twice around a change of the leader: known until 2.1.1 */
    if (from->offset > tail->from && tail->reader->use == KAFKA_READ_JOURNAL) {
        tail->low = from->offset;
        tail_halt(tail);
        tail_break(tail, KAFKA_ITEM_GAP);
        return false;
    }
    tail->from = from->offset + 1;
    *ret = item_of(tail, KAFKA_ITEM_MESSAGE);
    ret->message = kafka_message_copy(from, tail->reader->use != KAFKA_READ_JOURNAL);
    return true;
}

static bool take_end(struct kafka_tail *tail, struct kafka_item *ret)
{
    enum kafka_item_kind kind = KAFKA_ITEM_NONE;
    if (!tail->ended && tail->from >= tail->high) {
        tail->ended = true;
        kind = KAFKA_ITEM_END;
    } else if (tail->look == LOOK_KNOWN && tail->from >= tail->look_end) {
        tail->look = LOOK_NONE;
        kind = KAFKA_ITEM_CAUGHT_UP;
    }
    *ret = item_of(tail, kind);
    return kind != KAFKA_ITEM_NONE;
}

static bool take_reading(struct kafka_tail *tail, struct kafka_item *ret)
{
    if (take_end(tail, ret))
        return true;
    for (int i = 0; tail->queue && i < STALE_MAX; i++) {
        rd_kafka_message_t *from = rd_kafka_consume_queue(tail->queue, 0);
        if (!from)
            return false;
        bool shown = false;
        if (from->err)
            tail_failed(tail, from);
        else
            shown = take_record(tail, from, ret);
        bool end = from->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        rd_kafka_message_destroy(from);
        if (shown)
            return true;
        if (end && take_end(tail, ret))
            return true;
    }
    return false;
}

static bool take_broken(struct kafka_tail *tail, struct kafka_item *ret)
{
    bool gap = tail->broken == KAFKA_ITEM_GAP;
    *ret = item_of(tail, tail->broken);
    error_set(&ret->error, ERR_JOURNAL,
              gap ? "topic '%s' partition %d: records from offset %lld up to %lld are gone"
                  : "topic '%s' partition %d: offset %lld is behind the end of the log, %lld",
              tail->name, tail->partition, (long long)tail->from,
              (long long)(gap ? tail->low : tail->high));
    tail->state = TAIL_STOPPED;
    return true;
}

static bool take_waiting(struct kafka_tail *tail, struct kafka_item *ret)
{
    uint64_t now_ms = kafka_hub_ms(tail->reader->hub);
    if (tail->waiting.code == ERR_OK ||
        (tail->told && now_ms < tail->told_at_ms + WAITING_EVERY_MS))
        return false;
    *ret = item_of(tail, KAFKA_ITEM_WAITING);
    ret->error = tail->waiting;
    tail->waiting.code = ERR_OK;
    tail->told = true;
    tail->told_at_ms = now_ms;
    return true;
}

static bool take_by_state(struct kafka_tail *tail, struct kafka_item *ret)
{
    switch (tail->state) {
    case TAIL_READY:
        tail_begin(tail);
        if (tail->started || tail->state != TAIL_READING)
            return false;
        tail->started = true;
        *ret = item_of(tail, KAFKA_ITEM_START);
        return true;
    case TAIL_READING:
        return take_reading(tail, ret);
    case TAIL_BROKEN:
        return take_broken(tail, ret);
    default:
        return false;
    }
}

bool kafka_tail_take(struct kafka_tail *tail, struct kafka_item *ret)
{
    enum tail_state before;
    do {
        before = tail->state;
        if (take_by_state(tail, ret))
            return true;
    } while (tail->state != before); /* a record may have broken the tail: tell it now */
    if (take_waiting(tail, ret))
        return true;
    *ret = item_of(tail, KAFKA_ITEM_NONE);
    return false;
}

bool kafka_tail_look(struct kafka_tail *tail)
{
    if (tail->look != LOOK_NONE)
        return false;
    tail->look = LOOK_WANTED;
    kafka_hub_again(tail->reader->hub);
    return true;
}

int64_t kafka_tail_position(const struct kafka_tail *tail)
{
    return tail->started ? tail->from : -1;
}

int64_t kafka_tail_high(const struct kafka_tail *tail)
{
    int64_t low, high;
    if (tail->state != TAIL_READING)
        return -1;
    if (rd_kafka_get_watermark_offsets(tail->reader->handle, tail->name, tail->partition, &low,
                                       &high) ||
        high < 0)
        return tail->high;
    return high;
}
