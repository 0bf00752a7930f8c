#include "service/health.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/notify.h"
#include "cluster/process.h"
#include "service/control.h"
#include "service/partition.h"
#include "service/state.h"
#include "service/work.h"

enum { BOUND_OVER_MS = 10000 };

/* ---- readiness: the group was joined, assigned partitions are owned and recovered, journal and
 * events can be written, the control topic was read. A cluster that hangs does not change it. ----
 */

static void check(struct http_check *ret, const char *name, bool passed, const char *detail)
{
    ret->name = name;
    ret->passed = passed;
    snprintf(ret->detail, sizeof ret->detail, "%s", passed ? "" : detail);
}

static void check_partitions(const struct service *service, struct http_check *ret)
{
    const struct partition *partition;
    char detail[HTTP_DETAIL_MAX] = "";
    bool good = true;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    {
        const char *held = partition_hold(partition);
        if (partition->stage == PARTITION_RUNNING && partition->owning && !held)
            continue;
        good = false;
        snprintf(detail, sizeof detail, "partition %d: %s", partition->id,
                 partition->stage == PARTITION_STOPPED ? partition->why.message
                 : held                                ? held
                                                       : "being recovered");
    }
    check(ret, "partitions", good, detail);
}

static size_t checks(void *self, struct http_check *ret, size_t max)
{
    const struct service *service = self;
    if (max < 7)
        return 0;
    check(&ret[0], "running", service->phase == SERVICE_RUNNING, "stopping");
    check(&ret[1], "group", service->joined, "no member of the consumer group (yet, or any more)");
    check_partitions(service, &ret[2]);
    check(&ret[3], "journal", !service->journal_failing, "the journal takes no records");
    check(&ret[4], "events", !service->events_failing, "the events topic takes no events");
    check(&ret[5], "control", service->control_read && !service->control_stale,
          service->control_read ? "the control topic cannot be read to its end: nothing is ended"
                                : "the control topic was not read to its end yet");
    check(&ret[6], "dead_letters", !service->letters_failing,
          "a message cannot be handed on: its partition waits");
    return 7;
}

bool service_is_ready(const struct service *service)
{
    struct http_check all[HTTP_CHECKS_MAX];
    size_t count = checks((void *)(uintptr_t)service, all, HTTP_CHECKS_MAX);
    for (size_t i = 0; i < count; i++)
        if (!all[i].passed)
            return false;
    return count > 0;
}

/* All partitions share the bounds. */
static enum engine_bound bound_reached(const struct service *service)
{
    const struct partition *partition;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    {
        if (partition->engine && partition->owning)
            return engine_bound_reached(partition->engine);
    }
    return ENGINE_BOUND_NONE;
}

/* At full load a bound is reached and left many times a second: that it is over is said when none
 * was reached for a while. */
static void tell_bound(struct service *service, struct instant now)
{
    static const char *const keys[ENGINE_BOUNDS] = {
        [ENGINE_BOUND_COMMANDS] = "limits.open_commands",
        [ENGINE_BOUND_TARGETS] = "limits.open_targets",
        [ENGINE_BOUND_KEPT] = "limits.kept_targets",
        [ENGINE_BOUND_IDS] = "limits.remembered_ids",
    };
    enum engine_bound bound = bound_reached(service);
    metrics_set(service->metrics, METRIC_consumption_paused, NO_LABELS, bound != ENGINE_BOUND_NONE);
    if (bound != ENGINE_BOUND_NONE)
        service->bound_at = now;
    if (bound != ENGINE_BOUND_NONE && service->bound_told == ENGINE_BOUND_NONE) {
        service->bound_told = bound;
        log_line(LOG_LEVEL_WARNING, "a bound is reached: no command is accepted until it is left",
                 LOG_TEXT("bound", keys[bound]));
    } else if (service->bound_told != ENGINE_BOUND_NONE &&
               instant_ms_between(service->bound_at, now) >= BOUND_OVER_MS) {
        log_line(LOG_LEVEL_INFO, "commands are accepted again",
                 LOG_TEXT("bound", keys[service->bound_told]));
        service->bound_told = ENGINE_BOUND_NONE;
    }
}

void health_pass(struct service *service, struct instant now)
{
    tell_bound(service, now);
    bool ready = service_is_ready(service);
    struct error err;
    if (ready == service->ready_told)
        return;
    service->ready_told = ready;
    metrics_set(service->metrics, METRIC_ready, NO_LABELS, ready);
    log_line(ready ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, ready ? "ready" : "not ready");
    if (ready ? notify_ready("ready", &err) : notify_status("not ready", &err))
        log_line(LOG_LEVEL_DEBUG, "cannot tell the service manager",
                 LOG_TEXT("reason", err.message));
}

/* ---- gauges, right before a scrape ---- */

static void collect_partition(struct service *service, struct partition *partition,
                              struct engine_counts *sum)
{
    char name[16];
    snprintf(name, sizeof name, "%d", partition->id);
    if (partition->reading)
        metrics_set(service->metrics, METRIC_consumer_lag,
                    LABELS(service->settings.topics.commands, name),
                    (double)kafka_consumer_lag(service->consumer, partition->id));
    if (!partition->engine)
        return;
    struct engine_counts counts = engine_counts(partition->engine);
    metrics_add(service->metrics, METRIC_journal_void_records_total, NO_LABELS,
                (double)(counts.voided - partition->counted.voided));
    metrics_add(service->metrics, METRIC_journal_owner_changes_total, NO_LABELS,
                (double)(counts.epochs - partition->counted.epochs));
    metrics_add(service->metrics, METRIC_licences_stale_total, NO_LABELS,
                (double)(counts.stale - partition->counted.stale));
    partition->counted = counts;
    sum->open_commands += counts.open_commands;
    sum->open_targets += counts.open_targets;
    sum->kept_targets += counts.kept_targets;
    sum->events_waiting += counts.events_waiting;
    sum->locks_held += counts.locks_held;
    sum->locks_lost += partition->owning ? counts.locks_lost : 0;
    sum->locks_watched += partition->owning ? counts.locks_watched : 0;
    sum->locks_stray += partition->owning ? counts.locks_stray : 0;
}

static void collect_programs(struct metrics *metrics)
{
    struct process_figures figures = process_figures();
    metrics_set(metrics, METRIC_programs_running, NO_LABELS, process_alive());
    metrics_set(metrics, METRIC_programs_overdue, NO_LABELS, figures.overdue);
    metric_raise_to(metrics_series(metrics, METRIC_programs_forced_total, NO_LABELS),
                    figures.forced);
    metric_raise_to(metrics_series(metrics, METRIC_programs_left_open_total, NO_LABELS),
                    figures.left_open);
}

static void collect_cluster(struct service *service, const struct cluster_work *work)
{
    const char *name = work->config->name;
    metrics_set(service->metrics, METRIC_lane_waiting, LABELS(name), lane_waiting(work->lane));
    metrics_set(service->metrics, METRIC_lane_in_flight, LABELS(name), lane_in_flight(work->lane));
    metrics_set(service->metrics, METRIC_breaker_state, LABELS(name),
                (double)lane_breaker(work->lane));
}

static void collect(void *self)
{
    struct service *service = self;
    struct instant now = clock_now(&service->clock);
    struct wall wall = clock_wall(&service->clock);
    struct engine_counts sum = {0};
    struct partition *partition;
    double owned = 0;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    {
        collect_partition(service, partition, &sum);
        owned += partition->owning;
    }
    for (size_t i = 0; i < service->cluster_count; i++)
        collect_cluster(service, &service->clusters[i]);
    int64_t age_ms = control_age_ms(service, now);
    if (age_ms < INT64_MAX)
        metrics_set(service->metrics, METRIC_control_age_seconds, NO_LABELS, (double)age_ms / 1000);
    metrics_set(service->metrics, METRIC_kill_switch, NO_LABELS, service->halted);
    uint64_t log_lost = log_dropped();
    metrics_add(service->metrics, METRIC_log_lines_dropped_total, NO_LABELS,
                (double)(log_lost - service->log_dropped));
    service->log_dropped = log_lost;
    collect_programs(service->metrics);
    metrics_set(service->metrics, METRIC_journal_partitions_owned, NO_LABELS, owned);
    metrics_set(service->metrics, METRIC_open_commands, NO_LABELS, sum.open_commands);
    metrics_set(service->metrics, METRIC_locks_held, NO_LABELS, sum.locks_held);
    metrics_set(service->metrics, METRIC_held_locks_open, NO_LABELS, sum.locks_lost);
    metrics_set(service->metrics, METRIC_locks_watched, NO_LABELS, sum.locks_watched);
    metrics_set(service->metrics, METRIC_stray_locks, NO_LABELS, sum.locks_stray);
    metrics_set(service->metrics, METRIC_open_targets, NO_LABELS, sum.open_targets);
    metrics_set(service->metrics, METRIC_kept_targets, NO_LABELS, sum.kept_targets);
    metrics_set(service->metrics, METRIC_events_waiting, NO_LABELS, sum.events_waiting);
    if (service->event_at.ns != 0)
        metrics_set(service->metrics, METRIC_last_event_timestamp_seconds, NO_LABELS,
                    (double)(wall.ms - (now.ns - service->event_at.ns) / 1000000) / 1000);
    metrics_set(service->metrics, METRIC_remembered_ids, NO_LABELS, service->budget.remembered_ids);
}

/* ---- the HTTP side ---- */

enum error_code health_create(struct service *service, struct error *err)
{
    const struct config_http *config = &service->config->http;
    struct http_route routes[HTTP_HEALTH_ROUTES];
    service->health = (struct http_health){checks, collect, service, service->metrics};
    metrics_set(service->metrics, METRIC_build_info,
                LABELS(CURFEW_VERSION, kafka_library_version()), 1);
    double started = (double)clock_wall(&service->clock).ms / 1000;
    metrics_set(service->metrics, METRIC_start_timestamp_seconds, NO_LABELS, started);
    metrics_set(service->metrics, METRIC_config_timestamp_seconds, NO_LABELS, started);
    if (!config->listen.host[0])
        return ERR_OK;
    http_health_routes(&service->health, routes);
    struct http_options options = {.host = config->listen.host,
                                   .port = config->listen.port,
                                   .connections = config->connections,
                                   .timeout_s = (uint32_t)(config->timeout_ms / 1000)};
    if (http_server_create(service->loop, &options, routes, HTTP_HEALTH_ROUTES, &service->http,
                           err))
        return error_wrap(err, "http.listen");
    return ERR_OK;
}

uint16_t service_http_port(const struct service *service)
{
    return service->http ? http_server_port(service->http) : 0;
}
