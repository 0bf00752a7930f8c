/* producer.h - everything that is written beside the journal: events, dead letters, forwarded
 * commands, replies, and the commands of the command line.
 *
 * Idempotent, acks=all. Keyed messages go to the partition that Java's clients choose
 * (`murmur2_random`), so that one cluster's commands meet whoever produced them. Every message is
 * answered by exactly one receipt. Topics are looked up when first named (before 2.10.1 librdkafka
 * waits a second for an unknown one: name them early with kafka_producer_know()); a topic that
 * refused us is looked up again at most once a second, so a granted right works without a restart.
 * Loop thread only. */
#ifndef KAFKA_PRODUCER_H
#define KAFKA_PRODUCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kafka/hub.h"
#include "kafka/message.h"
#include "kafka/settings.h"

enum {
    KAFKA_PRODUCED_MAX = 32768,          /* in flight, receipts not yet taken included */
    KAFKA_PRODUCED_KIB_MAX = 128 * 1024, /* queued in librdkafka; as much may wait in the gate */
    KAFKA_PRODUCED_TOPICS_MAX = 256,     /* different topics named in one life */
    KAFKA_ANY_PARTITION = -1,            /* by key; without a key at random */
};

struct kafka_outgoing {
    const char *topic; /* zero-closed */
    int32_t partition; /* or KAFKA_ANY_PARTITION */
    bool has_key;
    struct text key;
    struct text value;                  /* everything is copied */
    bool tombstone;                     /* no value at all */
    const struct kafka_header *headers; /* may be NULL when header_count is 0 */
    size_t header_count;                /* 0..KAFKA_HEADERS_MAX */
    struct wall timestamp;              /* create time; ms 0 = now */
};

struct kafka_producer;

/* ERR_CONFIG: librdkafka refuses the settings. Connecting goes on in the background. `hub` and
 * `settings` outlive it. */
enum error_code kafka_producer_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                                      struct kafka_producer **ret, struct error *err) MUST_CHECK;
/* As kafka_journal_close(). */
void kafka_producer_close(struct kafka_producer *producer);
bool kafka_producer_closed(const struct kafka_producer *producer);
void kafka_producer_destroy(struct kafka_producer *producer);
AUTO_TYPE(kafka_producer)

/* Looks a topic up ahead of its first message. ERR_FULL above KAFKA_PRODUCED_TOPICS_MAX. */
enum error_code kafka_producer_know(struct kafka_producer *producer, const char *topic,
                                    struct error *err) MUST_CHECK;
/* ERR_FULL: a bound is reached. ERR_TOO_LARGE: above message.max.bytes. ERR_AUTH: the topic refuses
 * us at present (no receipt). ERR_NOT_FOUND: no such partition. ERR_UNAVAILABLE as in journal.h. Of
 * a message that has to wait for answers to earlier ones of its topic (gate.h) the same is told by
 * a receipt, KAFKA_NOT_PERSISTED: go on polling. */
enum error_code kafka_producer_send(struct kafka_producer *producer,
                                    const struct kafka_outgoing *message, uint64_t tag,
                                    struct error *err) MUST_CHECK;
bool kafka_producer_poll(struct kafka_producer *producer, struct kafka_receipt *ret);
size_t kafka_producer_in_flight(const struct kafka_producer *producer);

/* The partition of a key among `count` (1..) partitions: Java's default partitioner, which is what
 * kafka_producer_send() uses too. Pure; any thread. */
int32_t kafka_partition_of(struct text key, int32_t count);

#endif
