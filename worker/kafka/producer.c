#include "kafka/producer.h"

#include "base/check.h"
#include "base/mem.h"
#include "kafka/out.h"

enum { LOOKUP_TIMEOUT_MS = 5000, LOOKUP_EVERY_MS = 1000 };

struct topic {
    char *name;
    rd_kafka_topic_t *handle; /* of the present client; NULL without one */
    bool lookup;              /* metadata is to be asked for */
};

struct kafka_producer {
    struct kafka_hub *hub;
    struct kafka_served served;
    struct kafka_out *out;
    struct topic topics[KAFKA_PRODUCED_TOPICS_MAX];
    size_t topic_count;
    size_t last; /* the topic named last: most messages go where the one before went */
    struct kafka_job *lookup;
    uint64_t lookup_at_ms; /* loop clock */
};

/* --- looking topics up: refreshes what librdkafka believes of them, refusals included -----------
 */

struct lookup_job {
    struct kafka_job job;
    rd_kafka_t *handle;
    rd_kafka_topic_t *topic; /* a reference of its own */
};

static void lookup_run(struct kafka_job *job)
{
    struct lookup_job *lookup = (struct lookup_job *)job;
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(lookup->handle, 0, lookup->topic, &metadata, LOOKUP_TIMEOUT_MS) == 0)
        rd_kafka_metadata_destroy(metadata);
    /* Released here and not later: a client is destroyed only when its topics are. */
    rd_kafka_topic_destroy(lookup->topic);
}

static void lookup_done(struct kafka_job *job)
{
    struct kafka_producer *producer = job->owner;
    producer->lookup = NULL;
}

static void lookup_release(struct kafka_job *job)
{
    free(job);
}

static void lookup_start(struct kafka_producer *producer, struct topic *topic)
{
    struct lookup_job *lookup = mem_new(struct lookup_job);
    lookup->handle = kafka_out_handle(producer->out);
    lookup->topic = rd_kafka_topic_new(lookup->handle, topic->name, NULL);
    CHECK(lookup->topic);
    lookup->job = (struct kafka_job){.owner = producer,
                                     .must_run = true,
                                     .run = lookup_run,
                                     .done = lookup_done,
                                     .release = lookup_release};
    topic->lookup = false;
    producer->lookup = &lookup->job;
    kafka_job_start(producer->hub, producer->lookup);
}

/* Runs before every `ready`. First sights go at once, one after the other. */
static void producer_serve(void *self)
{
    struct kafka_producer *producer = self;
    if (producer->lookup || !kafka_out_handle(producer->out))
        return;
    if (kafka_hub_ms(producer->hub) < producer->lookup_at_ms)
        return;
    for (size_t i = 0; i < producer->topic_count; i++) {
        struct topic *topic = &producer->topics[i];
        if (topic->lookup && topic->handle) {
            lookup_start(producer, topic);
            return;
        }
    }
}

/* A topic refused us or was not there: look again, but not more than once a second. */
static void look_again(struct kafka_producer *producer, struct topic *topic)
{
    if (topic->lookup)
        return;
    topic->lookup = true;
    producer->lookup_at_ms = kafka_hub_ms(producer->hub) + LOOKUP_EVERY_MS;
}

/* --- the client's life
 * --------------------------------------------------------------------------*/

static void producer_renewed(void *self, rd_kafka_t *handle)
{
    struct kafka_producer *producer = self;
    for (size_t i = 0; i < producer->topic_count; i++) {
        struct topic *topic = &producer->topics[i];
        topic->handle = rd_kafka_topic_new(handle, topic->name, NULL);
        topic->lookup = true;
    }
}

static bool producer_busy(void *self)
{
    struct kafka_producer *producer = self;
    return producer->lookup != NULL;
}

static void producer_dropped(void *self)
{
    struct kafka_producer *producer = self;
    if (producer->lookup) /* only when destroyed unclosed: waits for at most the lookup's timeout */
        kafka_job_abandon(producer->lookup);
    producer->lookup = NULL;
    for (size_t i = 0; i < producer->topic_count; i++) {
        struct topic *topic = &producer->topics[i];
        if (topic->handle)
            rd_kafka_topic_destroy(topic->handle);
        topic->handle = NULL;
    }
}

enum error_code kafka_producer_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                                      struct kafka_producer **ret, struct error *err)
{
    struct kafka_producer *producer = mem_new(struct kafka_producer);
    producer->hub = hub;
    struct kafka_out_user user = {producer_renewed, producer_busy, producer_dropped, producer};
    enum error_code code = kafka_out_create(hub, settings, KAFKA_ROLE_EVENTS, "events",
                                            KAFKA_PRODUCED_MAX, user, &producer->out, err);
    if (code) {
        free(producer);
        return code;
    }
    producer->served = (struct kafka_served){.serve = producer_serve, .self = producer};
    kafka_hub_serve(hub, &producer->served);
    *ret = producer;
    return ERR_OK;
}

void kafka_producer_close(struct kafka_producer *producer)
{
    kafka_out_close(producer->out);
}

bool kafka_producer_closed(const struct kafka_producer *producer)
{
    return kafka_out_closed(producer->out);
}

void kafka_producer_destroy(struct kafka_producer *producer)
{
    if (!producer)
        return;
    kafka_hub_unserve(&producer->served);
    kafka_out_destroy(producer->out);
    for (size_t i = 0; i < producer->topic_count; i++)
        free(producer->topics[i].name);
    free(producer);
}

/* --- topics ------------------------------------------------------------------------------------
 */

static struct topic *find_topic(struct kafka_producer *producer, const char *name)
{
    if (producer->topic_count && strcmp(producer->topics[producer->last].name, name) == 0)
        return &producer->topics[producer->last];
    for (size_t i = 0; i < producer->topic_count; i++) {
        if (strcmp(producer->topics[i].name, name) != 0)
            continue;
        producer->last = i;
        return &producer->topics[i];
    }
    return NULL;
}

static enum error_code know(struct kafka_producer *producer, const char *name, struct topic **ret,
                            struct error *err)
{
    struct topic *topic = find_topic(producer, name);
    if (!topic) {
        rd_kafka_t *handle = kafka_out_handle(producer->out);
        if (producer->topic_count == KAFKA_PRODUCED_TOPICS_MAX)
            return error_set(err, ERR_FULL, "%d different topics have been written to",
                             KAFKA_PRODUCED_TOPICS_MAX);
        if (!handle)
            return error_set(err, ERR_UNAVAILABLE, "the events producer is being replaced");
        rd_kafka_topic_t *made = rd_kafka_topic_new(handle, name, NULL);
        if (!made)
            return kafka_fail(err, rd_kafka_last_error(), "not a topic name");
        topic = &producer->topics[producer->topic_count++];
        *topic =
            (struct topic){.name = mem_text(name, strlen(name)), .handle = made, .lookup = true};
        kafka_hub_again(producer->hub);
    }
    *ret = topic;
    return ERR_OK;
}

enum error_code kafka_producer_know(struct kafka_producer *producer, const char *topic,
                                    struct error *err)
{
    struct topic *known;
    return know(producer, topic, &known, err);
}

/* --- sending -----------------------------------------------------------------------------------
 */

enum error_code kafka_producer_send(struct kafka_producer *producer,
                                    const struct kafka_outgoing *message, uint64_t tag,
                                    struct error *err)
{
    struct topic *topic = NULL;
    enum error_code code = know(producer, message->topic, &topic, err);
    if (code)
        return code;
    struct gate_message sent = {.topic = topic->handle,
                                .partition = message->partition,
                                .has_key = message->has_key,
                                .has_value = !message->tombstone,
                                .key = message->key,
                                .value = message->value,
                                .timestamp = message->timestamp,
                                .headers = message->headers,
                                .header_count = message->header_count};
    /* One lane for a topic: which partition a key has is librdkafka's knowledge. */
    uint32_t number = (uint32_t)(topic - producer->topics);
    struct kafka_out_mark mark = {.tag = tag, .mark = number, .lane = number};
    code = kafka_out_send(producer->out, &sent, mark, err);
    if (code == ERR_AUTH || code == ERR_NOT_FOUND)
        look_again(producer, topic);
    return code;
}

bool kafka_producer_poll(struct kafka_producer *producer, struct kafka_receipt *ret)
{
    uint32_t topic;
    if (!kafka_out_poll(producer->out, ret, &topic))
        return false;
    CHECK(topic < producer->topic_count);
    if (ret->code == ERR_AUTH || ret->code == ERR_NOT_FOUND)
        look_again(producer, &producer->topics[topic]);
    return true;
}

size_t kafka_producer_in_flight(const struct kafka_producer *producer)
{
    return kafka_out_in_flight(producer->out);
}

int32_t kafka_partition_of(struct text key, int32_t count)
{
    CHECK(count > 0);
    /* librdkafka's own function, which looks at nothing but the key and the count. */
    return rd_kafka_msg_partitioner_murmur2(NULL, key.at ? key.at : "", key.length, count, NULL,
                                            NULL);
}
