/* The partitions of the assignment, and what is read of them. */
#include "kafka/consumer_held.h"

#include "base/check.h"
#include "base/mem.h"

struct held *consumer_find(const struct kafka_consumer *consumer, int32_t partition)
{
    size_t low = 0, high = consumer->held_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (consumer->held[middle].partition == partition)
            return &consumer->held[middle];
        if (consumer->held[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void held_stop(struct kafka_consumer *consumer)
{
    for (size_t i = 0; i < consumer->held_count; i++) {
        kafka_tail_close(consumer->held[i].tail);
        consumer->held[i].tail = NULL;
    }
}

void held_forget(struct kafka_consumer *consumer)
{
    held_stop(consumer);
    free(consumer->held);
    consumer->held = NULL;
    consumer->held_count = 0;
}

static int by_partition(const void *a, const void *b)
{
    int32_t left = ((const struct held *)a)->partition;
    int32_t right = ((const struct held *)b)->partition;
    return (left > right) - (left < right);
}

void held_set(struct kafka_consumer *consumer, const rd_kafka_topic_partition_list_t *list)
{
    held_forget(consumer);
    consumer->held = mem_alloc((size_t)list->cnt + 1, sizeof *consumer->held);
    for (int i = 0; i < list->cnt; i++)
        consumer->held[consumer->held_count++] = (struct held){list->elems[i].partition, NULL};
    qsort(consumer->held, consumer->held_count, sizeof *consumer->held, by_partition);
}

bool kafka_consumer_holds(const struct kafka_consumer *consumer, int32_t partition)
{
    return consumer->membership == MEMBER_IN && consumer_find(consumer, partition);
}

enum error_code kafka_consumer_start(struct kafka_consumer *consumer, int32_t partition,
                                     int64_t offset, struct error *err)
{
    CHECK(offset >= 0 || offset == KAFKA_FROM_BEGINNING);
    if (!kafka_consumer_holds(consumer, partition))
        return error_set(err, ERR_STALE, "partition %d is not assigned to this worker", partition);
    struct held *held = consumer_find(consumer, partition);
    kafka_tail_close(held->tail);
    held->tail = NULL;
    return kafka_tail_open(consumer->reader, consumer->topic, partition, offset, &held->tail, err);
}

void kafka_consumer_stop(struct kafka_consumer *consumer, int32_t partition)
{
    struct held *held = consumer_find(consumer, partition);
    if (!held)
        return;
    kafka_tail_close(held->tail);
    held->tail = NULL;
}

bool kafka_consumer_take(struct kafka_consumer *consumer, int32_t partition, struct kafka_item *ret)
{
    struct held *held = consumer_find(consumer, partition);
    ret->kind = KAFKA_ITEM_NONE;
    ret->message = NULL;
    if (!held || !held->tail)
        return false;
    if (!kafka_tail_take(held->tail, ret))
        return false;
    if (ret->kind == KAFKA_ITEM_GAP || ret->kind == KAFKA_ITEM_TRUNCATED)
        kafka_consumer_stop(consumer, partition);
    return true;
}

int64_t kafka_consumer_lag(const struct kafka_consumer *consumer, int32_t partition)
{
    const struct held *held = consumer_find(consumer, partition);
    if (!held || !held->tail)
        return -1;
    int64_t high = kafka_tail_high(held->tail), position = kafka_tail_position(held->tail);
    if (high < 0 || position < 0)
        return -1;
    return high > position ? high - position : 0;
}
