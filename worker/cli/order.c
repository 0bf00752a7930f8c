#include "cli/order.h"

#include <stdio.h>

#include "cli/say.h"
#include "cli/send.h"
#include "event/decode.h"

struct waiting {
    const struct cli_common *common;
    const struct command *order;
    struct link *link; /* reads the events */
    struct say talk;
    bool sent;
    bool heard;                /* of the command that is meant */
    enum command_outcome over; /* how that ended; NONE: not yet */
    bool answered;
    struct error refusal; /* answered: why not; ERR_OK: it was done */
};

static void why_refused(const struct event_view *event, struct error *ret)
{
    enum error_code code = error_from_label(event->reason.code);
    error_set(ret, code == ERR_COUNT || !code ? ERR_REFUSED : code, "%s", event->reason.message);
}

static void refused(struct waiting *waiting, const struct event_view *event)
{
    waiting->answered = true;
    why_refused(event, &waiting->refusal);
}

static bool is_refusal_of(const struct event_view *event, const struct uuid *order)
{
    return event->kind == EVENT_ORDER_REFUSED && uuid_equal(&event->command_id, order);
}

bool order_refused(struct link *events, const struct uuid *order, struct error *ret)
{
    struct header headers[KAFKA_HEADERS_MAX];
    struct kafka_message *message;
    bool any = false;
    while (!any && link_take(events, &message)) {
        struct message view = link_view(message, headers);
        AUTO(event_view) event = NULL;
        if (!event_decode(&view, &event, NULL) && is_refusal_of(event, order)) {
            why_refused(event, ret);
            any = true;
        }
        kafka_message_destroy(message);
    }
    return any;
}

/* An approval is answered at once; a command that nobody approved has an end as well. */
static void hear_approval(struct waiting *waiting, const struct event_view *event)
{
    if (event->progress == PROGRESS_APPROVED)
        waiting->answered = true;
    else if (event->progress == PROGRESS_NOT_APPROVED)
        refused(waiting, event);
}

static void hear_command(struct waiting *waiting, const struct event_view *event)
{
    waiting->heard = true;
    if (event->kind == EVENT_ACCEPTED && !event->duplicate)
        waiting->over = COMMAND_NONE; /* its id came again, long after the first */
    if (event_view_is_final(event))
        waiting->over = event->outcome;
    if (!waiting->sent)
        return;
    if (waiting->order->action == ACTION_APPROVE)
        hear_approval(waiting, event);
    if (waiting->over == COMMAND_NONE || waiting->answered)
        return;
    waiting->answered = true;
    if (waiting->order->action == ACTION_APPROVE)
        error_set(&waiting->refusal, ERR_CONFLICT, "the command ended unapproved: %s",
                  command_outcome_label(waiting->over));
}

static void hear_all(struct waiting *waiting)
{
    struct header headers[KAFKA_HEADERS_MAX];
    struct kafka_message *message;
    while (!waiting->answered && link_take(waiting->link, &message)) {
        struct message view = link_view(message, headers);
        AUTO(event_view) event = NULL;
        /* What is no event of ours stands in this topic by somebody else's doing. */
        if (!event_decode(&view, &event, NULL)) {
            if (is_refusal_of(event, &waiting->order->id))
                refused(waiting, event);
            else if (event->kind != EVENT_ORDER_REFUSED &&
                     uuid_equal(&event->command_id, &waiting->order->other_id))
                hear_command(waiting, event);
        }
        kafka_message_destroy(message);
    }
}

/* What is known of the command before anything is sent. */
static enum error_code look_back(struct waiting *waiting, struct instant until, struct error *err)
{
    for (;;) {
        hear_all(waiting);
        if (link_broken(waiting->link, err))
            return error_wrap(err, "nothing was sent: the events cannot be read");
        if (link_at_end(waiting->link))
            break;
        enum link_wake wake = link_wait(waiting->link, until);
        if (wake != LINK_READY)
            return link_gave_up(waiting->link, wake, "nothing was sent: the events cannot be read",
                                err);
    }
    if (waiting->over == COMMAND_NONE)
        return ERR_OK;
    return error_set(err, ERR_NOT_FOUND, "command %s has ended (%s): nothing was sent",
                     uuid_format(&waiting->order->other_id).text,
                     command_outcome_label(waiting->over));
}

static enum error_code await_answer(struct waiting *waiting, struct instant until,
                                    struct error *err)
{
    for (;;) {
        hear_all(waiting);
        if (waiting->answered)
            break;
        if (link_broken(waiting->link, err))
            return error_wrap(err, "it was sent, and the events cannot be read");
        enum link_wake wake = link_wait(waiting->link, until);
        if (wake != LINK_READY)
            return link_gave_up(waiting->link, wake,
                                waiting->heard
                                    ? "it was sent, and no worker said in time what became of it"
                                    : "it was sent, and no worker ever spoke of that command: is "
                                      "the id right?",
                                err);
    }
    if (waiting->refusal.code)
        *err = waiting->refusal;
    else if (waiting->over)
        say_line(&waiting->talk, "the command is over: %s", command_outcome_label(waiting->over));
    else
        say_line(&waiting->talk, "the command is approved");
    return waiting->refusal.code;
}

static enum error_code walk(struct waiting *waiting, struct cli_setup *setup, struct error *err)
{
    struct kafka_receipt receipt;
    const struct cli_common *common = waiting->common;
    const char *topic = setup->config->topics.control;
    if (link_read(waiting->link, KAFKA_READ_SHARED, setup->config->topics.events,
                  KAFKA_FROM_BEGINNING, err) ||
        look_back(waiting, instant_add_ms(link_now(waiting->link), common->timeout_ms), err))
        return err->code;
    struct instant until = instant_add_ms(link_now(waiting->link), common->timeout_ms);
    if (send_command(waiting->link, topic, waiting->order, until, &receipt, err))
        return err->code;
    waiting->sent = true;
    if (common->json)
        send_json(topic, waiting->order, &receipt);
    else
        printf("%s\n", uuid_format(&waiting->order->id).text);
    fflush(stdout);
    return await_answer(waiting, until, err);
}

enum error_code order_and_wait(const struct cli_common *common, const struct command *order,
                               struct error *err)
{
    struct cli_setup setup;
    struct waiting waiting = {
        .common = common, .order = order, .talk = say_open(stderr, common->no_color)};
    if (cli_setup_load(common, false, &setup, NULL, err))
        return err->code;
    enum error_code code =
        link_create(NULL, &setup.settings, cli_first_look_ms(common), &waiting.link, err);
    if (!code)
        code = walk(&waiting, &setup, err);
    link_destroy(waiting.link);
    cli_setup_release(&setup);
    return code;
}
