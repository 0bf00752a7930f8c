#include "service/stop.h"

#include "service/handlers.h"
#include "service/partition.h"
#include "service/state.h"
#include "service/turn.h"
#include "service/work.h"

enum { CLOSE_MS = 10000 };

void stop_begin(struct service *service)
{
    if (service->phase >= SERVICE_CLOSING)
        return;
    service->phase = SERVICE_CLOSING;
    service->close_by = instant_add_ms(clock_now(&service->clock), CLOSE_MS);
    clusters_stop(service);
    handlers_stop(service);
    struct partition *partition;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    partition_leave(partition);
    partitions_remove(service);
    kafka_tail_close(service->control);
    service->control = NULL;
    kafka_consumer_close(service->consumer);
    kafka_journal_close(service->journal);
    kafka_producer_close(service->producer);
    kafka_reader_close(service->tails);
    kafka_reader_close(service->control_reader);
}

static bool all_idle(const struct service *service)
{
    const struct partition *partition;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (!partition_is_idle(partition))
        return false;
    return service->sendings == 0;
}

static bool clients_closed(struct service *service)
{
    return service->consumer_closed && kafka_journal_closed(service->journal) &&
           kafka_producer_closed(service->producer) && kafka_reader_closed(service->tails) &&
           kafka_reader_closed(service->control_reader);
}

static void abandon(struct service *service)
{
    struct error err;
    error_set(
        &err, ERR_UNAVAILABLE,
        "the connections to Kafka did not close in time; nothing is lost, the journal has it");
    service->options.abandoned(service->options.self, &err);
}

void stop_pass(struct service *service, struct instant now)
{
    if (service->phase == SERVICE_DRAINING &&
        (all_idle(service) || instant_passed(now, service->drain_until)))
        stop_begin(service);
    if (service->phase != SERVICE_CLOSING)
        return;
    if (!clusters_stopped(service) || !TAILQ_EMPTY(&service->handler_calls) ||
        !clients_closed(service)) {
        if (service->options.abandoned && instant_passed(now, service->close_by))
            abandon(service);
        return;
    }
    service->phase = SERVICE_STOPPED;
    uv_timer_stop(&service->timer);
    uv_timer_stop(&service->watchdog);
    service->options.stopped(service->options.self, service->failure.code, &service->failure);
}
