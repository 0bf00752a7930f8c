/* clock.h - time with a type, so that milliseconds and seconds, boot time and wall time cannot mix.
 *
 * struct instant   boot clock (counts suspend): every deadline and every age.
 * struct wall      milliseconds since 1970 UTC: records, events and what the broker says; never a
 * deadline. The real clock is passed in by service/; the simulation passes its own. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct instant {
    int64_t ns; /* since boot */
};

struct wall {
    int64_t ms; /* since 1970-01-01T00:00:00Z; 0 = not known */
};

struct clock {
    struct instant (*now)(void *self);
    struct wall (*wall)(void *self);
    void *self;
};

#define INSTANT_NEVER ((struct instant){INT64_MAX})

/* CLOCK_BOOTTIME and CLOCK_REALTIME. */
struct clock clock_real(void);

static inline struct instant clock_now(const struct clock *clock)
{
    return clock->now(clock->self);
}
static inline struct wall clock_wall(const struct clock *clock)
{
    return clock->wall(clock->self);
}
/* `at` may lie before the boot: what a record says may have come to its end then. */
static inline struct instant instant_add_ms(struct instant at, int64_t ms)
{
    int64_t ns;
    if (__builtin_mul_overflow(ms, INT64_C(1000000), &ns) || __builtin_add_overflow(at.ns, ns, &ns))
        return (struct instant){ms > 0 ? INT64_MAX : INT64_MIN};
    return (struct instant){ns};
}
static inline bool instant_before(struct instant a, struct instant b)
{
    return a.ns < b.ns;
}
/* Has `deadline` come? */
static inline bool instant_passed(struct instant now, struct instant deadline)
{
    return now.ns >= deadline.ns;
}
static inline struct instant instant_min(struct instant a, struct instant b)
{
    return a.ns < b.ns ? a : b;
}
static inline struct instant instant_max(struct instant a, struct instant b)
{
    return a.ns > b.ns ? a : b;
}
/* From `from` to `to`, in milliseconds, rounded down; negative when `to` is earlier. */
static inline int64_t instant_ms_between(struct instant from, struct instant to)
{
    return (to.ns - from.ns) / 1000000;
}

enum { WALL_TEXT_SIZE = 25 }; /* 2026-11-21T12:00:00.000Z and a zero */
struct wall_text {
    char text[WALL_TEXT_SIZE];
};
/* RFC 3339 in UTC with milliseconds. */
struct wall_text wall_format(struct wall wall);
/* RFC 3339 with any offset; a date alone is ERR_INVALID. Years 1970..9999. */
enum error_code wall_read(struct text text, struct wall *ret, struct error *err) MUST_CHECK;

/* Proleptic Gregorian days since 1970-01-01, and back. `month` 1..12, `day` 1..31. */
int64_t days_from_civil(int64_t year, unsigned month, unsigned day);
void civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif
