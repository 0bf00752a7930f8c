/* outbox.h - what leaves for Kafka beside the journal: events and replies are sent here, and the
 * receipts of everything, dead letters and forwards (letters.h) too, come here. Loop thread only.
 */
#ifndef SERVICE_OUTBOX_H
#define SERVICE_OUTBOX_H

#include "base/limits.h"
#include "engine/engine.h"
#include "kafka/message.h"

struct partition;
struct service;

/* The engine's PUBLISH: encoded at once; to the events topic, and to the reply topic that the
 * command names, if the configuration allows that one. The engine is told what became of it. */
void publish(struct partition *partition, const struct engine_action *action, struct instant now);
/* Tells of orders that were refused, if it is this worker's turn. */
void publish_refusals(struct service *service, struct instant now);
void outbox_receipt(struct service *service, const struct kafka_receipt *receipt,
                    struct instant now);

/* What an operator does when a topic took no message: what to grant, or where to look. `ret` has
 * TODO_SIZE bytes. */
enum { TODO_SIZE = LIMIT_NAME_BYTES + 64 };
const char *todo_write(enum error_code code, const char *topic, char *ret);

#endif
