/* The worker, top to bottom.
 *
 * One command's way: kafka/consumer takes a record -> intake.c decodes it (command/), asks guard/
 * and offers it to the engine of its partition -> the engine asks for an append -> partition.c
 * appends to the journal and reads it back -> the engine moves and asks for lists and ends ->
 * work.c puts them into the cluster's lane and hands them to its executor -> replies go back into
 * the engine -> its events leave through outbox.c. Everything happens in passes of one loop thread:
 * whatever woke it, a pass looks at every queue, a bounded number of things each. */
#include "service/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/notify.h"
#include "kafka/probe.h"
#include "service/internal.h"

enum { FIRST_LOOK_MS = 20000, CLOSE_MS = 10000 };

/* ---- settings of the rooms below, from the configuration ---- */

static int64_t longest_request_ms(const struct config *config)
{
    int64_t longest = 0;
    for (size_t i = 0; i < config->cluster_count; i++)
        if (config->clusters[i].request_ms > longest)
            longest = config->clusters[i].request_ms;
    return longest;
}

struct engine_config service_engine_config(struct service *service, int32_t partition)
{
    const struct config *config = service->config;
    return (struct engine_config){
        .partition = partition,
        .partitions = service->partition_count,
        .writer = uuid_random(), /* per engine: an epoch is never used twice, also when a partition
                                    comes back */
        .instance = config->kafka.instance,
        .open_commands_max = config->limits.open_commands,
        .open_targets_max = config->limits.open_targets,
        .remembered_max = config->limits.remembered_ids,
        .cluster_share = config->limits.cluster_share,
        .attempts_max = config->limits.attempts,
        .remember_ms = config->policy.validity_max_ms,
        .verify_ms = config->timing.verify_ms,
        .release_ms = config->timing.release_ms,
        .identity_max_age_ms = config->timing.identity_max_age_ms,
        .empty_confirm_ms = config->timing.empty_confirm_ms,
        .session_events = config->events.per_session,
        .resolve = service_resolve,
        .deny = service_deny,
        .resolve_self = service,
        .settle_ms = longest_request_ms(config),
        .drain_ms = config->policy.drain_ms,
    };
}

struct event_style service_event_style(const struct service *service)
{
    const struct config *config = service->config;
    struct event_style style = event_style_default();
    style.mode =
        config->events.mode == CONFIG_EVENT_STRUCTURED ? EVENT_MODE_STRUCTURED : EVENT_MODE_BINARY;
    style.format =
        config->events.format == CONFIG_EVENT_PROTOBUF ? EVENT_FORMAT_PROTOBUF : EVENT_FORMAT_JSON;
    style.type_prefix = config->events.type_prefix;
    style.source = config->events.source;
    style.data_schema = config->events.data_schema;
    style.worker = config->kafka.instance;
    style.commands_topic = config->topics.commands;
    style.journal_topic = config->topics.journal;
    style.include_snapshots = config->events.include_snapshots;
    style.max_bytes =
        config->events.max_bytes > EVENT_BYTES_MIN ? config->events.max_bytes : EVENT_BYTES_MIN;
    return style;
}

/* ---- the pass ---- */

static void close_clients(struct service *service);

void service_again(struct service *service)
{
    if (!service->again && service->hub)
        kafka_hub_again(service->hub);
    service->again = true;
}

void service_fail(struct service *service, const struct error *err)
{
    if (!service->failure.code)
        service->failure = *err;
    close_clients(service);
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
    {
        int32_t about = partition->asks_first ? 0 : partition->id;
        if (partition->stage == PARTITION_ASKING && about == event->partition)
            partition_position(partition, event);
    }
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
            partition_committed(partition, event, now);
        break;
    case KAFKA_CONSUMER_FATAL:
        log_line(LOG_LEVEL_ERROR, "this member is out of the group, stopping",
                 LOG_TEXT("reason", event->error.message));
        service_fail(service, &event->error);
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
    if (partition && partition->engine)
        engine_appended(partition->engine, receipt->tag, append_result(receipt->delivery), now);
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

static void arm(struct service *service, struct instant now);
static void on_timer(uv_timer_t *timer);
static void look_at_end(struct service *service, struct instant now);

static void pass(struct service *service)
{
    struct instant now = clock_now(&service->clock);
    struct kafka_consumer_event event;
    struct kafka_receipt receipt;
    service->again = false;
    if (service->phase == SERVICE_STOPPED)
        return;
    while (kafka_consumer_poll(service->consumer, &event))
        consumer_event(service, &event, now);
    while (kafka_journal_poll(service->journal, &receipt))
        journal_receipt(service, &receipt, now);
    while (kafka_producer_poll(service->producer, &receipt))
        outbox_receipt(service, &receipt, now);
    if (service->phase < SERVICE_CLOSING) {
        control_pass(service, now);
        topics_count(service, now);
        struct partition *partition;
        TAILQ_FOREACH(partition, &service->partitions, of_service)
        partition_pass(partition, now);
    }
    clusters_pass(service, now);
    handlers_pass(service);
    tell_notices(service);
    health_pass(service);
    memory_pass(service, now);
    look_at_end(service, now);
    if (service->phase != SERVICE_STOPPED)
        arm(service, now);
}

static void on_ready(void *self)
{
    struct service *service = self;
    uint64_t started = uv_hrtime();
    pass(service);
    if (service->phase != SERVICE_STOPPED) {
        double seconds = (double)(uv_hrtime() - started) / 1e9;
        metrics_add(service->metrics, METRIC_loop_busy_seconds_total, NO_LABELS, seconds);
    }
}

static void on_timer(uv_timer_t *timer)
{
    on_ready(timer->data);
}

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

/* ---- the end ---- */

static bool all_idle(const struct service *service)
{
    const struct partition *partition;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (!partition_is_idle(partition))
        return false;
    return service->sendings == 0;
}

static void remove_partitions(struct service *service)
{
    while (!TAILQ_EMPTY(&service->partitions))
        partition_remove(TAILQ_FIRST(&service->partitions));
}

static void close_clients(struct service *service)
{
    if (service->phase >= SERVICE_CLOSING)
        return;
    service->phase = SERVICE_CLOSING;
    service->close_by = instant_add_ms(clock_now(&service->clock), CLOSE_MS);
    clusters_stop(service);
    handlers_stop(service);
    remove_partitions(service);
    kafka_tail_close(service->control);
    service->control = NULL;
    kafka_consumer_close(service->consumer);
    kafka_journal_close(service->journal);
    kafka_producer_close(service->producer);
    kafka_reader_close(service->tails);
    kafka_reader_close(service->control_reader);
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

static void look_at_end(struct service *service, struct instant now)
{
    if (service->phase == SERVICE_DRAINING &&
        (all_idle(service) || instant_passed(now, service->drain_until)))
        close_clients(service);
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

/* ---- reload ---- */

static void tell_change(void *self, const struct config_change *change)
{
    bool *restart = self;
    *restart = *restart || change->restart;
    log_line(LOG_LEVEL_INFO, change->restart ? "changed, needs a restart" : "changed",
             LOG_TEXT("key", change->path), LOG_TEXT("from", change->before),
             LOG_TEXT("to", change->after));
}

/* A command that waits to be taken names its cluster by the old configuration's text. */
static void rename_waiting(struct partition *partition, const struct config *config)
{
    struct engine_offer *offer = &partition->offer;
    if (!partition->offered || !offer->cluster)
        return;
    const struct config_cluster *cluster = config_cluster_find(config, text_of(offer->cluster));
    CHECK(cluster); /* no reload takes one away */
    offer->cluster = cluster->name;
}

static void take_config(struct service *service, struct config *config)
{
    struct partition *partition;
    struct config *before = service->config;
    service->config = config;
    clusters_reload(service);
    service->style = service_event_style(service);
    log_set_level(config->log_level);
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    {
        struct engine_config engine = service_engine_config(service, partition->id);
        if (partition->engine)
            engine_configure(partition->engine, &engine);
        rename_waiting(partition, config);
    }
    if (before != service->config_at_start)
        config_destroy(before);
}

static enum error_code load_again(struct service *service, struct config **ret, struct error *err)
{
    const struct service_options *options = &service->options;
    AUTO(config) config = NULL;
    if (!options->config_path)
        return error_set(err, ERR_CONFIG, "it was started without a configuration file");
    if (config_load(options->config_path, &config, NULL, err))
        return err->code;
    if (options->adjust && options->adjust(options->self, config, err))
        return err->code;
    *ret = STEAL(config);
    return ERR_OK;
}

void service_reload(struct service *service)
{
    struct error err;
    struct config *config = NULL;
    bool restart = false;
    if (service->phase >= SERVICE_CLOSING)
        return; /* what is closing is not made anew */
    notify_reloading(&err);
    if (load_again(service, &config, &err) == ERR_OK)
        config_diff(service->config, config, tell_change, &restart);
    if (config && restart) {
        error_set(&err, ERR_CONFIG, "a changed key needs a restart: nothing was taken over");
        config_destroy(STEAL(config));
    }
    metrics_add(service->metrics, METRIC_config_reloads_total, LABELS(config ? "ok" : "error"), 1);
    if (config) {
        take_config(service, config);
        log_line(LOG_LEVEL_INFO, "configuration reloaded");
    } else {
        log_line(LOG_LEVEL_ERROR, "configuration not reloaded, the old one stays in force",
                 LOG_TEXT("reason", err.message));
    }
    notify_ready(NULL, &err);
}

/* ---- the start ---- */

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
        if (unsafe && !service->config->topics.allow_unsafe && !code)
            code = error_set(err, ERR_UNSAFE,
                             "topic '%s': %s is %s, wanted %s: %s. See `curfew topics check`; "
                             "topics.allow_unsafe starts anyway",
                             finding->topic, finding->setting, finding->found, finding->wanted,
                             finding->why);
    }
    if (!code && service->partition_count < 1)
        code = error_set(err, ERR_UNSAFE,
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
    service->metrics = metrics_create();
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
        code = kafka_hub_create(loop, on_ready, service, &service->hub, err);
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
    arm(service, clock_now(&service->clock));
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
    remove_partitions(service);
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
    control_destroy(service);
    restore_destroy(service);
    topics_destroy(service);
    if (!service->timers) {
        free(service);
        return;
    }
    service->handles = 2;
    uv_close((uv_handle_t *)&service->timer, free_service);
    uv_close((uv_handle_t *)&service->watchdog, free_service);
}
