/* curfew terminate: asks for the end of sessions, and with --wait tells how it went. */
#include <stdio.h>

#include "cli/ask.h"
#include "cli/main_table.h"
#include "cli/request_option.h"

struct terminate {
    struct ask ask;
    bool accepted;
    size_t decided; /* targets told by events of single sessions */
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Which sessions:", 1},
    REQUEST_ROW_CLUSTER(1),
    {"session", REQUEST_SESSION, "UUID", 0, "A session (repeatable)", 1},
    {"infobase", REQUEST_INFOBASE, "NAME", 0, "The infobase that the numbers belong to", 1},
    {"number", REQUEST_NUMBER, "N", 0, "Session numbers, also as a list: 7,9-11 (repeatable)", 1},
    {"user", REQUEST_USER, "NAME", 0, "Only if the session is still this user's", 1},
    {"application", REQUEST_APPLICATION, "ID", 0,
     "Only if it is still this application (1CV8C, ...)", 1},
    {"started-at", REQUEST_STARTED_AT, "TIME", 0, "Only if it started then, by the cluster's clock",
     1},
    {"filter", REQUEST_FILTER, "EXPR", 0,
     "All that match, like: app = 1CV8C and idle >= 2h and not user like 'robot*'", 1},
    {"exclude", REQUEST_EXCLUDE, "EXPR", 0, "Leave those that match, or may match, alone", 1},
    {NULL, 0, NULL, 0, "How:", 2},
    REQUEST_ROW_REASON(2),
    REQUEST_ROW_MESSAGE(2),
    {"grace", REQUEST_GRACE, "DURATION", 0, "Wait so long for them to leave by themselves", 2},
    {"dry-run", REQUEST_DRY_RUN, NULL, 0, "Say what would be ended, and end nothing", 2},
    {"until-empty", REQUEST_UNTIL_EMPTY, NULL, 0,
     "Repeat in rounds until nobody matches the filter, newcomers too", 2},
    {"disconnect-connections", REQUEST_DISCONNECT, NULL, 0,
     "Disconnect what is left of the sessions, and wait until it is gone", 2},
    {"interrupt-calls", REQUEST_INTERRUPT, NULL, 0,
     "Interrupt the server call of a session that does not go", 2},
    {"standard-processing", REQUEST_STANDARD, "on|off", 0,
     "on: no handler; off: the configured handler ends the sessions", 2},
    {"max-targets", REQUEST_MAX_TARGETS, "N", 0, "Refuse if more sessions are meant", 2},
    REQUEST_ROW_EXPIRES_IN(2),
    {NULL, 0, NULL, 0, "The answer:", 3},
    {"wait", ASK_WAIT, NULL, 0, "Wait for the end and print every verdict", 3},
    REQUEST_ROW_REPLY_TOPIC(3),
    REQUEST_ROW_ID(3),
    REQUEST_ROW_REQUESTED_BY(3),
    REQUEST_ROW_CORRELATION_ID(3),
    {0}};

const struct argp cmd_terminate_argp = {
    options,
    ask_parse,
    NULL,
    "Asks for the end of sessions.\n\n"
    "Examples:\n"
    "  curfew terminate --cluster main --infobase ut --number 7,9-11 --wait\n"
    "  curfew terminate --cluster main --session 5a1b...-... --reason 'ticket 4711'\n"
    "  curfew terminate --cluster main --infobase ut --number 7 --dry-run --wait\n"
    "  curfew terminate --cluster main --filter 'idle >= 2h' --dry-run --wait\n"
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

static void on_seen(void *self, const struct event_view *view)
{
    struct terminate *terminate = self;
    if (view->kind == EVENT_PENDING_APPROVAL || view->kind == EVENT_PROGRESS) {
        ask_tell_waiting(&terminate->ask, view);
        return;
    }
    if (view->kind == EVENT_ACCEPTED && !terminate->accepted)
        terminate->accepted = true;
    if (view->kind == EVENT_SESSION)
        terminate->decided++;
    if (terminate->decided && !asked(&terminate->ask.request))
        say_live(&terminate->ask.talk, "%zu sessions decided ...", terminate->decided);
    else if (terminate->decided)
        say_live(&terminate->ask.talk, "%zu of %zu sessions decided ...", terminate->decided,
                 asked(&terminate->ask.request));
    else if (terminate->accepted && !asked(&terminate->ask.request))
        say_live(&terminate->ask.talk, "accepted: listing, ending and verifying what matches ...");
    else if (terminate->accepted)
        say_live(&terminate->ask.talk, "accepted: listing, ending and verifying %zu %s ...",
                 asked(&terminate->ask.request),
                 asked(&terminate->ask.request) == 1 ? "session" : "sessions");
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
                                      .argp = &cmd_terminate_argp,
                                      .make = request_terminate,
                                      .seen = on_seen,
                                      .waiting = on_waiting,
                                  }};
    terminate.ask.self = &terminate;
    return ask_main(&terminate.ask, argc, argv);
}
