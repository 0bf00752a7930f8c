/* watch.h - a lock of ours that is written after everything was given back. */
#ifndef ENGINE_WATCH_H
#define ENGINE_WATCH_H

#include "engine/lock.h"

/* The service hears of it, as long as this one owns the partition. */
void stray_tell(struct engine *engine, const struct open *open, enum engine_stray_kind kind,
                const struct uuid *command);
/* The last RESTORED of a hold counts, and says what stands there. */
void watch_begin(struct open *open, struct hold *hold, const struct record *record,
                 struct wall until);
/* Nothing is looked for any more. */
void watch_leave(struct engine *engine, struct drain *drain);
static inline bool watch_is_on(const struct open *open)
{
    return open->drain && open->drain->watch;
}
/* A late write that was found is seen to; one that the last look finds still gets its licence. */
static inline bool watch_is_over(const struct engine *engine, const struct open *open,
                                 struct wall broker_time)
{
    if (!watch_is_on(open) || open->drain->stray)
        return false;
    return open->drain->watch_until.ms + LICENCE_AGE_MS + engine->config.settle_ms <=
           broker_time.ms;
}
/* An ATTEMPT(ACT_RESTORE) and a RESTORED behind the end. */
void watch_fold_attempt(struct engine *engine, struct open *open);
void watch_fold_restored(struct engine *engine, struct open *open, const struct record *record,
                         struct wall broker_time);
void watch_restart(struct drain *drain, struct instant now);
void watch_step(struct engine *engine, struct open *open, struct instant now);
void watch_answered(struct engine *engine, struct open *open, const struct engine_answer *answer,
                    struct instant now);
/* A lock was read: does it bear the mark of a command that no record here explains? */
void watch_name(struct engine *engine, struct open *open);
void strays_free(struct engine *engine);

#endif
