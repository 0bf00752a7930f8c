/* curfew restore: ends the holds of one infobase, by the control topic. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/journal.h"
#include "cli/link.h"
#include "cli/main_table.h"
#include "cli/order.h"
#include "cli/request_option.h"
#include "cli/say.h"
#include "cli/send.h"

enum { KEY_WAIT = 0x2000, TURN_MS = 250 };

struct restore {
    struct cli_common common;
    struct request request;
    const char *cluster; /* as records name it; borrowed */
    bool wait;
    struct say talk;
    struct link *events; /* owned; NULL: not waited for, or they cannot be read */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct restore *restore = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &restore->common);
        return 0;
    case KEY_WAIT:
        restore->wait = true;
        return 0;
    default:
        return request_option(&restore->request, key, arg, state);
    }
}

static const struct argp_option options[] = {
    REQUEST_ROW_CLUSTER(0),
    {"infobase", REQUEST_INFOBASE, "NAME", 0, "The infobase, by its name or UUID", 0},
    {"reason", REQUEST_REASON, "TEXT", 0, "Why", 0},
    REQUEST_ROW_REQUESTED_BY(0),
    {"wait", KEY_WAIT, NULL, 0, "Wait until the lock is given back", 0},
    {0}};

const struct argp cmd_restore_argp = {
    options,
    parse,
    NULL,
    "Ends every drain of an infobase now; its lock and jobs setting are given back as they "
    "were.\n\n"
    "Examples:\n"
    "  curfew restore --cluster main --infobase ut\n"
    "  curfew restore --cluster main --infobase ut --wait && echo open again\n"
    "\vA drain that still ends sessions stops. 'curfew status' shows every lock that Curfew "
    "holds.\n\n"
    "Exit status: 0 sent (with --wait: given back), 2 usage, 4 Curfew holds no lock there (with "
    "--wait), 5 refused (with --wait), 6 not given back in time (it goes on; or nothing was sent, "
    "and it says so), 75 "
    "later, 78 configuration.",
    cli_children,
    NULL,
    NULL};

/* ---- waiting: the journal says which locks are held ---- */

static bool is_meant(const struct restore *restore, const struct trace_command *command)
{
    struct uuid uuid;
    const struct text meant = text_of(restore->request.infobase);
    if (!command->holds.locked ||
        !text_same_name(text_of(command->cluster), text_of(restore->cluster)))
        return false;
    return text_same_name(text_of(command->holds.infobase), meant) ||
           text_same_name(text_of(command->holds.name), meant) ||
           (uuid_read(meant, &uuid, NULL) == ERR_OK && uuid_equal(&uuid, &command->holds.uuid));
}

static size_t count_held(const struct restore *restore, const struct trace *trace)
{
    size_t count, held = 0;
    AUTO_FREE struct trace_command *commands = trace_open(trace, &count);
    for (size_t i = 0; i < count; i++)
        held += is_meant(restore, &commands[i]);
    return held;
}

/* Reads on until nothing of ours stands there, or a worker says that it will not. */
static enum error_code await_given_back(const struct restore *restore, struct link *link,
                                        struct trace *trace, const struct uuid *order,
                                        struct instant until, struct error *err)
{
    for (;;) {
        journal_take(link, trace);
        if (link_broken(link, err))
            return error_wrap(err, "the journal cannot be read");
        if (count_held(restore, trace) == 0)
            return ERR_OK;
        if (restore->events && order_refused(restore->events, order, err))
            return err->code;
        struct instant turn = instant_min(until, instant_add_ms(link_now(link), TURN_MS));
        enum link_wake wake = link_wait(link, turn);
        if (wake == LINK_INTERRUPTED || instant_passed(link_now(link), until))
            return link_gave_up(link, wake, "the lock was not given back in time; it goes on", err);
    }
}

/* Records name the cluster as it is configured; a UUID can be looked up where the clusters stand in
 * the configuration. */
static const char *configured_name(const struct cli_setup *setup, const char *cluster)
{
    const struct config_cluster *known = config_cluster_find(setup->config, text_of(cluster));
    return known ? known->name : cluster;
}

/* What is held, before anything is sent. */
static enum error_code look(struct restore *restore, struct cli_setup *setup, struct link *link,
                            struct trace **ret, struct error *err)
{
    AUTO(trace) trace = NULL;
    if (journal_open(&restore->common, setup, link, &trace, err))
        return err->code;
    if (journal_read_all(&restore->common, &restore->talk, link, trace, err))
        return error_wrap(err, "nothing was sent");
    if (count_held(restore, trace)) {
        *ret = STEAL(trace);
        return ERR_OK;
    }
    if (journal_vouch(trace,
                      "nothing was sent, because whether Curfew holds a lock there is not known: "
                      "leave out --wait to send it all the same",
                      err))
        return err->code;
    return error_set(err, ERR_NOT_FOUND,
                     "Curfew holds no lock of infobase '%s' in '%s', so there is nothing to "
                     "restore: 'curfew status' shows what it holds",
                     restore->request.infobase, restore->request.cluster);
}

/* For refusals. Who may not read the events hears of none, and waits for the journal alone. */
static void hear_events(struct restore *restore, struct cli_setup *setup)
{
    struct error err;
    int first_look_ms = cli_first_look_ms(&restore->common);
    if (link_create(NULL, &setup->settings, first_look_ms, &restore->events, &err))
        return;
    struct instant until = instant_add_ms(link_now(restore->events), first_look_ms);
    if (!link_read(restore->events, KAFKA_READ_SHARED, setup->config->topics.events, KAFKA_FROM_END,
                   &err) &&
        !link_started(restore->events, until, &err))
        return;
    link_destroy(restore->events);
    restore->events = NULL;
}

static enum error_code walk(struct restore *restore, struct cli_setup *setup,
                            const struct command *command, struct error *err)
{
    AUTO(link) link = NULL;
    AUTO(trace) trace = NULL;
    struct kafka_receipt receipt;
    const char *topic = setup->config->topics.control;
    if (link_create(NULL, &setup->settings, cli_first_look_ms(&restore->common), &link, err))
        return err->code;
    if (restore->wait && look(restore, setup, link, &trace, err))
        return err->code;
    if (restore->wait)
        hear_events(restore, setup);
    struct instant until = instant_add_ms(link_now(link), restore->common.timeout_ms);
    if (send_command(link, topic, command, until, &receipt, err))
        return err->code;
    if (restore->wait && await_given_back(restore, link, trace, &command->id, until, err))
        return err->code;
    if (restore->common.json)
        send_json(topic, command, &receipt);
    else
        printf("%s\n", uuid_format(&command->id).text);
    return ERR_OK;
}

int cmd_restore(int argc, char **argv)
{
    struct restore restore = {0};
    struct cli_setup setup = {0};
    struct clock clock = clock_real();
    struct error err;
    AUTO(command) command = NULL;
    cli_common_init(&restore.common);
    cli_parse(&cmd_restore_argp, argc, argv, &restore);
    restore.talk = say_open(stderr, restore.common.no_color);
    enum error_code code = request_restore(&restore.request, clock_wall(&clock), &command, &err);
    if (!code)
        code = cli_setup_load(&restore.common, false, &setup, NULL, &err);
    if (!code) {
        restore.cluster = configured_name(&setup, restore.request.cluster);
        code = walk(&restore, &setup, command, &err);
        link_destroy(restore.events);
        cli_setup_release(&setup);
    }
    return code ? say_error("restore", &err) : 0;
}
