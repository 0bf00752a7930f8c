/* consumer_ask.h - questions of the consumer to the broker. Internal to worker/kafka. */
#ifndef KAFKA_CONSUMER_ASK_H
#define KAFKA_CONSUMER_ASK_H

#include "kafka/consumer_state.h"

/* Sends the questions that wait, all in one job, one job at a time. */
void asks_send(struct kafka_consumer *consumer);

#endif
