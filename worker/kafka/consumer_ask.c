/* Questions to the coordinator and the broker, on the pool. */
#include "kafka/consumer_ask.h"

#include "base/check.h"
#include "base/mem.h"
#include "kafka/client.h"
#include "kafka/consumer_events.h"

enum { ASK_TIMEOUT_MS = 5000 };

struct answer {
    int32_t partition;
    int64_t offset, low, high;
    char *metadata;
    size_t metadata_length;
    rd_kafka_resp_err_t code;
};

struct ask_job {
    struct kafka_job job;
    rd_kafka_t *group;
    char *topic;
    size_t count;
    struct answer answers[];
};

static void ask_committed(struct ask_job *ask)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)ask->count);
    for (size_t i = 0; i < ask->count; i++)
        rd_kafka_topic_partition_list_add(list, ask->topic, ask->answers[i].partition);
    rd_kafka_resp_err_t code = rd_kafka_committed(ask->group, list, ASK_TIMEOUT_MS);
    for (size_t i = 0; i < ask->count; i++) {
        struct answer *answer = &ask->answers[i];
        const rd_kafka_topic_partition_t *entry = &list->elems[i];
        answer->code = code ? code : entry->err;
        answer->offset = entry->offset >= 0 ? entry->offset : -1;
        if (!entry->metadata || entry->metadata_size == 0)
            continue;
        answer->metadata = mem_text(entry->metadata, entry->metadata_size);
        answer->metadata_length = entry->metadata_size;
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void ask_run(struct kafka_job *job)
{
    struct ask_job *ask = (struct ask_job *)job;
    ask_committed(ask);
    rd_kafka_resp_err_t failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; i < ask->count; i++) {
        struct answer *answer = &ask->answers[i];
        if (!answer->code && !failed)
            answer->code =
                rd_kafka_query_watermark_offsets(ask->group, ask->topic, answer->partition,
                                                 &answer->low, &answer->high, ASK_TIMEOUT_MS);
        else if (!answer->code)
            answer->code = failed;
        if (kafka_class(answer->code) == ERR_UNAVAILABLE)
            failed = answer->code;
    }
}

static void ask_done(struct kafka_job *job)
{
    struct ask_job *ask = (struct ask_job *)job;
    struct kafka_consumer *consumer = job->owner;
    consumer->ask = NULL;
    for (size_t i = 0; i < ask->count; i++) {
        struct answer *answer = &ask->answers[i];
        struct waiting *waiting = consumer_tell(consumer, KAFKA_CONSUMER_POSITION);
        waiting->event.partition = answer->partition;
        if (answer->code) {
            kafka_fail(&waiting->event.error, answer->code, "cannot ask the group for its offsets");
            continue;
        }
        waiting->event.offset = answer->offset;
        waiting->event.low = answer->low;
        waiting->event.high = answer->high;
        waiting->metadata = answer->metadata;
        waiting->event.metadata = (struct text){answer->metadata, answer->metadata_length};
        answer->metadata = NULL;
    }
}

static void ask_release(struct kafka_job *job)
{
    struct ask_job *ask = (struct ask_job *)job;
    for (size_t i = 0; i < ask->count; i++)
        free(ask->answers[i].metadata);
    free(ask->topic);
    free(ask);
}

void asks_send(struct kafka_consumer *consumer)
{
    if (consumer->ask || consumer->asked_count == 0 || consumer->closing ||
        consumer_is_out(consumer))
        return; /* fenced: the next client of the group is asked */
    size_t count = consumer->asked_count;
    struct ask_job *ask = mem_alloc(1, sizeof *ask + count * sizeof *ask->answers);
    ask->group = consumer->group;
    ask->topic = mem_text(consumer->topic, strlen(consumer->topic));
    ask->count = count;
    for (size_t i = 0; i < count; i++)
        ask->answers[i] = (struct answer){consumer->asked[i], -1, -1, -1, NULL, 0, 0};
    ask->job = (struct kafka_job){
        .owner = consumer, .run = ask_run, .done = ask_done, .release = ask_release};
    consumer->asked_count = 0;
    consumer->ask = &ask->job;
    kafka_job_start(consumer->hub, consumer->ask);
}

enum error_code kafka_consumer_ask(struct kafka_consumer *consumer, int32_t partition,
                                   struct error *err)
{
    CHECK(partition >= 0);
    if (consumer->closing)
        return error_set(err, ERR_UNAVAILABLE, "the consumer is closed");
    if (consumer->asked_count == KAFKA_PARTITIONS_MAX)
        return error_set(err, ERR_FULL, "%d questions are waiting already", KAFKA_PARTITIONS_MAX);
    consumer->asked =
        mem_resize(consumer->asked, consumer->asked_count + 1, sizeof *consumer->asked);
    consumer->asked[consumer->asked_count++] = partition;
    kafka_hub_again(consumer->hub);
    return ERR_OK;
}

/* ---- how many partitions ---- */

struct count_job {
    struct kafka_job job;
    rd_kafka_t *group;
    char *topic;
    int partitions; /* 0: not told */
};

/* Only what the client knows is asked for: the commands topic. Asked for by name, a topic that was
 * deleted would be made by a broker that makes topics by accident. */
static void count_run(struct kafka_job *job)
{
    struct count_job *count = (struct count_job *)job;
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(count->group, 0, NULL, &metadata, ASK_TIMEOUT_MS))
        return;
    for (int i = 0; i < metadata->topic_cnt; i++)
        if (!metadata->topics[i].err && !strcmp(metadata->topics[i].topic, count->topic))
            count->partitions = metadata->topics[i].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
}

static void count_done(struct kafka_job *job)
{
    struct count_job *count = (struct count_job *)job;
    struct kafka_consumer *consumer = job->owner;
    consumer->count = NULL;
    if (count->partitions > 0)
        consumer_tell(consumer, KAFKA_CONSUMER_COUNT)->event.offset = count->partitions;
}

static void count_release(struct kafka_job *job)
{
    struct count_job *count = (struct count_job *)job;
    free(count->topic);
    free(count);
}

void kafka_consumer_count(struct kafka_consumer *consumer)
{
    if (consumer->count || consumer->closing || consumer_is_out(consumer))
        return;
    struct count_job *count = mem_new(struct count_job);
    count->group = consumer->group;
    count->topic = mem_text(consumer->topic, strlen(consumer->topic));
    count->job = (struct kafka_job){
        .owner = consumer, .run = count_run, .done = count_done, .release = count_release};
    consumer->count = &count->job;
    kafka_job_start(consumer->hub, consumer->count);
}
