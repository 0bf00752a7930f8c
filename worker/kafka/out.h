/* out.h - what the journal's and the events' producers share: one idempotent client, a bounded
 * table of what is in flight, receipts, and a new client after a fatal error. Internal to
 * worker/kafka.
 *
 * Invariant: every message that kafka_out_send() took has exactly one slot until its receipt is
 * taken; the slot travels through the gate and librdkafka as the message's opaque. */
#ifndef KAFKA_OUT_H
#define KAFKA_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "kafka/client.h"
#include "kafka/gate.h"
#include "kafka/message.h"

struct kafka_out;

/* `max` messages in flight. `renewed(self)` runs whenever there is a new client (also the first
 * time): handles of topics belong to a client; before it, `dropped(self)` releases those of the
 * last one. */
struct kafka_out_user {
    void (*renewed)(void *self, rd_kafka_t *handle);
    bool (*busy)(
        void *self); /* is the client still used by a job? It is dropped later; may be NULL */
    void (*dropped)(void *self);
    void *self;
};

/* At most `max` messages under way; `name` is borrowed, for the log. ERR_CONFIG: librdkafka refuses
 * the settings. */
enum error_code kafka_out_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                                 enum kafka_role role, const char *name, uint32_t max,
                                 struct kafka_out_user user, struct kafka_out **ret,
                                 struct error *err) MUST_CHECK;
/* As kafka_journal_close() and the two after it. */
void kafka_out_close(struct kafka_out *out);
bool kafka_out_closed(const struct kafka_out *out);
void kafka_out_destroy(struct kafka_out *out);

/* The present client, or NULL while there is none. */
rd_kafka_t *kafka_out_handle(const struct kafka_out *out);
/* What comes back with the receipt, and the gate's lane. */
struct kafka_out_mark {
    uint64_t tag;
    uint32_t mark;
    uint32_t lane;
};
/* Sends a copy, through the gate (gate.h). ERR_FULL, ERR_UNAVAILABLE without a client, or the class
 * of what librdkafka says at once; then there is no receipt. What it says later, of a message that
 * had to wait, is a receipt. */
enum error_code kafka_out_send(struct kafka_out *out, const struct gate_message *message,
                               struct kafka_out_mark mark, struct error *err) MUST_CHECK;
/* `*ret_mark` (may be NULL) is what was given with the message. */
bool kafka_out_poll(struct kafka_out *out, struct kafka_receipt *ret, uint32_t *ret_mark);
size_t kafka_out_in_flight(const struct kafka_out *out);
uint64_t kafka_out_rebuilds(const struct kafka_out *out);

#endif
