/* hold.h - what our commands together did to the lock of one infobase (ADR 5). Inside this room
 * only.
 *
 * A hold begins with the first counting LOCKED of an infobase and ends with the last RESTORED. It
 * knows what stood there before and everything we may have written since. The lock for sessions
 * (switch, window, message, parameter, code) and the setting for scheduled jobs are judged apart.
 * RAS has no compare-and-set: whatever is written rests on a value read right before.
 *
 * After its end it is remembered for a while, for a write of ours may arrive later than every bound
 * says (watch.c). Nobody has a share then, and only a lock that is wholly ours counts as ours: jobs
 * that are denied while no lock of ours stands there were denied by somebody else. */
#ifndef ENGINE_HOLD_H
#define ENGINE_HOLD_H

#include "base/clock.h"
#include "base/uuid.h"
#include "model/infobase.h"

#include <uthash.h>

struct cluster;
struct open;

struct hold {
    struct hold_key {
        struct cluster *cluster;
        struct uuid infobase;
    } key;
    UT_hash_handle hh;
    /* fold */
    uint32_t shares;             /* commands that have LOCKED and not yet RESTORED */
    struct infobase_lock found;  /* what stood there before the first LOCKED */
    struct infobase_lock before; /* as the last LOCKED says; after the end, as RESTORED says */
    struct infobase_lock *ours;  /* owned: what the LOCKED of this hold, and of those right before
                                    it, allowed; the oldest first, HOLD_OURS_MAX at most */
    uint32_t ours_count;
    struct open *watcher; /* after the end: who looks for late writes; NULL: nobody */
    /* volatile */
    struct open *busy;      /* works on the lock: one after another */
    uint32_t lost;          /* commands with a share whose look found the infobase open */
    struct instant settled; /* until then a write of whoever has, or had, a share may arrive */
};

enum { HOLD_OURS_MAX = 256 /* LOCKED records; drains that follow each other without a pause */ };

void hold_release(struct hold *hold);
/* It begins, or its end counts: `lock` stood there, or stands there now, and nobody has a share. */
void hold_found(struct hold *hold, const struct infobase_lock *lock);
/* A LOCKED counts: `before` is what has to be given back from now on, `during` may stand there. */
void hold_note(struct hold *hold, const struct infobase_lock *before,
               const struct infobase_lock *during);
/* What to write so that `wanted` is in force, seen what stands there. A lock of ours is widened. A
 * lock of somebody else that is on stays in force: the earlier begin of both, no end, his words and
 * code; only the parameter is ours. One that is off, or whose end is past by `local_now` (none: the
 * cluster's clock is not known), is replaced. A lock of a hold that is over is taken for what stood
 * there before it. Owned by the caller. */
struct infobase_lock hold_during(const struct hold *hold, const struct infobase_lock *seen,
                                 const struct infobase_lock *wanted, struct server_time local_now);
/* Is a lock of ours in force that does all that `during` does? */
bool hold_covers(const struct hold *hold, const struct infobase_lock *seen,
                 const struct infobase_lock *during);
/* Does what stands there keep out whom `during` does, whoever set it? One that ends by itself
 * before that one does not. */
bool hold_keeps_out(const struct infobase_lock *seen, const struct infobase_lock *during);
/* What the infobase gets back, seen what stands there: `before` for what is ours, everything else
 * stays. So it is also what a further LOCKED promises to give back. A lock of ours that somebody
 * switched off stays off, and loses our words. Owned by the caller. */
struct infobase_lock hold_back(const struct hold *hold, const struct infobase_lock *seen);
/* Did somebody else's values stay when `now` stands there at the end? Judged by what stood there at
 * first: a lock that was changed meanwhile, and taken for what is to be given back, is somebody's
 * as well. */
bool hold_kept_foreign(const struct hold *hold, const struct infobase_lock *now);

#endif
