#include "kafka/client.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "kafka/journal.h"
#include "kafka/producer.h"
#include "kafka/reader.h"

enum { SAID_MAX = 400 };

#define BIT(role) (1u << KAFKA_ROLE_##role)
enum {
    CONSUMERS = BIT(GROUP) | BIT(READER) | BIT(TAIL),
    READERS = BIT(READER) | BIT(TAIL),
    PRODUCERS = BIT(JOURNAL) | BIT(EVENTS),
    ALL = CONSUMERS | PRODUCERS | BIT(ADMIN),
};

struct row {
    unsigned roles;
    const char *key;
    const char *value;
    int since; /* RD_KAFKA_VERSION that knows the key; 0 = all we build with */
};

/* Ours, but the operator's list may say otherwise. */
static const struct row defaults[] = {
    {ALL, "client.id", "curfew", 0},
    {ALL, "log.connection.close", "false", 0}, /* brokers close idle connections: no news */
    {ALL, "socket.timeout.ms", "20000", 0},
    {ALL, "reconnect.backoff.max.ms", "2000", 0}, /* the default, 10 s, doubles a short outage */
    {BIT(GROUP), "session.timeout.ms", "10000", 0},
    {BIT(GROUP), "heartbeat.interval.ms", "1000", 0}, /* a rebalance is heard of in one */
    {BIT(GROUP), "max.poll.interval.ms", "60000", 0}, /* also how long a revocation may take */
    {READERS, "fetch.error.backoff.ms", "100", 0},
    {READERS, "fetch.queue.backoff.ms", "10", 0x020200ff}, /* a full queue waits 1 s before 2.2 */
};

/* What the invariants rest on; the operator cannot set these (refused.def). */
static const struct row fixed[] = {
    {ALL, "log.queue", "true", 0},
    {ALL, "socket.nagle.disable", "true", 0}, /* on by default until 2.10 */
    {CONSUMERS, "enable.auto.commit", "false", 0},
    {CONSUMERS, "enable.auto.offset.store", "false", 0},
    {CONSUMERS, "auto.offset.reset", "error", 0},
    {CONSUMERS, "check.crcs", "true", 0},
    {BIT(GROUP), "partition.assignment.strategy", "range", 0},
    {BIT(READER), "isolation.level", "read_committed", 0},
    {BIT(TAIL), "isolation.level", "read_uncommitted", 0},
    {READERS, "enable.partition.eof", "true", 0},
    {PRODUCERS, "enable.idempotence", "true", 0},
    {PRODUCERS, "acks", "all", 0},
    {BIT(EVENTS), "partitioner", "murmur2_random", 0},
};

static enum error_code set(rd_kafka_conf_t *conf, const char *key, const char *value,
                           struct error *err)
{
    char said[SAID_MAX];
    if (rd_kafka_conf_set(conf, key, value, said, sizeof said) == RD_KAFKA_CONF_OK)
        return ERR_OK;
    if (kafka_key_is_secret(text_of(key)))
        return error_set(err, ERR_CONFIG, "librdkafka %s refuses the value of '%s' (not shown)",
                         kafka_library_version(), key);
    return error_set(err, ERR_CONFIG, "librdkafka %s: %s", kafka_library_version(), said);
}

static enum error_code set_number(rd_kafka_conf_t *conf, const char *key, uint32_t value,
                                  struct error *err)
{
    char text[16];
    snprintf(text, sizeof text, "%u", value);
    return set(conf, key, text, err);
}

static enum error_code set_rows(rd_kafka_conf_t *conf, enum kafka_role role, const struct row *rows,
                                size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!(rows[i].roles & (1u << role)) || rd_kafka_version() < rows[i].since)
            continue;
        if (set(conf, rows[i].key, rows[i].value, err))
            return ERR_CONFIG;
    }
    return ERR_OK;
}

static enum error_code set_pairs(rd_kafka_conf_t *conf, const struct kafka_pairs *pairs,
                                 struct error *err)
{
    for (size_t i = 0; i < pairs->count; i++) {
        CHECK(!kafka_key_refused(text_of(pairs->at[i].key)));
        if (set(conf, pairs->at[i].key, pairs->at[i].value, err))
            return ERR_CONFIG;
    }
    return ERR_OK;
}

static enum error_code set_group(rd_kafka_conf_t *conf, const struct kafka_settings *settings,
                                 struct error *err)
{
    const char *group = kafka_settings_group(settings);
    if (!*group)
        return error_set(err, ERR_CONFIG, "kafka.group is empty: it names the consumer group");
    if (set(conf, "group.id", group, err))
        return ERR_CONFIG;
    if (settings->instance && *settings->instance)
        return set(conf, "group.instance.id", settings->instance, err);
    return ERR_OK;
}

static enum error_code set_reading(rd_kafka_conf_t *conf, const struct kafka_settings *settings,
                                   struct error *err)
{
    /* The embedded broker does not wake a waiting fetch when data comes (only the wait limit does),
     * so there the wait is the latency of every durable step. A real one does; there the wait
     * bounds how soon a newly opened partition joins the next fetch. */
    uint32_t wait_ms = settings->fetch_wait_ms;
    if (wait_ms == 0)
        wait_ms = settings->embedded ? 5 : 100;
    if (set_number(conf, "fetch.wait.max.ms", wait_ms, err))
        return ERR_CONFIG;
    return set_number(conf, "queued.max.messages.kbytes", KAFKA_QUEUE_KIB, err);
}

/* Twice our own bounds: librdkafka's queue is never what refuses. */
static enum error_code set_writing(rd_kafka_conf_t *conf, const struct kafka_settings *settings,
                                   struct error *err)
{
    _Static_assert((int)KAFKA_APPENDS_MAX == (int)KAFKA_PRODUCED_MAX,
                   "one bound for both producers");
    _Static_assert((int)KAFKA_APPENDS_KIB_MAX == (int)KAFKA_PRODUCED_KIB_MAX,
                   "one bound for both producers");
    if (settings->delivery_ms < 1000 || settings->delivery_ms > LICENCE_AGE_MS)
        return error_set(err, ERR_CONFIG, "kafka.delivery_ms is %u: it must be 1000 to %d",
                         settings->delivery_ms, LICENCE_AGE_MS);
    if (set_number(conf, "message.timeout.ms", settings->delivery_ms, err) ||
        set_number(conf, "linger.ms", settings->linger_ms, err) ||
        set_number(conf, "queue.buffering.max.messages", 2 * KAFKA_APPENDS_MAX, err))
        return ERR_CONFIG;
    return set_number(conf, "queue.buffering.max.kbytes", KAFKA_APPENDS_KIB_MAX, err);
}

static enum error_code fill(rd_kafka_conf_t *conf, const struct kafka_settings *settings,
                            enum kafka_role role, struct error *err)
{
    unsigned bit = 1u << role;
    const struct kafka_pairs *own = bit & CONSUMERS   ? &settings->pairs[KAFKA_CONSUMER]
                                    : bit & PRODUCERS ? &settings->pairs[KAFKA_PRODUCER]
                                                      : NULL;
    const char *brokers = kafka_settings_brokers(settings);
    if (!*brokers)
        return error_set(err, ERR_CONFIG,
                         "no Kafka address: set kafka.brokers or give --brokers host:port");
    if (set(conf, "bootstrap.servers", brokers, err) ||
        set_rows(conf, role, defaults, sizeof defaults / sizeof *defaults, err) ||
        set_pairs(conf, &settings->pairs[KAFKA_COMMON], err) ||
        (own && set_pairs(conf, own, err)) ||
        set_rows(conf, role, fixed, sizeof fixed / sizeof *fixed, err))
        return ERR_CONFIG;
    if (bit & READERS && set_reading(conf, settings, err))
        return ERR_CONFIG;
    if (bit & PRODUCERS && set_writing(conf, settings, err))
        return ERR_CONFIG;
    if (bit & BIT(GROUP))
        return set_group(conf, settings, err);
    return ERR_OK;
}

/* Log lines are taken from the queue; what librdkafka still says while it closes is nobody's. */
static void drop_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)handle;
    (void)level;
    (void)facility;
    (void)text;
}

enum error_code kafka_conf(const struct kafka_settings *settings, enum kafka_role role,
                           rd_kafka_conf_t **ret, struct error *err)
{
    struct error own;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (fill(conf, settings, role, err ? err : &own)) {
        rd_kafka_conf_destroy(conf);
        return ERR_CONFIG;
    }
    int events = RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG;
    if ((1u << role) & PRODUCERS)
        events |= RD_KAFKA_EVENT_DR;
    if (role == KAFKA_ROLE_GROUP)
        events |= RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT;
    rd_kafka_conf_set_events(conf, events);
    rd_kafka_conf_set_log_cb(conf, drop_log);
    *ret = conf;
    return ERR_OK;
}

enum error_code kafka_handle(enum kafka_role role, rd_kafka_conf_t *conf, rd_kafka_t **ret,
                             struct error *err)
{
    char said[SAID_MAX];
    bool consumes = ((1u << role) & CONSUMERS) != 0;
    rd_kafka_t *handle =
        rd_kafka_new(consumes ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf, said, sizeof said);
    if (!handle) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERR_CONFIG, "librdkafka %s cannot start a client: %s",
                         kafka_library_version(), said);
    }
    rd_kafka_resp_err_t code = rd_kafka_set_log_queue(handle, NULL);
    CHECK(code == RD_KAFKA_RESP_ERR_NO_ERROR);
    *ret = handle;
    return ERR_OK;
}

enum error_code kafka_class(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return ERR_OK;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
        return ERR_AUTH;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return ERR_NOT_FOUND;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
        return ERR_TOO_LARGE;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return ERR_FULL;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
        return ERR_INVALID;
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        return ERR_DENIED;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return ERR_STALE;
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
        return ERR_UNSUPPORTED;
    default:
        return ERR_UNAVAILABLE;
    }
}

enum error_code kafka_fail(struct error *err, rd_kafka_resp_err_t code, const char *what)
{
    return error_set(err, kafka_class(code), "%s: %s (%s)", what, rd_kafka_err2str(code),
                     rd_kafka_err2name(code));
}

static void note_error(struct kafka_hub *hub, const char *client, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    bool idle =
        code == RD_KAFKA_RESP_ERR__TRANSPORT; /* one broker of many: the log line says more */
    kafka_hub_note(hub, client, idle ? 6 : 4, kafka_class(code),
                   rd_kafka_event_error_string(event));
}

bool kafka_note_event(struct kafka_hub *hub, const char *client, rd_kafka_event_t *event)
{
    const char *facility, *text;
    int level;
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_LOG:
        if (rd_kafka_event_log(event, &facility, &text, &level) == 0)
            kafka_hub_note(hub, client, level, ERR_OK, text);
        return true;
    case RD_KAFKA_EVENT_ERROR:
        note_error(hub, client, event);
        return true;
    default:
        return false;
    }
}

struct drop_job {
    struct kafka_job job;
    rd_kafka_t *handle;
    void (*done)(void *owner);
};

static void drop_run(struct kafka_job *job)
{
    struct drop_job *drop = (struct drop_job *)job;
    if (rd_kafka_type(drop->handle) == RD_KAFKA_PRODUCER)
        rd_kafka_purge(drop->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                         RD_KAFKA_PURGE_F_NON_BLOCKING);
    /* A group consumer was closed before, or (after a fatal error) must not be. */
    rd_kafka_destroy_flags(drop->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static void drop_done(struct kafka_job *job)
{
    ((struct drop_job *)job)->done(job->owner);
}

static void drop_release(struct kafka_job *job)
{
    free(job);
}

struct kafka_job *kafka_handle_drop(struct kafka_hub *hub, rd_kafka_t *handle, void *owner,
                                    void (*done)(void *owner))
{
    struct drop_job *drop = mem_new(struct drop_job);
    drop->handle = handle;
    drop->done = done;
    drop->job = (struct kafka_job){.owner = owner,
                                   .must_run = true,
                                   .run = drop_run,
                                   .done = drop_done,
                                   .release = drop_release};
    kafka_job_start(hub, &drop->job);
    return &drop->job;
}
