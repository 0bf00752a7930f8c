/* Records read back, in log order: the only way in which state moves (docs/journal.md). */
#include "engine/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"

/* Which record is legal for a command in which state, and where it leads. Two lead elsewhere at
 * times: RESOLVED to PENDING when it waits for an approval, and when no target is left to be
 * decided OUTCOME and RESOLVED lead to BETWEEN or CLOSING. NONE: the record is a repeat or a
 * mistake and does not count. */
static const enum state next_state[STATE_COUNT][RECORD_RELEASED + 1] = {
    [STATE_ACCEPTED] = {[RECORD_PENDING] = STATE_ACCEPTED,
                        [RECORD_RESOLVED] = STATE_ENDING,
                        [RECORD_LOCKED] = STATE_ACCEPTED,
                        [RECORD_ATTEMPT] = STATE_ACCEPTED, /* to restore */
                        [RECORD_RESTORED] = STATE_ACCEPTED,
                        [RECORD_OUTCOME] = STATE_ACCEPTED,
                        [RECORD_CANCELLED] = STATE_ACCEPTED,
                        [RECORD_CLOSED] = STATE_CLOSED,
                        [RECORD_REJECTED] = STATE_REFUSED},
    [STATE_PENDING] = {[RECORD_APPROVED] = STATE_ENDING,
                       [RECORD_OUTCOME] = STATE_PENDING,
                       [RECORD_CANCELLED] = STATE_PENDING},
    [STATE_ENDING] = {[RECORD_LOCKED] = STATE_ENDING, /* of a drain that was approved first */
                      [RECORD_ATTEMPT] = STATE_ENDING,
                      [RECORD_OUTCOME] = STATE_ENDING,
                      [RECORD_CANCELLED] = STATE_ENDING,
                      [RECORD_CLOSED] = STATE_CLOSED},
    [STATE_BETWEEN] = {[RECORD_PENDING] = STATE_BETWEEN,
                       [RECORD_LOCKED] = STATE_BETWEEN, /* that begins at once */
                       [RECORD_RESOLVED] = STATE_ENDING,
                       [RECORD_ATTEMPT] = STATE_BETWEEN,
                       [RECORD_RELEASED] = STATE_BETWEEN,
                       [RECORD_RESTORED] = STATE_BETWEEN,
                       [RECORD_CANCELLED] = STATE_BETWEEN,
                       [RECORD_CLOSED] = STATE_CLOSED},
    [STATE_CLOSING] = {[RECORD_ATTEMPT] = STATE_CLOSING,
                       [RECORD_RELEASED] = STATE_CLOSING,
                       [RECORD_RESTORED] = STATE_CLOSING,
                       [RECORD_CLOSED] = STATE_CLOSED,
                       [RECORD_CANCELLED] = STATE_CLOSING},
    [STATE_CLOSED] = {[RECORD_ATTEMPT] = STATE_CLOSED, /* to restore, what was written late */
                      [RECORD_RESTORED] = STATE_CLOSED},
};

void open_move(struct engine *engine, struct open *open, enum record_kind kind)
{
    enum state to = next_state[open->state][kind];
    if (MUTATED(engine, round_too_early) && kind == RECORD_RESOLVED)
        to = STATE_ENDING;
    bool lists = kind == RECORD_RESOLVED || kind == RECORD_OUTCOME;
    CHECK(to != STATE_NONE);
    bool unbegun = open->state == STATE_PENDING || (open->drain && open->drain->list_waits);
    if (unbegun && lists && open->undecided == 0)
        to = STATE_CLOSING; /* not approved, or not locked: no further list is made */
    else if (lists && open->undecided == 0)
        to = open_goes_on(open) ? STATE_BETWEEN : STATE_CLOSING;
    else if (kind == RECORD_RESOLVED && open_awaits_approval(open) &&
             !MUTATED(engine, act_unapproved))
        to = STATE_PENDING;
    if (to == STATE_BETWEEN && open->state != STATE_BETWEEN)
        open->list_round = 0;
    open->state = to;
    engine_touch(engine, open);
}

/* ---- ACCEPTED ---- */

static bool asked_before(const struct target *targets, uint32_t count, const struct target *like)
{
    for (uint32_t i = 0; i < count; i++)
        if (targets[i].asked_by_number == like->asked_by_number &&
            targets[i].asked_number == like->asked_number &&
            uuid_equal(&targets[i].asked_session, &like->asked_session))
            return true;
    return false;
}

/* Every session or number asked for is a target from the start, so that each gets a verdict
 * whatever happens. */
static void make_targets(struct open *open)
{
    const struct selector *selector = &open->command->selector;
    if (selector->kind != SELECTOR_SESSIONS && selector->kind != SELECTOR_NUMBERS)
        return;
    open->targets = mem_alloc(selector->count, sizeof open->targets[0]);
    for (size_t i = 0; i < selector->count; i++) {
        struct target target = {0};
        if (selector->kind == SELECTOR_NUMBERS) {
            target.asked_by_number = true;
            target.asked_number = selector->numbers[i];
        } else {
            target.asked_session = selector->sessions[i];
        }
        if (!asked_before(open->targets, open->target_count, &target))
            open->targets[open->target_count++] = target;
    }
    open->undecided = open->target_count;
}

static struct entry *entry_add(struct engine *engine, const struct record *record, int64_t offset,
                               int64_t from_ms)
{
    struct entry *entry = mem_new(struct entry);
    entry->id = record->command_id;
    entry->digest = record->command_digest;
    entry->first_offset = offset;
    entry->first_epoch = record->epoch;
    entry->first_sequence = record->sequence;
    entry->forget_at.ms = from_ms + engine->config.remember_ms;
    HASH_ADD(hh, engine->entries, id, sizeof entry->id, entry);
    TAILQ_INSERT_TAIL(&engine->order, entry, in_order);
    engine_charge(engine, 0, 0, 1);
    return entry;
}

/* An id that comes again after its time is a new command. Events of the old one may still have to
 * be delivered; then it stays until they are. */
static void forget_outdated(struct engine *engine, const struct uuid *id)
{
    struct entry *outdated = engine_find(engine, id);
    if (!outdated)
        return;
    if (outdated->open && watch_is_on(outdated->open))
        watch_end(engine, outdated->open); /* records under this id speak of the new one now */
    HASH_DEL(engine->entries, outdated);
    outdated->outdated = true;
    if (!outdated->open && !outdated->duties)
        entry_free(engine, outdated);
}

static void fold_accepted(struct engine *engine, struct record *record, int64_t offset,
                          struct wall broker_time, struct instant now)
{
    if (engine_known(engine, &record->command_id, record->accepted.first_appended_at))
        return; /* a repeat: the first counts */
    forget_outdated(engine, &record->command_id);
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
    engine_charge(engine, 1, 0, 0);
    engine_charge(engine, 0, (int64_t)open->target_count, 0);
    open->serial = ++engine->serial;
    HASH_ADD(by_serial, engine->by_serial, serial, sizeof open->serial, open);
    open->list_after = now;
    engine_touch(engine, open);
    duty_add(engine, EVENT_ACCEPTED, offset, broker_time, entry, NULL, 0);
}

/* ---- the end of a command ---- */

static void keep_past(struct entry *entry, const struct open *open)
{
    entry->past = mem_alloc(open->target_count, sizeof entry->past[0]);
    entry->past_count = open->target_count;
    for (uint32_t i = 0; i < open->target_count; i++) {
        const struct target *target = &open->targets[i];
        entry->past[i] = (struct past){
            .session = target->found ? target->identity.uuid : target->asked_session,
            .number = target->found ? target->identity.number : target->asked_number,
            .has_number = target->found || target->asked_by_number,
            .outcome = (uint8_t)target->outcome,
            .attempts = target->attempts,
        };
    }
}

static void note_finished(struct engine *engine, const struct entry *entry,
                          const struct record *record, struct wall broker_time)
{
    if (engine->role != ENGINE_OWNING)
        return;
    const struct open *open = entry ? entry->open : NULL;
    struct finished *finished = mem_new(struct finished);
    finished->view = (struct engine_command_view){
        .id = record->command_id,
        .command = open                              ? open->command
                   : record->kind == RECORD_REJECTED ? record->rejected.command
                                                     : NULL,
        .cluster = open ? open->cluster->name : "",
        .source = open ? open->source : record->source,
        .outcome = record->kind == RECORD_CLOSED ? record->closed.outcome : COMMAND_REJECTED,
        .reason = record->reason.code,
        .targets = open ? open->target_count : 0,
        .gave_back = open && open->drain && open->drain->restored,
        .kept_foreign = open && open->drain && open->drain->kept_foreign,
        .leaked = open ? open->leaked : 0,
        .accepted_at = open ? open->accepted_at : (struct wall){0},
        .closed_at = broker_time,
        .accepted_offset = entry ? entry->first_offset : -1,
    };
    for (uint32_t i = 0; open && i < open->target_count; i++) {
        finished->view.succeeded += target_outcome_is_success(open->targets[i].outcome);
        finished->view.by_outcome[open->targets[i].outcome]++;
    }
    STAILQ_INSERT_TAIL(&engine->finished, finished, in_order);
}

static void end_entry(struct entry *entry, const struct record *record,
                      enum command_outcome outcome, struct wall broker_time)
{
    entry->outcome = outcome;
    entry->closed_at = broker_time;
    reason_copy(&entry->reason, &record->reason);
}

static const enum event_kind closing_event[COMMAND_OUTCOMES] = {
    [COMMAND_COMPLETED] = EVENT_COMPLETED,
    [COMMAND_PARTIALLY_COMPLETED] = EVENT_PARTIALLY_COMPLETED,
    [COMMAND_FAILED] = EVENT_FAILED,
    [COMMAND_REJECTED] = EVENT_REJECTED,
    [COMMAND_EXPIRED] = EVENT_EXPIRED,
    [COMMAND_CANCELLED] = EVENT_CANCELLED,
    [COMMAND_DRY_RUN] = EVENT_DRY_RUN,
};

static void fold_closed(struct engine *engine, struct open *open, struct record *record,
                        int64_t offset, struct wall broker_time)
{
    if (open->undecided > 0 && record->closed.outcome != COMMAND_DRY_RUN)
        return; /* only a dry run closes with targets that have no outcome */
    if (open->state == STATE_ACCEPTED && open->target_count > 0)
        return; /* only a command without targets closes without a list */
    open->closed_at = broker_time;
    end_entry(open->entry, record, record->closed.outcome, broker_time);
    keep_past(open->entry, open);
    note_finished(engine, open->entry, record, broker_time);
    open_move(engine, open, RECORD_CLOSED);
    duty_add(engine, closing_event[record->closed.outcome], offset, broker_time, open->entry, NULL,
             0);
}

/* A refusal after acceptance: an infobase that does not exist, say. Takes the record. */
static void fold_refused(struct engine *engine, struct record *record, int64_t offset,
                         struct wall broker_time)
{
    struct entry *entry = engine_find(engine, &record->command_id);
    if (entry && entry->open && next_state[entry->open->state][RECORD_REJECTED] != STATE_NONE) {
        entry->open->closed_at = broker_time;
        end_entry(entry, record, COMMAND_REJECTED, broker_time);
        keep_past(entry, entry->open);
        note_finished(engine, entry, record, broker_time);
        open_move(engine, entry->open, RECORD_REJECTED);
        duty_add(engine, EVENT_REJECTED, offset, broker_time, entry, NULL, 0);
    }
    record_destroy(record);
}

/* Neither depends on whether the reader has seen the first one of that id: a conflict speaks of one
 * that a reader who began behind it does not know, and of a command that came too late the writer
 * itself may have forgotten the first. */
static bool is_remembered(enum error_code why)
{
    return why != ERR_CONFLICT && why != ERR_EXPIRED;
}

/* A refusal at the door. The record goes to its event. */
static void fold_rejected(struct engine *engine, struct record *record, int64_t offset,
                          struct wall broker_time)
{
    bool first = record->rejected.command && is_remembered(record->reason.code) &&
                 !engine_known(engine, &record->command_id, record->rejected.first_appended_at);
    struct entry *entry = NULL;
    note_finished(engine, NULL, record, broker_time);
    if (first) {
        forget_outdated(engine, &record->command_id);
        entry = entry_add(engine, record, offset, record->rejected.first_appended_at.ms);
        end_entry(entry, record, COMMAND_REJECTED, broker_time);
    }
    duty_add(engine, EVENT_REJECTED, offset, broker_time, first ? entry : NULL, record, 0);
}

static void fold_duplicate(struct engine *engine, struct record *record, int64_t offset,
                           struct wall broker_time)
{
    struct entry *entry = engine_find(engine, &record->command_id);
    if (entry && entry->outcome != COMMAND_NONE &&
        (!entry->open || entry->open->state >= STATE_CLOSED))
        duty_add(engine, closing_event[entry->outcome], offset, broker_time, entry, record, 0);
    else
        record_destroy(record); /* still open: its end answers both */
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

static bool is_legal(const struct engine *engine, const struct open *open, enum record_kind kind)
{
    (void)engine; /* without mutations */
    if (MUTATED(engine, round_too_early) && kind == RECORD_RESOLVED && open_goes_on(open))
        return true;
    if (open->state == STATE_CLOSED && !watch_is_on(open))
        return false;
    return next_state[open->state][kind] != STATE_NONE;
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

/* A list that was approved before its lock says whom that lock will warn. */
static void fold_locked(struct engine *engine, struct open *open, const struct record *record,
                        int64_t offset, struct wall broker_time, struct instant licence)
{
    struct journal_place place = {offset, broker_time};
    bool first = open->drain && open->drain->list_waits && open->drain->locks == 0;
    drain_fold_locked(engine, open, record, broker_time, licence);
    if (first && open->grace_until.ms > 0)
        duty_progress(engine, open, PROGRESS_WARNED, &place, open->grace_until, NULL);
}

/* Records about an open command. Takes the record. */
static enum error_code fold_open(struct engine *engine, struct open *open, struct record *record,
                                 int64_t offset, struct wall broker_time, struct instant licence,
                                 struct error *err)
{
    if (!is_legal(engine, open, record->kind)) {
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
        if (open->state == STATE_CLOSED)
            watch_fold_restored(engine, open, record, broker_time);
        if (open->state == STATE_CLOSED || drain_fold_restored(engine, open, record, broker_time))
            duty_add(engine, EVENT_RESTORED, offset, broker_time, open->entry, STEAL(record), 0);
        break;
    case RECORD_CANCELLED:
        open->cancelled = true;
        open->pending &= ~(unsigned)PENDING_CANCELLED;
        open_move(engine, open, RECORD_CANCELLED);
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
