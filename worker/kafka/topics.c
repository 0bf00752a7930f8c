#include "kafka/topics.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/text.h"

enum {
    FIX_MAX = 1024,
    TODO_MAX = 400,
    NUMBER_TEXT = 16,
    REPLICATION_SAFE = 3, /* below it one lost disk is one lost topic, or one lost broker a stop */
    IN_SYNC_SAFE = 2,
};

enum test { IS, LEAST };

struct rule {
    enum kafka_topic topic;
    const char *key;
    enum test test;
    const char *wanted;
    enum kafka_severity severity;
    const char *why;
};

static const struct rule rules[] = {
#define RULE(topic, key, test, wanted, severity, why)                                              \
    {KAFKA_TOPIC_##topic, key, test, wanted, KAFKA_##severity, why},
#include "kafka/topics.def"
#undef RULE
};

enum { RULE_COUNT = sizeof rules / sizeof *rules };

static const char in_sync_key[] = "min.insync.replicas";

const char *kafka_topic_name(const struct kafka_topics *topics, enum kafka_topic topic)
{
    switch (topic) {
    case KAFKA_TOPIC_COMMANDS:
        return topics->commands;
    case KAFKA_TOPIC_CONTROL:
        return topics->control;
    case KAFKA_TOPIC_EVENTS:
        return topics->events;
    case KAFKA_TOPIC_JOURNAL:
        return topics->journal;
    default:
        CHECK(topic == KAFKA_TOPIC_DEAD_LETTERS);
        return topics->dead_letters;
    }
}

bool kafka_topic_wanted(enum kafka_topic topic, int32_t replication, size_t at,
                        const char **ret_key, const char **ret_value)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (rules[i].topic != topic || at-- > 0)
            continue;
        *ret_key = rules[i].key;
        *ret_value = rules[i].wanted;
        return true;
    }
    if (replication < REPLICATION_SAFE || at > 0)
        return false;
    *ret_key = in_sync_key;
    *ret_value = "2";
    return true;
}

/* --- the report --------------------------------------------------------------------------------
 */

static char *copy(const char *text)
{
    return mem_text(text ? text : "", text ? strlen(text) : 0);
}

void kafka_report_add(struct kafka_report *report, const struct kafka_told *told)
{
    report->findings = mem_resize(report->findings, report->count + 1, sizeof *report->findings);
    report->findings[report->count++] = (struct kafka_finding){
        .topic = copy(told->topic),
        .setting = copy(told->setting),
        .found = copy(told->found),
        .wanted = copy(told->wanted),
        .why = copy(told->why),
        .fix = copy(told->fix),
        .severity = told->severity,
    };
}

void kafka_report_release(struct kafka_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        struct kafka_finding *finding = &report->findings[i];
        free(finding->topic);
        free(finding->setting);
        free(finding->found);
        free(finding->wanted);
        free(finding->why);
        free(finding->fix);
    }
    free(report->findings);
    free(report->cluster_id);
    *report = (struct kafka_report){0};
}

enum kafka_severity kafka_report_worst(const struct kafka_report *report)
{
    enum kafka_severity worst = KAFKA_FINE;
    for (size_t i = 0; i < report->count; i++)
        if (report->findings[i].severity > worst)
            worst = report->findings[i].severity;
    return worst;
}

static const char setting_exists[] = "exists";

const char *kafka_severity_label(enum kafka_severity severity)
{
    static const char *const labels[] = {"fine", "relaxed", "warn", "unsafe"};
    CHECK((size_t)severity < sizeof labels / sizeof *labels);
    return labels[severity];
}

bool kafka_finding_missing(const struct kafka_finding *finding)
{
    return !strcmp(finding->setting, setting_exists);
}

void kafka_finding_say(const struct kafka_finding *finding, struct buf *ret)
{
    if (kafka_finding_missing(finding))
        buf_format(ret, "'%s' is not there: %s", finding->topic, finding->why);
    else
        buf_format(ret, "'%s': %s is %s, wanted %s: %s", finding->topic, finding->setting,
                   finding->found, finding->wanted, finding->why);
}

/* --- judging -----------------------------------------------------------------------------------
 */

struct judging {
    const struct kafka_topics *names;
    const struct kafka_topic_state *states;
    const char *brokers;
    struct kafka_report *report;
};

/* -1 stands for "without limit" in retention settings. */
static bool at_least(const char *found, const char *wanted)
{
    int64_t has, needs;
    if (text_i64(text_of(found), &has, NULL) || text_i64(text_of(wanted), &needs, NULL))
        return false;
    return has == -1 || (needs != -1 && has >= needs);
}

static bool holds(const struct rule *rule, const char *found)
{
    return rule->test == IS ? strcmp(found, rule->wanted) == 0 : at_least(found, rule->wanted);
}

/* The command that puts one setting right. */
static void fix_setting(struct buf *fix, const struct judging *judging, const char *topic,
                        const char *key, const char *value)
{
    buf_format(fix,
               "kafka-configs.sh --bootstrap-server %s --alter --entity-type topics "
               "--entity-name %s --add-config %s=%s",
               judging->brokers, topic, key, value);
}

static void judge_rule(const struct judging *judging, const struct rule *rule)
{
    const struct kafka_topic_state *state = &judging->states[rule->topic];
    const char *name = kafka_topic_name(judging->names, rule->topic);
    struct kafka_told told = {name,      rule->key, "cannot be promised", rule->wanted,
                              rule->why, "",        KAFKA_RELAXED};
    AUTO_BUF fix;
    buf_init(&fix, FIX_MAX);
    if (!judging->report->embedded) {
        told.found = state->value(state, rule->key);
        if (!told.found || holds(rule, told.found))
            return; /* a setting that the broker does not know cannot be wrong there */
        fix_setting(&fix, judging, name, rule->key, rule->wanted);
        told.fix = buf_text(&fix);
        told.severity = rule->severity;
    }
    kafka_report_add(judging->report, &told);
}

static void judge_in_sync(const struct judging *judging, enum kafka_topic topic)
{
    const struct kafka_topic_state *state = &judging->states[topic];
    const char *name = kafka_topic_name(judging->names, topic);
    const char *found = state->value(state, in_sync_key);
    int64_t in_sync;
    if (!found || state->replication < REPLICATION_SAFE || text_i64(text_of(found), &in_sync, NULL))
        return;
    AUTO_BUF fix;
    buf_init(&fix, FIX_MAX);
    fix_setting(&fix, judging, name, in_sync_key, "2");
    struct kafka_told told = {name, in_sync_key, found, "2", NULL, buf_text(&fix), KAFKA_WARN};
    if (in_sync < IN_SYNC_SAFE) {
        told.why = "a single replica may acknowledge a record and take it along when it is lost";
        told.severity = topic == KAFKA_TOPIC_JOURNAL ? KAFKA_UNSAFE : KAFKA_WARN;
    } else if (in_sync >= state->replication) {
        told.why = "one broker that is down stops all writing";
    } else {
        return;
    }
    kafka_report_add(judging->report, &told);
}

static void judge_replication(const struct judging *judging, enum kafka_topic topic)
{
    const struct kafka_topic_state *state = &judging->states[topic];
    char found[NUMBER_TEXT];
    snprintf(found, sizeof found, "%d", state->replication);
    struct kafka_told told = {
        kafka_topic_name(judging->names, topic),
        "replication factor",
        found,
        "3",
        "with fewer than three replicas the loss or the restart of one broker loses the topic or "
        "stops it",
        "with three brokers or more: kafka-reassign-partitions.sh gives each partition three "
        "replicas",
        KAFKA_WARN};
    if (judging->report->embedded) {
        told.found = "cannot be promised";
        told.severity = KAFKA_RELAXED;
    } else if (state->replication >= REPLICATION_SAFE) {
        return;
    }
    kafka_report_add(judging->report, &told);
}

static void tell_partitions(const struct judging *judging, enum kafka_topic topic, int32_t wanted,
                            const char *why)
{
    char found[NUMBER_TEXT], number[NUMBER_TEXT];
    int32_t has = judging->states[topic].partitions;
    const char *name = kafka_topic_name(judging->names, topic);
    snprintf(found, sizeof found, "%d", has);
    snprintf(number, sizeof number, "%d", wanted);
    AUTO_BUF fix;
    buf_init(&fix, FIX_MAX);
    if (has > wanted || judging->report->embedded)
        buf_format(&fix, "Kafka takes no partition away: make the topics under new names, and set "
                         "those under topics");
    else
        buf_format(&fix, "kafka-topics.sh --bootstrap-server %s --alter --topic %s --partitions %d",
                   judging->brokers, name, wanted);
    struct kafka_told told = {name, "partitions", found, number, why, buf_text(&fix), KAFKA_UNSAFE};
    kafka_report_add(judging->report, &told);
}

static void judge_partitions(const struct judging *judging)
{
    const struct kafka_topic_state *commands = &judging->states[KAFKA_TOPIC_COMMANDS];
    const struct kafka_topic_state *journal = &judging->states[KAFKA_TOPIC_JOURNAL];
    const struct kafka_topic_state *control = &judging->states[KAFKA_TOPIC_CONTROL];
    if (commands->exists && journal->exists && commands->partitions != journal->partitions)
        tell_partitions(judging, KAFKA_TOPIC_JOURNAL, commands->partitions,
                        "partition p of the journal belongs to partition p of the commands: there "
                        "must be as many");
    if (control->exists && control->partitions != 1)
        tell_partitions(judging, KAFKA_TOPIC_CONTROL, 1,
                        "every worker reads the control topic whole and in one order");
}

/* Describe comes with each of them; without any the broker says that there is no such topic. */
static const char *const rights[KAFKA_TOPIC_COUNT] = {
    [KAFKA_TOPIC_COMMANDS] = "Read and Write",
    [KAFKA_TOPIC_CONTROL] = "Read",
    [KAFKA_TOPIC_EVENTS] = "Write",
    [KAFKA_TOPIC_JOURNAL] = "Read and Write",
    [KAFKA_TOPIC_DEAD_LETTERS] = "Write",
};

static void tell_missing(const struct judging *judging, enum kafka_topic topic)
{
    char why[TODO_MAX];
    snprintf(why, sizeof why,
             "the worker cannot work without it; if it is there, this user may not see it: grant "
             "%s on %s",
             rights[topic], kafka_topic_name(judging->names, topic));
    struct kafka_told told = {kafka_topic_name(judging->names, topic),
                              setting_exists,
                              "no",
                              "yes",
                              judging->report->embedded ? "the worker cannot work without it" : why,
                              "curfew topics create",
                              KAFKA_UNSAFE};
    if (judging->report->embedded)
        told.fix = "the program that hosts the embedded broker makes its topics (curfew broker "
                   "--topic NAME:PARTITIONS)";
    kafka_report_add(judging->report, &told);
}

static void tell_unreadable(const struct judging *judging, enum kafka_topic topic)
{
    const struct kafka_topic_state *state = &judging->states[topic];
    const char *name = kafka_topic_name(judging->names, topic);
    char why[TODO_MAX] = "whether the settings are safe cannot be told";
    AUTO_BUF fix;
    buf_init(&fix, FIX_MAX);
    if (state->code == ERR_AUTH)
        snprintf(why, sizeof why,
                 "whether the settings are safe cannot be told: grant DescribeConfigs on %s", name);
    if (state->code != ERR_AUTH)
        buf_format(&fix, "'curfew topics check' once more, when the brokers are well");
    else
        buf_format(&fix,
                   "kafka-acls.sh --bootstrap-server %s --add --allow-principal User:NAME "
                   "--operation DescribeConfigs --topic %s",
                   judging->brokers, name);
    struct kafka_told told = {name, "settings",     state->reason, "readable",
                              why,  buf_text(&fix), KAFKA_WARN};
    kafka_report_add(judging->report, &told);
}

static void judge_topic(const struct judging *judging, enum kafka_topic topic)
{
    const struct kafka_topic_state *state = &judging->states[topic];
    bool embedded = judging->report->embedded;
    if (!state->exists) {
        tell_missing(judging, topic);
        return;
    }
    judge_replication(judging, topic);
    if (state->code && !embedded) {
        tell_unreadable(judging, topic);
        return;
    }
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (rules[i].topic == topic)
            judge_rule(judging, &rules[i]);
    if (!embedded)
        judge_in_sync(judging, topic);
}

void kafka_topics_judge(const struct kafka_topics *names,
                        const struct kafka_topic_state states[KAFKA_TOPIC_COUNT],
                        const char *brokers, struct kafka_report *report)
{
    struct judging judging = {names, states, brokers, report};
    for (int topic = 0; topic < KAFKA_TOPIC_COUNT; topic++)
        judge_topic(&judging, (enum kafka_topic)topic);
    judge_partitions(&judging);
}
