/* drain.h - what a drain does before its rounds and after them. */
#ifndef ENGINE_DRAIN_H
#define ENGINE_DRAIN_H

#include "engine/state.h"

/* True: the main line has nothing to do for this drain now (it is not locked yet, holds, or is
 * being given back). */
bool drain_decides(struct engine *engine, struct open *open, struct instant now);
/* Does it look first whom it would end, because that may need an approval, or may be too many? */
bool drain_looks(const struct engine *engine, const struct open *open);
/* It looked, and nobody has to approve anything. */
void drain_has_looked(struct engine *engine, struct open *open);
/* What the cluster said of the lock. */
void drain_answered(struct engine *engine, struct open *open, const struct engine_answer *answer,
                    struct instant now);
/* May the write that is out leave? */
bool drain_allows(const struct engine *engine, const struct open *open);
/* After a new OWNER of ours. Every drain is restarted before one of them goes on. */
void drain_restart(struct engine *engine, struct open *open, struct instant now);

#endif
