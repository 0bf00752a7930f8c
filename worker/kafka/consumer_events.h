/* consumer_events.h - what waits to be polled from the consumer. Internal to worker/kafka. */
#ifndef KAFKA_CONSUMER_EVENTS_H
#define KAFKA_CONSUMER_EVENTS_H

#include "kafka/consumer_state.h"

/* Puts an event of this kind at the end of the queue, nothing in it yet. */
struct waiting *consumer_tell(struct kafka_consumer *consumer, enum kafka_consumer_event_kind kind);
/* The same for REVOKED and ASSIGNED, which name the partitions held. */
void consumer_tell_held(struct kafka_consumer *consumer, enum kafka_consumer_event_kind kind,
                        bool lost);
/* Takes the oldest one, whose borrowed parts live until events_let_go(). False: there is none. */
bool events_take(struct kafka_consumer *consumer, struct kafka_consumer_event *ret);
void events_let_go(struct kafka_consumer *consumer);
void events_release(struct kafka_consumer *consumer);

#endif
