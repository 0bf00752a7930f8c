#include "gateway/gateway.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/notify.h"
#include "gateway/api.h"
#include "gateway/ready.h"
#include "gateway/send.h"
#include "gateway/waiting.h"
#include "kafka/probe.h"

enum {
    FIRST_LOOK_MS = 20000,
    EVENTS_PER_PASS = 2000,
    BOOK_BYTES_MAX = 256 * 1024 * 1024,
    STOP_MS = 10000,        /* for Kafka's receipts, and for answers to leave */
    LONGEST_SLEEP_MS = 1000 /* readiness is looked at so often */
};

/* ---- the pass: whatever woke it, it looks at everything ---- */

static void take_notices(struct gateway *gateway)
{
    struct kafka_notice notice;
    while (kafka_hub_notice(gateway->hub, &notice, NULL))
        if (notice.level <= 4)
            log_line(notice.level <= 3 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "kafka",
                     LOG_TEXT("client", notice.client), LOG_TEXT("text", notice.text));
}

static struct message view_of(const struct kafka_message *message, struct header *headers)
{
    for (uint32_t i = 0; i < message->header_count; i++)
        headers[i] = (struct header){message->headers[i].name, message->headers[i].value};
    return (struct message){message->key, message->value, headers, message->header_count};
}

static void take_event(struct gateway *gateway, const struct kafka_message *message)
{
    struct header headers[KAFKA_HEADERS_MAX];
    struct message view = view_of(message, headers);
    struct event_view *event = NULL;
    struct book_entry *entry;
    /* What is no event of ours stands in this topic by somebody else's doing. */
    if (event_decode(&view, &event, NULL))
        return;
    enum book_news news = book_event(gateway->book, event, &entry);
    if (entry)
        waiting_news(gateway, entry, news);
}

static void take_events(struct gateway *gateway, struct instant now)
{
    struct kafka_message *message;
    int taken = 0;
    while (taken < EVENTS_PER_PASS && feed_take(gateway->feed, now, &message)) {
        take_event(gateway, message);
        kafka_message_destroy(message);
        taken++;
    }
    if (taken == EVENTS_PER_PASS)
        kafka_hub_again(gateway->hub);
}

static void tell_ready(struct gateway *gateway)
{
    bool ready = gateway_is_ready(gateway);
    struct error err;
    if (ready == gateway->ready_told)
        return;
    gateway->ready_told = ready;
    metrics_set(gateway->metrics, METRIC_ready, NO_LABELS, ready);
    log_line(ready ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, ready ? "ready" : "not ready");
    if (ready ? notify_ready("ready", &err) : notify_status("not ready", &err))
        log_line(LOG_LEVEL_DEBUG, "cannot tell the service manager",
                 LOG_TEXT("reason", err.message));
}

/* A pass comes at least every second: that is what the service manager wants to know. */
static void tell_alive(struct gateway *gateway, struct instant now)
{
    struct error err;
    if (!gateway->watchdog_ms || !instant_passed(now, gateway->watchdog_at))
        return;
    gateway->watchdog_at = instant_add_ms(now, gateway->watchdog_ms);
    if (notify_watchdog(&err))
        log_line(LOG_LEVEL_DEBUG, "cannot tell the service manager",
                 LOG_TEXT("reason", err.message));
}

static void come_to_rest(struct gateway *gateway, struct instant now)
{
    if (gateway->phase != GATEWAY_STOPPING ||
        ((!TAILQ_EMPTY(&gateway->waiting) || http_server_busy(gateway->http)) &&
         !instant_passed(now, gateway->stop_by)))
        return;
    gateway->phase = GATEWAY_STOPPED;
    uv_timer_stop(&gateway->timer);
    gateway->options.stopped(gateway->options.self);
}

static void on_timer(uv_timer_t *timer);

static void set_timer(struct gateway *gateway, struct instant now)
{
    int64_t ms = gateway->phase == GATEWAY_STOPPING ? LONGEST_SLEEP_MS / 20 : LONGEST_SLEEP_MS;
    struct instant next = instant_min(waiting_next(gateway), instant_add_ms(now, ms));
    ms = instant_ms_between(now, next);
    uv_timer_start(&gateway->timer, on_timer, ms < 0 ? 0 : (uint64_t)ms + 1, 0);
}

static void pass(struct gateway *gateway)
{
    struct kafka_receipt receipt;
    struct instant now = clock_now(&gateway->clock);
    if (gateway->phase == GATEWAY_STOPPED)
        return;
    take_notices(gateway);
    while (kafka_producer_poll(gateway->producer, &receipt))
        send_receipt(gateway, &receipt);
    take_events(gateway, now);
    feed_look(gateway->feed, now);
    waiting_expire(gateway, now);
    tell_ready(gateway);
    tell_alive(gateway, now);
    come_to_rest(gateway, now);
    if (gateway->phase != GATEWAY_STOPPED)
        set_timer(gateway, now);
}

static void on_timer(uv_timer_t *timer)
{
    pass(timer->data);
}

static void on_ready(void *self)
{
    struct gateway *gateway = self;
    if (gateway->http) /* else it is being made */
        pass(gateway);
}

/* ---- metrics ---- */

static void collect(void *self)
{
    struct gateway *gateway = self;
    size_t waiting = 0;
    const struct waiter *waiter;
    TAILQ_FOREACH(waiter, &gateway->waiting, of_gateway)
    waiting++;
    metrics_set(gateway->metrics, METRIC_gateway_waiting, NO_LABELS, (double)waiting);
    metrics_set(gateway->metrics, METRIC_gateway_known, NO_LABELS,
                (double)book_count(gateway->book));
    uint64_t log_lost = log_dropped();
    metrics_add(gateway->metrics, METRIC_log_lines_dropped_total, NO_LABELS,
                (double)(log_lost - gateway->log_dropped));
    gateway->log_dropped = log_lost;
}

/* ---- life ---- */

static enum error_code look_for(const struct kafka_seen *seen, const char *topic, int32_t *ret,
                                struct error *err)
{
    const struct kafka_topic_seen *found = kafka_seen_topic(seen, topic);
    if (!found || found->code == ERR_NOT_FOUND || (!found->code && !found->partitions))
        return error_set(err, ERR_NOT_FOUND,
                         "there is no topic '%s'; 'curfew topics create' makes it", topic);
    if (found->code)
        return error_set(err, found->code, "topic '%s': %s", topic, error_meaning(found->code));
    *ret = found->partitions;
    return ERR_OK;
}

static enum error_code open_kafka(struct gateway *gateway, struct kafka_settings *settings,
                                  struct error *err)
{
    const struct config *config = gateway->config;
    struct kafka_seen seen;
    int32_t commands = 0;
    struct feed_options feed = {.topic = config->topics.events,
                                .look_back = config->gateway.remembered};
    if (kafka_probe(settings, FIRST_LOOK_MS, &seen, err))
        return err->code;
    settings->embedded = seen.embedded;
    enum error_code code = look_for(&seen, config->topics.commands, &commands, err);
    if (!code)
        code = look_for(&seen, config->topics.events, &feed.partitions, err);
    kafka_seen_release(&seen);
    if (code)
        return code;
    if (kafka_hub_create(gateway->loop, on_ready, gateway, &gateway->hub, err) ||
        kafka_producer_create(gateway->hub, settings, &gateway->producer, err) ||
        kafka_producer_know(gateway->producer, config->topics.commands, err) ||
        feed_create(gateway->hub, settings, &feed, &gateway->feed, err))
        return err->code;
    return ERR_OK;
}

static enum error_code open_http(struct gateway *gateway, struct error *err)
{
    const struct config_gateway *config = &gateway->config->gateway;
    struct http_route routes[HTTP_HEALTH_ROUTES + API_ROUTES];
    struct http_options options = {.host = config->listen.host,
                                   .port = config->listen.port,
                                   .connections = config->connections,
                                   .timeout_s = (uint32_t)(config->timeout_ms / 1000),
                                   .refuse = api_refuse,
                                   .refuse_self = gateway};
    gateway->connections = config->connections;
    gateway->health = (struct http_health){ready_checks, collect, gateway, gateway->metrics};
    http_health_routes(&gateway->health, routes);
    api_routes(gateway, routes + HTTP_HEALTH_ROUTES);
    if (http_server_create(gateway->loop, &options, routes, HTTP_HEALTH_ROUTES + API_ROUTES,
                           &gateway->http, err))
        return error_wrap(err, "gateway.listen");
    return ERR_OK;
}

enum error_code gateway_create(uv_loop_t *loop, const struct config *config,
                               struct kafka_settings *settings,
                               const struct gateway_options *options, struct gateway **ret,
                               struct error *err)
{
    if (!config->gateway.listen.host[0])
        return error_set(err, ERR_CONFIG,
                         "gateway.listen is off: write an address, like 127.0.0.1:9465");
    struct gateway *gateway = mem_new(struct gateway);
    gateway->loop = loop;
    gateway->options = *options;
    gateway->clock = clock_real();
    gateway->config = config;
    gateway->access = access_create();
    access_configure(gateway->access, &config->gateway, clock_now(&gateway->clock));
    gateway->strangers = strangers_create();
    gateway->book = book_create(config->gateway.remembered, BOOK_BYTES_MAX);
    gateway->metrics = metrics_create(METRICS_OF_GATEWAY);
    gateway->watchdog_ms = notify_watchdog_every_ms();
    TAILQ_INIT(&gateway->waiting);
    uv_timer_init(loop, &gateway->timer);
    gateway->timer.data = gateway;
    metrics_set(gateway->metrics, METRIC_build_info,
                LABELS(CURFEW_VERSION, kafka_library_version()), 1);
    double started = (double)clock_wall(&gateway->clock).ms / 1000;
    metrics_set(gateway->metrics, METRIC_start_timestamp_seconds, NO_LABELS, started);
    metrics_set(gateway->metrics, METRIC_config_timestamp_seconds, NO_LABELS, started);
    if (open_kafka(gateway, settings, err) || open_http(gateway, err)) {
        gateway_destroy(gateway);
        return err->code;
    }
    set_timer(gateway, clock_now(&gateway->clock));
    *ret = gateway;
    return ERR_OK;
}

void gateway_stop(struct gateway *gateway)
{
    struct error err;
    if (gateway->phase != GATEWAY_RUNNING)
        return;
    gateway->phase = GATEWAY_STOPPING;
    gateway->stop_by = instant_add_ms(clock_now(&gateway->clock), STOP_MS);
    if (notify_stopping("stopping", &err))
        log_line(LOG_LEVEL_DEBUG, "cannot tell the service manager",
                 LOG_TEXT("reason", err.message));
    log_line(LOG_LEVEL_INFO, "stopping");
    pass(gateway);
}

static void on_closed(uv_handle_t *handle)
{
    struct gateway *gateway = handle->data;
    metrics_destroy(gateway->metrics);
    free(gateway);
}

void gateway_destroy(struct gateway *gateway)
{
    if (!gateway)
        return;
    CHECK(TAILQ_EMPTY(&gateway->waiting));
    http_server_destroy(gateway->http);
    feed_destroy(gateway->feed);
    kafka_producer_destroy(gateway->producer);
    kafka_hub_destroy(gateway->hub);
    book_destroy(gateway->book);
    access_destroy(gateway->access);
    strangers_destroy(gateway->strangers);
    config_destroy(gateway->reloaded);
    uv_close((uv_handle_t *)&gateway->timer, on_closed);
}

uint16_t gateway_port(const struct gateway *gateway)
{
    return http_server_port(gateway->http);
}
