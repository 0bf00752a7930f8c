#include "kafka/consumer.h"

#include "base/check.h"
#include "base/mem.h"
#include "kafka/client.h"
#include "kafka/consumer_anew.h"
#include "kafka/consumer_ask.h"
#include "kafka/consumer_commit.h"
#include "kafka/consumer_events.h"
#include "kafka/consumer_group.h"
#include "kafka/consumer_held.h"

enum { EVENTS_PER_POLL = 64 }; /* log lines and the like passed over in one poll */

/* --- the assignment ----------------------------------------------------------------------------
 */

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
    held_set(consumer, list);
    accept_assignment(consumer);
    consumer->membership = MEMBER_IN;
    consumer->generation++;
    anew_joined(consumer);
    consumer_tell_held(consumer, KAFKA_CONSUMER_ASSIGNED, false);
}

static void give_back(struct kafka_consumer *consumer)
{
    commits_forget(consumer);
    held_forget(consumer);
    rd_kafka_assign(consumer->group, NULL);
    if (!consumer_is_out(consumer))
        consumer->membership = MEMBER_OUT;
}

static void on_revoked(struct kafka_consumer *consumer)
{
    bool lost = rd_kafka_assignment_lost(consumer->group) != 0;
    anew_settle(consumer);
    if (lost && !rd_kafka_fatal_error(consumer->group, NULL, 0))
        anew_trouble(consumer); /* not by being fenced */
    held_stop(consumer);
    consumer->generation++;
    if (consumer->membership == MEMBER_IN)
        consumer_tell_held(consumer, KAFKA_CONSUMER_REVOKED, lost);
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

uint64_t kafka_consumer_generation(const struct kafka_consumer *consumer)
{
    return consumer->generation;
}

/* --- what librdkafka tells ---------------------------------------------------------------------
 */

/* Fenced in peace it was a namesake, which goes on; fenced again in one trouble it may have been
 * this worker itself, and started anew it may go on. */
static void say_fenced(const struct kafka_consumer *consumer, struct error *err)
{
    if (consumer->trouble == TROUBLE_NONE)
        error_set(err, ERR_CONFLICT,
                  "another worker has joined the group as kafka.instance '%s': this one stops; "
                  "give each worker an instance name of its own",
                  consumer->instance);
    else
        error_set(err, ERR_UNAVAILABLE,
                  "the place of kafka.instance '%s' in the group was taken again after its session "
                  "was lost: this worker stops, and may be started again; without an outage of "
                  "Kafka look for another worker of that name",
                  consumer->instance);
}

static void on_fatal(struct kafka_consumer *consumer)
{
    char said[256] = "";
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(consumer->group, said, sizeof said);
    anew_settle(consumer);
    if (consumer->membership == MEMBER_IN)
        consumer_tell_held(consumer, KAFKA_CONSUMER_REVOKED, true);
    held_forget(consumer);
    commits_forget(consumer);
    consumer->generation++;
    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID && anew_begin(consumer))
        return;
    consumer->membership = MEMBER_FATAL;
    struct waiting *waiting = consumer_tell(consumer, KAFKA_CONSUMER_FATAL);
    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        say_fenced(consumer, &waiting->event.error);
    else
        error_set(&waiting->event.error, kafka_class(code),
                  "the group member cannot go on: %s (%s); restart the worker", said,
                  rd_kafka_err2name(code));
}

static void on_rebalance(struct kafka_consumer *consumer, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_error(event)) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
        if (consumer->closing || consumer_is_out(consumer))
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
        if (rd_kafka_event_error_is_fatal(event) && !consumer_is_out(consumer)) {
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

/* --- life --------------------------------------------------------------------------------------
 */

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
    if (group_open(consumer, conf, err))
        return ERR_CONFIG;
    *ret = STEAL(consumer);
    return ERR_OK;
}

static void begin_closing(struct kafka_consumer *consumer)
{
    consumer->closing = CLOSING;
    if (consumer->membership == MEMBER_REVOKED || consumer->membership == MEMBER_LEAVING)
        give_back(consumer);
    if (consumer_is_out(consumer))
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
        bool done = consumer_is_out(consumer) || rd_kafka_consumer_closed(consumer->group);
        if (done && !consumer->ask && !consumer->count) {
            if (consumer->group) /* else it is being dropped already */
                group_drop(consumer);
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
    held_stop(consumer);
    kafka_reader_close(consumer->reader);
    kafka_hub_again(consumer->hub);
}

void kafka_consumer_destroy(struct kafka_consumer *consumer)
{
    if (!consumer)
        return;
    held_forget(consumer);
    kafka_reader_destroy(consumer->reader);
    group_destroy(consumer);
    commits_forget(consumer);
    anew_release(consumer);
    events_release(consumer);
    free(consumer->asked);
    free(consumer->topic);
    free(consumer->instance);
    free(consumer->name);
    free(consumer);
}

bool kafka_consumer_poll(struct kafka_consumer *consumer, struct kafka_consumer_event *ret)
{
    events_let_go(consumer);
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
    return events_take(consumer, ret);
}
