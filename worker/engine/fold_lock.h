/* fold_lock.h - LOCKED, RESTORED, and what gives a drain its licences. */
#ifndef ENGINE_FOLD_LOCK_H
#define ENGINE_FOLD_LOCK_H

#include "engine/state.h"

/* A command that drains has a `drain` from its beginning. */
void drain_begin(struct open *open);
/* Its first list; then an ATTEMPT to end, or a verdict that rests on a list: its lock is in force.
 */
void drain_fold_list(struct open *open);
void drain_fold_begun(struct open *open);
/* An ATTEMPT(ACT_RESTORE). */
void drain_fold_attempt(struct open *open, struct instant licence);
void fold_locked(struct engine *engine, struct open *open, const struct record *record,
                 int64_t offset, struct wall broker_time, struct instant licence);
/* Takes the record. */
void fold_restored(struct engine *engine, struct open *open, struct record *record, int64_t offset,
                   struct wall broker_time);

#endif
