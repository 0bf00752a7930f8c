/* lane.h - one cluster's waiting line, so that a slow cluster delays nobody else (I10).
 *
 * Holds requests in arrival order and lets at most `in_flight` run at once and at most `per_minute`
 * END requests start in any minute (rate.h; burst: a tenth of a minute's worth, at least in_flight,
 * at most half of per_minute). Strictly first come, first served: a reading request goes
 * before END requests that came later and never before one that came earlier. A circuit breaker
 * opens after `breaker_failures` unreachable answers in a row (UNAVAILABLE, PROTOCOL, IN_DOUBT, or
 * AUTH at once): then one probe runs at a time, alone, first after a backoff that doubles from 0.5
 * s to 30 s, shortened by up to half at random (AUTH: 60 to 66 s, to spare the account). Any other
 * answer to a probe closes it; STALE, CONFIG, CANCELLED and DEADLINE say nothing about the
 * cluster. Pure: time is passed in, randomness comes from the seed; the simulation runs the same
 * lane. Bounded: a full lane answers ERR_FULL and nothing changed. Invariants: in flight <=
 * in_flight; a job is in one place. Puts, takes and expiries cost O(log waiting). */
#ifndef CLUSTER_LANE_H
#define CLUSTER_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "cluster/executor.h"
#include "cluster/rate.h"

struct lane;

struct lane_limits {
    uint32_t waiting_max;      /* requests, 1..200000 */
    uint32_t in_flight;        /* requests at once, 1..64; 1 keeps strict order */
    uint32_t per_minute;       /* END requests started, 1..1000000 */
    uint32_t breaker_failures; /* in a row, 1..100 */
    struct rate *estate; /* END requests of all lanes together; borrowed, NULL: no limit. A lane
                            that waits for it is not woken when another one leaves it more: look
                            again when it says */
    uint64_t seed;       /* of the jitter */
};

/* A request as it waits; copied in and out. `message` and the like stay borrowed. */
struct lane_job {
    struct executor_request request;
};

enum lane_breaker { LANE_CLOSED, LANE_OPEN, LANE_PROBING };

/* An empty lane; limits out of their ranges are a mistake of the caller. */
struct lane *lane_create(struct lane_limits limits);
/* The lane must hold no waiting job: take them out with lane_expire(lane, INSTANT_NEVER, ...) and
 * answer them. NULL is fine. */
void lane_destroy(struct lane *lane);
AUTO_TYPE(lane)
/* New limits from a reload; jobs in flight above a lower limit finish. */
void lane_set_limits(struct lane *lane, struct lane_limits limits);
/* Something may have changed (new credentials): an open lane asks at once whether its cluster
 * answers. */
void lane_try_again(struct lane *lane, struct instant now);
enum error_code lane_put(struct lane *lane, const struct lane_job *job,
                         struct error *err) MUST_CHECK;
/* The next job that may start at `now`, counted as in flight from here on. False: none now. Never a
 * job whose time is over: while lane_expire() has one, that comes first. */
bool lane_take(struct lane *lane, struct instant now, struct lane_job *ret);
/* Takes out one waiting job whose time is over, so that the caller can answer it without it having
 * been sent: a changing one past `send_by` (answer ERR_STALE), any past `deadline`
 * (ERR_UNAVAILABLE). Earliest first. False: none. */
bool lane_expire(struct lane *lane, struct instant now, struct lane_job *ret);
/* A job that lane_take() gave out has its reply. */
void lane_done(struct lane *lane, struct instant now, enum error_code code);
/* When lane_take() or lane_expire() may have something next; INSTANT_NEVER when only lane_done() or
 * lane_put() can change that. */
struct instant lane_wake(const struct lane *lane, struct instant now);
uint32_t lane_waiting(const struct lane *lane);
uint32_t lane_in_flight(const struct lane *lane);
enum lane_breaker lane_breaker(const struct lane *lane);

#endif
