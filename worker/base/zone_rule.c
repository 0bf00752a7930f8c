#include "base/zone_rule.h"

#include <string.h>

#include "base/clock.h"

enum { DAY_S = 86400, HOURS_MAX = 167, OFFSET_HOURS_MAX = 24 };

/* ---- reading ---- */

struct cursor {
    const char *at;
    const char *end;
};

static bool take(struct cursor *cursor, char wanted)
{
    if (cursor->at == cursor->end || *cursor->at != wanted)
        return false;
    cursor->at++;
    return true;
}

static bool read_number(struct cursor *cursor, unsigned max, unsigned *ret)
{
    const char *from = cursor->at;
    unsigned value = 0;
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9' && value <= max)
        value = value * 10 + (unsigned)(*cursor->at++ - '0');
    *ret = value;
    return cursor->at > from && value <= max;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* "MSK" or "<+03>"; what the clock is called does not matter here. */
static bool skip_name(struct cursor *cursor)
{
    const char *from = cursor->at;
    if (take(cursor, '<')) {
        while (cursor->at < cursor->end && *cursor->at != '>')
            cursor->at++;
        return take(cursor, '>');
    }
    while (cursor->at < cursor->end && is_letter(*cursor->at))
        cursor->at++;
    return cursor->at - from >= 3;
}

/* [+-]hh[:mm[:ss]], in seconds */
static bool read_time(struct cursor *cursor, unsigned hours_max, int32_t *ret)
{
    bool negative = take(cursor, '-');
    unsigned hours, minutes = 0, seconds = 0;
    if (!negative)
        take(cursor, '+');
    if (!read_number(cursor, hours_max, &hours))
        return false;
    if (take(cursor, ':') && !read_number(cursor, 59, &minutes))
        return false;
    if (minutes && take(cursor, ':') && !read_number(cursor, 59, &seconds))
        return false;
    int32_t value = (int32_t)(hours * 3600 + minutes * 60 + seconds);
    *ret = negative ? -value : value;
    return true;
}

static bool read_day(struct cursor *cursor, struct zone_date *ret)
{
    if (take(cursor, 'J')) {
        ret->kind = ZONE_DATE_JULIAN;
        return read_number(cursor, 365, &ret->day) && ret->day >= 1;
    }
    if (!take(cursor, 'M')) {
        ret->kind = ZONE_DATE_DAY;
        return read_number(cursor, 365, &ret->day);
    }
    ret->kind = ZONE_DATE_WEEKDAY;
    return read_number(cursor, 12, &ret->month) && ret->month >= 1 && take(cursor, '.') &&
           read_number(cursor, 5, &ret->week) && ret->week >= 1 && take(cursor, '.') &&
           read_number(cursor, 6, &ret->day);
}

static bool read_date(struct cursor *cursor, struct zone_date *ret)
{
    ret->second_s = 2 * 3600;
    if (!take(cursor, ',') || !read_day(cursor, ret))
        return false;
    return !take(cursor, '/') || read_time(cursor, HOURS_MAX, &ret->second_s);
}

bool zone_rule_read(struct text text, struct zone_rule *ret)
{
    struct cursor cursor = {text.at, text.at + text.length};
    struct zone_rule rule = {0};
    int32_t west_s; /* POSIX counts west of Greenwich */
    if (!skip_name(&cursor) || !read_time(&cursor, OFFSET_HOURS_MAX, &west_s))
        return false;
    rule.standard_s = -west_s;
    if (cursor.at < cursor.end) {
        rule.changes = true;
        rule.summer_s = rule.standard_s + 3600;
        if (!skip_name(&cursor))
            return false;
        if (cursor.at < cursor.end && *cursor.at != ',') {
            if (!read_time(&cursor, OFFSET_HOURS_MAX, &west_s))
                return false;
            rule.summer_s = -west_s;
        }
        if (!read_date(&cursor, &rule.to_summer) || !read_date(&cursor, &rule.to_standard))
            return false;
    }
    *ret = rule;
    return cursor.at == cursor.end;
}

/* ---- using ---- */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970. */
static int64_t date_in(const struct zone_date *date, int64_t year)
{
    int64_t january = days_from_civil(year, 1, 1);
    if (date->kind == ZONE_DATE_DAY)
        return january + date->day;
    if (date->kind == ZONE_DATE_JULIAN)
        return january + date->day - 1 + (is_leap(year) && date->day > 59);
    int64_t first = days_from_civil(year, date->month, 1);
    int64_t next = date->month == 12 ? days_from_civil(year + 1, 1, 1)
                                     : days_from_civil(year, date->month + 1, 1);
    int64_t weekday = ((first % 7) + 7 + 4) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (date->day + 7 - weekday) % 7 + 7 * ((int64_t)date->week - 1);
    while (day >= next)
        day -= 7;
    return day;
}

int32_t zone_rule_offset(const struct zone_rule *rule, int64_t at, int64_t *ret_until)
{
    *ret_until = INT64_MAX;
    if (!rule->changes)
        return rule->standard_s;
    int64_t days = (at - (((at % DAY_S) + DAY_S) % DAY_S)) / DAY_S;
    int64_t year;
    unsigned month, day;
    civil_from_days(days, &year, &month, &day);
    /* The last change at or before `at` holds: a year early, because a change may be told from the
     * year before or after by the offset. */
    int64_t since = INT64_MIN;
    int32_t offset_s = rule->standard_s;
    for (int64_t y = year - 1; y <= year + 2; y++) {
        int64_t summer =
            date_in(&rule->to_summer, y) * DAY_S + rule->to_summer.second_s - rule->standard_s;
        int64_t standard =
            date_in(&rule->to_standard, y) * DAY_S + rule->to_standard.second_s - rule->summer_s;
        if (summer <= at && summer >= since) {
            since = summer;
            offset_s = rule->summer_s;
        }
        if (standard <= at && standard >= since) {
            since = standard;
            offset_s = rule->standard_s;
        }
        if (summer > at && summer < *ret_until)
            *ret_until = summer;
        if (standard > at && standard < *ret_until)
            *ret_until = standard;
    }
    return offset_s;
}
