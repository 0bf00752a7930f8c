#include "service/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "service/letters.h"
#include "service/partition.h"
#include "service/refusal.h"
#include "service/sending.h"
#include "service/state.h"

enum { HEADERS_MAX = KAFKA_HEADERS_MAX, REPLY_TOLD_MS = 30000 };

/* `at`: now, by the broker's clock (0: not known). Brokers from 4.0 on refuse what lies an hour
 * ahead of theirs, and a worker's clock may; what bears an old time is thrown away early. */
static enum error_code send_message(struct service *service, const char *topic, struct wall at,
                                    const struct message *message, struct sending *sending,
                                    struct error *err)
{
    struct kafka_header headers[HEADERS_MAX];
    size_t count = message->header_count < HEADERS_MAX ? message->header_count : HEADERS_MAX;
    for (size_t i = 0; i < count; i++)
        headers[i] =
            (struct kafka_header){message->headers[i].name, message->headers[i].value, false};
    struct kafka_outgoing outgoing = {
        .topic = topic,
        .partition = KAFKA_ANY_PARTITION,
        .has_key = message->key.length > 0,
        .key = message->key,
        .value = message->value,
        .headers = headers,
        .header_count = count,
        .timestamp = at,
    };
    return kafka_producer_send(service->producer, &outgoing, (uint64_t)(uintptr_t)sending, err);
}

/* ---- events ---- */

static void answer_event(struct service *service, const struct sending *sending, bool delivered,
                         struct instant now)
{
    struct partition *partition =
        partition_that_asked(service, sending->partition, sending->engine_serial);
    if (partition)
        engine_published(partition->engine, sending->tag, delivered, now);
}

/* A requester's topic may be away for as long as it likes: one line for its first refusal, and one
 * each time that people may have read the last. */
static void tell_no_reply(struct service *service, const struct sending *sending,
                          const char *reason)
{
    const char *topic = sending->reply_topic;
    struct instant now = clock_now(&service->clock);
    char todo[TODO_SIZE];
    metrics_add(service->metrics, METRIC_replies_failed_total, NO_LABELS, 1);
    if (service->reply_told.ns &&
        !instant_passed(now, instant_add_ms(service->reply_told, REPLY_TOLD_MS)))
        return;
    service->reply_told = now;
    if (!todo_write(sending->failed, topic, todo)[0])
        snprintf(todo, sizeof todo, "see that %s is there", topic);
    log_line(LOG_LEVEL_WARNING, "a reply topic takes no events: they go to the dead letters",
             LOG_TEXT("topic", topic), LOG_TEXT("reason", reason), LOG_TEXT("todo", todo));
}

/* A reply topic that cannot be written to blocks nobody: the event is kept with the dead letters,
 * with where it should have gone and why it is not there. */
static void reply_to_dead_letters(struct partition *partition, const struct sending *sending,
                                  const char *reason)
{
    struct service *service = partition->service;
    struct wall at = partition_broker_now(partition, clock_now(&service->clock));
    for (size_t i = 0; i < sending->reply->count; i++) {
        struct message message = sending->reply->messages[i];
        struct header headers[HEADERS_MAX];
        size_t count =
            message.header_count < HEADERS_MAX - 3 ? message.header_count : HEADERS_MAX - 3;
        if (count)
            memcpy(headers, message.headers, count * sizeof headers[0]);
        headers[count++] =
            (struct header){TEXT("curfew_dlq_reason"), text_of(error_label(sending->failed))};
        headers[count++] = (struct header){TEXT("curfew_dlq_message"), text_of(reason)};
        headers[count++] =
            (struct header){TEXT("curfew_dlq_reply_topic"), text_of(sending->reply_topic)};
        message.headers = headers;
        message.header_count = count;
        struct sending *letter = sending_create(partition, SENDING_REPLY);
        struct error err;
        letter->reply = outgoing_create(1, 0);
        letter->parts = 1;
        if (send_message(service, service->settings.topics.dead_letters, at, &message, letter,
                         &err))
            sending_destroy(service, letter);
    }
}

static void reply_refused(struct partition *partition, struct service *service,
                          const struct sending *sending, const char *reason)
{
    tell_no_reply(service, sending, reason);
    if (partition)
        reply_to_dead_letters(partition, sending, reason);
}

static void send_reply(struct partition *partition, const char *topic, struct wall at,
                       struct outgoing *messages)
{
    struct service *service = partition->service;
    struct sending *sending = sending_create(partition, SENDING_REPLY);
    struct error err;
    sending->reply = messages;
    sending->reply_topic = mem_text(topic, strlen(topic));
    for (size_t i = 0; i < messages->count; i++) {
        if (send_message(service, topic, at, &messages->messages[i], sending, &err))
            sending->failed = err.code;
        else
            sending->parts++;
    }
    if (sending->parts > 0)
        return;
    reply_refused(partition, service, sending, err.message);
    sending_destroy(service, sending);
}

/* A refused command may name any topic, the journal too. */
static bool may_reply(const struct config *config, const char *topic)
{
    const struct config_list *allowed = &config->topics.replies;
    for (size_t i = 0; i < allowed->count; i++)
        if (!strcmp(allowed->items[i], topic))
            return true;
    return false;
}

/* False: nothing went out, and no receipt will come. */
static bool send_event(struct service *service, const struct outgoing *messages, struct wall at,
                       struct sending *sending)
{
    struct error err;
    for (size_t i = 0; i < messages->count; i++) {
        if (send_message(service, service->settings.topics.events, at, &messages->messages[i],
                         sending, &err)) {
            sending->failed = err.code;
            break;
        }
        sending->parts++;
    }
    if (sending->parts == 0)
        service->events_failing = true;
    return sending->parts > 0;
}

void publish(struct partition *partition, const struct engine_action *action, struct instant now)
{
    struct service *service = partition->service;
    const char *cluster = action->event.command ? action->event.command->cluster : "";
    struct wall at = partition_broker_now(partition, now);
    bool replies = may_reply(service->config, action->reply_topic); /* which outlives this call */
    struct event_room room;
    AUTO(outgoing)
    messages = event_encode_in(replies ? NULL : &room, &action->event, cluster, &service->style);
    struct sending *sending = sending_create(partition, SENDING_EVENT);
    sending->tag = action->tag;
    sending->event_kind = action->event.kind;
    if (!send_event(service, messages, at, sending)) {
        answer_event(service, sending, false, now);
        sending_destroy(service, sending);
        return;
    }
    if (replies)
        send_reply(partition, action->reply_topic, at, STEAL(messages));
}

/* Every partition has one owner, and every estate a first partition. */
void publish_refusals(struct service *service, struct instant now)
{
    struct partition *teller = partition_find(service, 0);
    struct event_style style = service->style;
    struct event event;
    uint64_t tag;
    style.commands_topic = service->settings.topics.control;
    while (teller && teller->engine && teller->owning &&
           refusals_next(service->refusals, now, &event, &tag)) {
        const char *cluster = event.command ? event.command->cluster : "";
        AUTO(outgoing) messages = event_encode(&event, cluster, &style);
        struct sending *sending = sending_create(teller, SENDING_REFUSAL);
        sending->tag = tag;
        sending->event_kind = event.kind;
        if (send_event(service, messages, partition_broker_now(teller, now), sending))
            continue;
        refusals_answered(service->refusals, tag, false, now);
        sending_destroy(service, sending);
    }
}

/* ---- receipts ---- */

static void event_answered(struct service *service, struct sending *sending, struct instant now)
{
    service->events_failing = sending->failed;
    if (sending->failed) {
        metrics_add(service->metrics, METRIC_events_failed_total, NO_LABELS, 1);
    } else {
        metrics_add(service->metrics, METRIC_events_published_total,
                    LABELS(event_kind_label(sending->event_kind)), 1);
        service->event_at = now;
    }
    if (sending->kind == SENDING_REFUSAL)
        refusals_answered(service->refusals, sending->tag, !sending->failed, now);
    else
        answer_event(service, sending, !sending->failed, now);
}

const char *todo_write(enum error_code code, const char *topic, char *ret)
{
    if (code == ERR_AUTH)
        snprintf(ret, TODO_SIZE, "grant Write on %s", topic);
    else
        snprintf(ret, TODO_SIZE, "look whether %s is there and has a leader: curfew doctor", topic);
    return ret;
}

static const char *topic_of(const struct service *service, const struct sending *sending)
{
    switch (sending->kind) {
    case SENDING_EVENT:
    case SENDING_REFUSAL:
        return service->settings.topics.events;
    case SENDING_FORWARD:
        return service->settings.topics.commands;
    case SENDING_REPLY:
        return sending->reply_topic ? sending->reply_topic : service->settings.topics.dead_letters;
    default:
        return service->settings.topics.dead_letters;
    }
}

/* Events come again and again; one line for each time that the topic begins to refuse. */
static void tell_refused(struct service *service, const struct sending *sending,
                         const struct kafka_receipt *receipt)
{
    char todo[TODO_SIZE];
    const char *topic = topic_of(service, sending);
    if (receipt->delivery == KAFKA_PERSISTED || sending->reply_topic ||
        (sending->kind <= SENDING_REFUSAL && service->events_failing))
        return;
    log_line(LOG_LEVEL_WARNING, "a topic takes no message", LOG_TEXT("topic", topic),
             log_number("partition", sending->partition), LOG_TEXT("reason", receipt->reason),
             LOG_TEXT("todo", todo_write(receipt->code, topic, todo)));
}

void outbox_receipt(struct service *service, const struct kafka_receipt *receipt,
                    struct instant now)
{
    struct sending *sending = (struct sending *)(uintptr_t)receipt->tag;
    struct partition *partition;
    tell_refused(service, sending, receipt);
    if (receipt->delivery != KAFKA_PERSISTED)
        sending->failed = receipt->code;
    if (--sending->parts > 0)
        return;
    switch (sending->kind) {
    case SENDING_EVENT:
    case SENDING_REFUSAL:
        event_answered(service, sending, now);
        break;
    case SENDING_REPLY:
        partition = partition_find(service, sending->partition);
        if (sending->failed && sending->reply->count)
            reply_refused(partition, service, sending, receipt->reason);
        break;
    case SENDING_DEAD_LETTER:
    case SENDING_FORWARD:
        partition = partition_that_asked(service, sending->partition, sending->engine_serial);
        if (partition)
            letter_acknowledged(partition, sending, receipt, now);
        break;
    }
    sending_destroy(service, sending);
}
