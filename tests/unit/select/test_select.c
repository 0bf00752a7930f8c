/* What a selector finds in one complete list: a row for everything asked for, in the order asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/limits.h"
#include "select/filter.h"
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
        .reported = UINT64_MAX,
    };
}

static struct infobase_name infobases[] = {{.name = "Управление торговлей"}, {.name = "books"}};
static struct session sessions[5];
static struct session_list list;
static struct command *command;
static struct resolve_context context;
static struct select_rules rules;
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
    context = (struct resolve_context){.first_append = {1795000000000}, .round = 1};
    rules = (struct select_rules){.context = &context};
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
    struct resolution resolution = {0};
    struct error err = {0};
    if (select_resolve(command, &rules, &list, &resolution, &err))
        fail_msg("%s", err.message);
    return resolution;
}

static void refused(enum error_code wanted, const char *words)
{
    struct resolution resolution = {0};
    struct error err = {0};
    assert_int_equal(select_resolve(command, &rules, &list, &resolution, &err), wanted);
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
    ask_numbers("Управление торговлей", 3, 7u, 7u, 8u); /* each guard stands beside its number */
    struct guard others[] = {{"", "", {0}}, {"", "", {0}}, {"", "Designer", {0}}};
    command->selector.guards = others;
    resolution = resolve();
    assert_int_equal(resolution.count, 2);
    assert_int_equal(resolution.rows[0].verdict, TARGET_NONE);
    assert_int_equal(resolution.rows[1].verdict, TARGET_NO_LONGER_MATCHES);
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

static void a_selector_that_selects_nothing_never_means_all(void **state)
{
    (void)state;
    command->selector.kind = SELECTOR_NONE;
    refused(ERR_INVALID, "selects nothing");
    command->selector.kind = SELECTOR_FILTER;
    refused(ERR_INVALID, "the filter is missing");
    struct filter empty = {.kind = FILTER_NONE};
    command->selector.filter = &empty;
    refused(ERR_INVALID, "the filter is empty");
}

/* ---- as much as there may be ---- */

enum {
    MANY = LIMIT_TARGETS,
    LONG = 2 * MANY, /* sessions of a list */
    SPARED_MS = 500, /* of the processor. With sanitizers 20 are used, and above 700 if all is
                        looked through for each */
};

static struct session long_list[LONG];
static uint32_t many_numbers[MANY];
static struct uuid many_uuids[MANY];

static struct uuid counted(uint32_t number)
{
    return (struct uuid){{0x77, [12] = (uint8_t)(number >> 24), [13] = (uint8_t)(number >> 16),
                          [14] = (uint8_t)(number >> 8), [15] = (uint8_t)number}};
}

/* Session i has the number 1 + i / 2, in trade and books by turns. Named are all, from the last,
 * but for every tenth, where the one before is named again. */
static void fill_a_long_list(void)
{
    for (uint32_t i = 0; i < LONG; i++) {
        long_list[i] = session_of(0, i % 2 ? &books : &trade, 1 + i / 2, "Иванов");
        long_list[i].uuid = counted(i);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        many_numbers[i] = MANY - (i % 10 ? i : i ? i - 1 : 0);
        many_uuids[i] = counted(2 * (many_numbers[i] - 1));
    }
    list.sessions = long_list;
    list.count = LONG;
    command->selector.count = MANY;
}

static int64_t processor_ms(void)
{
    struct timespec used;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* I10: the loop serves no other cluster meanwhile. */
static void check_the_most(bool by_number)
{
    int64_t before = processor_ms();
    struct resolution resolution = resolve();
    int64_t took = processor_ms() - before;
    assert_int_equal(resolution.count, MANY - MANY / 10 + 1);
    for (size_t i = 0, row = 0; i < MANY; i++) {
        if (i && i % 10 == 0)
            continue;
        const struct resolved_row *here = &resolution.rows[row++];
        assert_int_equal(here->asked_number, by_number ? many_numbers[i] : 0);
        assert_int_equal(here->verdict, TARGET_NONE);
        assert_ptr_equal(here->session, &long_list[2 * (many_numbers[i] - 1)]);
    }
    resolution_release(&resolution);
    if (took > SPARED_MS)
        fail_msg("%lld ms", (long long)took);
}

static void the_most_numbers_are_found_in_the_longest_list_without_holding_up_the_loop(void **state)
{
    (void)state;
    fill_a_long_list();
    command->selector.kind = SELECTOR_NUMBERS;
    command->selector.infobase = "Управление торговлей";
    command->selector.numbers = many_numbers;
    check_the_most(true);
}

static void the_most_uuids_are_found_in_the_longest_list_without_holding_up_the_loop(void **state)
{
    (void)state;
    AUTO(session_list) indexed = session_list_create(4096);
    struct session_list kept = list;
    fill_a_long_list();
    list.index = indexed->index;
    command->selector.kind = SELECTOR_SESSIONS;
    command->selector.sessions = many_uuids;
    check_the_most(false);
    list = kept;
}

/* ---- numbers, and what began after the command ---- */

/* 2026-11-21 15:00 UTC is 18:00 in Moscow: when the command was given. */
static const int64_t given_ms = 1795273200000;
static struct zone *moscow;

static int setup_zone(void **state)
{
    struct error err;
    setup(state);
    if (zone_load(TEXT("Europe/Moscow"), &moscow, &err))
        fail_msg("%s", err.message);
    context = (struct resolve_context){.first_append = {given_ms},
                                       .listed_from = {given_ms + 60000},
                                       .listed_until = {given_ms + 60100},
                                       .round = 1};
    rules = (struct select_rules){&context, moscow, 2000};
    for (size_t i = 0; i < 5; i++)
        sessions[i].last_active_at = sessions[i].started_at;
    return 0;
}

static int teardown_zone(void **state)
{
    zone_destroy(moscow);
    return teardown(state);
}

static void begins(struct session *session, const char *when)
{
    struct error err;
    if (server_time_read(text_of(when), &session->started_at, &err))
        fail_msg("%s", err.message);
}

static void ask_filter(const char *expression);
static void found(const char *wanted);

static void a_number_that_came_after_the_command_is_not_the_one_that_was_meant(void **state)
{
    (void)state;
    ask_numbers("books", 1, 7u);
    begins(&sessions[1], "2026-11-21T17:59:58");
    one(TARGET_NONE, &sessions[1], NULL);
    begins(&sessions[1], "2026-11-21T17:59:59"); /* within the tolerance: perhaps after it */
    one(TARGET_NO_LONGER_MATCHES, &sessions[1], "may not be the one");
    begins(&sessions[1], "2026-11-21T18:00:02"); /* within the tolerance */
    one(TARGET_NO_LONGER_MATCHES, &sessions[1], "about when the command was given");
    begins(&sessions[1], "2026-11-21T18:00:03");
    one(TARGET_ALREADY_GONE, NULL, "after the command was given");
    command->selector.guard.started_at = sessions[1].started_at; /* then it is surely meant */
    one(TARGET_NONE, &sessions[1], NULL);
    command->selector.guard.started_at.ticks = 0;
    rules.zone = NULL; /* nothing can be told */
    one(TARGET_NONE, &sessions[1], NULL);
    ask_sessions(1, 2u); /* a UUID is nobody else's */
    rules.zone = moscow;
    one(TARGET_NONE, &sessions[1], NULL);
}

/* One on the way out, and who got the number next. */
static void of_two_that_bear_a_number_nobody_is_guessed(void **state)
{
    (void)state;
    ask_numbers("books", 1, 7u);
    sessions[2].infobase = sessions[1].infobase;
    sessions[2].number = sessions[1].number;
    begins(&sessions[1], "2026-11-21T17:00:00");
    begins(&sessions[2], "2026-11-21T17:30:00");
    one(TARGET_NO_LONGER_MATCHES, &sessions[2], "lists 2 sessions");
    begins(&sessions[2], "2026-11-21T18:00:00"); /* perhaps after the command */
    one(TARGET_NO_LONGER_MATCHES, &sessions[1], "lists 2 sessions");
    begins(&sessions[2], "2026-11-21T18:00:03");
    one(TARGET_NONE, &sessions[1], NULL);
    begins(&sessions[1], "2026-11-21T18:00:04");
    one(TARGET_ALREADY_GONE, NULL, "after the command was given");
    begins(&sessions[1], "2026-11-21T17:00:00");
    begins(&sessions[2], "2026-11-21T17:30:00");
    command->selector.guard.started_at = sessions[1].started_at;
    one(TARGET_NONE, &sessions[1], NULL);
    command->selector.guard.started_at = sessions[2].started_at;
    one(TARGET_NONE, &sessions[2], NULL);
    command->selector.guard.started_at.ticks++;
    one(TARGET_NO_LONGER_MATCHES, &sessions[1], "started at");
    command->selector.guard.started_at.ticks = 0;
    rules.zone = NULL; /* nothing can be told */
    one(TARGET_NO_LONGER_MATCHES, &sessions[2], "lists 2 sessions");
}

/* Somebody who has just come, and is named or matched at once. */
static void a_list_made_with_the_command_takes_starts_as_they_are_told(void **state)
{
    (void)state;
    context.listed_from.ms = given_ms + 100;
    context.listed_until.ms = given_ms + 1900;
    ask_numbers("books", 1, 7u);
    begins(&sessions[1], "2026-11-21T18:00:00");
    one(TARGET_NONE, &sessions[1], NULL);
    begins(&sessions[1], "2026-11-21T18:00:01");
    one(TARGET_NO_LONGER_MATCHES, &sessions[1], "about when the command was given");
    ask_filter("number = 7 and infobase like '*'");
    sessions[0].infobase_name = sessions[1].infobase_name = "any";
    sessions[2].infobase_name = sessions[3].infobase_name = sessions[4].infobase_name = "any";
    found("1");
    begins(&sessions[1], "2026-11-21T18:00:00");
    found("1 2");
    context.listed_until.ms = given_ms + 2001; /* late */
    found("1");
}

/* A wrong time zone must not make a living session "gone". */
static void a_start_in_the_future_is_a_wrong_clock_and_not_a_newcomer(void **state)
{
    (void)state;
    ask_numbers("books", 1, 7u);
    begins(&sessions[1], "2026-11-21T20:00:00");
    one(TARGET_NO_LONGER_MATCHES, &sessions[1], "yet to come");
    begins(&sessions[1],
           "2026-11-21T18:00:03"); /* by a clock of which another session shows that */
    begins(&sessions[4], "2026-11-21T20:00:00"); /* it is wrong */
    one(TARGET_NO_LONGER_MATCHES, &sessions[1], "yet to come");
}

/* ---- by filter ---- */

static struct filter *parsed(const char *expression)
{
    struct filter *filter;
    struct error err;
    if (filter_parse(text_of(expression), command->arena, &filter, &err))
        fail_msg("%s", err.message);
    return filter;
}

static void ask_filter(const char *expression)
{
    command->selector.kind = SELECTOR_FILTER;
    command->selector.filter = parsed(expression);
}

static void a_filter_selects_no_more_than_one_command_may_name(void **state) /* I13 */
{
    (void)state;
    struct session *many = mem_alloc(LIMIT_TARGETS + 1, sizeof many[0]);
    for (uint32_t i = 0; i <= LIMIT_TARGETS; i++) {
        many[i] = session_of(1, &trade, i + 1, "Иванов");
        many[i].last_active_at = many[i].started_at;
    }
    list.sessions = many;
    list.count = LIMIT_TARGETS + 1;
    ask_filter("number > 1");
    struct resolution resolution = resolve();
    assert_int_equal(resolution.count, LIMIT_TARGETS);
    resolution_release(&resolution);
    ask_filter("number > 0");
    refused(ERR_TOO_LARGE, "more than 10000 sessions");
    free(many);
}

/* The numbers of the sessions found, all of them to be ended. */
static void found(const char *wanted)
{
    struct resolution resolution = resolve();
    AUTO_BUF text;
    buf_init(&text, 1000);
    for (size_t i = 0; i < resolution.count; i++) {
        const struct resolved_row *row = &resolution.rows[i];
        assert_int_equal(row->verdict, TARGET_NONE);
        assert_false(row->asked_by_number);
        assert_true(uuid_is_nil(&row->asked_session));
        buf_format(&text, "%s%u", i ? " " : "", row->session->uuid.bytes[0]);
    }
    assert_string_equal(buf_text(&text), wanted);
    resolution_release(&resolution);
}

static void a_filter_finds_what_it_clearly_matches(void **state)
{
    (void)state;
    ask_filter("infobase = books");
    sessions[1].infobase_name = sessions[3].infobase_name = "books";
    sessions[0].infobase_name = sessions[2].infobase_name = sessions[4].infobase_name = "Торговля";
    found("2 4");
    ask_filter("user != петров"); /* session 4 is logging in: unknown */
    found("1 3 5");
    ask_filter("user = nobody");
    found("");
    list.count = 0;
    found("");
}

static void a_filter_does_not_see_who_came_after_the_command(void **state)
{
    (void)state;
    ask_filter("app = 1CV8C");
    begins(&sessions[0], "2026-11-21T18:00:10");
    begins(&sessions[1], "2026-11-21T17:59:59"); /* within the tolerance: not sure */
    begins(&sessions[2], "2026-11-21T17:59:58");
    found("3 4 5");
    command->options.until_empty = true;
    found("1 2 3 4 5");
}

static void without_a_time_zone_a_filter_is_refused(void **state)
{
    (void)state;
    struct error err;
    rules.zone = NULL;
    ask_filter("app = 1CV8C");
    refused(ERR_UNSUPPORTED, "clusters[].time_zone");
    assert_int_equal(select_check(command, false, &err), ERR_UNSUPPORTED);
    assert_int_equal(select_check(command, true, &err), ERR_OK);
    command->options.until_empty = true; /* whenever they began */
    found("1 2 3 4 5");
    ask_filter("idle > 1h");
    refused(ERR_UNSUPPORTED, "asks for an age");
    ask_numbers("books", 1, 7u);
    command->options.exclude = parsed("age > 1h");
    refused(ERR_UNSUPPORTED, "asks for an age");
}

static void a_clock_that_runs_ahead_refuses_the_filter(void **state)
{
    (void)state;
    ask_filter("idle > 1h");
    begins(&sessions[4], "2026-11-21T18:00:50");
    sessions[4].last_active_at = sessions[4].started_at;
    found("1 2 3 4"); /* it came after the command */
    begins(&sessions[4], "2026-11-21T18:01:30");
    refused(ERR_CONFIG, "yet to come");
    begins(&sessions[4], "2026-11-21T12:00:00");
    sessions[4].last_active_at.ticks += 4LL * 365 * 86400 * 10000;
    sessions[4].last_active_at = sessions[4].started_at;
    sessions[4].last_active_at.ticks += 8LL * 3600 * 10000;
    refused(ERR_CONFIG, "active at 2026-11-21T20:00:00");
}

static void what_is_not_reported_refuses_the_whole_command(void **state)
{
    (void)state;
    ask_filter("app = 1CV8C or cpu > 1h");
    sessions[2].reported = UINT64_MAX & ~(UINT64_C(1) << SESSION_cpu_time_last_5min);
    refused(ERR_UNSUPPORTED, "does not report 'cpu'");
    ask_filter("infobase = bokks");
    refused(ERR_INVALID, "does not have");
}

/* ---- exclude ---- */

static void what_is_excluded_or_may_be_is_left_alone_by_every_selector(void **state)
{
    (void)state;
    command->options.exclude = parsed("user in (Иванов, Петров)");
    ask_filter("app = 1CV8C");
    found("3 5"); /* and 4 is logging in: it may be one of them */
    ask_sessions(1, 1u);
    one(TARGET_PROTECTED, &sessions[0], "options.exclude names this session");
    ask_sessions(1, 4u);
    one(TARGET_PROTECTED, &sessions[3], "options.exclude may mean this session");
    ask_numbers("Управление торговлей", 1, 8u);
    one(TARGET_NONE, &sessions[2], NULL);
    ask_numbers("Управление торговлей", 1, 99u);
    one(TARGET_ALREADY_GONE, NULL, NULL);
    command->options.exclude = parsed("infobase = bokks");
    refused(ERR_INVALID, "options.exclude: the filter names an infobase");
    struct filter empty = {.kind = FILTER_NONE};
    command->options.exclude = &empty;
    refused(ERR_INVALID, "options.exclude: the filter is empty");
}

static void a_drain_leaves_alone_what_is_excluded(void **state)
{
    (void)state;
    struct resolution resolution = {0};
    struct error err = {0};
    command->action = ACTION_DRAIN;
    command->options.exclude = parsed("number = 7");
    if (select_drain(command, &trade, &list, &resolution, &err) ||
        select_exclude(command, &rules, &list, &resolution, &err))
        fail_msg("%s", err.message);
    assert_int_equal(resolution.count, 3);
    for (size_t i = 0; i < resolution.count; i++)
        assert_int_equal(resolution.rows[i].verdict,
                         resolution.rows[i].session->number == 7 ? TARGET_PROTECTED : TARGET_NONE);
    resolution_release(&resolution);
    assert_int_equal(select_check(command, false, &err), ERR_OK);
    command->options.exclude = parsed("idle < 5m");
    assert_int_equal(select_check(command, false, &err), ERR_UNSUPPORTED);
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
        cmocka_unit_test_setup_teardown(a_selector_that_selects_nothing_never_means_all, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            the_most_numbers_are_found_in_the_longest_list_without_holding_up_the_loop, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            the_most_uuids_are_found_in_the_longest_list_without_holding_up_the_loop, setup,
            teardown),
#define ZONED(name) cmocka_unit_test_setup_teardown(name, setup_zone, teardown_zone)
        ZONED(a_number_that_came_after_the_command_is_not_the_one_that_was_meant),
        ZONED(of_two_that_bear_a_number_nobody_is_guessed),
        ZONED(a_list_made_with_the_command_takes_starts_as_they_are_told),
        ZONED(a_start_in_the_future_is_a_wrong_clock_and_not_a_newcomer),
        ZONED(a_filter_selects_no_more_than_one_command_may_name),
        ZONED(a_filter_finds_what_it_clearly_matches),
        ZONED(a_filter_does_not_see_who_came_after_the_command),
        ZONED(without_a_time_zone_a_filter_is_refused),
        ZONED(a_clock_that_runs_ahead_refuses_the_filter),
        ZONED(what_is_not_reported_refuses_the_whole_command),
        ZONED(a_drain_leaves_alone_what_is_excluded),
        ZONED(what_is_excluded_or_may_be_is_left_alone_by_every_selector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
