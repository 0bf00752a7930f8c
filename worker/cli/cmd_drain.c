/* curfew drain: asks for an empty infobase, and with --wait tells how it went. */
#include <stdio.h>

#include "cli/ask.h"
#include "cli/main_table.h"
#include "cli/request_option.h"

struct drain {
    struct ask ask;
    size_t decided; /* sessions told by events of single sessions */
};

static const struct argp_option options[] = {
    {NULL, 0, NULL, 0, "Which infobase:", 1},
    REQUEST_ROW_CLUSTER(1),
    {"infobase", REQUEST_INFOBASE, "NAME", 0, "The infobase", 1},
    {"exclude", REQUEST_EXCLUDE, "EXPR", 0,
     "Leave those that match, or may match, alone, like: user in (Admin, Robot)", 1},
    {NULL, 0, NULL, 0, "How:", 2},
    {"grace", REQUEST_GRACE, "DURATION", 0,
     "Users are warned and kept out from then on; default at once", 2},
    {"hold", REQUEST_HOLD, "DURATION", 0, "Stays empty and locked so long; default not at all", 2},
    {"deadline", REQUEST_DEADLINE, "DURATION", 0,
     "For ending, after the grace; then it is given up", 2},
    {"keep-jobs", REQUEST_KEEP_JOBS, NULL, 0, "Leave the setting of scheduled jobs alone", 2},
    REQUEST_ROW_REASON(2),
    REQUEST_ROW_MESSAGE(2),
    {"disconnect-connections", REQUEST_DISCONNECT, NULL, 0,
     "Disconnect what is left of ended sessions", 2},
    {"interrupt-calls", REQUEST_INTERRUPT, NULL, 0,
     "Interrupt the server call that keeps a session", 2},
    {"max-targets", REQUEST_MAX_TARGETS, "N", 0,
     "Give up before more sessions are ended than these, over all rounds", 2},
    {"dry-run", REQUEST_DRY_RUN, NULL, 0, "Say what would be ended, and lock and end nothing", 2},
    REQUEST_ROW_EXPIRES_IN(2),
    {NULL, 0, NULL, 0, "The answer:", 3},
    {"wait", ASK_WAIT, NULL, 0, "Wait until the infobase is empty, or the drain is given up", 3},
    REQUEST_ROW_REPLY_TOPIC(3),
    REQUEST_ROW_ID(3),
    REQUEST_ROW_REQUESTED_BY(3),
    REQUEST_ROW_CORRELATION_ID(3),
    {0}};

const struct argp cmd_drain_argp = {
    options,
    ask_parse,
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
    "6 nothing heard within 60s, or not done within --timeout (the command goes on), 75 busy: "
    "later, 78 configuration.",
    cli_children,
    NULL,
    NULL};

/* ---- the walk ---- */

static void on_seen(void *self, const struct event_view *view)
{
    struct drain *drain = self;
    if (view->kind == EVENT_PENDING_APPROVAL || view->kind == EVENT_PROGRESS) {
        ask_tell_waiting(&drain->ask, view);
        return;
    }
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
                              .argp = &cmd_drain_argp,
                              .make = request_drain,
                              .until_held = true,
                              .seen = on_seen,
                          }};
    drain.ask.self = &drain;
    return ask_main(&drain.ask, argc, argv);
}
