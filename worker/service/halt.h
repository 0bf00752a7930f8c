/* halt.h - the kill switch: engaged by the control topic, for all workers, or by a signal, for this
 * one (service_halt); either stops. Every engine is told by whom. */
#ifndef SERVICE_HALT_H
#define SERVICE_HALT_H

#include "engine/engine.h"
#include "model/command.h"

struct service;

/* An order of the control topic: ACTION_KILL_SWITCH. */
void halt_by_control(struct service *service, const struct command *command);
/* Tells a new engine whether it is engaged. */
void halt_tell(const struct service *service, struct engine *engine, struct instant now);

#endif
