/* curfew worker: loads the configuration, and runs the service until a signal ends it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/common.h"
#include "cli/main_table.h"
#include "cli/process.h"
#include "cli/say.h"
#include "service/service.h"

enum { KEY_PORT_FILE = 0x2000 };

struct worker {
    struct cli_common common;
    const char *port_file; /* NULL: none */
    uv_loop_t loop;
    struct service *service;
    struct error failure; /* ERR_OK: drained as asked */
    uv_signal_t signals[6];
    size_t signal_count;
};

/* ---- the command line ---- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct worker *worker = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &worker->common);
        return 0;
    case KEY_PORT_FILE:
        worker->port_file = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"port-file", KEY_PORT_FILE, "FILE", 0, "Write the port of the HTTP server to FILE", 0}, {0}};

const struct argp cmd_worker_argp = {
    options,
    parse,
    NULL,
    "Runs the worker.\v"
    "Examples:\n"
    "  curfew worker --config /etc/curfew/curfew.yaml\n"
    "  curfew worker --config curfew.yaml --brokers kafka-1:9092,kafka-2:9092\n"
    "\n"
    "Signals: TERM and INT finish the open commands and stop (a second one stops at once), HUP "
    "reads the configuration again, USR1 engages the kill switch, USR2 releases it.",
    cli_children,
    NULL,
    NULL};

/* ---- signals ---- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct worker *worker = handle->data;
    if (!worker->service)
        return;
    switch (number) {
    case SIGTERM:
    case SIGINT:
        service_drain(worker->service);
        break;
    case SIGHUP:
        service_reload(worker->service);
        break;
    case SIGUSR1:
        service_halt(worker->service, true);
        break;
    case SIGUSR2:
        service_halt(worker->service, false);
        break;
    default:
        break;
    }
}

static void watch_signals(struct worker *worker, const int *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uv_signal_t *handle = &worker->signals[worker->signal_count++];
        CHECK(uv_signal_init(&worker->loop, handle) == 0);
        handle->data = worker;
        CHECK(uv_signal_start(handle, on_signal, numbers[i]) == 0);
    }
}

static void close_signals(struct worker *worker)
{
    for (size_t i = 0; i < worker->signal_count; i++)
        uv_close((uv_handle_t *)&worker->signals[i], NULL);
    worker->signal_count = 0;
}

/* ---- running ---- */

static void on_stopped(void *self, enum error_code code, const struct error *err)
{
    struct worker *worker = self;
    if (code)
        worker->failure = *err;
    uv_stop(&worker->loop);
}

static void on_abandoned(void *self, const struct error *err)
{
    const struct worker *worker = self;
    log_line(LOG_LEVEL_ERROR, "leaving", LOG_TEXT("reason", err->message));
    if (worker->port_file)
        unlink(worker->port_file);
    _exit(error_exit_status(err->code));
}

static enum error_code load(struct worker *worker, struct config **ret, struct error *err)
{
    const char *path = cli_config_path(&worker->common);
    AUTO_BUF problems;
    buf_init(&problems, CONFIG_PROBLEMS_MAX * 1024);
    if (!path)
        return error_set(err, ERR_USAGE,
                         "no configuration: name one with --config FILE or $CURFEW_CONFIG");
    if (!config_load(path, ret, &problems, err))
        return ERR_OK;
    fprintf(stderr, "%s", buf_text(&problems));
    return error_set(err, err->code, "cannot start from '%s': what is wrong stands above", path);
}

static enum error_code adjust(void *self, struct config *config, struct error *err)
{
    const struct worker *worker = self;
    return cli_override_config(&worker->common, config, err);
}

static enum error_code start(struct worker *worker, struct error *err)
{
    AUTO(config) config = NULL;
    if (load(worker, &config, err))
        return err->code;
    if (adjust(worker, config, err))
        return err->code;
    if (config_for_worker(config, err))
        return error_wrap(err, "cannot start from '%s'", cli_config_path(&worker->common));
    log_set_level(config->log_level);
    struct service_options service = {.config_path = cli_config_path(&worker->common),
                                      .adjust = adjust,
                                      .stopped = on_stopped,
                                      .abandoned = on_abandoned,
                                      .self = worker};
    if (service_create(&worker->loop, config, &service, &worker->service, err))
        return err->code;
    STEAL(config);
    if (worker->port_file)
        return process_write_port(worker->port_file, service_http_port(worker->service), err);
    return ERR_OK;
}

/* An error after the service was made: it must come to rest before it is destroyed. */
static void rest(struct worker *worker, const struct error *why)
{
    worker->failure = *why;
    service_drain(worker->service);
    service_drain(worker->service);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
}

/* The first look at Kafka takes up to 20 s without the loop: who is told to end meanwhile has begun
 * nothing, and ends at once. */
static enum error_code run(struct worker *worker, struct error *err)
{
    static const int for_later[] = {SIGHUP, SIGUSR1, SIGUSR2}, that_end[] = {SIGTERM, SIGINT};
    struct error why = {0};
    CHECK(uv_loop_init(&worker->loop) == 0);
    watch_signals(worker, for_later, sizeof for_later / sizeof *for_later);
    enum error_code code = start(worker, &why);
    watch_signals(worker, that_end, sizeof that_end / sizeof *that_end);
    if (!code)
        uv_run(&worker->loop, UV_RUN_DEFAULT);
    else if (worker->service)
        rest(worker, &why);
    if (worker->port_file && !code)
        unlink(worker->port_file); /* a port nobody answers at is worse than none */
    service_destroy(worker->service);
    worker->service = NULL;
    close_signals(worker);
    uv_run(&worker->loop, UV_RUN_DEFAULT); /* until every handle is closed */
    CHECK(uv_loop_close(&worker->loop) == 0);
    *err = code ? why : worker->failure;
    return err->code;
}

int cmd_worker(int argc, char **argv)
{
    struct worker worker = {0};
    struct error err;
    cli_common_init(&worker.common);
    cli_parse(&cmd_worker_argp, argc, argv, &worker);
    mem_share_heap();
    process_keep_secrets_in();
    process_raise_descriptors();
    process_widen_pool();
    if (run(&worker, &err))
        return say_error("worker", &err);
    return 0;
}
