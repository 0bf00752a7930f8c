/* The lock of a drained infobase: taken before the rounds, held after them, given back whatever
 * happens (I9). Every write rests on a value read before, on a licence read back, and is read back
 * itself; a write in doubt is decided by reading. */
#include "engine/drain.h"

#include "engine/closing.h"
#include "engine/common.h"
#include "engine/handler.h"
#include "engine/heap.h"
#include "engine/hold.h"
#include "engine/holds.h"
#include "engine/lock.h"
#include "engine/release.h"
#include "engine/verdict.h"
#include "engine/wait.h"
#include "engine/watch.h"

enum {
    LOCKS_MAX = 10, /* LOCKED records: then somebody else keeps changing it */
    CONTROL_RETRY_MS = 1000,
    WHOLE_SECOND_MS = 1000, /* the cluster keeps such times to the second */
    HOLD_LOOK_MS = 60000,   /* between two looks at a lock that is held */
};

/* ---- answers, and what may leave ---- */

void drain_answered(struct engine *engine, struct open *open, const struct engine_answer *answer,
                    struct instant now)
{
    struct drain *drain = open->drain;
    if (!drain || !lock_answered(engine, drain, answer, now))
        return;
    if (drain->known)
        watch_name(engine, open);
    if (drain->watch)
        watch_answered(engine, open, answer, now);
    engine_touch(engine, open);
}

bool drain_allows(const struct engine *engine, const struct open *open)
{
    const struct drain *drain = open->drain;
    if (!drain || !engine_may_act(engine))
        return false;
    if (drain->watch)
        return drain->work == LOCK_GIVING_BACK && drain->watch->shares == 0;
    if (!drain->share)
        return false;
    if (drain->work == LOCK_GIVING_BACK)
        return drain->share->shares == 1; /* another command may have taken a share meanwhile */
    return drain->work == LOCK_WRITING && !engine->halted && !open_holds_fire(engine, open);
}

/* ---- taking it ---- */

static struct wall up_to_second(struct wall at)
{
    return (struct wall){(at.ms + WHOLE_SECOND_MS - 1) / WHOLE_SECOND_MS * WHOLE_SECOND_MS};
}

static void take_lock(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    struct hold *hold = hold_find(engine, open->cluster, &drain->seen.infobase);
    if (!hold_enter(open, hold)) {
        lock_forget_seen(drain); /* waits for its turn, and reads then */
        return;
    }
    bool late = lock_begins_late(engine, open, now);
    if (drain->share == hold && !late && hold_covers(hold, &drain->seen, &drain->during)) {
        drain->in_force = true;
        drain->begins_again = false;
        hold_leave(engine, drain);
        engine_touch(engine, open);
        return;
    }
    if (!engine_control_is_fresh(engine, now)) {
        hold_leave(engine, drain); /* others may give theirs back meanwhile */
        lock_forget_seen(drain);
        drain->not_before = instant_add_ms(now, CONTROL_RETRY_MS);
        heap_set(engine, open, drain->not_before);
        return;
    }
    if (drain->share == hold && lock_licence_serves(drain, false, now)) {
        lock_write(engine, open, &drain->during, LOCK_WRITING);
        return;
    }
    if (drain->locks >= LOCKS_MAX) {
        error_set(&drain->failure, ERR_CONFLICT,
                  "somebody else keeps changing the lock of infobase '%s'",
                  open->command->infobase);
        engine_touch(engine, open);
        return;
    }
    int64_t grace_ms = open->command->options.grace_ms;
    struct wall grace_until = drain->grace_until;
    if (!drain->locks && grace_ms)
        grace_until = up_to_second((struct wall){engine_broker_now(engine, now).ms + grace_ms});
    if (late)
        grace_until = (struct wall){0};
    struct infobase_lock during;
    if (lock_needed(engine, open, hold, grace_until, now, &during, &drain->failure)) {
        engine_touch(engine, open);
        return;
    }
    lock_append_locked(engine, open, hold, &during, grace_until, now);
    infobase_lock_release(&during);
}

/* ---- giving it back ---- */

/* What stands there is right; only a write that is still under way could change it. */
static void finish_giving_back(struct engine *engine, struct open *open, bool kept_foreign,
                               struct instant now)
{
    struct drain *drain = open->drain;
    drain->settled = instant_max(drain->settled, drain->share->settled);
    if (!instant_before(drain->asked, drain->settled) || MUTATED(engine, restored_early)) {
        lock_append_restored(engine, open, kept_foreign, NULL, now);
        return;
    }
    lock_forget_seen(drain);
    drain->not_before = drain->settled;
    engine_touch(engine, open);
}

static void give_back(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    struct hold *hold = drain->share;
    if (!hold_enter(open, hold)) {
        lock_forget_seen(drain);
        return;
    }
    if (!uuid_equal(&drain->seen.infobase, &hold->key.infobase)) {
        struct error why;
        error_set(&why, ERR_NOT_FOUND,
                  "another infobase bears the name '%s' now: nothing was given back",
                  open->command->infobase);
        lock_append_restored(engine, open, false, &why, now);
        return;
    }
    if (hold->shares > 1) { /* the others still need it: the last one gives back */
        lock_append_restored(engine, open, false, NULL, now);
        return;
    }
    struct infobase_lock back = MUTATED(engine, restore_blindly) ? infobase_lock_copy(&hold->before)
                                                                 : hold_back(hold, &drain->seen);
    if (infobase_lock_equal(&back, &drain->seen))
        finish_giving_back(engine, open, hold_kept_foreign(hold, &drain->seen), now);
    else if (lock_licence_serves(drain, true, now))
        lock_write(engine, open, &back, LOCK_GIVING_BACK);
    else
        lock_append_attempt(engine, open, now);
    infobase_lock_release(&back);
}

/* ---- holding it ---- */

/* Nobody tells us when it is taken away, by another administrator or by a late write of an earlier
 * drain; from what stands there the two cannot be told apart. So it is read from time to time, and
 * what is found is told, and not written over (I9: a stranger's change is kept and told). A look
 * that fails says nothing: giving back does not begin with its troubles. */
static void look_while_held(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    struct instant until = engine_instant_of(engine, open->hold_until);
    if (drain->work != LOCK_IDLE)
        return;
    if (drain->known) {
        bool lost = !hold_keeps_out(&drain->seen, &drain->during);
        if (lost != drain->lost)
            stray_tell(engine, open, lost ? ENGINE_LOCK_LOST : ENGINE_LOCK_FOUND, &open->entry->id);
        hold_note_lost(drain, lost);
        lock_forget_seen(drain);
    }
    drain->failures = 0;
    drain->missing = (struct instant){0};
    drain->not_before = (struct instant){0};
    drain->failure.code = ERR_OK;
    if (instant_passed(now, drain->look_at)) {
        drain->look_at = instant_add_ms(now, HOLD_LOOK_MS);
        lock_read(engine, open, now);
    }
    heap_set(engine, open, instant_min(until, drain->look_at));
}

/* ---- what comes next ---- */

/* One step on the lock; the rest follows from answers and records. */
static void work_on_lock(struct engine *engine, struct open *open, bool back, struct instant now)
{
    struct drain *drain = open->drain;
    if (drain->work != LOCK_IDLE || open->pending & PENDING_LOCK)
        return;
    if (back && lock_is_gone(drain, now)) {
        lock_append_restored(engine, open, false, &drain->failure, now);
        return;
    }
    if (!instant_passed(now, drain->not_before)) {
        heap_set(engine, open, drain->not_before);
        return;
    }
    struct hold *hold = drain->share ? drain->share : drain->busy;
    if (hold && hold->busy && hold->busy != open)
        return; /* hold_leave() calls */
    if (!drain->known)
        lock_read(engine, open, now);
    else if (back)
        give_back(engine, open, now);
    else
        take_lock(engine, open, now);
}

/* Why nothing more is begun for this drain; false: it may go on. */
static bool is_stopped(const struct engine *engine, const struct open *open, struct instant now,
                       struct error *why)
{
    const struct drain *drain = open->drain;
    *why = (struct error){.code = ERR_OK};
    if (open->cancelled || engine->halted)
        stop_why(engine, open, "stopped before the infobase was empty", why);
    else if (open_is_over(engine, open, now) && drain->locks)
        error_set(why, ERR_DEADLINE, "the time was over before the infobase was empty");
    else if (open_is_over(engine, open, now))
        error_set(why, ERR_EXPIRED, "the validity ended before the infobase was locked");
    else if (drain->failure.code && (!drain->missing.ns || lock_is_gone(drain, now)))
        *why = drain->failure;
    else if (drain->restored || drain->gives_back)
        error_set(why, ERR_UNAVAILABLE, "given up, and the lock given back");
    if (why->code == ERR_DEADLINE)
        open_tell_doubt(open, why);
    return why->code != ERR_OK;
}

/* Before the first list, and between two of them. */
static bool decide_waiting(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    struct error why;
    if (open->pending & ~(unsigned)PENDING_LOCK)
        return false; /* something is on its way, and the main line knows that */
    bool stopped = is_stopped(engine, open, now, &why);
    if (!stopped && lock_begins_late(engine, open, now))
        drain->begins_again = true;
    if (!stopped && !drain->begins_again &&
        (open->state == STATE_BETWEEN || drain->in_force || drain_looks(engine, open)))
        return false;
    if (!open->gives_up || open->state == STATE_ACCEPTED) /* later on its leftovers need lists */
        cluster_served(open); /* what it waited for was a round's list */
    open->gives_up |= stopped;
    heap_set(engine, open, stopped ? INSTANT_NEVER : engine_instant_of(engine, open_end(open)));
    if (!stopped || drain->share) {
        work_on_lock(engine, open, stopped, now);
        return true;
    }
    if (open->pending || drain->work != LOCK_IDLE)
        return true; /* a LOCKED may still come back, and then has to be given back */
    if (open->state == STATE_BETWEEN && !release_step(engine, open, now))
        return true; /* what earlier rounds left */
    if (!open->failure.code)
        reason_set(&open->failure, &why);
    why = reason_error(&open->failure);
    if (!handler_after_step(engine, open, now))
        return true; /* somebody is told first how the sessions of earlier rounds ended */
    hold_leave(engine, drain);
    bool refused = why.code == ERR_NOT_FOUND || (why.code == ERR_DENIED && !drain->locks);
    if (open->state == STATE_ACCEPTED && refused)
        command_refuse(engine, open, &why, now);
    else
        command_give_up(engine, open, &why, now);
    return true;
}

/* Its list was approved: nobody of it is ended before the lock stands. */
static bool decide_approved(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    struct error why;
    if (!drain->list_waits || drain->in_force)
        return false;
    if (open->pending & ~(unsigned)PENDING_LOCK)
        return true; /* a cancel is on its way */
    bool stopped = is_stopped(engine, open, now, &why);
    heap_set(engine, open, stopped ? INSTANT_NEVER : engine_instant_of(engine, open_end(open)));
    if (open->pending || drain->work != LOCK_IDLE)
        return true; /* a LOCKED may still come back, and then has to be given back */
    if (wait_decides(engine, open, stopped ? &why : NULL, now)) {
        heap_set(engine, open, INSTANT_NEVER);
        hold_leave(engine, drain);
        return true;
    }
    work_on_lock(engine, open, false, now);
    return true;
}

bool drain_looks(const struct engine *engine, const struct open *open)
{
    const struct drain *drain = open->drain;
    return drain && open->state == STATE_ACCEPTED && !drain->locks && !drain->looked &&
           !(open->pending & PENDING_LOCK) &&
           (engine->config.drains_ask || open->command->options.max_targets > 0);
}

void drain_has_looked(struct engine *engine, struct open *open)
{
    open->drain->looked = true;
    open->empty_since = (struct instant){0}; /* what is proven then counts for the round alone */
    open->empty_twice = false;
    engine_touch(engine, open);
}

bool drain_decides(struct engine *engine, struct open *open, struct instant now)
{
    const struct drain *drain = open->drain;
    if (!drain)
        return false;
    if (open->state == STATE_ACCEPTED || open->state == STATE_BETWEEN)
        return decide_waiting(engine, open, now);
    if (open->state == STATE_ENDING)
        return decide_approved(engine, open, now);
    if (open->state == STATE_CLOSED && drain->watch) {
        watch_step(engine, open, now);
        return true;
    }
    if (open->state != STATE_CLOSING || !drain->share)
        return false;
    heap_set(engine, open, INSTANT_NEVER);
    if (!open->cancelled && !release_step(engine, open, now))
        return true; /* empty is: no sessions, and none of their connections */
    if (!open->cancelled && engine_broker_now(engine, now).ms < open->hold_until.ms)
        look_while_held(engine, open, now);
    else
        work_on_lock(engine, open, true, now);
    return true;
}

/* ---- after a new OWNER of ours ---- */

void drain_restart(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    if (!drain)
        return;
    if (drain->busy)
        drain->busy->busy = NULL;
    drain->busy = NULL;
    drain->work = LOCK_IDLE;
    drain->in_force = false;
    drain->begins_again = false;
    drain->looked = false;
    lock_forget_seen(drain);
    drain->licence_until = (struct instant){0};
    drain->failures = 0;
    drain->not_before = (struct instant){0};
    drain->missing = (struct instant){0};
    drain->failure.code = ERR_OK;
    drain->look_at = (struct instant){0};
    hold_note_lost(drain, false);
    if (drain->watch)
        watch_restart(drain, now);
    if (drain->share && MUTATED(engine, forget_hold))
        hold_drop_share(engine, drain);
    drain->settled =
        drain->share ? instant_add_ms(now, LICENCE_AGE_MS + engine->config.settle_ms) : now;
}
