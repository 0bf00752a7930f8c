/* fold_end.h - CLOSED, REJECTED and DUPLICATE. */
#ifndef ENGINE_FOLD_END_H
#define ENGINE_FOLD_END_H

#include "engine/state.h"

/* These take the record, but for CLOSED. A refusal after acceptance: */
void fold_refused(struct engine *engine, struct record *record, int64_t offset,
                  struct wall broker_time);
/* ... and at the door. */
void fold_rejected(struct engine *engine, struct record *record, int64_t offset,
                   struct wall broker_time);
void fold_duplicate(struct engine *engine, struct record *record, int64_t offset,
                    struct wall broker_time);
void fold_closed(struct engine *engine, struct open *open, struct record *record, int64_t offset,
                 struct wall broker_time);

#endif
