/* Orders on the control topic that are refused: told once by whoever's turn it is, and alike by
 * everybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "service/refusal.h"

static const struct instant now = {1000000000};
static struct refusals *refusals;
static struct error why;

static int setup(void **state)
{
    (void)state;
    refusals = refusals_create();
    error_set(&why, ERR_DENIED, "no rule of the policy allows this");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    refusals_destroy(refusals);
    return 0;
}

static struct kafka_message message_at(int64_t offset)
{
    return (struct kafka_message){
        .offset = offset, .value = TEXT("the very bytes"), .timestamp = {1790000000000 + offset}};
}

static struct command *cancel(void)
{
    struct command *command = command_create();
    command->id = (struct uuid){{1}};
    command->action = ACTION_CANCEL;
    command->other_id = (struct uuid){{2}};
    command->requested_by = "anna";
    return command;
}

static void add(int64_t offset, struct command *order)
{
    struct kafka_message message = message_at(offset);
    refusals_add(refusals, &message, order, &why, instant_add_ms(now, 60000));
}

static bool next(struct event *ret, uint64_t *ret_tag, int64_t after_ms)
{
    return refusals_next(refusals, instant_add_ms(now, after_ms), ret, ret_tag);
}

static void the_event_names_the_order_the_reason_and_the_next_step(void **state)
{
    struct event event;
    uint64_t tag;
    (void)state;
    add(7, cancel());
    assert_true(next(&event, &tag, 0));
    assert_int_equal(event.kind, EVENT_ORDER_REFUSED);
    assert_int_equal(event.outcome, COMMAND_NONE); /* of no command: nobody's end */
    assert_true(uuid_equal(&event.command_id, &(struct uuid){{1}}));
    assert_string_equal(event.command->requested_by, "anna");
    assert_int_equal(event.source.offset, 7);
    assert_int_equal(event.journal_partition, -1);
    assert_int_equal(event.time.ms, 1790000000007);
    assert_int_equal(event.reason->code, ERR_DENIED);
    assert_string_equal(event.reason->message,
                        "cancel of command 02000000-0000-0000-0000-000000000000 was refused, and "
                        "changed nothing: no rule of the policy allows this; somebody whom "
                        "policy.rules allow it must send it");
}

static void what_cannot_be_read_is_named_by_its_place(void **state)
{
    struct event event;
    uint64_t tag;
    (void)state;
    error_set(&why, ERR_UNDECODABLE, "no command");
    add(7, NULL);
    assert_true(next(&event, &tag, 0));
    assert_true(uuid_is_nil(&event.command_id));
    assert_null(event.command);
    assert_int_equal(event.source.offset, 7);
    assert_non_null(strstr(event.reason->message, "no command; mend that"));
}

static void two_workers_tell_it_under_one_id(void **state)
{
    AUTO(refusals) others = refusals_create();
    struct kafka_message message = message_at(7);
    struct event ours, theirs;
    uint64_t tag;
    (void)state;
    refusals_add(others, &message, NULL, &why, INSTANT_NEVER);
    add(6, NULL);
    add(7, cancel());
    assert_true(next(&ours, &tag, 0));
    struct uuid other = ours.id;
    assert_true(next(&ours, &tag, 0));
    assert_true(refusals_next(others, now, &theirs, &tag));
    assert_true(uuid_equal(&ours.id, &theirs.id));
    assert_false(uuid_equal(&ours.id, &other));
}

/* The same bytes at the same place of a topic that was made anew are another message. */
static void a_topic_made_anew_has_other_ids(void **state)
{
    struct kafka_message message = message_at(7);
    struct event first, second;
    uint64_t tag;
    (void)state;
    add(7, NULL);
    message.timestamp.ms += 1;
    refusals_add(refusals, &message, NULL, &why, INSTANT_NEVER);
    assert_true(next(&first, &tag, 0));
    struct uuid id = first.id;
    assert_true(next(&second, &tag, 0));
    assert_false(uuid_equal(&id, &second.id));
}

static void what_was_not_delivered_comes_again_and_what_was_does_not(void **state)
{
    struct event event;
    uint64_t tag, again;
    (void)state;
    add(7, NULL);
    assert_true(next(&event, &tag, 0));
    assert_false(next(&event, &again, 0)); /* it is on its way */
    refusals_answered(refusals, tag, false, now);
    assert_false(next(&event, &again, 0));
    assert_true(next(&event, &again, 1000));
    assert_int_equal(again, tag);
    refusals_answered(refusals, tag, true, now);
    assert_false(next(&event, &again, 5000));
    refusals_answered(refusals, tag, true, now); /* late */
}

static void it_is_forgotten_when_its_time_is_over(void **state)
{
    struct event event;
    uint64_t tag;
    (void)state;
    add(7, cancel());
    assert_true(next(&event, &tag, 0));
    refusals_answered(refusals, tag, false, now);
    assert_false(next(&event, &tag, 60000));
    assert_false(next(&event, &tag, 0));
}

static void more_than_fit_push_out_the_oldest(void **state)
{
    struct event event;
    uint64_t tag;
    (void)state;
    for (int i = 0; i <= REFUSALS_MAX; i++)
        add(i, NULL);
    assert_true(next(&event, &tag, 0));
    assert_int_equal(event.source.offset, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_event_names_the_order_the_reason_and_the_next_step,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_named_by_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(two_workers_tell_it_under_one_id, setup, teardown),
        cmocka_unit_test_setup_teardown(a_topic_made_anew_has_other_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_delivered_comes_again_and_what_was_does_not,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_forgotten_when_its_time_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_fit_push_out_the_oldest, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
