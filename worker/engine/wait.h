/* wait.h - commands before their list, between two, and before an approval. */
#ifndef ENGINE_WAIT_H
#define ENGINE_WAIT_H

#include "engine/state.h"

void wait_accepted(struct engine *engine, struct open *open, struct instant now);
void wait_pending(struct engine *engine, struct open *open, struct instant now);
void wait_between(struct engine *engine, struct open *open, struct instant now);
/* Before anything was sent for its round: one verdict for all, `why` unless it was decided before.
 * False: it goes on (`why` is NULL, and nothing was decided). */
bool wait_decides(struct engine *engine, struct open *open, const struct error *why,
                  struct instant now);

#endif
