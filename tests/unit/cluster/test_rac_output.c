/* What rac prints, as captured from its versions, and every way in which it can be less than whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "cluster/rac/record.h"
#include "cluster/rac/says.h"
#include "cluster/rac/version.h"
#include "model/session.h"

enum { ARENA = 4 * 1024 * 1024 };

#define BASIC                                                                                      \
    "session                          : 8397b7bb-e836-4c95-9a4f-cf22bef822ff\n"                    \
    "session-id                       : 2\n"                                                       \
    "infobase                         : 717bdda7-2f60-4577-b262-f1fc8c0e472c\n"                    \
    "connection                       : 00000000-0000-0000-0000-000000000000\n"                    \
    "process                          : 00000000-0000-0000-0000-000000000000\n"                    \
    "user-name                        : Иванов И.И.\n"                                     \
    "host                             : pc-1\n"                                                    \
    "app-id                           : 1CV8C\n"                                                   \
    "locale                           : ru\n"                                                      \
    "started-at                       : 2026-02-23T03:32:56\n"                                     \
    "last-active-at                   : 2026-02-24T11:59:39\n"                                     \
    "hibernate                        : no\n"
#define OF_2017 BASIC "duration-current-dbms            : 5\n\n"
#define OF_8321                                                                                    \
    BASIC "duration current-dbms            : 5\n"                                                 \
          "memory-current                   : -4096\n"                                             \
          "db-proc-took-at                  : \n"                                                  \
          "data-separation                  : ''\n"                                                \
          "client-ip                        : 127.0.0.1\n\n"
#define OF_851                                                                                     \
    BASIC "duration-current-dbms            : 5\n"                                                 \
          "memory-current                   : -4096\n"                                             \
          "a-key-of-tomorrow                : yes: and more\n"                                     \
          "client-ip                        : \n\n"

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_create(ARENA);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static enum error_code read_text(struct text text, struct rac_output *ret, struct error *err)
{
    return rac_output_read(text, arena, ret, err);
}

static struct rac_output reads(const char *text)
{
    struct rac_output output;
    struct error err;
    if (read_text(text_of(text), &output, &err))
        fail_msg("%s", err.message);
    return output;
}

static void refuses(const char *text, const char *why)
{
    struct rac_output output;
    struct error err;
    assert_int_equal(read_text(text_of(text), &output, &err), ERR_PROTOCOL);
    if (!strstr(err.message, why))
        fail_msg("no '%s' in '%s'", why, err.message);
}

static void has(const struct rac_block *block, const char *key, const char *value)
{
    const struct text *found = rac_block_find(block, text_of(key));
    assert_non_null(found);
    if (!text_equal(*found, text_of(value)))
        fail_msg("'%s' is '%.*s', not '%s'", key, TEXT_ARGS(*found), value);
}

/* ---- blocks ---- */

static void nothing_is_the_empty_list(void **state)
{
    (void)state;
    assert_int_equal(reads("").count, 0);
    assert_int_equal(reads("\n").count, 0);
    assert_int_equal(reads("\r\n\r\n").count, 0);
}

static void keys_are_padded_and_may_have_blanks_and_values_colons(void **state)
{
    (void)state;
    struct rac_output output =
        reads("duration current-dbms : 7\nstarted-at   : 2026-02-23T03:32:56\n"
              "empty:\nx : \n\n");
    assert_int_equal(output.count, 1);
    has(&output.blocks[0], "duration-current-dbms", "7");
    has(&output.blocks[0], "started-at", "2026-02-23T03:32:56");
    has(&output.blocks[0], "empty", "");
    has(&output.blocks[0], "x", "");
    assert_null(rac_block_find(&output.blocks[0], TEXT("y")));
}

static void quotes_are_taken_off_and_doubled_ones_halved(void **state)
{
    (void)state;
    struct rac_output output = reads("a : \"ООО \"\"Ромашка\"\"\"\nb : ''\nc : it's\nd : \"\"\n"
                                     "denied-message : \"two\n\nlines : of text\"\nf : 1\n\n");
    has(&output.blocks[0], "a", "ООО \"Ромашка\"");
    has(&output.blocks[0], "b", "");
    has(&output.blocks[0], "c", "it's");
    has(&output.blocks[0], "d", "");
    has(&output.blocks[0], "denied-message", "two\n\nlines : of text");
    has(&output.blocks[0], "f", "1");
    assert_int_equal(output.blocks[0].count, 6);
}

/* I7: whoever may choose user names must not be able to hide a session. */
static void quotes_in_names_swallow_no_session(void **state)
{
    (void)state;
    struct rac_output output =
        reads("session : 1\nuser-name : \"a\nhost : h\n\n"
              "session : 2\nuser-name : b\"\nhost : h\n\n"
              "session : 3\nuser-name : \"Рога\" и \"копыта\"\nhost : \"\n\n");
    assert_int_equal(output.count, 3);
    has(&output.blocks[0], "user-name", "\"a");
    has(&output.blocks[1], "user-name", "b\"");
    has(&output.blocks[2], "user-name", "\"Рога\" и \"копыта\"");
    has(&output.blocks[2], "host", "\"");
}

static void windows_lines_are_lines(void **state)
{
    (void)state;
    struct rac_output output = reads("a : 1\r\nb : \"x\"\r\n\r\na : 2\r\nb : \r\n\r\n");
    assert_int_equal(output.count, 2);
    struct rac_output lines = reads("descr : \"x\r\n\r\ny\"\r\n\r\n");
    has(&lines.blocks[0], "descr", "x\n\ny");
    lines = reads("k : 1\ndescr : \"x\r\ny\"\n\n"); /* here they are the value's own */
    has(&lines.blocks[0], "descr", "x\r\ny");
    has(&output.blocks[0], "b", "x");
    has(&output.blocks[1], "a", "2");
    has(&output.blocks[1], "b", "");
}

static void what_is_not_whole_is_refused(void **state)
{
    (void)state;
    refuses("a : 1\n", "stops in the middle");
    refuses("a : 1", "stops in the middle");
    refuses("descr : \"1\n\n", "inside quotes");
    refuses("descr : \"1\" 2\n\n", "behind a closing quote");
    refuses("a : 1\nno line of a block\n\n", "line 2: this is no line");
    refuses(" : 1\n\n", "no key");
    refuses("a : 1\na : 2\n\n", "a key stands twice");
    refuses("a : 1\nb : 2\n\na : 3\n\n", "other keys than the first");
    refuses("a : 1\n\nb : 3\n\n", "other keys than the first");
    AUTO_BUF many;
    buf_init(&many, 65536);
    for (int i = 0; i < 257; i++)
        buf_format(&many, "key%d : 1\n", i);
    buf_str(&many, "\n");
    refuses(buf_text(&many), "too many keys");
}

/* I7. A cut inside a block is seen in the text. One between two blocks is not: nothing of a program
 * that did not end well is taken (test_rac_executor). */
static void no_cut_inside_a_block_gives_a_list(void **state)
{
    (void)state;
    static const char whole[] = OF_8321 OF_8321 OF_8321;
    size_t block = sizeof OF_8321 - 1;
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        struct rac_output output;
        enum error_code code = read_text((struct text){whole, length}, &output, NULL);
        if (length % block)
            assert_int_equal(code, ERR_PROTOCOL);
        else
            assert_int_equal(output.count, length / block);
    }
}

/* ---- records ---- */

static struct ras_message records_of(const char *text, enum rac_record kind, uint64_t *found)
{
    struct rac_output output = reads(text);
    struct ras_message message;
    struct error err;
    if (rac_records_read(&output, kind, arena, &message, found, &err))
        fail_msg("%s", err.message);
    return message;
}

static void no_records(const char *text, enum rac_record kind, const char *why)
{
    struct rac_output output = reads(text);
    struct ras_message message;
    uint64_t found;
    struct error err;
    assert_int_equal(rac_records_read(&output, kind, arena, &message, &found, &err), ERR_PROTOCOL);
    if (!strstr(err.message, why))
        fail_msg("no '%s' in '%s'", why, err.message);
}

static bool is_reported(uint64_t found, enum session_field field)
{
    return rac_sessions_reported(found) >> field & 1;
}

static void sessions_of_every_version_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t memory;
        const char *ip; /* NULL: not reported */
    } cases[] = {{OF_2017, 0, NULL}, {OF_8321, -4096, "127.0.0.1"}, {OF_851, -4096, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t found;
        struct ras_message message = records_of(cases[i].text, RAC_SESSIONS, &found);
        const struct ras_session *session = message.records;
        assert_int_equal(message.count, 1);
        assert_int_equal(session->session_id, 2);
        assert_true(text_equal(session->user_name, TEXT("Иванов И.И.")));
        assert_int_equal(session->duration_current_dbms, 5);
        assert_int_equal(session->memory_current, cases[i].memory);
        assert_string_equal(server_time_format(session->started_at).text, "2026-02-23T03:32:56");
        assert_true(is_reported(found, SESSION_number));
        assert_true(is_reported(found, SESSION_uuid));
        assert_true(is_reported(found, SESSION_duration_current_dbms));
        assert_false(is_reported(found, SESSION_cpu_time_total));
        assert_int_equal(is_reported(found, SESSION_client_ip), cases[i].ip != NULL);
    }
}

static void a_session_without_what_names_it_is_refused(void **state)
{
    (void)state;
    no_records("session-id : 2\n\n", RAC_SESSIONS, "no key 'session'");
    no_records("session : 8397b7bb-e836-4c95-9a4f-cf22bef822ff\n\n", RAC_SESSIONS,
               "no key 'app-id'");
    no_records("session : 00000000-0000-0000-0000-000000000000\nsession-id : 1\n"
               "infobase : 00000000-0000-0000-0000-000000000000\nuser-name :\nhost :\napp-id :\n"
               "started-at : 2026-02-23T03:32:56\n\n",
               RAC_SESSIONS, "zero UUID");
    no_records("session : 8397b7bb-e836-4c95-9a4f-cf22bef822fX\n\n", RAC_SESSIONS,
               "not of its form");
}

static void values_of_a_wrong_form_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"session-id : two", "session-id : 4294967296",
                                        "started-at : yesterday", "hibernate : perhaps",
                                        "bytes-all : 1.5"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s\n\n", wrong[i]);
        struct rac_output output = reads(text);
        struct ras_message message;
        uint64_t found;
        assert_int_equal(rac_records_read(&output, RAC_SESSIONS, arena, &message, &found, NULL),
                         ERR_PROTOCOL);
    }
}

static void an_infobase_is_read_with_its_lock(void **state)
{
    (void)state;
    uint64_t found;
    struct ras_message message =
        records_of("infobase             : 717bdda7-2f60-4577-b262-f1fc8c0e472c\n"
                   "name                 : ut\nlicense-distribution : allow\n"
                   "scheduled-jobs-deny  : off\nsessions-deny : on\n"
                   "denied-from : 2026-02-23T00:00:00\ndenied-message : \"Уходите\n\nсейчас\"\n"
                   "denied-parameter : \"\"\ndenied-to : \npermission-code : \"CODE\"\n"
                   "load-balancing-mode  : performance\n\n",
                   RAC_INFOBASE, &found);
    const struct ras_infobase *record = message.records;
    assert_true(record->sessions_deny);
    assert_false(record->scheduled_jobs_deny);
    assert_true(text_equal(record->denied_message, TEXT("Уходите\n\nсейчас")));
    assert_true(text_equal(record->permission_code, TEXT("CODE")));
    assert_int_equal(record->denied_to.ticks, 0);
    no_records("infobase : 717bdda7-2f60-4577-b262-f1fc8c0e472c\nname : ut\n\n", RAC_INFOBASE,
               "no key");
}

/* ---- encodings ---- */

static void encoding_is(const char *bytes, enum error_code code, enum rac_encoding wanted)
{
    enum rac_encoding encoding = RAC_AUTO;
    assert_int_equal(rac_encoding_of(text_of(bytes), &encoding, NULL), code);
    if (!code)
        assert_int_equal(encoding, wanted);
}

static void an_encoding_is_told_only_without_doubt(void **state)
{
    (void)state;
    encoding_is("plain", ERR_OK, RAC_AUTO);
    encoding_is("Сеанс", ERR_OK, RAC_UTF8);
    encoding_is("\x91\xa5\xa0\xad\xe1", ERR_OK, RAC_CP866);  /* Сеанс */
    encoding_is("\xd1\xe5\xe0\xed\xf1", ERR_OK, RAC_CP1251); /* the same */
    encoding_is("\xe0\xe1", ERR_PROTOCOL, RAC_AUTO);         /* letters in both */
    encoding_is("\x91\xd1", ERR_PROTOCOL, RAC_AUTO);         /* in none */
}

static void code_pages_become_utf8(void **state)
{
    (void)state;
    struct text text;
    assert_int_equal(rac_decode(TEXT("\x91\xa5\xa0\xad\xe1 \xfc 1"), RAC_CP866, arena, &text, NULL),
                     ERR_OK);
    assert_true(text_equal(text, TEXT("Сеанс № 1")));
    assert_int_equal(
        rac_decode(TEXT("\xd1\xe5\xe0\xed\xf1 \xb9 1"), RAC_CP1251, arena, &text, NULL), ERR_OK);
    assert_true(text_equal(text, TEXT("Сеанс № 1")));
    assert_int_equal(rac_decode(TEXT("\x98"), RAC_CP1251, arena, &text, NULL), ERR_PROTOCOL);
    assert_int_equal(rac_decode(TEXT("\xd1\xe5"), RAC_UTF8, arena, &text, NULL), ERR_PROTOCOL);
    assert_int_equal(rac_decode((struct text){"a\0b", 3}, RAC_CP866, arena, &text, NULL),
                     ERR_PROTOCOL);
    assert_int_equal(rac_decode(TEXT("\xef\xbb\xbfok"), RAC_UTF8, arena, &text, NULL), ERR_OK);
    assert_true(text_equal(text, TEXT("ok")));
}

/* ---- words ---- */

static void known_texts_have_their_class_in_both_languages(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum error_code code;
    } cases[] = {
        {"Сеанс с указанным идентификатором не найден\n", ERR_GONE},
        {"Ошибка операции администрирования\r\nСеанс отсутствует или удален\r\n", ERR_GONE},
        {"Соединение 717bdda7-2f60-4577-b262-f1fc8c0e472c не найдено", ERR_GONE},
        {"Кластер с указанным идентификатором не найден", ERR_NOT_FOUND},
        {"Информационная база с указанным идентификатором не найдена", ERR_NOT_FOUND},
        {"Администратор кластера не аутентифицирован", ERR_AUTH},
        {"Администратор центрального сервера не аутентифицирован", ERR_AUTH},
        {"Cluster administrator is not authenticated", ERR_AUTH},
        {"Администрирование кластера не разрешено", ERR_AUTH},
        {"Недостаточно прав пользователя на информационную базу ut", ERR_AUTH},
        {"Аутентификация по паролю доступна только с локальной машины", ERR_AUTH},
        {"Insufficient user rights for infobase ut", ERR_AUTH},
        {"Ошибка соединения с сервером\nHost not found", ERR_UNAVAILABLE},
        {"server connection error: Connection refused", ERR_UNAVAILABLE},
        {"Сервер не обнаружен", ERR_UNAVAILABLE},
        {"Error parsing option: session", ERR_CONFIG},
        {"Ошибка разбора параметра: infobase", ERR_CONFIG},
        {"Несовпадение версий", ERR_CONFIG},
        {"Данные были изменены или удалены другим пользователем", ERR_REFUSED},
        {"Ошибка при получении значения из базы данных", ERR_REFUSED},
        {"Что-то новое", ERR_OK},
        {"", ERR_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text text = text_of(cases[i].text);
        bool connection = strstr(cases[i].text, "Соединение ");
        if (rac_says(text, connection ? RAC_ABOUT_CONNECTION : RAC_ABOUT_SESSION) != cases[i].code)
            fail_msg("'%s'", cases[i].text);
        if (cases[i].code == ERR_GONE) { /* in answer to another question it means nothing */
            assert_int_equal(rac_says(text, RAC_ABOUT_ANYTHING), ERR_OK);
            assert_int_equal(rac_says(text, connection ? RAC_ABOUT_SESSION : RAC_ABOUT_CONNECTION),
                             ERR_OK);
        }
    }
}

static void help_is_recognised(void **state)
{
    (void)state;
    assert_true(rac_says_help(TEXT("Use:\n --version | -v\n --help | -h\n")));
    assert_false(rac_says_help(TEXT("session : 1")));
    assert_false(rac_says_help((struct text){NULL, 0}));
}

static void told_words_are_one_line_without_passwords(void **state)
{
    (void)state;
    struct secret *secret = secret_of(TEXT("Пароль1"));
    struct ras_login login = {"u", secret};
    AUTO_BUF out;
    buf_init(&out, 4096);
    rac_tell(&out, TEXT("first\r\n\r\nbad value Пароль1 \x1b[0m\n"), &login, 1);
    assert_string_equal(buf_text(&out), "first: bad value *** \\u{1b}[0m");
    struct secret *longer = secret_of(TEXT("Пароль12"));
    const struct ras_login logins[] = {{"u", secret}, {"v", longer}, {"w", NULL}};
    buf_clear(&out);
    rac_tell(&out, TEXT("bad value Пароль12"), logins, 3); /* nothing of the longer one is left */
    assert_string_equal(buf_text(&out), "bad value ***");
    secret_destroy(secret);
    secret_destroy(longer);
}

static void versions_know_what_they_can(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool message;
        bool infobase_user;
    } cases[] = {{"8.3.10.2252\n", false, true},
                 {"8.3.21.1895\r\n", true, true},
                 {"8.5.1.1150", true, true},
                 {" 8.5.4", true, false}};
    struct rac_version version;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(rac_version_read(text_of(cases[i].text), &version, NULL), ERR_OK);
        assert_int_equal(rac_has_error_message(version), cases[i].message);
        assert_int_equal(rac_has_interrupt(version), cases[i].message);
        assert_int_equal(rac_has_infobase_user(version), cases[i].infobase_user);
    }
    static const char *const wrong[] = {"",        "8.3",         "8.3.",       "8.3.x",
                                        "8.3.21.", "8.3.21 beta", "8.3.21.1.2", "8.300.1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (rac_version_read(text_of(wrong[i]), &version, NULL) != ERR_INVALID)
            fail_msg("'%s' is taken", wrong[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_the_empty_list),
        TEST(keys_are_padded_and_may_have_blanks_and_values_colons),
        TEST(quotes_are_taken_off_and_doubled_ones_halved),
        TEST(quotes_in_names_swallow_no_session),
        TEST(windows_lines_are_lines),
        TEST(what_is_not_whole_is_refused),
        TEST(no_cut_inside_a_block_gives_a_list),
        TEST(sessions_of_every_version_are_read),
        TEST(a_session_without_what_names_it_is_refused),
        TEST(values_of_a_wrong_form_are_refused),
        TEST(an_infobase_is_read_with_its_lock),
        TEST(an_encoding_is_told_only_without_doubt),
        TEST(code_pages_become_utf8),
        TEST(known_texts_have_their_class_in_both_languages),
        TEST(help_is_recognised),
        TEST(told_words_are_one_line_without_passwords),
        TEST(versions_know_what_they_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
