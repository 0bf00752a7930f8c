/* remember.h - cancels and approvals of the control topic, kept: they may be read before the
 * command that they mean, and a partition's next owner must learn of those that its predecessor had
 * no time for. The oldest are forgotten when there are too many. */
#ifndef SERVICE_REMEMBER_H
#define SERVICE_REMEMBER_H

#include "base/clock.h"
#include "model/command.h"

struct partition;
struct service;

/* `at`: its append time; 0: not known. */
void remember_cancel(struct service *service, const struct command *command, struct wall at);
void remember_approval(struct service *service, const struct command *command);
/* All of them, to a partition that is owned anew. */
void remember_apply(struct partition *partition, struct instant now);
/* A command was accepted: its cancel may have come before it. */
void remember_accepted(struct partition *partition, const struct uuid *id, struct instant now);
void remember_destroy(struct service *service);

#endif
