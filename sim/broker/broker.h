/* broker.h - the embedded development broker: librdkafka's mock cluster and its hosting client.
 *
 * For `curfew demo`, `curfew broker` and tests. It speaks enough of Kafka for produce, consume,
 * groups and commits, listens on the loopback at a port that the kernel chooses, and lives in
 * librdkafka's threads. What it cannot promise, and what `curfew broker` says at start: it keeps
 * 5 MiB a partition and drops the oldest silently; its timestamps mean nothing; no retention, no
 * replication, no topic administration; everything is gone when it ends. */
#ifndef SIM_BROKER_BROKER_H
#define SIM_BROKER_BROKER_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/mem.h"

enum { BROKER_TOPICS_MAX = 64, BROKER_PARTITIONS_MAX = 256 };

struct broker_topic {
    const char *name;   /* zero-closed, copied */
    int32_t partitions; /* 1..BROKER_PARTITIONS_MAX */
};

struct broker;
struct rd_kafka_mock_cluster_s;

/* The topics of a default configuration; `*ret_count` of them. Static. */
const struct broker_topic *broker_default_topics(size_t *ret_count);
/* What it cannot promise, one sentence per line. Static. */
const char *broker_caveats(void);

/* Starts `nodes` (1..9) brokers in this process and makes the topics. It accepts connections when
 * this returns. ERR_UNAVAILABLE, ERR_CONFIG. */
enum error_code broker_create(int nodes, const struct broker_topic *topics, size_t count,
                              struct broker **ret, struct error *err) MUST_CHECK;
void broker_destroy(struct broker *broker);
AUTO_TYPE(broker)
/* "127.0.0.1:40123" (a comma-separated list with more nodes); lives as long as the broker. */
const char *broker_address(const struct broker *broker);
/* For tests: errors, delays and outages are injected through <librdkafka/rdkafka_mock.h>. */
struct rd_kafka_mock_cluster_s *broker_mock(struct broker *broker);

/* `curfew broker [--port-file FILE] [--topic name:partitions ...]`: runs until SIGINT or SIGTERM.
 * `argv[0]` is the subcommand. Returns the exit status. --topic replaces the default topics. */
int broker_run(int argc, char **argv);

#endif
