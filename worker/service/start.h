/* start.h - what a worker does before its first pass, in the order in which it does it. */
#ifndef SERVICE_START_H
#define SERVICE_START_H

#include "base/error.h"

struct service;

/* Blocks for the first look at brokers and topics, up to 20 s each; notes whether the broker is the
 * embedded one, and how many partitions there are. Errors as service_create() says. */
enum error_code start_look(struct service *service, struct error *err) MUST_CHECK;
/* The pass's timer, unset, and the service manager's watchdog. */
void start_timers(struct service *service);
/* Everything that talks to Kafka, the control topic opened, and the group joined. */
enum error_code start_clients(struct service *service, struct error *err) MUST_CHECK;

#endif
