#include "service/letters.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/log.h"
#include "service/partition.h"
#include "service/sending.h"
#include "service/state.h"

enum { HEADERS_MAX = KAFKA_HEADERS_MAX };

struct letter {
    struct kafka_header headers[HEADERS_MAX];
    size_t count;
    char numbers[6][32];
    unsigned number_count;
};

static void letter_text(struct letter *letter, const char *name, struct text value)
{
    if (letter->count < HEADERS_MAX)
        letter->headers[letter->count++] = (struct kafka_header){text_of(name), value, false};
}

static void letter_number(struct letter *letter, const char *name, int64_t value)
{
    char *at = letter->numbers[letter->number_count++ % 6];
    snprintf(at, sizeof letter->numbers[0], "%lld", (long long)value);
    letter_text(letter, name, text_of(at));
}

/* As many of the original headers as fit. What is as large as the commands topic takes would not
 * fit into the dead letters with our headers added, and would stop its partition for ever: a long
 * value or key is cut, and says so. The whole still stands where it stood. */
static void letter_original(struct letter *letter, const struct kafka_message *message, size_t room)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < message->header_count && letter->count < HEADERS_MAX - room; i++) {
        const struct kafka_header *header = &message->headers[i];
        bytes += header->name.length + header->value.length;
        if (bytes <= LIMIT_HEADERS_BYTES)
            letter->headers[letter->count++] = *header;
    }
}

static struct text cut(struct text text, size_t max)
{
    return (struct text){text.at, text.length < max ? text.length : max};
}

static bool send_letter(struct partition *partition, const struct kafka_message *message,
                        struct letter *letter, struct kafka_outgoing outgoing,
                        enum sending_kind kind)
{
    struct service *service = partition->service;
    struct sending *sending = sending_create(partition, kind);
    struct error err;
    sending->parts = 1;
    sending->handed = partition->waiting.handed;
    outgoing.has_key = outgoing.has_key || message->has_key;
    if (!outgoing.key.length)
        outgoing.key = cut(message->key, LIMIT_HEADERS_BYTES);
    outgoing.value = cut(message->value, LIMIT_DEAD_LETTER_BYTES);
    outgoing.tombstone = !message->has_value;
    outgoing.headers = letter->headers;
    outgoing.header_count = letter->count;
    outgoing.timestamp = partition_broker_now(partition, clock_now(&service->clock));
    if (kafka_producer_send(service->producer, &outgoing, (uint64_t)(uintptr_t)sending, &err) ==
        ERR_OK)
        return true;
    log_line(LOG_LEVEL_WARNING, "cannot hand on a command message, retrying in 1 s",
             LOG_TEXT("topic", outgoing.topic), log_number("partition", partition->id),
             log_number("offset", message->offset), LOG_TEXT("reason", err.message));
    sending_destroy(service, sending);
    return false;
}

bool send_dead_letter(struct partition *partition, const struct kafka_message *message,
                      const struct error *why)
{
    const struct service *service = partition->service;
    struct letter letter = {.count = 0};
    letter_original(&letter, message, 13);
    letter_text(&letter, "curfew_dlq_reason", text_of(error_label(why->code)));
    letter_text(&letter, "curfew_dlq_message", text_of(why->message));
    letter_text(&letter, "curfew_dlq_topic", text_of(service->settings.topics.commands));
    letter_number(&letter, "curfew_dlq_partition", message->partition);
    letter_number(&letter, "curfew_dlq_offset", message->offset);
    letter_number(&letter, "curfew_dlq_timestamp", message->timestamp.ms);
    if (message->value.length > LIMIT_DEAD_LETTER_BYTES)
        letter_number(&letter, "curfew_dlq_value_bytes", (int64_t)message->value.length);
    letter_text(&letter, "curfew_dlq_group", text_of(service->settings.group));
    letter_text(&letter, "curfew_dlq_version", TEXT(CURFEW_VERSION));
    letter_text(&letter, "__connect.errors.topic", text_of(service->settings.topics.commands));
    letter_number(&letter, "__connect.errors.partition", message->partition);
    letter_number(&letter, "__connect.errors.offset", message->offset);
    letter_text(&letter, "__connect.errors.exception.message", text_of(why->message));
    struct kafka_outgoing outgoing = {.topic = service->settings.topics.dead_letters,
                                      .partition = KAFKA_ANY_PARTITION};
    return send_letter(partition, message, &letter, outgoing, SENDING_DEAD_LETTER);
}

bool send_forward(struct partition *partition, const struct kafka_message *message, struct text key,
                  int32_t to)
{
    const struct service *service = partition->service;
    struct letter letter = {.count = 0};
    letter_original(&letter, message, FORWARD_HEADERS);
    letter_number(&letter, "curfew_first_append", message->timestamp.ms);
    letter_number(&letter, "curfew_forwarded_partition", message->partition);
    letter_number(&letter, "curfew_forwarded_offset", message->offset);
    struct kafka_outgoing outgoing = {
        .topic = service->settings.topics.commands, .partition = to, .has_key = true, .key = key};
    return send_letter(partition, message, &letter, outgoing, SENDING_FORWARD);
}

void letter_acknowledged(struct partition *partition, const struct sending *sending,
                         const struct kafka_receipt *receipt, struct instant now)
{
    const struct engine_offer *offer = &partition->waiting.offer;
    if (!waiting_acknowledged(&partition->waiting, sending->handed, receipt, now))
        return;
    bool delivered = receipt->delivery == KAFKA_PERSISTED;
    partition->service->letters_failing = !delivered;
    if (delivered && offer->forwarded_to < 0)
        metrics_add(partition->service->metrics, METRIC_dead_letters_total,
                    LABELS(error_label(offer->refusal.code)), 1);
    if (!delivered)
        log_line(LOG_LEVEL_WARNING, "a command message was not taken over, retrying in 1 s",
                 log_number("partition", partition->id),
                 log_number("offset", partition->waiting.message->offset));
}
