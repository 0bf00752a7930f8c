#include "service/intake.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "guard/guard.h"
#include "select/select.h"
#include "service/letters.h"
#include "service/partition.h"
#include "service/state.h"
#include "service/topics.h"
#include "service/view.h"
#include "service/wake.h"

enum { OFFERS_PER_PASS = 2000 };

/* A forwarded command keeps the time at which the broker first took it: never later than its
 * present one. No message was appended later than now, whatever a sender's clock says. */
static struct wall first_append(const struct partition *partition,
                                const struct kafka_message *message, struct instant now,
                                bool *ret_forwarded)
{
    const struct kafka_header *header = kafka_message_header(message, TEXT("curfew_first_append"));
    struct wall latest = partition_broker_now(partition, now);
    struct wall at = message->timestamp;
    uint64_t ms;
    *ret_forwarded = header != NULL;
    if (header && text_u64(header->value, INT64_MAX, &ms, NULL) == ERR_OK && (int64_t)ms < at.ms)
        at.ms = (int64_t)ms;
    if (message->timestamp_type != KAFKA_TIMESTAMP_APPEND && latest.ms && latest.ms < at.ms)
        at = latest;
    if (at.ms < 1) /* whoever wrote that: it is over */
        at.ms = 1;
    return at;
}

static void judge(struct partition *partition, struct command *command, struct instant now)
{
    struct service *service = partition->service;
    struct engine_offer *offer = &partition->waiting.offer;
    struct guard_verdict verdict = {0};
    struct guard_facts facts = {.appended_at = offer->appended_at,
                                .broker_now = partition_broker_now(partition, now)};
    if (guard_command(service->config, command, &facts, &verdict, &offer->refusal) == ERR_OK)
        offer->refusal.code = ERR_OK;
    bool has_zone = verdict.cluster && verdict.cluster->zone;
    if (!offer->refusal.code && !select_check(command, has_zone, &offer->refusal))
        offer->refusal.code = ERR_OK;
    offer->expires_at = verdict.expires_at;
    offer->cluster = verdict.cluster ? verdict.cluster->name : NULL;
    bool known = command->action == ACTION_TERMINATE || command->action == ACTION_DRAIN;
    if (!offer->refusal.code && !known)
        error_set(&offer->refusal, ERR_UNSUPPORTED,
                  "'%s' does not belong on the commands topic of this version",
                  action_label(command->action));
}

/* Starts to hand the message on (dead letter, other partition); the offer waits for the
 * acknowledgement. */
static void hand_on(struct partition *partition, struct instant now)
{
    const struct engine_offer *offer = &partition->waiting.offer;
    bool started = offer->forwarded_to >= 0
                       ? send_forward(partition, partition->waiting.message,
                                      text_of(offer->cluster), offer->forwarded_to)
                       : send_dead_letter(partition, partition->waiting.message, &offer->refusal);
    waiting_handed_on(&partition->waiting, started, now);
}

static bool must_hand_on(const struct engine_offer *offer)
{
    return offer->forwarded_to >= 0 || !offer->command;
}

/* Ages are judged by the broker's clock; a sender's could give an old command a new life. */
static void refuse_unstamped(struct partition *partition)
{
    const struct service *service = partition->service;
    struct error *refusal = &partition->waiting.offer.refusal;
    if (!refusal->code && !topics_stamped(service, partition->waiting.message))
        error_set(refusal, ERR_UNSAFE,
                  "the message bears its sender's time, not the broker's: set "
                  "message.timestamp.type=LogAppendTime on '%s' ('curfew topics check' shows how), "
                  "and send the command again",
                  service->settings.topics.commands);
}

/* A newer requester may have asked for a restriction that this program does not know. */
static void refuse_unknown(struct engine_offer *offer, const struct message_info *info)
{
    if (info->unknown_fields && !offer->refusal.code)
        error_set(&offer->refusal, ERR_UNSUPPORTED,
                  "the command has fields that this version does not know (%s): update the "
                  "worker, or leave them out",
                  info->unknown_field);
}

/* Once. Where it was sent to it must be at home, or two partitions would run commands of one
 * cluster and neither would know the ids of the other. */
static void send_home(struct engine_offer *offer, int32_t at, int32_t home, bool forwarded)
{
    if (!forwarded)
        offer->forwarded_to = home;
    else if (!offer->refusal.code)
        error_set(
            &offer->refusal, ERR_INVALID,
            "it was forwarded to partition %d already, and its cluster belongs to %d: has the "
            "number of partitions changed?",
            at, home);
}

/* One that is left out, here or where it is handed on, may be the one that says what the bytes are.
 */
static enum error_code check_headers(const struct kafka_message *message, bool forwarded,
                                     struct error *err)
{
    uint32_t most = forwarded ? KAFKA_HEADERS_MAX : KAFKA_HEADERS_MAX - FORWARD_HEADERS;
    uint32_t count = message->header_count + message->headers_cut;
    size_t bytes = 0;
    if (count > most)
        return error_set(err, ERR_TOO_LARGE, "the message has %u headers, at most %u are taken",
                         count, most);
    for (uint32_t i = 0; i < message->header_count; i++)
        bytes += message->headers[i].name.length + message->headers[i].value.length;
    if (bytes > LIMIT_HEADERS_BYTES)
        return error_set(err, ERR_TOO_LARGE, "the headers have %zu bytes, at most %d are taken",
                         bytes, LIMIT_HEADERS_BYTES);
    return ERR_OK;
}

static enum error_code read_command(const struct kafka_message *message, bool forwarded,
                                    struct command **ret, struct message_info *info,
                                    struct error *err)
{
    struct header headers[KAFKA_HEADERS_MAX];
    struct message view;
    if (!message->has_value)
        return error_set(err, ERR_UNDECODABLE, "the message has no value");
    if (check_headers(message, forwarded, err))
        return err->code;
    message_view(message, headers, &view);
    return message_decode(&view, ret, info, err);
}

static void make_offer(struct partition *partition, struct instant now)
{
    struct service *service = partition->service;
    const struct kafka_message *message = partition->waiting.message;
    struct engine_offer *offer = &partition->waiting.offer;
    struct message_info info = {0};
    bool forwarded;
    memset(offer, 0, sizeof *offer);
    offer->forwarded_to = -1;
    offer->appended_at = first_append(partition, message, now, &forwarded);
    offer->source = (struct source){true, message->partition, message->offset,
                                    sha256_of(message->value.at, message->value.length)};
    struct command *command = NULL;
    enum error_code code = read_command(message, forwarded, &command, &info, &offer->refusal);
    metrics_add(service->metrics, METRIC_commands_received_total,
                LABELS(message_encoding_label(info.encoding)), 1);
    if (code == ERR_OK) {
        offer->refusal.code = ERR_OK;
        offer->command = command;
        offer->digest = info.digest;
        judge(partition, command, now);
        refuse_unstamped(partition);
        refuse_unknown(offer, &info);
        int32_t home = offer->cluster
                           ? kafka_partition_of(text_of(offer->cluster), service->partition_count)
                           : -1;
        if (home >= 0 && home != partition->id)
            send_home(offer, partition->id, home, forwarded);
    }
    partition->waiting.offered = true;
    if (must_hand_on(offer))
        hand_on(partition, now);
}

/* True when the next message may follow. */
static bool offer_waiting(struct partition *partition, struct instant now)
{
    struct error err;
    if (partition->waiting.sending)
        return false;
    if (must_hand_on(&partition->waiting.offer) && partition->waiting.send_again.ns != 0) {
        if (instant_passed(now, partition->waiting.send_again))
            hand_on(partition, now);
        return false;
    }
    if (engine_offer(partition->engine, &partition->waiting.offer, now, &err))
        return false;
    waiting_taken(&partition->waiting);
    return true;
}

/* The first record read again is the last one journalled: another one there means that the topic
 * was made anew. */
static bool is_last_one(struct partition *partition, struct kafka_message *message)
{
    partition->last.check = false;
    struct sha256 digest = sha256_of(message->value.at, message->value.length);
    bool same =
        message->offset == partition->last.offset && sha256_equal(&digest, &partition->last.digest);
    bool later = message->offset > partition->last.offset; /* the last one is gone by retention */
    if (!same && !later)
        topics_made_anew(partition);
    if (later && !same)
        return false;
    kafka_message_destroy(message);
    return true;
}

static void take_item(struct partition *partition, struct kafka_item *item, struct instant now)
{
    struct error err;
    switch (item->kind) {
    case KAFKA_ITEM_MESSAGE:
        if (partition->last.check && is_last_one(partition, item->message))
            return;
        partition->waiting.message = item->message;
        make_offer(partition, now);
        return;
    case KAFKA_ITEM_WAITING:
        partition_unreadable(partition, item);
        return;
    case KAFKA_ITEM_START:
        if (partition->last.check && item->high <= partition->last.offset)
            topics_made_anew(partition);
        return;
    case KAFKA_ITEM_GAP:
        log_line(LOG_LEVEL_WARNING, "commands were removed by retention before they were read",
                 log_number("partition", partition->id), log_number("from", item->position),
                 log_number("to", item->low));
        partition->last.check = false;
        if (kafka_consumer_start(partition->service->consumer, partition->id, item->low, &err))
            log_line(LOG_LEVEL_WARNING, "cannot read commands", LOG_TEXT("reason", err.message));
        return;
    case KAFKA_ITEM_TRUNCATED:
        topics_made_anew(partition);
        return;
    default:
        return;
    }
}

void intake(struct partition *partition, struct instant now)
{
    struct service *service = partition->service;
    for (unsigned i = 0; i < OFFERS_PER_PASS; i++) {
        if (partition->waiting.message &&
            (!partition->waiting.offered || !offer_waiting(partition, now)))
            return;
        if (service->phase != SERVICE_RUNNING || partition->stage != PARTITION_RUNNING ||
            !engine_wants(partition->engine))
            return;
        struct kafka_item item;
        if (!kafka_consumer_take(service->consumer, partition->id, &item))
            return;
        take_item(partition, &item, now);
    }
    service_again(service);
}
