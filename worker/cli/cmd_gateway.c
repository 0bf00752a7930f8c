/* curfew gateway: the HTTP endpoint, until a signal ends it. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/common.h"
#include "cli/main_table.h"
#include "cli/process.h"
#include "cli/say.h"
#include "gateway/gateway.h"

enum { KEY_PORT_FILE = 0x2000, SIGNALS = 3 };

struct program {
    struct cli_common common;
    const char *port_file; /* NULL: none */
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    struct gateway *gateway;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct program *program = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &program->common);
        return 0;
    case KEY_PORT_FILE:
        program->port_file = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"port-file", KEY_PORT_FILE, "FILE", 0, "Write the port of the endpoint to FILE", 0}, {0}};

const struct argp cmd_gateway_argp = {
    options,
    parse,
    NULL,
    "Serves POST /v1/terminations and GET /v1/terminations/{id}.\v"
    "Examples:\n"
    "  curfew gateway --config /etc/curfew/gateway.yaml\n"
    "  curl -H @<(printf 'Authorization: Bearer %s' \"$(cat ut.token)\") \\\n"
    "    -H 'Prefer: wait=30' \\\n"
    "    -H \"Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)\" \\\n"
    "    -H 'Content-Type: application/json' \\\n"
    "    http://127.0.0.1:9465/v1/terminations \\\n"
    "    -d '{\"target\":{\"cluster\":\"main\",\"infobase\":\"ut\",\"sessions\":\n"
    "         [{\"number\":17}]}}'\n"
    "\n"
    "It needs kafka, topics and gateway of the configuration, and no password of a cluster. "
    "schemas/openapi.yaml describes it, docs/1c.md how 1C uses it. TLS is a reverse proxy's. "
    "TERM and INT answer who waits, and stop; HUP reads tokens, limits and servers again.",
    cli_children,
    NULL,
    NULL};

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *program = handle->data;
    if (program->gateway && number == SIGHUP)
        gateway_reload(program->gateway);
    else if (program->gateway)
        gateway_stop(program->gateway);
}

static void watch_signals(struct program *program)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < SIGNALS; i++) {
        CHECK(uv_signal_init(&program->loop, &program->signals[i]) == 0);
        program->signals[i].data = program;
        CHECK(uv_signal_start(&program->signals[i], on_signal, numbers[i]) == 0);
    }
}

static void on_stopped(void *self)
{
    struct program *program = self;
    for (size_t i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&program->signals[i], NULL);
    gateway_destroy(program->gateway);
    program->gateway = NULL;
}

static enum error_code serve(struct program *program, struct cli_setup *setup, struct error *err)
{
    struct gateway_options gateway = {
        .config_path = setup->path, .stopped = on_stopped, .self = program};
    if (gateway_create(&program->loop, setup->config, &setup->settings, &gateway, &program->gateway,
                       err))
        return err->code;
    unsigned port = gateway_port(program->gateway);
    log_line(LOG_LEVEL_INFO, "listening", log_number("port", port));
    if (program->port_file && process_write_port(program->port_file, port, err)) {
        gateway_stop(program->gateway);
        return err->code;
    }
    return ERR_OK;
}

static enum error_code run(struct program *program, struct cli_setup *setup, struct error *err)
{
    CHECK(uv_loop_init(&program->loop) == 0);
    watch_signals(program);
    enum error_code code = serve(program, setup, err);
    if (code && !program->gateway)
        for (size_t i = 0; i < SIGNALS; i++)
            if (!uv_is_closing((uv_handle_t *)&program->signals[i]))
                uv_close((uv_handle_t *)&program->signals[i], NULL);
    uv_run(&program->loop, UV_RUN_DEFAULT); /* until on_stopped() has closed every handle */
    if (program->port_file && !code)
        unlink(program->port_file); /* a port nobody answers at is worse than none */
    CHECK(uv_loop_close(&program->loop) == 0);
    return code;
}

int cmd_gateway(int argc, char **argv)
{
    struct program program = {0};
    struct cli_setup setup;
    struct error err;
    AUTO_BUF problems;
    buf_init(&problems, CONFIG_PROBLEMS_MAX * 1024);
    cli_common_init(&program.common);
    cli_parse(&cmd_gateway_argp, argc, argv, &program);
    process_keep_secrets_in();
    process_raise_descriptors();
    if (cli_setup_load(&program.common, true, &setup, &problems, &err)) {
        fprintf(stderr, "%s", buf_text(&problems));
        if (problems.length)
            error_set(&err, err.code, "cannot start from '%s': what is wrong stands above",
                      cli_config_path(&program.common));
        return say_error("gateway", &err);
    }
    log_set_level(setup.config->log_level);
    enum error_code code = run(&program, &setup, &err);
    cli_setup_release(&setup);
    return code ? say_error("gateway", &err) : 0;
}
