/* Verdicts of targets: decided here, and nothing but marked; what counts is the OUTCOME that is
 * appended and read back. Then how a command stands, counted from them. */
#include "engine/verdict.h"

#include <stdio.h>

#include "base/check.h"
#include "engine/common.h"
#include "engine/release.h"

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

/* ---- counted ---- */

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

/* When rounds end with nobody left, and in a drain, protected sessions are left out of account:
 * they are named. */
struct tally tally_of(const struct open *open)
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
