/* The configuration read again, and taken to all who work by it. */
#include "base/log.h"
#include "base/notify.h"
#include "service/configure.h"
#include "service/partition.h"
#include "service/state.h"
#include "service/work.h"

static void note_restart(void *self, const struct config_change *change)
{
    bool *restart = self;
    *restart = *restart || change->restart;
}

/* One key that needs a restart keeps all others from being taken. */
static void tell_change(void *self, const struct config_change *change)
{
    const bool *refused = self;
    const char *what = *refused ? "would change" : "changed";
    log_line(LOG_LEVEL_INFO, change->restart ? "changed, needs a restart" : what,
             LOG_TEXT("key", change->path), LOG_TEXT("from", change->before),
             LOG_TEXT("to", change->after));
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
        waiting_rename(&partition->waiting, config);
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
    if (load_again(service, &config, &err) == ERR_OK) {
        config_diff(service->config, config, note_restart, &restart);
        config_diff(service->config, config, tell_change, &restart);
    }
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
