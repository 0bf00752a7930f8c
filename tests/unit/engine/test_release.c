/* What is left of a session after its end: connections (ADR 5), and the call that keeps it. */
#include "by_hand.h"

static struct command *and_disconnect(struct command *command)
{
    command->options.disconnect_connections = true;
    return command;
}

/* Ended, and its OUTCOME is read back: session 1 of ut. */
static void end_session(struct hand *hand, struct command *command)
{
    hand_own(hand);
    hand_resolved(hand, command);
    struct engine_action end = hand_take(hand, ENGINE_END);
    world_end(hand, &end.session);
    hand_end(hand, end.tag, ERR_OK, true);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
}

static struct record *released(struct hand *hand)
{
    return hand_append(hand, RECORD_RELEASED);
}

static void a_session_without_leftovers_is_released_at_once(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_world(hand, 2, 1, 2);
    hand_connect(hand, 1, 2); /* of somebody else */
    end_session(hand, and_disconnect(by_uuid(1, 1, 1)));
    hand_connections(hand, hand_take(hand, ENGINE_CONNECTIONS).tag);
    struct record *record = released(hand);
    assert_int_equal(record->released.count, 0);
    hand_read(hand, record);
    hand_closed(hand, COMMAND_COMPLETED);
    hand_is_quiet(hand);
    assert_int_equal(hand->told[hand->told_count - 1].released, 1);
}

static void who_did_not_ask_for_it_is_not_kept_waiting(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_world(hand, 2, 1, 2);
    hand_connect(hand, 1, 1);
    end_session(hand, by_uuid(1, 1, 1));
    hand_closed(hand, COMMAND_COMPLETED);
}

static void leftovers_are_disconnected_under_a_licence_that_names_them(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_world(hand, 2, 1, 2);
    hand_connect(hand, 1, 1);
    hand_connect(hand, 2, 2);
    hand_connect(hand, 3, 1);
    end_session(hand, and_disconnect(by_uuid(1, 1, 1)));
    struct engine_action action;
    bool licensed = false;
    for (int turn = 0; turn < 100 && hand->connection_count == 3; turn++) {
        while (hand->connection_count == 3 && hand_next(hand, &action)) {
            if (action.kind == ENGINE_APPEND) {
                assert_int_equal(action.record->kind, RECORD_ATTEMPT);
                assert_int_equal(action.record->attempt.act, ACT_DISCONNECT);
                assert_int_equal(action.record->attempt.connection_count, 2);
                assert_int_equal(action.record->attempt.count, 0);
                licensed = true;
            } else if (action.kind == ENGINE_DISCONNECT) {
                assert_true(licensed);
            }
            hand_carry_out(hand, &action);
        }
        if (hand->connection_count == 3)
            hand_wait(hand);
    }
    hand_run(hand);
    assert_int_equal(hand->connection_count, 1);
    assert_int_equal(hand->connections[0].session_number, 2);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

/* I2: number 1 is somebody else's by now, and so are his connections. */
static void a_newcomer_under_the_same_number_keeps_his_connections(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_world(hand, 2, 1, 2);
    end_session(hand, and_disconnect(by_uuid(1, 1, 1)));
    hand->world[hand->world_count] = session_of(1);
    hand->world[hand->world_count++].uuid.bytes[1] = 0x77;
    hand_connect(hand, 1, 1);
    hand_run(hand);
    assert_int_equal(hand->connection_count, 1);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void what_stays_is_told_as_a_leak_and_is_no_success(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_world(hand, 2, 1, 2);
    hand_connect(hand, 1, 1);
    end_session(hand, and_disconnect(by_uuid(1, 1, 1)));
    struct engine_action action;
    struct record *record = NULL;
    for (int turn = 0; turn < 200 && !record; turn++) {
        while (!record && hand_next(hand, &action)) {
            if (action.kind == ENGINE_DISCONNECT) { /* refused, whenever it is tried */
                struct engine_answer answer = {.kind = ENGINE_DISCONNECT,
                                               .tag = action.tag,
                                               .sent = true,
                                               .code = ERR_REFUSED};
                hand_answer(hand, &answer);
            } else if (action.kind == ENGINE_APPEND && action.record->kind == RECORD_RELEASED) {
                record = action.record;
            } else {
                hand_carry_out(hand, &action);
            }
        }
        if (!record)
            hand_wait(hand);
    }
    assert_non_null(record);
    assert_int_equal(record->released.count, 1);
    assert_int_equal(record->released.releases[0].leaked, 1);
    assert_int_equal(record->released.releases[0].disconnected, 0);
    hand_read(hand, record);
    hand_closed(hand, COMMAND_PARTIALLY_COMPLETED);
    hand_is_quiet(hand);
    assert_int_equal(hand_told(hand), EVENT_PARTIALLY_COMPLETED);
    assert_int_equal(hand->told[hand->told_count - 1].released, 0); /* with what leaks it is not */
}

/* A timeout is not "no connections". */
static void connections_that_cannot_be_seen_are_not_taken_for_gone(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_world(hand, 2, 1, 2);
    hand->connections_refused = ERR_AUTH;
    end_session(hand, and_disconnect(by_uuid(1, 1, 1)));
    hand_connections(hand, hand_take(hand, ENGINE_CONNECTIONS).tag);
    struct record *record = released(hand);
    assert_int_equal(record->reason.code, ERR_AUTH);
    hand_read(hand, record);
    hand_closed(hand, COMMAND_PARTIALLY_COMPLETED);
}

/* I1: nothing of the earlier epoch is used; the owner looks anew. */
static void after_a_crash_the_release_is_looked_for_again(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_world(hand, 2, 1, 2);
    end_session(hand, and_disconnect(by_uuid(1, 1, 1)));
    hand_restart(hand, -1);
    hand_own(hand);
    hand_run(hand);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
    assert_int_equal(hand->ends, 0); /* it is not ended again */
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

/* ADR 2, rule 5: between asking for an OWNER and reading it back nothing is appended. */
static void what_is_answered_while_an_owner_is_asked_for_is_not_told(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_world(hand, 2, 1, 2);
    end_session(hand, and_disconnect(by_uuid(1, 1, 1)));
    struct engine_action action = hand_take(hand, ENGINE_CONNECTIONS);
    struct record *owner = hand_ask_again(hand);
    hand_connections(hand, action.tag);
    hand_is_quiet(hand);
    hand_read(hand, owner);
    hand_connections(hand, hand_take(hand, ENGINE_CONNECTIONS).tag);
    hand_read(hand, released(hand));
    hand_closed(hand, COMMAND_COMPLETED);
}

static void while_the_kill_switch_is_engaged_nobody_is_disconnected(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_world(hand, 2, 1, 2);
    hand_connect(hand, 1, 1);
    end_session(hand, and_disconnect(by_uuid(1, 1, 1)));
    engine_halt(hand->engine, true, hand->now);
    hand_run(hand);
    assert_int_equal(hand->connection_count, 1);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

/* ---- the running call ---- */

static void a_call_that_keeps_the_session_is_interrupted_once(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    struct command *command = by_uuid(1, 1, 1);
    command->options.interrupt_calls = true;
    hand_world(hand, 2, 1, 2);
    hand_own(hand);
    hand_resolved(hand, command);
    hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_OK, true); /* and it stays listed */
    struct instant sent = hand->now;
    struct engine_action action;
    for (int turn = 0; turn < 100 && hand->interrupts == 0; turn++) {
        while (hand_next(hand, &action)) {
            if (action.kind == ENGINE_APPEND) {
                assert_int_equal(action.record->attempt.act, ACT_INTERRUPT);
                assert_true(instant_ms_between(sent, hand->now) >= hand->config.verify_ms / 2);
            }
            if (action.kind == ENGINE_INTERRUPT)
                world_end(hand, &action.session); /* that was it */
            hand_carry_out(hand, &action);
        }
        if (hand->interrupts == 0)
            hand_wait(hand);
    }
    hand_run(hand);
    assert_int_equal(hand->interrupts, 1);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void no_call_is_interrupted_while_the_control_topic_cannot_be_read(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    struct command *command = by_uuid(1, 1, 1);
    command->options.interrupt_calls = true;
    hand->config.verify_ms = 60000;
    engine_configure(hand->engine, &hand->config);
    hand_world(hand, 2, 1, 2);
    hand_own(hand);
    hand_resolved(hand, command);
    hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_OK, true); /* and it stays listed */
    hand->control_lost = true;
    hand_run_for(hand, 45000);
    assert_int_equal(hand->interrupts, 0);
    hand->control_lost = false;
    struct engine_action action;
    while (hand->interrupts == 0) {
        while (hand_next(hand, &action)) {
            if (action.kind == ENGINE_INTERRUPT)
                assert_true(instant_before(hand->now, action.send_by));
            hand_carry_out(hand, &action);
        }
        hand_pass(hand, 100);
    }
    hand_run(hand);
    assert_int_equal(hand->interrupts, 1);
}

static void nothing_is_interrupted_unasked(void **state)
{
    (void)state;
    AUTO(hand) hand = hand_create();
    hand_world(hand, 2, 1, 2);
    hand_own(hand);
    hand_resolved(hand, by_uuid(1, 1, 1));
    hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_OK, true);
    hand_run(hand);
    assert_int_equal(hand->interrupts, 0);
    assert_int_equal(hand_told(hand), EVENT_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_without_leftovers_is_released_at_once),
        cmocka_unit_test(who_did_not_ask_for_it_is_not_kept_waiting),
        cmocka_unit_test(leftovers_are_disconnected_under_a_licence_that_names_them),
        cmocka_unit_test(a_newcomer_under_the_same_number_keeps_his_connections),
        cmocka_unit_test(what_stays_is_told_as_a_leak_and_is_no_success),
        cmocka_unit_test(connections_that_cannot_be_seen_are_not_taken_for_gone),
        cmocka_unit_test(after_a_crash_the_release_is_looked_for_again),
        cmocka_unit_test(what_is_answered_while_an_owner_is_asked_for_is_not_told),
        cmocka_unit_test(while_the_kill_switch_is_engaged_nobody_is_disconnected),
        cmocka_unit_test(a_call_that_keeps_the_session_is_interrupted_once),
        cmocka_unit_test(no_call_is_interrupted_while_the_control_topic_cannot_be_read),
        cmocka_unit_test(nothing_is_interrupted_unasked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
