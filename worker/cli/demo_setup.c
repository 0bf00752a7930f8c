/* The demo's broker, clusters, configuration and worker. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/demo.h"
#include "kafka/admin.h"
#include "service/service.h"
#include "service/settings.h"
#include "sim/broker/broker.h"

enum {
    TOPICS = 5,
    PARTITIONS = 4,
    READY_MS = 30000, /* with a real broker; the embedded one takes about four seconds */
};

/* ---- talk ---- */

void demo_step(struct demo *demo, const char *name, const char *format, ...)
{
    char text[DEMO_TEXT_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    say_line(&demo->out, "%s%-9s%s %s", say_on(&demo->out, PAINT_STRONG), name, say_off(&demo->out),
             text);
}

double demo_seconds(const struct demo *demo)
{
    return (double)instant_ms_between(demo->started, clock_now(&demo->clock)) / 1000;
}

/* ---- setting up ---- */

enum error_code demo_start_broker(struct demo *demo, struct error *err)
{
    if (demo->common.brokers) {
        demo_step(demo, "broker", "yours, %s", demo->common.brokers);
        return ERR_OK;
    }
    size_t count;
    const struct broker_topic *topics = broker_default_topics(&count);
    if (broker_create(1, topics, count, &demo->broker, err))
        return err->code;
    demo->common.brokers = broker_address(demo->broker);
    demo_step(demo, "broker", "embedded development broker at %s", demo->common.brokers);
    return ERR_OK;
}

enum error_code demo_start_clusters(struct demo *demo, struct error *err)
{
    if (demo_world_create(&demo->loop, &demo->world, err))
        return err->code;
    for (unsigned i = 0; i < DEMO_CLUSTERS; i++)
        demo_step(
            demo, "cluster", "%s, simulated: RAS at 127.0.0.1:%u, %zu sessions in %d infobases%s",
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
enum error_code demo_make_configs(struct demo *demo, struct config **ret_worker, struct error *err)
{
    AUTO_BUF text;
    buf_init(&text, DEMO_TEXT_MAX);
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

enum error_code demo_make_topics(struct demo *demo, struct error *err)
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
    demo_step(demo, "topics",
              "made %d of them, curfew-demo-%s.*; they stay: delete them when you like", TOPICS,
              demo->run);
    return ERR_OK;
}

static void on_stopped(void *self, enum error_code code, const struct error *err)
{
    struct demo *demo = self;
    demo->stopped = true;
    if (code)
        demo->failure = *err;
}

enum error_code demo_start_worker(struct demo *demo, struct config *owned, struct error *err)
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
        say_live(&demo->out, "worker    joins its consumer group ... %.1f s", demo_seconds(demo));
        struct instant turn = instant_min(instant_add_ms(now, DEMO_TURN_MS), until);
        if (link_wait(demo->link, turn) == LINK_INTERRUPTED)
            return error_set(err, ERR_CANCELLED, "interrupted");
    }
    if (demo->stopped)
        return *err = demo->failure, error_wrap(err, "the worker stopped");
    if (!service_is_ready(demo->service))
        return error_set(err, ERR_DEADLINE, "the worker was not ready within %d s",
                         READY_MS / 1000);
    demo_step(demo, "worker", "ready: owns %d partitions, the journal is read (after %.1f s)",
              PARTITIONS, demo_seconds(demo));
    return ERR_OK;
}

enum error_code demo_open_events(struct demo *demo, struct error *err)
{
    struct instant until = instant_add_ms(clock_now(&demo->clock), demo->common.timeout_ms);
    if (link_create(&demo->loop, &demo->settings, CLI_FIRST_LOOK_MS, &demo->link, err) ||
        link_read(demo->link, KAFKA_READ_SHARED, demo->config->topics.events, KAFKA_FROM_END, err))
        return err->code;
    return link_started(demo->link, until, err);
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

void demo_clean_up(struct demo *demo)
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
    for (size_t i = 0; i < DEMO_ASKS; i++) {
        command_destroy(demo->commands[i]);
        verdict_release(&demo->verdicts[i]);
    }
}
