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

void decide_unknown(struct open *open, struct target *target)
{
    const char *end = target->sends > 0 ? "an end was sent" : "an end may have been sent";
    static const char next[] = "look with `curfew sessions`";
    struct error why;
    switch (target->look) {
    case LOOK_LISTED:
        error_set(&why, ERR_IN_DOUBT,
                  "%s, the session was still listed after it, and what became of it then could not "
                  "be seen in time: %s",
                  end, next);
        break;
    case LOOK_CHANGED:
        error_set(&why, ERR_CONFLICT,
                  "%s, and since then the cluster shows a session under this UUID that is not as "
                  "it was: %s",
                  end, next);
        break;
    case LOOK_EMPTY:
        error_set(&why, ERR_IN_DOUBT,
                  "%s; the cluster then listed no session at all, which proves nothing, and asked "
                  "for this one it did not say that it is gone (%s): %s",
                  end, target->probed ? error_meaning(target->probed) : "it is still there", next);
        break;
    default:
        error_set(&why, ERR_IN_DOUBT, "%s, and the cluster could not be listed since: %s", end,
                  next);
        break;
    }
    decide_target(open, target, TARGET_UNKNOWN, &why);
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

/* How much an end says about the command: the heaviest decides. */
enum weight {
    WEIGHT_GONE,
    WEIGHT_SPARED, /* left alone, and nothing went wrong */
    WEIGHT_EXPIRED,
    WEIGHT_STOPPED,
    WEIGHT_TROUBLE
};

struct tally {
    uint32_t gone;
    enum weight heaviest;
    const struct reason *why; /* of the first of the heaviest that has one; NULL: none has */
};

static const enum weight weights[TARGET_OUTCOMES] = {
    [TARGET_NONE] = WEIGHT_SPARED, /* of a plan: nothing was to happen */
    [TARGET_ENDED] = WEIGHT_GONE,       [TARGET_ALREADY_GONE] = WEIGHT_GONE,
    [TARGET_LEFT] = WEIGHT_GONE,        [TARGET_NO_LONGER_MATCHES] = WEIGHT_SPARED,
    [TARGET_PROTECTED] = WEIGHT_SPARED, [TARGET_SURVIVED] = WEIGHT_TROUBLE,
    [TARGET_FAILED] = WEIGHT_TROUBLE,   [TARGET_UNKNOWN] = WEIGHT_TROUBLE,
    [TARGET_STOPPED] = WEIGHT_STOPPED,  [TARGET_EXPIRED] = WEIGHT_EXPIRED,
};

static void weigh(struct tally *tally, enum weight weight, const struct reason *reason)
{
    if (weight > tally->heaviest) {
        tally->heaviest = weight;
        tally->why = NULL;
    }
    if (weight == tally->heaviest && weight > WEIGHT_GONE && !tally->why && reason->code)
        tally->why = reason;
}

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
        tally.gone += success;
        weigh(&tally, weights[target->outcome], &target->reason);
    }
    return tally;
}

static enum weight weight_of(const struct reason *unfinished)
{
    switch (unfinished->code) {
    case ERR_CANCELLED:
        return WEIGHT_STOPPED;
    case ERR_EXPIRED:
    case ERR_DEADLINE:
        return WEIGHT_EXPIRED;
    default:
        return WEIGHT_TROUBLE;
    }
}

static const enum command_outcome when_nobody_is_gone[] = {
    [WEIGHT_SPARED] = COMMAND_FAILED,
    [WEIGHT_EXPIRED] = COMMAND_EXPIRED,
    [WEIGHT_STOPPED] = COMMAND_CANCELLED,
    [WEIGHT_TROUBLE] = COMMAND_FAILED,
};

struct verdict verdict_of(const struct open *open, const struct reason *unfinished)
{
    struct tally tally = tally_of(open);
    if (unfinished && weight_of(unfinished) >= tally.heaviest) { /* it is why the others are so */
        tally.heaviest = weight_of(unfinished);
        tally.why = unfinished;
    }
    if (tally.heaviest == WEIGHT_GONE)
        return (struct verdict){.outcome = release_failed(open) ? COMMAND_PARTIALLY_COMPLETED
                                                                : COMMAND_COMPLETED};
    return (struct verdict){.outcome = tally.gone ? COMMAND_PARTIALLY_COMPLETED
                                                  : when_nobody_is_gone[tally.heaviest],
                            .why = tally.why};
}
