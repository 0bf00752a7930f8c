/* probe.h - the first look at a broker, for `doctor` and for every program at its start.
 *
 * Blocks up to `timeout_ms`: for the command line, or on the loop's pool. */
#ifndef KAFKA_PROBE_H
#define KAFKA_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kafka/settings.h"

struct kafka_topic_seen {
    char *name; /* owned */
    int32_t partitions;
    int32_t replication;  /* of the first partition */
    enum error_code code; /* ERR_OK; AUTH: we may not see it; NOT_FOUND; UNAVAILABLE: no leader */
};

struct kafka_seen {
    char *cluster_id; /* owned; "" when the broker does not tell */
    bool embedded;    /* Curfew's own development broker: put it into kafka_settings.embedded */
    int32_t brokers;
    struct kafka_topic_seen *topics; /* owned; sorted by name */
    size_t topic_count;
    const char *library_version; /* static */
};

void kafka_seen_release(struct kafka_seen *seen);
/* Looks a topic up; NULL when it was not seen. */
const struct kafka_topic_seen *kafka_seen_topic(const struct kafka_seen *seen, const char *name);

/* Connects, asks for the cluster and all topics. On failure the message says what to look at:
 * address, TLS, credentials. ERR_UNAVAILABLE, ERR_AUTH, ERR_CONFIG. */
enum error_code kafka_probe(const struct kafka_settings *settings, int timeout_ms,
                            struct kafka_seen *ret, struct error *err) MUST_CHECK;

#endif
