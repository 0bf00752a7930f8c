/* blocking.h - a client for one blocking look at a broker. Internal to worker/kafka. */
#ifndef KAFKA_BLOCKING_H
#define KAFKA_BLOCKING_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/mem.h"
#include "kafka/settings.h"

struct kafka_blocking {
    rd_kafka_t *handle;
    rd_kafka_queue_t *queue; /* the client's own errors and log lines */
    char said[400];          /* the most telling error so far, printable; "" = none */
    rd_kafka_resp_err_t code;
};

/* ERR_CONFIG: librdkafka refuses the settings. Nothing is connected to yet. */
enum error_code kafka_blocking_create(const struct kafka_settings *settings,
                                      struct kafka_blocking **ret, struct error *err) MUST_CHECK;
void kafka_blocking_destroy(struct kafka_blocking *blocking);
AUTO_TYPE(kafka_blocking)

/* All topics; `*ret` is for rd_kafka_metadata_destroy(). The error says what to look at. */
enum error_code kafka_blocking_metadata(struct kafka_blocking *blocking, int timeout_ms,
                                        const struct rd_kafka_metadata **ret,
                                        struct error *err) MUST_CHECK;
/* Owned; "" when the broker does not tell. */
char *kafka_blocking_cluster_id(struct kafka_blocking *blocking, int timeout_ms);
/* Is this the cluster id of librdkafka's mock cluster ("mockCluster" and an address in hex)? */
bool kafka_is_embedded(const char *cluster_id);

#endif
