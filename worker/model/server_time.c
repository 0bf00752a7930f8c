#include "model/server_time.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define TICKS_PER_SECOND 10000LL
#define TICKS_AT_1970 621355968000000LL
/* wall_read knows the years since 1970. The calendar repeats itself every 400 years, of 146097
 * days; 2000 years later it knows every year that a cluster can tell. */
#define YEARS_ADDED 2000
#define TICKS_ADDED (5 * 146097 * (86400 * TICKS_PER_SECOND))

struct server_time_text server_time_format(struct server_time time)
{
    struct server_time_text ret = {""};
    if (time.ticks == 0)
        return ret;
    int64_t since_1970 = time.ticks - TICKS_AT_1970;
    int64_t seconds = since_1970 / TICKS_PER_SECOND;
    int64_t fraction = since_1970 % TICKS_PER_SECOND;
    if (fraction < 0) {
        fraction += TICKS_PER_SECOND;
        seconds--;
    }
    struct wall_text wall = wall_format((struct wall){seconds * 1000});
    memcpy(ret.text, wall.text, 19);
    if (fraction)
        snprintf(ret.text + 19, sizeof ret.text - 19, ".%04d", (int)fraction);
    return ret;
}

/* Moves a year before 1970 to where wall_read knows it; the ticks to take off again. */
static int64_t shift_year(char year[static 4])
{
    unsigned value = 0;
    for (size_t i = 0; i < 4; i++) {
        if (year[i] < '0' || year[i] > '9')
            return 0; /* wall_read says so */
        value = value * 10 + (unsigned)(year[i] - '0');
    }
    if (value == 0 || value >= 1970)
        return 0;
    year[0] = (char)(year[0] + YEARS_ADDED / 1000);
    return TICKS_ADDED;
}

enum error_code server_time_read(struct text text, struct server_time *ret, struct error *err)
{
    if (text.length == 0) {
        ret->ticks = 0;
        return ERR_OK;
    }
    char zoned[40];
    if (text.length < 4 || text.length + 2 > sizeof zoned)
        return error_set(err, ERR_INVALID, "not a cluster time like 2026-11-21T18:30:00");
    memcpy(zoned, text.at, text.length);
    zoned[text.length] = 'Z';
    int64_t shift = shift_year(zoned);
    struct wall wall;
    if (text.at[text.length - 1] == 'Z' ||
        wall_read((struct text){zoned, text.length + 1}, &wall, NULL))
        return error_set(err, ERR_INVALID, "not a cluster time like 2026-11-21T18:30:00 (no zone)");
    int64_t tenth = 0; /* the fourth digit of the fraction, which wall_read drops */
    if (text.length > 23 && text.at[19] == '.')
        tenth = text.at[23] - '0';
    ret->ticks = wall.ms * 10 + tenth + TICKS_AT_1970 - shift;
    return ERR_OK;
}

int64_t server_time_ms(struct server_time time)
{
    return (time.ticks - TICKS_AT_1970) / 10;
}

struct server_time server_time_of_ms(int64_t ms)
{
    return (struct server_time){ms * 10 + TICKS_AT_1970};
}
