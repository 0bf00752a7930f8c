/* resolve.h - from a complete list to RESOLVED. */
#ifndef ENGINE_RESOLVE_H
#define ENGINE_RESOLVE_H

#include "engine/state.h"

void command_resolve(struct engine *engine, struct open *open, const struct session_list *list,
                     struct instant now);
/* Asks for one session by UUID: an empty list proves nothing. */
void target_probe(struct engine *engine, struct open *open, uint32_t target);
/* What an approval must name: SHA-256 over those to be ended, from target `first` on. */
struct sha256 open_digest(const struct open *open, uint32_t first);

#endif
