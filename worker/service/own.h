/* own.h - what follows when this worker comes to own a partition's journal, and when another one
 * takes it (docs/adr/0002). Whose records count is the engine's to say. */
#ifndef SERVICE_OWN_H
#define SERVICE_OWN_H

#include "kafka/consumer.h"

struct partition;

/* After the engine has read an OWNER, and once in every pass. */
void own_pass(struct partition *partition, struct instant now);
/* Another worker has taken the journal: asks the group whether we are still counted in, once a
 * second, by a commit. Nothing otherwise. */
void own_prove(struct partition *partition, struct instant now);
/* The answer to a commit: the partition is asked for again when it proves that. */
void own_committed(struct partition *partition, const struct kafka_consumer_event *event,
                   struct instant now);

#endif
