/* owner.h - whose records count (ADR 2). */
#ifndef ENGINE_OWNER_H
#define ENGINE_OWNER_H

#include "engine/state.h"

void owner_read(struct engine *engine, const struct record *record, struct instant now);
/* Does this record (not an OWNER) count by its epoch and sequence? */
bool owner_counts(struct engine *engine, const struct record *record, struct instant now);
void owner_step(struct engine *engine, struct instant now);
struct instant owner_wake(const struct engine *engine);

#endif
