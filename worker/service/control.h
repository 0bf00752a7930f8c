/* control.h - the control topic: cancels, approvals, restores, releases and the kill switch. Every
 * worker reads it to its end before it is ready, and goes on; the owner of the command journals
 * what it did. Nothing is ended while it cannot be read. */
#ifndef SERVICE_CONTROL_H
#define SERVICE_CONTROL_H

#include "base/clock.h"
#include "base/error.h"

struct service;

enum error_code control_open(struct service *service, struct error *err) MUST_CHECK;
/* A bounded number of messages. An error: the topic can be read no more, and the worker must stop.
 */
enum error_code control_pass(struct service *service, struct instant now,
                             struct error *err) MUST_CHECK;
/* How long ago the control topic was known to be read to its end; INT64_MAX: never was. */
int64_t control_age_ms(const struct service *service, struct instant now);

#endif
