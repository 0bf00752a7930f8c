/* memory.h - what a load leaves behind goes back to the system: a worker that had twenty thousand
 * commands open in the morning does not hold on to their buffers all day. Not under load: there the
 * memory is wanted again at once. */
#ifndef SERVICE_MEMORY_H
#define SERVICE_MEMORY_H

#include "base/clock.h"

struct service;

void memory_pass(struct service *service, struct instant now);

#endif
