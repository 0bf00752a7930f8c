/* consumer_group.h - the group's client, from its making to its end. Internal to worker/kafka. */
#ifndef KAFKA_CONSUMER_GROUP_H
#define KAFKA_CONSUMER_GROUP_H

#include "kafka/consumer_state.h"

/* Makes a client and subscribes; consumes `conf`. ERR_CONFIG. */
enum error_code group_open(struct kafka_consumer *consumer, rd_kafka_conf_t *conf,
                           struct error *err) MUST_CHECK;
/* Destroys the group's client on the pool; `drop` is NULL again when that is done. */
void group_drop(struct kafka_consumer *consumer);
/* Leaves the group if it is in it, and abandons what is under way: nothing of it comes any more. */
void group_destroy(struct kafka_consumer *consumer);

#endif
