#include "kafka/out.h"

#include <stdio.h>
#include <sys/queue.h>

#include "base/check.h"
#include "base/mem.h"

enum {
    REBUILD_EVERY_MS = 1000, /* a client that dies at once must not make a busy loop */
    EVENTS_PER_POLL = 64,    /* log lines and the like passed over in one poll */
};

struct slot {
    STAILQ_ENTRY(slot) link; /* while refused */
    uint64_t tag;
    int32_t partition;
    uint32_t lane;
    uint32_t mark;
    rd_kafka_resp_err_t refused; /* after it had waited in front of librdkafka */
    bool used;
};

enum out_state {
    OUT_WORKING,
    OUT_FAILING, /* fatal error: what is still in the queue is handed out, then the rest as unknown
                  */
    OUT_ORPHANS, /* no client any more: the slots still used are answered one by one */
    OUT_WAITING, /* all answered: a new client when it is time */
    OUT_CLOSED,
};

struct kafka_out {
    struct kafka_hub *hub;
    struct kafka_out_user user;
    enum kafka_role role;
    const char *name;
    rd_kafka_conf_t *conf; /* for the next client */
    rd_kafka_t *handle;    /* NULL without a client */
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *batch; /* delivery reports being handed out */
    struct gate *gate;
    STAILQ_HEAD(, slot) refused; /* receipts that need no client */
    struct kafka_job *drop;
    struct slot *slots;
    uint32_t *free; /* numbers of unused slots, a stack */
    uint32_t free_count;
    uint32_t max;
    uint32_t orphan; /* the next slot to look at */
    enum out_state state;
    uint32_t mark; /* of the slot released last */
    bool closing;
    uint64_t made_at_ms; /* loop clock */
    uint64_t rebuilds;
};

static enum error_code make_handle(struct kafka_out *out, struct error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(out->conf);
    if (kafka_handle(out->role, conf, &out->handle, err))
        return ERR_CONFIG;
    out->queue = rd_kafka_queue_get_main(out->handle);
    kafka_hub_watch(out->hub, out->queue);
    out->made_at_ms = kafka_hub_ms(out->hub);
    out->state = OUT_WORKING;
    out->user.renewed(out->user.self, out->handle);
    return ERR_OK;
}

static void free_out(struct kafka_out *out)
{
    gate_destroy(out->gate);
    rd_kafka_conf_destroy(out->conf);
    free(out->slots);
    free(out->free);
    free(out);
}

static void on_refused(void *self, void *opaque, rd_kafka_resp_err_t code)
{
    struct kafka_out *out = self;
    struct slot *slot = opaque;
    slot->refused = code;
    STAILQ_INSERT_TAIL(&out->refused, slot, link);
}

enum error_code kafka_out_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                                 enum kafka_role role, const char *name, uint32_t max,
                                 struct kafka_out_user user, struct kafka_out **ret,
                                 struct error *err)
{
    rd_kafka_conf_t *conf;
    if (kafka_conf(settings, role, &conf, err))
        return ERR_CONFIG;
    struct kafka_out *out = mem_new(struct kafka_out);
    out->hub = hub;
    out->user = user;
    out->role = role;
    out->name = name;
    out->conf = conf;
    out->gate = gate_create(settings->linger_ms > 0, on_refused, out);
    STAILQ_INIT(&out->refused);
    out->max = max;
    out->slots = mem_alloc(max, sizeof *out->slots);
    out->free = mem_alloc(max, sizeof *out->free);
    for (uint32_t i = 0; i < max; i++)
        out->free[i] = max - 1 - i;
    out->free_count = max;
    if (make_handle(out, err)) {
        free_out(out);
        return ERR_CONFIG;
    }
    *ret = out;
    return ERR_OK;
}

static void dropped(void *owner)
{
    struct kafka_out *out = owner;
    out->drop = NULL;
    if (out->closing && out->free_count == out->max)
        out->state = OUT_CLOSED;
}

/* The client goes; what it had not answered by now nobody will ever know from it. */
static void drop_handle(struct kafka_out *out)
{
    if (out->batch)
        rd_kafka_event_destroy(out->batch);
    out->batch = NULL;
    gate_forget(out->gate);
    STAILQ_INIT(&out->refused);
    out->user.dropped(out->user.self);
    rd_kafka_queue_destroy(out->queue);
    out->queue = NULL;
    out->drop = kafka_handle_drop(out->hub, out->handle, out, dropped);
    out->handle = NULL;
    out->orphan = 0;
    out->state = OUT_ORPHANS;
}

void kafka_out_close(struct kafka_out *out)
{
    if (out->closing)
        return;
    out->closing = true;
    if (out->state == OUT_WORKING)
        out->state = OUT_FAILING;
    else if (out->state == OUT_WAITING && !out->drop)
        out->state = OUT_CLOSED;
    kafka_hub_again(out->hub);
}

bool kafka_out_closed(const struct kafka_out *out)
{
    return out->state == OUT_CLOSED;
}

void kafka_out_destroy(struct kafka_out *out)
{
    if (!out)
        return;
    out->closing = true;
    if (out->drop)
        kafka_job_abandon(out->drop);
    if (out->handle) {
        drop_handle(out);
        kafka_job_abandon(out->drop);
    }
    free_out(out);
}

rd_kafka_t *kafka_out_handle(const struct kafka_out *out)
{
    return out->handle;
}

static enum error_code reserve(struct kafka_out *out, struct slot **ret, struct error *err)
{
    if (out->closing)
        return error_set(err, ERR_UNAVAILABLE, "the %s producer is closed", out->name);
    if (out->state != OUT_WORKING)
        return error_set(err, ERR_UNAVAILABLE,
                         "the %s producer is being replaced after a fatal error", out->name);
    if (out->free_count == 0)
        return error_set(err, ERR_FULL, "%u messages of the %s producer are in flight", out->max,
                         out->name);
    uint32_t number = out->free[--out->free_count];
    CHECK(!out->slots[number].used);
    *ret = &out->slots[number];
    return ERR_OK;
}

static void release_slot(struct kafka_out *out, struct slot *slot)
{
    out->mark = slot->mark;
    size_t number = (size_t)(slot - out->slots);
    CHECK(number < out->max);
    CHECK(slot->used);
    slot->used = false;
    out->free[out->free_count++] = (uint32_t)number;
}

enum error_code kafka_out_send(struct kafka_out *out, const struct gate_message *message,
                               struct kafka_out_mark mark, struct error *err)
{
    struct slot *slot = NULL;
    enum error_code code = reserve(out, &slot, err);
    if (code)
        return code;
    CHECK(message->topic);
    *slot = (struct slot){.tag = mark.tag,
                          .partition = message->partition,
                          .lane = mark.lane,
                          .mark = mark.mark,
                          .used = true};
    rd_kafka_resp_err_t failed =
        gate_send(out->gate, out->handle, mark.lane, message, slot, kafka_hub_ms(out->hub));
    if (!failed)
        return ERR_OK;
    release_slot(out, slot);
    char what[320];
    snprintf(what, sizeof what, "cannot write to topic '%s'", rd_kafka_topic_name(message->topic));
    return kafka_fail(err, failed, what);
}

static enum kafka_delivery delivery_of(const rd_kafka_message_t *message)
{
    switch (rd_kafka_message_status(message)) {
    case RD_KAFKA_MSG_STATUS_PERSISTED:
        return KAFKA_PERSISTED;
    case RD_KAFKA_MSG_STATUS_NOT_PERSISTED:
        return KAFKA_NOT_PERSISTED;
    default:
        return KAFKA_POSSIBLY_PERSISTED;
    }
}

static void receipt_of(struct kafka_out *out, const rd_kafka_message_t *message,
                       struct kafka_receipt *ret)
{
    struct slot *slot = message->_private;
    *ret = (struct kafka_receipt){.tag = slot->tag,
                                  .delivery = delivery_of(message),
                                  .partition = message->partition,
                                  .offset = -1,
                                  .code = kafka_class(message->err),
                                  .reason = ""};
    if (ret->delivery == KAFKA_PERSISTED && !message->err) {
        ret->offset = message->offset >= 0 ? message->offset : -1;
        ret->timestamp = kafka_message_time(message, &ret->timestamp_type);
    } else {
        /* A failure that says "persisted" is not to be believed (it may come with acks of a
         * smaller set): the tail tells. */
        if (ret->delivery == KAFKA_PERSISTED)
            ret->delivery = KAFKA_POSSIBLY_PERSISTED;
        if (ret->code == ERR_OK)
            ret->code = ERR_UNAVAILABLE;
        ret->reason = rd_kafka_err2str(message->err);
    }
    gate_answered(out->gate, slot->lane);
    release_slot(out, slot);
}

static bool take_refused(struct kafka_out *out, struct kafka_receipt *ret)
{
    struct slot *slot = STAILQ_FIRST(&out->refused);
    if (!slot)
        return false;
    STAILQ_REMOVE_HEAD(&out->refused, link);
    *ret = (struct kafka_receipt){.tag = slot->tag,
                                  .delivery = KAFKA_NOT_PERSISTED,
                                  .partition = slot->partition,
                                  .offset = -1,
                                  .code = kafka_class(slot->refused),
                                  .reason = rd_kafka_err2str(slot->refused)};
    release_slot(out, slot);
    return true;
}

static bool take_from_batch(struct kafka_out *out, struct kafka_receipt *ret)
{
    if (!out->batch)
        return false;
    const rd_kafka_message_t *message = rd_kafka_event_message_next(out->batch);
    if (message) {
        receipt_of(out, message, ret);
        return true;
    }
    rd_kafka_event_destroy(out->batch);
    out->batch = NULL;
    return false;
}

static void on_fatal(struct kafka_out *out)
{
    char said[256] = "", text[KAFKA_NOTICE_TEXT_MAX];
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(out->handle, said, sizeof said);
    snprintf(text, sizeof text,
             "fatal error %s: %s; replacing the producer, what is in flight is "
             "unknown",
             rd_kafka_err2name(code), said);
    kafka_hub_note(out->hub, out->name, 4, kafka_class(code), text);
    out->rebuilds++;
    out->state = OUT_FAILING;
}

/* The next batch of delivery reports; false when the queue is empty. */
static bool next_batch(struct kafka_out *out)
{
    for (int i = 0; i < EVENTS_PER_POLL; i++) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(out->queue, 0);
        if (!event)
            return false;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
            out->batch = event;
            return true;
        }
        bool fatal = rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR &&
                     rd_kafka_event_error_is_fatal(event);
        if (fatal && out->state == OUT_WORKING)
            on_fatal(out);
        else
            kafka_note_event(out->hub, out->name, event);
        rd_kafka_event_destroy(event);
    }
    kafka_hub_again(out->hub);
    return false;
}

static bool take_orphan(struct kafka_out *out, struct kafka_receipt *ret)
{
    for (; out->orphan < out->max; out->orphan++) {
        struct slot *slot = &out->slots[out->orphan];
        if (!slot->used)
            continue;
        *ret = (struct kafka_receipt){.tag = slot->tag,
                                      .delivery = KAFKA_POSSIBLY_PERSISTED,
                                      .partition = slot->partition,
                                      .offset = -1,
                                      .code = ERR_UNAVAILABLE,
                                      .reason = "the producer ended before the answer"};
        release_slot(out, slot);
        return true;
    }
    return false;
}

static void rebuild_when_due(struct kafka_out *out)
{
    struct error error;
    if (out->drop || kafka_hub_ms(out->hub) < out->made_at_ms + REBUILD_EVERY_MS)
        return;
    if (make_handle(out, &error) == ERR_OK)
        return;
    /* The settings were good enough once: threads or descriptors are short. Tried again. */
    kafka_hub_note(out->hub, out->name, 3, error.code, error.message);
    out->made_at_ms = kafka_hub_ms(out->hub);
}

static void end_orphans(struct kafka_out *out)
{
    CHECK(out->free_count == out->max);
    out->state = OUT_WAITING;
    if (out->closing && !out->drop)
        out->state = OUT_CLOSED;
}

static bool poll_receipt(struct kafka_out *out, struct kafka_receipt *ret)
{
    while (out->state == OUT_WORKING || out->state == OUT_FAILING) {
        if (take_from_batch(out, ret) || take_refused(out, ret))
            return true;
        if (next_batch(out))
            continue;
        if (out->state == OUT_WORKING)
            gate_serve(out->gate, out->handle, kafka_hub_ms(out->hub));
        if (!STAILQ_EMPTY(&out->refused))
            continue;
        if (out->state == OUT_WORKING || (out->user.busy && out->user.busy(out->user.self)))
            return false;
        drop_handle(out);
    }
    if (out->state == OUT_ORPHANS) {
        if (take_orphan(out, ret))
            return true;
        end_orphans(out);
    }
    if (out->state == OUT_WAITING && !out->closing)
        rebuild_when_due(out);
    return false;
}

bool kafka_out_poll(struct kafka_out *out, struct kafka_receipt *ret, uint32_t *ret_mark)
{
    if (!poll_receipt(out, ret))
        return false;
    if (ret_mark)
        *ret_mark = out->mark;
    return true;
}

size_t kafka_out_in_flight(const struct kafka_out *out)
{
    return out->max - out->free_count;
}

uint64_t kafka_out_rebuilds(const struct kafka_out *out)
{
    return out->rebuilds;
}
