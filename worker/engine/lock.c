/* The lock of one infobase, as one drain sees it: requests, answers, and the records that license a
 * write. When each is due stands in drain.c and watch.c. */
#include "engine/lock.h"

#include <string.h>

#include "engine/common.h"
#include "engine/hold.h"

enum {
    LOCK_RETRY_FIRST_MS = 200,
    LOCK_RETRY_DOUBLINGS =
        5,                   /* 6.4 s at most: given back within a minute of the cluster's return */
    GONE_CONFIRM_MS = 30000, /* an infobase is believed to be gone when asked for again after it */
};

/* ---- requests ---- */

/* The one that is locked, or was, or whose list was approved; NULL: as the command names it. */
const struct uuid *lock_known_infobase(const struct open *open)
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
    const struct uuid *known = lock_known_infobase(open);
    if (known) { /* a name may be given to another infobase meanwhile */
        open->drain->name = uuid_format(known);
        action->infobase = open->drain->name.text;
    }
    open->drain->work = work;
    return action;
}

void lock_forget_seen(struct drain *drain)
{
    drain->known = false;
    infobase_lock_release(&drain->seen);
}

void lock_read(struct engine *engine, struct open *open, struct instant now)
{
    lock_forget_seen(open->drain);
    open->drain->asked = now;
    act_on_lock(engine, open, ENGINE_LOCK_READ, LOCK_READING);
}

void lock_write(struct engine *engine, struct open *open, const struct infobase_lock *lock,
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

/* ---- answers ---- */

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

static void was_read(struct drain *drain, const struct engine_answer *answer, struct instant now)
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
static void was_written(struct engine *engine, struct drain *drain,
                        const struct engine_answer *answer, struct instant now)
{
    enum error_code code = answer->code;
    bool definite = code == ERR_OK || code == ERR_REFUSED || code == ERR_AUTH;
    lock_forget_seen(drain);
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

bool lock_answered(struct engine *engine, struct drain *drain, const struct engine_answer *answer,
                   struct instant now)
{
    bool reading = answer->kind == ENGINE_LOCK_READ;
    if (drain->work == LOCK_IDLE || (drain->work == LOCK_READING) != reading)
        return false;
    drain->work = LOCK_IDLE;
    if (reading)
        was_read(drain, answer, now);
    else
        was_written(engine, drain, answer, now);
    return true;
}

/* A lock is not forgotten for one wrong word; before there is one, nothing is lost by believing the
 * second. */
bool lock_is_gone(const struct drain *drain, struct instant now)
{
    return drain->missing.ns && drain->failures > 1 &&
           (!drain->locks || instant_ms_between(drain->missing, now) >= GONE_CONFIRM_MS);
}

/* ---- what is to be written ---- */

/* The lock that this command needs, with all that others already need. */
enum error_code lock_needed(struct engine *engine, const struct open *open, const struct hold *hold,
                            struct wall grace_until, struct instant now, struct infobase_lock *ret,
                            struct error *err)
{
    struct deny deny = {.now = {0}};
    if (!engine->config.deny)
        return error_set(err, ERR_UNSUPPORTED, "this worker drains nothing");
    enum error_code code =
        engine->config.deny(engine->config.resolve_self, open->command, &open->drain->seen,
                            grace_until, engine_broker_now(engine, now), &deny, err);
    if (!code)
        *ret = hold_during(hold, &open->drain->seen, &deny.wanted, deny.now);
    infobase_lock_release(&deny.wanted);
    return code;
}

/* Is the grace over, and the lock's begin still ahead by the cluster's clock? That is so when the
 * clocks were set back meanwhile: the later of two readings was written, lest it begin too early.
 */
bool lock_begins_late(const struct engine *engine, const struct open *open, struct instant now)
{
    const struct drain *drain = open->drain;
    struct deny deny = {.now = {0}};
    struct error err;
    if (!drain->locks || !drain->during.denied_from.ticks || !drain->grace_until.ms ||
        !engine->config.deny || engine_broker_then(engine, now).ms < drain->grace_until.ms)
        return false;
    bool late =
        engine->config.deny(engine->config.resolve_self, open->command, NULL, drain->grace_until,
                            engine_broker_now(engine, now), &deny, &err) == ERR_OK &&
        deny.now.ticks > 0 && deny.now.ticks < drain->during.denied_from.ticks;
    infobase_lock_release(&deny.wanted);
    return late;
}

bool lock_given_back_first(struct engine *engine, struct open *open, const struct error *why)
{
    if (!open->drain || !open->drain->share)
        return false;
    open->drain->failure = *why;
    engine_touch(engine, open);
    return true;
}

/* ---- licences and what they led to ---- */

bool lock_licence_serves(const struct drain *drain, bool restores, struct instant now)
{
    return drain->licence_restores == restores && instant_before(now, drain->licence_until) &&
           infobase_lock_equal(&drain->licensed, &drain->seen);
}

void lock_append_locked(struct engine *engine, struct open *open, struct hold *hold,
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

void lock_append_attempt(struct engine *engine, struct open *open, struct instant now)
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

void lock_append_restored(struct engine *engine, struct open *open, bool kept_foreign,
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
