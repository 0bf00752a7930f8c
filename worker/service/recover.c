#include "service/recover.h"

#include <string.h>

#include "service/configure.h"
#include "service/halt.h"
#include "service/partition.h"
#include "service/position.h"
#include "service/state.h"

enum { QUESTION_AGAIN_MS = 1000 };

enum error_code recover_commit(struct partition *partition,
                               const struct engine_checkpoint *checkpoint, struct error *err)
{
    const struct position position = {checkpoint->journal_start, checkpoint->journal_owner,
                                      checkpoint->journal_sequence, checkpoint->partitions};
    char metadata[POSITION_TEXT_SIZE];
    position_write(&position, metadata);
    int64_t offset = checkpoint->next_command < 0 ? 0 : checkpoint->next_command;
    return kafka_consumer_commit(partition->service->consumer, partition->id, offset,
                                 text_of(metadata), err);
}

/* ---- where reading begins ---- */

static enum error_code begin(struct partition *partition, const struct position *from,
                             struct error *err)
{
    struct service *service = partition->service;
    struct engine_config config = service_engine_config(service, partition->id);
    engine_destroy(partition->engine);
    partition->serial =
        ++service->serial; /* no answer to the last engine is taken for this one's */
    partition->epochs = 0;
    partition->proving = false;
    partition->held = 0;
    partition->engine = engine_create(&config, &service->budget);
    memset(&partition->chain, 0, sizeof partition->chain);
    echo_clear(&partition->echo);
    partition->acknowledged = (struct acknowledged){0};
    halt_tell(service, partition->engine, clock_now(&service->clock));
    engine_control_seen(partition->engine, service->control_seen, clock_now(&service->clock));
    bool middle = from->owner.number > 0;
    if (middle)
        engine_begin_at(partition->engine, from->journal, &from->owner, from->next);
    partition->from_first = !middle;
    engine_presume(partition->engine, from->partitions);
    partition->stage = PARTITION_RECOVERING;
    return kafka_tail_open(service->tails, service->settings.topics.journal, partition->id,
                           middle ? from->journal : KAFKA_FROM_BEGINNING, &partition->tail, err);
}

enum error_code recover_anew(struct partition *partition, struct error *err)
{
    kafka_tail_close(partition->tail);
    partition->tail = NULL;
    return begin(partition, &(struct position){0}, err);
}

/* A partition without metadata of its own may be one by which the topic was enlarged: then its
 * empty journal does not know by how many partitions clusters were mapped, but partition 0's does.
 */
static void ask_first(struct partition *partition)
{
    struct error err;
    partition->stage = PARTITION_ASKING_FIRST;
    if (kafka_consumer_ask(partition->service->consumer, 0, &err))
        partition_stop(partition, &err);
}

int32_t recover_asks_about(const struct partition *partition)
{
    if (partition->stage == PARTITION_ASKING_FIRST)
        return 0;
    return partition->stage == PARTITION_ASKING ? partition->id : -1;
}

void recover_again(struct partition *partition, struct instant now)
{
    struct error err;
    if (recover_asks_about(partition) < 0 || !instant_passed(now, partition->question_at))
        return;
    partition->question_at = INSTANT_NEVER;
    if (kafka_consumer_ask(partition->service->consumer, recover_asks_about(partition), &err))
        partition_stop(partition, &err);
}

void recover_position(struct partition *partition, const struct kafka_consumer_event *event)
{
    struct position from = {0};
    struct error err;
    if (event->error.code) { /* ask until it is told: nothing is begun before */
        partition->question_at =
            instant_add_ms(clock_now(&partition->service->clock), QUESTION_AGAIN_MS);
        return;
    }
    bool known = event->offset >= 0 && position_read(event->metadata, &from);
    bool own = partition->stage == PARTITION_ASKING;
    if (own)
        partition->promised = known ? event->offset : -1;
    else
        from = (struct position){.partitions = known ? from.partitions : 0};
    if (own && !known && partition->id != 0)
        ask_first(partition);
    else if (begin(partition, &from, &err))
        partition_stop(partition, &err);
}

/* Without a saved place the whole journal is wanted. What is missing at its beginning may have been
 * about commands that are still valid; the embedded broker forgets by itself. */
void recover_started(struct partition *partition, const struct kafka_item *item)
{
    struct error err;
    if (!partition->from_first || item->low == 0 || partition->service->settings.embedded)
        return;
    error_set(&err, ERR_JOURNAL,
              "the journal of partition %d cannot be trusted: its records below offset %lld are "
              "gone, and the group has no offset of ours that says what was in them",
              partition->id, (long long)item->low);
    partition_stop(partition, &err);
}

/* ---- at the end of the journal ---- */

/* No offset is committed before a durable record covers it (I5), so a journal that knows of fewer
 * commands has lost records: made anew, or cut. What they told was done may not be done again.
 * Words of ours beside the offset tell our commits from those of others; a release may have moved
 * reading back; the embedded broker forgets by itself. */
static bool covers_what_was_read(const struct partition *partition, struct error *err)
{
    struct engine_checkpoint checkpoint = engine_checkpoint(partition->engine);
    int64_t next = checkpoint.next_command < 0 ? 0 : checkpoint.next_command;
    if (partition->promised <= next || checkpoint.releases || partition->service->settings.embedded)
        return true;
    error_set(
        err, ERR_JOURNAL,
        "the journal of partition %d cannot be trusted: commands were read up to offset %lld, "
        "and it knows of them up to %lld only: it lost records",
        partition->id, (long long)partition->promised, (long long)next);
    return false;
}

/* Ownership is asked for once the journal and the control topic were read to their ends: a cancel
 * must not be missed by whoever acts next (docs/adr/0002, rule 4). */
void recover_ask_to_own(struct partition *partition, struct instant now)
{
    if (partition->stage != PARTITION_RECOVERED || !partition->service->control_read)
        return;
    struct error err;
    partition->stage = PARTITION_CLAIMING;
    if (covers_what_was_read(partition, &err))
        engine_assign(partition->engine, true, now);
    else
        partition_stop(partition, &err);
}
