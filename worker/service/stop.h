/* stop.h - how a worker ends: open commands are finished, clients and executors close, and whoever
 * runs the worker is told. The phases stand in state.h and only go on. */
#ifndef SERVICE_STOP_H
#define SERVICE_STOP_H

#include "base/clock.h"

struct service;

/* No matter what is open: everything closes. */
void stop_begin(struct service *service);
/* Goes on to the next phase when it is time: idle, or drained for long enough; then closed, or
 * given up (service.h, `abandoned`). */
void stop_pass(struct service *service, struct instant now);

#endif
