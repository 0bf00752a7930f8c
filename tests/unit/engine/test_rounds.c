/* Commands without targets of their own, rounds, and the grace: what waits, for how long, and what
 * may not happen meanwhile. */
#include "by_hand.h"

static struct hand *owner(void)
{
    struct hand *hand = hand_create();
    hand_own(hand);
    hand_world(hand, 2, 7u, 8u);
    return hand;
}

/* The next action ends that session; the cluster does so. */
static void ends(struct hand *hand, uint32_t number)
{
    struct engine_action end = hand_take(hand, ENGINE_END);
    struct uuid uuid = uuid_of(number);
    assert_true(uuid_equal(&end.session, &uuid));
    world_end(hand, &end.session);
    hand_end(hand, end.tag, ERR_OK, true);
}

/* After its pause, on a list of its own. */
static void second_round_ends(struct hand *hand, uint32_t number)
{
    hand_wait(hand);
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    assert_int_equal(resolved->resolved.round, 2);
    hand_read(hand, resolved);
    ends(hand, number);
}

static struct command *until_empty(uint8_t id)
{
    struct command *command = by_filter(id);
    command->options.until_empty = true;
    return command;
}

static struct command *with_grace(uint8_t id, int64_t grace_ms)
{
    struct command *command = by_uuid(id, 2, 7u, 8u);
    command->options.grace_ms = grace_ms;
    return command;
}

/* ---- filters: no targets before the list ---- */

static void a_filter_ends_whom_its_one_list_shows(void **state) /* I2 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_filter(1));
    assert_int_equal(engine_counts(hand->engine).open_targets, 0);
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    assert_int_equal(resolved->resolved.round, 1);
    assert_int_equal(resolved->resolved.count, 2);
    hand_read(hand, resolved);
    assert_int_equal(engine_counts(hand->engine).open_targets, 2);
    ends(hand, 7); /* on the very list that resolved it */
    hand_world(hand, 2, 8u, 9u);
    ends(hand, 8);
    hand_run(hand);
    assert_int_equal(hand->world_count, 1); /* 9 came later */
    assert_int_equal(hand->told[1].kind, EVENT_COMPLETED);
    assert_int_equal(hand->told[1].targets, 2);
}

static void a_filter_that_finds_nobody_is_completed_without_targets(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->protects = 9;
    hand_accept(hand, by_filter(1));
    hand->world_count = 0;
    hand_listed(hand); /* an empty list proves nothing (I7) */
    hand_wait(hand);
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    assert_int_equal(resolved->resolved.count, 0);
    assert_int_equal(resolved->resolved.chunks, 1);
    hand_read(hand, resolved);
    hand_closed(hand, COMMAND_COMPLETED);
}

static void a_filter_that_is_never_listed_closes_without_a_list(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_filter(1));
    struct engine_action list = hand_take(hand, ENGINE_LIST);
    hand->cluster_down = true;
    hand_list(hand, list.tag);
    hand_pass(hand, 600000);
    struct record *closed = hand_append(hand, RECORD_CLOSED);
    assert_int_equal(closed->closed.outcome, COMMAND_EXPIRED);
    assert_int_equal(closed->reason.code, ERR_EXPIRED);
    hand_read(hand, closed);
    hand_is_quiet(hand);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void a_filter_that_is_cancelled_or_refused_credentials_closes_as_such(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct error refused;
    error_set(&refused, ERR_AUTH, "the administrator's password is wrong");
    hand_accept(hand, by_filter(1));
    struct engine_action list = hand_take(hand, ENGINE_LIST);
    assert_true(hand_cancel(hand, 1));
    hand_appended(hand, RECORD_CANCELLED);
    hand_closed(hand, COMMAND_CANCELLED);
    engine_listed(hand->engine, list.tag, NULL, &refused, hand->now);
    hand_accept(hand, by_filter(2));
    hand_wait(hand);
    list = hand_take(hand, ENGINE_LIST);
    engine_listed(hand->engine, list.tag, NULL, &refused, hand->now);
    hand_closed(hand, COMMAND_FAILED);
}

/* ADR 2, rule 5: another owner may have resolved it meanwhile. */
static void a_list_that_fails_while_an_owner_is_asked_for_ends_nothing(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct error refused;
    error_set(&refused, ERR_AUTH, "the administrator's password is wrong");
    hand_accept(hand, by_filter(1));
    struct engine_action list = hand_take(hand, ENGINE_LIST);
    struct record *owner = hand_ask_again(hand);
    engine_listed(hand->engine, list.tag, NULL, &refused, hand->now);
    hand_is_quiet(hand);
    hand_read(hand, owner);
    engine_listed(hand->engine, hand_take(hand, ENGINE_LIST).tag, NULL, &refused, hand->now);
    hand_closed(hand, COMMAND_FAILED);
}

static void a_list_that_says_nothing_about_a_target_stops_the_partition(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 2, 7u, 8u));
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    free(resolved->resolved.targets[1].snapshot);
    resolved->resolved.count = 1;
    struct error err;
    assert_int_equal(
        engine_record(hand->engine, resolved, hand->journal_count, hand->wall, hand->now, &err),
        ERR_JOURNAL);
}

/* ---- rounds ---- */

static void rounds_go_on_until_a_list_shows_nobody(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->protects = 9;
    hand_world(hand, 2, 7u, 9u);
    hand_accept(hand, until_empty(1));
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    int64_t end_by = resolved->resolved.end_by.ms;
    assert_true(end_by > hand->wall.ms);
    hand_read(hand, resolved);
    ends(hand, 7);
    hand_outcome(hand, TARGET_PROTECTED, ERR_DENIED, 0);
    hand_listed(hand);
    hand_world(hand, 2, 8u, 9u); /* somebody logs in again */
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_wait(hand);
    hand_listed(hand);
    resolved = hand_append(hand, RECORD_RESOLVED);
    assert_int_equal(resolved->resolved.round, 2);
    assert_int_equal(resolved->resolved.count, 1); /* the protected one was named before */
    assert_int_equal(resolved->resolved.targets[0].index, 2);
    assert_int_equal(resolved->resolved.end_by.ms, end_by);
    hand_read(hand, resolved);
    ends(hand, 8);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_wait(hand);
    hand_listed(hand);
    resolved = hand_append(hand, RECORD_RESOLVED);
    assert_int_equal(resolved->resolved.round, 3);
    assert_int_equal(resolved->resolved.count, 0);
    hand_read(hand, resolved);
    hand_closed(hand, COMMAND_COMPLETED);
    assert_int_equal(hand->progress_count, 1);
    assert_int_equal(hand->progress[0], PROGRESS_ROUND);
    assert_int_equal(hand->told[hand->told_count - 1].targets, 3);
}

static void rounds_do_not_end_while_somebody_has_no_user_yet(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 1, 11u);
    hand->doubts = 11;
    hand_accept(hand, until_empty(1));
    hand_run_for(hand, 20000);
    assert_int_equal(engine_counts(hand->engine).open_commands, 1);
    hand->doubts = 0;
    hand->protects = 11; /* he is one who stays */
    hand_run(hand);
    assert_int_equal(hand->ends, 0);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void rounds_that_end_in_doubt_say_over_whom(void **state)
{
    (void)state;
    static const uint32_t beside[] = {0, 7};
    for (size_t i = 0; i < 2; i++) {
        AUTO(hand) hand = owner();
        hand_world(hand, beside[i] ? 2 : 1, 11u, beside[i]);
        hand->doubts = 11;
        hand_accept(hand, until_empty(1));
        hand_run(hand);
        assert_int_equal(hand->world_count, 1);
        assert_int_equal(hand_told(hand), beside[i] ? EVENT_PARTIALLY_COMPLETED : EVENT_EXPIRED);
        assert_non_null(strstr(hand->last_reason, "session 11 has no user"));
    }
}

static void a_round_begins_only_when_every_outcome_was_read_back(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 3, 7u, 8u, 90u);
    hand_resolved(hand, until_empty(1));
    ends(hand, 7);
    ends(hand, 8);
    hand_listed(hand);
    struct record *outcome = hand_append(hand, RECORD_OUTCOME);
    assert_int_equal(outcome->outcome.count, 2);
    hand_pass(hand, 10000);
    hand_is_quiet(hand);
    hand_read(hand, outcome);
    hand_wait(hand);
    hand_take(hand, ENGINE_LIST);
}

/* The cluster takes so long for a list that the session before it is given up. */
static void a_list_that_began_before_the_outcomes_resolves_no_round(void **state) /* I2 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 2, 7u, 90u);
    hand_resolved(hand, until_empty(1));
    ends(hand, 7);
    hand_world(hand, 2, 8u, 90u);
    uint64_t slow = hand_take(hand, ENGINE_LIST).tag;
    struct instant begun = hand->now;
    hand_wait(hand);
    hand_outcome(hand, TARGET_UNKNOWN, ERR_IN_DOUBT, 1);
    hand_list_since(hand, slow, begun);
    second_round_ends(hand, 8);
}

static void a_list_of_a_round_that_was_resolved_before_does_not_count(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 2, 7u, 90u);
    hand_resolved(hand, until_empty(1));
    ends(hand, 7);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_world(hand, 2, 8u, 90u);
    hand_wait(hand);
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    resolved->resolved.round = 1;
    hand_read(hand, resolved);
    hand_is_quiet(hand);
    assert_int_equal(engine_counts(hand->engine).open_targets, 0);
    assert_int_equal(engine_counts(hand->engine).kept_targets, 1);
}

static void rounds_end_with_their_time_and_say_so(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct engine_offer offer = offer_of(hand, until_empty(1));
    offer.expires_at.ms = hand->wall.ms + 5000; /* bounds the first act, not the rounds */
    assert_int_equal(engine_offer(hand->engine, &offer, hand->now, NULL), ERR_OK);
    hand_appended(hand, RECORD_ACCEPTED);
    hand_world(hand, 2, 7u, 90u);
    hand_listed(hand);
    hand_appended(hand, RECORD_RESOLVED);
    ends(hand, 7);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_wait(hand);
    hand_take(hand, ENGINE_LIST); /* no answer */
    hand_pass(hand, 20000);
    hand_is_quiet(hand); /* the validity is over, the time for rounds is not */
    hand_pass(hand, HAND_ACTING_MS);
    struct record *closed = hand_append(hand, RECORD_CLOSED);
    assert_int_equal(closed->closed.outcome, COMMAND_PARTIALLY_COMPLETED);
    assert_int_equal(closed->reason.code, ERR_EXPIRED);
    hand_read(hand, closed);
    hand_is_quiet(hand);
}

static void who_stays_is_tried_again_and_the_last_word_counts(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->config.attempts_max = 1;
    engine_configure(hand->engine, &hand->config);
    hand_world(hand, 2, 7u, 90u);
    hand_resolved(hand, until_empty(1));
    struct engine_action end = hand_take(hand, ENGINE_END);
    hand_end(hand, end.tag, ERR_REFUSED, true);
    hand_listed(hand);
    hand_outcome(hand, TARGET_FAILED, ERR_REFUSED, 1);
    hand_wait(hand);
    hand_listed(hand);
    hand_appended(hand, RECORD_RESOLVED);
    ends(hand, 7);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_run(hand);
    assert_int_equal(hand->told[1].kind, EVENT_COMPLETED);
}

static void a_crash_between_two_rounds_goes_on_with_the_next_one(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 2, 7u, 90u);
    hand_resolved(hand, until_empty(1));
    ends(hand, 7);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_restart(hand, -1);
    hand_own(hand);
    hand_world(hand, 2, 8u, 90u);
    second_round_ends(hand, 8);
    hand_run(hand);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void what_was_given_up_between_two_rounds_is_not_begun_again(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct command *command = until_empty(1);
    command->options.disconnect_connections = true;
    hand_world(hand, 2, 7u, 90u);
    hand_resolved(hand, command);
    ends(hand, 7);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    engine_halt(hand->engine, true, hand->now);
    struct engine_action asks = hand_take(hand, ENGINE_CONNECTIONS); /* what is left of the round */
    engine_halt(hand->engine, false, hand->now);
    int64_t released = hand->wall.ms;
    hand_carry_out(hand, &asks);
    hand_run(hand);
    assert_int_equal(hand->told[1].kind, EVENT_PARTIALLY_COMPLETED);
    assert_true(hand->wall.ms < released + HAND_ACTING_MS / 2);
}

/* ---- grace ---- */

static void during_a_grace_nothing_is_ended_and_who_leaves_has_left(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, with_grace(1, 60000));
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    struct wall until = resolved->resolved.grace_until;
    assert_int_equal(until.ms, hand->wall.ms + 60000);
    hand_read(hand, resolved);
    hand_wait(hand);
    hand_listed(hand); /* both are there */
    struct instant first = hand->now;
    hand_wait(hand);
    assert_true(instant_ms_between(first, hand->now) >= 10000); /* lists are not hurried */
    hand_world(hand, 2, 8u, 90u);
    hand_listed(hand);
    hand_outcome(hand, TARGET_LEFT, ERR_OK, 0);
    while (hand->wall.ms < until.ms) {
        struct engine_action action;
        while (hand_next(hand, &action)) {
            assert_int_equal(action.kind, ENGINE_LIST);
            hand_list(hand, action.tag);
        }
        hand_wait(hand);
    }
    hand_listed(hand);
    struct record *attempt = hand_append(hand, RECORD_ATTEMPT); /* RESOLVED is no licence here */
    assert_int_equal(attempt->attempt.count, 1);
    assert_int_equal(attempt->attempt.targets[0], 1);
    hand_is_quiet(hand);
    hand_read(hand, attempt);
    ends(hand, 8);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_closed(hand, COMMAND_COMPLETED);
}

static void when_all_have_left_the_command_is_completed_before_its_grace_ends(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->protects = 9;
    hand_world(hand, 3, 7u, 8u, 9u);
    hand_resolved(hand, with_grace(1, 600000));
    hand_world(hand, 1, 9u);
    hand_wait(hand);
    hand_listed(hand);
    struct record *outcome = hand_append(hand, RECORD_OUTCOME);
    assert_int_equal(outcome->outcome.ends[0].outcome, TARGET_LEFT);
    assert_int_equal(outcome->outcome.ends[1].outcome, TARGET_LEFT);
    hand_read(hand, outcome);
    hand_closed(hand, COMMAND_COMPLETED);
    assert_int_equal(hand->progress_count, 2);
    assert_int_equal(hand->progress[0], PROGRESS_WAITING);
    assert_int_equal(hand->progress[1], PROGRESS_LEFT);
}

static void a_cancel_or_the_kill_switch_in_a_grace_stops_at_once(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, with_grace(1, 60000));
    assert_true(hand_cancel(hand, 1));
    hand_appended(hand, RECORD_CANCELLED);
    hand_run(hand);
    assert_int_equal(hand->told[1].kind, EVENT_CANCELLED);
    hand_resolved(hand, with_grace(2, 60000));
    engine_halt(hand->engine, true, hand->now);
    hand_run(hand);
    assert_int_equal(hand->told[3].kind, EVENT_CANCELLED);
    assert_int_equal(hand->ends, 0);
}

static void a_grace_goes_beyond_the_validity_and_its_own_end_bounds_the_acts(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct engine_offer offer = offer_of(hand, with_grace(1, 60000));
    offer.expires_at.ms = hand->wall.ms + 5000;
    assert_int_equal(engine_offer(hand->engine, &offer, hand->now, NULL), ERR_OK);
    hand_appended(hand, RECORD_ACCEPTED);
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    assert_int_equal(resolved->resolved.end_by.ms, hand->wall.ms + 60000 + HAND_ACTING_MS);
    hand_read(hand, resolved);
    hand->cluster_down = true;
    hand_run(hand);
    assert_int_equal(hand->told[1].kind, EVENT_EXPIRED);
    assert_int_equal(hand->ends, 0);
}

static void a_successor_waits_for_the_rest_of_the_grace(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, with_grace(1, 60000));
    int64_t until = hand->wall.ms + 60000;
    hand_pass(hand, 20000);
    hand_restart(hand, -1);
    hand_own(hand);
    hand_world(hand, 1, 7u);
    hand_wait(hand);
    hand_listed(hand);
    hand_outcome(hand, TARGET_LEFT, ERR_OK, 0); /* nobody before could have ended it */
    struct engine_action action;
    while (hand->wall.ms < until) {
        while (hand_next(hand, &action)) {
            assert_int_equal(action.kind, ENGINE_LIST);
            hand_list(hand, action.tag);
        }
        hand_wait(hand);
    }
    hand_run(hand);
    assert_int_equal(hand->ends, 1);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void behind_the_end_of_a_grace_a_licence_makes_absent_mean_ended_in_doubt(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, with_grace(1, 60000));
    hand_pass(hand, 60001);
    hand_listed(hand);
    hand_appended(hand, RECORD_ATTEMPT);
    hand_take(hand, ENGINE_END);
    hand_restart(hand, -1);
    hand_own(hand);
    hand_world(hand, 1, 8u);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_IN_DOUBT, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_ends_whom_its_one_list_shows),
        cmocka_unit_test(a_filter_that_finds_nobody_is_completed_without_targets),
        cmocka_unit_test(a_filter_that_is_never_listed_closes_without_a_list),
        cmocka_unit_test(a_filter_that_is_cancelled_or_refused_credentials_closes_as_such),
        cmocka_unit_test(a_list_that_fails_while_an_owner_is_asked_for_ends_nothing),
        cmocka_unit_test(a_list_that_says_nothing_about_a_target_stops_the_partition),
        cmocka_unit_test(rounds_go_on_until_a_list_shows_nobody),
        cmocka_unit_test(rounds_do_not_end_while_somebody_has_no_user_yet),
        cmocka_unit_test(rounds_that_end_in_doubt_say_over_whom),
        cmocka_unit_test(a_round_begins_only_when_every_outcome_was_read_back),
        cmocka_unit_test(a_list_that_began_before_the_outcomes_resolves_no_round),
        cmocka_unit_test(a_list_of_a_round_that_was_resolved_before_does_not_count),
        cmocka_unit_test(rounds_end_with_their_time_and_say_so),
        cmocka_unit_test(who_stays_is_tried_again_and_the_last_word_counts),
        cmocka_unit_test(a_crash_between_two_rounds_goes_on_with_the_next_one),
        cmocka_unit_test(what_was_given_up_between_two_rounds_is_not_begun_again),
        cmocka_unit_test(during_a_grace_nothing_is_ended_and_who_leaves_has_left),
        cmocka_unit_test(when_all_have_left_the_command_is_completed_before_its_grace_ends),
        cmocka_unit_test(a_cancel_or_the_kill_switch_in_a_grace_stops_at_once),
        cmocka_unit_test(a_grace_goes_beyond_the_validity_and_its_own_end_bounds_the_acts),
        cmocka_unit_test(a_successor_waits_for_the_rest_of_the_grace),
        cmocka_unit_test(behind_the_end_of_a_grace_a_licence_makes_absent_mean_ended_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
