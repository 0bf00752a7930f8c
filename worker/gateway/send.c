/* A command on its way to Kafka. */
#include "gateway/send.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "command/message.h"
#include "gateway/waiting.h"

static enum problem_kind send_command(struct gateway *gateway, const struct command *command,
                                      const struct book_entry *entry)
{
    static const struct message_style style = {MESSAGE_FORM_BINARY_PROTOBUF, "curfew/gateway",
                                               "curfew."};
    struct kafka_header headers[KAFKA_HEADERS_MAX];
    struct error err;
    AUTO(outgoing) outgoing = NULL;
    if (message_encode(command, &style, &outgoing, &err))
        return PROBLEM_TOO_MANY;
    CHECK(outgoing->count == 1);
    const struct message *message = &outgoing->messages[0];
    CHECK(message->header_count <= KAFKA_HEADERS_MAX);
    for (size_t i = 0; i < message->header_count; i++)
        headers[i] =
            (struct kafka_header){message->headers[i].name, message->headers[i].value, false};
    struct kafka_outgoing record = {.topic = gateway->config->topics.commands,
                                    .partition = KAFKA_ANY_PARTITION,
                                    .has_key = true,
                                    .key = message->key,
                                    .value = message->value,
                                    .headers = headers,
                                    .header_count = message->header_count};
    /* The tag of the receipt: an entry that is being sent is never dropped. */
    if (!kafka_producer_send(gateway->producer, &record, (uint64_t)(uintptr_t)entry, &err))
        return PROBLEM_NONE;
    log_line(LOG_LEVEL_WARNING, "the command could not be handed to Kafka",
             LOG_TEXT("reason", err.message));
    return PROBLEM_NOT_WRITTEN;
}

enum problem_kind send_once(struct gateway *gateway, const struct command *command,
                            const struct ask_mark *mark, struct book_entry **ret)
{
    struct book_entry *entry = book_find(gateway->book, &command->id);
    if (entry && entry->mark.text[0] && strcmp(entry->mark.text, mark->text) != 0)
        return PROBLEM_KEY_REUSED;
    if (entry && entry->mark.text[0] &&
        (entry->sending || entry->sent || entry->accepted_at.ms ||
         entry->outcome != COMMAND_NONE)) {
        *ret = entry;
        return PROBLEM_NONE;
    }
    bool is_new = !entry;
    entry = book_add(gateway->book, &command->id);
    enum problem_kind kind = send_command(gateway, command, entry);
    if (kind && is_new)
        book_drop(gateway->book, entry);
    if (kind)
        return kind;
    *ret = entry;
    entry->mark = *mark;
    entry->sending++;
    entry->sent = false;
    entry->asked = (uint32_t)command->selector.count;
    book_set_text(entry, &entry->cluster, command->cluster);
    book_set_text(entry, &entry->requested_by, command->requested_by);
    return PROBLEM_NONE;
}

void send_receipt(struct gateway *gateway, const struct kafka_receipt *receipt)
{
    struct book_entry *entry = (struct book_entry *)(uintptr_t)receipt->tag;
    CHECK(entry->sending > 0);
    entry->sending--;
    if (receipt->delivery == KAFKA_PERSISTED) {
        entry->sent = true;
        waiting_tell(gateway, entry); /* those who did not want to wait */
        return;
    }
    entry->uncertain |= receipt->delivery != KAFKA_NOT_PERSISTED;
    /* An earlier copy of the same words may stand there all the same. */
    bool surely_not = !entry->uncertain && !entry->accepted_at.ms;
    log_line(LOG_LEVEL_WARNING, "Kafka did not acknowledge the command",
             LOG_TEXT("id", uuid_format(&entry->id).text), LOG_TEXT("reason", receipt->reason));
    waiting_fail(gateway, entry, surely_not ? PROBLEM_NOT_WRITTEN : PROBLEM_UNCERTAIN);
    if (surely_not && !entry->sending && !entry->sent && !entry->accepted_at.ms &&
        entry->outcome == COMMAND_NONE)
        book_drop(gateway->book, entry);
}
