#include "cli/follow.h"

#include <stdio.h>

enum { WAITING_EVERY_MS = 250 };

/* True at the command's end. */
static bool take(struct follow *follow, const struct kafka_message *message, bool *ret_seen)
{
    struct header headers[KAFKA_HEADERS_MAX];
    struct message view = link_view(message, headers);
    AUTO(event_view) event = NULL;
    /* What is no event of ours stands in this topic by somebody else's doing. */
    if (event_decode(&view, &event, NULL) || !uuid_equal(&event->command_id, &follow->id))
        return false;
    *ret_seen = true;
    follow->goes_on = follow->goes_on || event->kind == EVENT_PENDING_APPROVAL;
    if (follow->seen)
        follow->seen(follow->self, event);
    if (follow->until_held && event->progress == PROGRESS_HOLDING)
        event->outcome = event->reason.code[0] ? COMMAND_PARTIALLY_COMPLETED
                                               : COMMAND_COMPLETED; /* the hold goes on */
    return verdict_add(&follow->verdict, STEAL(event));
}

static bool take_all(struct follow *follow, bool *ret_seen)
{
    struct kafka_message *message;
    bool done = false;
    while (!done && link_take(follow->link, &message)) {
        done = take(follow, message, ret_seen);
        kafka_message_destroy(message);
    }
    return done;
}

enum error_code follow_command(struct follow *follow, struct error *err)
{
    bool seen = false;
    while (!take_all(follow, &seen)) {
        if (ferror(stdout)) /* of watch; nobody hears what comes */
            return error_set(err, ERR_SYSTEM, "the answer cannot be written");
        if (link_broken(follow->link, err))
            return error_wrap(err, "the events cannot be read");
        if (follow->give_up_at_end && !seen && link_at_end(follow->link))
            return error_set(err, ERR_NOT_FOUND,
                             "no event of command %s is on the events topic (any more); "
                             "--follow waits for one",
                             uuid_format(&follow->id).text);
        bool patient = follow->until_heard && follow->goes_on && seen;
        struct instant until = patient ? INSTANT_NEVER : follow->until;
        struct instant turn = instant_add_ms(link_now(follow->link), WAITING_EVERY_MS);
        enum link_wake wake = link_wait(follow->link, instant_min(turn, until));
        if (wake == LINK_INTERRUPTED ||
            (wake == LINK_DEADLINE && instant_passed(link_now(follow->link), until)))
            return link_gave_up(follow->link, wake,
                                seen ? "the end of the command was not seen in time"
                                     : "nothing was heard of the command in time",
                                err);
        if (wake == LINK_DEADLINE && follow->waiting)
            follow->waiting(follow->self);
    }
    return ERR_OK;
}
