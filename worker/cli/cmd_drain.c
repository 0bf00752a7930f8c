/* curfew drain: asks for an empty infobase, and with --wait tells how it went. */
#include <stdio.h>

#include "cli/common.h"
#include "cli/follow.h"
#include "cli/main_table.h"
#include "cli/request.h"
#include "cli/say.h"
#include "cli/send.h"

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
    struct cli_common common;
    struct request request;
    bool wait;
    struct say out;
    struct say talk;
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
        cli_children_init(state, &drain->common);
    else if (key == KEY_KEEP_JOBS)
        request->keep_jobs = true;
    else if (key == KEY_DISCONNECT)
        request->disconnect_connections = true;
    else if (key == KEY_INTERRUPT)
        request->interrupt_calls = true;
    else if (key == KEY_DRY_RUN)
        request->dry_run = true;
    else if (key == KEY_WAIT)
        drain->wait = true;
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
    "\vNew sessions and scheduled jobs are denied, interactive sessions are ended first and jobs "
    "last, again and again until nobody is left but protected sessions, which are named. Whatever "
    "happens, the lock and the jobs setting are given back as they were; what somebody else has "
    "changed meanwhile stays. --wait returns at the start of the hold.\n\n"
    "Exit status: 0 empty, 1 failed, 2 usage, 3 some of several, 4 no such cluster, 5 refused, "
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
        say_live(&drain->talk, "%zu sessions are gone or decided ...", drain->decided);
    else
        say_live(&drain->talk, "accepted: locking, warning and ending ...");
}

static int tell_verdict(struct drain *drain, const struct verdict *verdict)
{
    AUTO_BUF text;
    buf_init(&text, SEND_TEXT_MAX);
    struct say *talk = &drain->talk;
    say_clear(talk);
    if (drain->common.json) {
        verdict_json(verdict, &text);
        printf("%s\n", buf_text(&text));
        return verdict_exit_status(verdict);
    }
    verdict_table(verdict, &drain->out);
    const struct event_view *head = verdict_head(verdict);
    if (head->progress == PROGRESS_HOLDING)
        buf_format(&text, "the infobase is empty, and held until %s",
                   wall_format(head->until).text);
    else
        verdict_summary(verdict, &text);
    enum command_outcome outcome = verdict_head(verdict)->outcome;
    say_line(talk, "%s%s%s", say_on(talk, verdict_paint(outcome)), buf_text(&text), say_off(talk));
    return verdict_exit_status(verdict);
}

static int wait_for_end(struct drain *drain, struct link *link, const struct command *command,
                        struct instant until)
{
    struct error err;
    struct follow follow = {
        .link = link,
        .id = command->id,
        .until = until,
        .until_held = true,
        .seen = on_seen,
        .self = drain,
    };
    say_live(&drain->talk, "sent: waiting for a worker to accept it ...");
    int status;
    if (!follow_command(&follow, &err)) {
        status = tell_verdict(drain, &follow.verdict);
    } else {
        say_clear(&drain->talk);
        status = say_error("drain", &err);
        say_line(&drain->talk, "  the command goes on; 'curfew watch %s' tells how it ends",
                 uuid_format(&command->id).text);
    }
    verdict_release(&follow.verdict);
    return status;
}

static void tell_sent(struct drain *drain, const char *topic, const struct command *command,
                      const struct kafka_receipt *receipt)
{
    if (!drain->common.json)
        printf("%s\n", uuid_format(&command->id).text);
    else
        send_json(topic, command, receipt);
    if (drain->talk.live) /* for people only */
        say_line(&drain->talk, "sent; 'curfew watch %s' tells how it ends",
                 uuid_format(&command->id).text);
}

static int walk(struct drain *drain, struct cli_setup *setup, const struct command *command,
                struct error *err)
{
    AUTO(link) link = NULL;
    struct kafka_receipt receipt;
    const char *topic = setup->config->topics.commands;
    if (link_create(NULL, &setup->settings, cli_first_look_ms(&drain->common), &link, err))
        return -1;
    struct instant until = instant_add_ms(link_now(link), drain->common.timeout_ms);
    if (drain->wait &&
        (link_read(link, KAFKA_READ_SHARED, setup->config->topics.events, KAFKA_FROM_END, err) ||
         link_started(link, until, err)))
        return -1;
    if (send_command(link, topic, command, until, &receipt, err))
        return -1;
    if (drain->wait)
        return wait_for_end(drain, link, command, until);
    tell_sent(drain, topic, command, &receipt);
    return 0;
}

int cmd_drain(int argc, char **argv)
{
    struct drain drain = {0};
    struct cli_setup setup = {0};
    struct clock clock = clock_real();
    struct error err;
    AUTO(command) command = NULL;
    cli_common_init(&drain.common);
    cli_parse(&cmd_drain_argp, argc, argv, &drain);
    drain.out = say_open(stdout, drain.common.no_color);
    drain.talk = say_open(stderr, drain.common.no_color);
    int status = -1;
    if (!request_drain(&drain.request, clock_wall(&clock), &command, &err) &&
        !cli_setup_load(&drain.common, false, &setup, NULL, &err))
        status = walk(&drain, &setup, command, &err);
    if (status < 0)
        status = say_error("drain", &err);
    if (setup.config)
        cli_setup_release(&setup);
    request_release(&drain.request);
    return status;
}
