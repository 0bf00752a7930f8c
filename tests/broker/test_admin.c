/* The first look at a broker, and making and checking topics. */
#include "tests/broker/rig.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_open(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static const struct kafka_finding *find(const struct kafka_report *report, const char *topic,
                                        const char *setting)
{
    for (size_t i = 0; i < report->count; i++)
        if (strcmp(report->findings[i].topic, topic) == 0 &&
            strcmp(report->findings[i].setting, setting) == 0)
            return &report->findings[i];
    return NULL;
}

static struct kafka_report check(void)
{
    struct kafka_report report = {0};
    RIG_OK(kafka_topics_check(&rig.settings, 20000, &report, err));
    return report;
}

static struct kafka_report create(int32_t partitions)
{
    struct kafka_report report = {0};
    RIG_OK(kafka_topics_create(&rig.settings, (struct kafka_plan){partitions, 0}, 20000, &report,
                               err));
    return report;
}

static void the_probe_sees_cluster_and_topics(void **state)
{
    (void)state;
    rig_topics(&rig, 3);
    struct kafka_seen seen = {0};
    RIG_OK(kafka_probe(&rig.settings, 20000, &seen, err));
    assert_int_equal(seen.embedded, rig.broker != NULL);
    assert_true(seen.cluster_id[0] != 0);
    assert_int_equal(seen.brokers, 1);
    const struct kafka_topic_seen *topic = kafka_seen_topic(&seen, rig.settings.topics.journal);
    assert_non_null(topic);
    assert_int_equal(topic->partitions, 3);
    assert_int_equal(topic->replication, 1);
    assert_int_equal(topic->code, ERR_OK);
    assert_null(kafka_seen_topic(&seen, "no-such-topic"));
    kafka_seen_release(&seen);
}

static void a_port_where_nothing_listens_is_explained(void **state)
{
    (void)state;
    struct kafka_settings settings;
    struct kafka_seen seen;
    struct error error;
    kafka_settings_init(&settings);
    assert_int_equal(kafka_probe(&settings, 1000, &seen, &error), ERR_CONFIG);
    assert_non_null(strstr(error.message, "kafka.brokers"));
    settings.brokers = "127.0.0.1:1";
    assert_int_equal(kafka_probe(&settings, 3000, &seen, &error), ERR_UNAVAILABLE);
    assert_non_null(strstr(error.message, "127.0.0.1:1"));
    assert_non_null(strstr(error.message, "check"));
    struct kafka_report report;
    assert_int_equal(kafka_topics_check(&settings, 1000, &report, &error), ERR_UNAVAILABLE);
    kafka_settings_release(&settings);
}

static void missing_topics_are_unsafe(void **state)
{
    (void)state;
    rig_names(&rig);
    struct kafka_report report = check();
    assert_int_equal(report.count, RIG_NAMES);
    assert_int_equal(kafka_report_worst(&report), KAFKA_UNSAFE);
    const struct kafka_finding *finding = find(&report, rig.settings.topics.journal, "exists");
    assert_non_null(finding);
    assert_string_equal(finding->found, "no");
    assert_true(finding->fix[0] != 0);
    kafka_report_release(&report);
}

static void the_embedded_broker_relaxes_what_it_cannot_promise(void **state)
{
    (void)state;
    if (!rig.broker)
        skip();
    rig_topics(&rig, 2);
    struct kafka_report report = create(2);
    assert_true(report.embedded);
    assert_int_equal(kafka_report_worst(&report), KAFKA_RELAXED);
    assert_non_null(find(&report, rig.settings.topics.journal, "retention.ms"));
    assert_non_null(find(&report, rig.settings.topics.journal, "replication factor"));
    assert_non_null(find(&report, rig.settings.topics.commands, "message.timestamp.type"));
    kafka_report_release(&report);
    /* What has nothing to do with promises is judged there too. */
    rig_names(&rig);
    for (int i = 0; i < RIG_NAMES; i++)
        rd_kafka_mock_topic_create(broker_mock(rig.broker), rig.names[i], i + 1, 1);
    report = check();
    assert_int_equal(find(&report, rig.settings.topics.journal, "partitions")->severity,
                     KAFKA_UNSAFE);
    assert_int_equal(find(&report, rig.settings.topics.control, "partitions")->severity,
                     KAFKA_UNSAFE);
    kafka_report_release(&report);
}

static void created_topics_are_safe_but_for_the_single_replica(void **state)
{
    (void)state;
    if (rig.broker)
        skip(); /* it has no administration */
    rig_names(&rig);
    struct kafka_report report = create(3);
    for (int i = 0; i < RIG_NAMES; i++)
        assert_string_equal(find(&report, rig.names[i], "exists")->found, "created");
    assert_int_equal(kafka_report_worst(&report), KAFKA_WARN);
    kafka_report_release(&report);
    report = create(3); /* and again */
    assert_int_equal(report.count, RIG_NAMES);
    for (size_t i = 0; i < report.count; i++)
        assert_string_equal(report.findings[i].setting, "replication factor");
    kafka_report_release(&report);
    report = create(7); /* what exists stays as it is */
    assert_int_equal(report.count, RIG_NAMES);
    kafka_report_release(&report);
}

static void a_replication_factor_above_the_brokers_is_told(void **state)
{
    (void)state;
    if (rig.broker)
        skip();
    rig_names(&rig);
    struct kafka_report report = {0};
    RIG_OK(kafka_topics_create(&rig.settings, (struct kafka_plan){1, 3}, 10000, &report, err));
    assert_int_equal(kafka_report_worst(&report), KAFKA_UNSAFE);
    assert_non_null(find(&report, rig.settings.topics.journal, "exists"));
    kafka_report_release(&report);
}

/* Sets one topic's whole configuration. */
static void configure(const char *topic, const char *key, const char *value)
{
    char said[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rig.settings.brokers, said, sizeof said);
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, said, sizeof said);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    static const char *const right[][2] = {{"message.timestamp.type", "LogAppendTime"},
                                           {"cleanup.policy", "delete"},
                                           {"retention.ms", "-1"},
                                           {"retention.bytes", "-1"},
                                           {"max.message.bytes", "1048588"}};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        if (strcmp(right[i][0], key) != 0)
            rd_kafka_ConfigResource_set_config(resource, right[i][0], right[i][1]);
    rd_kafka_ConfigResource_set_config(resource, key, value);
    rd_kafka_AlterConfigs(handle, &resource, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, RIG_PATIENCE_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(handle);
}

static void each_weak_setting_is_found(void **state)
{
    (void)state;
    static const struct {
        int topic;
        const char *key, *value;
        enum kafka_severity severity;
    } weak[] = {
        {0, "message.timestamp.type", "CreateTime", KAFKA_UNSAFE},
        {0, "cleanup.policy", "compact", KAFKA_UNSAFE},
        {0, "retention.ms", "3600000", KAFKA_WARN},
        {3, "message.timestamp.type", "CreateTime", KAFKA_UNSAFE},
        {3, "cleanup.policy", "compact,delete", KAFKA_UNSAFE},
        {3, "retention.ms", "604800000", KAFKA_UNSAFE},
        {3, "retention.bytes", "1073741824", KAFKA_UNSAFE},
        {3, "max.message.bytes", "100000", KAFKA_UNSAFE},
        {3, "unclean.leader.election.enable", "true", KAFKA_UNSAFE},
        {2, "cleanup.policy", "compact", KAFKA_WARN},
        {4, "max.message.bytes", "1000", KAFKA_WARN},
        {1, "cleanup.policy", "compact", KAFKA_UNSAFE},
    };
    if (rig.broker)
        skip();
    rig_topics(&rig, 2);
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
        const char *topic = rig.names[weak[i].topic];
        configure(topic, weak[i].key, weak[i].value);
        const struct kafka_finding *finding = NULL;
        struct kafka_report report = {0};
        RIG_UNTIL(&rig, (kafka_report_release(&report), report = check(),
                         (finding = find(&report, topic, weak[i].key)) != NULL));
        assert_string_equal(finding->found, weak[i].value);
        assert_int_equal(finding->severity, weak[i].severity);
        assert_non_null(strstr(finding->fix, "kafka-configs.sh"));
        assert_non_null(strstr(finding->fix, rig.settings.brokers));
        assert_true(finding->why[0] != 0);
        kafka_report_release(&report);
        configure(topic, "retention.ms", "-1"); /* right again */
    }
}

static void the_broker_program_says_what_it_cannot_do(void **state)
{
    (void)state;
    assert_non_null(strstr(broker_caveats(), "5 MiB"));
    assert_non_null(strstr(broker_caveats(), "timestamps"));
    assert_non_null(strstr(broker_caveats(), "retention"));
    assert_non_null(strstr(broker_caveats(), "replication"));
    char program[] = "broker", option[] = "--topic", wrong[] = "nameless", unknown[] = "extra";
    char *bad_topic[] = {program, option, wrong, NULL};
    assert_int_equal(broker_run(3, bad_topic), 2);
    char *argument[] = {program, unknown, NULL};
    assert_int_equal(broker_run(2, argument), 2);
}

static void *serve(void *argument)
{
    char program[] = "broker", file[] = "--port-file", topic[] = "--topic", spec[] = "t.one:3";
    char *argv[] = {program, file, argument, topic, spec, NULL};
    static int status;
    status = broker_run(5, argv);
    return &status;
}

static void the_broker_program_writes_its_address_and_ends_on_a_signal(void **state)
{
    (void)state;
    char path[64], address[64] = "";
    struct uuid id = uuid_random();
    snprintf(path, sizeof path, "/tmp/curfew-%.8s.port", uuid_format(&id).text);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, serve, path), 0);
    RIG_UNTIL(&rig, access(path, R_OK) == 0);
    FILE *file = fopen(path, "r");
    assert_non_null(fgets(address, sizeof address, file));
    fclose(file);
    address[strcspn(address, "\n")] = 0;
    struct kafka_settings settings;
    struct kafka_seen seen = {0};
    kafka_settings_init(&settings);
    settings.brokers = address;
    RIG_OK(kafka_probe(&settings, 20000, &seen, err)); /* it accepts once the file is there */
    assert_true(seen.embedded);
    assert_int_equal(kafka_seen_topic(&seen, "t.one")->partitions, 3);
    assert_null(kafka_seen_topic(&seen, "curfew.commands"));
    kafka_seen_release(&seen);
    kafka_settings_release(&settings);
    int *status;
    assert_int_equal(pthread_kill(thread, SIGTERM), 0);
    assert_int_equal(pthread_join(thread, (void **)&status), 0);
    assert_int_equal(*status, 0);
    assert_int_equal(access(path, R_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_probe_sees_cluster_and_topics),
        cmocka_unit_test(a_port_where_nothing_listens_is_explained),
        cmocka_unit_test(missing_topics_are_unsafe),
        cmocka_unit_test(the_embedded_broker_relaxes_what_it_cannot_promise),
        cmocka_unit_test(created_topics_are_safe_but_for_the_single_replica),
        cmocka_unit_test(a_replication_factor_above_the_brokers_is_told),
        cmocka_unit_test(each_weak_setting_is_found),
        cmocka_unit_test(the_broker_program_says_what_it_cannot_do),
        cmocka_unit_test(the_broker_program_writes_its_address_and_ends_on_a_signal),
    };
    return cmocka_run_group_tests_name("broker_admin", tests, set_up, tear_down);
}
