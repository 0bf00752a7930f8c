/* handler.h - runs of the operator's program. */
#ifndef ENGINE_HANDLER_H
#define ENGINE_HANDLER_H

#include "engine/state.h"

void handling_free(struct open *open);
/* A new OWNER of ours: the handler may be asked again. */
void handler_restart(struct target *target);
/* Is the handler to end it? */
bool handler_is_due(const struct target *target);
/* Its handler is busy with others, or has no place now: until when, in `*ret_wake`. */
bool handler_makes_wait(const struct engine *engine, const struct open *open, struct target *target,
                        struct instant now, struct instant *ret_wake);
/* A target that may be sent joins the next run, or waits for a later one. */
void handler_take(struct open *open, uint32_t index, struct instant send_by);
/* Hands out the run that has come together. */
void handler_flush(struct engine *engine, struct open *open);
/* It said that it ended it, and the session is listed too late: may the worker end it now? */
bool handler_takes_over(struct target *target);
/* True: nobody is to be told of the end any more. */
bool handler_after_step(struct engine *engine, struct open *open, struct instant now);
void handler_licensed(struct open *open, struct instant until);
/* Why somebody could not be told; NULL: nothing to say. */
const struct error *handler_trouble(const struct open *open);
/* Fills in the task; false when it is not wanted any more. */
bool handler_fill(struct engine *engine, struct engine_action *action);
bool handler_allows(const struct engine *engine, const struct open *open);

#endif
