/* curfew terminate: asks for the end of sessions, and with --wait tells how it went. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/main_table.h"
#include "cli/request.h"
#include "command/message.h"

enum {
    KEY_CLUSTER = 0x2000,
    KEY_SESSION,
    KEY_INFOBASE,
    KEY_NUMBER,
    KEY_FILTER,
    KEY_EXCLUDE,
    KEY_USER,
    KEY_APPLICATION,
    KEY_STARTED_AT,
    KEY_REASON,
    KEY_MESSAGE,
    KEY_GRACE,
    KEY_DRY_RUN,
    KEY_UNTIL_EMPTY,
    KEY_DISCONNECT,
    KEY_INTERRUPT,
    KEY_STANDARD,
    KEY_MAX_TARGETS,
    KEY_EXPIRES_IN,
    KEY_REPLY_TOPIC,
    KEY_ID,
    KEY_REQUESTED_BY,
    KEY_CORRELATION_ID,
    KEY_WAIT,
    TARGETS_MAX = 10000,
};

struct terminate {
    struct ask ask;
    struct request request;
    bool accepted;
    size_t decided; /* targets told by events of single sessions */
};

/* ---- the command line ---- */

static void add_number(struct argp_state *state, struct request *request, const char *arg)
{
    struct error err;
    if (numbers_add(&request->numbers, arg, &err))
        argp_error(state, "%s", err.message);
}

static void add_session(struct argp_state *state, struct request *request, const char *arg)
{
    struct error err;
    if (request_session(request, arg, &err))
        argp_error(state, "%s", err.message);
}

/* Options that keep their text. */
static const char **text_option(struct request *request, int key)
{
    switch (key) {
    case KEY_CLUSTER:
        return &request->cluster;
    case KEY_INFOBASE:
        return &request->infobase;
    case KEY_FILTER:
        return &request->filter;
    case KEY_EXCLUDE:
        return &request->exclude;
    case KEY_USER:
        return &request->user;
    case KEY_APPLICATION:
        return &request->application;
    case KEY_STARTED_AT:
        return &request->started_at;
    case KEY_REASON:
        return &request->reason;
    case KEY_MESSAGE:
        return &request->message;
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

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct terminate *terminate = state->input;
    struct request *request = &terminate->request;
    const char **text = text_option(request, key);
    if (text) {
        *text = arg;
        return 0;
    }
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &terminate->ask.common);
        return 0;
    case KEY_SESSION:
        add_session(state, request, arg);
        return 0;
    case KEY_NUMBER:
        add_number(state, request, arg);
        return 0;
    case KEY_GRACE:
        request->grace_ms = cli_duration(state, "--grace", arg);
        return 0;
    case KEY_EXPIRES_IN:
        request->expires_in_ms = cli_duration(state, "--expires-in", arg);
        if (!request->expires_in_ms)
            argp_error(state, "--expires-in must be longer than nothing");
        return 0;
    case KEY_MAX_TARGETS:
        request->max_targets = (uint32_t)cli_count(state, "--max-targets", arg, TARGETS_MAX);
        return 0;
    case KEY_DRY_RUN:
        request->dry_run = true;
        return 0;
    case KEY_UNTIL_EMPTY:
        request->until_empty = true;
        return 0;
    case KEY_DISCONNECT:
        request->disconnect_connections = true;
        return 0;
    case KEY_INTERRUPT:
        request->interrupt_calls = true;
        return 0;
    case KEY_STANDARD:
        if (strcmp(arg, "on") != 0 && strcmp(arg, "off") != 0)
            argp_error(state, "--standard-processing takes on or off");
        request->standard_processing =
            arg[1] == 'n' ? STANDARD_PROCESSING_ON : STANDARD_PROCESSING_OFF;
        return 0;
    case KEY_WAIT:
        terminate->ask.wait = true;
        return 0;
    case ARGP_KEY_END:
        if (request->until_empty && !request->filter)
            argp_error(state, "--until-empty needs a --filter");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Which sessions:", 1},
    {"cluster", KEY_CLUSTER, "NAME", 0, "The cluster, by its configured name", 1},
    {"session", KEY_SESSION, "UUID", 0, "A session (repeatable)", 1},
    {"infobase", KEY_INFOBASE, "NAME", 0, "The infobase that the numbers belong to", 1},
    {"number", KEY_NUMBER, "N", 0, "Session numbers, also as a list: 7,9-11 (repeatable)", 1},
    {"user", KEY_USER, "NAME", 0, "Only if the session is still this user's", 1},
    {"application", KEY_APPLICATION, "ID", 0, "Only if it is still this application (1CV8C, ...)",
     1},
    {"started-at", KEY_STARTED_AT, "TIME", 0, "Only if it started then, by the cluster's clock", 1},
    {"filter", KEY_FILTER, "EXPR", 0,
     "All that match, like: app = 1CV8C and idle >= 2h and not user like 'robot*'", 1},
    {"exclude", KEY_EXCLUDE, "EXPR", 0, "Leave those that match, or may match, alone", 1},
    {NULL, 0, NULL, 0, "How:", 2},
    {"reason", KEY_REASON, "TEXT", 0, "Why; kept in the journal", 2},
    {"message", KEY_MESSAGE, "TEXT", 0, "Shown to the users", 2},
    {"grace", KEY_GRACE, "DURATION", 0, "Wait so long for them to leave by themselves", 2},
    {"dry-run", KEY_DRY_RUN, NULL, 0, "Say what would be ended, and end nothing", 2},
    {"until-empty", KEY_UNTIL_EMPTY, NULL, 0,
     "Repeat in rounds until nobody matches the filter, newcomers too", 2},
    {"disconnect-connections", KEY_DISCONNECT, NULL, 0,
     "Disconnect what is left of the sessions, and wait until it is gone", 2},
    {"interrupt-calls", KEY_INTERRUPT, NULL, 0,
     "Interrupt the server call of a session that does not go", 2},
    {"standard-processing", KEY_STANDARD, "on|off", 0,
     "on: no handler; off: the configured handler ends the sessions", 2},
    {"max-targets", KEY_MAX_TARGETS, "N", 0, "Refuse if more sessions are meant", 2},
    {"expires-in", KEY_EXPIRES_IN, "DURATION", 0, "Do not begin after this time", 2},
    {NULL, 0, NULL, 0, "The answer:", 3},
    {"wait", KEY_WAIT, NULL, 0, "Wait for the end and print every verdict", 3},
    {"reply-topic", KEY_REPLY_TOPIC, "TOPIC", 0, "Send the events there as well", 3},
    {"id", KEY_ID, "UUID", 0, "Id of the command: the same words with the same id do nothing twice",
     3},
    {"requested-by", KEY_REQUESTED_BY, "NAME", 0, "Who asks; default user@host", 3},
    {"correlation-id", KEY_CORRELATION_ID, "TEXT", 0, "Travels with every event", 3},
    {0}};

const struct argp cmd_terminate_argp = {
    options,
    parse,
    NULL,
    "Asks for the end of sessions.\n\n"
    "Examples:\n"
    "  curfew terminate --cluster main --infobase ut --number 7,9-11 --wait\n"
    "  curfew terminate --cluster main --session 5a1b...-... --reason 'ticket 4711'\n"
    "  curfew terminate --cluster main --infobase ut --number 7 --dry-run --wait\n"
    "  curfew terminate --cluster main --filter 'class = interactive and idle >= 2h' --dry-run "
    "--wait\n"
    "\v'curfew sessions --filter EXPR --explain' shows beforehand what a filter matches, and why. "
    "Without --wait the id of the command is printed as soon as Kafka has it. A session that is "
    "not there is success: already_gone.\n\n"
    "Exit status: 0 all gone, 1 failed, 2 usage, 3 some of several, 4 no such cluster, 5 refused, "
    "6 timed out (the command goes on), 75 busy: later, 78 configuration.",
    cli_children,
    NULL,
    NULL};

/* ---- progress ---- */

/* 0: a filter, nobody knows yet. */
static size_t asked(const struct request *request)
{
    return request->session_count ? request->session_count : request->numbers.count;
}

/* What somebody must know, or do, while the command waits. */
static void tell_waiting(struct terminate *terminate, const struct event_view *view)
{
    struct say *talk = &terminate->ask.talk;
    struct wall_text until = wall_format(view->until);
    struct uuid_text id = uuid_format(&view->command_id);
    if (view->kind == EVENT_PENDING_APPROVAL) {
        say_clear(talk);
        say_line(talk, "%u sessions are selected; a second person must approve them by %s:",
                 view->totals.targets, until.text);
        say_line(talk, "  curfew approve %s --digest %s", id.text, view->resolved_digest);
    } else if (view->kind == EVENT_PROGRESS && view->progress == PROGRESS_NOT_APPROVED) {
        say_clear(talk);
        say_line(talk, "not approved: %s", view->reason.message);
    } else if (view->kind == EVENT_PROGRESS && view->progress == PROGRESS_WAITING) {
        say_live(talk, "waiting until %s for sessions to be left ...", until.text);
    }
}

static void on_seen(void *self, const struct event_view *view)
{
    struct terminate *terminate = self;
    if (view->kind == EVENT_PENDING_APPROVAL || view->kind == EVENT_PROGRESS) {
        tell_waiting(terminate, view);
        return;
    }
    if (view->kind == EVENT_ACCEPTED && !terminate->accepted)
        terminate->accepted = true;
    if (view->kind == EVENT_SESSION)
        terminate->decided++;
    if (terminate->decided && !asked(&terminate->request))
        say_live(&terminate->ask.talk, "%zu sessions decided ...", terminate->decided);
    else if (terminate->decided)
        say_live(&terminate->ask.talk, "%zu of %zu sessions decided ...", terminate->decided,
                 asked(&terminate->request));
    else if (terminate->accepted && !asked(&terminate->request))
        say_live(&terminate->ask.talk, "accepted: listing, ending and verifying what matches ...");
    else if (terminate->accepted)
        say_live(&terminate->ask.talk, "accepted: listing, ending and verifying %zu %s ...",
                 asked(&terminate->request),
                 asked(&terminate->request) == 1 ? "session" : "sessions");
}

static void on_waiting(void *self)
{
    struct terminate *terminate = self;
    if (!terminate->accepted)
        say_live(&terminate->ask.talk, "sent: waiting for a worker to accept it ...");
}

int cmd_terminate(int argc, char **argv)
{
    struct terminate terminate = {.ask = {
                                      .name = "terminate",
                                      .seen = on_seen,
                                      .waiting = on_waiting,
                                  }};
    struct ask *ask = &terminate.ask;
    struct clock clock = clock_real();
    struct error err;
    AUTO(command) command = NULL;
    ask->self = &terminate;
    cli_common_init(&ask->common);
    cli_parse(&cmd_terminate_argp, argc, argv, &terminate);
    ask->out = say_open(stdout, ask->common.no_color);
    ask->talk = say_open(stderr, ask->common.no_color);
    int status = request_terminate(&terminate.request, clock_wall(&clock), &command, &err)
                     ? say_error("terminate", &err)
                     : ask_run(ask, command);
    request_release(&terminate.request);
    return status;
}
