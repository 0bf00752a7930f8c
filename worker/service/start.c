/* The worker comes and goes: the first look at brokers and topics, the clients, and what is freed
 * at the end. */
#include <stdlib.h>

#include "base/log.h"
#include "base/notify.h"
#include "kafka/probe.h"
#include "service/configure.h"
#include "service/control.h"
#include "service/health.h"
#include "service/internal.h"
#include "service/partition.h"
#include "service/remember.h"
#include "service/restore.h"
#include "service/topics.h"
#include "service/work.h"

enum { FIRST_LOOK_MS = 20000, TEXT_MAX = 2048 };

static enum error_code look_at_brokers(struct service *service, struct error *err)
{
    struct kafka_seen seen;
    if (kafka_probe(&service->settings, FIRST_LOOK_MS, &seen, err))
        return err->code;
    service->settings.embedded = seen.embedded;
    const struct kafka_topic_seen *commands =
        kafka_seen_topic(&seen, service->settings.topics.commands);
    service->partition_count = commands ? commands->partitions : 0;
    kafka_seen_release(&seen);
    if (service->settings.embedded)
        log_line(LOG_LEVEL_WARNING, "embedded development broker: no retention, no replication, "
                                    "times are the worker's own; "
                                    "for trying out only");
    return ERR_OK;
}

/* A topic that is not there may come by itself: the brokers are booting, or an operator is about to
 * make it. A setting that breaks a promise is somebody's decision. */
static enum error_code refuse_start(const struct kafka_finding *finding, const char *text,
                                    struct error *err)
{
    if (kafka_finding_missing(finding))
        return error_set(err, ERR_UNAVAILABLE, "topic %s. Make it with `curfew topics create`",
                         text);
    return error_set(err, ERR_UNSAFE,
                     "topic %s. See `curfew topics check`; `allow_unsafe_topics: true` "
                     "starts anyway",
                     text);
}

static enum error_code check_topics(struct service *service, struct error *err)
{
    struct kafka_report report;
    if (kafka_topics_check(&service->settings, FIRST_LOOK_MS, &report, err))
        return err->code;
    enum error_code code = ERR_OK;
    for (size_t i = 0; i < report.count; i++) {
        const struct kafka_finding *finding = &report.findings[i];
        if (finding->severity < KAFKA_WARN)
            continue;
        bool unsafe = finding->severity == KAFKA_UNSAFE;
        log_line(unsafe ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, unsafe ? "unsafe topic" : "topic",
                 LOG_TEXT("topic", finding->topic), LOG_TEXT("setting", finding->setting),
                 LOG_TEXT("found", finding->found), LOG_TEXT("wanted", finding->wanted),
                 LOG_TEXT("why", finding->why));
        AUTO_BUF text;
        buf_init(&text, TEXT_MAX);
        kafka_finding_say(finding, &text);
        bool decides = !code || (code == ERR_UNAVAILABLE && !kafka_finding_missing(finding));
        if (unsafe && !service->config->topics.allow_unsafe && decides)
            code = refuse_start(finding, buf_text(&text), err);
    }
    if (!code && service->partition_count < 1)
        code = error_set(err, ERR_UNAVAILABLE,
                         "topic '%s' does not exist: make it with `curfew topics create`",
                         service->settings.topics.commands);
    kafka_report_release(&report);
    return code;
}

static enum error_code open_clients(struct service *service, struct error *err)
{
    const struct kafka_settings *settings = &service->settings;
    struct kafka_hub *hub = service->hub;
    enum error_code code = kafka_journal_create(hub, settings, &service->journal, err);
    if (!code)
        code = kafka_producer_create(hub, settings, &service->producer, err);
    if (!code)
        code = kafka_producer_know(service->producer, settings->topics.events, err);
    if (!code)
        code = kafka_producer_know(service->producer, settings->topics.dead_letters, err);
    if (!code)
        code = kafka_reader_create(hub, settings, KAFKA_READ_JOURNAL, "tail", &service->tails, err);
    if (!code)
        code = kafka_reader_create(hub, settings, KAFKA_READ_SHARED, "control",
                                   &service->control_reader, err);
    if (!code)
        code = control_open(service, err);
    if (!code)
        code = kafka_consumer_create(hub, settings, &service->consumer, err);
    return code;
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    struct error err;
    if (notify_watchdog(&err))
        log_line(LOG_LEVEL_DEBUG, "cannot tell the service manager",
                 LOG_TEXT("reason", err.message));
}

static void start_timers(struct service *service)
{
    uv_timer_init(service->loop, &service->timer);
    uv_timer_init(service->loop, &service->watchdog);
    service->timer.data = service;
    service->watchdog.data = service;
    service->timers = true;
    uint64_t every = (uint64_t)notify_watchdog_every_ms();
    if (every)
        uv_timer_start(&service->watchdog, on_watchdog, every, every);
}

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
        code = look_at_brokers(service, err);
    if (!code)
        code = check_topics(service, err);
    if (!code)
        code = kafka_hub_create(loop, service_pass, service, &service->hub, err);
    if (!code) {
        start_timers(service);
        service->style = service_event_style(service);
        code = clusters_create(service, err);
    }
    if (!code)
        code = open_clients(service, err);
    if (!code)
        code = health_create(service, err);
    if (code) {
        service->config = NULL; /* the caller keeps it */
        service->config_at_start = NULL;
        service_destroy(service);
        return code;
    }
    service_arm(service, clock_now(&service->clock));
    *ret = service;
    return ERR_OK;
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
