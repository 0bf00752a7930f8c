/* The configuration file: what is read, what is refused and with which words, what is explained. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

enum { TEXT_MAX = 4 * 1024 * 1024 };

static struct config *load(const char *yaml)
{
    struct config *config = NULL;
    struct error err = {0};
    if (config_from_text(text_of(yaml), &config, NULL, &err))
        fail_msg("refused: %s", err.message);
    return config;
}

/* The file is refused, and the problems have every one of the NULL-closed texts. */
static void refuses(const char *yaml, ...)
{
    struct config *config = NULL;
    struct error err = {0};
    AUTO_BUF problems;
    buf_init(&problems, TEXT_MAX);
    assert_int_equal(config_from_text(text_of(yaml), &config, &problems, &err), ERR_CONFIG);
    assert_null(config);
    assert_int_equal(err.code, ERR_CONFIG);
    va_list wanted;
    va_start(wanted, yaml);
    for (const char *text; (text = va_arg(wanted, const char *));)
        if (!strstr(buf_text(&problems), text))
            fail_msg("no '%s' in:\n%s", text, buf_text(&problems));
    va_end(wanted);
}

static void the_outline_of_the_design_is_read_into_plain_fields(void **state)
{
    (void)state;
    AUTO(config)
    config = load("kafka:    { brokers: [k1:9092, 'k2:9093'], group: g, instance: w-1,\n"
                  "            librdkafka: { common: {sasl.username: u}, consumer: {},\n"
                  "                          producer: {} } }\n"
                  "topics:   { commands: c, control: t, events: e, journal: j,\n"
                  "            dead_letters: d }\n"
                  "reply_topics: [r1, r2]\n"
                  "clusters:\n"
                  "  - name: main\n"
                  "    executor: ras\n"
                  "    addresses: [ras1:1545, ras2, '[::1]:1600', fe80::2]\n"
                  "    cluster: 0a1b0000-0000-4000-8000-000000000001\n"
                  "    time_zone: Europe/Moscow\n"
                  "    admin: { user: admin }\n"
                  "    infobases: { ut: { user: Админ }, 'erp 2.5': {} }\n"
                  "    limits: { in_flight: 4, per_minute: 60 }\n"
                  "    timeouts: { connect: 250ms, request: 2m }\n"
                  "    endpoint_version: 9.0\n"
                  "  - name: второй\n"
                  "    addresses: ras3\n"
                  "limits:   { open_commands: 1000, open_targets: 2000 }\n"
                  "timeouts: { verify: 45s }\n"
                  "drain_timeout: 40s\n"
                  "log: { level: debug }\n"
                  "http:     { listen: 127.0.0.1:0 }\n");
    assert_int_equal(config->kafka.brokers.count, 2);
    assert_string_equal(config->kafka.brokers.items[1], "k2:9093");
    assert_string_equal(config->kafka.group, "g");
    assert_string_equal(config->kafka.instance, "w-1");
    assert_int_equal(config->kafka.common.count, 1);
    assert_string_equal(config->kafka.common.items[0].name, "sasl.username");
    assert_string_equal(config->kafka.common.items[0].value, "u");
    assert_int_equal(config->kafka.common.items[0].line, 2);
    assert_string_equal(config->topics.dead_letters, "d");
    assert_int_equal(config->topics.replies.count, 2);
    assert_int_equal(config->cluster_count, 2);
    const struct config_cluster *main_ = &config->clusters[0];
    assert_string_equal(main_->name, "main");
    assert_int_equal(main_->addresses.count, 4);
    assert_int_equal(main_->addresses.items[1].port, 1545);
    assert_string_equal(main_->addresses.items[2].host, "::1");
    assert_int_equal(main_->addresses.items[2].port, 1600);
    assert_string_equal(main_->addresses.items[3].host, "fe80::2");
    assert_string_equal(main_->time_zone, "Europe/Moscow");
    assert_int_equal(zone_offset(main_->zone, (struct wall){1795000000000}), 3 * 3600);
    assert_int_equal(main_->clock_tolerance_ms, 2000);
    assert_int_equal(main_->infobase_count, 2);
    assert_string_equal(main_->infobases[0].account.user, "Админ");
    assert_string_equal(main_->infobases[1].name, "erp 2.5");
    assert_int_equal(main_->in_flight, 4);
    assert_int_equal(main_->waiting, 20000);
    assert_int_equal(main_->connect_ms, 250);
    assert_int_equal(main_->request_ms, 120000);
    assert_int_equal(main_->endpoint_version, 9);
    assert_int_equal(config->clusters[1].addresses.count, 1);
    assert_int_equal(config->limits.cluster_share, 250);
    assert_int_equal(config->timing.verify_ms, 45000);
    assert_int_equal(config->timing.drain_ms, 40000);
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    assert_string_equal(config->http.listen.host, "127.0.0.1");
    assert_int_equal(config->http.listen.port, 0);
    assert_int_equal(config_for_worker(config, NULL), ERR_OK);
}

static void defaults_are_those_of_the_design(void **state)
{
    (void)state;
    AUTO(config) config = config_defaults();
    assert_int_equal(config->cluster_count, 0);
    assert_int_equal(config->limits.open_commands, 20000);
    assert_int_equal(config->limits.open_targets, 100000);
    assert_int_equal(config->limits.targets_per_command, 500);
    assert_int_equal(config->limits.remembered_ids, 1000000);
    assert_int_equal(config->limits.cluster_share, 5000);
    assert_int_equal(config->policy.validity_ms, 15 * 60000);
    assert_int_equal(config->policy.validity_max_ms, 24 * 3600000);
    assert_int_equal(config->policy.future_skew_ms, 60000);
    assert_int_equal(config->policy.protected_applications.count, 7);
    assert_string_equal(config->policy.named_only_applications.items[0], "Designer");
    assert_int_equal(config->timing.drain_ms, 25000);
    assert_string_equal(config->http.listen.host, "127.0.0.1");
    assert_int_equal(config->http.listen.port, 9464);
    assert_string_equal(config->topics.commands, "curfew.commands");
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_true(config->events.include_snapshots);
    assert_string_not_equal(config->kafka.instance, "auto");
    assert_non_null(strstr(config->kafka.instance, "-9464"));
    struct error err;
    assert_int_equal(config_for_worker(config, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "kafka.brokers is missing"));
}

static void an_unknown_key_is_an_error_with_its_line_and_the_nearest_name(void **state)
{
    (void)state;
    refuses("kafka:\n  brokers: a:1\n  grup: x\n",
            "line 3: unknown key 'grup': did you mean 'group'?", NULL);
    refuses("topics:\n\n  # a comment\n  comands: x\n",
            "line 4: unknown key 'comands': did you mean 'commands'?", NULL);
    refuses("cluster:\n  - name: x\n", "line 1: unknown key 'cluster': did you mean 'clusters'?",
            NULL);
    refuses("clusters:\n  - name: x\n    addresses: y\n    per_minute: 5\n",
            "line 4: unknown key 'per_minute' here: its place is 'clusters[].limits.per_minute'",
            NULL);
    refuses("clusters:\n  - name: x\n    addresses: y\n    admin: { user: u, password: p }\n",
            "line 4: unknown key 'password': passwords come from files only: write password_file",
            NULL);
    refuses("zzzzzzzz: 1\n", "line 1: unknown key 'zzzzzzzz': 'curfew config explain' lists", NULL);
}

static void lines_are_those_of_the_file_whatever_stands_between(void **state)
{
    (void)state;
    refuses("\xef\xbb\xbf# with a byte order mark\r\n\r\nlimits:\r\n\r\n  attempts: 99\r\n",
            "line 5: limits.attempts: '99' is out of range; write 1..10", NULL);
    refuses("limits: {\n  open_commands: 5,\n\n  attempts:\n    99 }\n", "line 4: limits.attempts",
            NULL);
    refuses("clusters:\n- name: a\n  addresses:\n  - h1\n  - 'h 2'\n",
            "line 5: clusters[a].addresses: 'h 2' has a character that no host name has", NULL);
}

static void several_faults_are_told_at_once(void **state)
{
    (void)state;
    refuses("limits: {attempts: 0, open_commands: x}\n"
            "http: {listen: 'a b'}\n"
            "drain_timeout: 30\n",
            "line 1: limits.attempts: '0' is out of range; write 1..10\n",
            "line 1: limits.open_commands: 'x' is not a number; write 1..1000000\n",
            "line 2: http.listen: 'a b' has a character", "line 3: drain_timeout: '30' is not",
            NULL);
}

static void a_flood_of_faults_is_cut(void **state)
{
    (void)state;
    AUTO_BUF yaml;
    AUTO_BUF problems;
    buf_init(&yaml, TEXT_MAX);
    buf_init(&problems, TEXT_MAX);
    for (int i = 0; i < 100; i++)
        buf_format(&yaml, "bad_key_number_%d: 1\n", i);
    struct config *config = NULL;
    struct error err;
    assert_int_equal(config_from_text(text_of(buf_text(&yaml)), &config, &problems, &err),
                     ERR_CONFIG);
    int lines = 0;
    for (size_t i = 0; i < problems.length; i++)
        lines += problems.data[i] == '\n';
    assert_int_equal(lines, CONFIG_PROBLEMS_MAX + 1);
    assert_non_null(strstr(buf_text(&problems), "there are more"));
    assert_non_null(strstr(err.message, "(and 99 more)"));
}

static void what_libcyaml_would_read_wrongly_is_refused(void **state)
{
    (void)state;
    refuses("limits: {attempts: 5abc}", "'5abc' is not a number; write 1..10", NULL);
    refuses("limits: {attempts: 0x5}", "'0x5' is not a number", NULL);
    refuses("limits: {attempts: -1}", "'-1' is not a number", NULL);
    refuses("limits: {attempts: 1.5}", "'1.5' is not a number", NULL);
    refuses("limits: {attempts: ''}", "a number is missing", NULL);
    refuses("limits: {open_commands: 99999999999999999999}", "is above", NULL);
    AUTO(config) config = load("limits: {attempts: 010}"); /* ten, as people count */
    assert_int_equal(config->limits.attempts, 10);
}

static void values_of_a_wrong_kind_say_what_to_write(void **state)
{
    (void)state;
    refuses("drain_timeout: 30", "'30' is not a duration", "write 1s..10m, like 90s", NULL);
    refuses("drain_timeout: 30sec", "not a duration", NULL);
    refuses("drain_timeout: 11m", "'11m' is out of range; write 1s..10m", NULL);
    refuses("allow_unsafe_topics: yes", "'yes' is neither; write true or false", NULL);
    refuses("events: {mode: json}", "write binary or structured", NULL);
    refuses("log: {level: verbose}", "write error or warning or info or debug", NULL);
    refuses("log: {level: informational-and-more}", "is not a level", NULL);
    refuses("kafka: {group: 'a b'}", "'a b' is not a name", NULL);
    refuses("topics: {events: a/b}", "'a/b' is not a name", NULL);
    refuses("kafka: {brokers: [k1]}", "'k1' has no port; write host:port", NULL);
    refuses("kafka: {brokers: 'k1:9092,k2:99999'}", "'k2:99999' has no port number", NULL);
    refuses("http: {listen: '[::1:80'}", "has no closing bracket", NULL);
    refuses("http: {listen: nowhere}", "line 1: http.listen", "begins with no address", NULL);
    refuses("gateway: {listen: 'gate.example:9465'}", "begins with no address", NULL);
    refuses("clusters: [{name: a, addresses: x, time_zone: Mars/Base}]",
            "'Mars/Base' is not a time zone that this machine knows", NULL);
    refuses("clusters: [{name: a, addresses: x, time_zone: ../../etc/passwd}]", "not a time zone",
            NULL);
    refuses("clusters: [{name: a, addresses: x, endpoint_version: 20.0}]",
            "'20.0' is not a protocol version; write 3.0..16.0", NULL);
    refuses("policy: {rules: [{name: r, effect: allow, actions: [kill]}]}",
            "'kill' is not one of the words", NULL);
}

static void shapes_that_do_not_fit_say_what_is_needed(void **state)
{
    (void)state;
    refuses("kafka: 5", "line 1: 'kafka' needs keys under it", NULL);
    refuses("kafka:\nlog: {level: info}", "line 1: 'kafka' is empty: give it keys under it", NULL);
    refuses("clusters: {name: a}", "'clusters' needs a list (lines that begin with '- ')", NULL);
    refuses("clusters: [a]", "an entry of 'clusters' has keys under it", NULL);
    refuses("log: {level: [info]}", "'level' needs one value", NULL);
    refuses("log: {level: }", "'level' is empty: give it one value, or remove the line", NULL);
    refuses("kafka: {brokers: {a: b}}", "'brokers' needs a list or one value", NULL);
    refuses("kafka: {librdkafka: {common: [a]}}", "'common' needs keys under it", NULL);
    refuses("kafka: {librdkafka: {common: {a: [b]}}}", "an entry of 'common' is one value", NULL);
    refuses("clusters: [{name: a, addresses: x, infobases: {ut: secret}}]",
            "an entry of 'infobases' has keys under it", NULL);
    refuses("- a\n- b\n", "a configuration begins with keys, like 'kafka:'", NULL);
    refuses("just text", "a configuration begins with keys", NULL);
}

static void repeated_keys_names_and_topics_are_refused(void **state)
{
    (void)state;
    refuses("log: {level: info}\nhttp: {listen: off}\nlog: {level: debug}\n",
            "line 3: 'log' stands in line 1 already", NULL);
    refuses("kafka: {librdkafka: {common: {a: 1, a: 2}}}", "'a' stands in line 1 already", NULL);
    refuses("clusters:\n- {name: Главный, addresses: a}\n- {name: ГЛАВНЫЙ, addresses: b}\n",
            "line 3: clusters[ГЛАВНЫЙ].name: line 2 has this name already", NULL);
    refuses("clusters: [{name: a, addresses: x, infobases: {ut: {}, UT: {}}}]",
            "clusters[a].infobases has 'UT' twice", NULL);
    refuses("topics: {events: curfew.journal}", "'curfew.journal' is used for two things", NULL);
    refuses("reply_topics: [curfew.commands]", "reply_topics: answers on 'curfew.commands'", NULL);
}

static void what_is_required_is_asked_for(void **state)
{
    (void)state;
    refuses("clusters:\n- addresses: x\n", "line 2: clusters[1].name is missing", NULL);
    refuses("clusters:\n- name: a\n", "line 2: clusters[a].addresses is missing", NULL);
    refuses("policy: {rules: [{name: r}]}", "policy.rules[r].effect is missing", NULL);
}

static void executors_that_are_not_built_are_told_apart_from_typing_errors(void **state)
{
    (void)state;
    refuses("clusters: [{name: a, addresses: x, executor: handler}]", "not supported", NULL);
    refuses("clusters: [{name: a, addresses: x, executor: rass}]", "is not one of the words", NULL);
}

#define RAC(more) "clusters: [{name: a, addresses: [h1, h2], executor: rac" more "}]"

static void rac_needs_a_program_that_can_be_found(void **state)
{
    (void)state;
    refuses(RAC(""), "clusters[a].rac.program: write the whole path", NULL);
    refuses(RAC(", rac: {program: rac}"), "clusters[a].rac.program: write the whole path", NULL);
    refuses(RAC(", rac: {program: /opt/rac, version: new}"), "clusters[a].rac.version: write auto",
            NULL);
    refuses(RAC(", rac: {program: /opt/rac, version: 8.3.}"), "clusters[a].rac.version", NULL);
    refuses(RAC(", rac: {program: /opt/rac, version: 8.3}"), "clusters[a].rac.version", NULL);
    refuses(RAC(", rac: {program: /opt/rac, version: 8.3.21.1895.2}"), "clusters[a].rac.version",
            NULL);
    refuses(RAC(", rac: {program: /opt/rac, encoding: koi8}"), "is not one of the words", NULL);
    refuses(RAC(", rac: {program: /opt/rac, environment: {\"a=b\": c}}"),
            "clusters[a].rac.environment: 'a=b'", NULL);
    refuses("clusters: [{name: a, addresses: \"[::1]:1545\", executor: rac, rac: {program: /r}}]",
            "rac cannot take an IPv6 address", NULL);
}

static void rac_is_read_with_all_it_has(void **state)
{
    (void)state;
    AUTO(config)
    config = load(RAC(", rac: {program: /opt/rac, version: 8.3.21.1895, encoding: "
                      "cp866, environment: {LANG: ru_RU.CP866}}"));
    const struct config_cluster *cluster = &config->clusters[0];
    assert_int_equal(cluster->executor, CONFIG_EXECUTOR_RAC);
    assert_string_equal(cluster->rac.program, "/opt/rac");
    assert_string_equal(cluster->rac.version, "8.3.21.1895");
    assert_int_equal(cluster->rac.encoding, CONFIG_CP866);
    assert_false(cluster->rac.allow_password_on_command_line);
    assert_string_equal(cluster->rac.environment.items[0].value, "ru_RU.CP866");
}

/* I12: every user of a host can read its command lines. */
static void a_password_on_racs_command_line_is_refused_unless_allowed_in_words(void **state)
{
    (void)state;
    char path[] = "/tmp/curfew-test-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "secret\n", 7), 7);
    close(fd);
    char yaml[512];
#define ADMIN(rac)                                                                                 \
    snprintf(yaml, sizeof yaml,                                                                    \
             "clusters: [{name: a, addresses: x, executor: rac, rac: {program: /r" rac "}, "       \
             "admin: {user: u, password_file: %s}}]",                                              \
             path)
    ADMIN("");
    refuses(yaml, "clusters[a].admin has a password, and rac takes it on its command line", NULL);
    snprintf(
        yaml, sizeof yaml,
        "clusters: [{name: a, addresses: x, executor: rac, rac: {program: /r}, infobases: {ut: "
        "{user: u, password_file: %s}}}]",
        path);
    refuses(yaml, "clusters[a].infobases has a password", NULL);
    ADMIN(", allow_password_on_command_line: true");
    AUTO(config) config = load(yaml);
    assert_true(config->clusters[0].rac.allow_password_on_command_line);
#undef ADMIN
    unlink(path);
}

static void contradictions_between_keys_are_refused(void **state)
{
    (void)state;
    refuses("limits: {cluster_share: 500, open_commands: 400}", "limits.cluster_share (500)", NULL);
    refuses("limits: {open_targets: 100}", "limits.targets_per_command (500) is above", NULL);
    refuses("policy: {validity: 2h, validity_max: 1h}", "line 1: policy.validity is longer", NULL);
    refuses("clusters:\n  - name: x\n    addresses: []", "line 3: clusters[x].addresses is empty",
            NULL);
    refuses("clusters: [{name: x, addresses: y, admin: {user: z, password_file: /dev/null}}]",
            "'/dev/null' is empty", NULL);
    refuses("clusters: [{name: 0a1b0000-0000-4000-8000-000000000001, addresses: x}]",
            "a UUID is no name", NULL);
}

static void yaml_that_hides_things_is_refused(void **state)
{
    (void)state;
    refuses("kafka: &x {group: a}\n", "anchors (&name) are not supported", NULL);
    refuses("kafka: *x\n", "line 1:", NULL);
    refuses("log: {level: !str info}\n", "tags (!name) are not supported", NULL);
    refuses("log: {level: info}\n---\nlog: {level: debug}\n", "one document is enough", NULL);
    refuses("? [a, b]\n: c\n", "this key is not a text", NULL);
    refuses("a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}\n", "nested too deeply", NULL);
    refuses("log: {level: \"in\\0fo\"}\n", "zero character", NULL);
    refuses("log: {level: info\n", "line 2:", NULL);
    refuses("log:\n\tlevel: info\n", "line 2:", NULL);
    refuses("log: {level: \xff}\n", "write the file as UTF-8", NULL);
}

static void an_empty_file_is_all_defaults(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "\n\n", "# nothing\n", "---\n", "{}\n", "~\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        AUTO(config) config = load(empty[i]);
        assert_string_equal(config->kafka.group, "curfew");
    }
}

static void names_are_found_without_case_and_by_uuid(void **state)
{
    (void)state;
    AUTO(config)
    config = load("clusters:\n"
                  "- {name: Главный, addresses: a, cluster: 0A1B0000-0000-4000-8000-000000000001,\n"
                  "   infobases: {Торговля: {user: t},\n"
                  "               0a1b0000-0000-4000-8000-0000000000ff: {user: u}}}\n");
    const struct config_cluster *cluster = config_cluster_find(config, TEXT("ГЛАВНЫЙ"));
    assert_ptr_equal(cluster, &config->clusters[0]);
    assert_ptr_equal(config_cluster_find(config, TEXT("0a1b0000-0000-4000-8000-000000000001")),
                     cluster);
    assert_null(config_cluster_find(config, TEXT("0a1b0000-0000-4000-8000-000000000002")));
    assert_null(config_cluster_find(config, TEXT("")));
}

/* ---- secrets ---- */

static char *temporary_file(const char *content)
{
    char *path = strdup("/tmp/curfew-config-XXXXXX");
    assert_non_null(path);
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, content, strlen(content)), strlen(content));
    close(file);
    return path;
}

static void remove_file(char *path)
{
    unlink(path);
    free(path);
}

static const char secret_yaml[] = "kafka: {librdkafka: {common: {sasl.password: hunter2,\n"
                                  "  ssl.key.pem: hunter2, sasl.username: me}}}\n"
                                  "clusters:\n"
                                  "- name: main\n"
                                  "  addresses: a\n"
                                  "  admin: {user: admin, password_file: '%s'}\n";

static void find_password(void *self, const struct config_entry *entry)
{
    assert_null(strstr(entry->value, "hunter2"));
    if (!strcmp(entry->path, "kafka.librdkafka.common"))
        assert_string_equal(entry->value, "sasl.password=***, ssl.key.pem=***, sasl.username=me");
    if (!strcmp(entry->path, "clusters[main].admin.password_file"))
        *(int *)self = (int)entry->line;
}

static void i12_passwords_are_loaded_and_never_printed(void **state)
{
    (void)state;
    char *path = temporary_file("hunter2\nsecond line\n");
    AUTO_BUF yaml;
    AUTO_BUF out;
    buf_init(&yaml, TEXT_MAX);
    buf_init(&out, TEXT_MAX);
    buf_format(&yaml, secret_yaml, path);
    AUTO(config) config = load(buf_text(&yaml));
    assert_true(text_equal(secret_reveal(config->clusters[0].admin.password), TEXT("hunter2")));
    int line = 0;
    config_explain(config, find_password, &line);
    assert_int_equal(line, 6);
    config_explain_json(config, &out);
    assert_null(strstr(buf_text(&out), "hunter2"));
    remove_file(path);
}

static void a_gateway_that_others_reach_asks_for_good_tokens(void **state)
{
    (void)state;
    char *good = temporary_file("0123456789abcdef\n");
    char *poor = temporary_file("0123456789abcde\n");
    AUTO_BUF yaml;
    buf_init(&yaml, TEXT_MAX);
    refuses("gateway: {listen: 0.0.0.0:9465}", "line 1: gateway.listen: '0.0.0.0' can be reached",
            NULL);
    refuses("gateway: {listen: 128.0.0.1:9465}", "'128.0.0.1' can be reached", NULL);
    buf_format(&yaml,
               "gateway: {listen: '[::]:9465', servers: {'srv1:1541': main, srv1: main},\n"
               " tokens: {ut: {file: '%s', clusters: [main]}}}",
               good);
    AUTO(config) config = load(buf_text(&yaml));
    assert_int_equal(config->gateway.token_count, 1);
    assert_string_equal(config->gateway.tokens[0].name, "ut");
    assert_int_equal(config->gateway.tokens[0].per_minute, 120);
    assert_string_equal(config->gateway.tokens[0].clusters.items[0], "main");
    assert_true(secret_equal(config->gateway.tokens[0].account.password, TEXT("0123456789abcdef")));
    assert_int_equal(config->gateway.servers.count, 2);
    assert_string_equal(config->gateway.servers.items[0].name, "srv1:1541");
    buf_clear(&yaml);
    buf_format(&yaml, "gateway: {tokens: {ut: {file: '%s'}, 'a/b': {file: '%s'}}}", poor, good);
    refuses(buf_text(&yaml), "gateway.tokens.ut.file: a token has 16 bytes or more",
            "'a/b' is no name", NULL);
    buf_clear(&yaml);
    buf_format(&yaml, "gateway: {tokens: {ut: {file: '%s'}, shop: {file: '%s'}}}", good, good);
    refuses(buf_text(&yaml), "gateway.tokens.shop.file: another entry has the same token", NULL);
    remove_file(good);
    remove_file(poor);
}

static void a_password_without_a_user_is_refused(void **state)
{
    (void)state;
    char *password = temporary_file("hunter2");
    AUTO_BUF yaml;
    buf_init(&yaml, TEXT_MAX);
    buf_format(&yaml, "clusters: [{name: a, addresses: x, admin: {password_file: '%s'}}]",
               password);
    refuses(buf_text(&yaml), "clusters[a].admin has a password and no user", NULL);
    remove_file(password);
}

static void a_password_file_that_cannot_be_read_is_named_with_its_line(void **state)
{
    (void)state;
    AUTO_BUF yaml;
    buf_init(&yaml, TEXT_MAX);
    buf_format(&yaml, secret_yaml, "/nowhere/at/all");
    refuses(buf_text(&yaml), "line 6: clusters[main].admin.password_file", "'/nowhere/at/all'",
            NULL);
}

static void count_changes(void *self, const struct config_change *change)
{
    assert_null(strstr(change->before, "hunter"));
    assert_null(strstr(change->after, "hunter"));
    buf_format(self, "%s: '%s' -> '%s'%s\n", change->path, change->before, change->after,
               change->restart ? " restart" : "");
}

static void a_reload_sees_a_password_that_changed_in_its_file(void **state)
{
    (void)state;
    char *path = temporary_file("hunter2");
    AUTO_BUF yaml;
    AUTO_BUF changes;
    buf_init(&yaml, TEXT_MAX);
    buf_init(&changes, TEXT_MAX);
    buf_format(&yaml, secret_yaml, path);
    AUTO(config) before = load(buf_text(&yaml));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("hunter3", file);
    fclose(file);
    AUTO(config) after = load(buf_text(&yaml));
    assert_int_equal(config_diff(before, before, count_changes, &changes), 0);
    assert_int_equal(config_diff(before, after, count_changes, &changes), 1);
    assert_int_equal(strncmp(buf_text(&changes), "clusters[main].admin.password_file: ", 36), 0);
    assert_null(strstr(buf_text(&changes), "restart"));
    remove_file(path);
}

static void a_diff_names_what_changed_and_what_needs_a_restart(void **state)
{
    (void)state;
    AUTO(config)
    before = load("clusters:\n- {name: a, addresses: x}\n- {name: b, addresses: x}\n"
                  "kafka: {librdkafka: {common: {sasl.password: one}}}\n");
    AUTO(config)
    after = load("clusters:\n- {name: c, addresses: x}\n"
                 "- {name: a, addresses: x, limits: {in_flight: 2}}\n"
                 "kafka: {group: other, librdkafka: {common: {sasl.password: two}}}\n"
                 "policy: {rules: [{name: all, effect: allow}]}\n");
    AUTO_BUF changes;
    buf_init(&changes, TEXT_MAX);
    assert_int_equal(config_diff(before, after, count_changes, &changes), 6);
    assert_string_equal(
        buf_text(&changes),
        "clusters[a].limits.in_flight: '8' -> '2'\n"
        "clusters[b].name: 'b' -> '' restart\n"
        "clusters[c].name: '' -> 'c' restart\n"
        "kafka.group: 'curfew' -> 'other' restart\n"
        "kafka.librdkafka.common: 'sasl.password=***' -> 'sasl.password=***' restart\n"
        "policy.rules[all].name: '' -> 'all'\n");
}

/* Of accounts and tokens alike; what is wrong otherwise is still told. */
static void without_passwords_no_password_file_is_opened(void **state)
{
    (void)state;
    char *path = temporary_file("clusters:\n"
                                "- name: a\n"
                                "  addresses: [ras]\n"
                                "  admin: {user: u, password_file: /nowhere/admin}\n"
                                "  infobases: {ib: {user: u, password_file: /nowhere/ib}}\n"
                                "gateway: {tokens: {one: {file: /nowhere/t1}, two: {file: "
                                "/nowhere/t2}}}\n");
    struct config *config = NULL;
    struct error err;
    assert_int_equal(config_load(path, &config, NULL, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "cannot open password file '/nowhere/"));
    assert_int_equal(config_load_without_passwords(path, &config, NULL, &err), ERR_OK);
    assert_string_equal(config->clusters[0].admin.password_file, "/nowhere/admin");
    assert_null(config->clusters[0].admin.password);
    assert_null(config->clusters[0].infobases[0].account.password);
    assert_null(config->gateway.tokens[1].account.password);
    config_destroy(config);
    config = NULL;
    remove_file(path);
    path = temporary_file("gateway: {tokens: {one: {file: ''}}}\n");
    assert_int_equal(config_load_without_passwords(path, &config, NULL, &err), ERR_CONFIG);
    remove_file(path);
}

static void a_file_is_loaded_and_its_name_told_with_every_error(void **state)
{
    (void)state;
    char *path = temporary_file("log: {level: debug}\n");
    struct config *config = NULL;
    struct error err;
    assert_int_equal(config_load(path, &config, NULL, &err), ERR_OK);
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    config_destroy(config);
    config = NULL;
    remove_file(path);
    AUTO_BUF problems;
    buf_init(&problems, TEXT_MAX);
    assert_int_equal(config_load("/nowhere/curfew.yaml", &config, &problems, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "cannot open '/nowhere/curfew.yaml': No such file"));
    assert_string_equal(buf_text(&problems),
                        "cannot open '/nowhere/curfew.yaml': No such file or directory\n");
    assert_int_equal(config_load("/", &config, NULL, &err), ERR_CONFIG);
    assert_null(config);
    path = temporary_file("log: {level: loud}\n");
    assert_int_equal(config_load(path, &config, NULL, &err), ERR_CONFIG);
    assert_int_equal(strncmp(err.message, path, strlen(path)), 0);
    assert_non_null(strstr(err.message, ": line 1: log.level: 'loud' is not a level"));
    remove_file(path);
}

static void ten_thousand_clusters_are_read_and_explained(void **state)
{
    (void)state;
    AUTO_BUF yaml;
    buf_init(&yaml, TEXT_MAX);
    buf_str(&yaml, "clusters:\n");
    for (int i = 0; i < 10000; i++)
        buf_format(&yaml, "- name: cluster-%05d\n  addresses: [ras-%d]\n", i, i);
    AUTO(config) config = load(buf_text(&yaml));
    assert_int_equal(config->cluster_count, 10000);
    assert_int_equal(config_diff(config, config, NULL, NULL), 0);
}

static void clusters_of_one_zone_share_it_and_without_a_name_there_is_none(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct error err;
    if (config_from_text(TEXT("clusters:\n"
                              "  - {name: a, addresses: x, time_zone: Europe/Berlin}\n"
                              "  - {name: b, addresses: x, time_zone: Europe/Berlin}\n"
                              "  - {name: c, addresses: x, time_zone: UTC}\n"
                              "  - {name: d, addresses: x}\n"),
                         &config, NULL, &err))
        fail_msg("%s", err.message);
    assert_non_null(config->clusters[0].zone);
    assert_ptr_equal(config->clusters[0].zone, config->clusters[1].zone);
    assert_int_equal(config->zone_count, 2);
    assert_null(config->clusters[3].zone);
    config_destroy(config);
}

#define WITH_HANDLERS                                                                              \
    "clusters: [{name: a, addresses: x, handler: {program: /bin/all, args: [-v, a b], mode: "      \
    "before, timeout: 5s, output_max: 2048, at_once: 2, environment: {LANG: C}},\n"                \
    "  infobases: {Бух: {handler: {program: /bin/own, mode: after}}, ut: {user: u},\n"          \
    "  01234567-0123-4123-8123-0123456789AB: {handler: {program: /bin/by-id}}}}]\n"

static void an_infobase_has_its_own_handler_or_the_clusters(void **state)
{
    (void)state;
    AUTO(config) config = load(WITH_HANDLERS);
    const struct config_cluster *cluster = &config->clusters[0];
    const struct uuid nobody = {{0}};
    struct uuid known;
    const char *place;
    assert_int_equal(uuid_read(TEXT("01234567-0123-4123-8123-0123456789ab"), &known, NULL), ERR_OK);
    const struct config_handler *handler = config_handler_for(cluster, &nobody, TEXT("ut"), &place);
    assert_string_equal(handler->program, "/bin/all");
    assert_string_equal(place, "");
    assert_int_equal(handler->mode, CONFIG_HANDLER_BEFORE);
    assert_int_equal(handler->timeout_ms, 5000);
    assert_int_equal(handler->output_max, 2048);
    assert_int_equal(cluster->handlers_at_once, 2);
    assert_string_equal(handler->args.items[1], "a b");
    assert_string_equal(handler->environment.items[0].value, "C");
    assert_ptr_equal(config_handler_at(cluster, place), handler);
    handler = config_handler_for(cluster, &nobody, TEXT("бух"), &place);
    assert_string_equal(handler->program, "/bin/own");
    assert_string_equal(place, "Бух");
    assert_int_equal(handler->mode, CONFIG_HANDLER_AFTER);
    assert_ptr_equal(config_handler_at(cluster, place), handler);
    handler = config_handler_for(cluster, &known, TEXT("any"), &place);
    assert_string_equal(handler->program, "/bin/by-id");
    assert_ptr_equal(config_handler_at(cluster, place), handler);
    assert_null(config_handler_at(cluster, "gone"));
    AUTO(config) without = load("clusters: [{name: a, addresses: x}]");
    assert_null(config_handler_for(&without->clusters[0], &nobody, TEXT("ut"), &place));
}

static void a_handler_that_could_not_run_is_refused_with_its_line(void **state)
{
    (void)state;
    refuses("clusters:\n- name: a\n  addresses: x\n  handler:\n    program: end.sh\n",
            "line 5: clusters[a].handler.program: 'end.sh' is not an absolute path", NULL);
    refuses("clusters:\n- name: a\n  addresses: x\n  infobases:\n    ut:\n      handler:\n"
            "        program: ./end.sh\n",
            "line 7: clusters[a].infobases.ut.handler.program: './end.sh' is not", NULL);
    refuses("clusters: [{name: a, addresses: x, handler: {mode: after}}]",
            "clusters[a].handler has no program", NULL);
    refuses("clusters: [{name: a, addresses: x, handler: {mode: off}}]", "write instead or before",
            NULL);
    refuses("clusters: [{name: a, addresses: x, handler: {program: /e,\n environment: {A=B: 1}}}]",
            "line 2: clusters[a].handler.environment: 'A=B' is not the name of a variable", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_outline_of_the_design_is_read_into_plain_fields),
        cmocka_unit_test(defaults_are_those_of_the_design),
        cmocka_unit_test(an_unknown_key_is_an_error_with_its_line_and_the_nearest_name),
        cmocka_unit_test(lines_are_those_of_the_file_whatever_stands_between),
        cmocka_unit_test(several_faults_are_told_at_once),
        cmocka_unit_test(a_flood_of_faults_is_cut),
        cmocka_unit_test(what_libcyaml_would_read_wrongly_is_refused),
        cmocka_unit_test(values_of_a_wrong_kind_say_what_to_write),
        cmocka_unit_test(shapes_that_do_not_fit_say_what_is_needed),
        cmocka_unit_test(repeated_keys_names_and_topics_are_refused),
        cmocka_unit_test(what_is_required_is_asked_for),
        cmocka_unit_test(executors_that_are_not_built_are_told_apart_from_typing_errors),
        cmocka_unit_test(rac_needs_a_program_that_can_be_found),
        cmocka_unit_test(rac_is_read_with_all_it_has),
        cmocka_unit_test(a_password_on_racs_command_line_is_refused_unless_allowed_in_words),
        cmocka_unit_test(contradictions_between_keys_are_refused),
        cmocka_unit_test(yaml_that_hides_things_is_refused),
        cmocka_unit_test(an_empty_file_is_all_defaults),
        cmocka_unit_test(clusters_of_one_zone_share_it_and_without_a_name_there_is_none),
        cmocka_unit_test(names_are_found_without_case_and_by_uuid),
        cmocka_unit_test(i12_passwords_are_loaded_and_never_printed),
        cmocka_unit_test(a_gateway_that_others_reach_asks_for_good_tokens),
        cmocka_unit_test(a_password_without_a_user_is_refused),
        cmocka_unit_test(a_password_file_that_cannot_be_read_is_named_with_its_line),
        cmocka_unit_test(a_reload_sees_a_password_that_changed_in_its_file),
        cmocka_unit_test(a_diff_names_what_changed_and_what_needs_a_restart),
        cmocka_unit_test(without_passwords_no_password_file_is_opened),
        cmocka_unit_test(a_file_is_loaded_and_its_name_told_with_every_error),
        cmocka_unit_test(ten_thousand_clusters_are_read_and_explained),
        cmocka_unit_test(an_infobase_has_its_own_handler_or_the_clusters),
        cmocka_unit_test(a_handler_that_could_not_run_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
