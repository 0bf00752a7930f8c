/* curfew cancel: stops a command that is still open, by the control topic. */
#include "cli/common.h"
#include "cli/main_table.h"
#include "cli/order.h"
#include "cli/request_option.h"
#include "cli/say.h"
#include "cli/send.h"

struct cancel_options {
    struct cli_common common;
    struct request request;
    const char *meant; /* id of the command; NULL: not given */
    bool wait;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct cancel_options *cancel = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &cancel->common);
        return 0;
    case ORDER_WAIT:
        cancel->wait = true;
        return 0;
    case ARGP_KEY_ARG:
        if (cancel->meant)
            argp_error(state, "one command at a time");
        cancel->meant = arg;
        return 0;
    case ARGP_KEY_END:
        if (!cancel->meant)
            argp_error(state, "which command? Give its id");
        return 0;
    default:
        return request_option(&cancel->request, key, arg, state);
    }
}

static const struct argp_option options[] = {
    REQUEST_ROW_REASON(0), REQUEST_ROW_REQUESTED_BY(0), ORDER_ROW_WAIT(0), {0}};

const struct argp cmd_cancel_argp = {
    options,
    parse,
    "ID",
    "Stops a command that is still open.\n\n"
    "Examples:\n"
    "  curfew cancel 0b5f...-...\n"
    "  curfew cancel 0b5f...-... --reason 'wrong infobase'\n"
    "  curfew cancel 0b5f...-... --wait\n"
    "\vSessions that were ended stay ended; the others are let alone. The id of the cancel itself "
    "is printed as soon as Kafka has it; 'curfew watch ID' tells how the command ends.\n\n"
    "Exit status: 0 sent (with --wait: the command is over, and standard error says how), 2 usage, "
    "4 it had ended before (with --wait), 5 refused (with --wait), 6 nobody said a word in time "
    "(with --wait), 75 later, 78 configuration.",
    cli_children,
    NULL,
    NULL};

int cmd_cancel(int argc, char **argv)
{
    struct cancel_options cancel = {0};
    struct clock clock = clock_real();
    struct uuid meant;
    struct error err;
    AUTO(command) command = NULL;
    cli_common_init(&cancel.common);
    cli_parse(&cmd_cancel_argp, argc, argv, &cancel);
    enum error_code code = uuid_read(text_of(cancel.meant), &meant, NULL);
    if (code || uuid_is_nil(&meant))
        code = error_set(&err, ERR_USAGE, "'%s' is no id of a command (a UUID)", cancel.meant);
    if (!code)
        code = request_cancel(&cancel.request, &meant, clock_wall(&clock), &command, &err);
    if (!code)
        code = cancel.wait ? order_and_wait(&cancel.common, command, &err)
                           : send_order(&cancel.common, command, &err);
    return code ? say_error("cancel", &err) : 0;
}
