/* move.h - the state machine of an accepted command. */
#ifndef ENGINE_MOVE_H
#define ENGINE_MOVE_H

#include "engine/state.h"

/* Is the record legal now? If not it is a repeat, or a mistake, and does not count. */
bool open_may_move(const struct engine *engine, const struct open *open, enum record_kind kind);
/* The only place where a state moves. */
void open_move(struct engine *engine, struct open *open, enum record_kind kind);

#endif
