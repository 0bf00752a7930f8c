/* Lists that wait for a second person. */
#include "by_hand.h"

static struct hand *owner(void)
{
    struct hand *hand = hand_create();
    hand->approve_above = 1;
    hand_own(hand);
    hand_world(hand, 3, 7u, 8u, 90u);
    return hand;
}

/* Its list is frozen and waits; the digest that PENDING names goes to `ret_digest`. */
static void waits(struct hand *hand, struct command *command, char *ret_digest)
{
    hand_accept(hand, command);
    hand_listed(hand);
    struct record *pending = hand_append(hand, RECORD_PENDING);
    assert_int_equal(pending->pending.until.ms, hand->wall.ms + HAND_APPROVAL_MS);
    strcpy(ret_digest, pending->pending.digest);
    hand_read(hand, pending);
    hand_appended(hand, RECORD_RESOLVED);
    hand_is_quiet(hand);
    assert_string_equal(hand->pending_digest, ret_digest); /* announced: who else could know it? */
}

static bool approve(struct hand *hand, uint8_t id, const char *by, const char *digest)
{
    struct engine_approval approval = {id_of(id), by, digest};
    return engine_approve(hand->engine, &approval, hand->now);
}

enum { DIGEST_SIZE = 80 };

static void a_list_that_waits_is_ended_only_when_it_is_approved(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    char digest[DIGEST_SIZE];
    waits(hand, by_filter(1), digest);
    hand_pass(hand, 5000);
    hand_is_quiet(hand); /* RESOLVED is no licence */
    assert_true(approve(hand, 1, "chief", digest));
    assert_true(approve(hand, 1, "chief", digest)); /* once is enough */
    struct record *approved = hand_append(hand, RECORD_APPROVED);
    assert_int_equal(approved->reason.code, ERR_OK);
    assert_string_equal(approved->approved.by, "chief");
    hand_is_quiet(hand);
    hand_read(hand, approved);
    hand_listed(hand); /* the list that was approved is old by now */
    struct record *attempt = hand_append(hand, RECORD_ATTEMPT);
    assert_int_equal(attempt->attempt.count, 2);
    hand_read(hand, attempt);
    hand_run(hand);
    assert_int_equal(hand->ends, 2);
    assert_int_equal(hand->world_count, 1);
    assert_int_equal(hand->progress[0], PROGRESS_APPROVED);
    assert_false(approve(hand, 1, "chief", digest)); /* nothing waits */
}

static void few_sessions_need_no_approval_and_a_plan_never_does(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_world(hand, 2, 7u, 90u);
    hand_resolved(hand, by_filter(1));
    hand_run(hand);
    assert_int_equal(hand->ends, 1);
    hand_world(hand, 3, 7u, 8u, 90u);
    struct command *plan = by_filter(2);
    plan->options.dry_run = true;
    hand_resolved(hand, plan);
    hand_closed(hand, COMMAND_DRY_RUN);
}

static void refused(struct hand *hand, const char *by, const char *digest, enum error_code why)
{
    assert_true(approve(hand, 1, by, digest));
    struct record *approved = hand_append(hand, RECORD_APPROVED);
    assert_string_equal(error_label(approved->reason.code), error_label(why));
    hand_read(hand, approved);
    hand_is_quiet(hand);
    assert_int_equal(hand->progress[hand->progress_count - 1], PROGRESS_NOT_APPROVED);
    assert_true(approve(hand, 1, by, digest)); /* read again: it is journalled once */
    hand_is_quiet(hand);
}

static void a_wrong_approval_is_journalled_and_changes_nothing(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    char digest[DIGEST_SIZE];
    waits(hand, by_filter(1), digest);
    refused(hand, "OPS", digest, ERR_DENIED); /* who asked for it, however it is written */
    refused(hand, "", digest, ERR_DENIED);
    refused(hand, "chief", "00", ERR_CONFLICT);
    assert_true(approve(hand, 1, "chief", digest));
    hand_appended(hand, RECORD_APPROVED);
    hand_run(hand);
    assert_int_equal(hand->ends, 2);
}

static void wrong_approvals_do_not_fill_the_journal(void **state) /* I13 */
{
    (void)state;
    AUTO(hand) hand = owner();
    char digest[DIGEST_SIZE];
    waits(hand, by_filter(1), digest);
    for (int i = 0; i < 20; i++) {
        char other[DIGEST_SIZE];
        snprintf(other, sizeof other, "%064x", i);
        assert_true(approve(hand, 1, "chief", other));
        struct engine_action action;
        while (hand_next(hand, &action))
            hand_read(hand, action.record);
    }
    assert_true(hand->journal_count < 16);
    assert_true(approve(hand, 1, "chief", digest)); /* the right one counts all the same */
    hand_appended(hand, RECORD_APPROVED);
}

static void without_an_approval_in_time_the_command_expires(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    char digest[DIGEST_SIZE];
    waits(hand, by_filter(1), digest);
    hand_pass(hand, HAND_APPROVAL_MS);
    struct record *outcome = hand_append(hand, RECORD_OUTCOME);
    assert_int_equal(outcome->outcome.ends[0].outcome, TARGET_EXPIRED);
    assert_false(approve(hand, 1, "chief", digest)); /* it cannot be taken back */
    hand_read(hand, outcome);
    hand_closed(hand, COMMAND_EXPIRED);
}

/* Before the loop came to say that the time is over. */
static void an_approval_that_comes_too_late_changes_nothing(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    char digest[DIGEST_SIZE];
    waits(hand, by_filter(1), digest);
    hand->now = instant_add_ms(hand->now, HAND_APPROVAL_MS);
    hand->wall.ms += HAND_APPROVAL_MS;
    assert_true(approve(hand, 1, "chief", digest));
    struct record *approved = hand_append(hand, RECORD_APPROVED);
    assert_int_equal(approved->reason.code, ERR_EXPIRED);
    hand_read(hand, approved);
    hand_run(hand);
    assert_int_equal(hand->ends, 0);
}

static void rounds_do_not_ask_again_when_nobody_approved(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    char digest[DIGEST_SIZE];
    struct command *command = by_filter(1);
    command->options.until_empty = true;
    waits(hand, command, digest);
    hand_pass(hand, HAND_APPROVAL_MS);
    hand_world(hand, 1, 90u); /* they went by themselves: a further list would select nobody */
    hand_appended(hand, RECORD_OUTCOME);
    hand_closed(hand, COMMAND_EXPIRED);
}

static void a_cancel_and_the_kill_switch_stop_what_waits(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    char digest[DIGEST_SIZE];
    waits(hand, by_filter(1), digest);
    assert_true(hand_cancel(hand, 1));
    hand_appended(hand, RECORD_CANCELLED);
    hand_run(hand);
    waits(hand, by_filter(2), digest);
    engine_halt(hand->engine, true, hand->now);
    hand_run(hand);
    assert_int_equal(hand->ends, 0);
    assert_int_equal(engine_counts(hand->engine).open_commands, 0);
}

static void the_grace_begins_with_the_approval(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    char digest[DIGEST_SIZE];
    struct command *command = by_filter(1);
    command->options.grace_ms = 60000;
    waits(hand, command, digest);
    hand_pass(hand, 1800000);
    assert_true(approve(hand, 1, "chief", digest));
    hand_appended(hand, RECORD_APPROVED);
    int64_t until = hand->wall.ms + 60000;
    struct engine_action action;
    while (hand->wall.ms < until) {
        while (hand_next(hand, &action)) {
            assert_int_equal(action.kind, ENGINE_LIST);
            hand_list(hand, action.tag);
        }
        hand_wait(hand);
    }
    hand_run(hand);
    assert_int_equal(hand->ends, 2);
}

static void a_successor_waits_on_and_takes_the_approval(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    char digest[DIGEST_SIZE];
    waits(hand, by_filter(1), digest);
    hand_restart(hand, -1);
    hand_own(hand);
    hand_is_quiet(hand);
    assert_true(approve(hand, 1, "chief", digest));
    hand_appended(hand, RECORD_APPROVED);
    hand_run(hand);
    assert_int_equal(hand->ends, 2);
}

static void behind_an_owner_a_pending_names_no_list_any_more(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_accept(hand, by_filter(1));
    hand_listed(hand);
    hand_appended(hand, RECORD_PENDING);
    record_destroy(hand_append(hand, RECORD_RESOLVED)); /* lost with its writer */
    hand_restart(hand, -1);
    hand->approve_above = 0; /* the limits are others now */
    hand_own(hand);
    hand_listed(hand);
    hand_appended(hand, RECORD_RESOLVED);
    hand_run(hand);
    assert_int_equal(hand->ends, 2);
}

static void what_earlier_rounds_ended_without_an_approval_is_counted(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    struct command *command = by_filter(1);
    command->options.until_empty = true;
    hand_world(hand, 2, 7u, 90u);
    hand_resolved(hand, command);
    struct engine_action end = hand_take(hand, ENGINE_END);
    world_end(hand, &end.session);
    hand_end(hand, end.tag, ERR_OK, true);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_world(hand, 2, 8u, 90u);
    hand_wait(hand);
    hand_listed(hand);
    hand_appended(hand, RECORD_PENDING); /* one and one are more than one */
    assert_int_equal(hand->unapproved, 1);
    hand_appended(hand, RECORD_RESOLVED);
    hand_is_quiet(hand);
    assert_true(approve(hand, 1, "chief", hand->pending_digest));
    hand_appended(hand, RECORD_APPROVED);
    hand_appended(hand, RECORD_ATTEMPT);
    end = hand_take(hand, ENGINE_END);
    world_end(hand, &end.session);
    hand_end(hand, end.tag, ERR_OK, true);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
    hand_world(hand, 2, 9u, 90u);
    hand_wait(hand);
    hand_listed(hand);
    hand_appended(hand, RECORD_PENDING); /* who approved the second did not see the first */
    assert_int_equal(hand->unapproved, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_that_waits_is_ended_only_when_it_is_approved),
        cmocka_unit_test(few_sessions_need_no_approval_and_a_plan_never_does),
        cmocka_unit_test(a_wrong_approval_is_journalled_and_changes_nothing),
        cmocka_unit_test(wrong_approvals_do_not_fill_the_journal),
        cmocka_unit_test(without_an_approval_in_time_the_command_expires),
        cmocka_unit_test(an_approval_that_comes_too_late_changes_nothing),
        cmocka_unit_test(rounds_do_not_ask_again_when_nobody_approved),
        cmocka_unit_test(a_cancel_and_the_kill_switch_stop_what_waits),
        cmocka_unit_test(the_grace_begins_with_the_approval),
        cmocka_unit_test(a_successor_waits_on_and_takes_the_approval),
        cmocka_unit_test(behind_an_owner_a_pending_names_no_list_any_more),
        cmocka_unit_test(what_earlier_rounds_ended_without_an_approval_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
