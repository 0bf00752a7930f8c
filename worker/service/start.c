#include "service/start.h"

#include "base/log.h"
#include "base/notify.h"
#include "kafka/admin.h"
#include "kafka/probe.h"
#include "service/control.h"
#include "service/state.h"

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

enum error_code start_look(struct service *service, struct error *err)
{
    enum error_code code = look_at_brokers(service, err);
    return code ? code : check_topics(service, err);
}

enum error_code start_clients(struct service *service, struct error *err)
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

void start_timers(struct service *service)
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
