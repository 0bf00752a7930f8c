#include "cluster/rate.h"

#include "base/check.h"

static const double minute_ns = 60e9;

void rate_set(struct rate *rate, double per_minute, int64_t at_once)
{
    CHECK(per_minute >= 0);
    if (per_minute == 0) {
        rate->interval_ns = 0;
        rate->burst = 1;
        return;
    }
    /* A burst of at most half a minute's worth, or a low rate would be all burst and no rate. */
    int64_t burst = (int64_t)(per_minute / 10);
    if (burst < at_once)
        burst = at_once;
    if (burst > (int64_t)(per_minute / 2))
        burst = (int64_t)(per_minute / 2);
    if (burst < 1)
        burst = 1;
    double parts = per_minute - (double)burst + 1;
    rate->burst = burst;
    rate->interval_ns = (int64_t)(minute_ns / parts);
    if ((double)rate->interval_ns * parts < minute_ns)
        rate->interval_ns++; /* rounded up */
}

struct instant rate_at(const struct rate *rate)
{
    return (struct instant){rate->from.ns - (rate->burst - 1) * rate->interval_ns};
}

void rate_take(struct rate *rate, struct instant now)
{
    rate->from = instant_max(rate->from, now);
    rate->from.ns += rate->interval_ns;
}
