/* curfew topics create | check | accept: makes the topics, and says which settings are unsafe. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cli/common.h"
#include "cli/main_table.h"
#include "cli/request_option.h"
#include "cli/say.h"
#include "cli/table.h"
#include "cli/topics_accept.h"
#include "kafka/admin.h"

enum { KEY_PARTITIONS = 0x2000, KEY_REPLICATION, PARTITIONS_MAX = 10000, REPLICATION_MAX = 100 };
enum { PARTITIONS_USUAL = 12 };

struct topics {
    struct cli_common common;
    enum { TOPICS_NOTHING, TOPICS_CREATE, TOPICS_CHECK, TOPICS_ACCEPT } what;
    struct request request; /* ACCEPT */
    struct kafka_plan plan;
};

/* ---- the command line ---- */

static void choose(struct argp_state *state, struct topics *topics, const char *word)
{
    static const char *const words[] = {"", "create", "check", "accept"};
    if (topics->what)
        argp_error(state, "one thing at a time; not '%s' as well", word);
    for (int i = TOPICS_CREATE; i <= TOPICS_ACCEPT; i++)
        if (!strcmp(word, words[i]))
            topics->what = i;
    if (!topics->what)
        argp_error(state, "say 'create', 'check' or 'accept'; not '%s'", word);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct topics *topics = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        cli_children_init(state, &topics->common);
        return 0;
    case KEY_PARTITIONS:
        topics->plan.partitions = (int32_t)cli_count(state, "--partitions", arg, PARTITIONS_MAX);
        return 0;
    case KEY_REPLICATION:
        topics->plan.replication = (int16_t)cli_count(state, "--replication", arg, REPLICATION_MAX);
        return 0;
    case ARGP_KEY_ARG:
        choose(state, topics, arg);
        return 0;
    case ARGP_KEY_END:
        if (!topics->what)
            argp_error(state, "say what to do: create, check or accept");
        return 0;
    default:
        return request_option(&topics->request, key, arg, state);
    }
}

static const struct argp_option options[] = {
    {"partitions", KEY_PARTITIONS, "N", 0,
     "Partitions of commands, journal and events; default 12. Raising them later stops the worker "
     "until 'curfew topics accept'",
     0},
    {"replication", KEY_REPLICATION, "N", 0,
     "Replication factor; default 3, or the number of brokers when there are fewer", 0},
    {"reason", REQUEST_REASON, "TEXT", 0, "Why; for accept", 0},
    {"requested-by", REQUEST_REQUESTED_BY, "NAME", 0, "Who accepts; default user@host", 0},
    {0}};

const struct argp cmd_topics_argp = {
    options,
    parse,
    "create|check|accept",
    "Makes Curfew's topics, checks their settings, or accepts that the commands topic was made "
    "anew "
    "or has another number of partitions.\v"
    "Examples:\n"
    "  curfew topics create --brokers kafka-1:9092\n"
    "  curfew topics check --config /etc/curfew/curfew.yaml\n"
    "  curfew topics accept --reason 'restored from the mirror'\n"
    "\n"
    "A worker takes no commands from a topic that is not the one that its journal speaks of; what "
    "is open goes on. 'accept' names exactly what differs and releases that: a topic that was made "
    "anew is read from its beginning. Exit status 5: nothing is to be accepted.\n"
    "\n"
    "Exit status 1: a setting breaks a promise, and the worker would not start. The commands that "
    "repair it are printed.",
    cli_children,
    NULL,
    NULL};

/* ---- output ---- */

static enum paint severity_paint(enum kafka_severity severity)
{
    return severity == KAFKA_UNSAFE ? PAINT_BAD
           : severity == KAFKA_WARN ? PAINT_WARN
           : severity == KAFKA_FINE ? PAINT_GOOD
                                    : PAINT_DIM;
}

/* What cannot be promised on the embedded broker is told in one sentence instead. */
static void print_table(const struct kafka_report *report, const struct say *say)
{
    static const struct table_column columns[] = {{"TOPIC", TABLE_LEFT}, {"SETTING", TABLE_LEFT},
                                                  {"FOUND", TABLE_LEFT}, {"WANTED", TABLE_LEFT},
                                                  {"STATE", TABLE_LEFT}, {"WHY", TABLE_LEFT}};
    AUTO(table) table = table_create(say, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < report->count; i++) {
        const struct kafka_finding *finding = &report->findings[i];
        if (finding->severity == KAFKA_RELAXED)
            continue;
        table_row(table);
        table_cell(table, 0, text_of(finding->topic));
        table_cell(table, 1, text_of(finding->setting));
        table_cell(table, 2, text_of(finding->found));
        table_cell(table, 3, text_of(finding->wanted));
        table_cell(table, 4, text_of(kafka_severity_label(finding->severity)));
        table_paint(table, 4, severity_paint(finding->severity));
        table_cell(table, 5, text_of(finding->severity == KAFKA_FINE ? "" : finding->why));
    }
    table_print(table);
}

/* One command makes all topics that are missing, and one sentence is said once. */
static bool is_said(const struct kafka_report *report, size_t place)
{
    for (size_t i = 0; i < place; i++)
        if (report->findings[i].severity >= KAFKA_WARN &&
            !strcmp(report->findings[i].fix, report->findings[place].fix))
            return true;
    return false;
}

/* To be pasted whole: what is no command is a comment. */
static void print_fixes(const struct kafka_report *report, struct say *talk)
{
    bool any = false;
    for (size_t i = 0; i < report->count; i++) {
        const char *fix = report->findings[i].fix;
        if (report->findings[i].severity < KAFKA_WARN || !fix[0] || is_said(report, i))
            continue;
        if (!any)
            say_line(talk, "\nTo repair:");
        any = true;
        bool command = !strncmp(fix, "kafka-", 6) || !strncmp(fix, "curfew ", 7);
        say_line(talk, "  %s%s", command ? "" : "# ", fix);
    }
}

static void print_json(const struct kafka_report *report)
{
    json_t *findings = json_array();
    for (size_t i = 0; i < report->count; i++) {
        const struct kafka_finding *finding = &report->findings[i];
        json_array_append_new(
            findings, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "topic", finding->topic,
                                "setting", finding->setting, "found", finding->found, "wanted",
                                finding->wanted, "state", kafka_severity_label(finding->severity),
                                "why", finding->why, "fix", finding->fix));
    }
    json_t *whole = json_pack(
        "{s:s, s:s, s:b, s:o}", "worst", kafka_severity_label(kafka_report_worst(report)),
        "cluster_id", report->cluster_id, "embedded", report->embedded, "findings", findings);
    CHECK(whole);
    json_dumpf(whole, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(whole);
}

static int tell(const struct topics *topics, const struct kafka_report *report)
{
    struct say out = say_open(stdout, topics->common.no_color);
    struct say talk = say_open(stderr, topics->common.no_color);
    bool unsafe = kafka_report_worst(report) == KAFKA_UNSAFE;
    if (topics->common.json)
        print_json(report);
    else
        print_table(report, &out);
    if (report->embedded)
        say_line(&talk, "embedded development broker: retention, replication and timestamps are "
                        "not promised there, and were not checked");
    if (!topics->common.json)
        print_fixes(report, &talk);
    if (unsafe)
        say_line(&talk, "%sunsafe%s: the worker does not start with these topics",
                 say_on(&talk, PAINT_BAD), say_off(&talk));
    else if (!topics->common.json)
        say_line(&talk, "%sgood%s: a worker can start", say_on(&talk, PAINT_GOOD), say_off(&talk));
    return unsafe ? 1 : 0;
}

static int create_or_check(const struct topics *topics, const struct cli_setup *setup)
{
    struct kafka_report report;
    struct error err;
    int timeout = (int)topics->common.timeout_ms;
    if (topics->what == TOPICS_CREATE
            ? kafka_topics_create(&setup->settings, topics->plan, timeout, &report, &err)
            : kafka_topics_check(&setup->settings, timeout, &report, &err))
        return say_error("topics", &err);
    int status = tell(topics, &report);
    kafka_report_release(&report);
    return status;
}

static int accept_topics(const struct topics *topics, struct cli_setup *setup)
{
    struct error err;
    return topics_accept(&topics->common, setup, &topics->request, &err) ? say_error("topics", &err)
                                                                         : 0;
}

int cmd_topics(int argc, char **argv)
{
    struct topics topics = {.plan = {.partitions = PARTITIONS_USUAL}};
    struct cli_setup setup;
    struct error err;
    cli_common_init(&topics.common);
    cli_parse(&cmd_topics_argp, argc, argv, &topics);
    if (cli_setup_load(&topics.common, false, &setup, NULL, &err))
        return say_error("topics", &err);
    int status = topics.what == TOPICS_ACCEPT ? accept_topics(&topics, &setup)
                                              : create_or_check(&topics, &setup);
    cli_setup_release(&setup);
    return status;
}
