/* gate.h - what waits in front of librdkafka, so that its producer does not wait at full speed.
 * Internal to worker/kafka.
 *
 * An idempotent producer sends no further request for a partition while five of its messages are
 * unanswered. If there is more to send meanwhile, librdkafka's thread looks for the end of that
 * wait without pause (measured with 2.0.2; 2.15 reads the same: its next wake-up is "now"), and
 * takes a processor from whoever else needs one. So that more waits here: messages go straight
 * through while their lane has fewer than five unanswered, and all that came later go together when
 * it has again. Nothing leaves later than librdkafka would send it (but for the way through the
 * loop), an idle lane knows no waiting, and under load what is sent together grows with the
 * broker's answer time.
 *
 * A lane is a number that the user gives: messages of one partition must have the same lane, which
 * keeps their order. Numbers share lanes above GATE_LANES; then they wait for each other, and no
 * message waits here longer than GATE_WAIT_MS (after it librdkafka has it, with its own timeout).
 * Loop thread only. */
#ifndef KAFKA_GATE_H
#define KAFKA_GATE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "kafka/message.h"

enum {
    GATE_LANES = 64,
    GATE_UNANSWERED = 5, /* librdkafka's RD_KAFKA_IDEMP_MAX_INFLIGHT, messages of a partition */
    GATE_WAIT_MS = 500,
    GATE_KIB_MAX = 128 * 1024, /* waiting here, as KAFKA_APPENDS_KIB_MAX in librdkafka */
};

/* One message; borrowed for the call. */
struct gate_message {
    rd_kafka_topic_t *topic; /* must live until the message left, or until gate_forget() */
    int32_t partition;       /* or RD_KAFKA_PARTITION_UA: by key */
    bool has_key;
    bool has_value;
    struct text key;
    struct text value;
    struct wall timestamp; /* ms 0 = librdkafka's now */
    const struct kafka_header *headers;
    size_t header_count; /* 0..KAFKA_HEADERS_MAX */
};

/* Told of a message that had waited and was then not taken: it is surely not in the log. */
typedef void (*gate_refused)(void *self, void *opaque, rd_kafka_resp_err_t code);

struct gate;

/* `open`: everything goes straight through (the operator chose a linger of his own). */
struct gate *gate_create(bool open, gate_refused refused, void *self);
/* Frees it; what waits is forgotten. NULL is fine. */
void gate_destroy(struct gate *gate);
/* Gives a copy of the message to librdkafka, now or later; `opaque` comes back with its delivery
 * report, or through `refused`. An error is librdkafka's: nothing was taken. */
rd_kafka_resp_err_t gate_send(struct gate *gate, rd_kafka_t *handle, uint32_t lane,
                              const struct gate_message *message, void *opaque, uint64_t now_ms);
/* A delivery report of this lane was taken. */
void gate_answered(struct gate *gate, uint32_t lane);
/* Lets through what may go: call it when no more reports are there to be taken. */
void gate_serve(struct gate *gate, rd_kafka_t *handle, uint64_t now_ms);
/* The client is gone: nothing waits and nothing is unanswered any more. No `refused` is called. */
void gate_forget(struct gate *gate);

#endif
