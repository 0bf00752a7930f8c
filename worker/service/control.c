/* The control topic: cancels and the kill switch. Every worker reads it to its end before it is
 * ready, and goes on; the owner of the command journals what it did. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "guard/guard.h"
#include "service/internal.h"
#include "service/outbox.h"
#include "service/partition.h"
#include "service/topics.h"
#include "service/view.h"
#include "service/wake.h"

enum { CONTROL_LOOK_MS = 2000 }; /* an end leaves up to LICENCE_AGE_MS after a look */

static void forget_cancel(struct service *service, struct cancel *cancel)
{
    HASH_DEL(service->cancels, cancel);
    free(cancel->why);
    free(cancel);
}

static void remember_cancel(struct service *service, const struct command *command, struct wall at)
{
    struct cancel *cancel;
    HASH_FIND(hh, service->cancels, &command->other_id, sizeof command->other_id, cancel);
    if (cancel) {
        cancel->at = at; /* the last one stops the longest */
        return;
    }
    if (HASH_COUNT(service->cancels) == CANCELS_MAX)
        forget_cancel(service, service->cancels); /* the oldest: its command expired long ago */
    cancel = mem_new(struct cancel);
    cancel->id = command->other_id;
    cancel->at = at;
    snprintf(cancel->by, sizeof cancel->by, "%s", command->requested_by);
    cancel->why = mem_text(command->reason, strlen(command->reason));
    HASH_ADD(hh, service->cancels, id, sizeof cancel->id, cancel);
}

static void forget_approval(struct service *service, struct approval *approval)
{
    HASH_DEL(service->approvals, approval);
    free(approval);
}

static struct sha256 key_of(const struct command *command)
{
    AUTO_BUF name;
    buf_init(&name, LIMIT_COMMAND_BYTES);
    buf_add(&name, command->other_id.bytes, sizeof command->other_id.bytes);
    buf_add(&name, command->requested_by, strlen(command->requested_by) + 1);
    buf_str(&name, command->resolved_digest);
    return sha256_of(name.data, name.length);
}

/* A successor must learn of an approval that its predecessor had no time for. */
static void remember_approval(struct service *service, const struct command *command)
{
    struct sha256 key = key_of(command);
    struct approval *approval;
    HASH_FIND(hh, service->approvals, &key, sizeof key, approval);
    if (approval)
        return;
    if (HASH_COUNT(service->approvals) == CANCELS_MAX)
        forget_approval(service, service->approvals); /* the oldest: its list is long decided */
    approval = mem_new(struct approval);
    approval->key = key;
    approval->id = command->other_id;
    snprintf(approval->by, sizeof approval->by, "%s", command->requested_by);
    snprintf(approval->digest, sizeof approval->digest, "%s", command->resolved_digest);
    HASH_ADD(hh, service->approvals, key, sizeof approval->key, approval);
}

static void apply_approvals(struct service *service, struct partition *partition,
                            struct instant now)
{
    struct approval *approval;
    struct approval *next;
    HASH_ITER(hh, service->approvals, approval, next)
    {
        struct engine_approval said = {approval->id, approval->by, approval->digest};
        engine_approve(partition->engine, &said, now);
    }
}

static void apply_cancel(struct partition *partition, const struct cancel *cancel,
                         struct instant now)
{
    struct engine_asker asker = {cancel->by, cancel->why};
    engine_cancel(partition->engine, &cancel->id, &asker, cancel->at, now);
}

void control_apply(struct service *service, struct partition *partition, struct instant now)
{
    struct cancel *cancel;
    struct cancel *next;
    HASH_ITER(hh, service->cancels, cancel, next)
    apply_cancel(partition, cancel, now);
    apply_approvals(service, partition, now);
}

void control_accepted(struct partition *partition, const struct uuid *id, struct instant now)
{
    struct cancel *cancel;
    HASH_FIND(hh, partition->service->cancels, id, sizeof *id, cancel);
    if (cancel)
        apply_cancel(partition, cancel, now);
}

void control_destroy(struct service *service)
{
    while (service->cancels)
        forget_cancel(service, service->cancels);
    while (service->approvals)
        forget_approval(service, service->approvals);
}

/* ---- the kill switch ---- */

/* A signal bears no name; what the control topic says goes before it. */
void control_halts(const struct service *service, struct engine *engine, struct instant now)
{
    struct engine_asker asker = {"SIGUSR1", "a signal to this worker alone"};
    if (!service->halted_by_signal || service->halted_by_control)
        asker = (struct engine_asker){service->halted_by.by, service->halted_by.why};
    if (service->halted)
        engine_halted_by(engine, &asker);
    engine_halt(engine, service->halted, now);
}

static void halt_apply(struct service *service)
{
    struct instant now = clock_now(&service->clock);
    struct partition *partition;
    bool engaged = service->halted_by_control || service->halted_by_signal;
    if (service->halted != engaged)
        log_line(LOG_LEVEL_WARNING,
                 engaged ? "kill switch engaged: nothing is ended" : "kill switch released",
                 LOG_TEXT("by_control_topic", service->halted_by_control ? "yes" : "no"),
                 LOG_TEXT("by_signal", service->halted_by_signal ? "yes" : "no"));
    service->halted = engaged;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (partition->engine)
        control_halts(service, partition->engine, now);
    service_again(service);
}

void service_halt(struct service *service, bool engaged)
{
    service->halted_by_signal = engaged;
    halt_apply(service);
}

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

/* Who engages it once more did not stop what is stopped. */
static void kill_switch(struct service *service, const struct command *command)
{
    struct halted_by *halted_by = &service->halted_by;
    if (command->kill_switch_engaged && !service->halted_by_control) {
        snprintf(halted_by->by, sizeof halted_by->by, "%s", command->requested_by);
        snprintf(halted_by->why, sizeof halted_by->why, "%s", command->reason);
    }
    service->halted_by_control = command->kill_switch_engaged;
    halt_apply(service);
}

static void apply(struct service *service, const struct command *command, struct wall at,
                  struct instant now)
{
    switch (command->action) {
    case ACTION_KILL_SWITCH:
        kill_switch(service, command);
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
    if (instant_passed(now, instant_add_ms(service->control_looked, CONTROL_LOOK_MS)) &&
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
    for (unsigned i = 0; i < OFFERS_PER_PASS && more; i++)
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
