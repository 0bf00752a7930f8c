/* Ends of which nobody can say whether they came: what is waited for first, and what is said about
 * it then. */
#include "by_hand.h"

static struct hand *owner(void)
{
    struct hand *hand = hand_create();
    hand_own(hand);
    hand_world(hand, 2, 7u, 8u);
    return hand;
}

/* 7 was to be ended, and that was answered so. */
static struct hand *sent(enum error_code code)
{
    struct hand *hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_end(hand, hand_take(hand, ENGINE_END).tag, code, true);
    return hand;
}

static int64_t ms_since(const struct hand *hand, struct instant then)
{
    return instant_ms_between(then, hand->now);
}

/* Lists, and nothing but lists, until the time for verification is over. */
static void list_until_deadline(struct hand *hand)
{
    struct instant began = hand->now;
    while (ms_since(hand, began) < hand->config.verify_ms) {
        hand_listed(hand);
        hand_wait(hand);
    }
    hand_listed(hand);
}

/* The next append says that it is unknown, for this reason; it is read back. */
static void expect_unknown(struct hand *hand, enum error_code code, const char *words)
{
    struct record *record = hand_append(hand, RECORD_OUTCOME);
    const struct target_end *end = &record->outcome.ends[0];
    assert_string_equal(target_outcome_label(end->outcome), "unknown");
    assert_string_equal(error_label(end->reason.code), error_label(code));
    if (!strstr(end->reason.message, words))
        fail_msg("wanted '%s' in: %s", words, end->reason.message);
    hand_read(hand, record);
    hand_closed(hand, COMMAND_FAILED);
}

/* ---- under the UUID, and not as it was ---- */

static void a_session_that_loses_its_user_before_it_goes_was_ended(void **state)
{
    (void)state;
    static const enum error_code answers[] = {ERR_OK, ERR_IN_DOUBT};
    for (int i = 0; i < 2; i++) {
        AUTO(hand) hand = sent(answers[i]);
        hand->world[0].user_name = "";
        for (int lists = 0; lists < 5; lists++) {
            hand_listed(hand);
            hand_wait(hand);
        }
        hand_world(hand, 1, 8u);
        hand_listed(hand);
        hand_outcome(hand, TARGET_ENDED, answers[i], 1);
        hand_closed(hand, COMMAND_COMPLETED);
    }
}

static void
a_session_that_stays_changed_until_the_deadline_is_unknown_and_is_left_alone(void **state) /* I2 */
{
    (void)state;
    static const enum error_code answers[] = {ERR_OK, ERR_IN_DOUBT, ERR_REFUSED};
    for (int i = 0; i < 3; i++) {
        AUTO(hand) hand = sent(answers[i]);
        hand->world[0].started_at.ticks++;
        list_until_deadline(hand);
        expect_unknown(hand, ERR_CONFLICT, "not as it was");
    }
}

static void a_session_that_is_again_as_it_was_is_ended_under_a_new_licence(void **state)
{
    (void)state;
    AUTO(hand) hand = sent(ERR_IN_DOUBT);
    hand->world[0].user_name = "";
    hand_listed(hand);
    hand_wait(hand);
    hand_world(hand, 2, 7u, 8u);
    hand_listed(hand);
    hand_appended(hand, RECORD_ATTEMPT);
    hand_run(hand);
    assert_int_equal(hand->ends, 1);
    assert_int_equal(hand_told(hand), EVENT_COMPLETED);
}

static void what_an_earlier_owner_may_have_ended_is_waited_for_too(void **state)
{
    (void)state;
    AUTO(hand) hand = owner();
    hand_resolved(hand, by_uuid(1, 1, 7u));
    hand_take(hand, ENGINE_END);
    hand_restart(hand, -1);
    hand_own(hand);
    hand->world[0].user_name = "";
    hand_listed(hand);
    hand_wait(hand);
    hand_world(hand, 1, 8u);
    hand_listed(hand);
    hand_outcome(hand, TARGET_ENDED, ERR_IN_DOUBT, 0);
}

/* The answer about one session stands beside an empty list. */
static void a_changed_session_that_only_a_question_shows_is_waited_for_too(void **state)
{
    (void)state;
    AUTO(hand) hand = sent(ERR_OK);
    struct session changed = hand->world[0];
    changed.user_name = "";
    hand->world_count = 0;
    hand_listed(hand);
    engine_probed(hand->engine, hand_take(hand, ENGINE_PROBE).tag, ERR_OK, &changed, hand->now);
    hand_wait(hand);
    hand_listed(hand);
    engine_probed(hand->engine, hand_take(hand, ENGINE_PROBE).tag, ERR_GONE, NULL, hand->now);
    hand_outcome(hand, TARGET_ENDED, ERR_OK, 1);
}

/* ---- why it is not known ---- */

/* The OUTCOME that the journal ends with, CLOSED behind it. Owned by the caller. */
static struct record *last_outcome(const struct hand *hand)
{
    struct record *record;
    const struct buf *bytes = &hand->journal[hand->journal_count - 2].bytes;
    struct text text = {(const char *)bytes->data, bytes->length};
    assert_int_equal(record_decode(text, &record, NULL), ERR_OK);
    assert_int_equal(record->kind, RECORD_OUTCOME);
    assert_string_equal(target_outcome_label(record->outcome.ends[0].outcome), "unknown");
    return record;
}

static void without_a_list_the_reason_is_the_list(void **state)
{
    (void)state;
    AUTO(hand) hand = sent(ERR_OK);
    hand->cluster_down = true;
    hand_run(hand);
    AUTO(record) outcome = last_outcome(hand);
    assert_string_equal(outcome->outcome.ends[0].reason.message,
                        "an end was sent, and the cluster could not be listed since: look with "
                        "`curfew sessions`");
}

static const struct answered {
    enum error_code code;
    const char *words;
} answers[] = {
    {ERR_AUTH, "(the credentials are refused)"},
    {ERR_UNAVAILABLE, "(the cluster or the broker does not answer)"},
    {ERR_OK, "(it is still there)"},
};

static void when_one_session_cannot_be_asked_for_the_reason_says_what_was_answered(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        AUTO(hand) hand = sent(ERR_OK);
        struct engine_action action = {.kind = ENGINE_LIST};
        hand->world_count = 0;
        struct instant began = hand->now;
        while (ms_since(hand, began) <= hand->config.verify_ms + 12000) {
            while (hand_next(hand, &action) && action.kind != ENGINE_APPEND) {
                if (action.kind == ENGINE_LIST)
                    hand_list(hand, action.tag);
                else
                    engine_probed(hand->engine, action.tag, answers[i].code, NULL, hand->now);
            }
            if (action.kind == ENGINE_APPEND)
                break;
            hand_pass(hand, 500);
        }
        assert_int_equal(action.kind, ENGINE_APPEND);
        const struct target_end *end = &action.record->outcome.ends[0];
        assert_string_equal(target_outcome_label(end->outcome), "unknown");
        assert_non_null(strstr(end->reason.message, "proves nothing"));
        assert_non_null(strstr(end->reason.message, answers[i].words));
        assert_null(strstr(end->reason.message, "could not be listed"));
        hand_read(hand, action.record);
    }
}

static void a_session_that_was_last_seen_before_the_lists_stopped_is_said_so(void **state)
{
    (void)state;
    AUTO(hand) hand = sent(ERR_OK);
    hand_listed(hand);
    hand->cluster_down = true;
    hand_run(hand);
    AUTO(record) outcome = last_outcome(hand);
    assert_non_null(strstr(outcome->outcome.ends[0].reason.message, "still listed after it"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_that_loses_its_user_before_it_goes_was_ended),
        cmocka_unit_test(
            a_session_that_stays_changed_until_the_deadline_is_unknown_and_is_left_alone),
        cmocka_unit_test(a_session_that_is_again_as_it_was_is_ended_under_a_new_licence),
        cmocka_unit_test(what_an_earlier_owner_may_have_ended_is_waited_for_too),
        cmocka_unit_test(a_changed_session_that_only_a_question_shows_is_waited_for_too),
        cmocka_unit_test(without_a_list_the_reason_is_the_list),
        cmocka_unit_test(when_one_session_cannot_be_asked_for_the_reason_says_what_was_answered),
        cmocka_unit_test(a_session_that_was_last_seen_before_the_lists_stopped_is_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
