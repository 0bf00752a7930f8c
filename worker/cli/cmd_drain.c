/* curfew drain: asks for an empty infobase, and with --wait tells how it went. */
#include <stdio.h>

#include "cli/ask.h"
#include "cli/main_table.h"
#include "cli/request.h"

enum {
    KEY_CLUSTER = 0x2000,
    KEY_INFOBASE,
    KEY_EXCLUDE,
    KEY_GRACE,
    KEY_HOLD,
    KEY_DEADLINE,
    KEY_KEEP_JOBS,
    KEY_REASON,
    KEY_MESSAGE,
    KEY_DISCONNECT,
    KEY_INTERRUPT,
    KEY_DRY_RUN,
    KEY_EXPIRES_IN,
    KEY_REPLY_TOPIC,
    KEY_ID,
    KEY_REQUESTED_BY,
    KEY_CORRELATION_ID,
    KEY_WAIT,
};

struct drain {
    struct ask ask;
    struct request request;
    size_t decided; /* sessions told by events of single sessions */
};

/* ---- the command line ---- */

/* Options that keep their text. */
static const char **text_option(struct request *request, int key)
{
    switch (key) {
    case KEY_CLUSTER:
        return &request->cluster;
    case KEY_INFOBASE:
        return &request->infobase;
    case KEY_REASON:
        return &request->reason;
    case KEY_MESSAGE:
        return &request->message;
    case KEY_EXCLUDE:
        return &request->exclude;
    case KEY_REPLY_TOPIC:
        return &request->reply_topic;
    case KEY_ID:
        return &request->id;
    case KEY_REQUESTED_BY:
        return &request->requested_by;
    case KEY_CORRELATION_ID:
        return &request->correlation_id;
    default:
        return NULL;
    }
}

static int64_t *time_option(struct request *request, int key, const char **ret_name)
{
    switch (key) {
    case KEY_GRACE:
        *ret_name = "--grace";
        return &request->grace_ms;
    case KEY_HOLD:
        *ret_name = "--hold";
        return &request->hold_ms;
    case KEY_DEADLINE:
        *ret_name = "--deadline";
        return &request->deadline_ms;
    case KEY_EXPIRES_IN:
        *ret_name = "--expires-in";
        return &request->expires_in_ms;
    default:
        return NULL;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct drain *drain = state->input;
    struct request *request = &drain->request;
    const char *name;
    const char **text = text_option(request, key);
    int64_t *time = time_option(request, key, &name);
    if (text)
        *text = arg;
    else if (time)
        *time = cli_duration(state, name, arg);
    else if (key == ARGP_KEY_INIT)
        cli_children_init(state, &drain->ask.common);
    else if (key == KEY_KEEP_JOBS)
        request->keep_jobs = true;
    else if (key == KEY_DISCONNECT)
        request->disconnect_connections = true;
    else if (key == KEY_INTERRUPT)
        request->interrupt_calls = true;
    else if (key == KEY_DRY_RUN)
        request->dry_run = true;
    else if (key == KEY_WAIT)
        drain->ask.wait = true;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Which infobase:", 1},
    {"cluster", KEY_CLUSTER, "NAME", 0, "The cluster, by its configured name", 1},
    {"infobase", KEY_INFOBASE, "NAME", 0, "The infobase", 1},
    {"exclude", KEY_EXCLUDE, "EXPR", 0,
     "Leave those that match, or may match, alone, like: user in (Admin, Robot)", 1},
    {NULL, 0, NULL, 0, "How:", 2},
    {"grace", KEY_GRACE, "DURATION", 0,
     "Users are warned and kept out from then on; default at once", 2},
    {"hold", KEY_HOLD, "DURATION", 0, "Stays empty and locked so long; default not at all", 2},
    {"deadline", KEY_DEADLINE, "DURATION", 0, "For ending, after the grace; then it is given up",
     2},
    {"keep-jobs", KEY_KEEP_JOBS, NULL, 0, "Leave the setting of scheduled jobs alone", 2},
    {"reason", KEY_REASON, "TEXT", 0, "Why; kept in the journal", 2},
    {"message", KEY_MESSAGE, "TEXT", 0, "Shown to the users", 2},
    {"disconnect-connections", KEY_DISCONNECT, NULL, 0, "Disconnect what is left of ended sessions",
     2},
    {"interrupt-calls", KEY_INTERRUPT, NULL, 0, "Interrupt the server call that keeps a session",
     2},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "Say what would be ended, and lock and end nothing", 2},
    {"expires-in", KEY_EXPIRES_IN, "DURATION", 0, "Do not begin after this time", 2},
    {NULL, 0, NULL, 0, "The answer:", 3},
    {"wait", KEY_WAIT, NULL, 0, "Wait until the infobase is empty, or the drain is given up", 3},
    {"reply-topic", KEY_REPLY_TOPIC, "TOPIC", 0, "Send the events there as well", 3},
    {"id", KEY_ID, "UUID", 0, "Id of the command: the same words with the same id do nothing twice",
     3},
    {"requested-by", KEY_REQUESTED_BY, "NAME", 0, "Who asks; default user@host", 3},
    {"correlation-id", KEY_CORRELATION_ID, "TEXT", 0, "Travels with every event", 3},
    {0}};

const struct argp cmd_drain_argp = {
    options,
    parse,
    NULL,
    "Locks an infobase, ends its sessions until it is empty, holds it, and gives back the lock as "
    "it was.\n\n"
    "Examples:\n"
    "  curfew drain --cluster main --infobase ut --grace 15m --hold 2h --wait\n"
    "  curfew drain --cluster main --infobase ut --dry-run --wait\n"
    "  curfew restore --cluster main --infobase ut     ends the hold\n"
    "\vNew sessions and scheduled jobs are denied. Interactive sessions are ended first and jobs "
    "last, again and again until nobody is left but protected sessions, which are named. --wait "
    "returns then, at the start of the hold.\n\n"
    "Whatever happens, the lock and the jobs setting are given back as they were. What somebody "
    "else has changed meanwhile stays.\n\n"
    "Exit status: 0 empty, 1 failed, 2 usage, 3 in part, 4 no such cluster, 5 refused, "
    "6 timed out (the command goes on), 75 busy: later, 78 configuration.",
    cli_children,
    NULL,
    NULL};

/* ---- the walk ---- */

static void on_seen(void *self, const struct event_view *view)
{
    struct drain *drain = self;
    drain->decided += view->kind == EVENT_SESSION;
    if (drain->decided)
        say_live(&drain->ask.talk, "%zu sessions are gone or decided ...", drain->decided);
    else
        say_live(&drain->ask.talk, "accepted: locking, warning and ending ...");
}

int cmd_drain(int argc, char **argv)
{
    struct drain drain = {.ask = {
                              .name = "drain",
                              .seen = on_seen,
                              .until_held = true,
                          }};
    struct ask *ask = &drain.ask;
    struct clock clock = clock_real();
    struct error err;
    AUTO(command) command = NULL;
    ask->self = &drain;
    cli_common_init(&ask->common);
    cli_parse(&cmd_drain_argp, argc, argv, &drain);
    ask->out = say_open(stdout, ask->common.no_color);
    ask->talk = say_open(stderr, ask->common.no_color);
    int status = request_drain(&drain.request, clock_wall(&clock), &command, &err)
                     ? say_error("drain", &err)
                     : ask_run(ask, command);
    request_release(&drain.request);
    return status;
}
