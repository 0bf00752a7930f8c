/* Drains, graces, restores and stops in orders that nobody plans. Whatever the order: nobody is
 * ended without need, the lock comes back as it was, and every command closes. */
#include "by_hand.h"

static const struct infobase_lock as_found = {.infobase = {{0xba, 0x5e}},
                                              .denied_from = {639000000000000},
                                              .denied_to = {639000600000000},
                                              .denied_message = (char *)(uintptr_t) "last month"};

static struct hand *owner(size_t sessions)
{
    struct hand *hand = hand_create();
    hand_own(hand);
    hand_set_lock(hand, &as_found);
    hand_world(hand, sessions, 7u, 8u);
    return hand;
}

/* Until `kind` is about to leave, which is not carried out. */
static struct engine_action run_until(struct hand *hand, enum engine_action_kind kind)
{
    struct engine_action action;
    for (int turn = 0; turn < TURNS_MAX; turn++) {
        while (hand_next(hand, &action)) {
            if (action.kind == kind)
                return action;
            hand_carry_out(hand, &action);
        }
        int64_t wake = instant_ms_between(hand->now, engine_wake(hand->engine)) + 1;
        hand_pass(hand, wake > 0 ? wake : 1);
    }
    fail_msg("no action of kind %d", (int)kind);
    return action;
}

static uint32_t restore(struct hand *hand)
{
    return engine_give_back(hand->engine, "main", "ut", hand->wall, &people, hand->now);
}

static void all_is_over(struct hand *hand)
{
    hand_run(hand);
    assert_true(infobase_lock_equal(&hand->lock, &as_found));
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static enum event_kind last_event(const struct hand *hand)
{
    return hand_told(hand);
}

static void a_restore_in_a_round_stops_whatever_was_not_sent(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(2);
    hand_accept(hand, drain(1, 0, 100000));
    struct engine_action end = run_until(hand, ENGINE_END);
    assert_int_equal(restore(hand), 1);
    assert_false(engine_allows(hand->engine, ENGINE_END, end.tag));
    hand_end(hand, end.tag, ERR_STALE, false);
    struct engine_action other;
    while (hand_next(hand, &other)) {
        if (other.kind == ENGINE_END)
            hand_end(hand, other.tag, ERR_STALE, false);
        else
            hand_carry_out(hand, &other);
    }
    all_is_over(hand);
    assert_int_equal(hand->world_count, 2);
    assert_int_equal(last_event(hand), EVENT_CANCELLED);
}

static void the_kill_switch_does_not_end_a_hold_nor_keep_it_longer(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(2);
    hand_accept(hand, drain(1, 0, 100000));
    hand_run_for(hand, 60000);
    assert_int_equal(hand->world_count, 0);
    engine_halt(hand->engine, true, hand->now);
    hand_run_for(hand, 20000);
    assert_true(hand->lock.sessions_deny);
    all_is_over(hand);
    assert_int_equal(last_event(hand), EVENT_COMPLETED);
}

static void an_infobase_that_is_dropped_in_the_grace_ends_the_drain(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(2);
    hand_accept(hand, drain(1, 60000, 100000));
    hand_run_for(hand, 30000);
    hand->infobase_gone = true;
    hand_world(hand, 0);
    hand_run(hand);
    assert_int_equal(hand->ends, 0);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    assert_int_equal(engine_counts(hand->engine).locks_held, 0);
}

static void a_terminate_with_a_grace_and_a_drain_go_their_own_ways(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(2);
    struct command *filter = by_filter(2);
    filter->options.grace_ms = 120000;
    hand_accept(hand, drain(1, 30000, 5000));
    hand_run_for(hand, 10000);
    hand_offer(hand, filter);
    hand_run_for(hand, 15000);
    assert_int_equal(hand->ends, 0);
    hand_run_for(hand, 30000);
    assert_int_equal(hand->ends, 2); /* by the drain, whose grace was shorter; once each */
    all_is_over(hand);
    assert_int_equal(hand->ends, 2);
}

static void a_drain_that_waits_for_its_approval_beside_a_hold_locks_for_itself_later(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(2);
    hand_accept(hand, drain(1, 0, 60000));
    hand_run_for(hand, 30000);
    assert_int_equal(hand->world_count, 0);
    hand->approve_above = 1;
    hand->config.drains_ask = true;
    engine_configure(hand->engine, &hand->config);
    hand_world(hand, 2, 11u, 12u); /* with the permission code */
    struct command *second = drain(2, 0, 60000);
    second->requested_by = "asker";
    hand_offer(hand, second);
    hand_run_for(hand, 200000);
    assert_true(hand->pending_digest[0]);
    assert_true(infobase_lock_equal(&hand->lock, &as_found)); /* the first one has given back */
    assert_int_equal(hand->world_count, 2);
    struct engine_approval said = {id_of(2), "chief", hand->pending_digest};
    assert_true(engine_approve(hand->engine, &said, hand->now));
    hand_run_for(hand, 30000);
    assert_true(hand->lock.sessions_deny);
    assert_int_equal(hand->world_count, 0);
    all_is_over(hand);
}

static void a_grace_that_outlasts_the_validity_is_kept(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(2);
    struct engine_offer offer = offer_of(hand, drain(1, 120000, 5000));
    struct error err;
    offer.expires_at.ms = hand->wall.ms + 30000;
    assert_int_equal(engine_offer(hand->engine, &offer, hand->now, &err), ERR_OK);
    hand_run_for(hand, 100000);
    assert_int_equal(hand->ends, 0);
    assert_true(hand->lock.sessions_deny);
    hand_run_for(hand, 40000);
    assert_int_equal(hand->ends, 2);
    all_is_over(hand);
    assert_int_equal(last_event(hand), EVENT_COMPLETED);
}

static void a_cancel_of_one_of_two_drains_leaves_the_other_its_grace_and_its_lock(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(2);
    hand_accept(hand, drain(1, 60000, 20000));
    hand_run_for(hand, 5000);
    hand_offer(hand, drain(2, 0, 0)); /* at once, for both */
    hand_run_for(hand, 200);
    struct uuid second = id_of(2);
    engine_cancel(hand->engine, &second, &people, hand->wall, hand->now);
    hand_run_for(hand, 100000);
    assert_int_equal(hand->world_count, 0);
    assert_true(hand->lock.sessions_deny || engine_counts(hand->engine).open_commands == 0);
    all_is_over(hand);
}

static void restore_while_an_approved_drain_takes_its_lock_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int landed = 0; landed < 2; landed++) {
        AUTO(hand) hand = owner(2);
        hand->approve_above = 1;
        hand->config.drains_ask = true;
        engine_configure(hand->engine, &hand->config);
        struct command *command = drain(1, 0, 60000);
        command->requested_by = "asker";
        hand_accept(hand, command);
        hand_run_for(hand, 5000);
        struct engine_approval said = {id_of(1), "chief", hand->pending_digest};
        assert_true(engine_approve(hand->engine, &said, hand->now));
        struct engine_action write = run_until(hand, ENGINE_LOCK_WRITE);
        struct infobase_lock late = infobase_lock_copy(write.lock);
        assert_int_equal(restore(hand), 1);
        if (landed)
            hand_set_lock(hand, &late);
        hand_lock_written(hand, write.tag, ERR_IN_DOUBT, true);
        infobase_lock_release(&late);
        all_is_over(hand);
        assert_int_equal(hand->ends, 0);
        assert_int_equal(last_event(hand), EVENT_CANCELLED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restore_in_a_round_stops_whatever_was_not_sent),
        cmocka_unit_test(the_kill_switch_does_not_end_a_hold_nor_keep_it_longer),
        cmocka_unit_test(an_infobase_that_is_dropped_in_the_grace_ends_the_drain),
        cmocka_unit_test(a_terminate_with_a_grace_and_a_drain_go_their_own_ways),
        cmocka_unit_test(a_drain_that_waits_for_its_approval_beside_a_hold_locks_for_itself_later),
        cmocka_unit_test(a_grace_that_outlasts_the_validity_is_kept),
        cmocka_unit_test(a_cancel_of_one_of_two_drains_leaves_the_other_its_grace_and_its_lock),
        cmocka_unit_test(restore_while_an_approved_drain_takes_its_lock_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
