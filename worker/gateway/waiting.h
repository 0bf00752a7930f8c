/* waiting.h - requests that wait for Kafka, or for the end of their command. */
#ifndef GATEWAY_WAITING_H
#define GATEWAY_WAITING_H

#include "gateway/state.h"

/* Takes the waiter, filled in; tells it at once what is known if that is all it waits for. */
void waiting_add(struct gateway *gateway, struct waiter *waiter, struct instant now);
/* Tells those of this command who need not wait any longer. */
void waiting_tell(struct gateway *gateway, struct book_entry *entry);
/* All of this command get this problem. */
void waiting_fail(struct gateway *gateway, struct book_entry *entry, enum problem_kind kind);
/* Something is new about a command. */
void waiting_news(struct gateway *gateway, struct book_entry *entry, enum book_news news);
/* Tells whoever has waited long enough; everybody when the gateway stops. */
void waiting_expire(struct gateway *gateway, struct instant now);
/* When the next one has waited long enough. */
struct instant waiting_next(const struct gateway *gateway);

#endif
