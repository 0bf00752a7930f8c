/* health.h - what the outside may see of the worker as it stands: readiness, the gauges of a
 * scrape, and the HTTP server that shows them. Changes nothing of what it looks at. */
#ifndef SERVICE_HEALTH_H
#define SERVICE_HEALTH_H

#include "base/clock.h"
#include "base/error.h"

struct service;

/* Starts the server, if the configuration wants one. */
enum error_code health_create(struct service *service, struct error *err) MUST_CHECK;
/* Tells log, metrics and the service manager when readiness changes, and log and metrics which
 * total bound holds consumption back. */
void health_pass(struct service *service, struct instant now);

#endif
