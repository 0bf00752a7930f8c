/* server_time.h - a moment as the cluster tells it: its own wall clock, without a zone.
 *
 * Compare such times only with times of the same cluster. RAS sends them as ticks of 1/10000 s
 * since 0001-01-01 in the proleptic Gregorian calendar; that form is kept. */
#ifndef MODEL_SERVER_TIME_H
#define MODEL_SERVER_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct server_time {
    int64_t ticks; /* 1/10000 s; 0 = none; at most SERVER_TIME_LAST */
};
#define SERVER_TIME_LAST 3155378975999999LL /* 9999-12-31T23:59:59.9999 */

enum { SERVER_TIME_SIZE = 26 };
struct server_time_text {
    char text[SERVER_TIME_SIZE];
};

/* `2026-03-01T12:30:45`, with a fraction only if there is one; the empty text for none. */
struct server_time_text server_time_format(struct server_time time);
/* Reads what server_time_format writes, to the tick; the empty text is none. Years 1..9999. */
enum error_code server_time_read(struct text text, struct server_time *ret,
                                 struct error *err) MUST_CHECK;
/* Milliseconds since 1970-01-01T00:00:00 of that clock, and the time that has so many. */
int64_t server_time_ms(struct server_time time);
struct server_time server_time_of_ms(int64_t ms);
static inline bool server_time_equal(struct server_time a, struct server_time b)
{
    return a.ticks == b.ticks;
}

#endif
