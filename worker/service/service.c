/* The worker, top to bottom.
 *
 * One command's way: kafka/consumer takes a record -> intake.c decodes it (command/), asks guard/
 * and offers it to the engine of its partition -> the engine asks for an append -> turn.c appends
 * to the journal, read_back.c reads back -> the engine moves and asks for lists and ends -> turn.c
 * hands them to work.c, which puts them into the cluster's lane and gives them to its executor ->
 * replies go back into the engine -> its events leave through outbox.c. Everything happens in
 * passes of one loop thread: whatever woke it, service_pass() looks at every queue, a bounded
 * number of things each. What there is before the first pass stands in start.c, how it ends in
 * stop.c.
 *
 * Calls go down and never up: what a lower file has to say it returns, or tells an engine, and
 * whoever left something undone asks for another pass (wake.c). */
#include "service/service.h"

#include "base/log.h"
#include "base/notify.h"
#include "service/configure.h"
#include "service/control.h"
#include "service/handlers.h"
#include "service/health.h"
#include "service/memory.h"
#include "service/note.h"
#include "service/outbox.h"
#include "service/own.h"
#include "service/partition.h"
#include "service/recover.h"
#include "service/refusal.h"
#include "service/remember.h"
#include "service/restore.h"
#include "service/settings.h"
#include "service/start.h"
#include "service/state.h"
#include "service/stop.h"
#include "service/topics.h"
#include "service/turn.h"
#include "service/wake.h"
#include "service/work.h"

/* ---- the pass ---- */

/* Stops for good; the first reason is the one that `stopped` gets. */
static void fail(struct service *service, const struct error *err)
{
    if (!service->failure.code)
        service->failure = *err;
    stop_begin(service);
}

static void assigned(struct service *service, const struct kafka_consumer_event *event)
{
    service->joined = true;
    for (size_t i = 0; i < event->partition_count; i++)
        if (!partition_find(service, event->partitions[i]))
            partition_add(service, event->partitions[i]);
}

/* What is under way at the clusters is not waited for: it is licensed, and the next owner looks
 * before it acts. */
static void revoked(struct service *service, const struct kafka_consumer_event *event)
{
    service->joined = false; /* until the next assignment, be it an empty one */
    for (size_t i = 0; i < event->partition_count; i++) {
        struct partition *partition = partition_find(service, event->partitions[i]);
        if (!partition)
            continue;
        log_line(LOG_LEVEL_INFO, "partition given back", log_number("partition", partition->id));
        if (!event->lost)
            partition_leave(partition);
        partition_remove(partition);
    }
    if (!event->lost)
        kafka_consumer_let_go(service->consumer);
}

/* Partition 0's also answers others that asked for it. */
static void position(struct service *service, const struct kafka_consumer_event *event)
{
    struct partition *partition;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (recover_asks_about(partition) == event->partition)
        recover_position(partition, event);
}

static void consumer_event(struct service *service, const struct kafka_consumer_event *event,
                           struct instant now)
{
    struct partition *partition;
    switch (event->kind) {
    case KAFKA_CONSUMER_ASSIGNED:
        assigned(service, event);
        break;
    case KAFKA_CONSUMER_REVOKED:
        revoked(service, event);
        break;
    case KAFKA_CONSUMER_POSITION:
        position(service, event);
        break;
    case KAFKA_CONSUMER_COUNT:
        topics_counted(service, event->offset);
        break;
    case KAFKA_CONSUMER_COMMITTED:
        partition = partition_find(service, event->partition);
        if (partition && partition->engine)
            own_committed(partition, event, now);
        break;
    case KAFKA_CONSUMER_FENCED:
        metrics_add(service->metrics, METRIC_group_fenced_total, NO_LABELS, 1);
        log_line(LOG_LEVEL_WARNING, "this member was fenced, joining the group once more",
                 LOG_TEXT("reason", event->error.message));
        service->joined = false;
        break;
    case KAFKA_CONSUMER_FATAL:
        log_line(LOG_LEVEL_ERROR, "this member is out of the group, stopping",
                 LOG_TEXT("reason", event->error.message));
        fail(service, &event->error);
        break;
    case KAFKA_CONSUMER_CLOSED:
        service->consumer_closed = true;
        break;
    }
}

static enum engine_append append_result(enum kafka_delivery delivery)
{
    switch (delivery) {
    case KAFKA_PERSISTED:
        return ENGINE_PERSISTED;
    case KAFKA_NOT_PERSISTED:
        return ENGINE_NOT_PERSISTED;
    default:
        return ENGINE_MAYBE_PERSISTED;
    }
}

static void journal_receipt(struct service *service, const struct kafka_receipt *receipt,
                            struct instant now)
{
    bool good = receipt->delivery == KAFKA_PERSISTED;
    char todo[TODO_SIZE];
    if (!good) {
        if (!service->journal_failing)
            log_line(LOG_LEVEL_ERROR, "the journal took no record, nothing is ended until it does",
                     log_number("partition", receipt->partition),
                     LOG_TEXT("reason", receipt->reason),
                     LOG_TEXT("todo",
                              todo_write(receipt->code, service->settings.topics.journal, todo)));
        metrics_add(
            service->metrics, METRIC_journal_append_failures_total,
            LABELS(receipt->delivery == KAFKA_NOT_PERSISTED ? "not_persisted" : "maybe_persisted"),
            1);
    }
    service->journal_failing = !good;
    struct partition *partition = partition_find(service, receipt->partition);
    if (partition && partition->engine) {
        note_receipt(partition, receipt, now);
        if (good && receipt->tag >> 32 == partition->chain.epoch.number)
            acknowledged_give(&partition->acknowledged, receipt->tag, now);
        engine_appended(partition->engine, receipt->tag, append_result(receipt->delivery), now);
    }
}

static void tell_notices(struct service *service)
{
    struct kafka_notice notice;
    size_t dropped;
    while (kafka_hub_notice(service->hub, &notice, &dropped)) {
        enum log_level level = notice.level <= 3   ? LOG_LEVEL_WARNING
                               : notice.level <= 4 ? LOG_LEVEL_INFO
                                                   : LOG_LEVEL_DEBUG;
        log_line(level, "kafka client", LOG_TEXT("client", notice.client),
                 LOG_TEXT("text", notice.text));
    }
}

static void on_timer(uv_timer_t *timer);

/* For the next thing that is due, a second from now at the latest. */
static void arm(struct service *service, struct instant now)
{
    struct instant wake = instant_min(clusters_next_wake(service), service->give_back_at);
    struct partition *partition;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    wake = instant_min(wake, partition_wake(partition));
    if (service->phase == SERVICE_DRAINING)
        wake = instant_min(wake, service->drain_until);
    int64_t ms = wake.ns == INT64_MAX ? 1000 : (wake.ns - now.ns + 999999) / 1000000;
    ms = ms < 0 ? 0 : ms > 1000 ? 1000 : ms;
    uv_timer_start(&service->timer, on_timer, (uint64_t)ms, 0);
}

static void pass(struct service *service)
{
    struct instant now = clock_now(&service->clock);
    struct kafka_consumer_event event;
    struct kafka_receipt receipt;
    struct error err;
    service->again = false;
    if (service->phase == SERVICE_STOPPED)
        return;
    while (kafka_consumer_poll(service->consumer, &event))
        consumer_event(service, &event, now);
    while (kafka_journal_poll(service->journal, &receipt))
        journal_receipt(service, &receipt, now);
    while (kafka_producer_poll(service->producer, &receipt))
        outbox_receipt(service, &receipt, now);
    if (service->phase < SERVICE_CLOSING && control_pass(service, now, &err))
        fail(service, &err);
    if (service->phase < SERVICE_CLOSING) {
        topics_count(service, now);
        struct partition *partition;
        TAILQ_FOREACH(partition, &service->partitions, of_service)
        partition_pass(partition, now);
    }
    clusters_pass(service, now);
    handlers_pass(service);
    tell_notices(service);
    health_pass(service, now);
    memory_pass(service, now);
    stop_pass(service, now);
    if (service->phase != SERVICE_STOPPED)
        arm(service, now);
}

/* One pass over every queue, and the timer set for the next. */
static void service_pass(void *self)
{
    struct service *service = self;
    uint64_t started = uv_hrtime();
    pass(service);
    if (service->phase != SERVICE_STOPPED) {
        double seconds = (double)(uv_hrtime() - started) / 1e9;
        metrics_add(service->metrics, METRIC_loop_busy_seconds_total, NO_LABELS, seconds);
        metrics_observe(service->metrics, METRIC_loop_turn_duration_seconds, NO_LABELS, seconds);
    }
}

static void on_timer(uv_timer_t *timer)
{
    service_pass(timer->data);
}

/* ---- it comes and goes ---- */

enum error_code service_create(uv_loop_t *loop, struct config *config,
                               const struct service_options *options, struct service **ret,
                               struct error *err)
{
    struct service *service = mem_new(struct service);
    service->loop = loop;
    service->options = *options;
    service->clock = clock_real();
    service->give_back_at = INSTANT_NEVER;
    service->config = config;
    service->config_at_start = config;
    service->metrics = metrics_create(METRICS_OF_WORKER);
    service->refusals = refusals_create();
    TAILQ_INIT(&service->partitions);
    STAILQ_INIT(&service->accepts);
    TAILQ_INIT(&service->busy);
    TAILQ_INIT(&service->handler_calls);
    enum error_code code = service_kafka_settings(service->config, &service->settings, err);
    if (!code)
        code = start_look(service, err);
    if (!code)
        code = kafka_hub_create(loop, service_pass, service, &service->hub, err);
    if (!code) {
        start_timers(service);
        service->style = service_event_style(service);
        code = clusters_create(service, err);
    }
    if (!code)
        code = start_clients(service, err);
    if (!code)
        code = health_create(service, err);
    if (code) {
        service->config = NULL; /* the caller keeps it */
        service->config_at_start = NULL;
        service_destroy(service);
        return code;
    }
    arm(service, clock_now(&service->clock));
    *ret = service;
    return ERR_OK;
}

void service_drain(struct service *service)
{
    struct instant now = clock_now(&service->clock);
    if (service->phase == SERVICE_DRAINING)
        service->drain_until = now;
    if (service->phase == SERVICE_CLOSING)
        service->close_by = now;
    if (service->phase != SERVICE_RUNNING) {
        service_again(service);
        return;
    }
    struct error err;
    log_line(LOG_LEVEL_INFO, "stopping: no new commands, open ones are finished",
             log_number("at_most_ms", service->config->timing.drain_ms));
    service->phase = SERVICE_DRAINING;
    service->drain_until = instant_add_ms(now, service->config->timing.drain_ms);
    if (notify_stopping("finishing open commands", &err) ||
        notify_extend(service->config->timing.drain_ms + 5000, &err))
        log_line(LOG_LEVEL_DEBUG, "cannot tell the service manager",
                 LOG_TEXT("reason", err.message));
    service_again(service);
}

static void free_service(uv_handle_t *handle)
{
    struct service *service = handle->data;
    if (--service->handles == 0)
        free(service);
}

void service_destroy(struct service *service)
{
    if (!service)
        return;
    partitions_remove(service);
    http_server_destroy(service->http);
    kafka_consumer_destroy(service->consumer);
    kafka_journal_destroy(service->journal);
    kafka_producer_destroy(service->producer);
    kafka_reader_destroy(service->tails);
    kafka_reader_destroy(service->control_reader);
    clusters_destroy(service);
    kafka_hub_destroy(service->hub);
    kafka_settings_release(&service->settings);
    metrics_destroy(service->metrics);
    if (service->config != service->config_at_start)
        config_destroy(service->config);
    config_destroy(service->config_at_start);
    remember_destroy(service);
    restore_destroy(service);
    refusals_destroy(service->refusals);
    topics_destroy(service);
    if (!service->timers) {
        free(service);
        return;
    }
    service->handles = 2;
    uv_close((uv_handle_t *)&service->timer, free_service);
    uv_close((uv_handle_t *)&service->watchdog, free_service);
}
