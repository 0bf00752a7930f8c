/* interrupt.h - calls that are stuck in the server. */
#ifndef ENGINE_INTERRUPT_H
#define ENGINE_INTERRUPT_H

#include "engine/state.h"

void interrupt_step(struct engine *engine, struct open *open, struct instant now);
void interrupt_licensed(struct open *open, const struct record *record, struct instant until);
bool interrupt_allows(const struct engine *engine, const struct open *open, uint32_t index);

#endif
