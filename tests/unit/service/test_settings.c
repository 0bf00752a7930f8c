/* From the configuration to the settings of the Kafka clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "service/settings.h"

static struct config *load(const char *yaml)
{
    struct config *config = NULL;
    struct error err = {0};
    if (config_from_text(text_of(yaml), &config, NULL, &err))
        fail_msg("%s", err.message);
    return config;
}

static const char *value_of(const struct kafka_settings *settings, enum kafka_scope scope,
                            const char *key)
{
    for (size_t i = 0; i < settings->pairs[scope].count; i++)
        if (!strcmp(settings->pairs[scope].at[i].key, key))
            return settings->pairs[scope].at[i].value;
    return NULL;
}

static void our_own_keys_arrive_under_their_own_names(void **state)
{
    (void)state;
    AUTO(config)
    config = load("kafka: {brokers: [k1:9092, 'k2:9093'], group: night, instance: w-1,\n"
                  "        delivery: 9s, linger: 3ms, fetch_wait: 40ms}\n"
                  "topics: {commands: c, control: t, events: e, journal: j, dead_letters: d}\n");
    struct kafka_settings settings;
    struct error err;
    assert_int_equal(service_kafka_settings(config, &settings, &err), ERR_OK);
    assert_string_equal(kafka_settings_brokers(&settings), "k1:9092,k2:9093");
    assert_string_equal(kafka_settings_group(&settings), "night");
    assert_string_equal(settings.instance, "w-1");
    assert_string_equal(settings.topics.commands, "c");
    assert_string_equal(settings.topics.control, "t");
    assert_string_equal(settings.topics.events, "e");
    assert_string_equal(settings.topics.journal, "j");
    assert_string_equal(settings.topics.dead_letters, "d");
    assert_int_equal(settings.delivery_ms, 9000);
    assert_int_equal(settings.linger_ms, 3);
    assert_int_equal(settings.fetch_wait_ms, 40);
    assert_false(settings.embedded);
    kafka_settings_release(&settings);
}

static void librdkafka_keys_stay_in_the_list_they_were_written_in(void **state)
{
    (void)state;
    AUTO(config)
    config = load("kafka:\n  brokers: [k1:9092]\n  librdkafka:\n"
                  "    common: {client.id: curfew}\n"
                  "    consumer: {fetch.message.max.bytes: 2000000}\n"
                  "    producer: {compression.codec: lz4}\n");
    struct kafka_settings settings;
    struct error err = {0};
    if (service_kafka_settings(config, &settings, &err))
        fail_msg("%s", err.message);
    assert_string_equal(value_of(&settings, KAFKA_COMMON, "client.id"), "curfew");
    assert_string_equal(value_of(&settings, KAFKA_CONSUMER, "fetch.message.max.bytes"), "2000000");
    assert_string_equal(value_of(&settings, KAFKA_PRODUCER, "compression.codec"), "lz4");
    assert_null(value_of(&settings, KAFKA_PRODUCER, "client.id"));
    assert_null(value_of(&settings, KAFKA_COMMON, "compression.codec"));
    kafka_settings_release(&settings);
}

static void without_brokers_the_command_line_may_still_name_them(void **state)
{
    (void)state;
    AUTO(config) config = config_defaults();
    struct kafka_settings settings;
    struct error err;
    assert_int_equal(service_kafka_settings(config, &settings, &err), ERR_OK);
    assert_string_equal(kafka_settings_brokers(&settings), "");
    assert_int_equal(kafka_settings_override(&settings, TEXT("bootstrap.servers=k9:1"), &err),
                     ERR_OK);
    assert_string_equal(kafka_settings_brokers(&settings), "k9:1");
    kafka_settings_release(&settings);
}

static void a_key_that_breaks_a_promise_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *key;
    } wrong[] = {{"common", "enable.auto.commit: true"},
                 {"consumer", "isolation.level: read_uncommitted"},
                 {"producer", "acks: 1"},
                 {"common", "no.such.key: 1"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        AUTO_BUF yaml;
        buf_init(&yaml, 4096);
        buf_format(&yaml,
                   "kafka:\n  brokers: [k1:9092]\n  librdkafka:\n    %s:\n      client.id: a\n"
                   "      %s\n",
                   wrong[i].list, wrong[i].key);
        AUTO(config) config = load(buf_text(&yaml));
        struct kafka_settings settings;
        struct error err = {0};
        assert_int_equal(service_kafka_settings(config, &settings, &err), ERR_CONFIG);
        if (strncmp(err.message, "line 6: ", 8) != 0)
            fail_msg("%s", err.message);
    }
}

/* I12: whoever may read the configuration need not know the passwords. */
static void a_secret_stands_in_a_file_of_its_own(void **state)
{
    (void)state;
    AUTO(config)
    config = load("kafka:\n  brokers: [k1:9092]\n  librdkafka:\n    common:\n"
                  "      sasl.username: me\n"
                  "      sasl.password: hunter2\n"
                  "      ssl.key.pem: hunter2\n"
                  "      sasl.mechanism: PLAIN\n"
                  "      ssl.key.password_file: /no/such/file\n"
                  "    producer: {acks: 1}\n");
    struct kafka_settings settings;
    struct error err = {0};
    AUTO_BUF problems;
    buf_init(&problems, 4096);
    assert_int_equal(service_kafka_settings(config, &settings, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "line 6: 'sasl.password' is a secret"));
    service_kafka_problems(config, &problems);
    assert_non_null(strstr(buf_text(&problems), "line 6: 'sasl.password' is a secret"));
    assert_non_null(strstr(buf_text(&problems), "line 7: 'ssl.key.pem' is a secret"));
    assert_non_null(strstr(buf_text(&problems), "write ssl.key.location: PATH"));
    assert_non_null(strstr(buf_text(&problems), "line 9: 'ssl.key.password_file'"));
    assert_non_null(strstr(buf_text(&problems), "line 10: 'acks' cannot be set"));
    assert_null(strstr(buf_text(&problems), "line 8"));
    assert_null(strstr(buf_text(&problems), "hunter2"));
    assert_null(kafka_key_wants_file(TEXT("sasl.oauthbearer.token.endpoint.url"))); /* no secret */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_keys_arrive_under_their_own_names),
        cmocka_unit_test(librdkafka_keys_stay_in_the_list_they_were_written_in),
        cmocka_unit_test(without_brokers_the_command_line_may_still_name_them),
        cmocka_unit_test(a_key_that_breaks_a_promise_is_refused_with_its_line),
        cmocka_unit_test(a_secret_stands_in_a_file_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
