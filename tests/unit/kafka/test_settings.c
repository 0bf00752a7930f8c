/* Pass-through settings: what is refused, what is explained, what is never shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "kafka/client.h"
#include "kafka/producer.h"
#include "kafka/settings.h"

static enum error_code set(struct kafka_settings *settings, const char *key, const char *value,
                           struct error *err)
{
    return kafka_settings_set(settings, KAFKA_COMMON, text_of(key), text_of(value), err);
}

static void every_key_that_breaks_a_promise_is_refused_with_its_reason(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *value;
    } breaking[] = {
        {"enable.auto.commit", "true"},
        {"auto.commit.enable", "true"},
        {"enable.auto.offset.store", "true"},
        {"acks", "1"},
        {"request.required.acks", "0"},
        {"enable.idempotence", "false"},
        {"auto.offset.reset", "earliest"},
        {"isolation.level", "read_uncommitted"},
        {"partition.assignment.strategy", "cooperative-sticky"},
        {"partitioner", "consistent"},
        {"group.protocol", "consumer"}, /* also where librdkafka does not know it */
        {"transactional.id", "t"},
        {"group.id", "other"},
        {"group.instance.id", "other"},
        {"bootstrap.servers", "elsewhere:9092"},
        {"enable.partition.eof", "false"},
        {"message.timeout.ms", "0"},
        {"plugin.library.paths", "/tmp/x.so"},
    };
    for (size_t i = 0; i < sizeof breaking / sizeof *breaking; i++) {
        struct kafka_settings settings;
        struct error error;
        kafka_settings_init(&settings);
        assert_int_equal(set(&settings, breaking[i].key, breaking[i].value, &error), ERR_CONFIG);
        assert_non_null(strstr(error.message, breaking[i].key));
        assert_non_null(strstr(error.message, kafka_key_refused(text_of(breaking[i].key))));
        assert_int_equal(settings.pairs[KAFKA_COMMON].count, 0);
        kafka_settings_release(&settings);
    }
}

static void an_unknown_key_names_the_library_and_the_nearest_key(void **state)
{
    (void)state;
    struct kafka_settings settings;
    struct error error;
    kafka_settings_init(&settings);
    assert_int_equal(set(&settings, "security.protokol", "ssl", &error), ERR_CONFIG);
    assert_non_null(strstr(error.message, kafka_library_version()));
    assert_non_null(strstr(error.message, "'security.protocol'"));
    assert_int_equal(set(&settings, "entirely.made.up.and.far.from.all", "1", &error), ERR_CONFIG);
    assert_null(strstr(error.message, "did you mean"));
    assert_int_equal(set(&settings, "", "1", &error), ERR_CONFIG);
    assert_int_equal(set(&settings, "security protocol", "ssl", &error), ERR_CONFIG);
    kafka_settings_release(&settings);
}

static void a_wrong_value_is_found_without_a_broker(void **state)
{
    (void)state;
    struct kafka_settings settings;
    struct error error;
    kafka_settings_init(&settings);
    assert_int_equal(set(&settings, "security.protocol", "telepathy", &error), ERR_CONFIG);
    assert_non_null(strstr(error.message, "telepathy"));
    assert_int_equal(set(&settings, "session.timeout.ms", "-4", &error), ERR_CONFIG);
    kafka_settings_release(&settings);
}

static void secrets_are_never_repeated(void **state)
{
    (void)state;
    assert_true(kafka_key_is_secret(TEXT("sasl.password")));
    assert_true(kafka_key_is_secret(TEXT("ssl.key.password")));
    assert_true(kafka_key_is_secret(TEXT("ssl.key.pem")));
    assert_true(kafka_key_is_secret(TEXT("sasl.oauthbearer.client.secret")));
    assert_false(kafka_key_is_secret(TEXT("sasl.username")));
    assert_false(kafka_key_is_secret(TEXT("client.id")));
    assert_string_equal(kafka_key_wants_file(TEXT("ssl.key.pem")), "write ssl.key.location: PATH");
    assert_non_null(kafka_key_wants_file(TEXT("sasl.password")));
    assert_non_null(kafka_key_wants_file(TEXT("sasl.oauthbearer.client.secret")));
    assert_null(kafka_key_wants_file(TEXT("sasl.password_file")));
    assert_null(kafka_key_wants_file(TEXT("client.id")));
    struct kafka_settings settings;
    struct error error;
    kafka_settings_init(&settings);
    /* Refused by librdkafka (or unknown to it): either way without the value. */
    assert_int_equal(set(&settings, "sasl.passwrd", "hunter2", &error), ERR_CONFIG);
    assert_null(strstr(error.message, "hunter2"));
    struct text bytes = {"hunter2\xff", 8};
    assert_int_equal(
        kafka_settings_set(&settings, KAFKA_COMMON, TEXT("sasl.password"), bytes, &error),
        ERR_CONFIG);
    assert_null(strstr(error.message, "hunter2"));
    kafka_settings_release(&settings);
}

static void a_secret_may_stand_in_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/curfew-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "s3cret\n", 7), 7);
    close(fd);
    struct kafka_settings settings;
    struct error error;
    kafka_settings_init(&settings);
    assert_int_equal(set(&settings, "sasl.password_file", path, &error), ERR_OK);
    unlink(path);
    assert_string_equal(settings.pairs[KAFKA_COMMON].at[0].key, "sasl.password");
    assert_string_equal(settings.pairs[KAFKA_COMMON].at[0].value, "s3cret");
    assert_int_equal(set(&settings, "sasl.password_file", "/no/such/file", &error), ERR_CONFIG);
    assert_non_null(strstr(error.message, "/no/such/file"));
    kafka_settings_release(&settings);
}

static void a_later_value_replaces_an_earlier_one(void **state)
{
    (void)state;
    struct kafka_settings settings;
    struct error error;
    kafka_settings_init(&settings);
    assert_int_equal(set(&settings, "client.id", "one", &error), ERR_OK);
    assert_int_equal(kafka_settings_override(&settings, TEXT("client.id=two=2"), &error), ERR_OK);
    assert_int_equal(settings.pairs[KAFKA_COMMON].count, 1);
    assert_string_equal(settings.pairs[KAFKA_COMMON].at[0].value, "two=2");
    kafka_settings_release(&settings);
}

static void overrides_reach_our_own_keys(void **state)
{
    (void)state;
    struct kafka_settings settings;
    struct error error;
    kafka_settings_init(&settings);
    settings.brokers = "configured:9092";
    assert_string_equal(kafka_settings_brokers(&settings), "configured:9092");
    assert_int_equal(kafka_settings_override(&settings, TEXT("bootstrap.servers=a:1,b:2"), &error),
                     ERR_OK);
    assert_string_equal(kafka_settings_brokers(&settings), "a:1,b:2");
    assert_int_equal(kafka_settings_override(&settings, TEXT("group.id=mine"), &error), ERR_OK);
    assert_string_equal(kafka_settings_group(&settings), "mine");
    assert_int_equal(kafka_settings_override(&settings, TEXT("acks=1"), &error), ERR_CONFIG);
    assert_int_equal(kafka_settings_override(&settings, TEXT("acks"), &error), ERR_USAGE);
    assert_int_equal(kafka_settings_override(&settings, TEXT("=1"), &error), ERR_USAGE);
    assert_int_equal(kafka_settings_override(&settings, TEXT(""), &error), ERR_USAGE);
    assert_int_equal(kafka_settings_override(&settings, TEXT("group.id="), &error), ERR_USAGE);
    kafka_settings_release(&settings);
}

static const char *value_in(rd_kafka_conf_t *conf, const char *key)
{
    static char value[256];
    size_t size = sizeof value;
    assert_int_equal(rd_kafka_conf_get(conf, key, value, &size), RD_KAFKA_CONF_OK);
    return value;
}

static void every_role_gets_what_the_invariants_rest_on(void **state)
{
    (void)state;
    struct kafka_settings settings;
    struct error error;
    rd_kafka_conf_t *conf;
    kafka_settings_init(&settings);
    assert_int_equal(kafka_conf(&settings, KAFKA_ROLE_ADMIN, &conf, &error), ERR_CONFIG);
    settings.brokers = "localhost:9092";
    settings.instance = "worker-1";
    assert_int_equal(kafka_settings_set(&settings, KAFKA_CONSUMER, TEXT("session.timeout.ms"),
                                        TEXT("7000"), &error),
                     ERR_OK);
    assert_int_equal(kafka_conf(&settings, KAFKA_ROLE_GROUP, &conf, &error), ERR_OK);
    assert_string_equal(value_in(conf, "enable.auto.commit"), "false");
    assert_string_equal(value_in(conf, "partition.assignment.strategy"), "range");
    assert_string_equal(value_in(conf, "group.instance.id"), "worker-1");
    assert_string_equal(value_in(conf, "session.timeout.ms"), "7000"); /* the operator's */
    assert_string_equal(value_in(conf, "auto.offset.reset"), "error");
    rd_kafka_conf_destroy(conf);

    settings.embedded = true;
    assert_int_equal(kafka_conf(&settings, KAFKA_ROLE_TAIL, &conf, &error), ERR_OK);
    assert_string_equal(value_in(conf, "fetch.wait.max.ms"), "5");
    assert_string_equal(value_in(conf, "isolation.level"), "read_uncommitted");
    assert_string_equal(value_in(conf, "enable.partition.eof"), "true");
    rd_kafka_conf_destroy(conf);
    settings.embedded = false;
    assert_int_equal(kafka_conf(&settings, KAFKA_ROLE_READER, &conf, &error), ERR_OK);
    assert_string_equal(value_in(conf, "fetch.wait.max.ms"), "100");
    assert_string_equal(value_in(conf, "isolation.level"), "read_committed");
    rd_kafka_conf_destroy(conf);

    settings.linger_ms = 3;
    assert_int_equal(kafka_conf(&settings, KAFKA_ROLE_EVENTS, &conf, &error), ERR_OK);
    assert_string_equal(value_in(conf, "enable.idempotence"), "true");
    assert_string_equal(value_in(conf, "acks"), "-1");
    assert_string_equal(value_in(conf, "partitioner"), "murmur2_random");
    assert_string_equal(value_in(conf, "queue.buffering.max.ms"), "3");
    assert_string_equal(value_in(conf, "message.timeout.ms"), "8000");
    assert_string_equal(value_in(conf, "socket.nagle.disable"), "true");
    rd_kafka_conf_destroy(conf);

    settings.delivery_ms = 60000; /* longer than a licence lives */
    assert_int_equal(kafka_conf(&settings, KAFKA_ROLE_JOURNAL, &conf, &error), ERR_CONFIG);
    assert_non_null(strstr(error.message, "delivery_ms"));
    kafka_settings_release(&settings);
}

/* The values of Java's own test (UtilsTest.testMurmur2), as librdkafka's and others' tests have
 * them too: hash & 0x7fffffff, modulo. */
static void keys_hash_as_in_java(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } java[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    };
    for (size_t i = 0; i < sizeof java / sizeof *java; i++)
        for (int32_t count = 1; count <= 64; count++)
            assert_int_equal(kafka_partition_of(text_of(java[i].key), count),
                             (java[i].hash & 0x7fffffff) % count);
    assert_int_equal(kafka_partition_of((struct text){NULL, 0}, 12),
                     kafka_partition_of(TEXT(""), 12));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_that_breaks_a_promise_is_refused_with_its_reason),
        cmocka_unit_test(an_unknown_key_names_the_library_and_the_nearest_key),
        cmocka_unit_test(a_wrong_value_is_found_without_a_broker),
        cmocka_unit_test(secrets_are_never_repeated),
        cmocka_unit_test(a_secret_may_stand_in_a_file),
        cmocka_unit_test(a_later_value_replaces_an_earlier_one),
        cmocka_unit_test(overrides_reach_our_own_keys),
        cmocka_unit_test(every_role_gets_what_the_invariants_rest_on),
        cmocka_unit_test(keys_hash_as_in_java),
    };
    if (sodium_init() < 0) /* secrets live in its memory */
        return 1;
    return cmocka_run_group_tests_name("kafka_settings", tests, NULL, NULL);
}
