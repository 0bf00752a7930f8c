/* Commits of the consumer: coalesced, one request in flight, the newest offset wins. */
#include "kafka/consumer_commit.h"

#include "base/check.h"
#include "base/mem.h"
#include "kafka/client.h"
#include "kafka/consumer_events.h"
#include "kafka/consumer_held.h"

void commits_forget(struct kafka_consumer *consumer)
{
    struct commit *commit;
    while ((commit = STAILQ_FIRST(&consumer->commits))) {
        STAILQ_REMOVE_HEAD(&consumer->commits, link);
        free(commit->metadata);
        free(commit);
    }
    consumer->commit_count = 0;
}

void commits_answered(struct kafka_consumer *consumer, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t whole = rd_kafka_event_error(event);
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    bool same = consumer->generation == consumer->commit_generation;
    consumer->commit_out = false;
    for (int i = 0; list && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *entry = &list->elems[i];
        rd_kafka_resp_err_t code = entry->err ? entry->err : whole;
        struct waiting *waiting = consumer_tell(consumer, KAFKA_CONSUMER_COMMITTED);
        waiting->event.partition = entry->partition;
        waiting->event.offset = entry->offset;
        waiting->event.current = !code && same && kafka_consumer_holds(consumer, entry->partition);
        if (code)
            kafka_fail(&waiting->event.error, code, "the group refuses the commit");
    }
}

static rd_kafka_topic_partition_list_t *commit_list(struct kafka_consumer *consumer)
{
    struct commit *commit;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->commit_count);
    STAILQ_FOREACH(commit, &consumer->commits, link)
    {
        rd_kafka_topic_partition_t *entry =
            rd_kafka_topic_partition_list_add(list, consumer->topic, commit->partition);
        entry->offset = commit->offset;
        entry->metadata = commit->metadata; /* the list frees it */
        entry->metadata_size = commit->metadata_length;
        commit->metadata = NULL;
    }
    return list;
}

bool commits_done(const struct kafka_consumer *consumer)
{
    return consumer->commit_count == 0 && !consumer->commit_out;
}

void commits_send(struct kafka_consumer *consumer)
{
    if (consumer->commit_out || consumer->commit_count == 0 || !consumer->group)
        return;
    rd_kafka_topic_partition_list_t *list = commit_list(consumer);
    commits_forget(consumer);
    rd_kafka_resp_err_t code =
        rd_kafka_commit_queue(consumer->group, list, consumer->queue, NULL, NULL);
    consumer->commit_out = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    consumer->commit_generation = consumer->generation;
    for (int i = 0; code && i < list->cnt; i++) {
        struct waiting *waiting = consumer_tell(consumer, KAFKA_CONSUMER_COMMITTED);
        waiting->event.partition = list->elems[i].partition;
        waiting->event.offset = list->elems[i].offset;
        kafka_fail(&waiting->event.error, code, "the commit could not be sent");
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static struct commit *commit_of(struct kafka_consumer *consumer, int32_t partition)
{
    struct commit *commit;
    STAILQ_FOREACH(commit, &consumer->commits, link)
    if (commit->partition == partition)
        return commit;
    commit = mem_new(struct commit);
    commit->partition = partition;
    STAILQ_INSERT_TAIL(&consumer->commits, commit, link);
    consumer->commit_count++;
    return commit;
}

enum error_code kafka_consumer_commit(struct kafka_consumer *consumer, int32_t partition,
                                      int64_t offset, struct text metadata, struct error *err)
{
    CHECK(offset >= 0);
    bool member = consumer->membership == MEMBER_IN || consumer->membership == MEMBER_REVOKED;
    if (consumer->closing || !member || !consumer_find(consumer, partition))
        return error_set(err, ERR_STALE, "partition %d is not assigned to this worker", partition);
    if (metadata.length > KAFKA_METADATA_MAX)
        return error_set(err, ERR_TOO_LARGE, "commit metadata of %zu bytes: at most %d",
                         metadata.length, KAFKA_METADATA_MAX);
    if (metadata.length && memchr(metadata.at, 0, metadata.length))
        return error_set(err, ERR_INVALID,
                         "commit metadata with a zero byte would be read back wrongly");
    struct commit *commit = commit_of(consumer, partition);
    free(commit->metadata);
    commit->offset = offset;
    commit->metadata = metadata.length ? mem_text(metadata.at, metadata.length) : NULL;
    commit->metadata_length = metadata.length;
    kafka_hub_again(consumer->hub); /* one request for all that are given in this turn */
    return ERR_OK;
}
