/* What a request says: headers, connection strings, bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/ask.h"
#include "gateway/connection.h"
#include "gateway/language.h"
#include "gateway/wish.h"

static void the_wait_is_found_among_preferences_and_nonsense_is_ignored(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int wait_s; /* -1: none */
    } rows[] = {
        {NULL, -1},
        {"", -1},
        {"wait=10", 10},
        {"wait = 10", 10},
        {"WAIT=7", 7},
        {"respond-async, wait=5", 5},
        {"wait=\"3\"", 3},
        {"waiting=9", -1},
        {"wait", -1},
        {"wait=-1", -1},
        {"wait=abc", -1},
        {"return=minimal;foo=bar", -1},
        {"wait=99999999999", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t seconds = 4711;
        bool found = wish_wait(rows[i].header, &seconds);
        if (found != (rows[i].wait_s >= 0) || (found && (int)seconds != rows[i].wait_s))
            fail_msg("'%s' gave %d, %u", rows[i].header, found, seconds);
    }
}

static void a_key_may_be_quoted_and_is_printable(void **state)
{
    (void)state;
    assert_true(text_equal(wish_key("abc-1"), TEXT("abc-1")));
    assert_true(text_equal(wish_key("\"abc-1\""), TEXT("abc-1")));
    static const char *const refused[] = {"", "\"\"", "a b", "\"a", "a\\b", "ключ", "a\tb"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (wish_key(refused[i]).length)
            fail_msg("'%s' is taken", refused[i]);
    char longest[WISH_KEY_MAX + 2];
    memset(longest, 'k', sizeof longest);
    longest[WISH_KEY_MAX] = '\0';
    assert_int_equal(wish_key(longest).length, WISH_KEY_MAX);
    longest[WISH_KEY_MAX] = 'k';
    longest[WISH_KEY_MAX + 1] = '\0';
    assert_int_equal(wish_key(longest).length, 0);
}

static void a_token_comes_behind_its_scheme(void **state)
{
    (void)state;
    assert_true(text_equal(wish_token("Bearer t0k"), TEXT("t0k")));
    assert_true(text_equal(wish_token("bearer   t0k"), TEXT("t0k")));
    static const char *const refused[] = {NULL, "", "Bearer", "Bearer ", "Basic t0k", "Bearert0k"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(wish_token(refused[i]).length, 0);
}

static void json_is_told_by_its_media_type(void **state)
{
    (void)state;
    assert_true(wish_is_json("application/json"));
    assert_true(wish_is_json("Application/JSON; charset=utf-8"));
    assert_true(wish_is_json("application/json;charset=\"UTF-8\""));
    assert_true(wish_is_json("application/json; profile=x; Charset=utf-8 ; y=z"));
    assert_false(wish_is_json("application/json; charset=windows-1251"));
    assert_false(wish_is_json("application/json; x=y; charset=utf-80"));
    assert_false(wish_is_json("application/json; charset=\"utf-16\""));
    assert_false(wish_is_json("application/json; charset="));
    assert_false(wish_is_json(""));
    assert_false(wish_is_json("application/json-patch"));
    assert_false(wish_is_json("text/json"));
    assert_false(wish_is_json(NULL));
}

static void the_language_is_the_one_preferred_of_two(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum language wanted;
    } rows[] = {
        {NULL, LANGUAGE_EN},
        {"", LANGUAGE_EN},
        {"ru", LANGUAGE_RU},
        {"ru-RU", LANGUAGE_RU},
        {"RU_ru,en;q=0.1", LANGUAGE_EN},
        {"ru-RU,ru;q=0.9,en;q=0.8", LANGUAGE_RU},
        {"en-GB,ru;q=0.9", LANGUAGE_EN},
        {"en;q=0.3, ru;q=0.7", LANGUAGE_RU},
        {"de, *;q=0.5", LANGUAGE_EN},
        {"ru;q=0, *", LANGUAGE_EN},
        {"en;q=0, *;q=0.1", LANGUAGE_RU},
        {"fr", LANGUAGE_EN},
        {"rus", LANGUAGE_EN},
        {"ru,en", LANGUAGE_RU},
        {"en,ru", LANGUAGE_EN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (language_of(rows[i].header) != rows[i].wanted)
            fail_msg("'%s' is not taken for %s", rows[i].header, language_tag(rows[i].wanted));
}

static void every_outcome_has_words_in_both_languages(void **state)
{
    (void)state;
    for (int language = 0; language < LANGUAGES; language++) {
        for (int i = 0; i < TARGET_OUTCOMES; i++)
            assert_non_null(language_target((enum language)language, (enum target_outcome)i));
        for (int i = 0; i < COMMAND_OUTCOMES; i++)
            assert_non_null(language_command((enum language)language, (enum command_outcome)i));
    }
}

/* ---- connection strings ---- */

static void a_connection_string_gives_server_and_infobase(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *server; /* NULL: refused */
        const char *infobase;
    } rows[] = {
        {"Srvr=\"srv1\";Ref=\"ut\";", "srv1", "ut"},
        {"Srvr=\"srv1:1541\";Ref=\"ut\"", "srv1:1541", "ut"},
        {"srvr=srv1;REF=ut", "srv1", "ut"},
        {" Ref=\"a \"\"b\"\"\"; Srvr=\"s\"; Usr=\"u\"", "s", "a \"b\""},
        {"Srvr=\"a;b\";Ref=x", "a;b", "x"},
        {"File=\"C:\\base\";", NULL, NULL},
        {"Srvr=\"srv1\";", NULL, NULL},
        {"Srvr=;Ref=ut", NULL, NULL},
        {"Srvr=\"srv1;Ref=ut", NULL, NULL},
        {"Srvr=\"srv1\"x;Ref=ut", NULL, NULL},
        {"ws=http://x", NULL, NULL},
        {"nothing", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct connection_parts parts;
        bool taken = connection_read(text_of(rows[i].text), &parts);
        if (taken != (rows[i].server != NULL) ||
            (taken && (strcmp(parts.server, rows[i].server) != 0 ||
                       strcmp(parts.infobase, rows[i].infobase) != 0)))
            fail_msg("'%s' gave %d, '%s', '%s'", rows[i].text, taken, parts.server, parts.infobase);
    }
    static char large[2 * CONNECTION_PART_SIZE];
    int at = snprintf(large, sizeof large, "Ref=ut;Srvr=");
    memset(large + at, 'x', sizeof large - (size_t)at - 1);
    struct connection_parts parts;
    assert_false(connection_read(text_of(large), &parts));
}

static void the_usual_port_makes_no_other_server(void **state)
{
    (void)state;
    assert_true(connection_same_server(TEXT("srv1"), TEXT("SRV1:1541")));
    assert_true(connection_same_server(TEXT("Сервер"), TEXT("сервер")));
    assert_false(connection_same_server(TEXT("srv1:1641"), TEXT("srv1")));
    assert_false(connection_same_server(TEXT("srv1"), TEXT("srv2")));
}

/* ---- bodies ---- */

static struct config *config;
static struct problem problem;
static struct ask_mark mark;

static int setup(void **state)
{
    (void)state;
    struct error err;
    return config_from_text(TEXT("gateway: {servers: {srv1: main, 'srv2:1641': Второй}}"), &config,
                            NULL, &err);
}

static int teardown(void **state)
{
    (void)state;
    config_destroy(config);
    return 0;
}

static enum problem_kind read_as(const char *asker, const char *key, const char *body,
                                 struct command **ret)
{
    struct ask ask = {&config->gateway, asker, text_of(key), text_of(body)};
    return ask_read(&ask, ret, &mark, &problem);
}

static struct command *take(const char *body)
{
    struct command *command = NULL;
    if (read_as("ut", "key", body, &command))
        fail_msg("refused: %s at '%s': %s", problem_label(problem.kind), problem.pointer,
                 problem.about);
    return command;
}

static void refuses(enum problem_kind kind, const char *pointer, const char *body)
{
    struct command *command = NULL;
    enum problem_kind found = read_as("ut", "key", body, &command);
    assert_null(command);
    if (found != kind || problem.kind != kind || strcmp(problem.pointer, pointer) != 0)
        fail_msg("%s: %d at '%s': %s", body, (int)found, problem.pointer, problem.about);
}

#define NUMBERS(sessions)                                                                          \
    "{\"target\":{\"cluster\":\"main\",\"infobase\":\"ut\",\"sessions\":[" sessions "]}}"

static void each_number_keeps_what_was_seen_of_it(void **state)
{
    (void)state;
    AUTO(command)
    command = take("{\"target\":{\"connectionString\":\"Srvr=\\\"SRV1:1541\\\";Ref=\\\"УТ\\\";\","
                   "\"sessions\":[{\"number\":7,\"user\":\"Иванов\",\"application\":\"1CV8C\","
                   "\"startedAt\":\"2026-03-01T12:30:45\"},{\"number\":9,\"user\":null}]},"
                   "\"requestedBy\":\"Админ\",\"reason\":\"r\",\"message\":\"m\"}");
    assert_string_equal(command->cluster, "main");
    const struct selector *selector = &command->selector;
    assert_int_equal(selector->kind, SELECTOR_NUMBERS);
    assert_string_equal(selector->infobase, "УТ");
    assert_int_equal(selector->count, 2);
    assert_int_equal(selector->numbers[1], 9);
    assert_string_equal(selector->guards[0].user, "Иванов");
    assert_string_equal(selector->guards[0].application, "1CV8C");
    assert_string_equal(server_time_format(selector->guards[0].started_at).text,
                        "2026-03-01T12:30:45");
    assert_string_equal(selector->guards[1].user, "");
    assert_string_equal(command->requested_by, "ut/Админ");
    assert_int_equal(command->origin, ORIGIN_USER_REQUEST);
    assert_string_equal(command->options.message, "m");
    assert_int_equal(command->requested_at.ms, 0); /* or a repeat would be another command */
    assert_int_equal(command->expires_at.ms, 0);
}

static void the_same_request_is_the_same_command(void **state)
{
    (void)state;
    AUTO(command) first = take(NUMBERS("{\"number\":7}"));
    struct ask_mark first_mark = mark;
    AUTO(command)
    again = take("{ \"target\":{\"sessions\":[{\"number\":7}],\"infobase\":\"ut\","
                 "\"cluster\":\"main\"},\"reason\":null}");
    struct sha256 a = command_digest(first);
    struct sha256 b = command_digest(again);
    assert_true(sha256_equal(&a, &b));
    assert_string_equal(first_mark.text, mark.text);
    assert_string_equal(first->correlation_id, mark.text);
    assert_true(ask_is_mark(first->correlation_id));
    assert_false(ask_is_mark("ticket 4711"));
    AUTO(command) other = take(NUMBERS("{\"number\":8}"));
    assert_true(uuid_equal(&first->id, &other->id));     /* the key is the same... */
    assert_string_not_equal(first_mark.text, mark.text); /* ...and the content is not */
}

static void a_key_belongs_to_its_token(void **state)
{
    (void)state;
    AUTO(command) a = NULL;
    AUTO(command) b = NULL;
    AUTO(command) c = NULL;
    assert_int_equal(read_as("ut", "1", NUMBERS("{\"number\":7}"), &a), PROBLEM_NONE);
    assert_int_equal(read_as("ut", "2", NUMBERS("{\"number\":7}"), &b), PROBLEM_NONE);
    assert_int_equal(read_as("bp", "1", NUMBERS("{\"number\":7}"), &c), PROBLEM_NONE);
    assert_false(uuid_equal(&a->id, &b->id));
    assert_false(uuid_equal(&a->id, &c->id));
    assert_string_equal(c->requested_by, "bp");
    assert_int_equal(c->origin, ORIGIN_APPLICATION);
}

static void sessions_by_uuid_need_no_infobase(void **state)
{
    (void)state;
    AUTO(command)
    command = take("{\"target\":{\"cluster\":\"main\",\"sessions\":[{\"id\":"
                   "\"0188A6C2-7F3E-7B1A-9C4D-5E6F708192A3\"}]},\"dryRun\":true}");
    assert_int_equal(command->selector.kind, SELECTOR_SESSIONS);
    assert_int_equal(command->selector.count, 1);
    assert_true(command->options.dry_run);
}

static void what_is_not_understood_ends_nobody(void **state)
{
    (void)state;
    refuses(PROBLEM_BAD_JSON, "", "{");
    refuses(PROBLEM_BAD_JSON, "", "\"text\"");
    refuses(PROBLEM_BAD_JSON, "", "{\"target\":1,\"target\":2}");
    refuses(PROBLEM_INVALID, "", "{\"target\":{},\"tergat\":1}");
    refuses(PROBLEM_INVALID, "/target", "{}");
    refuses(PROBLEM_INVALID, "/target", "{\"target\":[]}");
    refuses(PROBLEM_INVALID, "/target",
            "{\"target\":{\"cluster\":\"main\",\"infobase\":\"ut\",\"sessions\":[{\"number\":1}],"
            "\"excludes\":[{\"number\":1}]}}");
    refuses(PROBLEM_INVALID, "/target", "{\"target\":{\"sessions\":[{\"number\":1}]}}");
    refuses(PROBLEM_INVALID, "/target",
            "{\"target\":{\"cluster\":\"main\",\"sessions\":[{\"number\":1}]}}");
    refuses(PROBLEM_INVALID, "/target",
            "{\"target\":{\"cluster\":\"main\",\"connectionString\":\"Srvr=srv1;Ref=x\","
            "\"sessions\":[{\"number\":1}]}}");
    refuses(
        PROBLEM_UNKNOWN_SERVER, "",
        "{\"target\":{\"connectionString\":\"Srvr=srv2;Ref=x\",\"sessions\":[{\"number\":1}]}}");
    refuses(PROBLEM_CONNECTION_STRING, "",
            "{\"target\":{\"connectionString\":\"File=x\",\"sessions\":[{\"number\":1}]}}");
    refuses(PROBLEM_INVALID, "/target/sessions", NUMBERS(""));
    refuses(PROBLEM_INVALID, "/target/sessions",
            "{\"target\":{\"cluster\":\"main\",\"infobase\":\"ut\",\"sessions\":{}}}");
    refuses(PROBLEM_INVALID, "/target/sessions/0", NUMBERS("{\"number\":0}"));
    refuses(PROBLEM_INVALID, "/target/sessions/0", NUMBERS("{\"number\":4294967296}"));
    refuses(PROBLEM_INVALID, "/target/sessions/0", NUMBERS("{\"number\":\"7\"}"));
    refuses(PROBLEM_INVALID, "/target/sessions/0", NUMBERS("7"));
    refuses(PROBLEM_INVALID, "/target/sessions/1", NUMBERS("{\"number\":7},{\"number\":7}"));
    refuses(PROBLEM_INVALID, "/target/sessions/0", NUMBERS("{\"number\":7,\"usr\":\"x\"}"));
    refuses(PROBLEM_INVALID, "/target/sessions/0", NUMBERS("{\"number\":7,\"user\":5}"));
    refuses(PROBLEM_INVALID, "/target/sessions/0", NUMBERS("{\"number\":7,\"startedAt\":\"x\"}"));
    refuses(PROBLEM_INVALID, "/target/sessions/1", /* all by number, or all by UUID */
            NUMBERS("{\"number\":7},{\"id\":\"0188a6c2-7f3e-7b1a-9c4d-5e6f708192a3\"}"));
    refuses(PROBLEM_INVALID, "/target/sessions/0",
            NUMBERS("{\"id\":\"00000000-0000-0000-0000-000000000000\"}"));
    refuses(PROBLEM_INVALID, "/dryRun",
            "{\"dryRun\":\"yes\",\"target\":{\"cluster\":\"main\",\"sessions\":[]}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wait_is_found_among_preferences_and_nonsense_is_ignored),
        cmocka_unit_test(a_key_may_be_quoted_and_is_printable),
        cmocka_unit_test(a_token_comes_behind_its_scheme),
        cmocka_unit_test(json_is_told_by_its_media_type),
        cmocka_unit_test(the_language_is_the_one_preferred_of_two),
        cmocka_unit_test(every_outcome_has_words_in_both_languages),
        cmocka_unit_test(a_connection_string_gives_server_and_infobase),
        cmocka_unit_test(the_usual_port_makes_no_other_server),
        cmocka_unit_test(each_number_keeps_what_was_seen_of_it),
        cmocka_unit_test(the_same_request_is_the_same_command),
        cmocka_unit_test(a_key_belongs_to_its_token),
        cmocka_unit_test(sessions_by_uuid_need_no_infobase),
        cmocka_unit_test(what_is_not_understood_ends_nobody),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
