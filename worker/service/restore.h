/* restore.h - `restore` from the control topic: which holds are to end. Remembered, because the
 * control topic may be read before the command that it means, and because a successor must know of
 * it; of each infobase the last one. */
#ifndef SERVICE_RESTORE_H
#define SERVICE_RESTORE_H

#include "base/clock.h"
#include "model/command.h"

struct partition;
struct service;

/* `cluster` is copied. Ends what was asked for before `asked_at`, the broker's time. */
void restore_asked(struct service *service, const struct command *command, const char *cluster,
                   struct wall asked_at, struct instant now);
/* All that are remembered: a partition is owned anew, or a drain was accepted. */
void restore_apply(struct partition *partition, struct instant now);
void restore_destroy(struct service *service);

#endif
