/* LOCKED, RESTORED and ATTEMPT(ACT_RESTORE) read back: what a drain did to the lock of its
 * infobase. Who reads and writes locks when stands in drain.c. */
#include "engine/fold_lock.h"

#include <stdlib.h>

#include "engine/announce.h"
#include "engine/common.h"
#include "engine/entry.h"
#include "engine/hold.h"
#include "engine/holds.h"
#include "engine/lock.h"
#include "engine/watch.h"

void drain_begin(struct open *open)
{
    if (open->command->action == ACTION_DRAIN && !open->command->options.dry_run)
        open->drain = mem_new(struct drain);
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

static void note_locked(struct engine *engine, struct open *open, const struct record *record,
                        struct wall broker_time, struct instant licence)
{
    struct drain *drain = open->drain;
    if (!drain || drain->restored || record->locked.attempt <= drain->locks)
        return; /* a repeat */
    struct hold *hold = hold_find(engine, open->cluster, &record->locked.before.infobase);
    if (drain->share != hold) {
        if (hold->shares == 0)
            hold_found(hold, &record->locked.before);
        hold->shares++; /* first: dropping the other one may leave this one */
        if (drain->share)
            hold_drop_share(engine, drain); /* the infobase was registered anew: another one */
        drain->share = hold;
    }
    if (hold->watcher) /* from here on this one looks after it */
        open_unwatch(engine, hold->watcher);
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

/* A list that was approved before its lock says whom that lock will warn. */
void fold_locked(struct engine *engine, struct open *open, const struct record *record,
                 int64_t offset, struct wall broker_time, struct instant licence)
{
    struct journal_place place = {offset, broker_time};
    bool first = open->drain && open->drain->list_waits && open->drain->locks == 0;
    note_locked(engine, open, record, broker_time, licence);
    if (first && open->grace_until.ms > 0)
        duty_progress(engine, open, PROGRESS_WARNED, &place, open->grace_until, NULL);
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

/* False: a repeat. */
static bool note_restored(struct engine *engine, struct open *open, const struct record *record,
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
    hold_drop_share(engine, drain);
    open->pending &= ~(unsigned)PENDING_LOCK;
    engine_touch(engine, open);
    return true;
}

/* Takes the record. */
void fold_restored(struct engine *engine, struct open *open, struct record *record, int64_t offset,
                   struct wall broker_time)
{
    AUTO(record) restored = record;
    if (open->state == STATE_CLOSED)
        watch_fold_restored(engine, open, restored, broker_time);
    else if (!note_restored(engine, open, restored, broker_time))
        return;
    duty_add(engine, EVENT_RESTORED, offset, broker_time, open->entry, STEAL(restored), 0);
}
