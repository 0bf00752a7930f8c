/* hold.h - what our commands together did to the lock of one infobase (ADR 5). Inside this room
 * only.
 *
 * A hold begins with the first counting LOCKED of an infobase and ends with the last RESTORED. It
 * knows what stood there before and everything we may have written since. The lock for sessions
 * (switch, window, message, parameter, code) and the setting for scheduled jobs are judged apart.
 * RAS has no compare-and-set: whatever is written rests on a value read right before. */
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
    struct infobase_lock before; /* as the last LOCKED says */
    struct infobase_lock *ours;  /* owned: everything that a LOCKED of this hold allowed */
    uint32_t ours_count;
    /* volatile */
    struct open *busy;      /* works on the lock: one after another */
    struct instant settled; /* until then a write of whoever has, or had, a share may arrive */
};

void hold_release(struct hold *hold);
/* A LOCKED counts: `before` is what has to be given back from now on, `during` may stand there. */
void hold_note(struct hold *hold, const struct infobase_lock *before,
               const struct infobase_lock *during);
/* What to write so that `wanted` is in force, seen what stands there. A lock of ours is widened. A
 * lock of somebody else that is on stays in force: the earlier begin of both, no end, his words and
 * code; only the parameter is ours. One that is off, or whose end is past by `local_now` (none: the
 * cluster's clock is not known), is replaced. Owned by the caller. */
struct infobase_lock hold_during(const struct hold *hold, const struct infobase_lock *seen,
                                 const struct infobase_lock *wanted, struct server_time local_now);
/* Is a lock of ours in force that does all that `during` does? */
bool hold_covers(const struct hold *hold, const struct infobase_lock *seen,
                 const struct infobase_lock *during);
/* What the infobase gets back, seen what stands there: `before` for what is ours, everything else
 * stays. So it is also what a further LOCKED promises to give back. A lock of ours that somebody
 * switched off stays off, and loses our words. Owned by the caller. */
struct infobase_lock hold_back(const struct hold *hold, const struct infobase_lock *seen);
/* Did somebody else's values stay when `now` stands there at the end? */
bool hold_kept_foreign(const struct hold *hold, const struct infobase_lock *now);

#endif
