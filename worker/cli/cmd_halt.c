/* curfew halt: the kill switch of every worker, by the control topic; and its release. */
#include "cli/common.h"
#include "cli/main_table.h"
#include "cli/request_option.h"
#include "cli/say.h"
#include "cli/send.h"

enum { KEY_RELEASE = 0x2000 };

struct halt_options {
    struct cli_common common;
    struct request request;
    bool release;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct halt_options *halt = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &halt->common);
        return 0;
    case KEY_RELEASE:
        halt->release = true;
        return 0;
    default:
        return request_option(&halt->request, key, arg, state);
    }
}

static const struct argp_option options[] = {
    {"release", KEY_RELEASE, NULL, 0, "Let the workers go on", 0},
    {"reason", REQUEST_REASON, "TEXT", 0, "Why; kept on the control topic", 0},
    REQUEST_ROW_REQUESTED_BY(0),
    {0}};

const struct argp cmd_halt_argp = {
    options,
    parse,
    NULL,
    "Stops every worker: nothing more is ended, until it is released.\n\n"
    "Examples:\n"
    "  curfew halt --reason 'wrong sessions are ended'\n"
    "  curfew halt --release --reason 'the filter is mended'\n"
    "\vWorkers obey within 2 s, or stop by themselves when they cannot read the control topic for "
    "10 s. Open commands end as stopped, and so do new ones. Ends that were sent cannot be called "
    "back; locks of drains are given back. The id of the message is printed as soon as Kafka has "
    "it; that a worker has obeyed is told by its metric curfew_kill_switch and by its log. A "
    "release needs a reason where policy.require_reason says so; one that the policy refuses is "
    "told by an event (order_refused: 'curfew watch') and by 'curfew status'. SIGUSR1 stops one "
    "worker alone, "
    "and is released by SIGUSR2 alone.\n\n"
    "Exit status: 0 sent, 2 usage, 75 later, 78 configuration.",
    cli_children,
    NULL,
    NULL};

int cmd_halt(int argc, char **argv)
{
    struct halt_options halt = {0};
    struct clock clock = clock_real();
    struct error err;
    AUTO(command) command = NULL;
    cli_common_init(&halt.common);
    cli_parse(&cmd_halt_argp, argc, argv, &halt);
    enum error_code code =
        request_kill_switch(&halt.request, !halt.release, clock_wall(&clock), &command, &err);
    if (!code)
        code = send_order(&halt.common, command, &err);
    return code ? say_error("halt", &err) : 0;
}
