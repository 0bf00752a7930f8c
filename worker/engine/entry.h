/* entry.h - what is remembered of ids, and when it is let go. */
#ifndef ENGINE_ENTRY_H
#define ENGINE_ENTRY_H

#include "engine/state.h"

/* A new id; `from_ms`: it is remembered from then on, by the broker's clock. */
struct entry *entry_add(struct engine *engine, const struct record *record, int64_t offset,
                        int64_t from_ms);
/* The id comes again as a new command. */
void entry_outdate(struct engine *engine, const struct uuid *id);
void gathering_free(struct open *open);
/* Closed, and all of its events are delivered: nothing of it stays, but for a watch. */
void open_announced(struct engine *engine, struct open *open);
void entry_free(struct engine *engine, struct entry *entry);
/* Frees what is announced and over its time. */
void engine_forget(struct engine *engine, struct wall broker_time);
/* Its watch ends, because somebody takes the lock again, or the time is over. May free `open`. */
void open_unwatch(struct engine *engine, struct open *open);

#endif
