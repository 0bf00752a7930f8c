/* Verdicts of targets and the end of a command: decided here, and nothing but marked; what counts
 * is the OUTCOME or CLOSED that is appended and read back. */
#include "engine/state.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { ENDS_PER_RECORD = 90 }; /* with a full reason each they stay below LIMIT_RECORD_BYTES */

/* ---- targets ---- */

void decide_target(struct open *open, struct target *target, enum target_outcome outcome,
                   const struct error *why)
{
    CHECK(target->work != WORK_DECIDED);
    if (target->work == WORK_SENDING)
        open->sending--;
    target->work = WORK_DECIDED;
    target->decision = outcome;
    reason_release(&target->reason);
    if (why && why->code)
        reason_set(&target->reason, why);
}

void decide_with(struct open *open, struct target *target, enum target_outcome outcome,
                 enum error_code code, const char *message)
{
    struct error why;
    error_set(&why, code, "%s", message);
    decide_target(open, target, outcome, &why);
}

void decide_all(struct open *open, enum target_outcome outcome, const struct error *why)
{
    for (uint32_t i = 0; i < open->target_count; i++)
        if (open->targets[i].outcome == TARGET_NONE && open->targets[i].work != WORK_DECIDED)
            decide_target(open, &open->targets[i], outcome, why);
}

struct error reason_error(const struct reason *reason)
{
    struct error ret = {.code = reason->code};
    snprintf(ret.message, sizeof ret.message, "%s", reason->message ? reason->message : "");
    return ret;
}

static bool is_ready(const struct target *target)
{
    return target->work == WORK_DECIDED && !target->appended && target->outcome == TARGET_NONE;
}

static void append_outcome(struct engine *engine, struct open *open, uint32_t count,
                           struct instant now)
{
    struct record *record = engine_record_about(open, RECORD_OUTCOME);
    record->outcome.round = open->round ? open->round : 1;
    record->outcome.ends = mem_alloc(count, sizeof record->outcome.ends[0]);
    for (uint32_t i = 0; record->outcome.count < count; i++) {
        struct target *target = &open->targets[i];
        if (!is_ready(target))
            continue;
        target->appended = true;
        struct target_end *end = &record->outcome.ends[record->outcome.count++];
        end->index = i;
        end->outcome = target->decision;
        end->attempts = target->sends;
        reason_copy(&end->reason, &target->reason);
    }
    engine_append(engine, record, now);
}

void verdicts_flush(struct engine *engine, struct open *open, struct instant now)
{
    uint32_t ready = 0;
    for (uint32_t i = 0; i < open->target_count; i++)
        ready += is_ready(&open->targets[i]);
    while (ready) {
        uint32_t count = ready < ENDS_PER_RECORD ? ready : ENDS_PER_RECORD;
        append_outcome(engine, open, count, now);
        ready -= count;
    }
}

/* ---- the command ---- */

/* The same session in a later round: that round's verdict is the one that says how it ended. */
static bool is_superseded(const struct open *open, uint32_t index)
{
    const struct target *target = &open->targets[index];
    if (open->round < 2 || !target->found)
        return false;
    for (uint32_t i = open->target_count; i > index + 1; i--)
        if (open->targets[i - 1].found &&
            uuid_equal(&open->targets[i - 1].identity.uuid, &target->identity.uuid))
            return true;
    return false;
}

struct tally {
    uint32_t counted;
    uint32_t success;
    uint32_t expired;
    uint32_t stopped;
    const struct reason *why; /* of the first one that is not gone */
};

/* When rounds end with nobody left, and in a drain, protected sessions are left out of account:
 * they are named. */
static struct tally tally_of(const struct open *open)
{
    struct tally tally = {0};
    bool empty = open->drain || (open->nobody_left && open_repeats(open));
    for (uint32_t i = 0; i < open->target_count; i++) {
        const struct target *target = &open->targets[i];
        bool success = target_outcome_is_success(target->outcome);
        if (!success && is_superseded(open, i))
            continue;
        if (empty && target->outcome == TARGET_PROTECTED)
            continue;
        tally.counted++;
        tally.success += success;
        tally.expired += target->outcome == TARGET_EXPIRED;
        tally.stopped += target->outcome == TARGET_STOPPED;
        if (!success && !tally.why && target->reason.code)
            tally.why = &target->reason;
    }
    return tally;
}

static enum command_outcome outcome_of(const struct tally *tally)
{
    if (tally->success == tally->counted)
        return COMMAND_COMPLETED;
    if (tally->success)
        return COMMAND_PARTIALLY_COMPLETED;
    if (tally->stopped == tally->counted)
        return COMMAND_CANCELLED;
    if (tally->expired == tally->counted)
        return COMMAND_EXPIRED;
    return COMMAND_FAILED;
}

/* Why targets are not gone comes first; that the handler could not be told is said besides. */
static void closing_reason(struct reason *ret, const struct reason *why,
                           const struct error *trouble)
{
    struct error both;
    if (!trouble) {
        if (why)
            reason_copy(ret, why);
    } else if (why && why->code) {
        error_set(&both, why->code, "%s; and %s", why->message ? why->message : "",
                  trouble->message);
        reason_set(ret, &both);
    } else {
        reason_set(ret, trouble);
    }
}

static void append_closed(struct engine *engine, struct open *open, enum command_outcome outcome,
                          const struct reason *why, struct instant now)
{
    if (open->pending & PENDING_CLOSED)
        return;
    open->pending |= PENDING_CLOSED;
    struct record *record = engine_record_about(open, RECORD_CLOSED);
    record->closed.outcome = outcome;
    closing_reason(&record->reason, why, handler_trouble(open));
    engine_append(engine, record, now);
}

/* A dry run ends with its list; what was decided before there was one is its end as well. */
static bool is_plan(const struct open *open)
{
    return open->command->options.dry_run && open->round > 0;
}

enum command_outcome command_outcome_of(const struct open *open)
{
    struct tally tally = tally_of(open);
    if (open->state == STATE_BETWEEN) /* it ends before nobody was left */
        return tally.success     ? COMMAND_PARTIALLY_COMPLETED
               : open->cancelled ? COMMAND_CANCELLED
                                 : COMMAND_EXPIRED;
    enum command_outcome outcome = outcome_of(&tally);
    return outcome == COMMAND_COMPLETED && release_failed(open) ? COMMAND_PARTIALLY_COMPLETED
                                                                : outcome;
}

void command_close(struct engine *engine, struct open *open, struct instant now)
{
    struct tally tally = tally_of(open);
    enum command_outcome outcome = is_plan(open) ? COMMAND_DRY_RUN : command_outcome_of(open);
    struct reason leak = {0};
    if (!tally.why && release_failed(open)) {
        release_reason(open, &leak);
        tally.why = &leak;
    }
    append_closed(engine, open, outcome, outcome == COMMAND_COMPLETED ? NULL : tally.why, now);
    reason_release(&leak);
}

void round_failed(struct engine *engine, struct open *open, const struct error *why)
{
    if (drain_gives_back_first(engine, open, why))
        return;
    open->gives_up = true;
    reason_set(&open->failure, why);
    engine_touch(engine, open);
}

void command_give_up(struct engine *engine, struct open *open, const struct error *why,
                     struct instant now)
{
    if (drain_gives_back_first(engine, open, why))
        return;
    struct tally tally = tally_of(open);
    enum command_outcome outcome = COMMAND_FAILED;
    if (tally.success)
        outcome = COMMAND_PARTIALLY_COMPLETED;
    else if (why->code == ERR_CANCELLED)
        outcome = COMMAND_CANCELLED;
    else if (why->code == ERR_EXPIRED)
        outcome = COMMAND_EXPIRED;
    struct reason reason = {0};
    reason_set(&reason, why);
    append_closed(engine, open, outcome, &reason, now);
    reason_release(&reason);
}
