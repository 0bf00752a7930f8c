/* While a drain holds its infobase its lock is read from time to time: one that is taken away is
 * told, and not set again (I9). */
#include "by_hand.h"

#include "engine/hold.h"

enum { LOOK_MS = 60000, HOLD_MS = 3600000 };

static const struct infobase_lock as_found = {.infobase = {{0xba, 0x5e}},
                                              .denied_message = (char *)(uintptr_t) "last month"};

/* It holds, `there` people having been there: 0 or 1. */
static struct hand *holding_after(uint8_t id, size_t there)
{
    struct hand *hand = hand_create();
    hand_set_lock(hand, &as_found);
    hand_own(hand);
    hand_world(hand, there, 7u);
    hand_accept(hand, drain(id, 0, HOLD_MS));
    hand_run_for(hand, LOOK_MS);
    assert_true(hand->lock.sessions_deny);
    assert_int_equal(engine_counts(hand->engine).locks_held, 1);
    return hand;
}

static struct hand *holding(uint8_t id)
{
    return holding_after(id, 0);
}

/* Somebody lets people in again, and leaves the words. */
static void let_in(struct hand *hand)
{
    hand->lock.sessions_deny = false;
}

static uint32_t lost(const struct hand *hand)
{
    return engine_counts(hand->engine).locks_lost;
}

static void whom_a_held_drain_ended_keep_nobody_else_waiting(void **state) /* I10, I13 */
{
    (void)state;
    AUTO(hand) hand = holding_after(1, 1);
    struct engine_counts counts = engine_counts(hand->engine);
    assert_int_equal(counts.open_targets, 0);
    assert_int_equal(counts.kept_targets, 1);
    hand->config.open_targets_max = 1;
    engine_configure(hand->engine, &hand->config);
    assert_true(engine_wants(hand->engine));
    hand->config.kept_targets_max = 1; /* their memory is bounded all the same */
    engine_configure(hand->engine, &hand->config);
    assert_int_equal(engine_bound_reached(hand->engine), ENGINE_BOUND_KEPT);
    hand_run_for(hand, HOLD_MS);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    assert_int_equal(engine_counts(hand->engine).kept_targets, 0);
    assert_true(engine_wants(hand->engine));
}

static void a_lock_that_is_taken_away_in_a_hold_is_told_once_and_not_set_again(void **state)
{
    (void)state;
    AUTO(hand) hand = holding(1);
    uint32_t writes = hand->lock_writes;
    hand_told_of_no_lock(hand);
    let_in(hand);
    hand_run_for(hand, LOOK_MS + 1000);
    hand_told_of_lock(hand, ENGINE_LOCK_LOST, 1);
    assert_int_equal(lost(hand), 1);
    hand_run_for(hand, 5 * LOOK_MS);
    hand_told_of_no_lock(hand);
    assert_int_equal(hand->lock_writes, writes);
    assert_false(hand->lock.sessions_deny);
    hand->lock.sessions_deny = true;
    hand_run_for(hand, LOOK_MS + 1000);
    hand_told_of_lock(hand, ENGINE_LOCK_FOUND, 1);
    assert_int_equal(lost(hand), 0);
    hand_run(hand);
    hand_told_of_no_lock(hand);
    assert_true(infobase_lock_equal(&hand->lock, &as_found));
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void one_that_is_gone_at_the_end_of_the_hold_is_given_back_as_ever(void **state)
{
    (void)state;
    AUTO(hand) hand = holding(1);
    let_in(hand);
    hand_run(hand);
    hand_told_of_lock(hand, ENGINE_LOCK_LOST, 1);
    hand_told_of_no_lock(hand);
    assert_int_equal(lost(hand), 0);
    assert_true(infobase_lock_equal(&hand->lock, &as_found));
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 1);
}

static void somebody_elses_lock_that_keeps_people_out_is_none_that_is_lost(void **state)
{
    (void)state;
    AUTO(hand) hand = holding(1);
    struct infobase_lock others = infobase_lock_copy(&hand->lock);
    free(others.denied_message);
    others.denied_message = mem_text("repairs", 7);
    hand_set_lock(hand, &others);
    hand_run(hand);
    hand_told_of_no_lock(hand);
    assert_true(infobase_lock_same_sessions(&hand->lock, &others));
    infobase_lock_release(&others);
}

/* A later drain locks anew, and has a share of the same hold. */
static void another_drain_sets_a_lock_of_its_own(void **state)
{
    (void)state;
    AUTO(hand) hand = holding(1);
    let_in(hand);
    hand_run_for(hand, LOOK_MS + 1000);
    hand_told_of_lock(hand, ENGINE_LOCK_LOST, 1);
    hand_accept(hand, drain(2, 0, HOLD_MS));
    hand_run_for(hand, LOOK_MS + 1000);
    assert_true(hand->lock.sessions_deny);
    hand_told_of_lock(hand, ENGINE_LOCK_FOUND, 1);
    assert_int_equal(lost(hand), 0);
    hand_run(hand);
    hand_told_of_no_lock(hand);
}

static void the_next_owner_looks_at_once_and_tells_it_too(void **state)
{
    (void)state;
    AUTO(hand) hand = holding(1);
    let_in(hand);
    hand_restart(hand, -1);
    hand_own(hand);
    hand_run_for(hand, 1000);
    hand_told_of_lock(hand, ENGINE_LOCK_LOST, 1);
    assert_int_equal(lost(hand), 1);
}

/* Looks that fail say nothing, and giving back does not take them for its own. */
static void looks_that_fail_lose_nothing(void **state)
{
    (void)state;
    AUTO(hand) hand = holding(1);
    hand->cluster_down = true;
    hand_run_for(hand, 10 * LOOK_MS);
    hand->cluster_down = false;
    hand->infobase_gone = true;
    hand_run_for(hand, 10 * LOOK_MS);
    hand_told_of_no_lock(hand);
    assert_int_equal(lost(hand), 0);
    hand->infobase_gone = false;
    assert_true(hand_cancel(hand, 1));
    hand_run(hand);
    assert_true(infobase_lock_equal(&hand->lock, &as_found));
    assert_int_equal(hand_count(hand, RECORD_RESTORED), 1);
}

static void what_keeps_people_and_jobs_out_is_judged_by_what_it_does(void **state)
{
    (void)state;
    const struct infobase_lock during = {
        .sessions_deny = true, .scheduled_jobs_deny = true, .denied_from = {1000}};
    struct infobase_lock seen = during;
    assert_true(hold_keeps_out(&seen, &during));
    seen.denied_from.ticks = 0;
    assert_true(hold_keeps_out(&seen, &during)); /* stricter */
    seen.denied_from.ticks = 1001;
    assert_false(hold_keeps_out(&seen, &during));
    seen = during;
    seen.denied_to.ticks = 5000;
    assert_false(hold_keeps_out(&seen, &during)); /* it ends by itself */
    seen = during;
    seen.scheduled_jobs_deny = false;
    assert_false(hold_keeps_out(&seen, &during));
    seen = during;
    seen.sessions_deny = false;
    assert_false(hold_keeps_out(&seen, &during));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(whom_a_held_drain_ended_keep_nobody_else_waiting),
        cmocka_unit_test(a_lock_that_is_taken_away_in_a_hold_is_told_once_and_not_set_again),
        cmocka_unit_test(one_that_is_gone_at_the_end_of_the_hold_is_given_back_as_ever),
        cmocka_unit_test(somebody_elses_lock_that_keeps_people_out_is_none_that_is_lost),
        cmocka_unit_test(another_drain_sets_a_lock_of_its_own),
        cmocka_unit_test(the_next_owner_looks_at_once_and_tells_it_too),
        cmocka_unit_test(looks_that_fail_lose_nothing),
        cmocka_unit_test(what_keeps_people_and_jobs_out_is_judged_by_what_it_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
