/* cluster.h - lists: who is asked, and what they say of each target. */
#ifndef ENGINE_CLUSTER_H
#define ENGINE_CLUSTER_H

#include "engine/state.h"

void clusters_restart(struct engine *engine);
/* A complete list, or the cluster's own word, says that the session is gone. */
void target_absent(struct open *open, struct target *target);
/* ... or what started then shows that what lives under its UUID is not as it was. */
void target_changed(struct open *open, struct target *target, struct instant listed);
void clusters_step(struct engine *engine, struct instant now);
struct instant clusters_wake(const struct engine *engine);
/* Says which infobase the list must be able to tell; false when nobody waits for it any more. */
bool cluster_fill(struct engine *engine, struct engine_action *action);

#endif
