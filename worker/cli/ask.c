#include "cli/ask.h"

#include <stdio.h>

#include "cli/request_option.h"
#include "cli/send.h"

static int tell_verdict(struct ask *ask, const struct verdict *verdict)
{
    AUTO_BUF text;
    buf_init(&text, SEND_TEXT_MAX);
    struct say *talk = &ask->talk;
    say_clear(talk);
    if (ask->common.json) {
        verdict_json(verdict, &text);
        printf("%s\n", buf_text(&text));
        return verdict_exit_status(verdict);
    }
    verdict_table(verdict, &ask->out);
    const struct event_view *head = verdict_head(verdict);
    if (head->progress == PROGRESS_HOLDING)
        buf_format(&text, "the infobase is empty, and held until %s",
                   wall_format(head->until).text);
    else
        verdict_summary(verdict, &text);
    say_line(talk, "%s%s%s", say_on(talk, verdict_paint(head->outcome)), buf_text(&text),
             say_off(talk));
    if (head->progress == PROGRESS_HOLDING && head->outcome != COMMAND_COMPLETED)
        say_line(talk, "  but %s", head->reason.message);
    return verdict_exit_status(verdict);
}

static int wait_for_end(struct ask *ask, struct link *link, const struct command *command,
                        struct instant until)
{
    struct error err;
    struct follow follow = {
        .link = link,
        .id = command->id,
        .until = until,
        .until_heard = !ask->common.timeout_given,
        .goes_on = command->action == ACTION_DRAIN || command->options.grace_ms > 0 ||
                   command->options.until_empty,
        .until_held = ask->until_held,
        .seen = ask->seen,
        .waiting = ask->waiting,
        .self = ask->self,
    };
    say_live(&ask->talk, "sent: waiting for a worker to accept it ...");
    int status;
    if (!follow_command(&follow, &err)) {
        status = tell_verdict(ask, &follow.verdict);
    } else {
        say_clear(&ask->talk);
        status = say_error(ask->name, &err);
        say_line(&ask->talk, "  the command goes on; 'curfew watch %s' tells how it ends",
                 uuid_format(&command->id).text);
    }
    verdict_release(&follow.verdict);
    return status;
}

static void tell_sent(struct ask *ask, const char *topic, const struct command *command,
                      const struct kafka_receipt *receipt)
{
    if (!ask->common.json)
        printf("%s\n", uuid_format(&command->id).text);
    else
        send_json(topic, command, receipt);
    if (ask->talk.live) /* for people only */
        say_line(&ask->talk, "sent; 'curfew watch %s' tells how it ends",
                 uuid_format(&command->id).text);
}

/* -1: not sent, `*err` says why. */
static int walk(struct ask *ask, struct cli_setup *setup, const struct command *command,
                struct error *err)
{
    AUTO(link) link = NULL;
    struct kafka_receipt receipt;
    const char *topic = setup->config->topics.commands;
    if (link_create(NULL, &setup->settings, cli_first_look_ms(&ask->common), &link, err))
        return -1;
    struct instant until = instant_add_ms(link_now(link), ask->common.timeout_ms);
    if (ask->wait &&
        (link_read(link, KAFKA_READ_SHARED, setup->config->topics.events, KAFKA_FROM_END, err) ||
         link_started(link, until, err)))
        return -1;
    if (send_command(link, topic, command, until, &receipt, err))
        return -1;
    if (ask->wait)
        return wait_for_end(ask, link, command, until);
    tell_sent(ask, topic, command, &receipt);
    return 0;
}

static int run(struct ask *ask, const struct command *command)
{
    struct cli_setup setup;
    struct error err;
    if (cli_setup_load(&ask->common, false, &setup, NULL, &err))
        return say_error(ask->name, &err);
    int status = walk(ask, &setup, command, &err);
    if (status < 0)
        status = say_error(ask->name, &err);
    cli_setup_release(&setup);
    return status;
}

error_t ask_parse(int key, char *arg, struct argp_state *state)
{
    struct ask *ask = state->input;
    if (key == ARGP_KEY_INIT)
        cli_children_init(state, &ask->common);
    else if (key == ASK_WAIT)
        ask->wait = true;
    else
        return request_option(&ask->request, key, arg, state);
    return 0;
}

void ask_tell_waiting(struct ask *ask, const struct event_view *view)
{
    struct say *talk = &ask->talk;
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

int ask_main(struct ask *ask, int argc, char **argv)
{
    struct clock clock = clock_real();
    struct error err;
    AUTO(command) command = NULL;
    cli_common_init(&ask->common);
    cli_parse(ask->argp, argc, argv, ask);
    ask->out = say_open(stdout, ask->common.no_color);
    ask->talk = say_open(stderr, ask->common.no_color);
    int status = ask->make(&ask->request, clock_wall(&clock), &command, &err)
                     ? say_error(ask->name, &err)
                     : run(ask, command);
    request_release(&ask->request);
    return status;
}
