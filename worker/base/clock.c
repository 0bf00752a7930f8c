#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/check.h"

static const int64_t WALL_LAST_MS = 253402300799999; /* 9999-12-31T23:59:59.999Z */

static struct instant real_now(void *self)
{
    (void)self;
    struct timespec at;
    int failed = clock_gettime(CLOCK_BOOTTIME, &at);
    CHECK(!failed);
    return (struct instant){(int64_t)at.tv_sec * 1000000000 + at.tv_nsec};
}

static struct wall real_wall(void *self)
{
    (void)self;
    struct timespec at;
    int failed = clock_gettime(CLOCK_REALTIME, &at);
    CHECK(!failed);
    return (struct wall){(int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000};
}

struct clock clock_real(void)
{
    return (struct clock){real_now, real_wall, NULL};
}

/* Howard Hinnant's public-domain calendar algorithms ("chrono-compatible low-level date
 * algorithms"): years begin in March, so the leap day is the last one of a year. */
int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year =
        (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static void put_two(char *at, unsigned value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

/* Every record and event has several times: no printf here. */
struct wall_text wall_format(struct wall wall)
{
    int64_t ms = wall.ms;
    int64_t days = ms / 86400000;
    int64_t rest = ms % 86400000;
    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    int64_t year;
    unsigned month;
    unsigned day;
    civil_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999)
        year = 9999;
    unsigned second = (unsigned)(rest / 1000);
    unsigned thousandth = (unsigned)(rest % 1000);
    struct wall_text ret = {"0000-00-00T00:00:00.000Z"};
    put_two(ret.text, (unsigned)year / 100);
    put_two(ret.text + 2, (unsigned)year % 100);
    put_two(ret.text + 5, month);
    put_two(ret.text + 8, day);
    put_two(ret.text + 11, second / 3600);
    put_two(ret.text + 14, second / 60 % 60);
    put_two(ret.text + 17, second % 60);
    put_two(ret.text + 20, thousandth / 10);
    ret.text[22] = (char)('0' + thousandth % 10);
    return ret;
}

/* Reads exactly `count` digits at `*at` and moves on. */
static bool digits(struct text text, size_t *at, size_t count, unsigned *ret)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++, (*at)++) {
        if (*at >= text.length || text.at[*at] < '0' || text.at[*at] > '9')
            return false;
        value = value * 10 + (unsigned)(text.at[*at] - '0');
    }
    *ret = value;
    return true;
}

static bool literal(struct text text, size_t *at, const char *any_of)
{
    if (*at >= text.length)
        return false;
    for (; *any_of; any_of++)
        if (text.at[*at] == *any_of) {
            (*at)++;
            return true;
        }
    return false;
}

static unsigned month_days(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Fraction digits into milliseconds; digits beyond the third are read and dropped. */
static bool fraction_ms(struct text text, size_t *at, unsigned *ret)
{
    unsigned ms = 0;
    size_t count = 0;
    while (*at < text.length && text.at[*at] >= '0' && text.at[*at] <= '9') {
        if (count < 3)
            ms = ms * 10 + (unsigned)(text.at[*at] - '0');
        count++;
        (*at)++;
    }
    for (size_t i = count; i < 3; i++)
        ms *= 10;
    *ret = ms;
    return count >= 1 && count <= 9;
}

static bool zone_minutes(struct text text, size_t *at, int *ret)
{
    if (literal(text, at, "Zz")) {
        *ret = 0;
        return true;
    }
    bool west = *at < text.length && text.at[*at] == '-';
    unsigned hours;
    unsigned minutes;
    if (!literal(text, at, "+-") || !digits(text, at, 2, &hours) || !literal(text, at, ":") ||
        !digits(text, at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    int sum = (int)(hours * 60 + minutes);
    *ret = west ? -sum : sum;
    return true;
}

enum error_code wall_read(struct text text, struct wall *ret, struct error *err)
{
    size_t at = 0;
    unsigned year;
    unsigned month;
    unsigned day;
    unsigned hour;
    unsigned minute;
    unsigned second;
    unsigned ms = 0;
    int zone;
    bool good =
        digits(text, &at, 4, &year) && literal(text, &at, "-") && digits(text, &at, 2, &month) &&
        literal(text, &at, "-") && digits(text, &at, 2, &day) && literal(text, &at, "Tt ") &&
        digits(text, &at, 2, &hour) && literal(text, &at, ":") && digits(text, &at, 2, &minute) &&
        literal(text, &at, ":") && digits(text, &at, 2, &second);
    if (good && literal(text, &at, "."))
        good = fraction_ms(text, &at, &ms);
    good = good && zone_minutes(text, &at, &zone) && at == text.length;
    if (!good || year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > month_days(year, month) || hour > 23 || minute > 59 || second > 59)
        return error_set(err, ERR_INVALID,
                         "not a time like 2026-11-21T18:30:00Z or 2026-11-21T21:30:00+03:00");
    int64_t minutes_of_day = (int64_t)hour * 60 + minute - zone;
    int64_t sum = days_from_civil(year, month, day) * 86400000 + minutes_of_day * 60000 +
                  (int64_t)second * 1000 + ms;
    if (sum < 0 || sum > WALL_LAST_MS) /* by its offset before 1970 or after 9999 */
        return error_set(err, ERR_INVALID, "a time outside the years 1970 to 9999");
    ret->ms = sum;
    return ERR_OK;
}
