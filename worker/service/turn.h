/* turn.h - a partition's share of one pass: records read back, commands offered, the engine's
 * actions carried out, progress committed (I5). */
#ifndef SERVICE_TURN_H
#define SERVICE_TURN_H

#include <stdbool.h>

#include "base/clock.h"

struct partition;

/* A bounded number of each; what is left asks for another pass. */
void partition_pass(struct partition *partition, struct instant now);
/* Commits how far it came, before it is given back: the next owner begins there, and whoever looks
 * whether the journal was cut goes by it. */
void partition_leave(struct partition *partition);
/* Nothing is due before it. */
struct instant partition_wake(const struct partition *partition);
/* Nothing of it is open or on its way to Kafka: a worker that stops need not wait for it. */
bool partition_is_idle(const struct partition *partition);

#endif
