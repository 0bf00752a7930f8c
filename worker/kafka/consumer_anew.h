/* consumer_anew.h - a member that was fenced after trouble joins once more. Internal to
 * worker/kafka. */
#ifndef KAFKA_CONSUMER_ANEW_H
#define KAFKA_CONSUMER_ANEW_H

#include "kafka/consumer_state.h"

void anew_init(struct kafka_consumer *consumer, const rd_kafka_conf_t *conf);
void anew_release(struct kafka_consumer *consumer);
/* An assignment came. */
void anew_joined(struct kafka_consumer *consumer);
/* Before the membership changes: a session's length in the group is the end of all trouble. */
void anew_settle(struct kafka_consumer *consumer);
/* The session was lost. */
void anew_trouble(struct kafka_consumer *consumer);
/* The group's client tells of an error. */
void anew_note(struct kafka_consumer *consumer, rd_kafka_resp_err_t code);
/* Fenced: true when the member joins once more, false when this is its end. */
bool anew_begin(struct kafka_consumer *consumer);
/* The next step of a member that joins once more. */
void anew_serve(struct kafka_consumer *consumer);

#endif
