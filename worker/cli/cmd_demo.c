/* curfew demo: broker, clusters and worker in one process; ends sessions, shows it, and holds what
 * was announced against what really happened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "cli/common.h"
#include "cli/demo_world.h"
#include "cli/link.h"
#include "cli/main_table.h"
#include "cli/request.h"
#include "cli/say.h"
#include "cli/send.h"
#include "cli/trace.h"
#include "kafka/admin.h"
#include "service/service.h"
#include "service/settings.h"
#include "sim/broker/broker.h"

enum {
    KEY_KEEP = 0x2000,
    KEY_VERBOSE,
    ASKS = 2,
    TOPICS = 5,
    PARTITIONS = 4,
    TEXT_MAX = 16 * 1024,
    READY_MS = 30000, /* with a real broker; the embedded one takes about four seconds */
    TURN_MS = 100,
};

struct demo {
    struct cli_common common;
    bool keep;
    bool verbose;
    struct say out;
    struct clock clock;
    struct instant started;
    uv_loop_t loop;
    struct broker *broker; /* NULL: one of the operator's */
    struct demo_world *world;
    char run[16];          /* part of the names of topics and group */
    struct config *config; /* the demo's own copy: the settings borrow from it */
    struct kafka_settings settings;
    struct service *service;
    bool stopped;
    struct error failure;
    struct link *link;    /* events */
    struct link *journal; /* reads the journal, at the end */
    struct demo_asked asked[ASKS];
    struct command *commands[ASKS];
    struct verdict verdicts[ASKS];
};

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
    "  curfew demo --brokers localhost:9092     on a real broker, with topics of its own\n"
    "\vRuns an embedded broker, two simulated clusters with 300 sessions where people come and "
    "go, and a worker; asks for the end of some of them, and checks with the simulator that those "
    "and no others were ended.\n\n"
    "Exit status: 0 everything was as announced, 1 not.",
    cli_children,
    NULL,
    NULL};

/* ---- talk ---- */

static void step(struct demo *demo, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void step(struct demo *demo, const char *name, const char *format, ...)
{
    char text[TEXT_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    say_line(&demo->out, "%s%-9s%s %s", say_on(&demo->out, PAINT_STRONG), name, say_off(&demo->out),
             text);
}

static double seconds(const struct demo *demo)
{
    return (double)instant_ms_between(demo->started, clock_now(&demo->clock)) / 1000;
}

/* ---- setting up ---- */

static enum error_code start_broker(struct demo *demo, struct error *err)
{
    if (demo->common.brokers) {
        step(demo, "broker", "yours, %s", demo->common.brokers);
        return ERR_OK;
    }
    size_t count;
    const struct broker_topic *topics = broker_default_topics(&count);
    if (broker_create(1, topics, count, &demo->broker, err))
        return err->code;
    demo->common.brokers = broker_address(demo->broker);
    step(demo, "broker", "embedded development broker at %s", demo->common.brokers);
    return ERR_OK;
}

static enum error_code start_clusters(struct demo *demo, struct error *err)
{
    if (demo_world_create(&demo->loop, &demo->world, err))
        return err->code;
    for (unsigned i = 0; i < DEMO_CLUSTERS; i++)
        step(demo, "cluster", "%s, simulated: RAS at 127.0.0.1:%u, %zu sessions in %d infobases%s",
             demo_world_name(demo->world, i), demo_world_port(demo->world, i),
             demo_world_sessions(demo->world, i), DEMO_INFOBASES, i ? "; people come and go" : "");
    return ERR_OK;
}

static void write_config(const struct demo *demo, struct buf *out)
{
    static const char *const topics[] = {"commands", "control", "events", "journal",
                                         "dead_letters"};
    buf_format(out, "kafka:\n  brokers: \"%s\"\n  group: curfew-demo-%s\n  instance: demo-%s\n",
               demo->common.brokers, demo->run, demo->run);
    if (!demo->broker) {
        buf_str(out, "topics:\n");
        for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
            buf_format(out, "  %s: curfew-demo-%s.%s\n", topics[i], demo->run, topics[i]);
    }
    buf_str(out, "clusters:\n");
    for (unsigned i = 0; i < DEMO_CLUSTERS; i++)
        buf_format(out,
                   "  - name: %s\n    cluster: %s\n    addresses: [\"127.0.0.1:%u\"]\n"
                   "    time_zone: Europe/Moscow\n",
                   demo_world_name(demo->world, i), demo_world_name(demo->world, i),
                   demo_world_port(demo->world, i));
    buf_format(out, "events:\n  per_session: true\nhttp:\n  listen: \"%s\"\n",
               demo->keep ? "127.0.0.1:0" : "off");
}

/* Two equal ones: the worker takes one for itself. */
static enum error_code make_configs(struct demo *demo, struct config **ret_worker,
                                    struct error *err)
{
    AUTO_BUF text;
    buf_init(&text, TEXT_MAX);
    write_config(demo, &text);
    struct text yaml = {(const char *)text.data, text.length};
    CHECK(!text.full);
    if (config_from_text(yaml, &demo->config, NULL, err) ||
        config_from_text(yaml, ret_worker, NULL, err) ||
        cli_override_config(&demo->common, *ret_worker, err) ||
        service_kafka_settings(demo->config, &demo->settings, err))
        return err->code;
    return cli_override(&demo->common, &demo->settings, err);
}

static enum error_code make_topics(struct demo *demo, struct error *err)
{
    struct kafka_report report;
    struct kafka_plan plan = {.partitions = PARTITIONS};
    if (demo->broker)
        return ERR_OK;
    if (kafka_topics_create(&demo->settings, plan, CLI_FIRST_LOOK_MS, &report, err))
        return err->code;
    bool unsafe = kafka_report_worst(&report) == KAFKA_UNSAFE, embedded = report.embedded;
    kafka_report_release(&report);
    if (embedded)
        return error_set(err, ERR_UNSUPPORTED,
                         "no topics can be made on the embedded broker: 'curfew demo' without "
                         "--brokers brings one of its own");
    if (unsafe)
        return error_set(err, ERR_UNSAFE, "the topics that were made are unsafe on this broker");
    step(demo, "topics", "made %d of them, curfew-demo-%s.*; they stay: delete them when you like",
         TOPICS, demo->run);
    return ERR_OK;
}

static void on_stopped(void *self, enum error_code code, const struct error *err)
{
    struct demo *demo = self;
    demo->stopped = true;
    if (code)
        demo->failure = *err;
}

static enum error_code start_worker(struct demo *demo, struct config *owned, struct error *err)
{
    AUTO(config) config = owned;
    struct service_options service = {.quiet = !demo->verbose, .stopped = on_stopped, .self = demo};
    log_set_level(demo->verbose ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR);
    if (service_create(&demo->loop, config, &service, &demo->service, err))
        return err->code;
    STEAL(config);
    struct instant until = instant_add_ms(clock_now(&demo->clock), READY_MS);
    struct instant now;
    while (now = link_now(demo->link),
           !service_is_ready(demo->service) && !demo->stopped && !instant_passed(now, until)) {
        say_live(&demo->out, "worker    joins its consumer group ... %.1f s", seconds(demo));
        struct instant turn = instant_min(instant_add_ms(now, TURN_MS), until);
        if (link_wait(demo->link, turn) == LINK_INTERRUPTED)
            return error_set(err, ERR_CANCELLED, "interrupted");
    }
    if (demo->stopped)
        return *err = demo->failure, error_wrap(err, "the worker stopped");
    if (!service_is_ready(demo->service))
        return error_set(err, ERR_DEADLINE, "the worker was not ready within %d s",
                         READY_MS / 1000);
    step(demo, "worker", "ready: owns %d partitions, the journal is read (after %.1f s)",
         PARTITIONS, seconds(demo));
    return ERR_OK;
}

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
    buf_init(&text, TEXT_MAX);
    describe(demo, asked, &text);
    if (build(demo, asked, &demo->commands[place], err))
        return err->code;
    step(demo, "ask", "%s", buf_text(&text));
    if (asked->by_number)
        step(demo, "",
             "%zu ordinary sessions, one cluster console (number %u, protected), one "
             "number that nobody has",
             asked->guarded, asked->numbers[asked->guarded]);
    else
        step(demo, "", "%zu ordinary sessions of the other cluster", asked->count);
    return send_command(demo->link, demo->config->topics.commands, demo->commands[place], until,
                        NULL, err);
}

/* ---- events ---- */

static void show_event(struct demo *demo, const struct event_view *view)
{
    double at = seconds(demo);
    const char *on = say_on(&demo->out, verdict_paint(view->outcome)), *off = say_off(&demo->out);
    if (view->kind == EVENT_SESSION && view->target_count == 1) {
        const struct event_target_view *target = &view->targets[0];
        bool good = target_outcome_is_success(target->outcome);
        say_line(&demo->out, "  %6.2f s  %s  session %4u  %s%s%s%s%s", at, view->cluster,
                 target->number, say_on(&demo->out, good ? PAINT_GOOD : PAINT_WARN),
                 target_outcome_label(target->outcome), off, good ? "" : ": ",
                 good ? "" : target->reason.message);
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
    for (size_t i = 0; i < ASKS; i++)
        if (uuid_equal(&event->command_id, &demo->commands[i]->id)) {
            show_event(demo, event);
            verdict_add(&demo->verdicts[i], STEAL(event));
            return;
        }
}

static bool all_ended(const struct demo *demo)
{
    for (size_t i = 0; i < ASKS; i++)
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
            link_wait(demo->link, instant_min(instant_add_ms(now, TURN_MS), until));
        if (wake == LINK_INTERRUPTED || instant_passed(link_now(demo->link), until))
            return link_gave_up(demo->link, wake, "the commands did not end in time", err);
    }
}

/* ---- the journal ---- */

static void show_record(struct demo *demo, const struct kafka_message *message,
                        const struct chain_verdict *verdict)
{
    bool good = verdict->state == CHAIN_WHOLE;
    say_line(&demo->out, "  %d/%-4lld  %-9s  epoch %llu, record %llu of it  chain %s%s%s",
             message->partition, (long long)message->offset, record_kind_label(verdict->kind),
             (unsigned long long)verdict->epoch.number, (unsigned long long)verdict->sequence,
             say_on(&demo->out, good ? PAINT_GOOD : PAINT_BAD), chain_state_label(verdict->state),
             say_off(&demo->out));
}

static bool is_about(const struct kafka_message *message, const struct uuid *id)
{
    AUTO(record) record = NULL;
    return !record_decode(message->value, &record, NULL) && uuid_equal(&record->command_id, id);
}

static enum error_code read_journal(struct demo *demo, struct trace *trace, struct error *err)
{
    struct instant until = instant_add_ms(clock_now(&demo->clock), demo->common.timeout_ms);
    for (;;) {
        struct kafka_message *message;
        while (link_take(demo->journal, &message)) {
            struct chain_verdict verdict =
                trace_record(trace, message->partition, message->value, message->timestamp);
            if (is_about(message, &demo->commands[0]->id))
                show_record(demo, message, &verdict);
            kafka_message_destroy(message);
        }
        if (link_broken(demo->journal, err))
            return err->code;
        if (link_at_end(demo->journal))
            return ERR_OK;
        enum link_wake wake = link_wait(demo->journal, until);
        if (wake != LINK_READY)
            return link_gave_up(demo->journal, wake, "the journal cannot be read", err);
    }
}

static enum error_code show_journal(struct demo *demo, bool *ret_good, struct error *err)
{
    int32_t partitions;
    const char *topic = demo->config->topics.journal;
    if (link_create(&demo->loop, &demo->settings, CLI_FIRST_LOOK_MS, &demo->journal, err) ||
        link_partitions(demo->journal, topic, &partitions, err) ||
        link_read(demo->journal, KAFKA_READ_JOURNAL, topic, KAFKA_FROM_BEGINNING, err))
        return err->code;
    step(demo, "journal", "the first command's records, read back from Kafka and verified:");
    AUTO(trace) trace = trace_create(partitions);
    if (read_journal(demo, trace, err))
        return err->code;
    uint64_t damaged = 0;
    size_t open;
    for (int32_t i = 0; i < partitions; i++) {
        const struct chain_reader *chain = &trace_partition(trace, i)->chain;
        damaged += chain->damaged + chain->holes;
    }
    free(trace_open(trace, &open));
    *ret_good = damaged == 0 && open == 0;
    if (!*ret_good)
        step(demo, "", "%llu damaged records, %zu commands still open", (unsigned long long)damaged,
             open);
    return ERR_OK;
}

/* ---- the proof ---- */

static void show_verdicts(struct demo *demo)
{
    AUTO_BUF text;
    buf_init(&text, TEXT_MAX);
    step(demo, "verdicts", "of the first command:");
    verdict_table(&demo->verdicts[0], &demo->out);
    for (size_t i = 0; i < ASKS; i++) {
        buf_clear(&text);
        verdict_summary(&demo->verdicts[i], &text);
        step(demo, i ? "" : "outcome", "command %.8s %s", uuid_format(&demo->commands[i]->id).text,
             buf_text(&text));
    }
}

static void print_json(const struct demo_truth *truth, bool good)
{
    printf("{\"good\":%s,\"terminated\":%zu,\"asked_and_announced\":%zu,\"strangers\":%zu,"
           "\"announced\":%zu,\"untrue\":%zu,\"left_over\":%zu,\"by_itself\":%zu,"
           "\"protected_ended\":%s}\n",
           good ? "true" : "false", truth->terminated, truth->asked, truth->strangers,
           truth->announced, truth->untrue, truth->left_over, truth->by_itself,
           truth->guarded_ended ? "true" : "false");
    fflush(stdout);
}

static bool prove(struct demo *demo, bool journal_good)
{
    struct demo_truth truth = demo_world_judge(demo->world, demo->asked, demo->verdicts, ASKS);
    bool good = demo_truth_is_good(&truth) && journal_good;
    step(demo, "proof",
         "the simulated clusters were told to end %zu sessions: %zu were asked for "
         "and announced, %zu were not",
         truth.terminated, truth.asked, truth.strangers);
    step(demo, "",
         "%zu were announced as ended, %zu of them are not; %zu asked for are still "
         "there; the protected one %s",
         truth.announced, truth.untrue, truth.left_over,
         truth.guarded_ended ? "was ended" : "was let alone");
    step(demo, "", "meanwhile %zu others logged out by themselves, and were not mistaken for ours",
         truth.by_itself);
    if (demo->common.json)
        print_json(&truth, good);
    say_line(&demo->out, "%s%s%s  (%.1f s)", say_on(&demo->out, good ? PAINT_GOOD : PAINT_BAD),
             good ? "exactly the right sessions are gone, and no others"
                  : "not as it should be: see above",
             say_off(&demo->out), seconds(demo));
    return good;
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

static enum error_code open_events(struct demo *demo, struct error *err)
{
    struct instant until = instant_add_ms(clock_now(&demo->clock), demo->common.timeout_ms);
    if (link_create(&demo->loop, &demo->settings, CLI_FIRST_LOOK_MS, &demo->link, err) ||
        link_read(demo->link, KAFKA_READ_SHARED, demo->config->topics.events, KAFKA_FROM_END, err))
        return err->code;
    return link_started(demo->link, until, err);
}

static enum error_code walk(struct demo *demo, bool *ret_good, struct error *err)
{
    struct config *config = NULL;
    if (start_broker(demo, err) || start_clusters(demo, err))
        return err->code;
    enum error_code code = make_configs(demo, &config, err);
    if (!code)
        code = make_topics(demo, err);
    if (!code)
        code = open_events(demo, err);
    if (code) {
        config_destroy(config);
        return code;
    }
    if (start_worker(demo, config, err))
        return err->code;
    demo_world_ask_numbers(demo->world, 5, &demo->asked[0]);
    demo_world_ask_sessions(demo->world, 10, &demo->asked[1]);
    if (ask(demo, 0, err) || ask(demo, 1, err))
        return err->code;
    step(demo, "events", "as they come:");
    if (watch_events(demo, err))
        return err->code;
    show_verdicts(demo);
    bool journal_good = false;
    if (show_journal(demo, &journal_good, err))
        return err->code;
    *ret_good = prove(demo, journal_good);
    if (demo->keep)
        play(demo);
    return ERR_OK;
}

static void stop_worker(struct demo *demo)
{
    if (demo->service && !demo->stopped) {
        service_drain(demo->service);
        service_drain(demo->service); /* nothing is open any more, or nobody waits for it */
    }
    while (demo->service && !demo->stopped)
        uv_run(&demo->loop, UV_RUN_ONCE);
    service_destroy(demo->service);
}

static void clean_up(struct demo *demo)
{
    stop_worker(demo);
    link_destroy(demo->journal);
    link_destroy(demo->link);
    demo_world_destroy(demo->world);
    uv_run(&demo->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&demo->loop) == 0);
    kafka_settings_release(&demo->settings);
    config_destroy(demo->config);
    broker_destroy(demo->broker);
    for (size_t i = 0; i < ASKS; i++) {
        command_destroy(demo->commands[i]);
        verdict_release(&demo->verdicts[i]);
    }
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
    clean_up(&demo);
    if (code)
        return say_error("demo", &err);
    return good ? 0 : 1;
}
