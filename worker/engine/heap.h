/* heap.h - who wakes when. */
#ifndef ENGINE_HEAP_H
#define ENGINE_HEAP_H

#include "engine/state.h"

void heap_set(struct engine *engine, struct open *open, struct instant wake);

#endif
