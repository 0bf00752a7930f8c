/* The control topic: cancels and the kill switch. Every worker reads it to its end before it is
 * ready, and goes on; the owner of the command journals what it did. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "guard/guard.h"
#include "service/internal.h"

static void remember_cancel(struct service *service, const struct command *command)
{
    if (service->cancel_count == CANCELS_MAX) { /* the oldest are of commands long expired */
        memmove(service->cancels, service->cancels + CANCELS_MAX / 2,
                CANCELS_MAX / 2 * sizeof service->cancels[0]);
        service->cancel_count = CANCELS_MAX / 2;
    }
    service->cancels =
        mem_resize(service->cancels, service->cancel_count + 1, sizeof service->cancels[0]);
    struct cancel *cancel = &service->cancels[service->cancel_count++];
    cancel->id = command->other_id;
    snprintf(cancel->by, sizeof cancel->by, "%s", command->requested_by);
}

void control_apply(struct service *service, struct partition *partition, struct instant now)
{
    for (size_t i = 0; i < service->cancel_count; i++)
        engine_cancel(partition->engine, &service->cancels[i].id, service->cancels[i].by, now);
}

static void apply(struct service *service, const struct command *command, struct instant now)
{
    struct partition *partition;
    if (command->action == ACTION_KILL_SWITCH) {
        service_halt(service, command->kill_switch_engaged);
        return;
    }
    if (command->action != ACTION_CANCEL)
        return;
    remember_cancel(service, command);
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (partition->engine && partition->owning)
        engine_cancel(partition->engine, &command->other_id, command->requested_by, now);
}

static void read_message(struct service *service, const struct kafka_message *message,
                         struct instant now)
{
    struct header headers[KAFKA_HEADERS_MAX];
    struct error err;
    AUTO(command) command = NULL;
    for (uint32_t i = 0; i < message->header_count; i++)
        headers[i] = (struct header){message->headers[i].name, message->headers[i].value};
    struct message view = {message->key, message->value, headers, message->header_count};
    if (message_decode(&view, &command, NULL, &err)) {
        log_line(LOG_LEVEL_WARNING, "control message ignored: it cannot be read",
                 log_number("offset", message->offset), LOG_TEXT("reason", err.message));
        return;
    }
    struct guard_verdict verdict;
    struct guard_facts facts = {.appended_at = message->timestamp, .control = true};
    if (guard_command(service->config, command, &facts, &verdict, &err)) {
        log_line(LOG_LEVEL_WARNING, "control message refused",
                 log_number("offset", message->offset),
                 LOG_TEXT("action", action_label(command->action)),
                 LOG_TEXT("code", error_label(err.code)), LOG_TEXT("reason", err.message));
        return;
    }
    apply(service, command, now);
}

void control_pass(struct service *service, struct instant now)
{
    struct kafka_item item;
    for (unsigned i = 0; i < OFFERS_PER_PASS; i++) {
        if (!kafka_tail_take(service->control, &item))
            return;
        if (item.kind == KAFKA_ITEM_MESSAGE) {
            read_message(service, item.message, now);
            kafka_message_destroy(item.message);
        } else if (item.kind == KAFKA_ITEM_END) {
            service->control_read = true;
        }
    }
    service_again(service);
}
