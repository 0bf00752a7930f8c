/* The operator's own program: when it is asked, what its words are worth, and what becomes of its
 * targets when it fails. */
#include "by_hand.h"

static struct hand *owner(enum handler_mode mode)
{
    struct hand *hand = hand_create();
    hand->handler = mode;
    hand_own(hand);
    hand_world(hand, 3, 7u, 8u, 9u);
    return hand;
}

/* The next action runs the handler about these targets, and it may. */
static struct engine_action asked(struct hand *hand, uint32_t count, uint32_t attempt)
{
    struct engine_action action = hand_take(hand, ENGINE_HANDLE);
    assert_int_equal(action.task->count, count);
    assert_int_equal(action.task->attempt, attempt);
    assert_true(instant_before(hand->now, action.send_by));
    assert_true(engine_allows(hand->engine, ENGINE_HANDLE, action.tag));
    return action;
}

/* The next list shows these. */
static void listed(struct hand *hand, size_t count, uint32_t first, uint32_t second)
{
    hand_world(hand, count, first, second);
    hand_listed(hand);
}

/* The time for verification goes by, and a list shows it still there. */
static void listed_too_late(struct hand *hand)
{
    hand_listed(hand);
    hand_is_quiet(hand);
    hand_pass(hand, hand->config.verify_ms + 1);
    hand_listed(hand);
}

/* ---- instead ---- */

static void its_word_is_verified_by_a_list(void **state) /* I7 */
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 2, 7u, 8u));
    struct engine_action run = asked(hand, 2, 1);
    assert_int_equal(run.task->mode, HANDLER_INSTEAD);
    assert_string_equal(run.task->place, "");
    hand_says(hand, run.tag, "el", false);
    struct engine_action list = hand_take(hand, ENGINE_LIST); /* and nothing is announced */
    hand_world(hand, 1, 9u);
    hand_list(hand, list.tag);
    struct record *record = hand_append(hand, RECORD_OUTCOME);
    assert_int_equal(record->outcome.count, 2);
    assert_int_equal(record->outcome.ends[0].outcome, TARGET_ENDED);
    assert_int_equal(record->outcome.ends[1].outcome, TARGET_LEFT);
    hand_read(hand, record);
    hand_closed(hand, COMMAND_COMPLETED);
}

static void what_it_says_is_gone_and_is_not_has_survived(void **state) /* I7 */
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_says(hand, asked(hand, 1, 1).tag, "e", false);
    listed_too_late(hand);
    hand_outcome(hand, TARGET_SURVIVED, ERR_REFUSED, 1);
    hand_closed(hand, COMMAND_FAILED);
}

static void what_it_does_not_end_fails_with_its_words_after_a_look(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 2, 7u, 8u));
    hand_says(hand, asked(hand, 2, 1).tag, "fs", false);
    listed(hand, 2, 7u, 9u); /* 8 went by himself meanwhile */
    struct record *record = hand_append(hand, RECORD_OUTCOME);
    assert_int_equal(record->outcome.count, 2);
    assert_int_equal(record->outcome.ends[1].outcome, TARGET_ENDED);
    assert_int_equal(record->outcome.ends[0].outcome, TARGET_FAILED);
    assert_string_equal(record->outcome.ends[0].reason.message,
                        "the handler could not end it: so it says");
    hand_read(hand, record);
    hand_closed(hand, COMMAND_PARTIALLY_COMPLETED);
}

static void it_may_leave_the_rest_to_the_worker(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 2, 7u, 8u));
    hand_says(hand, asked(hand, 2, 1).tag, "es", true);
    listed(hand, 2, 8u, 9u);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_appended(hand, RECORD_ATTEMPT); /* the licence was good for one run */
    struct engine_action end = hand_take(hand, ENGINE_END);
    world_end(hand, &end.session);
    hand_end(hand, end.tag, ERR_OK, true);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 2);
    hand_closed(hand, COMMAND_COMPLETED);
}

static void a_run_without_an_answer_is_in_doubt_and_is_repeated_under_a_new_licence(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 2, 7u, 8u));
    hand_run_failed(hand, asked(hand, 2, 1).tag, ERR_IN_DOUBT, true);
    listed(hand, 2, 8u, 9u); /* 7 was ended before it died */
    hand_outcome(hand, TARGET_ENDED, ERR_IN_DOUBT, 1);
    struct record *licence = hand_append(hand, RECORD_ATTEMPT);
    assert_int_equal(licence->attempt.count, 1);
    assert_int_equal(licence->attempt.targets[0], 1);
    hand_read(hand, licence);
    hand_says(hand, asked(hand, 1, 2).tag, "e", false);
    hand_world(hand, 1, 9u);
    hand_run(hand);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void it_is_asked_as_often_as_a_cluster_would_be(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    for (uint32_t attempt = 1; attempt <= hand->config.attempts_max; attempt++) {
        if (attempt > 1)
            hand_appended(hand, RECORD_ATTEMPT);
        hand_run_failed(hand, asked(hand, 1, attempt).tag, ERR_PROTOCOL, true);
        if (attempt > 1)
            hand_wait(hand); /* lists are not asked for without a pause */
        hand_listed(hand);
    }
    hand_outcome(hand, TARGET_FAILED, ERR_PROTOCOL, 3);
    hand_closed(hand, COMMAND_FAILED);
}

static void one_that_cannot_be_run_fails_its_targets(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_run_failed(hand, asked(hand, 1, 1).tag, ERR_CONFIG, false);
    hand_listed(hand);
    hand_outcome(hand, TARGET_FAILED, ERR_CONFIG, 0);
    hand_closed(hand, COMMAND_FAILED);
}

static void without_a_place_it_is_asked_again_with_a_fresh_list(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_run_failed(hand, asked(hand, 1, 1).tag, ERR_FULL, false);
    hand_wait(hand);
    hand_listed(hand);
    hand_says(hand, asked(hand, 1, 1).tag, "e", false); /* nothing was sent under the licence */
    hand_world(hand, 1, 9u);
    hand_run(hand);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void it_expires_while_it_waits_for_a_place(void **state) /* I3 */
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_run_failed(hand, asked(hand, 1, 1).tag, ERR_FULL, false);
    hand_pass(hand, 600000);
    hand_outcome(hand, TARGET_EXPIRED, ERR_EXPIRED, 0);
    hand_closed(hand, COMMAND_EXPIRED);
}

/* ---- which targets go together ---- */

static void only_those_of_one_handler_go_together_and_the_others_wait(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand->own_handler = 8;
    hand_resolved(hand, by_uuid(1, 3, 7u, 8u, 9u));
    struct engine_action run = asked(hand, 2, 1);
    assert_int_equal(run.task->targets[1].index, 2);
    hand_is_quiet(hand); /* 8 needs no list yet */
    hand_pass(hand, 20000);
    hand_is_quiet(hand);
    hand_says(hand, run.tag, "ee", false);
    listed(hand, 1, 8u, 0);
    struct record *record = hand_append(hand, RECORD_OUTCOME);
    assert_int_equal(record->outcome.count, 2);
    hand_read(hand, record);
    hand_appended(hand, RECORD_ATTEMPT); /* the first licence is too old by now */
    run = asked(hand, 1, 2);
    assert_string_equal(run.task->place, "ut");
    hand_says(hand, run.tag, "e", false);
    hand_world(hand, 1, 90u);
    hand_run(hand);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void large_commands_need_several_runs(void **state) /* I13 */
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    struct command *command = by_uuid(1, 1, 1u);
    const size_t count = HANDLER_TARGETS_MAX + 1;
    command->selector.count = count;
    command->selector.sessions =
        arena_take(command->arena, count, sizeof command->selector.sessions[0]);
    hand->world_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        hand->world[hand->world_count++] = session_of(i + 1);
        command->selector.sessions[i] = uuid_of(i + 1);
    }
    hand->world[hand->world_count++] = session_of(999);
    hand_offer(hand, command);
    hand_run(hand);
    assert_int_equal(hand->handles, 2);
    assert_int_equal(hand->world_count, 1);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

/* ---- before ---- */

static void before_a_failed_run_the_worker_goes_on(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_BEFORE);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_run_failed(hand, asked(hand, 1, 1).tag, ERR_REFUSED, true);
    hand_listed(hand);
    hand_appended(hand, RECORD_ATTEMPT);
    struct engine_action end = hand_take(hand, ENGINE_END);
    world_end(hand, &end.session);
    hand_end(hand, end.tag, ERR_OK, true);
    hand_run(hand);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void before_a_lie_the_worker_ends_it_and_has_its_own_time_to_verify(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_BEFORE);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_says(hand, asked(hand, 1, 1).tag, "e", true);
    listed_too_late(hand);
    hand_appended(hand, RECORD_ATTEMPT);
    struct engine_action end = hand_take(hand, ENGINE_END);
    hand_end(hand, end.tag, ERR_OK, true);
    hand_listed(hand); /* still there, and not yet survived */
    world_end(hand, &end.session);
    hand_wait(hand);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 2);
    hand_closed(hand, COMMAND_COMPLETED);
}

static void one_that_is_not_there_does_not_hold_the_end_up(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_BEFORE);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_run_failed(hand, asked(hand, 1, 1).tag, ERR_CONFIG, false);
    hand_listed(hand);
    hand_take(hand, ENGINE_END); /* under the same licence: nothing was sent */
}

/* ---- licence, cancel, kill switch, ownership ---- */

static void nothing_is_run_before_the_licence_is_read_back(void **state) /* I1 */
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    assert_int_equal(resolved->resolved.targets[0].handler, HANDLER_INSTEAD);
    hand_is_quiet(hand);
    hand_read(hand, resolved);
    struct engine_action run = asked(hand, 1, 1);
    assert_true(instant_ms_between(hand->now, run.send_by) <= LICENCE_AGE_MS);
}

static void a_list_that_shows_another_stops_the_run(void **state) /* I2 */
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action run = asked(hand, 1, 1);
    hand_accept(hand, by_uuid(2, 1, 8u));
    hand->world[0].started_at.ticks++; /* the UUID was used again */
    hand_listed(hand);
    assert_false(engine_allows(hand->engine, ENGINE_HANDLE, run.tag));
    hand_run_failed(hand, run.tag, ERR_STALE, false);
    hand->handler = HANDLER_NONE;
    hand_run(hand);
    assert_int_equal(hand->handles, 0 + 1); /* that of the other command */
}

static void a_cancel_and_the_kill_switch_stop_it_before_and_while_it_runs(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        AUTO(hand) hand = owner(HANDLER_INSTEAD);
        struct uuid id = id_of(1);
        hand_resolved(hand, by_uuid(1, 1, 7u));
        struct engine_action run = asked(hand, 1, 1);
        assert_true(engine_handler_goes_on(hand->engine, run.tag));
        if (way == 0)
            assert_true(engine_cancel(hand->engine, &id, &people, hand->wall, hand->now));
        else
            engine_halt(hand->engine, true, hand->now);
        assert_false(engine_allows(hand->engine, ENGINE_HANDLE, run.tag));
        assert_false(engine_handler_goes_on(hand->engine, run.tag));
        if (way == 0)
            hand_appended(hand, RECORD_CANCELLED);
        hand_run_failed(hand, run.tag, ERR_IN_DOUBT, true); /* it was ended */
        hand_listed(hand);
        hand_outcome(hand, TARGET_STOPPED, ERR_CANCELLED, 1);
        hand_closed(hand, COMMAND_CANCELLED);
    }
}

static void a_new_owner_finds_its_targets_in_doubt_and_asks_again(void **state) /* I8 */
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 2, 7u, 8u));
    asked(hand, 2, 1);
    hand_restart(hand, -1);
    hand_own(hand);
    listed(hand, 2, 8u, 9u);
    hand_outcome(hand, TARGET_ENDED, ERR_IN_DOUBT, 0); /* not "already gone" */
    hand_appended(hand, RECORD_ATTEMPT);
    struct engine_action run = asked(hand, 1, 2);
    assert_int_equal(run.task->mode, HANDLER_INSTEAD); /* the journal says so */
    hand_says(hand, run.tag, "e", false);
    hand_world(hand, 1, 9u);
    hand_run(hand);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void whoever_lost_the_partition_runs_nothing(void **state) /* I8 */
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action run = asked(hand, 1, 1);
    hand_read(hand, foreign(RECORD_OWNER, 2, 1));
    assert_false(engine_allows(hand->engine, ENGINE_HANDLE, run.tag));
    assert_false(engine_handler_goes_on(hand->engine, run.tag));
    hand_run_failed(hand, run.tag, ERR_IN_DOUBT, true);
}

static void an_answer_of_an_earlier_epoch_is_not_taken(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action run = asked(hand, 1, 1);
    struct record *lost = foreign(RECORD_OWNER, 2, 1);
    hand_read(hand, lost);
    engine_assign(hand->engine, false, hand->now);
    engine_assign(hand->engine, true, hand->now);
    hand_appended(hand, RECORD_OWNER);
    hand_says(hand, run.tag, "f", false);
    hand_listed(hand);
    hand_appended(hand, RECORD_ATTEMPT); /* it would have failed with the old words */
    asked(hand, 1, 2);
}

/* ---- after ---- */

static void after_all_have_their_outcome_it_is_told_under_a_licence_of_its_own(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_AFTER);
    hand_resolved(hand, by_uuid(1, 2, 7u, 77u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    hand_outcome(hand, TARGET_ALREADY_GONE, ERR_OK, 0);
    world_end(hand, &end.session);
    hand_end(hand, end.tag, ERR_OK, true);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    struct record *licence = hand_append(hand, RECORD_ATTEMPT);
    assert_int_equal(licence->attempt.act, ACT_HANDLE);
    assert_int_equal(licence->attempt.count, 2);
    hand_is_quiet(hand);
    hand_read(hand, licence);
    struct engine_action run = asked(hand, 2, 2);
    assert_int_equal(run.task->mode, HANDLER_AFTER);
    assert_int_equal(run.task->outcome, COMMAND_COMPLETED);
    assert_int_equal(run.task->targets[0].outcome, TARGET_ENDED);
    assert_int_equal(run.task->targets[1].outcome, TARGET_ALREADY_GONE);
    hand_is_quiet(hand);
    struct engine_handled done = {.tag = run.tag, .sent = true};
    engine_handled(hand->engine, &done, hand->now);
    struct record *closed = hand_append(hand, RECORD_CLOSED);
    assert_int_equal(closed->reason.code, ERR_OK);
    hand_read(hand, closed);
    hand_is_quiet(hand);
}

static void when_it_cannot_be_told_the_end_says_so_and_no_verdict_changes(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_AFTER);
    hand_resolved(hand, by_uuid(1, 1, 77u));
    hand_outcome(hand, TARGET_ALREADY_GONE, ERR_OK, 0);
    hand_appended(hand, RECORD_ATTEMPT);
    hand_run_failed(hand, asked(hand, 1, 2).tag, ERR_REFUSED, true);
    struct record *closed = hand_append(hand, RECORD_CLOSED);
    assert_int_equal(closed->closed.outcome, COMMAND_COMPLETED);
    assert_int_equal(closed->reason.code, ERR_REFUSED);
    assert_string_equal(closed->reason.message, "after the end: the handler failed so");
    hand_read(hand, closed);
    hand_is_quiet(hand);
}

static void after_a_crash_it_is_told_again_under_a_new_licence(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_AFTER);
    hand_resolved(hand, by_uuid(1, 1, 77u));
    hand_outcome(hand, TARGET_ALREADY_GONE, ERR_OK, 0);
    hand_appended(hand, RECORD_ATTEMPT);
    asked(hand, 1, 2);
    hand_restart(hand, -1);
    hand_own(hand);
    hand_appended(hand, RECORD_ATTEMPT); /* the earlier one is no licence of ours */
    struct engine_action run = asked(hand, 1, 3);
    struct engine_handled done = {.tag = run.tag, .sent = true};
    engine_handled(hand->engine, &done, hand->now);
    hand_closed(hand, COMMAND_COMPLETED);
}

static void the_kill_switch_keeps_it_from_being_told_and_the_command_from_staying_open(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_AFTER);
    hand_resolved(hand, by_uuid(1, 1, 77u));
    engine_halt(hand->engine, true, hand->now);
    hand_outcome(hand, TARGET_ALREADY_GONE, ERR_OK, 0);
    struct record *closed = hand_append(hand, RECORD_CLOSED);
    assert_int_equal(closed->reason.code, ERR_CANCELLED);
    engine_halt(hand->engine, false, hand->now); /* released behind it: too late to tell */
    hand_is_quiet(hand);
    hand_read(hand, closed);
    hand_is_quiet(hand);
}

static void it_is_told_too_when_rounds_end_before_nobody_was_left(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_AFTER);
    hand_world(hand, 2, 7u, 90u);
    struct command *command = by_filter(1);
    struct uuid id = command->id;
    command->options.until_empty = true;
    hand_resolved(hand, command);
    struct engine_action end = hand_take(hand, ENGINE_END);
    world_end(hand, &end.session);
    hand_end(hand, end.tag, ERR_OK, true);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_is_quiet(hand); /* the next round's list is waited for */
    assert_true(engine_cancel(hand->engine, &id, &people, hand->wall, hand->now));
    hand_appended(hand, RECORD_CANCELLED);
    hand_appended(hand, RECORD_ATTEMPT);
    struct engine_action run = asked(hand, 1, 2);
    assert_int_equal(run.task->outcome, COMMAND_PARTIALLY_COMPLETED);
    struct engine_handled done = {.tag = run.tag, .sent = true};
    engine_handled(hand->engine, &done, hand->now);
    hand_closed(hand, COMMAND_PARTIALLY_COMPLETED);
}

/* What it is told is what CLOSED says then. */
static void it_is_told_the_end_that_follows_when_no_further_list_can_be_had(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_AFTER);
    hand->config.attempts_max = 1;
    engine_configure(hand->engine, &hand->config);
    hand_world(hand, 2, 7u, 90u);
    struct command *command = by_filter(1);
    command->options.until_empty = true;
    hand_resolved(hand, command);
    hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_REFUSED, true);
    hand_listed(hand);
    hand_outcome(hand, TARGET_FAILED, ERR_REFUSED, 1);
    hand_wait(hand);
    struct error wrong;
    error_set(&wrong, ERR_AUTH, "the administrator's password is wrong");
    engine_listed(hand->engine, hand_take(hand, ENGINE_LIST).tag, NULL, &wrong, hand->now);
    hand_appended(hand, RECORD_ATTEMPT);
    struct engine_action run = asked(hand, 1, 2);
    assert_int_equal(run.task->outcome, COMMAND_FAILED);
    struct engine_handled done = {.tag = run.tag, .sent = true};
    engine_handled(hand->engine, &done, hand->now);
    hand_closed(hand, COMMAND_FAILED);
}

/* ---- what has nothing to do with it ---- */

static void a_dry_run_and_protected_sessions_never_reach_it(void **state) /* I14 */
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    struct command *command = by_uuid(1, 1, 7u);
    command->options.dry_run = true;
    hand_resolved(hand, command);
    hand_closed(hand, COMMAND_DRY_RUN);
    hand->protects = 7;
    hand_resolved(hand, by_uuid(2, 2, 7u, 8u));
    struct engine_action run = asked(hand, 1, 1);
    assert_int_equal(run.task->targets[0].index, 1);
    hand_outcome(hand, TARGET_PROTECTED, ERR_DENIED, 0);
}

static void those_who_still_have_time_to_leave_are_not_handed_to_it(void **state)
{
    (void)state;
    AUTO(hand) hand = owner(HANDLER_INSTEAD);
    struct command *command = by_uuid(1, 1, 7u);
    command->options.grace_ms = 60000;
    hand_resolved(hand, command);
    struct instant begun = hand->now;
    struct engine_action action;
    do {
        while (!hand_next(hand, &action))
            hand_pass(hand, 1000);
        if (action.kind != ENGINE_HANDLE)
            hand_carry_out(hand, &action);
    } while (action.kind != ENGINE_HANDLE);
    assert_true(instant_ms_between(begun, hand->now) >= 60000);
    assert_int_equal(action.task->attempt, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_word_is_verified_by_a_list),
        cmocka_unit_test(what_it_says_is_gone_and_is_not_has_survived),
        cmocka_unit_test(what_it_does_not_end_fails_with_its_words_after_a_look),
        cmocka_unit_test(it_may_leave_the_rest_to_the_worker),
        cmocka_unit_test(a_run_without_an_answer_is_in_doubt_and_is_repeated_under_a_new_licence),
        cmocka_unit_test(it_is_asked_as_often_as_a_cluster_would_be),
        cmocka_unit_test(one_that_cannot_be_run_fails_its_targets),
        cmocka_unit_test(without_a_place_it_is_asked_again_with_a_fresh_list),
        cmocka_unit_test(it_expires_while_it_waits_for_a_place),
        cmocka_unit_test(only_those_of_one_handler_go_together_and_the_others_wait),
        cmocka_unit_test(large_commands_need_several_runs),
        cmocka_unit_test(before_a_failed_run_the_worker_goes_on),
        cmocka_unit_test(before_a_lie_the_worker_ends_it_and_has_its_own_time_to_verify),
        cmocka_unit_test(one_that_is_not_there_does_not_hold_the_end_up),
        cmocka_unit_test(nothing_is_run_before_the_licence_is_read_back),
        cmocka_unit_test(a_list_that_shows_another_stops_the_run),
        cmocka_unit_test(a_cancel_and_the_kill_switch_stop_it_before_and_while_it_runs),
        cmocka_unit_test(a_new_owner_finds_its_targets_in_doubt_and_asks_again),
        cmocka_unit_test(whoever_lost_the_partition_runs_nothing),
        cmocka_unit_test(an_answer_of_an_earlier_epoch_is_not_taken),
        cmocka_unit_test(after_all_have_their_outcome_it_is_told_under_a_licence_of_its_own),
        cmocka_unit_test(when_it_cannot_be_told_the_end_says_so_and_no_verdict_changes),
        cmocka_unit_test(after_a_crash_it_is_told_again_under_a_new_licence),
        cmocka_unit_test(
            the_kill_switch_keeps_it_from_being_told_and_the_command_from_staying_open),
        cmocka_unit_test(it_is_told_too_when_rounds_end_before_nobody_was_left),
        cmocka_unit_test(it_is_told_the_end_that_follows_when_no_further_list_can_be_had),
        cmocka_unit_test(a_dry_run_and_protected_sessions_never_reach_it),
        cmocka_unit_test(those_who_still_have_time_to_leave_are_not_handed_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
