/* decide.h - what the owner does next for one command. */
#ifndef ENGINE_DECIDE_H
#define ENGINE_DECIDE_H

#include "engine/state.h"

void decide(struct engine *engine, struct open *open, struct instant now);
/* After a new OWNER of ours: what was under way is forgotten. */
void open_restart(struct engine *engine, struct open *open, struct instant now);

#endif
