/* topics.h - a commands topic that is not the one that the journal speaks of: made anew, or with
 * another number of partitions; and topics whose records bear no time of the broker's. Nothing is
 * taken from it until an operator releases it (`curfew topics accept`); open commands go on to
 * their end. The release comes by the control topic, names exactly what it releases, and is
 * journalled by the owner of each partition: the journal is the state. */
#ifndef SERVICE_TOPICS_H
#define SERVICE_TOPICS_H

#include "kafka/message.h"
#include "model/command.h"

struct partition;
struct service;

/* Did the broker put its own time on it? The topics are looked at when the worker starts; this
 * finds one that was changed since. True where nobody asks for it: on the embedded broker, and with
 * `allow_unsafe_topics`. */
bool topics_stamped(const struct service *service, const struct kafka_message *message);
/* Stops the partition: a record of its journal was not stamped. */
void topics_unstamped(struct partition *partition, int64_t offset);
/* Is the partition held, or may it be released? */
void topics_pass(struct partition *partition, struct instant now);
/* The first record read anew is not the last one journalled. */
void topics_made_anew(struct partition *partition);
/* A release from the control topic; it may come before what it releases is noticed. */
void topics_accepted(struct service *service, const struct command *command);
/* Asks now and then how many partitions there are. */
void topics_count(struct service *service, struct instant now);
void topics_counted(struct service *service, int64_t partitions);
void topics_destroy(struct service *service);

#endif
