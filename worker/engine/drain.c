/* The lock of a drained infobase: taken before the rounds, held after them, given back whatever
 * happens (I9). Every write rests on a value read before, on a licence read back, and is read back
 * itself; a write in doubt is decided by reading. */
#include "engine/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum {
    LOCK_RETRY_FIRST_MS = 200,
    LOCK_RETRY_DOUBLINGS =
        5,                   /* 6.4 s at most: given back within a minute of the cluster's return */
    LOCKS_MAX = 10,          /* LOCKED records: then somebody else keeps changing it */
    GONE_CONFIRM_MS = 30000, /* an infobase is believed to be gone when asked for again after it */
    CONTROL_RETRY_MS = 1000,
    WHOLE_SECOND_MS = 1000, /* the cluster keeps such times to the second */
};

/* ---- requests and answers ---- */

/* The one that is locked, or was, or whose list was approved; NULL: as the command names it. */
static const struct uuid *infobase_of(const struct open *open)
{
    const struct hold *hold = open->drain->share ? open->drain->share : open->drain->watch;
    if (hold)
        return &hold->key.infobase;
    for (uint32_t i = 0; open->drain->list_waits && i < open->target_count; i++)
        if (open->targets[i].found)
            return &open->targets[i].identity.infobase;
    return NULL;
}

static struct engine_action *act_on_lock(struct engine *engine, struct open *open,
                                         enum engine_action_kind kind, enum lock_work work)
{
    struct engine_action *action = engine_act(engine, kind);
    action->tag = (open->serial << TARGET_BITS) | LOCK_INDEX;
    action->cluster = open->cluster->name;
    action->infobase = open->command->infobase;
    const struct uuid *known = infobase_of(open);
    if (known) { /* a name may be given to another infobase meanwhile */
        open->drain->name = uuid_format(known);
        action->infobase = open->drain->name.text;
    }
    open->drain->work = work;
    return action;
}

void drain_read_lock(struct engine *engine, struct open *open, struct instant now)
{
    drain_forget_seen(open->drain);
    open->drain->asked = now;
    act_on_lock(engine, open, ENGINE_LOCK_READ, LOCK_READING);
}

void drain_write_lock(struct engine *engine, struct open *open, const struct infobase_lock *lock,
                      enum lock_work work)
{
    struct drain *drain = open->drain;
    infobase_lock_release(&drain->writing);
    drain->writing = infobase_lock_copy(lock);
    struct engine_action *action = act_on_lock(engine, open, ENGINE_LOCK_WRITE, work);
    action->lock = &drain->writing;
    action->expected = &drain->licensed;
    action->send_by = drain->licence_until;
    if (work == LOCK_WRITING) /* giving back waits for nobody's word */
        action->send_by = instant_min(action->send_by, engine_control_until(engine));
    drain->licence_until = (struct instant){0}; /* good for one act */
}

/* Goes on later, later each time. */
static void back_off(struct drain *drain, struct instant now)
{
    unsigned doublings =
        drain->failures < LOCK_RETRY_DOUBLINGS ? drain->failures : LOCK_RETRY_DOUBLINGS;
    drain->failures++;
    drain->not_before = instant_add_ms(now, (int64_t)LOCK_RETRY_FIRST_MS << doublings);
}

static void not_found(struct drain *drain, const struct error *failure, struct instant now)
{
    if (drain->missing.ns == 0) {
        drain->missing = now;
        drain->failures = 0; /* from here on they are such answers */
    }
    drain->failure = *failure;
    back_off(drain, now);
}

static void lock_read(struct drain *drain, const struct engine_answer *answer, struct instant now)
{
    if (answer->code == ERR_OK) {
        drain->known = true;
        drain->seen = infobase_lock_copy(answer->lock);
        drain->missing = (struct instant){0};
        return;
    }
    if (answer->code == ERR_NOT_FOUND) {
        not_found(drain, answer->failure, now);
        return;
    }
    drain->missing = (struct instant){0};
    if (engine_is_final(answer->code))
        drain->failure = *answer->failure;
    back_off(drain, now);
}

/* Whatever was answered: what stands there now is read before anything follows from it. */
static void lock_written(struct engine *engine, struct drain *drain,
                         const struct engine_answer *answer, struct instant now)
{
    enum error_code code = answer->code;
    bool definite = code == ERR_OK || code == ERR_REFUSED || code == ERR_AUTH;
    drain_forget_seen(drain);
    if (answer->sent && !definite) {
        drain->settled = instant_max(drain->settled, instant_add_ms(now, engine->config.settle_ms));
        if (drain->share) /* it may outlive the share of this one */
            drain->share->settled = instant_max(drain->share->settled, drain->settled);
    }
    if (code == ERR_AUTH || (!answer->sent && engine_is_final(code)))
        drain->failure = *answer->failure; /* nothing but the operator can change it */
    if (code)
        back_off(drain, now);
    else
        drain->failures = 0;
}

void drain_answered(struct engine *engine, struct open *open, const struct engine_answer *answer,
                    struct instant now)
{
    struct drain *drain = open->drain;
    bool reading = answer->kind == ENGINE_LOCK_READ;
    if (!drain || drain->work == LOCK_IDLE || (drain->work == LOCK_READING) != reading)
        return;
    drain->work = LOCK_IDLE;
    if (reading)
        lock_read(drain, answer, now);
    else
        lock_written(engine, drain, answer, now);
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

static void append_locked(struct engine *engine, struct open *open, struct hold *hold,
                          const struct infobase_lock *during, struct wall grace_until,
                          struct instant now)
{
    const struct command *command = open->command;
    struct drain *drain = open->drain;
    struct record *record = engine_record_about(open, RECORD_LOCKED);
    record->locked.infobase = mem_text(command->infobase, strlen(command->infobase));
    if (drain->seen.name && strlen(drain->seen.name) <= LIMIT_NAME_BYTES)
        record->locked.name = mem_copy(drain->seen.name);
    record->locked.before = hold_back(hold, &drain->seen);
    record->locked.during = infobase_lock_copy(during);
    record->locked.attempt = drain->locks + 1;
    record->locked.grace_until = grace_until;
    record->locked.end_by = open->end_by;
    record->locked.until = drain->until;
    if (!drain->locks) {
        int64_t from = grace_until.ms ? grace_until.ms : engine_broker_now(engine, now).ms;
        int64_t time = drain_time_ms(engine, open);
        record->locked.end_by.ms = from + time;
        record->locked.until.ms = from + time + command->hold_ms;
    }
    infobase_lock_release(&drain->licensed);
    drain->licensed = infobase_lock_copy(&drain->seen);
    open->pending |= PENDING_LOCK;
    engine_append(engine, record, now);
}

/* The lock that this command needs, with all that others already need. */
static enum error_code wanted_lock(struct engine *engine, const struct open *open,
                                   const struct hold *hold, struct wall grace_until,
                                   struct instant now, struct infobase_lock *ret, struct error *err)
{
    struct deny deny = {.now = {0}};
    if (!engine->config.deny)
        return error_set(err, ERR_UNSUPPORTED, "this worker drains nothing");
    enum error_code code =
        engine->config.deny(engine->config.resolve_self, open->command, grace_until,
                            engine_broker_now(engine, now), &deny, err);
    if (!code)
        *ret = hold_during(hold, &open->drain->seen, &deny.wanted, deny.now);
    infobase_lock_release(&deny.wanted);
    return code;
}

/* Is the grace over, and the lock's begin still ahead by the cluster's clock? That is so when the
 * clocks were set back meanwhile: the later of two readings was written, lest it begin too early.
 */
bool drain_begins_late(const struct engine *engine, const struct open *open, struct instant now)
{
    const struct drain *drain = open->drain;
    struct deny deny = {.now = {0}};
    struct error err;
    if (!drain->locks || !drain->during.denied_from.ticks || !drain->grace_until.ms ||
        !engine->config.deny || engine_broker_then(engine, now).ms < drain->grace_until.ms)
        return false;
    bool late = engine->config.deny(engine->config.resolve_self, open->command, drain->grace_until,
                                    engine_broker_now(engine, now), &deny, &err) == ERR_OK &&
                deny.now.ticks > 0 && deny.now.ticks < drain->during.denied_from.ticks;
    infobase_lock_release(&deny.wanted);
    return late;
}

bool drain_licence_serves(const struct drain *drain, bool restores, struct instant now)
{
    return drain->licence_restores == restores && instant_before(now, drain->licence_until) &&
           infobase_lock_equal(&drain->licensed, &drain->seen);
}

static void take_lock(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    struct hold *hold = hold_find(engine, open->cluster, &drain->seen.infobase);
    if (!hold_enter(open, hold)) {
        drain_forget_seen(drain); /* waits for its turn, and reads then */
        return;
    }
    bool late = drain_begins_late(engine, open, now);
    if (drain->share == hold && !late && hold_covers(hold, &drain->seen, &drain->during)) {
        drain->in_force = true;
        drain->begins_again = false;
        hold_leave(engine, drain);
        engine_touch(engine, open);
        return;
    }
    if (!engine_control_is_fresh(engine, now)) {
        hold_leave(engine, drain); /* others may give theirs back meanwhile */
        drain_forget_seen(drain);
        drain->not_before = instant_add_ms(now, CONTROL_RETRY_MS);
        heap_set(engine, open, drain->not_before);
        return;
    }
    if (drain->share == hold && drain_licence_serves(drain, false, now)) {
        drain_write_lock(engine, open, &drain->during, LOCK_WRITING);
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
    if (wanted_lock(engine, open, hold, grace_until, now, &during, &drain->failure)) {
        engine_touch(engine, open);
        return;
    }
    append_locked(engine, open, hold, &during, grace_until, now);
    infobase_lock_release(&during);
}

/* ---- giving it back ---- */

void drain_append_attempt(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    struct record *record = engine_record_about(open, RECORD_ATTEMPT);
    record->attempt.act = ACT_RESTORE;
    record->attempt.round = 1;
    record->attempt.attempt = open->attempt + 1;
    infobase_lock_release(&drain->licensed);
    drain->licensed = infobase_lock_copy(&drain->seen);
    open->pending |= PENDING_LOCK;
    engine_append(engine, record, now);
}

void drain_append_restored(struct engine *engine, struct open *open, bool kept_foreign,
                           const struct error *why, struct instant now)
{
    const struct drain *drain = open->drain;
    const char *name = open->command->infobase;
    struct record *record = engine_record_about(open, RECORD_RESTORED);
    record->restored.infobase = mem_text(name, strlen(name));
    record->restored.now = infobase_lock_copy(&drain->seen);
    record->restored.now.infobase = (drain->share ? drain->share : drain->watch)->key.infobase;
    record->restored.kept_foreign = kept_foreign;
    if (why)
        reason_set(&record->reason, why);
    open->pending |= PENDING_LOCK;
    engine_append(engine, record, now);
}

/* What stands there is right; only a write that is still under way could change it. */
static void finish_giving_back(struct engine *engine, struct open *open, bool kept_foreign,
                               struct instant now)
{
    struct drain *drain = open->drain;
    drain->settled = instant_max(drain->settled, drain->share->settled);
    if (!instant_before(drain->asked, drain->settled) || MUTATED(engine, restored_early)) {
        drain_append_restored(engine, open, kept_foreign, NULL, now);
        return;
    }
    drain_forget_seen(drain);
    drain->not_before = drain->settled;
    engine_touch(engine, open);
}

static void give_back(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    struct hold *hold = drain->share;
    if (!hold_enter(open, hold)) {
        drain_forget_seen(drain);
        return;
    }
    if (!uuid_equal(&drain->seen.infobase, &hold->key.infobase)) {
        struct error why;
        error_set(&why, ERR_NOT_FOUND,
                  "another infobase bears the name '%s' now: nothing was given back",
                  open->command->infobase);
        drain_append_restored(engine, open, false, &why, now);
        return;
    }
    if (hold->shares > 1) { /* the others still need it: the last one gives back */
        drain_append_restored(engine, open, false, NULL, now);
        return;
    }
    struct infobase_lock back = MUTATED(engine, restore_blindly) ? infobase_lock_copy(&hold->before)
                                                                 : hold_back(hold, &drain->seen);
    if (infobase_lock_equal(&back, &drain->seen))
        finish_giving_back(engine, open, hold_kept_foreign(hold, &drain->seen), now);
    else if (drain_licence_serves(drain, true, now))
        drain_write_lock(engine, open, &back, LOCK_GIVING_BACK);
    else
        drain_append_attempt(engine, open, now);
    infobase_lock_release(&back);
}

/* A lock is not forgotten for one wrong word; before there is one, nothing is lost by believing the
 * second. */
static bool is_gone(const struct drain *drain, struct instant now)
{
    return drain->missing.ns && drain->failures > 1 &&
           (!drain->locks || instant_ms_between(drain->missing, now) >= GONE_CONFIRM_MS);
}

/* ---- what comes next ---- */

/* One step on the lock; the rest follows from answers and records. */
static void work_on_lock(struct engine *engine, struct open *open, bool back, struct instant now)
{
    struct drain *drain = open->drain;
    if (drain->work != LOCK_IDLE || open->pending & PENDING_LOCK)
        return;
    if (back && is_gone(drain, now)) {
        drain_append_restored(engine, open, false, &drain->failure, now);
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
        drain_read_lock(engine, open, now);
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
        error_set(why, ERR_CANCELLED, "stopped before the infobase was empty");
    else if (open_is_over(engine, open, now))
        error_set(why, drain->locks ? ERR_DEADLINE : ERR_EXPIRED,
                  drain->locks ? "the time was over before the infobase was empty"
                               : "the validity ended before the infobase was locked");
    else if (drain->failure.code && (!drain->missing.ns || is_gone(drain, now)))
        *why = drain->failure;
    else if (drain->restored || drain->gives_back)
        error_set(why, ERR_UNAVAILABLE, "given up, and the lock given back");
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
    if (!stopped && drain_begins_late(engine, open, now))
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
    if (!handler_after_step(engine, open, now))
        return true; /* somebody is told first how the sessions of earlier rounds ended */
    hold_leave(engine, drain);
    if (open->state == STATE_ACCEPTED && why.code == ERR_NOT_FOUND)
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

bool drain_gives_back_first(struct engine *engine, struct open *open, const struct error *why)
{
    if (!open->drain || !open->drain->share)
        return false;
    open->drain->failure = *why;
    engine_touch(engine, open);
    return true;
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
        heap_set(engine, open, engine_instant_of(engine, open->hold_until));
    else
        work_on_lock(engine, open, true, now);
    return true;
}

/* By the name that the drain gave it, the cluster's own, or the UUID: as far as they are known. */
static bool is_about(const struct open *open, const char *infobase)
{
    const struct drain *drain = open->drain;
    const struct uuid *known = infobase_of(open);
    struct uuid uuid;
    if (text_same_name(text_of(open->command->infobase), text_of(infobase)) ||
        (drain->title && text_same_name(text_of(drain->title), text_of(infobase))))
        return true;
    return known && uuid_read(text_of(infobase), &uuid, NULL) == ERR_OK && uuid_equal(&uuid, known);
}

uint32_t engine_give_back(struct engine *engine, const char *cluster, const char *infobase,
                          struct wall asked_at, const char *by, struct instant now)
{
    uint32_t count = 0;
    struct open *open;
    TAILQ_FOREACH(open, &engine_cluster(engine, cluster)->opens, of_cluster)
    if (open->drain && open->first_append.ms <= asked_at.ms && is_about(open, infobase))
        count += engine_cancel(engine, &open->entry->id, by, asked_at, now);
    return count;
}
