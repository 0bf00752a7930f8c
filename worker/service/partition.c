#include "service/partition.h"

#include <stdlib.h>

#include "base/log.h"
#include "service/state.h"

enum { UNREADABLE_TOLD_MS = 30000 };

struct partition *partition_find(struct service *service, int32_t id)
{
    struct partition *partition;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (partition->id == id)
        return partition;
    return NULL;
}

struct partition *partition_that_asked(struct service *service, int32_t id, uint64_t serial)
{
    struct partition *partition = partition_find(service, id);
    return partition && partition->engine && partition->serial == serial ? partition : NULL;
}

struct wall partition_broker_now(const struct partition *partition, struct instant now)
{
    if (partition->broker_time.ms == 0)
        return (struct wall){0};
    return (struct wall){partition->broker_time.ms +
                         instant_ms_between(partition->broker_seen, now)};
}

/* ---- it comes, rests, and goes ---- */

void partition_add(struct service *service, int32_t id)
{
    struct partition *partition = mem_new(struct partition);
    struct error err;
    partition->service = service;
    partition->id = id;
    partition->serial = ++service->serial;
    partition->assigned_at = clock_now(&service->clock);
    partition->promised = -1;
    partition->committed = -1;
    partition->question_at = INSTANT_NEVER;
    TAILQ_INSERT_TAIL(&service->partitions, partition, of_service);
    if (kafka_consumer_ask(service->consumer, id, &err))
        partition_stop(partition, &err);
}

void partition_stop(struct partition *partition, const struct error *why)
{
    partition->stage = PARTITION_STOPPED;
    partition->why = *why;
    if (partition->engine)
        engine_assign(partition->engine, false, (struct instant){0});
    kafka_consumer_stop(partition->service->consumer, partition->id);
    log_line(LOG_LEVEL_ERROR, "partition stopped, an operator must look",
             log_number("partition", partition->id), LOG_TEXT("reason", why->message));
}

void partition_rest(struct partition *partition)
{
    kafka_tail_close(partition->tail);
    partition->tail = NULL;
    engine_destroy(partition->engine);
    partition->engine = NULL;
    echo_clear(&partition->echo);
    partition->owning = false;
    waiting_drop(&partition->waiting);
}

void partition_remove(struct partition *partition)
{
    struct service *service = partition->service;
    char name[16];
    snprintf(name, sizeof name, "%d", partition->id);
    metrics_forget(service->metrics, "partition", name); /* its lag is for the next owner to tell */
    kafka_tail_close(partition->tail);
    engine_destroy(partition->engine);
    echo_clear(&partition->echo);
    waiting_drop(&partition->waiting);
    TAILQ_REMOVE(&service->partitions, partition, of_service);
    free(partition);
}

void partitions_remove(struct service *service)
{
    while (!TAILQ_EMPTY(&service->partitions))
        partition_remove(TAILQ_FIRST(&service->partitions));
}

/* ---- its commands topic ---- */

const char *partition_hold(const struct partition *partition)
{
    if (partition->held & HELD_MADE_ANEW)
        return "the commands topic does not hold the command that the journal names last: it was "
               "made anew; no commands are taken until `curfew topics accept`";
    if (partition->held & HELD_RECOUNTED)
        return "the number of partitions of the commands topic has changed; no commands are taken "
               "until `curfew topics accept`";
    return NULL;
}

void partition_read_commands(struct partition *partition)
{
    struct service *service = partition->service;
    if (partition_hold(partition))
        return;
    int64_t next = engine_checkpoint(partition->engine).next_command;
    struct error err;
    waiting_drop(&partition->waiting);
    partition->last.check = next > 0;
    partition->last.offset = next - 1;
    partition->last.digest = engine_checkpoint(partition->engine).last_digest;
    int64_t from = partition->last.check ? partition->last.offset : KAFKA_FROM_BEGINNING;
    partition->reading =
        kafka_consumer_start(service->consumer, partition->id, from, &err) == ERR_OK;
}

void partition_unreadable(struct partition *partition, const struct kafka_item *item)
{
    struct instant now = clock_now(&partition->service->clock);
    if (partition->unreadable_told.ns &&
        !instant_passed(now, instant_add_ms(partition->unreadable_told, UNREADABLE_TOLD_MS)))
        return;
    partition->unreadable_told = now;
    log_line(LOG_LEVEL_WARNING, "a topic cannot be read at present",
             log_number("partition", partition->id), LOG_TEXT("reason", item->error.message));
}
