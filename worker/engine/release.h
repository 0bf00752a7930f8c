/* release.h - what an ended session leaves behind. */
#ifndef ENGINE_RELEASE_H
#define ENGINE_RELEASE_H

#include "engine/state.h"

/* True: nothing of the ended sessions is left, or that was not asked for, or RELEASED tells it. */
bool release_step(struct engine *engine, struct open *open, struct instant now);
/* A complete list that started after the connections were looked at. */
void release_listed(struct engine *engine, struct open *open, const struct session_list *list,
                    struct instant now);
void release_licensed(struct open *open, struct instant until);
bool release_allows(const struct engine *engine, const struct open *open);
void release_answered(struct engine *engine, struct open *open, const struct engine_answer *answer,
                      struct instant now);
void release_free(struct open *open);
/* Something is left, or it could not be seen: no success, and why. */
bool release_failed(const struct open *open);
void release_reason(const struct open *open, struct reason *reason);
void fold_released(struct open *open, const struct record *record, struct wall broker_time);

#endif
