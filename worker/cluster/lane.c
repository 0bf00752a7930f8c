#include "cluster/lane.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/check.h"

enum {
    WAITING_LARGEST = 200000,
    IN_FLIGHT_LARGEST = 64,
    PER_MINUTE_LARGEST = 1000000,
    FAILURES_LARGEST = 100,
    HEAP_FIRST = 16,
    BACKOFF_FIRST_MS = 500,
    BACKOFF_LARGEST_MS = 30000,
    AUTH_BACKOFF_MS = 60000,
};

/* A waiting job stands in the queue, which gives the order, and in the heap, which gives the next
 * one whose time is over. */
struct node {
    TAILQ_ENTRY(node) link;
    struct lane_job job;
    struct instant expires;
    size_t place; /* in the heap */
};

struct lane {
    struct lane_limits limits;
    TAILQ_HEAD(, node) queue;
    struct node **heap; /* by `expires`, the earliest first; `waiting` of them */
    size_t heap_size;
    uint32_t waiting;
    uint32_t in_flight;

    struct rate rate; /* of END requests */

    enum lane_breaker breaker;
    uint32_t failures; /* in a row */
    int64_t backoff_ms;
    struct instant probe_at;
    uint64_t random;
};

/* ---- the heap ---- */

static void heap_place(struct lane *lane, size_t place, struct node *node)
{
    lane->heap[place] = node;
    node->place = place;
}

static void heap_up(struct lane *lane, size_t place)
{
    struct node *node = lane->heap[place];
    while (place > 0) {
        size_t above = (place - 1) / 2;
        if (!instant_before(node->expires, lane->heap[above]->expires))
            break;
        heap_place(lane, place, lane->heap[above]);
        place = above;
    }
    heap_place(lane, place, node);
}

static void heap_down(struct lane *lane, size_t place)
{
    struct node *node = lane->heap[place];
    for (;;) {
        size_t below = 2 * place + 1;
        if (below >= lane->waiting)
            break;
        if (below + 1 < lane->waiting &&
            instant_before(lane->heap[below + 1]->expires, lane->heap[below]->expires))
            below++;
        if (!instant_before(lane->heap[below]->expires, node->expires))
            break;
        heap_place(lane, place, lane->heap[below]);
        place = below;
    }
    heap_place(lane, place, node);
}

static void heap_add(struct lane *lane, struct node *node)
{
    if (lane->waiting == lane->heap_size) {
        lane->heap_size = lane->heap_size ? 2 * lane->heap_size : HEAP_FIRST;
        lane->heap = mem_resize(lane->heap, lane->heap_size, sizeof *lane->heap);
    }
    heap_place(lane, lane->waiting, node);
    lane->waiting++;
    heap_up(lane, node->place);
}

static void heap_remove(struct lane *lane, struct node *node)
{
    size_t place = node->place;
    CHECK(place < lane->waiting);
    CHECK(lane->heap[place] == node);
    lane->waiting--;
    struct node *last = lane->heap[lane->waiting];
    if (last == node)
        return;
    heap_place(lane, place, last);
    heap_up(lane, place);
    heap_down(lane, last->place);
}

/* ---- life ---- */

static void check_limits(const struct lane_limits *limits)
{
    CHECK(limits->waiting_max >= 1);
    CHECK(limits->waiting_max <= WAITING_LARGEST);
    CHECK(limits->in_flight >= 1);
    CHECK(limits->in_flight <= IN_FLIGHT_LARGEST);
    CHECK(limits->per_minute >= 1);
    CHECK(limits->per_minute <= PER_MINUTE_LARGEST);
    CHECK(limits->breaker_failures >= 1);
    CHECK(limits->breaker_failures <= FAILURES_LARGEST);
}

struct lane *lane_create(struct lane_limits limits)
{
    check_limits(&limits);
    struct lane *lane = mem_new(struct lane);
    lane->limits = limits;
    rate_set(&lane->rate, limits.per_minute, limits.in_flight);
    lane->random = limits.seed;
    TAILQ_INIT(&lane->queue);
    return lane;
}

void lane_destroy(struct lane *lane)
{
    if (!lane)
        return;
    CHECK(lane->waiting == 0);
    CHECK(TAILQ_EMPTY(&lane->queue));
    free(lane->heap);
    free(lane);
}

void lane_set_limits(struct lane *lane, struct lane_limits limits)
{
    check_limits(&limits);
    lane->limits = limits;
    rate_set(&lane->rate, limits.per_minute, limits.in_flight);
}

void lane_try_again(struct lane *lane, struct instant now)
{
    if (lane->breaker == LANE_OPEN)
        lane->probe_at = instant_min(lane->probe_at, now);
}

/* ---- in and out ---- */

enum error_code lane_put(struct lane *lane, const struct lane_job *job, struct error *err)
{
    if (lane->waiting >= lane->limits.waiting_max)
        return error_set(err, ERR_FULL, "%u requests wait for this cluster already", lane->waiting);
    struct node *node = mem_new(struct node);
    node->job = *job;
    node->expires = executor_request_until(&job->request);
    TAILQ_INSERT_TAIL(&lane->queue, node, link);
    heap_add(lane, node);
    return ERR_OK;
}

static void take_out(struct lane *lane, struct node *node, struct lane_job *ret)
{
    TAILQ_REMOVE(&lane->queue, node, link);
    heap_remove(lane, node);
    *ret = node->job;
    free(node);
}

static bool has_expired(const struct lane *lane, struct instant now)
{
    return lane->waiting && instant_passed(now, lane->heap[0]->expires);
}

bool lane_expire(struct lane *lane, struct instant now, struct lane_job *ret)
{
    if (!has_expired(lane, now))
        return false;
    take_out(lane, lane->heap[0], ret);
    return true;
}

/* ---- tokens ---- */

static struct instant token_at(const struct lane *lane)
{
    struct instant at = rate_at(&lane->rate);
    return lane->limits.estate ? instant_max(at, rate_at(lane->limits.estate)) : at;
}

static void token_take(struct lane *lane, struct instant now)
{
    rate_take(&lane->rate, now);
    if (lane->limits.estate)
        rate_take(lane->limits.estate, now);
}

/* ---- taking ---- */

/* When may the first waiting job start, if no reply comes before? INSTANT_NEVER: not without one.
 */
static struct instant next_start(const struct lane *lane)
{
    const struct node *first = TAILQ_FIRST(&lane->queue);
    if (!first || lane->in_flight >= lane->limits.in_flight)
        return INSTANT_NEVER;
    struct instant at = {INT64_MIN};
    if (lane->breaker != LANE_CLOSED) {
        if (lane->in_flight > 0) /* the probe, or what ran when the breaker opened */
            return INSTANT_NEVER;
        at = lane->probe_at;
    }
    return first->job.request.op == EXECUTOR_END ? instant_max(at, token_at(lane)) : at;
}

bool lane_take(struct lane *lane, struct instant now, struct lane_job *ret)
{
    if (has_expired(lane, now) || !instant_passed(now, next_start(lane)) || !lane->waiting)
        return false;
    take_out(lane, TAILQ_FIRST(&lane->queue), ret);
    if (ret->request.op == EXECUTOR_END)
        token_take(lane, now);
    if (lane->breaker != LANE_CLOSED)
        lane->breaker = LANE_PROBING;
    lane->in_flight++;
    CHECK(lane->in_flight <= lane->limits.in_flight);
    CHECK(lane->breaker != LANE_PROBING || lane->in_flight == 1);
    return true;
}

struct instant lane_wake(const struct lane *lane, struct instant now)
{
    if (!lane->waiting)
        return INSTANT_NEVER;
    struct instant at = instant_min(lane->heap[0]->expires, next_start(lane));
    return instant_max(at, now);
}

/* ---- the breaker ---- */

enum evidence { ANSWERS, SILENT, REFUSES_US, SAYS_NOTHING };

static enum evidence evidence_of(enum error_code code)
{
    switch (code) {
    case ERR_UNAVAILABLE:
    case ERR_PROTOCOL:
    case ERR_IN_DOUBT:
        return SILENT;
    case ERR_AUTH:
        return REFUSES_US;
    case ERR_STALE: /* nothing was sent, so nothing was learnt */
    case ERR_CONFIG:
    case ERR_CANCELLED:
    case ERR_DEADLINE:
        return SAYS_NOTHING;
    default:
        return ANSWERS;
    }
}

/* splitmix64: any seed will do, zero too. */
static uint64_t draw(struct lane *lane)
{
    lane->random += 0x9E3779B97F4A7C15u;
    uint64_t z = lane->random;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* The whole backoff is shortened by up to half, so that many workers do not come back together. */
static void open_for(struct lane *lane, struct instant now, int64_t backoff_ms)
{
    int64_t less = (int64_t)(draw(lane) % (uint64_t)(backoff_ms / 2 + 1));
    lane->breaker = LANE_OPEN;
    lane->probe_at = instant_add_ms(now, backoff_ms - less);
}

static void open_for_auth(struct lane *lane, struct instant now)
{
    lane->breaker = LANE_OPEN;
    lane->probe_at =
        instant_add_ms(now, AUTH_BACKOFF_MS + (int64_t)(draw(lane) % (AUTH_BACKOFF_MS / 10)));
}

static void on_silence(struct lane *lane, struct instant now)
{
    lane->failures++;
    switch (lane->breaker) {
    case LANE_CLOSED:
        if (lane->failures < lane->limits.breaker_failures)
            return;
        lane->backoff_ms = BACKOFF_FIRST_MS;
        break;
    case LANE_PROBING:
        lane->backoff_ms = lane->backoff_ms ? 2 * lane->backoff_ms : BACKOFF_FIRST_MS;
        if (lane->backoff_ms > BACKOFF_LARGEST_MS)
            lane->backoff_ms = BACKOFF_LARGEST_MS;
        break;
    case LANE_OPEN: /* what ran when it opened fails as well: known already */
        return;
    }
    open_for(lane, now, lane->backoff_ms);
}

void lane_done(struct lane *lane, struct instant now, enum error_code code)
{
    CHECK(lane->in_flight > 0);
    lane->in_flight--;
    switch (evidence_of(code)) {
    case ANSWERS:
        if (lane->breaker == LANE_OPEN) /* late news; the probe decides */
            break;
        lane->breaker = LANE_CLOSED;
        lane->failures = 0;
        lane->backoff_ms = 0;
        break;
    case SILENT:
        on_silence(lane, now);
        break;
    case REFUSES_US:
        open_for_auth(lane, now);
        break;
    case SAYS_NOTHING: /* a probe that never left: the next one after the same backoff */
        if (lane->breaker == LANE_PROBING)
            open_for(lane, now, lane->backoff_ms ? lane->backoff_ms : BACKOFF_FIRST_MS);
        break;
    }
}

uint32_t lane_waiting(const struct lane *lane)
{
    return lane->waiting;
}

uint32_t lane_in_flight(const struct lane *lane)
{
    return lane->in_flight;
}

enum lane_breaker lane_breaker(const struct lane *lane)
{
    return lane->breaker;
}
