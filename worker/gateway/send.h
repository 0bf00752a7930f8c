/* send.h - a command on its way to Kafka. */
#ifndef GATEWAY_SEND_H
#define GATEWAY_SEND_H

#include "gateway/state.h"

/* Makes the command known and sends it, unless that was done before: `*ret` is its entry.
 * PROBLEM_KEY_REUSED: other words came under this id; PROBLEM_TOO_MANY, PROBLEM_NOT_WRITTEN:
 * nothing was sent. */
enum problem_kind send_once(struct gateway *gateway, const struct command *command,
                            const struct ask_mark *mark, struct book_entry **ret);
/* Kafka said what became of a command that was sent. */
void send_receipt(struct gateway *gateway, const struct kafka_receipt *receipt);

#endif
