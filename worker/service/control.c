#include "service/control.h"

#include "base/limits.h"
#include "base/log.h"
#include "guard/guard.h"
#include "service/halt.h"
#include "service/outbox.h"
#include "service/partition.h"
#include "service/refusal.h"
#include "service/remember.h"
#include "service/restore.h"
#include "service/state.h"
#include "service/topics.h"
#include "service/view.h"
#include "service/wake.h"

enum {
    MESSAGES_PER_PASS = 2000,
    LOOK_MS = 2000, /* an end leaves up to LICENCE_AGE_MS after a look */
};

static void cancel(struct service *service, const struct command *command, struct wall at,
                   struct instant now)
{
    struct engine_asker asker = {command->requested_by, command->reason};
    struct partition *partition;
    remember_cancel(service, command, at);
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (partition->engine && partition->owning)
        engine_cancel(partition->engine, &command->other_id, &asker, at, now);
}

static void approve(struct service *service, const struct command *command, struct instant now)
{
    struct engine_approval approval = {command->other_id, command->requested_by,
                                       command->resolved_digest};
    struct partition *partition;
    remember_approval(service, command);
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (partition->engine && partition->owning)
        engine_approve(partition->engine, &approval, now);
}

static void apply(struct service *service, const struct command *command, struct wall at,
                  struct instant now)
{
    switch (command->action) {
    case ACTION_KILL_SWITCH:
        halt_by_control(service, command);
        break;
    case ACTION_CANCEL:
        cancel(service, command, at, now);
        break;
    case ACTION_APPROVE:
        approve(service, command, now);
        break;
    case ACTION_ACCEPT_TOPICS:
        topics_accepted(service, command);
        break;
    default:
        break;
    }
}

/* What stood there for longer than any command is valid was told when it came, or is nobody's
 * concern any more. Takes the order. */
static void tell_refused(struct service *service, const struct kafka_message *message,
                         struct command *order, const struct error *why, struct instant now)
{
    int64_t left_ms = service->config->policy.validity_max_ms;
    bool late = !service->control_read; /* else it came just now, whatever the clocks say */
    if (late && message->timestamp.ms > 0)
        left_ms -= clock_wall(&service->clock).ms - message->timestamp.ms;
    if ((late && message->timestamp.ms < 1) || left_ms <= 0)
        command_destroy(order);
    else
        refusals_add(service->refusals, message, order, why, instant_add_ms(now, left_ms));
}

static void read_message(struct service *service, const struct kafka_message *message,
                         struct instant now)
{
    struct header headers[KAFKA_HEADERS_MAX];
    struct error err;
    AUTO(command) command = NULL;
    struct message view;
    message_view(message, headers, &view);
    if (message_decode(&view, &command, NULL, &err)) {
        log_line(LOG_LEVEL_WARNING, "control message ignored: it cannot be read",
                 log_number("offset", message->offset), LOG_TEXT("reason", err.message));
        tell_refused(service, message, NULL, &err, now);
        return;
    }
    struct guard_verdict verdict;
    struct guard_facts facts = {.appended_at = message->timestamp, .control = true};
    if (facts.appended_at.ms < 1)
        facts.appended_at.ms = 1; /* no time was given; control messages do not expire */
    if (guard_command(service->config, command, &facts, &verdict, &err)) {
        log_line(LOG_LEVEL_WARNING, "control message refused",
                 log_number("offset", message->offset),
                 LOG_TEXT("action", action_label(command->action)),
                 LOG_TEXT("code", error_label(err.code)), LOG_TEXT("reason", err.message));
        tell_refused(service, message, STEAL(command), &err, now);
        return;
    }
    if (command->action == ACTION_RESTORE)
        restore_asked(service, command, verdict.cluster->name, facts.appended_at, now);
    else
        apply(service, command, message->timestamp, now);
}

/* Messages went by retention before they were read, or the topic was made anew: what is left is
 * read from its beginning. To read a message twice does no harm. */
static enum error_code read_anew(struct service *service, const struct kafka_item *item,
                                 struct error *err)
{
    log_line(LOG_LEVEL_WARNING, "the control topic lost messages, reading what is left",
             LOG_TEXT("reason", item->error.message));
    kafka_tail_close(service->control);
    service->control = NULL;
    service->control_read = false;
    return control_open(service, err);
}

enum error_code control_open(struct service *service, struct error *err)
{
    service->control_opened = clock_now(&service->clock);
    return kafka_tail_open(service->control_reader, service->settings.topics.control, 0,
                           KAFKA_FROM_BEGINNING, &service->control, err);
}

/* ---- is it read to its end, also while nothing is written to it? ---- */

int64_t control_age_ms(const struct service *service, struct instant now)
{
    return service->control_seen.ns ? instant_ms_between(service->control_seen, now) : INT64_MAX;
}

static void look(struct service *service, struct instant now)
{
    if (instant_passed(now, instant_add_ms(service->control_looked, LOOK_MS)) &&
        kafka_tail_look(service->control))
        service->control_looked = now;
}

static void caught_up(struct service *service, struct instant since, struct instant now)
{
    struct partition *partition;
    service->control_seen = instant_max(service->control_seen, since);
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (partition->engine)
        engine_control_seen(partition->engine, service->control_seen, now);
}

static void tell_age(struct service *service, struct instant now)
{
    bool stale = service->control_read && control_age_ms(service, now) >= LICENCE_AGE_MS;
    if (stale == service->control_stale)
        return;
    service->control_stale = stale;
    if (stale)
        log_line(LOG_LEVEL_WARNING,
                 "the control topic cannot be read to its end, nothing is ended until it is",
                 log_number("since_ms", control_age_ms(service, now)));
    else
        log_line(LOG_LEVEL_INFO, "the control topic is read to its end again");
}

static enum error_code take(struct service *service, struct instant now, bool *ret_more,
                            struct error *err)
{
    struct kafka_item item;
    *ret_more = service->control && kafka_tail_take(service->control, &item);
    if (!*ret_more)
        return ERR_OK;
    switch (item.kind) {
    case KAFKA_ITEM_MESSAGE:
        read_message(service, item.message, now);
        kafka_message_destroy(item.message);
        break;
    case KAFKA_ITEM_END:
        service->control_read = true;
        caught_up(service, service->control_opened, now);
        break;
    case KAFKA_ITEM_CAUGHT_UP:
        caught_up(service, service->control_looked, now);
        break;
    case KAFKA_ITEM_WAITING:
        log_line(LOG_LEVEL_INFO, "the control topic cannot be read at present",
                 LOG_TEXT("reason", item.error.message));
        break;
    case KAFKA_ITEM_GAP:
    case KAFKA_ITEM_TRUNCATED:
        return read_anew(service, &item, err);
    default:
        break;
    }
    return ERR_OK;
}

enum error_code control_pass(struct service *service, struct instant now, struct error *err)
{
    bool more = true;
    for (unsigned i = 0; i < MESSAGES_PER_PASS && more; i++)
        if (take(service, now, &more, err))
            return err->code;
    if (more)
        service_again(service);
    if (service->control)
        look(service, now);
    tell_age(service, now);
    publish_refusals(service, now);
    return ERR_OK;
}
