/* Time with a type: the calendar both ways, RFC 3339, and deadlines that never overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "base/clock.h"

static void every_day_of_eight_thousand_years_comes_back(void **state)
{
    (void)state;
    int64_t last = days_from_civil(9999, 12, 31);
    int64_t year = 1970;
    unsigned month = 1;
    unsigned day = 1;
    for (int64_t days = 0; days <= last; days++) {
        int64_t y;
        unsigned m;
        unsigned d;
        civil_from_days(days, &y, &m, &d);
        assert_int_equal(days_from_civil(y, m, d), days);
        if (days) { /* the day after the last one */
            bool same_month = y == year && m == month && d == day + 1;
            bool next_month = d == 1 && ((y == year && m == month + 1) ||
                                         (y == year + 1 && m == 1 && month == 12));
            assert_true(same_month || next_month);
        }
        year = y;
        month = m;
        day = d;
    }
    assert_int_equal(year, 9999);
    assert_int_equal(days_from_civil(1970, 1, 1), 0);
    assert_int_equal(days_from_civil(2000, 3, 1), 11017);
    assert_int_equal(days_from_civil(1, 1, 1), -719162);
}

static void times_are_those_of_the_c_library(void **state)
{
    (void)state;
    uint64_t random = 42;
    for (int i = 0; i < 20000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t ms = (int64_t)(random >> 1) % 253402300800000;
        time_t seconds = ms / 1000;
        struct tm parts;
        char wanted[64];
        gmtime_r(&seconds, &parts);
        size_t length = strftime(wanted, sizeof wanted, "%Y-%m-%dT%H:%M:%S", &parts);
        snprintf(wanted + length, sizeof wanted - length, ".%03dZ", (int)(ms % 1000));
        struct wall_text text = wall_format((struct wall){ms});
        assert_string_equal(text.text, wanted);
        struct wall back;
        assert_int_equal(wall_read(text_of(text.text), &back, NULL), ERR_OK);
        assert_int_equal(back.ms, ms);
    }
}

static void offsets_and_fractions_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"2026-11-21T18:30:00Z", 1795285800000},
        {"2026-11-21T21:30:00+03:00", 1795285800000},
        {"2026-11-21t13:00:00-05:30", 1795285800000},
        {"2026-11-21 18:30:00z", 1795285800000},
        {"2026-11-21T18:30:00.5Z", 1795285800500},
        {"2026-11-21T18:30:00.123456789Z", 1795285800123},
        {"1970-01-01T00:00:00Z", 0},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"2000-02-29T00:00:00Z", 951782400000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wall wall = {-1};
        assert_int_equal(wall_read(text_of(rows[i].text), &wall, NULL), ERR_OK);
        assert_int_equal(wall.ms, rows[i].ms);
    }
}

static void what_is_no_time_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "2026-11-21",
        "2026-11-21T18:30:00",
        "2026-11-21T18:30Z",
        "2026-11-21T18:30:00.Z",
        "2026-11-21T18:30:00.1234567890Z",
        "2026-11-21T18:30:00+3:00",
        "2026-11-21T18:30:00+24:00",
        "2026-11-21T18:30:00+03:60",
        "2026-11-21T18:30:00Zx",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "0026-11-21T18:30:00Z",
        "٢٠٢٦-11-21T18:30:00Z",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct wall wall = {-5};
        struct error err;
        assert_int_equal(wall_read(text_of(rows[i]), &wall, &err), ERR_INVALID);
        assert_int_equal(wall.ms, -5);
    }
}

static void any_number_formats_into_its_place(void **state)
{
    (void)state;
    static const int64_t rows[] = {INT64_MIN, -1, 0, 253402300800000, INT64_MAX};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(strlen(wall_format((struct wall){rows[i]}).text), WALL_TEXT_SIZE - 1);
}

static void a_deadline_that_overflows_never_comes(void **state)
{
    (void)state;
    struct instant now = {INT64_MAX - 5};
    assert_true(instant_add_ms(now, 1).ns == INSTANT_NEVER.ns);
    assert_true(instant_add_ms((struct instant){0}, INT64_MAX).ns == INSTANT_NEVER.ns);
    assert_true(instant_add_ms((struct instant){5}, 2).ns == 2000005);
    /* before the boot: the end of a watch, seen by a machine that was started since */
    assert_true(instant_add_ms((struct instant){-600000000000}, -1000).ns == -601000000000);
    assert_true(instant_add_ms((struct instant){-600000000000}, INT64_MAX).ns == INSTANT_NEVER.ns);
    assert_true(instant_add_ms((struct instant){0}, INT64_MIN).ns == INT64_MIN);
    assert_false(instant_passed(now, INSTANT_NEVER));
    assert_true(instant_passed(now, now));
    assert_int_equal(instant_ms_between((struct instant){0}, (struct instant){1999999}), 1);
    assert_true(instant_min(now, INSTANT_NEVER).ns == now.ns);
    assert_true(instant_max(now, INSTANT_NEVER).ns == INSTANT_NEVER.ns);
}

static void the_real_clocks_go_on(void **state)
{
    (void)state;
    struct clock clock = clock_real();
    struct instant first = clock_now(&clock);
    assert_false(instant_before(clock_now(&clock), first));
    assert_true(clock_wall(&clock).ms > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_eight_thousand_years_comes_back),
        cmocka_unit_test(times_are_those_of_the_c_library),
        cmocka_unit_test(offsets_and_fractions_are_read),
        cmocka_unit_test(what_is_no_time_is_refused_and_changes_nothing),
        cmocka_unit_test(any_number_formats_into_its_place),
        cmocka_unit_test(a_deadline_that_overflows_never_comes),
        cmocka_unit_test(the_real_clocks_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
