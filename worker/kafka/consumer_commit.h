/* consumer_commit.h - commits on their way to the group. Internal to worker/kafka. */
#ifndef KAFKA_CONSUMER_COMMIT_H
#define KAFKA_CONSUMER_COMMIT_H

#include "kafka/consumer_state.h"

/* Sends what was given, one request at a time. */
void commits_send(struct kafka_consumer *consumer);
/* Nothing waits and nothing is with the broker. */
bool commits_done(const struct kafka_consumer *consumer);
void commits_answered(struct kafka_consumer *consumer, rd_kafka_event_t *event);
void commits_forget(struct kafka_consumer *consumer);

#endif
