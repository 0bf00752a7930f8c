/* rate.h - at most so many in any minute: a token bucket. Pure; time is passed in.
 *
 * Kept as a "theoretical arrival time": ahead of now by what was used of the burst. A bucket lets
 * through its burst and then one per interval; with a minute divided by (per_minute - burst + 1),
 * no minute ever holds more than per_minute. Below one a minute it lets one through per interval.
 */
#ifndef CLUSTER_RATE_H
#define CLUSTER_RATE_H

#include "base/clock.h"

struct rate {
    int64_t interval_ns; /* 0: no limit */
    int64_t burst;
    struct instant from;
};

/* `per_minute` above 0, or 0 for no limit; `at_once`: what should be able to go at once, as long as
 * it is not more than half a minute's worth. What was used of the old rate stays used. */
void rate_set(struct rate *rate, double per_minute, int64_t at_once);
/* The next one may go then; in the past when at once. */
struct instant rate_at(const struct rate *rate);
void rate_take(struct rate *rate, struct instant now);

#endif
