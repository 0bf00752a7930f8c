#include "kafka/consumer.h"

#include "base/check.h"
#include "base/mem.h"
#include "kafka/client.h"
#include "kafka/consumer_state.h"

enum { EVENTS_PER_POLL = 64 }; /* log lines and the like passed over in one poll */

/* --- events to be polled -----------------------------------------------------------------------
 */

struct waiting *consumer_tell(struct kafka_consumer *consumer, enum kafka_consumer_event_kind kind)
{
    struct waiting *waiting = mem_new(struct waiting);
    waiting->event = (struct kafka_consumer_event){
        .kind = kind, .partition = -1, .offset = -1, .low = -1, .high = -1};
    STAILQ_INSERT_TAIL(&consumer->events, waiting, link);
    return waiting;
}

static void free_waiting(struct waiting *waiting)
{
    if (!waiting)
        return;
    free(waiting->partitions);
    free(waiting->metadata);
    free(waiting);
}

/* REVOKED and ASSIGNED name partitions; `held` is sorted already. */
static void tell_partitions(struct kafka_consumer *consumer, enum kafka_consumer_event_kind kind,
                            bool lost)
{
    struct waiting *waiting = consumer_tell(consumer, kind);
    waiting->partitions = mem_alloc(consumer->held_count + 1, sizeof *waiting->partitions);
    for (size_t i = 0; i < consumer->held_count; i++)
        waiting->partitions[i] = consumer->held[i].partition;
    waiting->event.partitions = waiting->partitions;
    waiting->event.partition_count = consumer->held_count;
    waiting->event.lost = lost;
}

/* --- the assignment ----------------------------------------------------------------------------
 */

struct held *consumer_find(const struct kafka_consumer *consumer, int32_t partition)
{
    size_t low = 0, high = consumer->held_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (consumer->held[middle].partition == partition)
            return &consumer->held[middle];
        if (consumer->held[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void stop_all(struct kafka_consumer *consumer)
{
    for (size_t i = 0; i < consumer->held_count; i++) {
        kafka_tail_close(consumer->held[i].tail);
        consumer->held[i].tail = NULL;
    }
}

static void forget_held(struct kafka_consumer *consumer)
{
    stop_all(consumer);
    free(consumer->held);
    consumer->held = NULL;
    consumer->held_count = 0;
}

static int by_partition(const void *a, const void *b)
{
    int32_t left = ((const struct held *)a)->partition;
    int32_t right = ((const struct held *)b)->partition;
    return (left > right) - (left < right);
}

/* The group's client is told that nothing is to be fetched: membership is all it is for. */
static void accept_assignment(struct kafka_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *nothing = rd_kafka_topic_partition_list_new(0);
    rd_kafka_assign(consumer->group, nothing);
    rd_kafka_topic_partition_list_destroy(nothing);
}

static void on_assigned(struct kafka_consumer *consumer,
                        const rd_kafka_topic_partition_list_t *list)
{
    forget_held(consumer);
    consumer->held = mem_alloc((size_t)list->cnt + 1, sizeof *consumer->held);
    for (int i = 0; i < list->cnt; i++)
        consumer->held[consumer->held_count++] = (struct held){list->elems[i].partition, NULL};
    qsort(consumer->held, consumer->held_count, sizeof *consumer->held, by_partition);
    accept_assignment(consumer);
    consumer->membership = MEMBER_IN;
    consumer->generation++;
    anew_joined(consumer);
    tell_partitions(consumer, KAFKA_CONSUMER_ASSIGNED, false);
}

/* The group's client is of no use any more. */
static bool is_out(const struct kafka_consumer *consumer)
{
    return consumer->membership == MEMBER_FATAL || consumer->membership == MEMBER_FENCED;
}

static void give_back(struct kafka_consumer *consumer)
{
    commits_forget(consumer);
    forget_held(consumer);
    rd_kafka_assign(consumer->group, NULL);
    if (!is_out(consumer))
        consumer->membership = MEMBER_OUT;
}

static void on_revoked(struct kafka_consumer *consumer)
{
    bool lost = rd_kafka_assignment_lost(consumer->group) != 0;
    anew_settle(consumer);
    if (lost && !rd_kafka_fatal_error(consumer->group, NULL, 0))
        anew_trouble(consumer); /* not by being fenced */
    stop_all(consumer);
    consumer->generation++;
    if (consumer->membership == MEMBER_IN)
        tell_partitions(consumer, KAFKA_CONSUMER_REVOKED, lost);
    if (consumer->membership != MEMBER_IN || lost || consumer->closing) {
        give_back(consumer);
        return;
    }
    consumer->membership = MEMBER_REVOKED;
}

void kafka_consumer_let_go(struct kafka_consumer *consumer)
{
    if (consumer->membership != MEMBER_REVOKED)
        return;
    consumer->membership = MEMBER_LEAVING;
    kafka_hub_again(consumer->hub);
}

bool kafka_consumer_holds(const struct kafka_consumer *consumer, int32_t partition)
{
    return consumer->membership == MEMBER_IN && consumer_find(consumer, partition);
}

uint64_t kafka_consumer_generation(const struct kafka_consumer *consumer)
{
    return consumer->generation;
}

/* --- what librdkafka tells ---------------------------------------------------------------------
 */

static void on_fatal(struct kafka_consumer *consumer)
{
    char said[256] = "";
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(consumer->group, said, sizeof said);
    anew_settle(consumer);
    if (consumer->membership == MEMBER_IN)
        tell_partitions(consumer, KAFKA_CONSUMER_REVOKED, true);
    forget_held(consumer);
    commits_forget(consumer);
    consumer->generation++;
    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID && anew_begin(consumer))
        return;
    consumer->membership = MEMBER_FATAL;
    struct waiting *waiting = consumer_tell(consumer, KAFKA_CONSUMER_FATAL);
    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        error_set(
            &waiting->event.error, ERR_CONFLICT,
            "another worker has joined the group as kafka.instance '%s': this one stops; give "
            "each worker an instance name of its own",
            consumer->instance);
    else
        error_set(&waiting->event.error, kafka_class(code),
                  "the group member cannot go on: %s (%s); restart the worker", said,
                  rd_kafka_err2name(code));
}

static void on_rebalance(struct kafka_consumer *consumer, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_error(event)) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
        if (consumer->closing || is_out(consumer))
            rd_kafka_assign(consumer->group, NULL);
        else
            on_assigned(consumer, rd_kafka_event_topic_partition_list(event));
        return;
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
        on_revoked(consumer);
        return;
    default: /* the assignor failed: start from nothing, the group tries again */
        kafka_hub_note(consumer->hub, "group", 4, kafka_class(rd_kafka_event_error(event)),
                       rd_kafka_event_error_string(event));
        on_revoked(consumer);
    }
}

static void note_right(struct kafka_consumer *consumer, rd_kafka_resp_err_t code)
{
    char text[KAFKA_NOTICE_TEXT_MAX];
    if (code != RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
        return;
    snprintf(text, sizeof text, "this user may not join the consumer group: grant Read on group %s",
             consumer->name);
    kafka_hub_note(consumer->hub, "group", 3, ERR_AUTH, text);
}

static void on_event(struct kafka_consumer *consumer, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_REBALANCE:
        on_rebalance(consumer, event);
        return;
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
        commits_answered(consumer, event);
        return;
    case RD_KAFKA_EVENT_ERROR:
        if (rd_kafka_event_error_is_fatal(event) && !is_out(consumer)) {
            on_fatal(consumer);
            return;
        }
        anew_note(consumer, rd_kafka_event_error(event));
        note_right(consumer, rd_kafka_event_error(event));
        kafka_note_event(consumer->hub, "group", event);
        return;
    default:
        kafka_note_event(consumer->hub, "group", event);
    }
}

static void serve_queue(struct kafka_consumer *consumer, rd_kafka_queue_t *queue)
{
    for (int i = 0; i < EVENTS_PER_POLL; i++) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 0);
        if (!event)
            return;
        on_event(consumer, event);
        rd_kafka_event_destroy(event);
    }
    kafka_hub_again(consumer->hub);
}

/* --- reading -----------------------------------------------------------------------------------
 */

enum error_code kafka_consumer_start(struct kafka_consumer *consumer, int32_t partition,
                                     int64_t offset, struct error *err)
{
    CHECK(offset >= 0 || offset == KAFKA_FROM_BEGINNING);
    if (!kafka_consumer_holds(consumer, partition))
        return error_set(err, ERR_STALE, "partition %d is not assigned to this worker", partition);
    struct held *held = consumer_find(consumer, partition);
    kafka_tail_close(held->tail);
    held->tail = NULL;
    return kafka_tail_open(consumer->reader, consumer->topic, partition, offset, &held->tail, err);
}

void kafka_consumer_stop(struct kafka_consumer *consumer, int32_t partition)
{
    struct held *held = consumer_find(consumer, partition);
    if (!held)
        return;
    kafka_tail_close(held->tail);
    held->tail = NULL;
}

bool kafka_consumer_take(struct kafka_consumer *consumer, int32_t partition, struct kafka_item *ret)
{
    struct held *held = consumer_find(consumer, partition);
    ret->kind = KAFKA_ITEM_NONE;
    ret->message = NULL;
    if (!held || !held->tail)
        return false;
    if (!kafka_tail_take(held->tail, ret))
        return false;
    if (ret->kind == KAFKA_ITEM_GAP || ret->kind == KAFKA_ITEM_TRUNCATED)
        kafka_consumer_stop(consumer, partition);
    return true;
}

int64_t kafka_consumer_lag(const struct kafka_consumer *consumer, int32_t partition)
{
    const struct held *held = consumer_find(consumer, partition);
    if (!held || !held->tail)
        return -1;
    int64_t high = kafka_tail_high(held->tail), position = kafka_tail_position(held->tail);
    if (high < 0 || position < 0)
        return -1;
    return high > position ? high - position : 0;
}

/* --- life --------------------------------------------------------------------------------------
 */

static enum error_code join(struct kafka_consumer *consumer, struct error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, consumer->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->group, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (!code)
        return ERR_OK;
    kafka_fail(err, code, "cannot subscribe to the commands topic");
    return ERR_CONFIG;
}

void kafka_consumer_rejoin(struct kafka_consumer *consumer)
{
    struct error err;
    bool member = consumer->membership == MEMBER_IN || consumer->membership == MEMBER_OUT;
    if (consumer->closing || !member || !consumer->group)
        return;
    if (join(consumer, &err))
        kafka_hub_note(consumer->hub, "group", 4, err.code, err.message);
}

enum error_code consumer_open_group(struct kafka_consumer *consumer, rd_kafka_conf_t *conf,
                                    struct error *err)
{
    if (kafka_handle(KAFKA_ROLE_GROUP, conf, &consumer->group, err))
        return ERR_CONFIG;
    CHECK(rd_kafka_poll_set_consumer(consumer->group) == RD_KAFKA_RESP_ERR_NO_ERROR);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->group);
    kafka_hub_watch(consumer->hub, consumer->queue);
    return join(consumer, err);
}

enum error_code kafka_consumer_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                                      struct kafka_consumer **ret, struct error *err)
{
    AUTO(kafka_consumer) consumer = mem_new(struct kafka_consumer);
    consumer->hub = hub;
    STAILQ_INIT(&consumer->events);
    STAILQ_INIT(&consumer->commits);
    const char *instance = settings->instance ? settings->instance : "";
    consumer->topic = mem_text(settings->topics.commands, strlen(settings->topics.commands));
    consumer->instance = mem_text(instance, strlen(instance));
    const char *name = kafka_settings_group(settings);
    consumer->name = mem_text(name, strlen(name));
    if (kafka_reader_create(hub, settings, KAFKA_READ_SHARED, "commands", &consumer->reader, err))
        return ERR_CONFIG;
    rd_kafka_conf_t *conf;
    if (kafka_conf(settings, KAFKA_ROLE_GROUP, &conf, err))
        return ERR_CONFIG;
    anew_init(consumer, conf);
    if (consumer_open_group(consumer, conf, err))
        return ERR_CONFIG;
    *ret = STEAL(consumer);
    return ERR_OK;
}

static void group_dropped(void *owner)
{
    struct kafka_consumer *consumer = owner;
    consumer->drop = NULL;
}

void consumer_drop_group(struct kafka_consumer *consumer)
{
    rd_kafka_queue_destroy(consumer->queue);
    if (consumer->close_queue)
        rd_kafka_queue_destroy(consumer->close_queue);
    consumer->drop = kafka_handle_drop(consumer->hub, consumer->group, consumer, group_dropped);
    consumer->group = NULL;
    consumer->commit_out = false; /* its answer goes with the client that sent it */
}

static void begin_closing(struct kafka_consumer *consumer)
{
    consumer->closing = CLOSING;
    if (consumer->membership == MEMBER_REVOKED || consumer->membership == MEMBER_LEAVING)
        give_back(consumer);
    if (is_out(consumer))
        return;
    /* A queue of its own: the client's queue forwarded to itself would lock up. */
    consumer->close_queue = rd_kafka_queue_new(consumer->group);
    kafka_hub_watch(consumer->hub, consumer->close_queue);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(consumer->group, consumer->close_queue);
    if (!error)
        return;
    /* It has become fatal a moment ago: there is no orderly leaving any more. */
    rd_kafka_error_destroy(error);
    consumer->membership = MEMBER_FATAL;
}

/* Closing goes on in polls: the group's client hands over its last events before it is done. */
static void serve_closing(struct kafka_consumer *consumer)
{
    if (consumer->closing == FLUSHING && commits_done(consumer))
        begin_closing(consumer);
    if (consumer->closing == CLOSING) {
        if (consumer->close_queue)
            serve_queue(consumer, consumer->close_queue);
        bool done = is_out(consumer) || rd_kafka_consumer_closed(consumer->group);
        if (done && !consumer->ask && !consumer->count) {
            if (consumer->group) /* else it is being dropped already */
                consumer_drop_group(consumer);
            consumer->closing = DROPPING;
        }
    }
    if (consumer->closing == DROPPING && !consumer->drop && kafka_reader_closed(consumer->reader))
        consumer->closing = CLOSED;
    if (consumer->closing == CLOSED) {
        consumer_tell(consumer, KAFKA_CONSUMER_CLOSED);
        consumer->closing = TOLD;
    }
}

void kafka_consumer_close(struct kafka_consumer *consumer)
{
    if (consumer->closing)
        return;
    consumer->closing = FLUSHING;
    stop_all(consumer);
    kafka_reader_close(consumer->reader);
    kafka_hub_again(consumer->hub);
}

static void destroy_group(struct kafka_consumer *consumer)
{
    if (consumer->ask)
        kafka_job_abandon(consumer->ask);
    if (consumer->count)
        kafka_job_abandon(consumer->count);
    if (consumer->group) {
        rd_kafka_queue_destroy(consumer->queue);
        if (consumer->close_queue)
            rd_kafka_queue_destroy(consumer->close_queue);
        if (!is_out(consumer) && consumer->closing <= FLUSHING)
            rd_kafka_consumer_close(consumer->group);
        consumer->drop = kafka_handle_drop(consumer->hub, consumer->group, consumer, group_dropped);
    }
    if (consumer->drop)
        kafka_job_abandon(consumer->drop);
}

void kafka_consumer_destroy(struct kafka_consumer *consumer)
{
    if (!consumer)
        return;
    forget_held(consumer);
    kafka_reader_destroy(consumer->reader);
    destroy_group(consumer);
    commits_forget(consumer);
    anew_release(consumer);
    struct waiting *waiting;
    while ((waiting = STAILQ_FIRST(&consumer->events))) {
        STAILQ_REMOVE_HEAD(&consumer->events, link);
        free_waiting(waiting);
    }
    free_waiting(consumer->given);
    free(consumer->asked);
    free(consumer->topic);
    free(consumer->instance);
    free(consumer->name);
    free(consumer);
}

bool kafka_consumer_poll(struct kafka_consumer *consumer, struct kafka_consumer_event *ret)
{
    free_waiting(consumer->given);
    consumer->given = NULL;
    if (consumer->group)
        serve_queue(consumer, consumer->queue);
    commits_send(consumer);
    if (consumer->closing)
        serve_closing(consumer);
    else if (consumer->membership == MEMBER_FENCED)
        anew_serve(consumer);
    if (consumer->membership == MEMBER_LEAVING && commits_done(consumer))
        give_back(consumer);
    asks_send(consumer);
    struct waiting *waiting = STAILQ_FIRST(&consumer->events);
    if (!waiting)
        return false;
    STAILQ_REMOVE_HEAD(&consumer->events, link);
    consumer->given = waiting;
    *ret = waiting->event;
    return true;
}
