/* What waits to be polled. */
#include "kafka/consumer_events.h"

#include "base/mem.h"

struct waiting *consumer_tell(struct kafka_consumer *consumer, enum kafka_consumer_event_kind kind)
{
    struct waiting *waiting = mem_new(struct waiting);
    waiting->event = (struct kafka_consumer_event){
        .kind = kind, .partition = -1, .offset = -1, .low = -1, .high = -1};
    STAILQ_INSERT_TAIL(&consumer->events, waiting, link);
    return waiting;
}

static void free_waiting(struct waiting *waiting)
{
    if (!waiting)
        return;
    free(waiting->partitions);
    free(waiting->metadata);
    free(waiting);
}

void consumer_tell_held(struct kafka_consumer *consumer, enum kafka_consumer_event_kind kind,
                        bool lost)
{
    struct waiting *waiting = consumer_tell(consumer, kind);
    waiting->partitions = mem_alloc(consumer->held_count + 1, sizeof *waiting->partitions);
    for (size_t i = 0; i < consumer->held_count; i++)
        waiting->partitions[i] = consumer->held[i].partition;
    waiting->event.partitions = waiting->partitions;
    waiting->event.partition_count = consumer->held_count;
    waiting->event.lost = lost;
}

bool events_take(struct kafka_consumer *consumer, struct kafka_consumer_event *ret)
{
    struct waiting *waiting = STAILQ_FIRST(&consumer->events);
    if (!waiting)
        return false;
    STAILQ_REMOVE_HEAD(&consumer->events, link);
    consumer->given = waiting;
    *ret = waiting->event;
    return true;
}

void events_let_go(struct kafka_consumer *consumer)
{
    free_waiting(consumer->given);
    consumer->given = NULL;
}

void events_release(struct kafka_consumer *consumer)
{
    struct waiting *waiting;
    while ((waiting = STAILQ_FIRST(&consumer->events))) {
        STAILQ_REMOVE_HEAD(&consumer->events, link);
        free_waiting(waiting);
    }
    events_let_go(consumer);
}
