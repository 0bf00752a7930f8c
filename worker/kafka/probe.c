#include "kafka/probe.h"

#include <ctype.h>

#include "base/text.h"
#include "kafka/blocking.h"
#include "kafka/client.h"

enum { EVENTS_MAX = 200, CLUSTER_ID_TIMEOUT_MS = 2000 };

/* --- the blocking client -----------------------------------------------------------------------
 */

enum error_code kafka_blocking_create(const struct kafka_settings *settings,
                                      struct kafka_blocking **ret, struct error *err)
{
    rd_kafka_conf_t *conf;
    rd_kafka_t *handle;
    if (kafka_conf(settings, KAFKA_ROLE_ADMIN, &conf, err) ||
        kafka_handle(KAFKA_ROLE_ADMIN, conf, &handle, err))
        return ERR_CONFIG;
    struct kafka_blocking *blocking = mem_new(struct kafka_blocking);
    blocking->handle = handle;
    blocking->queue = rd_kafka_queue_get_main(handle);
    *ret = blocking;
    return ERR_OK;
}

void kafka_blocking_destroy(struct kafka_blocking *blocking)
{
    if (!blocking)
        return;
    rd_kafka_queue_destroy(blocking->queue);
    rd_kafka_destroy(blocking->handle);
    free(blocking);
}

/* How much an error says about the cause: "all brokers are down" only repeats the others. */
static int telling(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        return 4;
    case RD_KAFKA_RESP_ERR__SSL:
        return 3;
    case RD_KAFKA_RESP_ERR__RESOLVE:
        return 2;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        return 0;
    default:
        return 1;
    }
}

static void hear(struct kafka_blocking *blocking)
{
    rd_kafka_event_t *event;
    for (int i = 0; i < EVENTS_MAX && (event = rd_kafka_queue_poll(blocking->queue, 0)); i++) {
        rd_kafka_resp_err_t code = rd_kafka_event_error(event);
        bool error = rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR;
        if (error && (!blocking->said[0] || telling(code) > telling(blocking->code))) {
            AUTO_BUF printable;
            buf_init(&printable, sizeof blocking->said - 1); /* too long a text is left out */
            text_printable(&printable, text_of(rd_kafka_event_error_string(event)));
            snprintf(blocking->said, sizeof blocking->said, "%s", buf_text(&printable));
            blocking->code = code;
        }
        rd_kafka_event_destroy(event);
    }
}

static const char *advice(const struct kafka_blocking *blocking)
{
    switch (blocking->code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        return "check sasl.mechanisms, sasl.username and sasl.password";
    case RD_KAFKA_RESP_ERR__SSL:
        return "check security.protocol and ssl.ca.location, and that the broker's certificate "
               "has not expired and names the host as kafka.brokers does";
    case RD_KAFKA_RESP_ERR__RESOLVE:
        return "check the host names in kafka.brokers";
    default:
        return "check that the broker runs, that kafka.brokers names its client listener, and "
               "security.protocol";
    }
}

static enum error_code explain(struct kafka_blocking *blocking, rd_kafka_resp_err_t code,
                               struct error *err)
{
    hear(blocking);
    enum error_code class = kafka_class(blocking->said[0] ? blocking->code : code);
    return error_set(err, class == ERR_AUTH ? ERR_AUTH : ERR_UNAVAILABLE,
                     "Kafka does not answer: %s; %s",
                     blocking->said[0] ? blocking->said : rd_kafka_err2str(code), advice(blocking));
}

enum error_code kafka_blocking_metadata(struct kafka_blocking *blocking, int timeout_ms,
                                        const struct rd_kafka_metadata **ret, struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    /* All topics: asking for one by name would make it on brokers that make topics by accident. */
    rd_kafka_resp_err_t code = rd_kafka_metadata(blocking->handle, 1, NULL, &metadata, timeout_ms);
    if (code)
        return explain(blocking, code, err);
    *ret = metadata;
    return ERR_OK;
}

char *kafka_blocking_cluster_id(struct kafka_blocking *blocking, int timeout_ms)
{
    char *told = rd_kafka_clusterid(
        blocking->handle, timeout_ms < CLUSTER_ID_TIMEOUT_MS ? timeout_ms : CLUSTER_ID_TIMEOUT_MS);
    AUTO_BUF printable;
    buf_init(&printable, KAFKA_VALUE_MAX);
    text_printable(&printable, text_of(told ? told : ""));
    if (told)
        rd_kafka_mem_free(blocking->handle, told);
    return mem_text(buf_text(&printable), printable.length);
}

bool kafka_is_embedded(const char *cluster_id)
{
    static const char prefix[] = "mockCluster";
    if (strncmp(cluster_id, prefix, sizeof prefix - 1) != 0)
        return false;
    const char *rest = cluster_id + sizeof prefix - 1;
    if (!*rest)
        return false;
    for (; *rest; rest++)
        if (!isxdigit((unsigned char)*rest))
            return false;
    return true;
}

/* --- the probe ---------------------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct kafka_topic_seen *)a)->name,
                  ((const struct kafka_topic_seen *)b)->name);
}

static struct kafka_topic_seen topic_of(const struct rd_kafka_metadata_topic *from)
{
    struct kafka_topic_seen topic = {.name = mem_text(from->topic, strlen(from->topic)),
                                     .partitions = from->partition_cnt,
                                     .code = kafka_class(from->err)};
    if (from->partition_cnt > 0)
        topic.replication = from->partitions[0].replica_cnt;
    for (int i = 0; i < from->partition_cnt && !topic.code; i++)
        if (from->partitions[i].leader < 0)
            topic.code = ERR_UNAVAILABLE;
    return topic;
}

void kafka_seen_release(struct kafka_seen *seen)
{
    for (size_t i = 0; i < seen->topic_count; i++)
        free(seen->topics[i].name);
    free(seen->topics);
    free(seen->cluster_id);
    *seen = (struct kafka_seen){0};
}

const struct kafka_topic_seen *kafka_seen_topic(const struct kafka_seen *seen, const char *name)
{
    for (size_t i = 0; i < seen->topic_count; i++)
        if (strcmp(seen->topics[i].name, name) == 0)
            return &seen->topics[i];
    return NULL;
}

enum error_code kafka_probe(const struct kafka_settings *settings, int timeout_ms,
                            struct kafka_seen *ret, struct error *err)
{
    AUTO(kafka_blocking) blocking = NULL;
    const struct rd_kafka_metadata *metadata = NULL;
    enum error_code code = kafka_blocking_create(settings, &blocking, err);
    if (!code)
        code = kafka_blocking_metadata(blocking, timeout_ms, &metadata, err);
    if (code)
        return code;
    struct kafka_seen seen = {.brokers = metadata->broker_cnt,
                              .topic_count = (size_t)metadata->topic_cnt,
                              .library_version = kafka_library_version()};
    seen.topics = mem_alloc(seen.topic_count, sizeof *seen.topics);
    for (size_t i = 0; i < seen.topic_count; i++)
        seen.topics[i] = topic_of(&metadata->topics[i]);
    qsort(seen.topics, seen.topic_count, sizeof *seen.topics, by_name);
    rd_kafka_metadata_destroy(metadata);
    seen.cluster_id = kafka_blocking_cluster_id(blocking, timeout_ms);
    seen.embedded = kafka_is_embedded(seen.cluster_id);
    *ret = seen;
    return ERR_OK;
}
