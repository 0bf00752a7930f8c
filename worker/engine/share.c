/* Shares in the locks of infobases: what LOCKED, RESTORED and ATTEMPT(ACT_RESTORE) say of them. Who
 * reads and writes the locks when stands in drain.c. */
#include "engine/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* ---- holds ---- */

struct hold *hold_known(const struct engine *engine, struct cluster *cluster,
                        const struct uuid *infobase)
{
    struct hold_key key;
    struct hold *hold;
    memset(&key, 0, sizeof key);
    key.cluster = cluster;
    key.infobase = *infobase;
    HASH_FIND(hh, engine->holds, &key, sizeof key, hold);
    return hold;
}

struct hold *hold_find(struct engine *engine, struct cluster *cluster, const struct uuid *infobase)
{
    struct hold *hold = hold_known(engine, cluster, infobase);
    if (hold)
        return hold;
    hold = mem_new(struct hold);
    hold->key.cluster = cluster;
    hold->key.infobase = *infobase;
    HASH_ADD(hh, engine->holds, key, sizeof hold->key, hold);
    return hold;
}

static void drop_hold(struct engine *engine, struct hold *hold)
{
    HASH_DEL(engine->holds, hold);
    hold_release(hold);
    free(hold);
}

void hold_drop_unused(struct engine *engine, struct hold *hold)
{
    if (hold->shares == 0 && !hold->busy && !hold->watcher)
        drop_hold(engine, hold);
}

static void touch_others(struct engine *engine, struct cluster *cluster)
{
    struct open *open;
    TAILQ_FOREACH(open, &cluster->opens, of_cluster)
    if (open->drain)
        engine_touch(engine, open);
}

void hold_leave(struct engine *engine, struct drain *drain)
{
    struct hold *hold = drain->busy;
    drain->busy = NULL;
    if (!hold)
        return;
    hold->busy = NULL;
    touch_others(engine, hold->key.cluster);
    hold_drop_unused(engine, hold);
}

bool hold_enter(struct open *open, struct hold *hold)
{
    if (hold->busy && hold->busy != open)
        return false;
    hold->busy = open;
    open->drain->busy = hold;
    return true;
}

static void drop_share(struct engine *engine, struct drain *drain)
{
    struct hold *hold = drain->share;
    drain->share = NULL;
    CHECK(hold->shares > 0);
    hold->shares--;
    if (drain->busy)
        hold_leave(engine, drain);
    else
        hold_drop_unused(engine, hold);
}

void holds_free(struct engine *engine)
{
    struct hold *hold;
    struct hold *next;
    HASH_ITER(hh, engine->holds, hold, next)
    drop_hold(engine, hold);
}

/* ---- fold ---- */

void drain_begin(struct open *open)
{
    if (open->command->action == ACTION_DRAIN && !open->command->options.dry_run)
        open->drain = mem_new(struct drain);
}

void drain_forget_seen(struct drain *drain)
{
    drain->known = false;
    infobase_lock_release(&drain->seen);
}

void drain_free(struct engine *engine, struct open *open)
{
    struct drain *drain = open->drain;
    if (!drain)
        return;
    if (drain->share)
        drop_share(engine, drain);
    hold_leave(engine, drain);
    watch_leave(engine, drain);
    drain_forget_seen(drain);
    free(drain->title);
    infobase_lock_release(&drain->during);
    infobase_lock_release(&drain->licensed);
    infobase_lock_release(&drain->writing);
    free(drain);
    open->drain = NULL;
}

void drain_fold_locked(struct engine *engine, struct open *open, const struct record *record,
                       struct wall broker_time, struct instant licence)
{
    struct drain *drain = open->drain;
    if (!drain || drain->restored || record->locked.attempt <= drain->locks)
        return; /* a repeat */
    struct hold *hold = hold_find(engine, open->cluster, &record->locked.before.infobase);
    if (drain->share != hold) {
        hold->shares++; /* first: dropping the other one may leave this one */
        if (drain->share)
            drop_share(engine, drain); /* the infobase was registered anew: another one */
        drain->share = hold;
    }
    if (hold->watcher) /* from here on this one looks after it */
        watch_end(engine, hold->watcher);
    hold_note(hold, &record->locked.before, &record->locked.during);
    if (drain->locks == 0) {
        if (drain->list_waits)
            open->grace_until = record->locked.grace_until;
        open->end_by = record->locked.end_by;
        drain->locked_at = broker_time;
        drain->grace_until = record->locked.grace_until;
        drain->until = record->locked.until;
    }
    drain->locks = record->locked.attempt;
    infobase_lock_release(&drain->during);
    drain->during = infobase_lock_copy(&record->locked.during);
    free(drain->title);
    drain->title = mem_copy(record->locked.name);
    drain->licence_until = licence;
    drain->licence_restores = false;
    open->pending &= ~(unsigned)PENDING_LOCK;
    engine_touch(engine, open);
}

void drain_fold_list(struct open *open)
{
    if (open->drain && open->round == 1)
        open->drain->list_waits = open->drain->locks == 0;
}

void drain_fold_begun(struct open *open)
{
    if (open->drain)
        open->drain->list_waits = false;
}

void drain_fold_attempt(struct open *open, struct instant licence)
{
    if (!open->drain)
        return;
    open->drain->gives_back = true;
    open->drain->licence_until = licence;
    open->drain->licence_restores = true;
    open->pending &= ~(unsigned)PENDING_LOCK;
}

bool drain_fold_restored(struct engine *engine, struct open *open, const struct record *record,
                         struct wall broker_time)
{
    struct drain *drain = open->drain;
    if (!drain || !drain->share)
        return false; /* a repeat */
    drain->restored = true;
    drain->kept_foreign = record->restored.kept_foreign;
    if (drain->share->shares == 1 && !record->reason.code)
        watch_begin(open, drain->share, record,
                    (struct wall){broker_time.ms + engine->config.remember_ms});
    drop_share(engine, drain);
    open->pending &= ~(unsigned)PENDING_LOCK;
    engine_touch(engine, open);
    return true;
}

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
    drain_forget_seen(drain);
    drain->licence_until = (struct instant){0};
    drain->failures = 0;
    drain->not_before = (struct instant){0};
    drain->missing = (struct instant){0};
    drain->failure.code = ERR_OK;
    if (drain->watch)
        watch_restart(drain, now);
    if (drain->share && MUTATED(engine, forget_hold))
        drop_share(engine, drain);
    drain->settled =
        drain->share ? instant_add_ms(now, LICENCE_AGE_MS + engine->config.settle_ms) : now;
}
