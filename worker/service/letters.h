/* letters.h - command messages that are handed on: the original bytes and headers, and why. What
 * cannot be read goes to the dead letters, what stands in a partition that is not its cluster's is
 * forwarded. intake.c calls; the command waits until its letter is acknowledged. */
#ifndef SERVICE_LETTERS_H
#define SERVICE_LETTERS_H

#include "base/clock.h"
#include "kafka/message.h"

struct partition;
struct sending;

/* False: nothing went out (logged), and no receipt comes: try again. */
bool send_dead_letter(struct partition *partition, const struct kafka_message *message,
                      const struct error *why);
/* To partition `to`, with the key that belongs there, and so many headers more than the message
 * has: of more than KAFKA_HEADERS_MAX together the last ones are left out. */
enum { FORWARD_HEADERS = 3 };
bool send_forward(struct partition *partition, const struct kafka_message *message, struct text key,
                  int32_t to);
/* The receipt of either, for outbox.c to pass on. */
void letter_acknowledged(struct partition *partition, const struct sending *sending,
                         const struct kafka_receipt *receipt, struct instant now);

#endif
