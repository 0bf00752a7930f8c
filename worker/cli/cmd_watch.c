/* curfew watch: follows events, of one command or of all. */
#include <stdio.h>
#include <string.h>

#include "cli/common.h"
#include "cli/follow.h"
#include "cli/main_table.h"
#include "cli/say.h"
#include "cli/send.h"

enum { KEY_FROM_BEGINNING = 0x2000, KEY_UNTIL_FINAL, KEY_FOLLOW, WAIT_MS = 1000 };

struct watch_options {
    struct cli_common common;
    const char *id; /* NULL: all commands */
    bool from_beginning;
    bool until_final;
    bool follow;
    struct say out;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct watch_options *watch = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &watch->common);
        return 0;
    case KEY_FROM_BEGINNING:
        watch->from_beginning = true;
        return 0;
    case KEY_UNTIL_FINAL:
        watch->until_final = true;
        return 0;
    case KEY_FOLLOW:
        watch->follow = true;
        return 0;
    case ARGP_KEY_ARG:
        if (watch->id)
            argp_error(state, "one command, or none for all");
        watch->id = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"from-beginning", KEY_FROM_BEGINNING, NULL, 0,
     "Begin with the oldest event there is (always so with an ID)", 0},
    {"until-final", KEY_UNTIL_FINAL, NULL, 0, "Without an ID: stop at the first end of a command",
     0},
    {"follow", KEY_FOLLOW, NULL, 0, "With an ID: wait although no event of it is there yet", 0},
    {0}};

const struct argp cmd_watch_argp = {
    options,
    parse,
    "[ID]",
    "Prints events as they come; with an ID those of one command, until its end.\n\n"
    "Examples:\n"
    "  curfew watch\n"
    "  curfew watch 0b5f...-...\n"
    "  curfew watch --from-beginning --json | jq 'select(.event == \"failed\")'\n"
    "\vExit status with an ID: as 'curfew terminate --wait'; 4 when no event of it is there, 6 "
    "when --timeout passed before its end. Without --timeout it waits without end.",
    cli_children,
    NULL,
    NULL};

static void print_event(void *self, const struct event_view *view)
{
    struct watch_options *watch = self;
    AUTO_BUF text;
    buf_init(&text, SEND_TEXT_MAX);
    if (watch->common.json)
        event_to_cli_json(view, &text);
    else
        event_line(view, &text);
    enum paint paint = verdict_paint(view->outcome);
    printf("%s%s%s\n", watch->common.json ? "" : say_on(&watch->out, paint), buf_text(&text),
           watch->common.json ? "" : say_off(&watch->out));
    fflush(stdout);
}

static struct instant until(const struct watch_options *watch, const struct link *link)
{
    return watch->common.timeout_given ? instant_add_ms(link_now(link), watch->common.timeout_ms)
                                       : INSTANT_NEVER;
}

static int watch_one(struct watch_options *watch, struct link *link, const struct uuid *id,
                     struct error *err)
{
    struct follow follow = {.link = link,
                            .id = *id,
                            .until = until(watch, link),
                            .give_up_at_end = !watch->follow,
                            .seen = print_event,
                            .self = watch};
    int status = follow_command(&follow, err) ? -1 : verdict_exit_status(&follow.verdict);
    verdict_release(&follow.verdict);
    return status;
}

/* True when the watch is over. */
static bool show(struct watch_options *watch, const struct kafka_message *message)
{
    struct header headers[KAFKA_HEADERS_MAX];
    struct message view = link_view(message, headers);
    AUTO(event_view) event = NULL;
    if (event_decode(&view, &event, NULL))
        return false; /* no event of ours */
    print_event(watch, event);
    return watch->until_final && event_view_is_final(event);
}

static int watch_all(struct watch_options *watch, struct link *link, struct error *err)
{
    struct instant end = until(watch, link);
    for (;;) {
        struct kafka_message *message;
        while (link_take(link, &message)) {
            bool over = show(watch, message);
            kafka_message_destroy(message);
            if (over)
                return 0;
        }
        if (link_broken(link, err) || ferror(stdout))
            return -1;
        struct instant turn = instant_add_ms(link_now(link), WAIT_MS);
        enum link_wake wake = link_wait(link, instant_min(turn, end));
        if (wake == LINK_INTERRUPTED)
            return 0;
        if (!instant_passed(link_now(link), end))
            continue;
        if (!watch->until_final)
            return 0;
        link_gave_up(link, LINK_DEADLINE, "no command came to its end", err);
        return -1;
    }
}

static int walk(struct watch_options *watch, struct cli_setup *setup, struct error *err)
{
    AUTO(link) link = NULL;
    struct uuid id;
    bool from_beginning = watch->id || watch->from_beginning;
    if (watch->id && (uuid_read(text_of(watch->id), &id, NULL) || uuid_is_nil(&id))) {
        error_set(err, ERR_USAGE, "'%s' is no id of a command (a UUID)", watch->id);
        return -1;
    }
    if (link_create(NULL, &setup->settings, cli_first_look_ms(&watch->common), &link, err) ||
        link_read(link, KAFKA_READ_SHARED, setup->config->topics.events,
                  from_beginning ? KAFKA_FROM_BEGINNING : KAFKA_FROM_END, err))
        return -1;
    return watch->id ? watch_one(watch, link, &id, err) : watch_all(watch, link, err);
}

int cmd_watch(int argc, char **argv)
{
    struct watch_options watch = {0};
    struct cli_setup setup;
    struct error err;
    cli_common_init(&watch.common);
    cli_parse(&cmd_watch_argp, argc, argv, &watch);
    watch.out = say_open(stdout, watch.common.no_color);
    if (cli_setup_load(&watch.common, false, &setup, NULL, &err))
        return say_error("watch", &err);
    int status = walk(&watch, &setup, &err);
    if (status < 0 && !ferror(stdout)) /* else cli_main() says so */
        status = say_error("watch", &err);
    cli_setup_release(&setup);
    return status;
}
