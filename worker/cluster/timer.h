/* timer.h - a libuv timer by an absolute time of a clock that may be another than the loop's. */
#ifndef CLUSTER_TIMER_H
#define CLUSTER_TIMER_H

#include <uv.h>

#include "base/clock.h"

enum { TIMER_MAX_MS = 3600 * 1000 };

/* Calls `call` once, when `at` has come or after an hour, whichever is first: it looks at the
 * clock, and may find that it has to go on waiting. INSTANT_NEVER: after an hour. */
static inline void timer_until(uv_timer_t *timer, uv_timer_cb call, struct instant now,
                               struct instant at)
{
    /* Rounded up: not a moment early, or it would be called again for the rest. */
    int64_t ms = instant_before(now, at) ? instant_ms_between(now, at) + 1 : 0;
    uv_timer_start(timer, call, (uint64_t)(ms < TIMER_MAX_MS ? ms : TIMER_MAX_MS), 0);
}

#endif
