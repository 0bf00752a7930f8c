/* From state to actions: what the owner does next for one command, and for one cluster. Nothing
 * here changes what counts; it appends records and asks clusters, and remembers what is under way.
 */
#include "engine/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"

enum {
    ENDS_PER_RECORD = 90, /* with a full reason each they stay below LIMIT_RECORD_BYTES */
    VERIFY_FIRST_MS = 100,
    VERIFY_DOUBLINGS = 4,    /* 1.6 s at most */
    VERIFY_EXTRA_MS = 10000, /* after the deadline one more list is hoped for this long; then the
                                end is unknown */
};

static const char *const stopped_why = "stopped before anything was sent for it";

/* ---- verdicts ---- */

static void decide_with(struct open *open, struct target *target, enum target_outcome outcome,
                        enum error_code code, const char *message)
{
    struct error why;
    error_set(&why, code, "%s", message);
    decide_target(open, target, outcome, &why);
}

static void append_outcome(struct engine *engine, struct open *open, uint32_t count,
                           struct instant now)
{
    struct record *record = engine_record_about(open, RECORD_OUTCOME);
    record->outcome.round = 1;
    record->outcome.ends = mem_alloc(count, sizeof record->outcome.ends[0]);
    for (uint32_t i = 0; record->outcome.count < count; i++) {
        struct target *target = &open->targets[i];
        if (target->work != WORK_DECIDED || target->appended || target->outcome != TARGET_NONE)
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

static struct error reason_error(const struct reason *reason)
{
    struct error ret = {.code = reason->code};
    snprintf(ret.message, sizeof ret.message, "%s", reason->message ? reason->message : "");
    return ret;
}

static void flush_decisions(struct engine *engine, struct open *open, struct instant now)
{
    uint32_t ready = 0;
    for (uint32_t i = 0; i < open->target_count; i++) {
        const struct target *target = &open->targets[i];
        ready +=
            target->work == WORK_DECIDED && !target->appended && target->outcome == TARGET_NONE;
    }
    while (ready) {
        uint32_t count = ready < ENDS_PER_RECORD ? ready : ENDS_PER_RECORD;
        append_outcome(engine, open, count, now);
        ready -= count;
    }
}

static bool undecided(const struct target *target)
{
    return target->outcome == TARGET_NONE && target->work != WORK_DECIDED;
}

static void decide_all(struct open *open, enum target_outcome outcome, const struct error *why)
{
    for (uint32_t i = 0; i < open->target_count; i++)
        if (undecided(&open->targets[i]))
            decide_target(open, &open->targets[i], outcome, why);
}

/* ---- closing ---- */

static enum command_outcome command_outcome_of(const struct open *open)
{
    uint32_t success = 0;
    uint32_t expired = 0;
    uint32_t stopped = 0;
    for (uint32_t i = 0; i < open->target_count; i++) {
        success += target_outcome_is_success(open->targets[i].outcome);
        expired += open->targets[i].outcome == TARGET_EXPIRED;
        stopped += open->targets[i].outcome == TARGET_STOPPED;
    }
    if (success == open->target_count)
        return open->leaked || open->release_unknown ? COMMAND_PARTIALLY_COMPLETED
                                                     : COMMAND_COMPLETED;
    if (success)
        return COMMAND_PARTIALLY_COMPLETED;
    if (stopped == open->target_count)
        return COMMAND_CANCELLED;
    if (expired == open->target_count)
        return COMMAND_EXPIRED;
    return COMMAND_FAILED;
}

static void reason_of_leak(struct reason *reason, uint32_t leaked)
{
    struct error why;
    error_set(&why, ERR_REFUSED,
              "every session is gone, but %u of their connections are still there: look with the "
              "cluster's console, or ask for them to be disconnected",
              leaked);
    reason_set(reason, &why);
}

static void append_closed(struct engine *engine, struct open *open, enum command_outcome outcome,
                          struct instant now)
{
    if (open->pending & PENDING_CLOSED)
        return;
    open->pending |= PENDING_CLOSED;
    struct record *record = engine_record_about(open, RECORD_CLOSED);
    record->closed.outcome = outcome;
    for (uint32_t i = 0; i < open->target_count;
         i++) /* the first reason of a target that is not gone says why */
        if (outcome != COMMAND_COMPLETED && open->targets[i].reason.code &&
            !target_outcome_is_success(open->targets[i].outcome)) {
            reason_copy(&record->reason, &open->targets[i].reason);
            break;
        }
    if (!record->reason.code && open->release_unknown)
        reason_copy(&record->reason, &open->reason);
    else if (!record->reason.code && open->leaked)
        reason_of_leak(&record->reason, open->leaked);
    engine_append(engine, record, now);
}

/* ---- ACCEPTED: a complete list that started after acceptance ---- */

static bool is_over(const struct engine *engine, const struct open *open, struct instant now)
{
    return engine_broker_now(engine, now).ms >= open->expires_at.ms;
}

/* Before RESOLVED one decision is for all targets, also when an earlier epoch recorded a part only.
 */
static const struct target *first_recorded(const struct open *open)
{
    for (uint32_t i = 0; i < open->target_count; i++)
        if (open->targets[i].outcome != TARGET_NONE)
            return &open->targets[i];
    return NULL;
}

static void decide_accepted(struct engine *engine, struct open *open, struct instant now)
{
    struct error why;
    if (open->pending & (PENDING_RESOLVED | PENDING_REJECTED | PENDING_CANCELLED))
        return;
    const struct target *recorded = first_recorded(open);
    if (recorded) {
        why = reason_error(&recorded->reason);
        decide_all(open, recorded->outcome, &why);
    } else if (open->cancelled || engine->halted) {
        error_set(&why, ERR_CANCELLED, "%s", stopped_why);
        decide_all(open, TARGET_STOPPED, &why);
    } else if (is_over(engine, open, now)) {
        error_set(&why, ERR_EXPIRED, "the validity ended before the cluster could be listed");
        decide_all(open, TARGET_EXPIRED, &why);
    }
    flush_decisions(engine, open, now);
    if (open_is_decided(open)) {
        cluster_served(open); /* no list is asked for on its behalf any more */
        return;
    }
    if (!open->wants_list && !open_is_probing(open))
        cluster_want(engine, open, open->list_after, (struct instant){0});
    heap_set(engine, open, engine_instant_of(engine, open->expires_at));
}

/* ---- ENDING: one target ---- */

static bool licence_holds(const struct engine *engine, const struct open *open,
                          const struct target *target, struct instant now)
{
    return instant_before(now, target->licence_until) && !is_over(engine, open, now);
}

static bool list_is_fresh(const struct engine *engine, const struct target *target,
                          struct instant now)
{
    if (MUTATED(engine, skip_identity_check))
        return true;
    return target->seen.ns > 0 &&
           instant_ms_between(target->seen, now) < engine->config.identity_max_age_ms;
}

static void send_end(struct engine *engine, struct open *open, uint32_t index)
{
    struct target *target = &open->targets[index];
    struct engine_action *action = engine_act(engine, ENGINE_END);
    action->tag = (open->serial << TARGET_BITS) | index;
    action->cluster = open->cluster->name;
    action->session = target->identity.uuid;
    action->message = open->command->options.message;
    action->send_by =
        instant_min(target->licence_until, engine_instant_of(engine, open->expires_at));
    if (MUTATED(engine, ignore_licence_age))
        action->send_by = INSTANT_NEVER;
    else if (!MUTATED(
                 engine,
                 skip_identity_check)) /* it rests on a list that must not grow old in the lane */
        action->send_by = instant_min(
            action->send_by, instant_add_ms(target->seen, engine->config.identity_max_age_ms));
    action->send_by = instant_min(action->send_by, engine_control_until(engine));
    target->work = WORK_SENDING;
    open->sending++;
}

/* What one pass over the targets found out. */
struct pass {
    struct instant wake;
    bool needs_list; /* an idle target must be seen again before it is ended */
    bool needs_licence;
    bool verifies; /* a sent target waits for a list */
    bool blocked;  /* ends are still out: verification waits for them */
};

static bool attempts_are_spent(const struct engine *engine, const struct target *target)
{
    return target->sends >= engine->config.attempts_max;
}

static void pass_idle(struct engine *engine, struct open *open, uint32_t index, struct pass *pass,
                      struct instant now)
{
    struct target *target = &open->targets[index];
    bool in_doubt = target->earlier_licence || target->sends > 0;
    if ((open->cancelled || engine->halted) && !in_doubt) {
        decide_with(open, target, TARGET_STOPPED, ERR_CANCELLED, stopped_why);
        return;
    }
    if (is_over(engine, open, now) && !in_doubt) {
        decide_with(open, target, TARGET_EXPIRED, ERR_EXPIRED,
                    "the validity ended before it could be ended");
        return;
    }
    if (in_doubt && instant_passed(now, instant_add_ms(target->verify_by, VERIFY_EXTRA_MS))) {
        decide_with(open, target, TARGET_UNKNOWN, ERR_IN_DOUBT,
                    "an end may have been sent, and the cluster could not be listed since: look "
                    "with `curfew sessions`");
        return;
    }
    if (in_doubt)
        pass->wake = instant_min(pass->wake, instant_add_ms(target->verify_by, VERIFY_EXTRA_MS));
    if (!list_is_fresh(engine, target, now)) {
        if (!target->probing)
            pass->needs_list = true;
        return;
    }
    bool may_act = !open->cancelled && !engine->halted && !is_over(engine, open, now);
    if ((!may_act || attempts_are_spent(engine, target)) && !instant_passed(now, target->settled)) {
        pass->wake = instant_min(pass->wake, target->settled);
        return;
    }
    if (!may_act) {
        bool over = is_over(engine, open, now);
        decide_with(open, target, over ? TARGET_EXPIRED : TARGET_STOPPED,
                    over ? ERR_EXPIRED : ERR_CANCELLED,
                    "still listed; an earlier end may have been sent, a further one may not");
        return;
    }
    if (attempts_are_spent(engine, target)) {
        decide_with(open, target, TARGET_FAILED, ERR_REFUSED,
                    "the cluster refused every attempt to end it");
        return;
    }
    if (open_holds_fire(engine, open))
        return; /* CANCELLED is on its way */
    if (!engine_control_is_fresh(engine, now))
        return; /* engine_control_seen() comes back to it */
    if (licence_holds(engine, open, target, now))
        send_end(engine, open, index);
    else
        pass->needs_licence = true;
}

static void pass_waiting(struct open *open, struct target *target, struct pass *pass,
                         struct instant now)
{
    struct instant last = instant_add_ms(target->verify_by, VERIFY_EXTRA_MS);
    if (target->present_late) {
        decide_with(open, target, TARGET_SURVIVED, ERR_REFUSED,
                    "the cluster took the request, and still lists the session after the time for "
                    "verification");
        return;
    }
    if (instant_passed(now, last)) {
        decide_with(open, target, TARGET_UNKNOWN, ERR_IN_DOUBT,
                    "an end was sent, and the cluster could not be listed since: look with `curfew "
                    "sessions`");
        return;
    }
    pass->verifies = pass->verifies || !target->probing;
    pass->wake = instant_min(pass->wake, last);
}

static void pass_target(struct engine *engine, struct open *open, uint32_t index, struct pass *pass,
                        struct instant now)
{
    struct target *target = &open->targets[index];
    if (target->outcome != TARGET_NONE)
        return;
    if (target->work == WORK_IDLE && target->verdict != TARGET_NONE) {
        struct error why = reason_error(&target->reason);
        decide_target(open, target, target->verdict, &why);
        return;
    }
    switch (target->work) {
    case WORK_IDLE:
        pass_idle(engine, open, index, pass, now);
        break;
    case WORK_SENDING:
        pass->blocked = true;
        break;
    case WORK_SENT:
    case WORK_DOUBT:
        pass_waiting(open, target, pass, now);
        break;
    case WORK_DECIDED:
        break;
    }
}

static void append_attempt(struct engine *engine, struct open *open, struct instant now)
{
    if (open->pending & PENDING_ATTEMPT)
        return;
    struct record *record = engine_record_about(open, RECORD_ATTEMPT);
    record->attempt.act = ACT_END;
    record->attempt.round = 1;
    record->attempt.attempt = open->attempt + 1;
    record->attempt.targets = mem_alloc(open->target_count, sizeof record->attempt.targets[0]);
    for (uint32_t i = 0; i < open->target_count; i++) {
        struct target *target = &open->targets[i];
        if (undecided(target) && target->work == WORK_IDLE && list_is_fresh(engine, target, now) &&
            !licence_holds(engine, open, target, now) && !attempts_are_spent(engine, target))
            record->attempt.targets[record->attempt.count++] = i;
    }
    open->pending |= PENDING_ATTEMPT;
    engine_append(engine, record, now);
}

static struct instant verify_pause(const struct open *open, struct instant now)
{
    if (open->list_round == 0)
        return (struct instant){0};
    unsigned doublings =
        open->list_round - 1 < VERIFY_DOUBLINGS ? open->list_round - 1 : VERIFY_DOUBLINGS;
    return instant_add_ms(now, (int64_t)VERIFY_FIRST_MS << doublings);
}

static void decide_ending(struct engine *engine, struct open *open, struct instant now)
{
    struct pass pass = {.wake = engine_instant_of(engine, open->expires_at)};
    if (instant_passed(now, pass.wake))
        pass.wake = INSTANT_NEVER;
    if (open->command->options.dry_run) {
        append_closed(engine, open, COMMAND_DRY_RUN, now);
        return;
    }
    for (uint32_t i = 0; i < open->target_count; i++)
        pass_target(engine, open, i, &pass, now);
    flush_decisions(engine, open, now);
    interrupt_step(engine, open, now);
    if (pass.needs_licence)
        append_attempt(engine, open, now);
    if (pass.needs_list && !open->wants_list)
        cluster_want(engine, open, now, verify_pause(open, now));
    else if (pass.verifies && !pass.blocked && !open->wants_list)
        cluster_want(engine, open, now, verify_pause(open, now));
    heap_set(engine, open, pass.wake);
}

void decide(struct engine *engine, struct open *open, struct instant now)
{
    switch (open->state) {
    case STATE_ACCEPTED:
        decide_accepted(engine, open, now);
        break;
    case STATE_ENDING:
        decide_ending(engine, open, now);
        break;
    case STATE_CLOSING:
        if (!release_step(engine, open, now))
            break;
        append_closed(engine, open, command_outcome_of(open), now);
        break;
    default:
        heap_set(engine, open, INSTANT_NEVER);
        break;
    }
}

/* ---- after a new OWNER of ours: what was under way is forgotten ---- */

static void target_restart(struct engine *engine, struct target *target, struct instant now)
{
    if (target->outcome != TARGET_NONE)
        return;
    target->earlier_licence = target->licensed > 0;
    target->work = WORK_IDLE;
    target->appended = false;
    target->answered_gone = false;
    target->present_late = false;
    target->probing = false;
    target->probed_gone = false;
    target->interrupt_licensed = false;
    target->interrupted = false;
    target->licence_until = (struct instant){0};
    target->seen = (struct instant){0};
    target->since = now;
    target->verify_by = instant_add_ms(now, engine->config.verify_ms);
    target->settled = target->earlier_licence && !MUTATED(engine, speak_early)
                          ? instant_add_ms(now, LICENCE_AGE_MS)
                          : now;
}

void open_restart(struct engine *engine, struct open *open, struct instant now)
{
    HASH_DELETE(by_serial, engine->by_serial, open);
    open->serial = ++engine->serial;
    HASH_ADD(by_serial, engine->by_serial, serial, sizeof open->serial, open);
    open->pending = 0;
    cluster_served(open);
    open->list_after = now;
    open->hinted = false;
    open->list_round = 0;
    open->empty_since = (struct instant){0};
    open->empty_twice = false;
    open->sending = 0;
    release_free(open);
    if (MUTATED(engine, resolve_again) && open->state == STATE_ENDING)
        open->state = STATE_ACCEPTED;
    for (uint32_t i = 0; i < open->target_count; i++)
        target_restart(engine, &open->targets[i], now);
    engine_touch(engine, open);
}
