/* Time zones: what a wall clock's time means, around every kind of change, against glibc as the
 * judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/zone.h"
#include "base/zone_rule.h"

#include "tests/support/gen.h"

static struct zone *zone_of(const char *name)
{
    struct zone *zone;
    struct error err;
    if (zone_load(text_of(name), &zone, &err))
        fail_msg("%s", err.message);
    return zone;
}

static int64_t utc_ms(const char *text)
{
    struct wall wall;
    struct error err;
    if (wall_read(text_of(text), &wall, &err))
        fail_msg("%s: %s", text, err.message);
    return wall.ms;
}

/* What `local`, written as if it were UTC, means in the zone. */
static void means(const char *name, const char *local, const char *from, const char *until)
{
    AUTO(zone) zone = zone_of(name);
    struct wall_span span = zone_read(zone, utc_ms(local));
    assert_string_equal(wall_format(span.from).text, wall_format((struct wall){utc_ms(from)}).text);
    assert_string_equal(wall_format(span.until).text,
                        wall_format((struct wall){utc_ms(until)}).text);
}

static void a_time_far_from_a_change_means_one_moment(void **state)
{
    (void)state;
    means("UTC", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z");
    means("Europe/Moscow", "2026-03-01T12:00:00.250Z", "2026-03-01T09:00:00.250Z",
          "2026-03-01T09:00:00.250Z");
    means("Asia/Kathmandu", "2026-03-01T12:00:00Z", "2026-03-01T06:15:00Z", "2026-03-01T06:15:00Z");
    means("Etc/GMT-3", "2026-07-01T12:00:00Z", "2026-07-01T09:00:00Z", "2026-07-01T09:00:00Z");
    means("America/St_Johns", "2026-01-15T12:00:00Z", "2026-01-15T15:30:00Z",
          "2026-01-15T15:30:00Z");
}

static void the_hour_that_comes_twice_means_both(void **state)
{
    (void)state;
    means("Europe/Berlin", "2026-10-25T01:59:59Z", "2026-10-24T23:59:59Z", "2026-10-24T23:59:59Z");
    means("Europe/Berlin", "2026-10-25T02:00:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z");
    means("Europe/Berlin", "2026-10-25T02:59:59Z", "2026-10-25T00:59:59Z", "2026-10-25T01:59:59Z");
    means("Europe/Berlin", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z");
    /* For good, from the table: Moscow went from +04 to +03. */
    means("Europe/Moscow", "2014-10-26T01:30:00Z", "2014-10-25T21:30:00Z", "2014-10-25T22:30:00Z");
    /* Half an hour only. */
    means("Australia/Lord_Howe", "2026-04-05T01:45:00Z", "2026-04-04T14:45:00Z",
          "2026-04-04T15:15:00Z");
}

static void the_hour_that_is_left_out_is_read_by_both_clocks(void **state)
{
    (void)state;
    means("Europe/Berlin", "2026-03-29T01:59:59Z", "2026-03-29T00:59:59Z", "2026-03-29T00:59:59Z");
    means("Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z");
    means("Europe/Berlin", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z");
    /* A whole day: Samoa crossed the date line. */
    means("Pacific/Apia", "2011-12-30T12:00:00Z", "2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z");
}

static void the_last_rule_holds_beyond_the_table(void **state)
{
    (void)state;
    means("Europe/Berlin", "2126-07-01T12:00:00Z", "2126-07-01T10:00:00Z", "2126-07-01T10:00:00Z");
    means("Europe/Berlin", "2126-01-01T12:00:00Z", "2126-01-01T11:00:00Z", "2126-01-01T11:00:00Z");
    means("Europe/Dublin", "2090-07-01T12:00:00Z", "2090-07-01T11:00:00Z", "2090-07-01T11:00:00Z");
    /* The southern summer goes over the turn of the year. */
    means("America/Santiago", "2091-01-01T00:30:00Z", "2091-01-01T03:30:00Z",
          "2091-01-01T03:30:00Z");
    means("Europe/Moscow", "2126-07-01T12:00:00Z", "2126-07-01T09:00:00Z", "2126-07-01T09:00:00Z");
}

static const char *const judged[] = {
    "Europe/Moscow",    "Europe/Berlin",      "Europe/London",       "Europe/Dublin",
    "America/New_York", "America/Santiago",   "Africa/Casablanca",   "Asia/Gaza",
    "Pacific/Apia",     "Antarctica/Troll",   "Australia/Lord_Howe", "America/Nuuk",
    "Asia/Tehran",      "Asia/Yekaterinburg", "Pacific/Kiritimati",  "Etc/GMT+12",
};

static void every_moment_has_the_offset_that_glibc_says(void **state)
{
    (void)state;
    struct gen gen = {20261121};
    const int64_t last = days_from_civil(2130, 1, 1) * 86400;
    for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++) {
        AUTO(zone) zone = zone_of(judged[i]);
        setenv("TZ", judged[i], 1);
        tzset();
        for (int n = 0; n < 3000; n++) {
            time_t at = (time_t)gen_below(&gen, (uint64_t)last);
            struct tm tm;
            localtime_r(&at, &tm);
            int32_t offset_s = zone_offset(zone, (struct wall){at * 1000});
            if (offset_s != tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, glibc says %ld", judged[i], (long long)at, offset_s,
                         tm.tm_gmtoff);
            /* ... and the clock's time of that moment means that moment, perhaps among others. */
            struct wall_span span = zone_read(zone, (at + offset_s) * 1000);
            assert_true(span.from.ms <= at * 1000 && at * 1000 <= span.until.ms);
            assert_int_equal(span.from.ms + zone_offset(zone, span.from) * 1000,
                             (at + offset_s) * 1000);
            assert_int_equal(span.until.ms + zone_offset(zone, span.until) * 1000,
                             (at + offset_s) * 1000);
        }
    }
    unsetenv("TZ");
    tzset();
}

/* Every second around each change of a few years: no time is without a meaning. */
static void every_local_time_around_a_change_means_something_near(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof judged / sizeof judged[0]; i++) {
        AUTO(zone) zone = zone_of(judged[i]);
        int64_t from = utc_ms("2010-01-01T00:00:00Z");
        for (int64_t local = from; local < from + 3 * 366 * 86400000LL; local += 600000) {
            struct wall_span span = zone_read(zone, local);
            assert_true(span.from.ms <= span.until.ms);
            assert_true(span.until.ms - span.from.ms <= 86400000);
            assert_true(span.from.ms > local - 27 * 3600000 &&
                        span.until.ms < local + 27 * 3600000);
        }
    }
}

static void names_that_lead_out_of_the_database_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       "/etc/passwd",    "../../../etc/passwd", "Mars/Base",
        "Europe", "Europe/Moscow ", "Europe/Mo\nscow"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct zone *zone;
        struct error err;
        assert_false(zone_exists(text_of(bad[i])));
        assert_int_equal(zone_load(text_of(bad[i]), &zone, &err), ERR_CONFIG);
    }
    assert_true(zone_exists(TEXT("UTC")));
    assert_true(zone_exists(TEXT("Europe/Moscow")));
}

static size_t file_of(const char *name, char *ret, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t length = fread(ret, 1, size, file);
    fclose(file);
    return length;
}

/* Each in memory of its own size, so that the address sanitizer sees a read behind the end. */
static enum error_code parse_copy(const char *bytes, size_t length)
{
    AUTO_FREE char *copy = mem_alloc(length + !length, 1);
    struct zone *zone = NULL;
    struct error err;
    memcpy(copy, bytes, length);
    enum error_code code = zone_parse((struct text){copy, length}, &zone, &err);
    zone_destroy(zone);
    return code;
}

static void a_file_that_is_cut_off_or_changed_is_refused_or_read_never_trusted(void **state)
{
    (void)state;
    static char bytes[ZONE_FILE_MAX];
    struct gen gen = {7};
    size_t length = file_of("Europe/Berlin", bytes, sizeof bytes);
    assert_int_equal(parse_copy(bytes, length), ERR_OK);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(parse_copy(bytes, cut), ERR_INVALID);
    for (int n = 0; n < 4000; n++) {
        size_t at = gen_below(&gen, length);
        char kept = bytes[at];
        bytes[at] = (char)gen_below(&gen, 256);
        (void)parse_copy(bytes, length);
        bytes[at] = kept;
    }
}

static void rules_are_read_to_the_last_character(void **state)
{
    (void)state;
    static const char *const good[] = {"UTC0",
                                       "<-03>3",
                                       "EST5EDT,M3.2.0,M11.1.0",
                                       "IST-1GMT0,M10.5.0,M3.5.0/1",
                                       "EET-2EEST,M3.4.4/50,M10.4.4/50",
                                       "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
                                       "XXX3EDT4,0/0,J365/23",
                                       "AAA-5:45:30"};
    static const char *const bad[] = {"",
                                      "U",
                                      "UTC",
                                      "UTC99",
                                      "EST5EDT",
                                      "EST5EDT,M3.2.0",
                                      "EST5EDT,M13.2.0,M11.1.0",
                                      "EST5EDT,M3.6.0,M11.1.0",
                                      "EST5EDT,M3.2.7,M11.1.0",
                                      "EST5EDT,J0,J365",
                                      "EST5EDT,366,J365",
                                      "<-03",
                                      "UTC0 ",
                                      "EST5EDT,M3.2.0/168,M11.1.0"};
    struct zone_rule rule;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!zone_rule_read(text_of(good[i]), &rule))
            fail_msg("'%s' is a rule", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (zone_rule_read(text_of(bad[i]), &rule))
            fail_msg("'%s' is no rule", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_far_from_a_change_means_one_moment),
        cmocka_unit_test(the_hour_that_comes_twice_means_both),
        cmocka_unit_test(the_hour_that_is_left_out_is_read_by_both_clocks),
        cmocka_unit_test(the_last_rule_holds_beyond_the_table),
        cmocka_unit_test(every_moment_has_the_offset_that_glibc_says),
        cmocka_unit_test(every_local_time_around_a_change_means_something_near),
        cmocka_unit_test(names_that_lead_out_of_the_database_are_none),
        cmocka_unit_test(a_file_that_is_cut_off_or_changed_is_refused_or_read_never_trusted),
        cmocka_unit_test(rules_are_read_to_the_last_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
