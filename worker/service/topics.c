#include "service/topics.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "service/partition.h"
#include "service/state.h"
#include "service/wake.h"

enum { COUNT_EVERY_MS = 10000, ACCEPTS_MAX = 100 };

/* A release that was read. */
struct accept {
    STAILQ_ENTRY(accept) link;
    int32_t before, now; /* partitions; 0: not about that */
    char by[LIMIT_NAME_BYTES + 1];
    size_t digest_count;
    char digests[][2 * sizeof(struct sha256) + 1];
};

bool topics_stamped(const struct service *service, const struct kafka_message *message)
{
    return message->timestamp_type == KAFKA_TIMESTAMP_APPEND || service->settings.embedded ||
           service->config->topics.allow_unsafe;
}

/* Licences grow old by the broker's clock. What stands in the journal since before is read as it
 * is: `allow_unsafe_topics` may have been meant. */
void topics_unstamped(struct partition *partition, int64_t offset)
{
    struct error err;
    error_set(&err, ERR_UNSAFE,
              "the record at offset %lld of the journal bears its writer's time, not the broker's: "
              "set message.timestamp.type=LogAppendTime on '%s' ('curfew topics check' shows how), "
              "then restart the worker",
              (long long)offset, partition->service->settings.topics.journal);
    partition_stop(partition, &err);
}

/* ---- noticing ---- */

static void hold(struct partition *partition, enum held why)
{
    partition->held |= why;
    kafka_consumer_stop(partition->service->consumer, partition->id);
    partition->reading = false;
    waiting_drop(&partition->waiting);
    log_line(LOG_LEVEL_ERROR, "partition held, an operator must look",
             log_number("partition", partition->id), LOG_TEXT("reason", partition_hold(partition)));
}

void topics_made_anew(struct partition *partition)
{
    hold(partition, HELD_MADE_ANEW);
}

void topics_count(struct service *service, struct instant now)
{
    if (!instant_passed(now, instant_add_ms(service->counted, COUNT_EVERY_MS)))
        return;
    service->counted = now;
    kafka_consumer_count(service->consumer);
}

void topics_counted(struct service *service, int64_t partitions)
{
    if (partitions == service->partition_count)
        return;
    log_line(LOG_LEVEL_WARNING, "the number of partitions of the commands topic has changed",
             log_number("before", service->partition_count), log_number("now", partitions));
    service->partition_count = (int32_t)partitions;
}

/* ---- releasing ---- */

static void forget_first(struct service *service)
{
    struct accept *accept = STAILQ_FIRST(&service->accepts);
    STAILQ_REMOVE_HEAD(&service->accepts, link);
    service->accept_count--;
    free(accept);
}

void topics_destroy(struct service *service)
{
    while (service->accept_count)
        forget_first(service);
}

void topics_accepted(struct service *service, const struct command *command)
{
    const struct accept_topics *from = &command->accept_topics;
    struct accept *accept =
        mem_alloc(1, sizeof *accept + from->digest_count * sizeof accept->digests[0]);
    accept->before = from->partitions_before;
    accept->now = from->partitions;
    snprintf(accept->by, sizeof accept->by, "%s", command->requested_by);
    accept->digest_count = from->digest_count;
    for (size_t i = 0; i < from->digest_count; i++)
        snprintf(accept->digests[i], sizeof accept->digests[i], "%s", from->last_digests[i]);
    if (service->accept_count == ACCEPTS_MAX)
        forget_first(service);
    STAILQ_INSERT_TAIL(&service->accepts, accept, link);
    service->accept_count++;
    service_again(service);
}

static bool names_last(const struct accept *accept, const struct sha256 *digest)
{
    AUTO_BUF hex;
    buf_init(&hex, 2 * sizeof digest->bytes + 1);
    text_hex(&hex, digest->bytes, sizeof digest->bytes);
    for (size_t i = 0; i < accept->digest_count; i++)
        if (!strcmp(accept->digests[i], buf_text(&hex)))
            return true;
    return false;
}

/* All that holds the partition must be named: by one release, or by several. */
static const struct accept *find_release(const struct partition *partition)
{
    const struct service *service = partition->service;
    struct engine_checkpoint checkpoint = engine_checkpoint(partition->engine);
    bool anew = !(partition->held & HELD_MADE_ANEW);
    bool counted = !(partition->held & HELD_RECOUNTED);
    const struct accept *accept;
    const struct accept *found = NULL;
    STAILQ_FOREACH(accept, &service->accepts, link)
    {
        bool names =
            partition->held & HELD_MADE_ANEW && names_last(accept, &checkpoint.last_digest);
        bool counts = partition->held & HELD_RECOUNTED && accept->before == checkpoint.partitions &&
                      accept->now == service->partition_count;
        anew = anew || names;
        counted = counted || counts;
        found = names || counts ? accept : found;
    }
    return anew && counted ? found : NULL;
}

static void release(struct partition *partition, struct instant now)
{
    const struct accept *accept = find_release(partition);
    if (!accept || partition->held & HELD_RELEASING)
        return;
    if (engine_accept_topics(partition->engine, partition->service->partition_count,
                             partition->held & HELD_MADE_ANEW, accept->by, now))
        partition->held |= HELD_RELEASING;
}

static void released(struct partition *partition)
{
    log_line(
        LOG_LEVEL_WARNING, "partition released by an operator",
        log_number("partition", partition->id),
        LOG_TEXT("from", partition->held & HELD_MADE_ANEW ? "the beginning" : "where it stood"));
    partition->held = 0;
}

/* Once for each number that was seen: being assigned anew it is seen again. */
static void share_out_anew(struct service *service)
{
    if (service->shared_out == service->partition_count)
        return;
    service->shared_out = service->partition_count;
    kafka_consumer_rejoin(service->consumer);
}

/* After the engine has read what there is. */
void topics_pass(struct partition *partition, struct instant now)
{
    struct engine_checkpoint checkpoint = engine_checkpoint(partition->engine);
    if (partition->stage != PARTITION_RUNNING || !partition->owning)
        return;
    if (partition->releases != checkpoint.releases) {
        partition->releases = checkpoint.releases;
        if (partition_hold(partition))
            released(partition);
        partition_read_commands(partition);
    }
    bool differs =
        checkpoint.partitions > 0 && checkpoint.partitions != partition->service->partition_count;
    bool recounted = partition->held & HELD_RECOUNTED;
    if (differs && !recounted) {
        hold(partition, HELD_RECOUNTED);
        share_out_anew(partition->service);
    } else if (!differs && recounted) {
        partition->held &= ~(unsigned)HELD_RECOUNTED;
        log_line(LOG_LEVEL_INFO,
                 "the commands topic has the number of partitions again that the "
                 "journal knows",
                 log_number("partition", partition->id));
        partition_read_commands(partition);
    }
    if (partition_hold(partition))
        release(partition, now);
}
