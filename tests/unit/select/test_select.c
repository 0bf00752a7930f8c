/* What a selector finds in one complete list: a row for everything asked for, in the order asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "select/select.h"

static const struct uuid trade = {{0x11, [15] = 1}};
static const struct uuid books = {{0x22, [15] = 2}};
static const int64_t noon_ticks = 638000000000000;

static struct session session_of(uint8_t id, const struct uuid *infobase, uint32_t number,
                                 const char *user)
{
    return (struct session){
        .uuid = {{id, [15] = 9}},
        .infobase = *infobase,
        .number = number,
        .user_name = user,
        .app_id = "1CV8C",
        .started_at = {noon_ticks + number},
    };
}

static struct infobase_name infobases[] = {{{{0}}, "Управление торговлей"}, {{{0}}, "books"}};
static struct session sessions[5];
static struct session_list list;
static struct command *command;
static uint32_t numbers[4];
static struct uuid uuids[4];

static int setup(void **state)
{
    (void)state;
    infobases[0].uuid = trade;
    infobases[1].uuid = books;
    sessions[0] = session_of(1, &trade, 7, "Иванов");
    sessions[1] = session_of(2, &books, 7, "Петров");
    sessions[2] = session_of(3, &trade, 8, "Ёлкина");
    sessions[3] = session_of(4, &books, 9, "");
    sessions[4] = session_of(5, &trade, 10, "Admin");
    list = (struct session_list){.sessions = sessions,
                                 .count = 5,
                                 .infobases = infobases,
                                 .infobase_count = 2,
                                 .has_infobases = true};
    command = command_create();
    command->action = ACTION_TERMINATE;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    command_destroy(command);
    return 0;
}

static void ask_numbers(const char *infobase, size_t count, ...)
{
    va_list arguments;
    va_start(arguments, count);
    for (size_t i = 0; i < count; i++)
        numbers[i] = va_arg(arguments, unsigned);
    va_end(arguments);
    command->selector.kind = SELECTOR_NUMBERS;
    command->selector.infobase = infobase;
    command->selector.numbers = numbers;
    command->selector.count = count;
}

static void ask_sessions(size_t count, ...)
{
    va_list arguments;
    va_start(arguments, count);
    for (size_t i = 0; i < count; i++)
        uuids[i] = (struct uuid){{(uint8_t)va_arg(arguments, unsigned), [15] = 9}};
    va_end(arguments);
    command->selector.kind = SELECTOR_SESSIONS;
    command->selector.sessions = uuids;
    command->selector.count = count;
}

static struct resolution resolve(void)
{
    struct resolution resolution;
    struct error err = {0};
    if (select_resolve(command, &list, &resolution, &err))
        fail_msg("%s", err.message);
    return resolution;
}

static void refused(enum error_code wanted, const char *words)
{
    struct resolution resolution;
    struct error err = {0};
    assert_int_equal(select_resolve(command, &list, &resolution, &err), wanted);
    assert_non_null(strstr(err.message, words));
}

/* One row, its verdict and, unless NULL, words of its reason. */
static void one(enum target_outcome verdict, const struct session *found, const char *words)
{
    struct resolution resolution = resolve();
    assert_int_equal(resolution.count, 1);
    assert_string_equal(target_outcome_label(resolution.rows[0].verdict),
                        target_outcome_label(verdict));
    assert_ptr_equal(resolution.rows[0].session, found);
    if (words)
        assert_non_null(strstr(resolution.rows[0].why.message, words));
    resolution_release(&resolution);
}

/* ---- by number ---- */

static void a_number_means_the_session_of_its_infobase(void **state)
{
    (void)state;
    ask_numbers("books", 1, 7u);
    one(TARGET_NONE, &sessions[1], NULL);
    ask_numbers("Управление торговлей", 1, 7u);
    one(TARGET_NONE, &sessions[0], NULL);
}

static void infobases_are_found_without_case_in_cyrillic_too(void **state)
{
    (void)state;
    ask_numbers("УПРАВЛЕНИЕ ТОРГОВЛЕЙ", 1, 8u);
    one(TARGET_NONE, &sessions[2], NULL);
    ask_numbers("BOOKS", 1, 7u);
    one(TARGET_NONE, &sessions[1], NULL);
}

static void infobases_are_found_by_uuid(void **state)
{
    (void)state;
    char upper[UUID_TEXT_SIZE];
    struct uuid_text text = uuid_format(&books);
    ask_numbers(text.text, 1, 7u);
    one(TARGET_NONE, &sessions[1], NULL);
    for (size_t i = 0; i < sizeof upper; i++)
        upper[i] =
            text.text[i] >= 'a' && text.text[i] <= 'f' ? (char)(text.text[i] - 32) : text.text[i];
    ask_numbers(upper, 1, 9u);
    one(TARGET_NONE, &sessions[3], NULL);
}

static void an_infobase_that_is_not_there_refuses_the_command(void **state)
{
    (void)state;
    ask_numbers("зарплата", 1, 7u);
    refused(ERR_NOT_FOUND, "'зарплата'");
    list.infobase_count = 0; /* the names were not asked for: not the same as none */
    ask_numbers("books", 1, 7u);
    refused(ERR_NOT_FOUND, "'books'");
}

static void what_is_absent_is_already_gone(void **state)
{
    (void)state;
    ask_numbers("books", 1, 8u); /* 8 is of the other infobase */
    one(TARGET_ALREADY_GONE, NULL, NULL);
    list.count = 0;
    ask_numbers("books", 1, 7u);
    one(TARGET_ALREADY_GONE, NULL, NULL);
}

static void rows_stand_in_the_order_asked_and_repeats_are_one(void **state)
{
    (void)state;
    ask_numbers("Управление торговлей", 4, 10u, 7u, 10u, 8u);
    struct resolution resolution = resolve();
    assert_int_equal(resolution.count, 3);
    static const uint32_t wanted[] = {10, 7, 8};
    for (size_t i = 0; i < 3; i++) {
        assert_true(resolution.rows[i].asked_by_number);
        assert_int_equal(resolution.rows[i].asked_number, wanted[i]);
        assert_int_equal(resolution.rows[i].session->number, wanted[i]);
        assert_true(uuid_is_nil(&resolution.rows[i].asked_session));
    }
    resolution_release(&resolution);
}

/* ---- the guard of numbers ---- */

static void a_guard_compares_users_as_1c_does(void **state)
{
    (void)state;
    ask_numbers("Управление торговлей", 1, 8u);
    command->selector.guard.user = "ёлкина";
    one(TARGET_NONE, &sessions[2], NULL);
    command->selector.guard.user = "Елкина";
    one(TARGET_NO_LONGER_MATCHES, &sessions[2], "another user");
}

static void a_guard_by_user_does_not_take_a_session_that_is_still_logging_in(void **state)
{
    (void)state;
    ask_numbers("books", 1, 9u);
    command->selector.guard.user = "Петров";
    one(TARGET_NO_LONGER_MATCHES, &sessions[3], "another user");
}

static void a_guard_compares_applications_without_case(void **state)
{
    (void)state;
    ask_numbers("books", 1, 7u);
    command->selector.guard.application = "1cv8c";
    one(TARGET_NONE, &sessions[1], NULL);
    command->selector.guard.application = "Designer";
    one(TARGET_NO_LONGER_MATCHES, &sessions[1], "'1CV8C', the guard names 'Designer'");
}

static void a_guard_compares_the_start_exactly(void **state)
{
    (void)state;
    ask_numbers("books", 1, 7u);
    command->selector.guard.started_at.ticks = noon_ticks + 7;
    one(TARGET_NONE, &sessions[1], NULL);
    command->selector.guard.started_at.ticks = noon_ticks + 8;
    one(TARGET_NO_LONGER_MATCHES, &sessions[1], "started at");
}

static void each_number_is_judged_by_itself_and_the_user_name_is_not_told(void **state)
{
    (void)state;
    ask_numbers("Управление торговлей", 3, 7u, 8u, 99u);
    command->selector.guard.user = "Иванов";
    struct resolution resolution = resolve();
    assert_int_equal(resolution.rows[0].verdict, TARGET_NONE);
    assert_int_equal(resolution.rows[1].verdict, TARGET_NO_LONGER_MATCHES);
    assert_int_equal(resolution.rows[1].why.code, ERR_CONFLICT);
    assert_null(strstr(resolution.rows[1].why.message, "Ёлкина")); /* reasons get logged */
    assert_int_equal(resolution.rows[2].verdict, TARGET_ALREADY_GONE);
    resolution_release(&resolution);
}

static void a_guard_of_its_own_judges_its_number_alone(void **state)
{
    (void)state;
    ask_numbers("Управление торговлей", 3, 7u, 8u, 10u);
    struct guard guards[] = {{"Иванов", "1CV8C", {0}}, {"", "Designer", {0}}, {"", "", {0}}};
    command->selector.guards = guards;
    struct resolution resolution = resolve();
    assert_int_equal(resolution.rows[0].verdict, TARGET_NONE);
    assert_int_equal(resolution.rows[1].verdict, TARGET_NO_LONGER_MATCHES);
    assert_int_equal(resolution.rows[2].verdict, TARGET_NONE);
    assert_ptr_equal(selector_guard(&command->selector, 8), &guards[1]);
    assert_ptr_equal(selector_guard(&command->selector, 99), &command->selector.guard);
    resolution_release(&resolution);
}

/* ---- by UUID ---- */

static void sessions_are_found_by_uuid_wherever_they_are(void **state)
{
    (void)state;
    list.infobase_count = 0; /* no names needed */
    ask_sessions(4, 2u, 77u, 5u, 2u);
    struct resolution resolution = resolve();
    assert_int_equal(resolution.count, 3);
    assert_ptr_equal(resolution.rows[0].session, &sessions[1]);
    assert_int_equal(resolution.rows[1].verdict, TARGET_ALREADY_GONE);
    assert_true(uuid_equal(&resolution.rows[1].asked_session, &uuids[1]));
    assert_false(resolution.rows[1].asked_by_number);
    assert_ptr_equal(resolution.rows[2].session, &sessions[4]);
    resolution_release(&resolution);
}

static void a_kind_that_is_not_built_is_refused_and_never_means_all(void **state)
{
    (void)state;
    command->selector.kind = SELECTOR_FILTER;
    refused(ERR_UNSUPPORTED, "selects by");
    command->selector.kind = SELECTOR_NONE;
    refused(ERR_UNSUPPORTED, "selects by");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_number_means_the_session_of_its_infobase, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(infobases_are_found_without_case_in_cyrillic_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(infobases_are_found_by_uuid, setup, teardown),
        cmocka_unit_test_setup_teardown(an_infobase_that_is_not_there_refuses_the_command, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_absent_is_already_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_stand_in_the_order_asked_and_repeats_are_one, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_guard_compares_users_as_1c_does, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_guard_by_user_does_not_take_a_session_that_is_still_logging_in, setup, teardown),
        cmocka_unit_test_setup_teardown(a_guard_compares_applications_without_case, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_guard_of_its_own_judges_its_number_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_guard_compares_the_start_exactly, setup, teardown),
        cmocka_unit_test_setup_teardown(
            each_number_is_judged_by_itself_and_the_user_name_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(sessions_are_found_by_uuid_wherever_they_are, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_kind_that_is_not_built_is_refused_and_never_means_all,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
