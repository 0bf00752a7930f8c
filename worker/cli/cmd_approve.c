/* curfew approve: a second person lets a list that waits be ended, by the control topic. */
#include "cli/common.h"
#include "cli/main_table.h"
#include "cli/order.h"
#include "cli/request_option.h"
#include "cli/say.h"
#include "cli/send.h"

enum { KEY_DIGEST = 0x2000 };

struct approve_options {
    struct cli_common common;
    struct request request;
    const char *meant;  /* id of the command; NULL: not given */
    const char *digest; /* of its list; NULL: not given */
    bool wait;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct approve_options *approve = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &approve->common);
        return 0;
    case KEY_DIGEST:
        approve->digest = arg;
        return 0;
    case ORDER_WAIT:
        approve->wait = true;
        return 0;
    case ARGP_KEY_ARG:
        if (approve->meant)
            argp_error(state, "one command at a time");
        approve->meant = arg;
        return 0;
    case ARGP_KEY_END:
        if (!approve->meant)
            argp_error(state, "which command? Give its id");
        if (!approve->digest)
            argp_error(state, "which list? Give its --digest, as the pending event names it: "
                              "curfew watch ID");
        return 0;
    default:
        return request_option(&approve->request, key, arg, state);
    }
}

static const struct argp_option options[] = {
    {"digest", KEY_DIGEST, "SHA-256", 0, "Of the very list that is approved", 0},
    REQUEST_ROW_REASON(0),
    REQUEST_ROW_REQUESTED_BY(0),
    ORDER_ROW_WAIT(0),
    {0}};

const struct argp cmd_approve_argp = {
    options,
    parse,
    "ID",
    "Lets a command that waits for a second person go on.\n\n"
    "Example:\n"
    "  curfew approve 0b5f...-... --digest 9f86...\n"
    "\vLook at the list first: 'curfew watch' tells of each that waits and its digest, 'curfew "
    "watch --json' its sessions as well. Nobody approves under the name that asked, but names "
    "are what people claim: that the second person is another one is decided by who may write to "
    "the topics of commands and of control. An approval holds for that very list alone. The id of "
    "the approval itself is printed as soon as Kafka has it. That it does not fit (another list, "
    "the requester's own), or is refused by the "
    "policy, is told by an event: 'curfew watch', or --wait.\n\n"
    "Exit status: 0 sent (with --wait: approved), 2 usage, 4 the command had ended before (with "
    "--wait), 5 refused (with --wait), 6 nobody said a word in time (with --wait), 75 later, 78 "
    "configuration.",
    cli_children,
    NULL,
    NULL};

int cmd_approve(int argc, char **argv)
{
    struct approve_options approve = {0};
    struct clock clock = clock_real();
    struct uuid meant;
    struct error err;
    AUTO(command) command = NULL;
    cli_common_init(&approve.common);
    cli_parse(&cmd_approve_argp, argc, argv, &approve);
    enum error_code code = uuid_read(text_of(approve.meant), &meant, NULL);
    if (code || uuid_is_nil(&meant))
        code = error_set(&err, ERR_USAGE, "'%s' is no id of a command (a UUID)", approve.meant);
    if (!code)
        code = request_approve(&approve.request, &meant, approve.digest, clock_wall(&clock),
                               &command, &err);
    if (!code)
        code = approve.wait ? order_and_wait(&approve.common, command, &err)
                            : send_order(&approve.common, command, &err);
    return code ? say_error("approve", &err) : 0;
}
