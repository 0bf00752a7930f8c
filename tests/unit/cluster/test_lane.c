/* One cluster's waiting line: order, bounds, rate, breaker, and that lanes know nothing of each
 * other (I10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cluster/lane.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60000 };

static const struct lane_limits usual = {
    .waiting_max = 100, .in_flight = 8, .per_minute = 600, .breaker_failures = 3, .seed = 7};

static struct instant at_ms(int64_t ms)
{
    return instant_add_ms((struct instant){1000000000}, ms);
}

static struct lane_job job(enum executor_op op, uint64_t tag)
{
    return (struct lane_job){
        {.op = op, .tag = tag, .send_by = INSTANT_NEVER, .deadline = INSTANT_NEVER}};
}

static void put(struct lane *lane, enum executor_op op, uint64_t tag)
{
    struct lane_job one = job(op, tag);
    assert_int_equal(lane_put(lane, &one, NULL), ERR_OK);
}

static uint64_t take(struct lane *lane, struct instant now)
{
    struct lane_job one;
    return lane_take(lane, now, &one) ? one.request.tag : 0;
}

static void empty(struct lane *lane)
{
    struct lane_job one;
    while (lane_expire(lane, INSTANT_NEVER, &one))
        ;
    assert_int_equal(lane_waiting(lane), 0);
}

/* Takes and answers `times` jobs with `code`, all at `now`. */
static void answer(struct lane *lane, struct instant now, enum error_code code, int times)
{
    for (int i = 0; i < times; i++) {
        put(lane, EXECUTOR_LIST, 1);
        assert_int_not_equal(take(lane, now), 0);
        lane_done(lane, now, code);
    }
}

static void jobs_leave_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    AUTO(lane) lane = lane_create(usual);
    static const enum executor_op ops[] = {EXECUTOR_LIST, EXECUTOR_END, EXECUTOR_INFO,
                                           EXECUTOR_END,  EXECUTOR_END, EXECUTOR_LIST};
    for (uint64_t i = 0; i < 6; i++)
        put(lane, ops[i], i + 1);
    for (uint64_t i = 0; i < 6; i++)
        assert_int_equal(take(lane, at_ms(0)), i + 1);
    assert_int_equal(take(lane, at_ms(0)), 0);
}

static void a_full_lane_refuses_and_keeps_its_order(void **state)
{
    (void)state;
    struct lane_limits limits = usual;
    limits.waiting_max = 2;
    AUTO(lane) lane = lane_create(limits);
    put(lane, EXECUTOR_LIST, 1);
    put(lane, EXECUTOR_LIST, 2);
    struct lane_job third = job(EXECUTOR_LIST, 3);
    struct error err;
    assert_int_equal(lane_put(lane, &third, &err), ERR_FULL);
    assert_int_equal(lane_waiting(lane), 2);
    assert_int_equal(take(lane, at_ms(0)), 1);
    assert_int_equal(lane_put(lane, &third, &err), ERR_OK);
    assert_int_equal(take(lane, at_ms(0)), 2);
    assert_int_equal(take(lane, at_ms(0)), 3);
}

static void in_flight_never_exceeds_its_limit(void **state)
{
    (void)state;
    struct lane_limits limits = usual;
    limits.in_flight = 2;
    AUTO(lane) lane = lane_create(limits);
    for (uint64_t i = 1; i <= 3; i++)
        put(lane, EXECUTOR_INFO, i);
    assert_int_equal(take(lane, at_ms(0)), 1);
    assert_int_equal(take(lane, at_ms(0)), 2);
    assert_int_equal(take(lane, at_ms(0)), 0);
    assert_int_equal(lane_in_flight(lane), 2);
    assert_int_equal(lane_wake(lane, at_ms(0)).ns, INSTANT_NEVER.ns);
    lane_done(lane, at_ms(1), ERR_OK);
    assert_int_equal(take(lane, at_ms(1)), 3);
}

static void a_lower_limit_lets_what_runs_finish(void **state)
{
    (void)state;
    AUTO(lane) lane = lane_create(usual);
    for (uint64_t i = 1; i <= 5; i++)
        put(lane, EXECUTOR_INFO, i);
    for (int i = 0; i < 4; i++)
        take(lane, at_ms(0));
    struct lane_limits lower = usual;
    lower.in_flight = 1;
    lane_set_limits(lane, lower);
    for (int i = 0; i < 3; i++) {
        lane_done(lane, at_ms(1), ERR_OK);
        assert_int_equal(take(lane, at_ms(1)), 0);
    }
    lane_done(lane, at_ms(1), ERR_OK);
    assert_int_equal(take(lane, at_ms(1)), 5);
}

/* Starts as many ENDs as the lane lets, as early as it lets, for three minutes; counts any window.
 */
static void check_rate(uint32_t per_minute, uint32_t in_flight)
{
    enum { STARTS_MAX = 4000 };
    static int64_t starts[STARTS_MAX];
    size_t count = 0;
    struct lane_limits limits = usual;
    limits.per_minute = per_minute;
    limits.in_flight = in_flight;
    AUTO(lane) lane = lane_create(limits);
    struct instant now = at_ms(0);
    while (instant_before(now, at_ms(3LL * MINUTE_MS)) && count < STARTS_MAX) {
        put(lane, EXECUTOR_END, 1);
        now = lane_wake(lane, now);
        assert_int_equal(take(lane, now), 1);
        lane_done(lane, now, ERR_OK);
        starts[count++] = now.ns;
    }
    assert_true(count < STARTS_MAX);
    for (size_t i = per_minute; i < count; i++)
        assert_true(starts[i] - starts[i - per_minute] >= (int64_t)MINUTE_MS * 1000000);
    assert_true(count >= per_minute); /* slow is no way to keep the promise */
}

static void no_minute_holds_more_ends_than_allowed(void **state)
{
    (void)state;
    check_rate(1, 8);
    check_rate(2, 1);
    check_rate(8, 8);
    check_rate(60, 8);
    check_rate(61, 64);
    check_rate(600, 8);
    check_rate(1000, 1);
}

static void all_lanes_together_keep_the_estates_limit(void **state)
{
    (void)state;
    enum { LIMIT = 20, JOBS = 60, LANES = 3 };
    struct rate estate = {0};
    rate_set(&estate, LIMIT, 1);
    struct lane_limits limits = usual;
    limits.estate = &estate;
    struct lane *lanes[LANES];
    int64_t ends[LANES * JOBS];
    size_t count = 0;
    for (int i = 0; i < LANES; i++) {
        lanes[i] = lane_create(limits);
        for (uint64_t tag = 1; tag <= JOBS; tag++)
            put(lanes[i], EXECUTOR_END, tag);
    }
    for (int64_t ms = 0; count < LANES * JOBS; ms += 100)
        for (int i = 0; i < LANES; i++)
            if (take(lanes[i], at_ms(ms))) {
                lane_done(lanes[i], at_ms(ms), ERR_OK);
                ends[count++] = ms;
            }
    for (size_t i = 0; i + LIMIT < count; i++)
        assert_true(ends[i + LIMIT] - ends[i] >= MINUTE_MS);
    assert_true(ends[count - 1] < (LANES * JOBS / LIMIT + 1) * 2 * MINUTE_MS); /* it is used */
    for (int i = 0; i < LANES; i++)
        lane_destroy(lanes[i]);
}

static void a_share_below_one_lets_one_through_in_its_time(void **state)
{
    (void)state;
    struct rate rate = {0};
    rate_set(&rate, 0.5, 1);
    assert_true(instant_passed(at_ms(0), rate_at(&rate)));
    rate_take(&rate, at_ms(0));
    assert_false(instant_passed(at_ms(2 * MINUTE_MS - 1), rate_at(&rate)));
    assert_true(instant_passed(at_ms(2 * MINUTE_MS + 1), rate_at(&rate)));
}

static void a_tenth_of_a_minutes_ends_may_start_at_once(void **state)
{
    (void)state;
    struct lane_limits limits = usual;
    limits.in_flight = 64;
    limits.per_minute = 1000;
    AUTO(lane) lane = lane_create(limits);
    int started = 0;
    for (int i = 0; i < 120; i++) {
        if (lane_waiting(lane) == 0)
            put(lane, EXECUTOR_END, 1);
        if (!take(lane, at_ms(0)))
            break;
        lane_done(lane, at_ms(0), ERR_OK);
        started++;
    }
    assert_int_equal(started, 100);
    assert_true(lane_wake(lane, at_ms(0)).ns > at_ms(0).ns);
    empty(lane);
}

static void reading_costs_no_tokens(void **state)
{
    (void)state;
    struct lane_limits limits = usual;
    limits.per_minute = 1;
    AUTO(lane) lane = lane_create(limits);
    answer(lane, at_ms(0), ERR_OK, 50);
}

static void a_list_never_overtakes_an_earlier_end(void **state)
{
    (void)state;
    struct lane_limits limits = usual;
    limits.per_minute = 1;
    AUTO(lane) lane = lane_create(limits);
    put(lane, EXECUTOR_END, 1);
    put(lane, EXECUTOR_END, 2);
    put(lane, EXECUTOR_LIST, 3);
    assert_int_equal(take(lane, at_ms(0)), 1);
    assert_int_equal(take(lane, at_ms(1)), 0);
    assert_int_equal(lane_wake(lane, at_ms(1)).ns, at_ms(MINUTE_MS).ns);
    assert_int_equal(take(lane, at_ms(MINUTE_MS)), 2);
    assert_int_equal(take(lane, at_ms(MINUTE_MS)), 3);
}

static void an_end_past_its_send_by_never_leaves(void **state)
{
    (void)state;
    AUTO(lane) lane = lane_create(usual);
    struct lane_job one = job(EXECUTOR_END, 1);
    one.request.send_by = at_ms(100);
    one.request.deadline = at_ms(500);
    assert_int_equal(lane_put(lane, &one, NULL), ERR_OK);
    struct lane_job list = job(EXECUTOR_LIST, 2);
    list.request.send_by = at_ms(0); /* means nothing for a reading request */
    assert_int_equal(lane_put(lane, &list, NULL), ERR_OK);
    struct lane_job out;
    assert_false(lane_expire(lane, at_ms(99), &out));
    assert_int_equal(take(lane, at_ms(100)), 0);
    assert_true(lane_expire(lane, at_ms(100), &out));
    assert_int_equal(out.request.tag, 1);
    assert_false(lane_expire(lane, at_ms(100), &out));
    assert_int_equal(take(lane, at_ms(100)), 2);
}

static void expired_jobs_come_out_earliest_first_from_any_place(void **state)
{
    (void)state;
    enum { JOBS = 100 };
    AUTO(lane) lane = lane_create(usual);
    uint64_t random = 1;
    for (uint64_t i = 0; i < JOBS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        struct lane_job one = job(EXECUTOR_LIST, i + 1);
        one.request.deadline = at_ms(1 + (int64_t)(random >> 33) % 1000);
        assert_int_equal(lane_put(lane, &one, NULL), ERR_OK);
    }
    for (int i = 0; i < 8; i++) /* removed from the middle of the heap */
        assert_int_equal(take(lane, at_ms(0)), i + 1);
    struct lane_job out;
    int64_t last = 0;
    for (int i = 8; i < JOBS; i++) {
        struct instant wake = lane_wake(lane, at_ms(0));
        assert_true(lane_expire(lane, wake, &out));
        assert_true(out.request.deadline.ns == wake.ns);
        assert_true(out.request.deadline.ns >= last);
        last = out.request.deadline.ns;
    }
    assert_int_equal(lane_waiting(lane), 0);
}

static void the_breaker_opens_after_failures_in_a_row_only(void **state)
{
    (void)state;
    AUTO(lane) lane = lane_create(usual);
    answer(lane, at_ms(0), ERR_UNAVAILABLE, 2);
    answer(lane, at_ms(0), ERR_GONE, 1);
    answer(lane, at_ms(0), ERR_PROTOCOL, 1);
    answer(lane, at_ms(0), ERR_STALE, 1); /* says nothing: neither a failure nor an answer */
    answer(lane, at_ms(0), ERR_IN_DOUBT, 1);
    assert_int_equal(lane_breaker(lane), LANE_CLOSED);
    answer(lane, at_ms(0), ERR_UNAVAILABLE, 1);
    assert_int_equal(lane_breaker(lane), LANE_OPEN);
    put(lane, EXECUTOR_LIST, 9);
    assert_int_equal(take(lane, at_ms(0)), 0);
    empty(lane);
}

static void an_open_breaker_lets_one_probe_through_and_its_answer_closes_it(void **state)
{
    (void)state;
    AUTO(lane) lane = lane_create(usual);
    answer(lane, at_ms(0), ERR_UNAVAILABLE, 3);
    put(lane, EXECUTOR_LIST, 1);
    put(lane, EXECUTOR_LIST, 2);
    struct instant wake = lane_wake(lane, at_ms(0));
    assert_in_range(instant_ms_between(at_ms(0), wake), 250, 500);
    assert_int_equal(take(lane, wake), 1);
    assert_int_equal(lane_breaker(lane), LANE_PROBING);
    assert_int_equal(take(lane, wake), 0);
    assert_int_equal(lane_wake(lane, wake).ns, INSTANT_NEVER.ns);
    lane_done(lane, wake, ERR_REFUSED);
    assert_int_equal(lane_breaker(lane), LANE_CLOSED);
    assert_int_equal(take(lane, wake), 2);
}

static void the_backoff_doubles_to_thirty_seconds_with_jitter(void **state)
{
    (void)state;
    AUTO(lane) lane = lane_create(usual);
    answer(lane, at_ms(0), ERR_UNAVAILABLE, 3);
    struct instant now = at_ms(0);
    int64_t whole_ms = 500;
    int differing = 0;
    for (int i = 0; i < 12; i++) {
        put(lane, EXECUTOR_LIST, 1);
        struct instant wake = lane_wake(lane, now);
        int64_t wait_ms = instant_ms_between(now, wake);
        assert_in_range(wait_ms, whole_ms / 2, whole_ms);
        differing += wait_ms != whole_ms;
        assert_int_equal(take(lane, wake), 1);
        lane_done(lane, wake, ERR_UNAVAILABLE);
        now = wake;
        whole_ms = whole_ms < 15000 ? 2 * whole_ms : 30000;
    }
    assert_true(differing > 6);
}

static void the_same_seed_gives_the_same_jitter_and_another_another(void **state)
{
    (void)state;
    struct instant wakes[3];
    for (int i = 0; i < 3; i++) {
        struct lane_limits limits = usual;
        limits.seed = i == 2 ? 8 : 7;
        AUTO(lane) lane = lane_create(limits);
        answer(lane, at_ms(0), ERR_UNAVAILABLE, 3);
        put(lane, EXECUTOR_LIST, 1);
        wakes[i] = lane_wake(lane, at_ms(0));
        empty(lane);
    }
    assert_true(wakes[0].ns == wakes[1].ns);
    assert_true(wakes[0].ns != wakes[2].ns);
}

static void refused_credentials_open_the_breaker_at_once_for_a_minute(void **state)
{
    (void)state;
    AUTO(lane) lane = lane_create(usual);
    answer(lane, at_ms(0), ERR_AUTH, 1);
    assert_int_equal(lane_breaker(lane), LANE_OPEN);
    put(lane, EXECUTOR_LIST, 1);
    struct instant wake = lane_wake(lane, at_ms(0));
    assert_in_range(instant_ms_between(at_ms(0), wake), 60 * SECOND_MS, 66 * SECOND_MS);
    empty(lane);
}

static void a_probe_waits_until_what_ran_before_has_ended(void **state)
{
    (void)state;
    AUTO(lane) lane = lane_create(usual);
    for (uint64_t i = 1; i <= 6; i++)
        put(lane, EXECUTOR_LIST, i);
    for (int i = 0; i < 4; i++)
        take(lane, at_ms(0));
    for (int i = 0; i < 3; i++)
        lane_done(lane, at_ms(0), ERR_UNAVAILABLE);
    assert_int_equal(lane_breaker(lane), LANE_OPEN);
    assert_int_equal(take(lane, at_ms(MINUTE_MS)), 0);
    lane_done(lane, at_ms(MINUTE_MS), ERR_OK); /* late news: the probe decides */
    assert_int_equal(lane_breaker(lane), LANE_OPEN);
    assert_int_equal(take(lane, at_ms(MINUTE_MS)), 5);
    assert_int_equal(lane_breaker(lane), LANE_PROBING);
    empty(lane);
}

static void a_probe_that_was_never_sent_opens_no_longer_backoff(void **state)
{
    (void)state;
    AUTO(lane) lane = lane_create(usual);
    answer(lane, at_ms(0), ERR_UNAVAILABLE, 3);
    struct instant now = at_ms(0);
    for (int i = 0; i < 5; i++) {
        put(lane, EXECUTOR_LIST, 1);
        struct instant wake = lane_wake(lane, now);
        assert_in_range(instant_ms_between(now, wake), 250, 500);
        assert_int_equal(take(lane, wake), 1);
        lane_done(lane, wake, ERR_STALE);
        assert_int_equal(lane_breaker(lane), LANE_OPEN);
        now = wake;
    }
}

static void an_open_breaker_still_expires_what_waits(void **state)
{
    (void)state;
    AUTO(lane) lane = lane_create(usual);
    answer(lane, at_ms(0), ERR_AUTH, 1);
    struct lane_job one = job(EXECUTOR_LIST, 5);
    one.request.deadline = at_ms(SECOND_MS);
    assert_int_equal(lane_put(lane, &one, NULL), ERR_OK);
    assert_int_equal(lane_wake(lane, at_ms(0)).ns, at_ms(SECOND_MS).ns);
    struct lane_job out;
    assert_true(lane_expire(lane, at_ms(SECOND_MS), &out));
    assert_int_equal(out.request.tag, 5);
}

/* They share the estate's limit: 60 may start at once, 8 hang, 92 wait, and 50 are another's. */
static void a_hung_cluster_takes_nothing_from_another(void **state)
{
    (void)state;
    struct rate estate = {0};
    rate_set(&estate, 600, 1);
    struct lane_limits limits = usual;
    limits.estate = &estate;
    AUTO(lane) hung = lane_create(limits);
    AUTO(lane) healthy = lane_create(limits);
    for (uint64_t i = 1; i <= 100; i++)
        put(hung, EXECUTOR_END, i);
    uint32_t begun = 0;
    while (take(hung, at_ms(0)))
        begun++;
    assert_int_equal(begun, limits.in_flight);
    for (uint64_t i = 1; i <= 50; i++) {
        put(healthy, EXECUTOR_END, i);
        assert_int_equal(take(hung, at_ms(0)), 0); /* asked again in each pass */
        assert_int_equal(lane_wake(healthy, at_ms(0)).ns, at_ms(0).ns);
        assert_int_equal(take(healthy, at_ms(0)), i);
        lane_done(healthy, at_ms(0), ERR_OK);
    }
    empty(hung);
}

static void an_empty_lane_needs_no_waking(void **state)
{
    (void)state;
    AUTO(lane) lane = lane_create(usual);
    assert_int_equal(lane_wake(lane, at_ms(0)).ns, INSTANT_NEVER.ns);
    answer(lane, at_ms(0), ERR_AUTH, 1);
    assert_int_equal(lane_wake(lane, at_ms(0)).ns, INSTANT_NEVER.ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_leave_in_the_order_in_which_they_came),
        cmocka_unit_test(a_full_lane_refuses_and_keeps_its_order),
        cmocka_unit_test(in_flight_never_exceeds_its_limit),
        cmocka_unit_test(a_lower_limit_lets_what_runs_finish),
        cmocka_unit_test(no_minute_holds_more_ends_than_allowed),
        cmocka_unit_test(all_lanes_together_keep_the_estates_limit),
        cmocka_unit_test(a_share_below_one_lets_one_through_in_its_time),
        cmocka_unit_test(a_tenth_of_a_minutes_ends_may_start_at_once),
        cmocka_unit_test(reading_costs_no_tokens),
        cmocka_unit_test(a_list_never_overtakes_an_earlier_end),
        cmocka_unit_test(an_end_past_its_send_by_never_leaves),
        cmocka_unit_test(expired_jobs_come_out_earliest_first_from_any_place),
        cmocka_unit_test(the_breaker_opens_after_failures_in_a_row_only),
        cmocka_unit_test(an_open_breaker_lets_one_probe_through_and_its_answer_closes_it),
        cmocka_unit_test(the_backoff_doubles_to_thirty_seconds_with_jitter),
        cmocka_unit_test(the_same_seed_gives_the_same_jitter_and_another_another),
        cmocka_unit_test(refused_credentials_open_the_breaker_at_once_for_a_minute),
        cmocka_unit_test(a_probe_waits_until_what_ran_before_has_ended),
        cmocka_unit_test(a_probe_that_was_never_sent_opens_no_longer_backoff),
        cmocka_unit_test(an_open_breaker_still_expires_what_waits),
        cmocka_unit_test(a_hung_cluster_takes_nothing_from_another),
        cmocka_unit_test(an_empty_lane_needs_no_waking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
