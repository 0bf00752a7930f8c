/* The rules for topic settings, without a broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kafka/blocking.h"
#include "kafka/topics.h"

static const struct kafka_topics names = {"commands", "control", "events", "journal", "dead"};

struct overrule {
    const char *key;
    const char *value;
};

/* A topic as `topics create` makes it, with one setting different. */
static const char *value_of(const struct kafka_topic_state *state, const char *key)
{
    static const struct overrule right[] = {
        {"message.timestamp.type", "LogAppendTime"},
        {"cleanup.policy", "delete"},
        {"retention.ms", "-1"},
        {"retention.bytes", "-1"},
        {"max.message.bytes", "1048588"},
        {"unclean.leader.election.enable", "false"},
        {"min.insync.replicas", "2"},
    };
    const struct overrule *overrule = state->context;
    if (overrule && strcmp(overrule->key, key) == 0)
        return overrule->value;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        if (strcmp(right[i].key, key) == 0)
            return right[i].value;
    return NULL;
}

static void fill(struct kafka_topic_state states[KAFKA_TOPIC_COUNT])
{
    for (int i = 0; i < KAFKA_TOPIC_COUNT; i++)
        states[i] = (struct kafka_topic_state){
            .exists = true, .partitions = 12, .replication = 3, .reason = "", .value = value_of};
    states[KAFKA_TOPIC_CONTROL].partitions = 1;
}

static struct kafka_report judge(const struct kafka_topic_state states[KAFKA_TOPIC_COUNT])
{
    struct kafka_report report = {0};
    kafka_topics_judge(&names, states, "broker:9092", &report);
    return report;
}

static void right_settings_give_no_finding(void **state)
{
    (void)state;
    struct kafka_topic_state states[KAFKA_TOPIC_COUNT];
    fill(states);
    struct kafka_report report = judge(states);
    assert_int_equal(report.count, 0);
    assert_int_equal(kafka_report_worst(&report), KAFKA_FINE);
    kafka_report_release(&report);
}

static void what_create_sets_is_what_check_wants(void **state)
{
    (void)state;
    const char *key, *value;
    for (int topic = 0; topic < KAFKA_TOPIC_COUNT; topic++)
        for (size_t i = 0; kafka_topic_wanted((enum kafka_topic)topic, 3, i, &key, &value); i++) {
            struct kafka_topic_state states[KAFKA_TOPIC_COUNT];
            struct overrule overrule = {key, value};
            fill(states);
            states[topic].context = &overrule;
            struct kafka_report report = judge(states);
            assert_int_equal(report.count, 0);
            kafka_report_release(&report);
        }
    size_t with = 0, without = 0;
    while (kafka_topic_wanted(KAFKA_TOPIC_JOURNAL, 3, with, &key, &value))
        with++;
    assert_string_equal(key, "min.insync.replicas");
    while (kafka_topic_wanted(KAFKA_TOPIC_JOURNAL, 2, without, &key, &value))
        without++;
    assert_int_equal(with, without + 1);
}

static void one_finding(enum kafka_topic topic, const char *key, const char *value,
                        int32_t replication, enum kafka_severity severity)
{
    struct kafka_topic_state states[KAFKA_TOPIC_COUNT];
    struct overrule overrule = {key, value};
    fill(states);
    states[topic].context = &overrule;
    states[topic].replication = replication;
    struct kafka_report report = judge(states);
    assert_int_equal(report.count, 1);
    assert_string_equal(report.findings[0].setting, key);
    assert_string_equal(report.findings[0].found, value);
    assert_int_equal(report.findings[0].severity, severity);
    assert_non_null(strstr(report.findings[0].fix, "--bootstrap-server broker:9092"));
    kafka_report_release(&report);
}

static void weak_settings_are_found(void **state)
{
    (void)state;
    one_finding(KAFKA_TOPIC_JOURNAL, "retention.ms", "604800000", 3, KAFKA_UNSAFE);
    one_finding(KAFKA_TOPIC_JOURNAL, "max.message.bytes", "garbage", 3, KAFKA_UNSAFE);
    one_finding(KAFKA_TOPIC_JOURNAL, "min.insync.replicas", "1", 3, KAFKA_UNSAFE);
    one_finding(KAFKA_TOPIC_JOURNAL, "min.insync.replicas", "3", 3, KAFKA_WARN);
    one_finding(KAFKA_TOPIC_EVENTS, "min.insync.replicas", "1", 3, KAFKA_WARN);
    one_finding(KAFKA_TOPIC_COMMANDS, "cleanup.policy", "delete,compact", 3, KAFKA_UNSAFE);
    one_finding(KAFKA_TOPIC_COMMANDS, "retention.ms", "1000", 3, KAFKA_WARN);
    one_finding(KAFKA_TOPIC_COMMANDS, "message.timestamp.type", "CreateTime", 3, KAFKA_UNSAFE);
    one_finding(KAFKA_TOPIC_JOURNAL, "retention.bytes", "107374182400", 3, KAFKA_UNSAFE);
    one_finding(KAFKA_TOPIC_CONTROL, "cleanup.policy", "compact", 3, KAFKA_UNSAFE);
}

static void two_replicas_are_too_few(void **state)
{
    (void)state;
    struct kafka_topic_state states[KAFKA_TOPIC_COUNT];
    fill(states);
    states[KAFKA_TOPIC_JOURNAL].replication = 2;
    struct kafka_report report = judge(states);
    assert_int_equal(report.count, 1);
    assert_string_equal(report.findings[0].setting, "replication factor");
    assert_int_equal(report.findings[0].severity, KAFKA_WARN);
    kafka_report_release(&report);
}

static void a_finding_is_a_sentence(void **state)
{
    (void)state;
    struct kafka_topic_state states[KAFKA_TOPIC_COUNT];
    AUTO_BUF text;
    buf_init(&text, 1000);
    fill(states);
    states[KAFKA_TOPIC_EVENTS].exists = false;
    states[KAFKA_TOPIC_JOURNAL].partitions = 6;
    struct kafka_report report = judge(states);
    assert_int_equal(report.count, 2);
    for (size_t i = 0; i < report.count; i++)
        kafka_finding_say(&report.findings[i], &text);
    assert_true(kafka_finding_missing(&report.findings[0]));
    assert_false(kafka_finding_missing(&report.findings[1]));
    kafka_report_release(&report);
    assert_non_null(strstr(buf_text(&text), "'events' is not there: the worker cannot work"));
    assert_non_null(strstr(buf_text(&text), "'journal': partitions is 6, wanted 12: "));
}

static void partitions_must_match(void **state)
{
    (void)state;
    struct kafka_topic_state states[KAFKA_TOPIC_COUNT];
    fill(states);
    states[KAFKA_TOPIC_JOURNAL].partitions = 6;
    states[KAFKA_TOPIC_CONTROL].partitions = 2;
    struct kafka_report report = judge(states);
    assert_int_equal(report.count, 2);
    assert_int_equal(kafka_report_worst(&report), KAFKA_UNSAFE);
    assert_string_equal(report.findings[0].topic, "journal");
    assert_string_equal(report.findings[0].wanted, "12");
    assert_non_null(strstr(report.findings[0].fix, "--partitions 12"));
    assert_non_null(
        strstr(report.findings[1].fix, "under new names")); /* partitions are never taken away */
    kafka_report_release(&report);
    fill(states);
    states[KAFKA_TOPIC_JOURNAL].partitions = 24;
    report = judge(states);
    assert_int_equal(report.count, 1);
    assert_int_equal(report.findings[0].severity, KAFKA_UNSAFE);
    kafka_report_release(&report);
}

static void unreadable_settings_are_a_warning_with_the_grant(void **state)
{
    (void)state;
    struct kafka_topic_state states[KAFKA_TOPIC_COUNT];
    fill(states);
    states[KAFKA_TOPIC_JOURNAL].code = ERR_AUTH;
    states[KAFKA_TOPIC_JOURNAL].reason = "not authorized";
    struct kafka_report report = judge(states);
    assert_int_equal(report.count, 1);
    assert_int_equal(report.findings[0].severity, KAFKA_WARN);
    assert_non_null(strstr(report.findings[0].fix, "DescribeConfigs"));
    kafka_report_release(&report);
}

static void only_the_embedded_broker_is_recognised_as_such(void **state)
{
    (void)state;
    assert_true(kafka_is_embedded("mockCluster7f3a00c0de"));
    assert_false(kafka_is_embedded("mockCluster"));
    assert_false(kafka_is_embedded("mockCluster-prod"));
    assert_false(kafka_is_embedded("MkU3OEVBNTcwNTJENDM2Qk"));
    assert_false(kafka_is_embedded(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_settings_give_no_finding),
        cmocka_unit_test(what_create_sets_is_what_check_wants),
        cmocka_unit_test(weak_settings_are_found),
        cmocka_unit_test(two_replicas_are_too_few),
        cmocka_unit_test(a_finding_is_a_sentence),
        cmocka_unit_test(partitions_must_match),
        cmocka_unit_test(unreadable_settings_are_a_warning_with_the_grant),
        cmocka_unit_test(only_the_embedded_broker_is_recognised_as_such),
    };
    return cmocka_run_group_tests_name("kafka_topics", tests, NULL, NULL);
}
