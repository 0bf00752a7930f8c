/* The configuration into the rooms below: at the start, and again by a reload. */
#include "base/check.h"
#include "base/log.h"
#include "base/notify.h"
#include "service/drain.h"
#include "service/internal.h"
#include "service/rules.h"

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
        .resolve_self = service->config, /* a reload gives the engine its own */
        .settle_ms = longest_request_ms(config),
        .drain_ms = config->policy.drain_ms,
        .drains_ask = config->policy.approve_above > 0,
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
    struct engine_offer *offer = &partition->intake.offer;
    if (!partition->intake.offered || !offer->cluster)
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
        metrics_set(service->metrics, METRIC_config_timestamp_seconds, NO_LABELS,
                    (double)clock_wall(&service->clock).ms / 1000);
        log_line(LOG_LEVEL_INFO, "configuration reloaded");
    } else {
        log_line(LOG_LEVEL_ERROR, "configuration not reloaded, the old one stays in force",
                 LOG_TEXT("reason", err.message));
    }
    notify_ready(NULL, &err);
}
