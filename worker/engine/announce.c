/* Events: each follows from a counting record, in journal order, with an id that depends on the
 * command and the record alone, so that a re-sent one is recognisable (design: nothing is announced
 * before its record is read back). */
#include "engine/announce.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/common.h"
#include "engine/entry.h"

enum { EVENT_RETRY_MS = 1000, EVENTS_OUT_MAX = 2000, EVENT_ROOM_KEPT = 500 /* targets */ };

static struct duty *add(struct engine *engine, enum event_kind kind,
                        const struct journal_place *place, struct entry *entry,
                        struct record *record)
{
    if (place->offset < engine->events_through) {
        record_destroy(record);
        return NULL;
    }
    struct duty *duty = mem_new(struct duty);
    duty->kind = kind;
    duty->offset = place->offset;
    duty->epoch = engine->owner;
    duty->sequence = engine->owner_sequence;
    duty->time = place->time;
    duty->entry = entry;
    duty->record = record;
    duty->tag = ++engine->tags;
    if (entry)
        entry->duties++;
    TAILQ_INSERT_TAIL(&engine->duties, duty, in_order);
    HASH_ADD(hh, engine->duty_by_tag, tag, sizeof duty->tag, duty);
    if (!engine->duty_next)
        engine->duty_next = duty;
    return duty;
}

void duty_add(struct engine *engine, enum event_kind kind, int64_t offset, struct wall time,
              struct entry *entry, struct record *record, uint32_t target)
{
    struct journal_place place = {offset, time};
    struct duty *duty = add(engine, kind, &place, entry, record);
    if (duty)
        duty->target = target;
}

void duty_progress(struct engine *engine, struct open *open, enum progress progress,
                   const struct journal_place *place, struct wall until, struct record *record)
{
    struct duty *duty = add(engine, EVENT_PROGRESS, place, open->entry, record);
    if (!duty)
        return;
    duty->progress = progress;
    duty->until = until;
    if (progress == PROGRESS_HOLDING) /* an answer in itself: who was there, and what of him */
        duty->count = open->target_count;
}

void duty_pending(struct engine *engine, struct open *open, const struct journal_place *place)
{
    struct duty *duty = add(engine, EVENT_PENDING_APPROVAL, place, open->entry, NULL);
    if (!duty)
        return;
    duty->target = open->round_first;
    duty->count = open->target_count - open->round_first;
    duty->until = open->approval->until;
    duty->digest = open->approval->digest;
}

static void duty_free(struct engine *engine, struct duty *duty)
{
    if (engine->duty_next == duty)
        engine->duty_next = TAILQ_NEXT(duty, in_order);
    TAILQ_REMOVE(&engine->duties, duty, in_order);
    HASH_DEL(engine->duty_by_tag, duty);
    record_destroy(duty->record);
    free(duty);
}

static void finish(struct engine *engine, struct duty *duty)
{
    if (duty->done)
        return;
    duty->done = true;
    if (duty->out)
        engine->duties_out--;
    duty->out = false;
    struct entry *entry = duty->entry;
    if (!entry)
        return;
    CHECK(entry->duties > 0);
    entry->duties--;
    if (entry->duties == 0 && entry->open && entry->open->state >= STATE_CLOSED)
        open_announced(engine, entry->open);
}

void duties_free(struct engine *engine)
{
    while (!TAILQ_EMPTY(&engine->duties))
        duty_free(engine, TAILQ_FIRST(&engine->duties));
}

static void drop_done(struct engine *engine)
{
    struct duty *duty;
    while ((duty = TAILQ_FIRST(&engine->duties)) && duty->done)
        duty_free(engine, duty);
    int64_t through = duty ? duty->offset : engine->position;
    if (through > engine->events_through)
        engine->events_through = through;
}

void duties_through(struct engine *engine, int64_t offset)
{
    if (offset <= engine->events_through)
        return;
    struct duty *duty;
    TAILQ_FOREACH(duty, &engine->duties, in_order)
    {
        if (duty->offset >= offset)
            break;
        finish(engine, duty);
    }
    engine->events_through = offset;
    while ((duty = TAILQ_FIRST(&engine->duties)) && duty->done && duty->offset < offset)
        duty_free(engine, duty);
}

void duties_restart(struct engine *engine)
{
    struct duty *duty;
    TAILQ_FOREACH(duty, &engine->duties, in_order)
    {
        duty->not_before = (struct instant){0};
        duty->out = false;
    }
    engine->duties_out = 0;
    engine->duty_next = TAILQ_FIRST(&engine->duties);
    engine->retry_events_at = INSTANT_NEVER;
}

static void hand_out(struct engine *engine, struct duty *duty)
{
    duty->out = true;
    engine->duties_out++;
    struct engine_action *action = engine_act(engine, ENGINE_PUBLISH);
    action->tag = duty->tag;
}

/* Failed ones are rare and looked for only when one is due. */
static void hand_out_again(struct engine *engine, struct instant now)
{
    struct duty *duty;
    engine->retry_events_at = INSTANT_NEVER;
    for (duty = TAILQ_FIRST(&engine->duties); duty && duty != engine->duty_next;
         duty = TAILQ_NEXT(duty, in_order)) {
        if (duty->done || duty->out)
            continue;
        if (instant_passed(now, duty->not_before))
            hand_out(engine, duty);
        else
            engine->retry_events_at = instant_min(engine->retry_events_at, duty->not_before);
    }
}

void duties_step(struct engine *engine, struct instant now)
{
    if (instant_passed(now, engine->retry_events_at))
        hand_out_again(engine, now);
    while (engine->duty_next && engine->duties_out < EVENTS_OUT_MAX &&
           engine->action_count < ACTIONS_AHEAD) {
        if (!engine->duty_next->done)
            hand_out(engine, engine->duty_next);
        engine->duty_next = TAILQ_NEXT(engine->duty_next, in_order);
    }
}

struct instant duties_wake(const struct engine *engine)
{
    return engine->retry_events_at;
}

void engine_published(struct engine *engine, uint64_t tag, bool delivered, struct instant now)
{
    struct duty *duty;
    HASH_FIND(hh, engine->duty_by_tag, &tag, sizeof tag, duty);
    if (!duty || duty->done)
        return;
    if (delivered) {
        finish(engine, duty);
        drop_done(engine);
        return;
    }
    if (!duty->out)
        return;
    duty->out = false;
    engine->duties_out--;
    duty->not_before = instant_add_ms(now, EVENT_RETRY_MS);
    engine->retry_events_at = instant_min(engine->retry_events_at, duty->not_before);
}

/* ---- the facts of one event ---- */

/* One command has several of these: the journal's place tells them apart. */
static bool is_repeated(enum event_kind kind)
{
    return kind == EVENT_PENDING_APPROVAL || kind == EVENT_PROGRESS || kind == EVENT_RELEASED ||
           kind == EVENT_RESTORED;
}

static struct uuid event_id(const struct engine *engine, const struct duty *duty,
                            const struct event *event)
{
    struct {
        uint8_t command[16];
        int32_t partition;
        uint32_t kind;
        uint32_t target;
        uint32_t duplicate;
        int64_t source;
    } name;
    memset(&name, 0, sizeof name);
    memcpy(name.command, event->command_id.bytes, sizeof name.command);
    name.partition = engine->config.partition;
    name.kind = (uint32_t)duty->kind | (uint32_t)duty->progress << 8;
    name.target = duty->target;
    name.duplicate = event->duplicate;
    name.source = is_repeated(duty->kind) ? duty->offset : event->source.offset;
    return uuid_derive(&name, sizeof name);
}

static bool is_released(const struct open *open, const struct target *target)
{
    return open->released && !open->release_unknown && !target->leaks &&
           (target->outcome == TARGET_ENDED || target->outcome == TARGET_LEFT);
}

/* What only was to be done, or waits, has the verdict of its list. */
static enum target_outcome told_outcome(const struct open *open, const struct target *target)
{
    bool plan = open->state == STATE_PENDING || open->command->options.dry_run;
    return plan && target->outcome == TARGET_NONE ? target->verdict : target->outcome;
}

static struct event_target target_facts(const struct open *open, const struct target *target)
{
    return (struct event_target){
        .session = target->found ? target->identity.uuid : target->asked_session,
        .has_number = target->found || target->asked_by_number,
        .number = target->found ? target->identity.number : target->asked_number,
        .outcome = told_outcome(open, target),
        .reason = &target->reason,
        .snapshot = target->snapshot,
        .snapshot_length = target->snapshot_length,
        .attempts = target->attempts,
        .decided_at = target->decided_at,
        .released_at = is_released(open, target) ? open->released_at : (struct wall){0},
    };
}

/* For the targets of the event that is made now; a large one's goes with the next. */
static void make_room(struct engine *engine, uint32_t count)
{
    if (count <= engine->event_room && engine->event_room <= EVENT_ROOM_KEPT)
        return;
    free(engine->event_targets);
    engine->event_targets = mem_alloc(count, sizeof engine->event_targets[0]);
    engine->event_room = count;
}

/* Those who left, as one OUTCOME says. */
static void fill_those_who_left(struct engine *engine, const struct duty *duty, struct event *event)
{
    const struct open *open = duty->entry->open;
    const struct record *record = duty->record;
    make_room(engine, record->outcome.count);
    for (uint32_t i = 0; i < record->outcome.count; i++) {
        const struct target_end *end = &record->outcome.ends[i];
        if (end->outcome == TARGET_LEFT && end->index < open->target_count)
            engine->event_targets[event->target_count++] =
                target_facts(open, &open->targets[end->index]);
    }
}

static void fill_open_targets(struct engine *engine, const struct duty *duty, struct event *event)
{
    const struct open *open = duty->entry->open;
    uint32_t first = 0;
    uint32_t count = open->target_count;
    if (duty->kind == EVENT_ACCEPTED || is_repeated(duty->kind))
        count = duty->count;
    if (duty->kind == EVENT_SESSION)
        count = 1;
    if (duty->kind == EVENT_SESSION || duty->kind == EVENT_PENDING_APPROVAL)
        first = duty->target;
    make_room(engine, count);
    for (uint32_t i = 0; i < count; i++)
        engine->event_targets[i] = target_facts(open, &open->targets[first + i]);
    event->target_count = count;
}

static void fill_past_targets(struct engine *engine, const struct entry *entry, struct event *event)
{
    make_room(engine, entry->past_count);
    for (uint32_t i = 0; i < entry->past_count; i++) {
        const struct past *past = &entry->past[i];
        engine->event_targets[i] = (struct event_target){
            .session = past->session,
            .has_number = past->has_number != 0,
            .number = past->number,
            .outcome = (enum target_outcome)past->outcome,
            .attempts = past->attempts,
        };
    }
    event->target_count = entry->past_count;
}

static void fill_from_open(struct engine *engine, const struct duty *duty, struct event *event)
{
    const struct open *open = duty->entry->open;
    event->command = open->command;
    event->source = open->source;
    bool ends =
        duty->kind != EVENT_ACCEPTED && duty->kind != EVENT_SESSION && !is_repeated(duty->kind);
    if (ends) {
        event->outcome = duty->entry->outcome;
        event->closed_at = duty->entry->closed_at;
        event->reason = &duty->entry->reason;
    }
    if (duty->progress == PROGRESS_LEFT)
        fill_those_who_left(engine, duty, event);
    else
        fill_open_targets(engine, duty, event);
}

static void fill_waiting(struct engine *engine, const struct duty *duty, struct event *event)
{
    event->progress = duty->progress;
    event->until = duty->until;
    if (duty->record)
        event->reason = &duty->record->reason;
    event->kept_foreign = duty->kind == EVENT_RESTORED && duty->record->restored.kept_foreign;
    if (duty->kind != EVENT_PENDING_APPROVAL)
        return;
    AUTO_BUF hex;
    buf_init(&hex, sizeof engine->event_digest);
    text_hex(&hex, duty->digest.bytes, sizeof duty->digest.bytes);
    memcpy(engine->event_digest, buf_text(&hex), sizeof engine->event_digest);
    event->resolved_digest = engine->event_digest;
}

static void fill_from_record(struct engine *engine, const struct duty *duty, struct event *event)
{
    const struct record *record = duty->record;
    event->source = record->source;
    event->command_id = record->command_id;
    event->closed_at = duty->time;
    if (record->kind == RECORD_REJECTED) {
        event->command = record->rejected.command;
        event->outcome = COMMAND_REJECTED;
        event->reason = &record->reason;
        return;
    }
    event->command = record->duplicate.command;
    event->duplicate = true;
    event->outcome = duty->entry->outcome;
    event->reason = &duty->entry->reason;
    event->closed_at = duty->entry->closed_at;
    fill_past_targets(engine, duty->entry, event);
}

bool duty_fill(struct engine *engine, struct engine_action *action)
{
    struct duty *duty;
    HASH_FIND(hh, engine->duty_by_tag, &action->tag, sizeof action->tag, duty);
    if (!duty || duty->done)
        return false;
    struct event *event = &action->event;
    *event = (struct event){.kind = duty->kind, .time = duty->time};
    if (duty->entry) {
        event->command_id = duty->entry->id;
        event->accepted_at = duty->entry->accepted_at;
    }
    if (duty->record && !is_repeated(duty->kind))
        fill_from_record(engine, duty, event);
    else
        fill_from_open(engine, duty, event);
    if (is_repeated(duty->kind))
        fill_waiting(engine, duty, event);
    event->journal_partition = engine->config.partition;
    event->journal_offset = duty->offset;
    event->targets = engine->event_targets;
    event->id = event_id(engine, duty, event);
    action->reply_topic = event->command ? event->command->reply_topic : "";
    return true;
}
