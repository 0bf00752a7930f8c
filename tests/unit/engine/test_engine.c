/* One command, from the offer to its end, and every way in which the cluster can answer. Small
 * examples to read; tests/sim tries what nobody thought of. */
#include "by_hand.h"

static struct hand *owner(void)
{
    struct hand *hand = hand_create();
    hand_own(hand);
    hand_world(hand, 2, 7u, 8u);
    return hand;
}

/* ---- the walk ---- */

static void a_command_by_uuid_goes_from_the_offer_to_closed_in_this_order(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_offer(hand, by_uuid(1, 1, 7u));
    hand_appended(hand, RECORD_ACCEPTED);
    struct engine_action list = hand_take(hand, ENGINE_LIST);
    assert_string_equal(list.cluster, "main");
    assert_null(list.infobase); /* sessions by UUID need no names */
    hand_list(hand, list.tag);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    assert_int_equal(resolved->resolved.count, 1);
    assert_int_equal(resolved->resolved.chunks, 1);
    assert_int_equal(resolved->resolved.targets[0].verdict, TARGET_NONE);
    hand_read(hand, resolved);
    struct engine_action end = hand_take(hand, ENGINE_END);
    struct uuid seven = uuid_of(7);
    assert_true(uuid_equal(&end.session, &seven));
    assert_string_equal(end.message, "the database is updated");
    assert_true(engine_allows(hand->engine, ENGINE_END, end.tag));
    world_end(hand, &end.session);
    hand_end(hand, end.tag, ERR_OK, true);
    hand_listed(hand); /* ended is what a list says, not what the answer says */
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_closed(hand, COMMAND_COMPLETED);
    assert_int_equal(hand->told_count, 2);
    assert_int_equal(hand->told[0].kind, EVENT_ACCEPTED);
    assert_int_equal(hand->told[1].kind, EVENT_COMPLETED);
    assert_int_equal(hand->told[1].targets, 1);
    struct engine_command_view view;
    assert_true(engine_finished(hand->engine, &view));
    assert_int_equal(view.outcome, COMMAND_COMPLETED);
    assert_int_equal(view.succeeded, 1);
    assert_false(engine_finished(hand->engine, &view));
}

static void what_is_absent_from_the_first_list_is_already_gone_and_nothing_is_sent(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 99u));
    hand_outcome(hand, TARGET_ALREADY_GONE, ERR_OK, 0);
    hand_closed(hand, COMMAND_COMPLETED);
}

static void a_number_is_resolved_once_and_its_later_bearer_is_left_alone(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_number(1, 1, 7u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    hand_end(hand, end.tag, ERR_IN_DOUBT, true);
    hand->world[0].uuid = uuid_of(1007); /* somebody else logged in and got number 7 */
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_IN_DOUBT, 1);
    hand_closed(hand, COMMAND_COMPLETED);
    assert_int_equal(hand->resolves, 1);
}

static void a_dry_run_resolves_and_closes_without_an_end(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct command *command = by_uuid(1, 2, 7u, 8u);
    command->options.dry_run = true;
    hand_resolved(hand, command);
    hand_closed(hand, COMMAND_DRY_RUN);
}

static void twice_the_same_target_is_one_target(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 3, 7u, 7u, 8u));
    assert_int_equal(engine_counts(hand->engine).open_targets, 2);
}

/* ---- licences ---- */

static void nothing_is_sent_before_its_licence_was_read_back(void **state) /* I1 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_listed(hand);
    struct engine_action append = hand_take(hand, ENGINE_APPEND);
    assert_int_equal(append.record->kind, RECORD_RESOLVED);
    hand_is_quiet(hand);
    engine_appended(hand->engine, append.tag, ENGINE_PERSISTED, hand->now);
    hand_pass(hand, 1000);
    hand_is_quiet(hand); /* stored is not yet read back */
    hand_read(hand, append.record);
    hand_take(hand, ENGINE_END);
}

static void an_end_may_leave_only_while_licence_list_and_validity_hold(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->config.identity_max_age_ms = 60000;
    engine_configure(hand->engine, &hand->config);
    struct instant appended = hand->now;
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    assert_int_equal(instant_ms_between(appended, end.send_by), LICENCE_AGE_MS);
    hand->config.identity_max_age_ms = 4000;
    engine_configure(hand->engine, &hand->config);
    hand_resolved(hand, by_uuid(2, 1, 8u));
    end = hand_take(hand, ENGINE_END);
    assert_int_equal(instant_ms_between(appended, end.send_by), 4000);
    hand_world(hand, 1, 9u);
    struct engine_offer offer = offer_of(hand, by_uuid(3, 1, 9u));
    offer.expires_at.ms = hand->wall.ms + 1500;
    assert_int_equal(engine_offer(hand->engine, &offer, hand->now, NULL), ERR_OK);
    hand_appended(hand, RECORD_ACCEPTED);
    hand_listed(hand);
    hand_appended(hand, RECORD_RESOLVED);
    end = hand_take(hand, ENGINE_END);
    assert_int_equal(instant_ms_between(appended, end.send_by), 1500);
}

static void a_licence_that_came_back_too_late_is_not_acted_on(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->config.identity_max_age_ms = 60000; /* the list is not what stops it */
    engine_configure(hand->engine, &hand->config);
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    hand_pass(hand, LICENCE_AGE_MS);
    hand_read(hand, resolved);
    struct record *attempt = hand_append(hand, RECORD_ATTEMPT);
    assert_int_equal(attempt->attempt.attempt, 1);
    assert_int_equal(attempt->attempt.count, 1);
    hand_is_quiet(hand);
    hand_read(hand, attempt);
    hand_take(hand, ENGINE_END);
}

static void an_old_list_is_asked_for_again_before_the_end(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    hand_pass(hand, 5000);
    hand_read(hand, resolved);
    hand_listed(hand);
    hand_take(hand, ENGINE_END); /* the licence is 5 s old and holds */
}

static void what_waited_too_long_in_the_lane_is_listed_and_licensed_anew(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    hand_pass(hand, LICENCE_AGE_MS);
    hand_end(hand, end.tag, ERR_STALE, false);
    hand_listed(hand);
    hand_appended(hand, RECORD_ATTEMPT);
    hand_take(hand, ENGINE_END);
    assert_int_equal(engine_counts(hand->engine).stale, 1);
}

/* ---- answers to an end ---- */

static void an_end_in_doubt_is_listed_before_anything_else(void **state) /* I6 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_IN_DOUBT, true);
    struct engine_action list = hand_take(hand, ENGINE_LIST);
    hand_pass(hand, 3000);
    hand_is_quiet(hand); /* no second end, no verdict */
    hand_list(hand, list.tag);
    hand_appended(hand, RECORD_ATTEMPT); /* still there: once more, under a licence of its own */
    struct engine_action end = hand_take(hand, ENGINE_END);
    world_end(hand, &end.session);
    hand_end(hand, end.tag, ERR_IN_DOUBT, true);
    hand_wait(hand); /* lists are asked for later and later */
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_IN_DOUBT, 2);
    hand_closed(hand, COMMAND_COMPLETED);
}

static void a_list_that_began_before_the_answer_says_nothing_about_it(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    hand_accept(hand, by_uuid(2, 1, 99u)); /* brings a list on the way */
    struct engine_action early = hand_take(hand, ENGINE_LIST);
    struct instant began = hand->now;
    hand_pass(hand, 100);
    hand_end(hand, end.tag, ERR_OK, true);
    struct session_list list = {.sessions = &hand->world[1],
                                .count = 1, /* without 7, whoever ended it */
                                .started = began,
                                .finished = hand->now};
    engine_listed(hand->engine, early.tag, &list, NULL, hand->now);
    hand_appended(hand, RECORD_RESOLVED); /* of the other command... */
    hand_outcome(hand, TARGET_ALREADY_GONE, ERR_OK, 0);
    hand_take(hand, ENGINE_LIST);
    hand_appended(hand, RECORD_CLOSED);
    hand_is_quiet(hand); /* ...and nothing of this one */
}

static void a_refusal_is_followed_by_a_list_and_a_licence_until_attempts_are_spent(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    for (unsigned attempt = 1; attempt <= hand->config.attempts_max; attempt++) {
        hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_REFUSED, true);
        if (attempt > 1)
            hand_wait(hand); /* lists are asked for later and later */
        hand_listed(hand);
        if (attempt < hand->config.attempts_max)
            hand_appended(hand, RECORD_ATTEMPT);
    }
    struct record *record = hand_append(hand, RECORD_OUTCOME);
    const struct target_end *end = &record->outcome.ends[0];
    assert_int_equal(end->outcome, TARGET_FAILED);
    assert_int_equal(end->attempts, hand->config.attempts_max);
    assert_int_equal(end->reason.code, ERR_REFUSED);
    assert_string_equal(end->reason.message, "the cluster answers so"); /* its own words */
    hand_read(hand, record);
    hand_closed(hand, COMMAND_FAILED);
}

static void refused_credentials_end_the_target_at_once(void **state)
{
    (void)state;
    for (unsigned sent = 0; sent < 2; sent++) {
        AUTO(hand) hand = owner();
        hand_resolved(hand, by_uuid(1, 1, 7u));
        hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_AUTH, sent);
        hand_outcome(hand, TARGET_FAILED, ERR_AUTH, sent);
        hand_closed(hand, COMMAND_FAILED);
    }
}

static void a_session_that_ras_does_not_know_was_already_gone(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    world_end(hand, &end.session);
    hand_end(hand, end.tag, ERR_GONE, true);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ALREADY_GONE, ERR_OK, 1);
    hand_closed(hand, COMMAND_COMPLETED);
}

static void a_session_that_stays_listed_until_the_deadline_survived(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_OK, true);
    struct instant sent = hand->now;
    while (instant_ms_between(sent, hand->now) < hand->config.verify_ms) {
        hand_listed(hand);
        hand_wait(hand);
    }
    hand_listed(hand);
    hand_outcome(hand, TARGET_SURVIVED, ERR_REFUSED, 1);
    hand_closed(hand, COMMAND_FAILED);
}

static void without_a_list_until_the_deadline_the_end_is_unknown_never_failed(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_OK, true);
    hand->cluster_down = true;
    hand_run(hand);
    assert_int_equal(hand_told(hand), EVENT_FAILED);
    struct record *outcome;
    const struct buf *bytes = &hand->journal[hand->journal_count - 2].bytes;
    assert_int_equal(
        record_decode((struct text){(const char *)bytes->data, bytes->length}, &outcome, NULL),
        ERR_OK);
    assert_int_equal(outcome->outcome.ends[0].outcome, TARGET_UNKNOWN);
    assert_int_equal(outcome->outcome.ends[0].reason.code, ERR_IN_DOUBT);
    record_destroy(outcome);
}

/* ---- empty lists (I7) ---- */

static void an_empty_list_is_no_proof_until_a_probe_says_gone(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_OK, true);
    hand_world(hand, 0);
    hand_listed(hand);
    struct engine_action probe = hand_take(hand, ENGINE_PROBE);
    struct uuid seven = uuid_of(7);
    assert_true(uuid_equal(&probe.session, &seven));
    hand_is_quiet(hand);
    engine_probed(hand->engine, probe.tag, ERR_UNAVAILABLE, NULL, hand->now);
    hand_is_quiet(hand);
    hand_pass(hand, 2000);
    hand_listed(hand);
    probe = hand_take(hand, ENGINE_PROBE);
    engine_probed(hand->engine, probe.tag, ERR_GONE, NULL, hand->now);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_closed(hand, COMMAND_COMPLETED);
}

/* Somebody whose rights are gone is shown nothing, and answered nothing. */
static void a_refused_probe_is_no_proof_beside_empty_lists(void **state) /* I7 */
{
    (void)state;
    static const enum error_code refusals[] = {ERR_REFUSED, ERR_AUTH};
    AUTO(hand) hand = owner();
    hand_world(hand, 0);
    hand_accept(hand, by_uuid(1, 1, 7u));
    for (size_t i = 0; i < 6; i++) {
        hand_listed(hand);
        engine_probed(hand->engine, hand_take(hand, ENGINE_PROBE).tag, refusals[i % 2], NULL,
                      hand->now);
        hand_is_quiet(hand);
        hand_pass(hand, hand->config.empty_confirm_ms + 1000);
    }
}

static void a_cluster_that_cannot_be_probed_is_believed_with_its_second_empty_list(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 0);
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_listed(hand);
    engine_probed(hand->engine, hand_take(hand, ENGINE_PROBE).tag, ERR_UNSUPPORTED, NULL,
                  hand->now);
    hand_is_quiet(hand);
    hand_pass(hand, hand->config.empty_confirm_ms + 1000);
    hand_listed(hand);
    engine_probed(hand->engine, hand_take(hand, ENGINE_PROBE).tag, ERR_UNSUPPORTED, NULL,
                  hand->now);
    hand_listed(hand);
    hand_appended(hand, RECORD_RESOLVED);
    hand_outcome(hand, TARGET_ALREADY_GONE, ERR_OK, 0);
}

static void a_probe_that_finds_the_session_overrules_the_empty_list(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_end(hand, hand_take(hand, ENGINE_END).tag, ERR_IN_DOUBT, true);
    hand_world(hand, 0);
    hand_listed(hand);
    engine_probed(hand->engine, hand_take(hand, ENGINE_PROBE).tag, ERR_OK, NULL, hand->now);
    hand_is_quiet(hand); /* list and answer differ: a pause before the next */
    hand_pass(hand, 2000);
    hand_world(hand, 1, 7u);
    hand_listed(hand);
    hand_appended(hand, RECORD_ATTEMPT);
    hand_take(hand, ENGINE_END);
}

static void a_probe_that_finds_somebody_else_under_the_uuid_leaves_him_alone(void **state) /* I2 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    hand_end(hand, end.tag, ERR_STALE, false);
    hand->world_count = 0;
    hand_listed(hand);
    struct session other = session_of(7);
    other.started_at.ticks += 600000;
    engine_probed(hand->engine, hand_take(hand, ENGINE_PROBE).tag, ERR_OK, &other, hand->now);
    hand_outcome(hand, TARGET_NO_LONGER_MATCHES, ERR_CONFLICT, 0);
    hand_closed(hand, COMMAND_FAILED);
}

static void an_old_cancel_does_not_stop_a_new_command_under_its_id(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct wall long_ago = {hand->wall.ms - hand->config.remember_ms};
    struct wall before = {hand->wall.ms - 1000};
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct uuid id = id_of(1);
    assert_false(engine_cancel(hand->engine, &id, &people, long_ago, hand->now));
    assert_true(engine_cancel(hand->engine, &id, &people, before, hand->now));
}

static void sessions_by_uuid_are_probed_before_an_empty_list_resolves_them(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 0);
    hand_accept(hand, by_uuid(1, 2, 7u, 8u));
    hand_listed(hand);
    struct engine_action first = hand_take(hand, ENGINE_PROBE);
    struct engine_action second = hand_take(hand, ENGINE_PROBE);
    engine_probed(hand->engine, first.tag, ERR_GONE, NULL, hand->now);
    hand_is_quiet(hand);
    engine_probed(hand->engine, second.tag, ERR_GONE, NULL, hand->now);
    hand_listed(hand);
    hand_appended(hand, RECORD_RESOLVED);
    struct record *outcome = hand_append(hand, RECORD_OUTCOME);
    assert_int_equal(outcome->outcome.count, 2);
    hand_read(hand, outcome);
    hand_closed(hand, COMMAND_COMPLETED);
}

static void numbers_wait_for_a_second_empty_list_some_time_later(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 0);
    struct instant began = hand->now;
    hand_accept(hand, by_number(1, 1, 7u));
    hand_listed(hand);
    hand_is_quiet(hand);
    hand_pass(hand, hand->config.empty_confirm_ms - 1);
    hand_is_quiet(hand);
    hand_pass(hand, 1);
    hand_listed(hand);
    hand_appended(hand, RECORD_RESOLVED);
    assert_true(instant_ms_between(began, hand->now) >= hand->config.empty_confirm_ms);
    hand_outcome(hand, TARGET_ALREADY_GONE, ERR_OK, 0);
}

/* ---- identity ---- */

static void another_session_under_the_same_uuid_is_left_alone(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    hand_pass(hand, 5000);
    hand_read(hand, resolved);
    hand->world[0].started_at.ticks++;
    hand_listed(hand);
    hand_outcome(hand, TARGET_NO_LONGER_MATCHES, ERR_CONFLICT, 0);
    hand_closed(hand, COMMAND_FAILED);
}

static void a_user_name_that_comes_late_is_no_other_session(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->world[0].user_name = ""; /* it is logging in */
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    hand_pass(hand, 5000);
    hand_read(hand, resolved);
    hand->world[0].user_name = "Иванов";
    hand_listed(hand);
    hand_take(hand, ENGINE_END);
}

static void a_protected_session_is_left_alone_and_says_why(void **state) /* I14 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->protects = 8;
    hand_resolved(hand, by_uuid(1, 1, 8u));
    struct record *record = hand_append(hand, RECORD_OUTCOME);
    assert_int_equal(record->outcome.ends[0].outcome, TARGET_PROTECTED);
    assert_string_equal(record->outcome.ends[0].reason.message, "session 8 is protected");
    hand_read(hand, record);
    hand_closed(hand, COMMAND_FAILED);
}

/* ---- expiry, cancel, kill switch ---- */

static void expired_before_a_list_nothing_is_resolved(void **state) /* I3 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->cluster_down = true;
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_listed(hand);
    hand_pass(hand, 600000);
    hand_outcome(hand, TARGET_EXPIRED, ERR_EXPIRED, 0);
    hand_closed(hand, COMMAND_EXPIRED);
    assert_int_equal(hand->resolves, 0);
}

static void expired_between_licence_and_act_nothing_is_sent(void **state) /* I3 */
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_pass(hand, 599000);
    hand_listed(hand);
    struct record *resolved = hand_append(hand, RECORD_RESOLVED);
    hand_pass(hand, 1000);
    hand_read(hand, resolved);
    hand_outcome(hand, TARGET_EXPIRED, ERR_EXPIRED, 0);
    hand_closed(hand, COMMAND_EXPIRED);
}

static void a_cancel_before_anything_was_sent_stops_every_target(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    assert_true(hand_cancel(hand, 1));
    assert_true(hand_cancel(hand, 1)); /* once is enough */
    hand_appended(hand, RECORD_CANCELLED);
    hand_outcome(hand, TARGET_STOPPED, ERR_CANCELLED, 0);
    hand_closed(hand, COMMAND_CANCELLED);
    assert_false(hand_cancel(hand, 1)); /* nothing to stop */
}

static void from_reading_a_cancel_on_nothing_is_sent(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    assert_true(engine_allows(hand->engine, ENGINE_END, end.tag));
    assert_true(hand_cancel(hand, 1));
    assert_false(
        engine_allows(hand->engine, ENGINE_END, end.tag)); /* CANCELLED is not even appended yet */
    hand_end(hand, end.tag, ERR_STALE, false);
    hand_appended(hand, RECORD_CANCELLED);
    hand_outcome(hand, TARGET_STOPPED, ERR_CANCELLED, 0);
    hand_closed(hand, COMMAND_CANCELLED);
}

static void a_cancel_after_the_end_was_sent_lets_verification_go_on(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 2, 7u, 8u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    struct engine_action other = hand_take(hand, ENGINE_END);
    hand_end(hand, end.tag, ERR_OK, true);
    world_end(hand, &end.session);
    assert_true(hand_cancel(hand, 1));
    hand_end(hand, other.tag, ERR_STALE, false);
    hand_run(hand);
    assert_int_equal(hand_told(hand), EVENT_PARTIALLY_COMPLETED);
    assert_int_equal(hand->ends, 0);
}

static void a_cancel_of_a_command_that_is_not_here_is_not_taken(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    assert_false(hand_cancel(hand, 42));
    hand_is_quiet(hand);
}

static void the_kill_switch_stops_what_was_not_sent(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    engine_halt(hand->engine, true, hand->now);
    assert_false(engine_allows(hand->engine, ENGINE_END, end.tag));
    hand_end(hand, end.tag, ERR_STALE, false);
    hand_outcome(hand, TARGET_STOPPED, ERR_CANCELLED, 0);
    hand_closed(hand, COMMAND_CANCELLED);
    engine_halt(hand->engine, false, hand->now);
    hand_accept(hand, by_uuid(2, 1, 7u));
    hand_run(hand);
    assert_int_equal(hand->ends, 1);
}

/* The end of its only target, and the command's, say who stopped it, in these words. */
static void ends_with_words(struct hand *hand, const char *words)
{
    struct record *outcome = hand_append(hand, RECORD_OUTCOME);
    assert_non_null(strstr(outcome->outcome.ends[0].reason.message, words));
    hand_read(hand, outcome);
    struct record *closed = hand_append(hand, RECORD_CLOSED);
    assert_string_equal(command_outcome_label(closed->closed.outcome), "cancelled");
    assert_non_null(strstr(closed->reason.message, words));
    hand_read(hand, closed);
}

static void who_cancelled_and_why_stands_in_the_journal(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    assert_true(hand_cancel(hand, 1));
    struct record *cancelled = hand_append(hand, RECORD_CANCELLED);
    assert_string_equal(cancelled->cancelled.by, "ops");
    assert_string_equal(cancelled->reason.message, "wrong infobase");
    hand_read(hand, cancelled);
    ends_with_words(hand, "cancelled by 'ops': wrong infobase");
}

/* The end has room for a part of it; the CANCELLED has it whole. */
static void the_longest_words_of_a_cancel_are_journalled_whole(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    char by[LIMIT_NAME_BYTES + 1] = {0};
    char why[LIMIT_TEXT_BYTES + 1] = {0};
    struct uuid id = id_of(1);
    memset(by, 'b', sizeof by - 1);
    memset(why, 'w', sizeof why - 1);
    const struct engine_asker asker = {by, why};
    hand_accept(hand, by_uuid(1, 1, 7u));
    assert_true(engine_cancel(hand->engine, &id, &asker, hand->wall, hand->now));
    struct record *cancelled = hand_append(hand, RECORD_CANCELLED);
    assert_string_equal(cancelled->cancelled.by, by);
    assert_string_equal(cancelled->reason.message, why);
    hand_read(hand, cancelled);
    ends_with_words(hand, by);
}

static void a_cancel_without_a_name_and_words_says_so(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    static const struct engine_asker silent = {"", ""};
    struct uuid id = id_of(1);
    hand_accept(hand, by_uuid(1, 1, 7u));
    assert_true(engine_cancel(hand->engine, &id, &silent, hand->wall, hand->now));
    struct record *cancelled = hand_append(hand, RECORD_CANCELLED);
    assert_int_equal(cancelled->reason.code, ERR_OK);
    hand_read(hand, cancelled);
    ends_with_words(hand, "cancelled by somebody who gives no name, who says not why");
}

static void who_engaged_the_kill_switch_and_why_stands_in_what_it_stopped(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    engine_halted_by(hand->engine, &people);
    engine_halt(hand->engine, true, hand->now);
    ends_with_words(hand, "halted by 'ops': wrong infobase");
}

/* What is handed out until nothing more is: records are read back, ends are the test's. */
static size_t take_ends(struct hand *hand, struct engine_action *ret)
{
    size_t count = 0;
    while (hand_next(hand, &ret[count])) {
        if (ret[count].kind == ENGINE_END)
            count++;
        else
            hand_carry_out(hand, &ret[count]);
    }
    return count;
}

/* A slow cluster takes some ends while the list is fresh enough; the others must not wait for more
 * than the next list. */
static void while_ends_are_taken_no_list_is_put_off(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct engine_action ends[5];
    hand_world(hand, 4, 7u, 8u, 9u, 10u);
    hand_resolved(hand, by_uuid(1, 4, 7u, 8u, 9u, 10u));
    for (size_t left = 4; left > 1; left--) {
        assert_int_equal(take_ends(hand, ends), left);
        hand_end(hand, ends[0].tag, ERR_OK, true);
        world_end(hand, &ends[0].session);
        hand_pass(hand, 1000);
        for (size_t i = 1; i < left; i++)
            hand_end(hand, ends[i].tag, ERR_STALE, false);
    }
    assert_int_equal(take_ends(hand, ends), 1);
}

/* ---- control not read to its end (ADR 2, rule 9) ---- */

static void without_control_nothing_is_ended_until_it_is_read_again(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->control_lost = true;
    hand_pass(hand, LICENCE_AGE_MS);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_is_quiet(hand); /* no END, and no licence either that would only grow old */
    hand_pass(hand, 3000);
    hand_is_quiet(hand);
    hand->control_lost = false;
    hand_run(hand);
    assert_int_equal(hand->ends, 1);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void an_end_in_its_lane_may_leave_while_control_is_known_only(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->control_lost = true;
    hand_pass(hand, LICENCE_AGE_MS - 1000);
    hand_resolved(hand, by_uuid(1, 1, 7u));
    struct engine_action end = hand_take(hand, ENGINE_END);
    assert_true(instant_ms_between(hand->now, end.send_by) <= 1000);
    hand_pass(hand, 1000);
    hand_end(hand, end.tag, ERR_STALE, false);
    hand_list(hand, hand_take(hand, ENGINE_LIST).tag);
    hand_is_quiet(hand);
    engine_control_seen(hand->engine, (struct instant){1}, hand->now); /* older than what it has */
    hand_is_quiet(hand);
}

static void what_waits_for_control_expires_like_everything_else(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->control_lost = true;
    hand_pass(hand, LICENCE_AGE_MS);
    hand_accept(hand, by_uuid(1, 1, 7u));
    hand_run(hand);
    assert_int_equal(hand->ends, 0);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

/* ---- the list cannot be had ---- */

static void lists_that_fail_are_asked_for_again_later_and_later(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand->cluster_down = true;
    hand_accept(hand, by_uuid(1, 1, 7u));
    static const int64_t pauses_ms[] = {200, 400, 800, 1600, 3200, 6400, 6400};
    for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
        hand_listed(hand);
        hand_pass(hand, pauses_ms[i] - 1);
        hand_is_quiet(hand);
        hand_pass(hand, 1);
    }
    hand->cluster_down = false;
    hand_listed(hand);
    hand_appended(hand, RECORD_RESOLVED);
}

static void what_gets_no_better_by_asking_again_fails_the_command(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_uuid(1, 1, 7u));
    struct error why;
    error_set(&why, ERR_AUTH, "the cluster's administrator is not let in");
    engine_listed(hand->engine, hand_take(hand, ENGINE_LIST).tag, NULL, &why, hand->now);
    hand_outcome(hand, TARGET_FAILED, ERR_AUTH, 0);
    hand_closed(hand, COMMAND_FAILED);
}

static void one_list_serves_all_commands_that_wait_for_it(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_offer(hand, by_uuid(1, 1, 7u));
    hand_offer(hand, by_uuid(2, 1, 8u));
    struct record *first = hand_append(hand, RECORD_ACCEPTED);
    struct record *second = hand_append(hand, RECORD_ACCEPTED);
    hand_read(hand, first);
    hand_read(hand, second);
    hand_listed(hand);
    hand_appended(hand, RECORD_RESOLVED);
    hand_appended(hand, RECORD_RESOLVED);
}

static void an_unknown_infobase_is_refused_only_after_a_list_that_was_asked_for_it(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct command *other = by_number(2, 1, 1u);
    other->selector.infobase = "buh";
    hand_offer(hand, by_number(1, 1, 7u));
    hand_offer(hand, other);
    struct record *first = hand_append(hand, RECORD_ACCEPTED);
    struct record *second = hand_append(hand, RECORD_ACCEPTED);
    hand_read(hand, first);
    hand_read(hand, second);
    struct engine_action list = hand_take(hand, ENGINE_LIST);
    assert_string_equal(list.infobase, "ut");
    hand_list(hand, list.tag);
    hand_appended(hand, RECORD_RESOLVED);
    struct engine_action end = hand_take(hand, ENGINE_END);
    list = hand_take(hand, ENGINE_LIST);
    assert_string_equal(list.infobase, "buh"); /* the names may have been older than it */
    hand_list(hand, list.tag);
    struct record *rejected = hand_append(hand, RECORD_REJECTED);
    assert_true(rejected->rejected.after_accepted);
    assert_int_equal(rejected->reason.code, ERR_NOT_FOUND);
    hand_read(hand, rejected);
    hand_end(hand, end.tag, ERR_STALE, false);
    hand_run(hand);
    assert_int_equal(hand->told[2].kind, EVENT_REJECTED);
    assert_int_equal(hand->told[3].kind, EVENT_COMPLETED);
}

static struct record *about(enum record_kind kind, uint64_t sequence)
{
    struct record *record = foreign(kind, 9, sequence);
    record->command_id = id_of(1);
    return record;
}

/* An action borrows the words of its command, which another owner may have ended meanwhile: many
 * are queued, and the service takes a bounded number between two inputs. */
static void what_is_queued_for_a_command_that_is_over_is_not_handed_out(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 3, 7, 8, 9);
    hand_resolved(hand, by_uuid(1, 2, 7u, 8u));
    hand_take(hand, ENGINE_END);
    hand_read(hand, about(RECORD_OWNER, 1));
    struct record *outcome = about(RECORD_OUTCOME, 2);
    outcome->outcome.ends = mem_alloc(2, sizeof outcome->outcome.ends[0]);
    outcome->outcome.count = 2;
    for (uint32_t i = 0; i < 2; i++)
        outcome->outcome.ends[i] = (struct target_end){.index = i, .outcome = TARGET_ENDED};
    hand_read(hand, outcome);
    struct record *closed = about(RECORD_CLOSED, 3);
    closed->closed.outcome = COMMAND_COMPLETED;
    hand_read(hand, closed);
    struct record *told = foreign(RECORD_FORWARDED, 9, 4);
    told->events_through = hand->journal_count; /* its events are delivered: it is forgotten */
    hand_read(hand, told);
    hand_is_quiet(hand);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_by_uuid_goes_from_the_offer_to_closed_in_this_order),
        cmocka_unit_test(what_is_absent_from_the_first_list_is_already_gone_and_nothing_is_sent),
        cmocka_unit_test(a_number_is_resolved_once_and_its_later_bearer_is_left_alone),
        cmocka_unit_test(a_dry_run_resolves_and_closes_without_an_end),
        cmocka_unit_test(twice_the_same_target_is_one_target),
        cmocka_unit_test(nothing_is_sent_before_its_licence_was_read_back),
        cmocka_unit_test(an_end_may_leave_only_while_licence_list_and_validity_hold),
        cmocka_unit_test(a_licence_that_came_back_too_late_is_not_acted_on),
        cmocka_unit_test(an_old_list_is_asked_for_again_before_the_end),
        cmocka_unit_test(what_waited_too_long_in_the_lane_is_listed_and_licensed_anew),
        cmocka_unit_test(an_end_in_doubt_is_listed_before_anything_else),
        cmocka_unit_test(a_list_that_began_before_the_answer_says_nothing_about_it),
        cmocka_unit_test(a_refusal_is_followed_by_a_list_and_a_licence_until_attempts_are_spent),
        cmocka_unit_test(refused_credentials_end_the_target_at_once),
        cmocka_unit_test(a_session_that_ras_does_not_know_was_already_gone),
        cmocka_unit_test(a_session_that_stays_listed_until_the_deadline_survived),
        cmocka_unit_test(without_a_list_until_the_deadline_the_end_is_unknown_never_failed),
        cmocka_unit_test(an_empty_list_is_no_proof_until_a_probe_says_gone),
        cmocka_unit_test(a_refused_probe_is_no_proof_beside_empty_lists),
        cmocka_unit_test(a_cluster_that_cannot_be_probed_is_believed_with_its_second_empty_list),
        cmocka_unit_test(a_probe_that_finds_the_session_overrules_the_empty_list),
        cmocka_unit_test(a_probe_that_finds_somebody_else_under_the_uuid_leaves_him_alone),
        cmocka_unit_test(an_old_cancel_does_not_stop_a_new_command_under_its_id),
        cmocka_unit_test(sessions_by_uuid_are_probed_before_an_empty_list_resolves_them),
        cmocka_unit_test(numbers_wait_for_a_second_empty_list_some_time_later),
        cmocka_unit_test(another_session_under_the_same_uuid_is_left_alone),
        cmocka_unit_test(a_user_name_that_comes_late_is_no_other_session),
        cmocka_unit_test(a_protected_session_is_left_alone_and_says_why),
        cmocka_unit_test(expired_before_a_list_nothing_is_resolved),
        cmocka_unit_test(expired_between_licence_and_act_nothing_is_sent),
        cmocka_unit_test(a_cancel_before_anything_was_sent_stops_every_target),
        cmocka_unit_test(from_reading_a_cancel_on_nothing_is_sent),
        cmocka_unit_test(a_cancel_after_the_end_was_sent_lets_verification_go_on),
        cmocka_unit_test(a_cancel_of_a_command_that_is_not_here_is_not_taken),
        cmocka_unit_test(the_kill_switch_stops_what_was_not_sent),
        cmocka_unit_test(who_cancelled_and_why_stands_in_the_journal),
        cmocka_unit_test(the_longest_words_of_a_cancel_are_journalled_whole),
        cmocka_unit_test(a_cancel_without_a_name_and_words_says_so),
        cmocka_unit_test(who_engaged_the_kill_switch_and_why_stands_in_what_it_stopped),
        cmocka_unit_test(while_ends_are_taken_no_list_is_put_off),
        cmocka_unit_test(without_control_nothing_is_ended_until_it_is_read_again),
        cmocka_unit_test(an_end_in_its_lane_may_leave_while_control_is_known_only),
        cmocka_unit_test(what_waits_for_control_expires_like_everything_else),
        cmocka_unit_test(lists_that_fail_are_asked_for_again_later_and_later),
        cmocka_unit_test(what_gets_no_better_by_asking_again_fails_the_command),
        cmocka_unit_test(one_list_serves_all_commands_that_wait_for_it),
        cmocka_unit_test(an_unknown_infobase_is_refused_only_after_a_list_that_was_asked_for_it),
        cmocka_unit_test(what_is_queued_for_a_command_that_is_over_is_not_handed_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
