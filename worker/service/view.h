/* view.h - a Kafka message as the pure rooms see it. */
#ifndef SERVICE_VIEW_H
#define SERVICE_VIEW_H

#include "command/message.h"
#include "kafka/message.h"

/* `headers` has room for KAFKA_HEADERS_MAX. Everything is borrowed. */
void message_view(const struct kafka_message *from, struct header *headers, struct message *ret);

#endif
