/* refusal.h - orders on the control topic that are refused, until their senders can have heard of
 * it.
 *
 * Every worker reads every order, and each refuses the same ones. One tells: the owner of the first
 * partition, by an event whose id is made of the message's place, time and bytes, so that what two
 * workers tell, or one worker twice, is recognised as the same. Nothing is journalled: an order
 * that was refused changed nothing. A worker that starts reads the topic anew and tells again what
 * is younger than the longest validity; what is older it lets be. */
#ifndef SERVICE_REFUSAL_H
#define SERVICE_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "kafka/message.h"
#include "model/command.h"
#include "model/event.h"

enum { REFUSALS_MAX = 500 /* the oldest gives way: it stands in the log all the same */ };

struct refusals;

struct refusals *refusals_create(void);
void refusals_destroy(struct refusals *refusals);
AUTO_TYPE(refusals)
/* Takes `order` (NULL: it could not be read); the message is borrowed. Told until `forget_at`. */
void refusals_add(struct refusals *refusals, const struct kafka_message *message,
                  struct command *order, const struct error *why, struct instant forget_at);
/* The next event to publish; it borrows until the next call of any of these. False: none at
 * present.
 */
bool refusals_next(struct refusals *refusals, struct instant now, struct event *ret,
                   uint64_t *ret_tag);
/* What became of it. Not delivered: it comes again. */
void refusals_answered(struct refusals *refusals, uint64_t tag, bool delivered, struct instant now);

#endif
