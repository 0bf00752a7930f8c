/* curfew demo: broker, clusters and worker in one process; ends sessions, shows it, and holds what
 * was announced against what really happened. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "cli/demo.h"
#include "cli/main_table.h"
#include "cli/request.h"
#include "cli/send.h"
#include "model/session.h"
#include "service/service.h"

enum { KEY_KEEP = 0x2000, KEY_VERBOSE, BY_NUMBER = 5, BY_SESSION = 10 };

/* ---- the command line ---- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct demo *demo = state->input;
    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &demo->common);
        return 0;
    case KEY_KEEP:
        demo->keep = true;
        return 0;
    case KEY_VERBOSE:
        demo->verbose = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"keep", KEY_KEEP, NULL, 0, "Go on running afterwards, to play with it", 0},
    {"verbose", KEY_VERBOSE, NULL, 0, "Show the worker's log as well", 0},
    {0}};

const struct argp cmd_demo_argp = {
    options,
    parse,
    NULL,
    "Shows the whole way of a command, without any set-up.\n\n"
    "Examples:\n"
    "  curfew demo\n"
    "  curfew demo --keep\n"
    "  curfew demo --brokers localhost:9092   on a real broker\n"
    "\vRuns an embedded broker, two simulated clusters with 300 sessions where people come and "
    "go, and a worker; asks for the end of some of them, and checks with the simulator that those "
    "and no others were ended.\n\n"
    "Exit status: 0 everything was as announced, 1 not.",
    cli_children,
    NULL,
    NULL};

/* ---- asking ---- */

static void describe(const struct demo *demo, const struct demo_asked *asked, struct buf *out)
{
    buf_format(out, "curfew terminate --cluster %s", demo_world_name(demo->world, asked->cluster));
    if (asked->by_number)
        buf_format(out, " --infobase %s --number ", asked->infobase);
    for (size_t i = 0; i < asked->count && asked->by_number; i++)
        buf_format(out, "%s%u", i ? "," : "", asked->numbers[i]);
    if (!asked->by_number)
        buf_format(out, " --session %s --session ... (%zu)", uuid_format(&asked->sessions[0]).text,
                   asked->count);
}

static enum error_code build(const struct demo *demo, const struct demo_asked *asked,
                             struct command **ret, struct error *err)
{
    struct request request = {.cluster = demo_world_name(demo->world, asked->cluster),
                              .reason = "the demo",
                              .requested_by = "demo"};
    if (asked->by_number) {
        request.infobase = asked->infobase;
        request.numbers = (struct numbers){(uint32_t *)(uintptr_t)asked->numbers, asked->count};
    } else {
        request.sessions = (struct uuid *)(uintptr_t)asked->sessions;
        request.session_count = asked->count;
    }
    return request_terminate(&request, clock_wall(&demo->clock), ret, err);
}

static enum error_code ask(struct demo *demo, size_t place, struct error *err)
{
    struct demo_asked *asked = &demo->asked[place];
    struct instant until = instant_add_ms(clock_now(&demo->clock), demo->common.timeout_ms);
    AUTO_BUF text;
    buf_init(&text, DEMO_TEXT_MAX);
    describe(demo, asked, &text);
    if (build(demo, asked, &demo->commands[place], err))
        return err->code;
    demo_step(demo, "ask", "%s", buf_text(&text));
    if (asked->by_number)
        demo_step(demo, "",
                  "%zu ordinary sessions, one cluster console (number %u, protected), one "
                  "number that nobody has",
                  asked->guarded, asked->numbers[asked->guarded]);
    else
        demo_step(demo, "", "%zu ordinary sessions of the other cluster", asked->count);
    return send_command(demo->link, demo->config->topics.commands, demo->commands[place], until,
                        NULL, err);
}

/* ---- events ---- */

/* "ib-01 / 7  Иванов А.А.": a number is one of its infobase. */
static void name_target(const struct event_target_view *target, struct buf *out)
{
    AUTO(arena) arena = arena_create(LIMIT_COMMAND_DECODE_BYTES);
    struct session session;
    if (!target->snapshot.length || session_decode(target->snapshot, arena, &session, NULL))
        session = (struct session){.infobase_name = "", .user_name = ""};
    buf_format(out, "session %" PRIu32, target->number);
    if (!session.infobase_name[0])
        return;
    buf_str(out, " of ");
    text_printable(out, text_of(session.infobase_name));
    buf_str(out, ", ");
    text_printable(out, text_of(session.user_name));
}

static void show_target(struct demo *demo, const struct event_view *view)
{
    const struct event_target_view *target = &view->targets[0];
    bool good = target_outcome_is_success(target->outcome);
    AUTO_BUF name;
    buf_init(&name, DEMO_TEXT_MAX);
    name_target(target, &name);
    say_line(&demo->out, "  %6.2f s  %s  %s  %s%s%s%s%s", demo_seconds(demo), view->cluster,
             buf_text(&name), say_on(&demo->out, good ? PAINT_GOOD : PAINT_WARN),
             target_outcome_label(target->outcome), say_off(&demo->out), good ? "" : ": ",
             good ? "" : target->reason.message);
}

static void show_event(struct demo *demo, const struct event_view *view)
{
    double at = demo_seconds(demo);
    const char *on = say_on(&demo->out, verdict_paint(view->outcome)), *off = say_off(&demo->out);
    if (view->kind == EVENT_SESSION && view->target_count == 1) {
        show_target(demo, view);
        return;
    }
    say_line(&demo->out, "  %6.2f s  %s  command %.8s  %s%s%s", at, view->cluster,
             uuid_format(&view->command_id).text, on, view->kind_label, off);
}

static void take_event(struct demo *demo, const struct kafka_message *message)
{
    struct header headers[KAFKA_HEADERS_MAX];
    struct message view = link_view(message, headers);
    AUTO(event_view) event = NULL;
    if (event_decode(&view, &event, NULL))
        return;
    for (size_t i = 0; i < DEMO_ASKS; i++)
        if (uuid_equal(&event->command_id, &demo->commands[i]->id)) {
            show_event(demo, event);
            verdict_add(&demo->verdicts[i], STEAL(event));
            return;
        }
}

static bool all_ended(const struct demo *demo)
{
    for (size_t i = 0; i < DEMO_ASKS; i++)
        if (!verdict_is_complete(&demo->verdicts[i]))
            return false;
    return true;
}

static enum error_code watch_events(struct demo *demo, struct error *err)
{
    struct instant until = instant_add_ms(clock_now(&demo->clock), demo->common.timeout_ms);
    for (;;) {
        struct kafka_message *message;
        while (link_take(demo->link, &message)) {
            take_event(demo, message);
            kafka_message_destroy(message);
        }
        if (all_ended(demo))
            return ERR_OK;
        struct instant now = link_now(demo->link);
        say_live(&demo->out, "           %s %zu sessions, %s %zu sessions",
                 demo_world_name(demo->world, 0), demo_world_sessions(demo->world, 0),
                 demo_world_name(demo->world, 1), demo_world_sessions(demo->world, 1));
        enum link_wake wake =
            link_wait(demo->link, instant_min(instant_add_ms(now, DEMO_TURN_MS), until));
        if (wake == LINK_INTERRUPTED || instant_passed(link_now(demo->link), until))
            return link_gave_up(demo->link, wake, "the commands did not end in time", err);
    }
}

/* ---- the walk ---- */

static void play(struct demo *demo)
{
    say_line(&demo->out,
             "\nstill running, until Ctrl-C; in another terminal:\n"
             "  curfew watch --brokers %s\n"
             "  curfew terminate --brokers %s --cluster %s --infobase ib-02 --number 1-3 --wait",
             demo->common.brokers, demo->common.brokers, demo_world_name(demo->world, 0));
    if (service_http_port(demo->service))
        say_line(&demo->out, "  curl http://127.0.0.1:%u/metrics",
                 service_http_port(demo->service));
    while (link_wait(demo->link, INSTANT_NEVER) != LINK_INTERRUPTED && !demo->stopped) {
        struct kafka_message *message;
        while (link_take(demo->link, &message))
            kafka_message_destroy(message);
    }
}

static enum error_code walk(struct demo *demo, bool *ret_good, struct error *err)
{
    struct config *config = NULL;
    if (demo_start_broker(demo, err) || demo_start_clusters(demo, err))
        return err->code;
    enum error_code code = demo_make_configs(demo, &config, err);
    if (!code)
        code = demo_make_topics(demo, err);
    if (!code)
        code = demo_open_events(demo, err);
    if (code) {
        config_destroy(config);
        return code;
    }
    if (demo_start_worker(demo, config, err))
        return err->code;
    demo_world_ask_numbers(demo->world, BY_NUMBER, &demo->asked[0]);
    demo_world_ask_sessions(demo->world, BY_SESSION, &demo->asked[1]);
    if (ask(demo, 0, err) || ask(demo, 1, err))
        return err->code;
    demo_step(demo, "events", "as they come:");
    if (watch_events(demo, err))
        return err->code;
    demo_show_verdicts(demo);
    bool journal_good = false;
    if (demo_show_journal(demo, &journal_good, err))
        return err->code;
    *ret_good = demo_prove(demo, journal_good);
    if (demo->keep)
        play(demo);
    return ERR_OK;
}

int cmd_demo(int argc, char **argv)
{
    struct demo demo = {.clock = clock_real()};
    struct uuid run = uuid_random();
    struct error err;
    bool good = false;
    cli_common_init(&demo.common);
    cli_parse(&cmd_demo_argp, argc, argv, &demo);
    demo.out = say_open(demo.common.json ? stderr : stdout, demo.common.no_color);
    demo.started = clock_now(&demo.clock);
    kafka_settings_init(&demo.settings);
    snprintf(demo.run, sizeof demo.run, "%.8s", uuid_format(&run).text);
    CHECK(uv_loop_init(&demo.loop) == 0);
    enum error_code code = walk(&demo, &good, &err);
    say_clear(&demo.out);
    demo_clean_up(&demo);
    if (code)
        return say_error("demo", &err);
    return good ? 0 : 1;
}
