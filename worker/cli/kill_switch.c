#include "cli/kill_switch.h"

#include <stdio.h>

#include "cli/link.h"
#include "command/message.h"
#include "guard/guard.h"

static void note_refused(struct kill_switch *state, const struct command *order, struct wall at,
                         const struct error *why)
{
    state->refused.order = order->id;
    state->refused.engages = order->kill_switch_engaged;
    state->refused.at = at;
    state->refused.why = *why;
    snprintf(state->refused.by, sizeof state->refused.by, "%s", order->requested_by);
}

static void obey(struct kill_switch *state, const struct command *order, struct wall at)
{
    state->refused.order = (struct uuid){{0}};
    if (!uuid_is_nil(&state->order) && state->engaged == order->kill_switch_engaged)
        return;
    state->engaged = order->kill_switch_engaged;
    state->order = order->id;
    state->since = at;
    snprintf(state->by, sizeof state->by, "%s", order->requested_by);
    snprintf(state->reason, sizeof state->reason, "%s", order->reason);
}

/* As service/control.c does it. */
void kill_switch_take(struct kill_switch *state, const struct config *config,
                      const struct message *message, struct wall at)
{
    struct guard_facts facts = {.appended_at = {at.ms > 0 ? at.ms : 1}, .control = true};
    struct guard_verdict verdict;
    struct error err;
    AUTO(command) order = NULL;
    if (message_decode(message, &order, NULL, &err) || order->action != ACTION_KILL_SWITCH)
        return;
    if (guard_command(config, order, &facts, &verdict, &err))
        note_refused(state, order, at, &err);
    else
        obey(state, order, at);
}

/* Workers read the first partition alone. */
static bool take_all(struct kill_switch *state, const struct config *config, struct link *link)
{
    struct header headers[KAFKA_HEADERS_MAX];
    struct kafka_message *message;
    bool any = false;
    while (link_take(link, &message)) {
        struct message view = link_view(message, headers);
        if (message->partition == 0)
            kill_switch_take(state, config, &view, message->timestamp);
        kafka_message_destroy(message);
        any = true;
    }
    return any;
}

enum error_code kill_switch_read(const struct cli_common *common, struct cli_setup *setup,
                                 struct kill_switch *ret, struct error *err)
{
    AUTO(link) link = NULL;
    struct kill_switch state = {0};
    if (link_create(NULL, &setup->settings, cli_first_look_ms(common), &link, err) ||
        link_read(link, KAFKA_READ_SHARED, setup->config->topics.control, KAFKA_FROM_BEGINNING,
                  err))
        return err->code;
    struct instant until = instant_add_ms(link_now(link), common->timeout_ms);
    for (;;) {
        if (take_all(&state, setup->config, link)) /* as long as something comes */
            until = instant_add_ms(link_now(link), common->timeout_ms);
        if (link_broken(link, err))
            return error_wrap(err, "the control topic cannot be read");
        if (link_at_end(link))
            break;
        enum link_wake wake = link_wait(link, until);
        if (wake != LINK_READY)
            return link_gave_up(link, wake,
                                "the control topic cannot be read: Kafka does not answer", err);
    }
    state.untold = link_low(link, 0) > 0 && uuid_is_nil(&state.order);
    *ret = state;
    return ERR_OK;
}
