/* SIGHUP: other tokens, limits and servers without cutting off who waits. */
#include <string.h>

#include "base/log.h"
#include "base/notify.h"
#include "gateway/state.h"

/* The file may be a worker's as well; what the gateway does not use it does not judge. */
static bool concerns(const char *path)
{
    static const char *const used[] = {"kafka.", "topics.", "gateway.", "log."};
    if (!strcmp(path, "kafka.group") || !strcmp(path, "kafka.instance"))
        return false;
    for (size_t i = 0; i < sizeof used / sizeof used[0]; i++)
        if (!strncmp(path, used[i], strlen(used[i])))
            return true;
    return false;
}

static void note_restart(void *self, const struct config_change *change)
{
    bool *restart = self;
    *restart = *restart || (concerns(change->path) && change->restart);
}

/* One key that needs a restart keeps all others from being taken. */
static void tell_change(void *self, const struct config_change *change)
{
    const bool *refused = self;
    const char *what = *refused ? "would change" : "changed";
    if (!concerns(change->path))
        return;
    log_line(LOG_LEVEL_INFO, change->restart ? "changed, needs a restart" : what,
             LOG_TEXT("key", change->path), LOG_TEXT("from", change->before),
             LOG_TEXT("to", change->after));
}

static enum error_code load_again(struct gateway *gateway, struct config **ret, struct error *err)
{
    bool restart = false;
    AUTO(config) config = NULL;
    if (!gateway->options.config_path)
        return error_set(err, ERR_CONFIG, "it was started without a configuration file");
    if (config_load(gateway->options.config_path, &config, NULL, err))
        return err->code;
    config_diff(gateway->config, config, note_restart, &restart);
    config_diff(gateway->config, config, tell_change, &restart);
    if (restart)
        return error_set(err, ERR_CONFIG, "a changed key needs a restart: nothing was taken over");
    *ret = STEAL(config);
    return ERR_OK;
}

void gateway_reload(struct gateway *gateway)
{
    struct error err;
    struct config *config = NULL;
    if (gateway->phase != GATEWAY_RUNNING)
        return;
    bool told = gateway->ready_told; /* before, it starts, and says so when it has */
    if (told)
        notify_reloading(&err);
    enum error_code code = load_again(gateway, &config, &err);
    metrics_add(gateway->metrics, METRIC_config_reloads_total, LABELS(code ? "error" : "ok"), 1);
    if (code) {
        log_line(LOG_LEVEL_ERROR, "configuration not reloaded, the old one stays in force",
                 LOG_TEXT("reason", err.message));
    } else {
        access_configure(gateway->access, &config->gateway, clock_now(&gateway->clock));
        config_destroy(gateway->reloaded); /* that of the start is the caller's */
        gateway->config = gateway->reloaded = config;
        log_set_level(config->log_level);
        metrics_set(gateway->metrics, METRIC_config_timestamp_seconds, NO_LABELS,
                    (double)clock_wall(&gateway->clock).ms / 1000);
        log_line(LOG_LEVEL_INFO, "configuration reloaded");
    }
    if (told)
        notify_ready(NULL, &err);
}
