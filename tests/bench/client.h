/* client.h - bare librdkafka clients for the bench: the worker's own settings where they change the
 * cost of a record, and nothing else of the worker. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <librdkafka/rdkafka.h>

#include "targets.h"

static inline void client_set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char said[400];
    if (rd_kafka_conf_set(conf, key, value, said, sizeof said) != RD_KAFKA_CONF_OK)
        bench_die("%s", said);
}

static inline rd_kafka_t *client_create(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char said[400];
    rd_kafka_t *handle = rd_kafka_new(type, conf, said, sizeof said);
    if (!handle)
        bench_die("%s", said);
    return handle;
}

/* `embedded`: that broker wakes no waiting fetch, so the wait is the latency (docs of the worker's
 * kafka.fetch_wait). */
static inline rd_kafka_t *client_reader(const char *brokers, int embedded)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    client_set(conf, "bootstrap.servers", brokers);
    client_set(conf, "socket.nagle.disable", "true");
    client_set(conf, "check.crcs", "true");
    client_set(conf, "fetch.wait.max.ms", embedded ? "5" : "100");
    client_set(conf, "queued.max.messages.kbytes", "16384");
    client_set(conf, "auto.offset.reset", "error");
    return client_create(RD_KAFKA_CONSUMER, conf);
}

static inline rd_kafka_t *client_writer(const char *brokers,
                                        void (*delivered)(rd_kafka_t *handle,
                                                          const rd_kafka_message_t *message,
                                                          void *self),
                                        void *self)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    client_set(conf, "bootstrap.servers", brokers);
    client_set(conf, "socket.nagle.disable", "true");
    client_set(conf, "enable.idempotence", "true");
    client_set(conf, "acks", "all");
    client_set(conf, "linger.ms", "0");
    client_set(conf, "partitioner", "murmur2_random");
    client_set(conf, "queue.buffering.max.messages", "1000000");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, self);
    return client_create(RD_KAFKA_PRODUCER, conf);
}

/* Also makes the topic known to the client, so that no first message waits for it. */
static inline int32_t client_partitions(rd_kafka_t *handle, const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *known = rd_kafka_topic_new(handle, topic, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(handle, 0, known, &metadata, 20000);
    if (code || metadata->topic_cnt != 1 || metadata->topics[0].err)
        bench_die("topic '%s': %s", topic,
                  rd_kafka_err2str(code ? code : metadata->topics[0].err));
    int32_t count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(known);
    return count;
}

static inline int64_t client_end(rd_kafka_t *handle, const char *topic, int32_t partition)
{
    int64_t low;
    int64_t high;
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(handle, topic, partition, &low, &high, 20000);
    if (code)
        bench_die("end of '%s': %s", topic, rd_kafka_err2str(code));
    return high;
}

/* Reads every partition of `topic` into `queue`; `from` is RD_KAFKA_OFFSET_BEGINNING, or _END for
 * what comes after this call. */
static inline rd_kafka_topic_t *client_read(rd_kafka_t *handle, const char *topic, int64_t from,
                                            rd_kafka_queue_t *queue)
{
    int32_t count = client_partitions(handle, topic);
    rd_kafka_topic_t *opened = rd_kafka_topic_new(handle, topic, NULL);
    for (int32_t i = 0; i < count; i++) {
        int64_t at = from == RD_KAFKA_OFFSET_END ? client_end(handle, topic, i) : from;
        if (rd_kafka_consume_start_queue(opened, i, at, queue))
            bench_die("cannot read '%s'", topic);
    }
    return opened;
}

static inline struct text client_header(const rd_kafka_message_t *message, const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t length;
    if (rd_kafka_message_headers(message, &headers) ||
        rd_kafka_header_get_last(headers, name, &value, &length))
        return (struct text){0};
    return (struct text){value, length};
}

#endif
