/* configure.h - what the configuration in force says to the rooms below, in their own words. Both
 * results borrow from it: a reload asks for them anew. */
#ifndef SERVICE_CONFIGURE_H
#define SERVICE_CONFIGURE_H

#include "engine/engine.h"
#include "event/encode.h"

struct service;

/* With a writer of its own each time. */
struct engine_config service_engine_config(const struct service *service, int32_t partition);
struct event_style service_event_style(const struct service *service);

#endif
