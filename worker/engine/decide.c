/* From state to actions: what the owner does next for one command, and for one cluster. Nothing
 * here changes what counts; it appends records and asks clusters, and remembers what is under way.
 */
#include "engine/decide.h"

#include "engine/closing.h"
#include "engine/common.h"
#include "engine/drain.h"
#include "engine/handler.h"
#include "engine/heap.h"
#include "engine/interrupt.h"
#include "engine/release.h"
#include "engine/verdict.h"
#include "engine/wait.h"

enum {
    VERIFY_FIRST_MS = 100,
    VERIFY_DOUBLINGS = 4,    /* 1.6 s at most */
    VERIFY_EXTRA_MS = 10000, /* after the deadline one more list is hoped for this long; then the
                                end is unknown */
    GRACE_LIST_MS = 10000,   /* during a grace the cluster is listed so often, and at its end */
};

static bool undecided(const struct target *target)
{
    return target->outcome == TARGET_NONE && target->work != WORK_DECIDED;
}

/* ---- ENDING: one target ---- */

static bool licence_holds(const struct engine *engine, const struct open *open,
                          const struct target *target, struct instant now)
{
    return instant_before(now, target->licence_until) && !open_is_over(engine, open, now);
}

static bool list_is_fresh(const struct engine *engine, const struct target *target,
                          struct instant now)
{
    if (MUTATED(engine, skip_identity_check))
        return true;
    return target->seen.ns > 0 &&
           instant_ms_between(target->seen, now) < engine->config.identity_max_age_ms;
}

static struct instant send_by(const struct engine *engine, const struct open *open,
                              const struct target *target)
{
    struct instant licence =
        instant_min(target->licence_until, engine_instant_of(engine, open_end(open)));
    return engine_send_by(engine, licence, target->seen);
}

static void send_end(struct engine *engine, struct open *open, uint32_t index)
{
    struct target *target = &open->targets[index];
    struct engine_action *action = engine_act(engine, ENGINE_END);
    action->tag = (open->serial << TARGET_BITS) | index;
    action->cluster = open->cluster->name;
    action->session = target->identity.uuid;
    action->message = open->command->options.message;
    action->send_by = send_by(engine, open, target);
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
    bool waits;    /* some still have time to leave */
};

/* The handler and the worker have their attempts each for themselves. */
static bool attempts_are_spent(const struct engine *engine, const struct target *target)
{
    uint32_t tries = handler_is_due(target) ? target->handled : target->sends - target->handled;
    return target->handling == HANDLING_REFUSED || tries >= engine->config.attempts_max;
}

static void decide_spent(struct open *open, struct target *target)
{
    if (target->said.code && target->handling != HANDLING_STANDARD) {
        struct error why = reason_error(&target->said);
        decide_target(open, target, TARGET_FAILED, &why);
        return;
    }
    decide_with(open, target, TARGET_FAILED, ERR_REFUSED,
                "the cluster refused every attempt to end it");
}

static void decide_stopped(const struct engine *engine, struct open *open, struct target *target,
                           const char *what)
{
    struct error why;
    stop_why(engine, open, what, &why);
    decide_target(open, target, TARGET_STOPPED, &why);
}

/* Nothing was or may have been sent, and its grace is not over. */
static bool may_leave(const struct engine *engine, const struct open *open,
                      const struct target *target, struct instant now)
{
    return !target->earlier_licence && target->sends == 0 && open_in_grace(engine, open, now);
}

/* A fresh list shows it: is it sent, and by whom? */
static void pass_seen(struct engine *engine, struct open *open, uint32_t index, struct pass *pass,
                      struct instant now)
{
    struct target *target = &open->targets[index];
    bool may_act = !open->cancelled && !engine->halted && !open_is_over(engine, open, now);
    if ((!may_act || attempts_are_spent(engine, target)) && !instant_passed(now, target->settled)) {
        pass->wake = instant_min(pass->wake, target->settled);
        return;
    }
    bool speaks = !may_act || attempts_are_spent(engine, target);
    if (speaks && instant_before(target->seen, target->settled)) { /* age, then list, then speak */
        target->seen = (struct instant){0};
        target->since = instant_max(target->since, target->settled);
        pass->needs_list = true;
        return;
    }
    if (!may_act) {
        static const char *const what =
            "still listed; an earlier end may have been sent, a further one may not";
        if (open_is_over(engine, open, now))
            decide_with(open, target, TARGET_EXPIRED, ERR_EXPIRED, what);
        else
            decide_stopped(engine, open, target, what);
        return;
    }
    if (attempts_are_spent(engine, target)) {
        decide_spent(open, target);
        return;
    }
    if (open_holds_fire(engine, open))
        return; /* CANCELLED is on its way */
    if (!engine_control_is_fresh(engine, now))
        return; /* engine_control_seen() comes back to it */
    if (!licence_holds(engine, open, target, now))
        pass->needs_licence = true;
    else if (handler_is_due(target))
        handler_take(open, index, send_by(engine, open, target));
    else
        send_end(engine, open, index);
}

/* Its handler has no time for it now. */
static bool waits_for_handler(const struct engine *engine, const struct open *open,
                              struct target *target, struct pass *pass, struct instant now)
{
    struct instant wake;
    if (!handler_makes_wait(engine, open, target, now, &wake))
        return false;
    pass->wake = instant_min(pass->wake, wake);
    pass->blocked = pass->blocked || wake.ns == INSTANT_NEVER.ns;
    return true;
}

static void pass_idle(struct engine *engine, struct open *open, uint32_t index, struct pass *pass,
                      struct instant now)
{
    struct target *target = &open->targets[index];
    bool in_doubt = target->earlier_licence || target->sends > 0;
    if ((open->cancelled || engine->halted) && !in_doubt) {
        decide_stopped(engine, open, target, "stopped before anything was sent for it");
        return;
    }
    if (open_is_over(engine, open, now) && !in_doubt) {
        decide_with(open, target, TARGET_EXPIRED, ERR_EXPIRED,
                    "the validity ended before it could be ended");
        return;
    }
    if (may_leave(engine, open, target, now)) {
        pass->waits = true;
        return;
    }
    if (waits_for_handler(engine, open, target, pass, now))
        return;
    if (in_doubt && instant_passed(now, instant_add_ms(target->verify_by, VERIFY_EXTRA_MS))) {
        decide_unknown(open, target);
        return;
    }
    if (in_doubt)
        pass->wake = instant_min(pass->wake, instant_add_ms(target->verify_by, VERIFY_EXTRA_MS));
    if (!list_is_fresh(engine, target, now)) {
        if (!target->probing)
            pass->needs_list = true;
        return;
    }
    pass_seen(engine, open, index, pass, now);
}

static void pass_waiting(struct open *open, struct target *target, struct pass *pass,
                         struct instant now)
{
    struct instant last = instant_add_ms(target->verify_by, VERIFY_EXTRA_MS);
    if (target->present_late) {
        decide_with(open, target, TARGET_SURVIVED, ERR_REFUSED,
                    target->handled == target->sends
                        ? "the handler said that the session is gone, and the cluster still lists "
                          "it after the time for verification"
                        : "the cluster took the request, and still lists the session after the "
                          "time for verification");
        return;
    }
    if (instant_passed(now, last)) {
        decide_unknown(open, target);
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
        if (target->present_late && handler_takes_over(target))
            pass_idle(engine, open, index, pass, now);
        else
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
    record->attempt.round = open->round;
    record->attempt.attempt = open->attempt + 1;
    record->attempt.targets = mem_alloc(open->target_count, sizeof record->attempt.targets[0]);
    for (uint32_t i = 0; i < open->target_count; i++) {
        struct target *target = &open->targets[i];
        if (undecided(target) && target->work == WORK_IDLE && list_is_fresh(engine, target, now) &&
            !licence_holds(engine, open, target, now) && !attempts_are_spent(engine, target) &&
            !may_leave(engine, open, target, now))
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

/* Nobody is in a hurry during a grace: one list from time to time shows who has left. The one that
 * is asked for last must not be later than the end. */
static void watch_grace(struct engine *engine, struct open *open, struct pass *pass,
                        struct instant now)
{
    struct instant end = engine_instant_past(engine, open->grace_until);
    pass->wake = instant_min(pass->wake, end);
    open->list_round = 0; /* these verify nothing */
    if (open->wants_list)
        return;
    if (instant_passed(now, open->grace_list_at))
        open->grace_list_at = instant_add_ms(now, GRACE_LIST_MS);
    cluster_want(engine, open, now, instant_min(open->grace_list_at, end));
}

static void decide_ending(struct engine *engine, struct open *open, struct instant now)
{
    struct pass pass = {.wake = engine_instant_of(engine, open_end(open))};
    if (instant_passed(now, pass.wake))
        pass.wake = INSTANT_NEVER;
    if (open->command->options.dry_run) {
        command_close(engine, open, now);
        return;
    }
    for (uint32_t i = 0; i < open->target_count; i++)
        pass_target(engine, open, i, &pass, now);
    handler_flush(engine, open);
    verdicts_flush(engine, open, now);
    interrupt_step(engine, open, now);
    if (pass.needs_licence)
        append_attempt(engine, open, now);
    if (pass.needs_list && !open->wants_list)
        cluster_want(engine, open, now, verify_pause(open, now));
    else if (pass.verifies && !pass.blocked && !open->wants_list)
        cluster_want(engine, open, now, verify_pause(open, now));
    if (pass.waits)
        watch_grace(engine, open, &pass, now);
    heap_set(engine, open, pass.wake);
}

void decide(struct engine *engine, struct open *open, struct instant now)
{
    if (drain_decides(engine, open, now))
        return;
    switch (open->state) {
    case STATE_ACCEPTED:
        wait_accepted(engine, open, now);
        break;
    case STATE_PENDING:
        wait_pending(engine, open, now);
        break;
    case STATE_BETWEEN:
        wait_between(engine, open, now);
        break;
    case STATE_ENDING:
        decide_ending(engine, open, now);
        break;
    case STATE_CLOSING:
        if (release_step(engine, open, now) && handler_after_step(engine, open, now))
            command_close(engine, open, now);
        break;
    default:
        heap_set(engine, open, INSTANT_NEVER);
        break;
    }
}

/* ---- after a new OWNER of ours: what was under way is forgotten ---- */

static void target_restart(struct engine *engine, struct target *target, struct instant now)
{
    handler_restart(target);
    if (target->outcome != TARGET_NONE)
        return;
    target->earlier_licence = target->licensed > 0;
    target->work = WORK_IDLE;
    target->appended = false;
    target->answered_gone = false;
    target->present_late = false;
    target->probing = false;
    target->probed_gone = false;
    target->look = LOOK_NONE;
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
    open->resolved_seen = (struct instant){0};
    open->gives_up = false;
    reason_release(&open->failure);
    reason_release(&open->doubt);
    open->grace_list_at = (struct instant){0};
    open->hinted = false;
    open->list_round = 0;
    open->empty_since = (struct instant){0};
    open->empty_twice = false;
    open->sending = 0;
    release_free(open);
    handling_free(open);
    if (MUTATED(engine, resolve_again) && open->state == STATE_ENDING)
        open->state = STATE_ACCEPTED, open->round = 0;
    for (uint32_t i = 0; i < open->target_count; i++)
        target_restart(engine, &open->targets[i], now);
    drain_restart(engine, open, now);
    engine_touch(engine, open);
}
