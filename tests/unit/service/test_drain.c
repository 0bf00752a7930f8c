/* What a drain writes into an infobase's lock, and whom it ends in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "select/filter.h"
#include "service/drain.h"
#include "service/rules.h"

static const struct uuid infobase = {{0x11, [15] = 1}};
static const struct uuid other = {{0x22, [15] = 1}};
static const struct infobase_lock seen = {.infobase = {{0x11, [15] = 1}}, .name = (char[]){"ut"}};
static struct config *config;
static struct command *command;

static void configure(const char *cluster, const char *more)
{
    AUTO_BUF yaml;
    struct error err = {0};
    buf_init(&yaml, 65536);
    buf_format(&yaml, "clusters: [{name: main, addresses: a%s}]\n%s\n", cluster, more);
    config_destroy(config);
    config = NULL;
    if (config_from_text(text_of(buf_text(&yaml)), &config, NULL, &err))
        fail_msg("%s", err.message);
}

static int setup(void **state)
{
    (void)state;
    command = command_create();
    command->id = (struct uuid){{7, [15] = 7}};
    command->action = ACTION_DRAIN;
    command->cluster = "main";
    command->infobase = "ut";
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    command_destroy(command);
    config_destroy(config);
    config = NULL;
    return 0;
}

static const char *denied_from(int64_t unix_s)
{
    static struct server_time_text text;
    struct deny deny = {.now = {0}};
    struct error err;
    struct wall from = {unix_s * 1000};
    assert_int_equal(service_deny(config, command, &seen, from, from, &deny, &err), ERR_OK);
    assert_true(server_time_equal(deny.now, deny.wanted.denied_from));
    text = server_time_format(deny.wanted.denied_from);
    infobase_lock_release(&deny.wanted);
    return text.text;
}

static void the_lock_begins_by_the_clusters_own_clock_also_over_a_change_of_the_clocks(void **state)
{
    (void)state;
    configure(", time_zone: Europe/Berlin", "");
    assert_string_equal(denied_from(1792888200), "2026-10-25T02:30:00"); /* 00:30 UTC, summer */
    assert_string_equal(denied_from(1792891800), "2026-10-25T02:30:00"); /* an hour later, winter */
    assert_string_equal(denied_from(1792895400), "2026-10-25T03:30:00");
    assert_string_equal(denied_from(1774745999), "2026-03-29T01:59:59");
    assert_string_equal(denied_from(1774746000), "2026-03-29T03:00:00"); /* 2 to 3 is left out */
}

/* Announced before the clocks are set back, it must not come an hour early. */
static void a_grace_over_the_hour_that_comes_twice_is_not_cut_short(void **state)
{
    (void)state;
    struct deny deny = {.now = {0}};
    struct error err;
    struct wall now = {1792889400000};  /* 00:50 UTC: 02:50, summer */
    struct wall from = {1792890600000}; /* 01:10 UTC: 02:10, winter; the clock showed it before */
    configure(", time_zone: Europe/Berlin", "");
    assert_int_equal(service_deny(config, command, &seen, from, now, &deny, &err), ERR_OK);
    assert_string_equal(server_time_format(deny.wanted.denied_from).text, "2026-10-25T03:10:00");
    infobase_lock_release(&deny.wanted);
}

static void the_message_has_the_layout_of_clients_and_the_parameter_names_the_command(void **state)
{
    (void)state;
    configure("", "policy: {permission_code: sesame}");
    command->options.message = "Обновление";
    struct deny deny = {.now = {0}};
    struct error err;
    struct wall now = {1792888200000};
    assert_int_equal(service_deny(config, command, &seen, (struct wall){0}, now, &deny, &err),
                     ERR_OK);
    static const char head[] = "Обновление\n\nСообщение для администратора:\n";
    assert_memory_equal(deny.wanted.denied_message, head, strlen(head));
    assert_string_equal(deny.wanted.denied_parameter, uuid_format(&command->id).text);
    assert_string_equal(deny.wanted.permission_code, "sesame");
    assert_true(deny.wanted.sessions_deny);
    assert_true(deny.wanted.scheduled_jobs_deny);
    assert_true(deny.wanted.denied_from.ticks == 0);
    infobase_lock_release(&deny.wanted);
    command->keep_jobs = true;
    command->options.message = "";
    assert_int_equal(service_deny(config, command, &seen, (struct wall){0}, now, &deny, &err),
                     ERR_OK);
    assert_false(deny.wanted.scheduled_jobs_deny);
    assert_true(strlen(deny.wanted.denied_message) > strlen("Сообщение для администратора:"));
    infobase_lock_release(&deny.wanted);
}

static void an_infobase_that_the_policy_denies_by_uuid_is_not_locked_by_name(void **state)
{
    (void)state;
    configure("", "policy: {rules: [{name: not-this, effect: deny, infobases: "
                  "['11000000-0000-0000-0000-000000000001']}, {name: rest, effect: allow}]}");
    struct deny deny = {.now = {0}};
    struct error err;
    struct wall now = {1792888200000};
    assert_int_equal(service_deny(config, command, &seen, (struct wall){0}, now, &deny, &err),
                     ERR_DENIED);
    assert_non_null(strstr(err.message, "not-this"));
    assert_null(deny.wanted.denied_message);
}

static void without_a_time_zone_there_is_no_later_begin(void **state)
{
    (void)state;
    configure("", "");
    struct deny deny = {.now = {0}};
    struct error err;
    struct wall now = {1792888200000};
    assert_int_equal(service_deny(config, command, &seen, now, now, &deny, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "time_zone"));
}

static void people_come_first_the_idle_before_the_busy_and_jobs_last(void **state)
{
    (void)state;
    configure("", "limits: {targets_per_command: 3}");
    struct session sessions[] = {
        {.number = 1, .app_id = "BackgroundJob", .last_active_at = {1}},
        {.number = 2, .app_id = "1CV8C", .last_active_at = {9}},
        {.number = 3, .app_id = "COMConnection", .last_active_at = {1}},
        {.number = 4, .app_id = "1CV8", .last_active_at = {5}},
        {.number = 5, .app_id = "RAS", .last_active_at = {1}},
        {.number = 6, .app_id = "1CV8C", .last_active_at = {1}},
        {.number = 7, .app_id = "SystemBackgroundJob"},
    };
    struct session_list list = {.sessions = sessions,
                                .count = sizeof sessions / sizeof sessions[0]};
    for (size_t i = 0; i < list.count; i++) {
        sessions[i].infobase = i == 5 ? other : infobase;
        sessions[i].user_name = sessions[i].host = sessions[i].infobase_name = "";
    }
    struct resolve_context context = {.infobase = infobase, .round = 1};
    struct resolution resolution = {0};
    struct error err;
    assert_int_equal(service_resolve(config, command, &context, &list, &resolution, &err), ERR_OK);
    static const uint32_t wanted[] = {4, 2, 3, 5}; /* the job waits for the next round */
    assert_int_equal(resolution.count, 4);
    uint32_t ending = 0;
    for (size_t i = 0; i < resolution.count; i++) {
        bool found = false;
        for (size_t k = 0; k < 4; k++)
            found |= resolution.rows[i].session->number == wanted[k];
        assert_true(found);
        ending += resolution.rows[i].verdict == TARGET_NONE;
    }
    assert_int_equal(ending, 3);
    assert_int_equal(resolution.rows[0].session->number, 4);
    assert_int_equal(resolution.rows[1].session->number, 2);
    resolution_release(&resolution);
}

static enum error_code resolve_two(struct session_list *list, struct error *err)
{
    struct resolve_context context = {.infobase = infobase, .round = 1};
    struct resolution resolution = {0};
    enum error_code code = service_resolve(config, command, &context, list, &resolution, err);
    resolution_release(&resolution);
    return code;
}

/* Whoever approves sees all of them: what is cut off would be ended without him. */
static void a_list_that_waits_for_an_approval_is_not_cut(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        size_t rows;
    } cases[] = {{"limits: {targets_per_command: 2}", 2},
                 {"limits: {targets_per_command: 2}\npolicy: {approve_above: 2}", 5},
                 {"limits: {targets_per_command: 2}\npolicy: {approve_above: 5}", 2}};
    struct session sessions[5];
    struct session_list list = {.sessions = sessions, .count = 5};
    for (uint32_t i = 0; i < 5; i++)
        sessions[i] = (struct session){.uuid = {{1, (uint8_t)i}},
                                       .number = i + 1,
                                       .app_id = "1CV8C",
                                       .infobase = infobase,
                                       .user_name = "u",
                                       .host = "",
                                       .infobase_name = ""};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct resolve_context context = {.infobase = infobase, .round = 1};
        struct resolution resolution = {0};
        struct error err;
        configure("", cases[i].yaml);
        assert_int_equal(service_resolve(config, command, &context, &list, &resolution, &err),
                         ERR_OK);
        assert_int_equal(resolution.count, cases[i].rows);
        resolution_release(&resolution);
    }
}

/* Protected ones do not count against "empty": who cannot be read would be called nobody. */
static void an_infobase_is_not_called_empty_over_somebody_who_cannot_be_read(void **state)
{
    (void)state;
    configure("", "");
    struct session sessions[] = {
        {.number = 1, .app_id = "1CV8C", .user_name = "u"},
        {.number = 2, .app_id = "1CV8C", .user_name = "\\xc8\\xe2", .unreadable = true},
    };
    struct session_list list = {.sessions = sessions, .count = 2};
    struct error err = {0};
    for (size_t i = 0; i < 2; i++) {
        sessions[i].infobase = infobase;
        sessions[i].host = sessions[i].infobase_name = "";
        sessions[i].reported = UINT64_MAX;
    }
    assert_int_equal(resolve_two(&list, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "number 2"));
    assert_non_null(strstr(err.message, "not UTF-8"));
    sessions[1].infobase = other; /* he keeps nobody out of another infobase */
    assert_int_equal(resolve_two(&list, &err), ERR_OK);
    sessions[1].infobase = infobase;
    sessions[1].app_id = "SrvrConsole"; /* never ended, whatever it is called */
    assert_int_equal(resolve_two(&list, &err), ERR_OK);
}

static struct filter *filter_of(const char *expression, struct arena *arena)
{
    struct filter *ret;
    struct error err;
    if (filter_parse(text_of(expression), arena, &ret, &err))
        fail_msg("%s", err.message);
    return ret;
}

static void who_cannot_be_read_is_left_out_of_account_only_by_what_surely_means_him(void **state)
{
    (void)state;
    configure("", "");
    AUTO(arena) arena = arena_create(1 << 20);
    struct session session = {.number = 2,
                              .infobase = infobase,
                              .infobase_name = "ut",
                              .app_id = "1CV8C",
                              .user_name = "\\xc8\\xe2",
                              .host = "",
                              .reported = UINT64_MAX,
                              .unreadable = true};
    struct session_list list = {.sessions = &session, .count = 1};
    struct error err = {0};
    command->options.exclude = filter_of("number = 2", arena);
    assert_int_equal(resolve_two(&list, &err), ERR_OK);
    command->options.exclude = filter_of("user != u", arena); /* he may be the one */
    assert_int_equal(resolve_two(&list, &err), ERR_UNSUPPORTED);
    command->options.exclude = NULL;
    command->action = ACTION_TERMINATE;
    command->options.until_empty = true;
    command->selector.kind = SELECTOR_FILTER;
    command->selector.filter = filter_of("user = u", arena);
    assert_int_equal(resolve_two(&list, &err), ERR_UNSUPPORTED);
    command->selector.filter = filter_of("user = u and number = 3", arena);
    assert_int_equal(resolve_two(&list, &err), ERR_OK);
    command->selector.filter = filter_of("user = u", arena);
    command->options.exclude = filter_of("number = 2", arena);
    assert_int_equal(resolve_two(&list, &err), ERR_OK);
}

/* How many rows; whether the list leaves somebody in doubt. */
static void leaves(struct session *session, size_t rows, bool doubt)
{
    struct resolve_context context = {.infobase = infobase, .round = 1};
    struct resolution resolution = {0};
    struct session_list list = {.sessions = session, .count = 1};
    struct error err = {0};
    if (service_resolve(config, command, &context, &list, &resolution, &err))
        fail_msg("%s", err.message);
    assert_int_equal(resolution.count, rows);
    assert_int_equal(resolution.doubt.code != ERR_OK, doubt);
    if (doubt)
        assert_non_null(strstr(resolution.doubt.message, "number 2"));
    resolution_release(&resolution);
}

/* The same by the policy and by the command; for drains and for until_empty. */
static void who_has_no_user_yet_is_neither_ended_nor_left_out_of_account(void **state) /* I7 I14 */
{
    (void)state;
    AUTO(arena) arena = arena_create(1 << 20);
    struct session session = {.number = 2,
                              .infobase = infobase,
                              .infobase_name = "ut",
                              .app_id = "1CV8C",
                              .user_name = "",
                              .host = "",
                              .reported = UINT64_MAX};
    struct session job = session;
    struct session designer = session;
    job.app_id = "BackgroundJob";
    designer.app_id = "Designer";
    for (int way = 0; way < 4; way++) {
        configure("", way & 1 ? "policy: {protected_users: [u]}" : "");
        command->options.exclude = way & 1 ? NULL : filter_of("user = u", arena);
        command->action = way & 2 ? ACTION_TERMINATE : ACTION_DRAIN;
        command->options.until_empty = way & 2;
        command->selector.kind = way & 2 ? SELECTOR_FILTER : SELECTOR_NONE;
        command->selector.filter = filter_of("infobase = ut", arena);
        command->options.dry_run = false;
        leaves(&session, 0, true);
        leaves(&designer, 1, false); /* stays, whoever it is */
        command->options.dry_run = true;
        leaves(&session, way == 2 ? 0 : 1, false);
        command->options.dry_run = false;
        command->options.exclude = filter_of("number = 2", arena);
        leaves(&session, way & 2 ? 0 : 1, false);
    }
    command->options.exclude = NULL;
    leaves(&job, 1, false); /* it is nobody's, and stays nobody's */
    configure("", "");
    leaves(&session, 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_lock_begins_by_the_clusters_own_clock_also_over_a_change_of_the_clocks, setup,
            teardown),
        cmocka_unit_test_setup_teardown(a_grace_over_the_hour_that_comes_twice_is_not_cut_short,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_message_has_the_layout_of_clients_and_the_parameter_names_the_command, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            an_infobase_that_the_policy_denies_by_uuid_is_not_locked_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_time_zone_there_is_no_later_begin, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_list_that_waits_for_an_approval_is_not_cut, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(people_come_first_the_idle_before_the_busy_and_jobs_last,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            an_infobase_is_not_called_empty_over_somebody_who_cannot_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(
            who_cannot_be_read_is_left_out_of_account_only_by_what_surely_means_him, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            who_has_no_user_yet_is_neither_ended_nor_left_out_of_account, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
