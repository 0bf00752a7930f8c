/* consumer_held.h - the partitions of the assignment, and what is read of them. Internal to
 * worker/kafka. */
#ifndef KAFKA_CONSUMER_HELD_H
#define KAFKA_CONSUMER_HELD_H

#include "kafka/consumer_state.h"

/* NULL: the partition is not assigned. */
struct held *consumer_find(const struct kafka_consumer *consumer, int32_t partition);
/* Takes them from an assignment; none of them is started. */
void held_set(struct kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *list);
/* Stops to read all of them. */
void held_stop(struct kafka_consumer *consumer);
void held_forget(struct kafka_consumer *consumer);

#endif
