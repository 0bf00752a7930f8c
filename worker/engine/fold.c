/* Records read back, in log order: the only way in which state moves (docs/journal.md). */
#include "engine/state.h"

#include <stdlib.h>

#include "engine/announce.h"
#include "engine/common.h"
#include "engine/entry.h"
#include "engine/fold_end.h"
#include "engine/fold_list.h"
#include "engine/fold_lock.h"
#include "engine/handler.h"
#include "engine/interrupt.h"
#include "engine/move.h"
#include "engine/owner.h"
#include "engine/release.h"
#include "engine/watch.h"

/* ---- ACCEPTED ---- */

/* Every session or number asked for is a target from the start, so that each gets a verdict
 * whatever happens. */
static void make_targets(struct open *open)
{
    const struct selector *selector = &open->command->selector;
    if (selector->kind != SELECTOR_SESSIONS && selector->kind != SELECTOR_NUMBERS)
        return;
    open->targets = mem_alloc(selector->count, sizeof open->targets[0]);
    bool *again = selector_repeats(selector);
    for (size_t i = 0; i < selector->count; i++) {
        if (again && again[i])
            continue;
        struct target *target = &open->targets[open->target_count++];
        target->asked_by_number = selector->kind == SELECTOR_NUMBERS;
        if (target->asked_by_number)
            target->asked_number = selector->numbers[i];
        else
            target->asked_session = selector->sessions[i];
    }
    free(again);
    open->undecided = open->target_count;
}

static void fold_accepted(struct engine *engine, struct record *record, int64_t offset,
                          struct wall broker_time, struct instant now)
{
    if (engine_known(engine, &record->command_id, record->accepted.first_appended_at))
        return; /* a repeat: the first counts */
    entry_outdate(engine, &record->command_id);
    struct entry *entry = entry_add(engine, record, offset, record->accepted.first_appended_at.ms);
    struct open *open = mem_new(struct open);
    entry->open = open;
    entry->accepted_at = broker_time;
    open->entry = entry;
    open->state = STATE_ACCEPTED;
    open->command = STEAL(record->accepted.command);
    open->source = record->source;
    open->expires_at = record->accepted.expires_at;
    open->first_append = record->accepted.first_appended_at;
    open->accepted_at = broker_time;
    open->heap_index = -1;
    make_targets(open);
    drain_begin(open);
    open->cluster = engine_cluster(engine, open->command->cluster);
    TAILQ_INSERT_TAIL(&open->cluster->opens, open, of_cluster);
    open->cluster->open_count++;
    engine_charge(engine,
                  (struct engine_budget){.open_commands = 1, .open_targets = open->target_count});
    open->serial = ++engine->serial;
    HASH_ADD(by_serial, engine->by_serial, serial, sizeof open->serial, open);
    open->list_after = now;
    engine_touch(engine, open);
    duty_add(engine, EVENT_ACCEPTED, offset, broker_time, entry, NULL, 0);
}

/* ---- ATTEMPT, OUTCOME, CANCELLED ---- */

static void fold_attempt(struct engine *engine, struct open *open, const struct record *record,
                         struct instant until)
{
    if (record->attempt.attempt <= open->attempt)
        return; /* a repeat */
    open->attempt = record->attempt.attempt;
    if (record->attempt.act == ACT_DISCONNECT)
        release_licensed(open, until);
    else if (record->attempt.act == ACT_INTERRUPT)
        interrupt_licensed(open, record, until);
    else if (record->attempt.act == ACT_HANDLE)
        handler_licensed(open, until);
    else if (record->attempt.act == ACT_RESTORE)
        drain_fold_attempt(open, until);
    else
        drain_fold_begun(open);
    if (open->state == STATE_CLOSED && record->attempt.act == ACT_RESTORE)
        watch_fold_attempt(engine, open);
    for (uint32_t i = 0; record->attempt.act <= ACT_END && i < record->attempt.count; i++) {
        if (record->attempt.targets[i] >= open->target_count)
            continue;
        struct target *target = &open->targets[record->attempt.targets[i]];
        target->licensed++;
        target->licence_until = until;
    }
    open->pending &= ~(unsigned)PENDING_ATTEMPT;
    open_move(engine, open, RECORD_ATTEMPT);
}

/* Rests on a list, which a drain asks for when its lock is in force. */
static bool is_listed_outcome(enum target_outcome outcome)
{
    return target_outcome_is_success(outcome) || outcome == TARGET_NO_LONGER_MATCHES;
}

/* Takes the record. */
static void fold_outcome(struct engine *engine, struct open *open, struct record *record,
                         int64_t offset, struct wall broker_time)
{
    AUTO(record) outcome = record;
    struct journal_place place = {offset, broker_time};
    bool left = false;
    bool begun = false;
    for (uint32_t i = 0; i < outcome->outcome.count; i++) {
        struct target_end *end = &outcome->outcome.ends[i];
        if (end->index >= open->target_count || open->targets[end->index].outcome != TARGET_NONE)
            continue; /* the first counts */
        struct target *target = &open->targets[end->index];
        if (target->work == WORK_SENDING)
            open->sending--;
        target->outcome = end->outcome;
        target->attempts = end->attempts;
        target->decided_at = broker_time;
        target->work = WORK_DECIDED;
        reason_copy(&target->reason, &end->reason);
        open->undecided--;
        engine_discharge(engine, (struct engine_budget){.open_targets = 1});
        engine_charge(engine, (struct engine_budget){.kept_targets = 1});
        left = left || end->outcome == TARGET_LEFT;
        begun = begun || (target->verdict == TARGET_NONE && is_listed_outcome(end->outcome));
        if (engine->config.session_events)
            duty_add(engine, EVENT_SESSION, offset, broker_time, open->entry, NULL, end->index);
    }
    if (begun)
        drain_fold_begun(open);
    open_move(engine, open, RECORD_OUTCOME);
    if (left)
        duty_progress(engine, open, PROGRESS_LEFT, &place, open->grace_until, STEAL(outcome));
}

/* The first one says who stopped it. */
static void fold_cancelled(struct engine *engine, struct open *open, struct record *record)
{
    if (!open->cancelled) {
        open->cancelled_by = STEAL(record->cancelled.by);
        open->cancelled_why = STEAL(record->reason.message);
    }
    open->cancelled = true;
    open->pending &= ~(unsigned)PENDING_CANCELLED;
    open_move(engine, open, RECORD_CANCELLED);
}

/* ---- the head of every record ---- */

static void note_source(struct engine *engine, const struct record *record, int64_t offset)
{
    if (!record->source.known || record->source.partition != engine->config.partition)
        return;
    if (record->source.offset + 1 <= engine->next_command)
        return;
    engine->next_command = record->source.offset + 1;
    engine->last_digest = record->source.digest;
    engine->last_source_offset = offset;
    engine->last_source_epoch = record->epoch;
    engine->last_source_sequence = record->sequence;
}

/* Offsets begin anew with another topic: a successor must not begin to read behind this record. */
static void fold_topics_accepted(struct engine *engine, const struct record *record, int64_t offset)
{
    engine->partitions = record->topics_accepted.partitions;
    engine->releases++;
    if (!record->topics_accepted.from_beginning)
        return;
    engine->next_command = -1;
    engine->last_digest = (struct sha256){0};
    engine->last_source_offset = offset;
    engine->last_source_epoch = record->epoch;
    engine->last_source_sequence = record->sequence;
}

/* When was this record of ours handed out? False when it is not ours, or of an earlier epoch. */
static bool own_append_time(struct engine *engine, const struct record *record, struct instant *ret)
{
    if (!uuid_equal(&record->epoch.writer, &engine->config.writer) ||
        record->epoch.number != engine->epoch)
        return false;
    while (engine->appending_count) {
        struct appending first = engine->appending[engine->appending_first];
        if (first.sequence > record->sequence)
            return false; /* a repeat of an earlier one */
        engine->appending_first = (engine->appending_first + 1) % engine->appending_size;
        engine->appending_count--;
        if (first.sequence == record->sequence) {
            *ret = first.at;
            return true;
        }
    }
    return false;
}

/* A licence that this record gives ends here: LICENCE_AGE_MS after it was handed out (I1). Expiry
 * is looked at apart. */
static struct instant licence_end(const struct engine *engine, bool own, struct instant appended_at)
{
    (void)engine; /* without mutations */
    if (!own)
        return (struct instant){0}; /* somebody else's, or of an earlier epoch: no licence for us */
    if (MUTATED(engine, ignore_licence_age))
        return INSTANT_NEVER;
    return instant_add_ms(appended_at, LICENCE_AGE_MS);
}

/* Takes the record. A drained infobase is empty of sessions and of their connections: the hold
 * begins. */
static void announce_released(struct engine *engine, struct open *open, struct record *record,
                              int64_t offset, struct wall broker_time)
{
    struct journal_place place = {offset, broker_time};
    if (!open->released) {
        record_destroy(record); /* further ones follow */
        return;
    }
    duty_add(engine, EVENT_RELEASED, offset, broker_time, open->entry, record, 0);
    if (open->state != STATE_CLOSING || open->hold_until.ms <= broker_time.ms)
        return;
    struct record *told = NULL;
    if (release_failed(open)) {
        told = record_create(RECORD_RELEASED);
        release_reason(open, &told->reason);
    }
    duty_progress(engine, open, PROGRESS_HOLDING, &place, open->hold_until, told);
}

/* Records about an open command. Takes the record. */
static enum error_code fold_open(struct engine *engine, struct open *open, struct record *record,
                                 int64_t offset, struct wall broker_time, struct instant licence,
                                 struct error *err)
{
    if (!open_may_move(engine, open, record->kind)) {
        record_destroy(record); /* a repeat */
        return ERR_OK;
    }
    enum error_code code = ERR_OK;
    switch (record->kind) {
    case RECORD_RESOLVED:
        return fold_resolved(engine, open, record, offset, broker_time, licence, err);
    case RECORD_APPROVED:
        return fold_approved(engine, open, record, offset, broker_time, err);
    case RECORD_PENDING:
        code = fold_pending(open, record, err);
        break;
    case RECORD_ATTEMPT:
        fold_attempt(engine, open, record, licence);
        break;
    case RECORD_OUTCOME:
        fold_outcome(engine, open, record, offset, broker_time);
        return ERR_OK;
    case RECORD_LOCKED:
        fold_locked(engine, open, record, offset, broker_time, licence);
        break;
    case RECORD_RESTORED:
        fold_restored(engine, open, record, offset, broker_time);
        return ERR_OK;
    case RECORD_CANCELLED:
        fold_cancelled(engine, open, record);
        break;
    case RECORD_RELEASED:
        fold_released(open, record, broker_time);
        open_move(engine, open, RECORD_RELEASED);
        announce_released(engine, open, STEAL(record), offset, broker_time);
        break;
    case RECORD_CLOSED:
        fold_closed(engine, open, record, offset, broker_time);
        break;
    default:
        break;
    }
    record_destroy(record);
    return code;
}

static enum error_code fold(struct engine *engine, struct record *record, int64_t offset,
                            struct wall broker_time, struct instant licence, struct instant now,
                            struct error *err)
{
    switch (record->kind) {
    case RECORD_ACCEPTED:
        fold_accepted(engine, record, offset, broker_time, now);
        record_destroy(record);
        return ERR_OK;
    case RECORD_REJECTED:
        if (record->rejected.after_accepted)
            fold_refused(engine, record, offset, broker_time);
        else
            fold_rejected(engine, record, offset, broker_time);
        return ERR_OK;
    case RECORD_DUPLICATE:
        fold_duplicate(engine, record, offset, broker_time);
        return ERR_OK;
    case RECORD_FORWARDED:
    case RECORD_POLICY:
        record_destroy(record);
        return ERR_OK;
    case RECORD_TOPICS_ACCEPTED:
        fold_topics_accepted(engine, record, offset);
        record_destroy(record);
        return ERR_OK;
    default:
        break;
    }
    struct entry *entry = engine_find(engine, &record->command_id);
    if (!entry || !entry->open) {
        record_destroy(record); /* a repeat about a closed command, or one before the place where
                                   reading began */
        return ERR_OK;
    }
    return fold_open(engine, entry->open, record, offset, broker_time, licence, err);
}

enum error_code engine_record(struct engine *engine, struct record *record, int64_t offset,
                              struct wall broker_time, struct instant now, struct error *err)
{
    if (offset < engine->position) {
        record_destroy(record);
        return error_set(
            err, ERR_JOURNAL,
            "journal offset %lld came after %lld: the topic was truncated or recreated",
            (long long)offset, (long long)engine->position - 1);
    }
    engine->position = offset + 1;
    struct instant appended_at = {0};
    bool own = own_append_time(engine, record, &appended_at);
    if (own) {
        engine->anchor_wall = broker_time;
        engine->anchor_at = appended_at;
        engine->anchor_read = now;
    }
    if (record->kind == RECORD_OWNER) {
        owner_read(engine, record, now);
        record_destroy(record);
        return ERR_OK;
    }
    if (!owner_counts(engine, record, now)) {
        engine->voided++;
        record_destroy(record);
        return ERR_OK;
    }
    note_source(engine, record, offset);
    if (record->kind == RECORD_ACCEPTED || record->kind == RECORD_REJECTED)
        flying_landed(engine, &record->command_id);
    /* Nobody has announced what stands behind his own record. */
    duties_through(engine, record->events_through < offset ? record->events_through : offset);
    engine_forget(engine, broker_time);
    return fold(engine, record, offset, broker_time, licence_end(engine, own, appended_at), now,
                err);
}
