/* What Kafka acknowledged and lost is not waited for without end, and nothing else is called lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "service/acknowledged.h"

static struct instant at(int64_t ms)
{
    return (struct instant){1 + ms * 1000000};
}

static uint64_t tag(uint64_t epoch, uint32_t sequence)
{
    return epoch << 32 | sequence;
}

static void what_is_read_back_in_time_is_not_looked_for(void **state)
{
    struct acknowledged of = {0};
    (void)state;
    acknowledged_give(&of, tag(1, 1), at(0));
    assert_false(acknowledged_is_late(&of, at(UNREAD_MS - 1)));
    acknowledged_read(&of, tag(1, 1));
    assert_false(acknowledged_is_late(&of, at(10 * UNREAD_MS)));
    acknowledged_read(&of, tag(1, 2)); /* before its acknowledgement: the usual order */
    acknowledged_give(&of, tag(1, 2), at(20 * UNREAD_MS));
    assert_false(acknowledged_is_late(&of, at(40 * UNREAD_MS)));
}

static void an_owner_that_was_acknowledged_and_is_not_there_is_lost(void **state)
{
    struct acknowledged of = {0};
    struct error err;
    (void)state;
    acknowledged_give(&of, tag(7, 1), at(0));
    assert_true(acknowledged_is_late(&of, at(UNREAD_MS)));
    acknowledged_look(&of, at(UNREAD_MS));
    assert_false(acknowledged_is_late(&of, at(UNREAD_MS + 1))); /* one look at a time */
    assert_int_equal(acknowledged_looked(&of, &err), ERR_JOURNAL);
    assert_non_null(strstr(err.message, "record 1 of epoch 7"));
}

/* The log was long; or the broker could not be read from. */
static void what_comes_while_the_end_is_looked_for_is_not_lost(void **state)
{
    struct acknowledged of = {0};
    struct error err;
    (void)state;
    acknowledged_give(&of, tag(1, 5), at(0));
    acknowledged_look(&of, at(UNREAD_MS));
    acknowledged_read(&of, tag(1, 5));
    assert_int_equal(acknowledged_looked(&of, &err), ERR_OK);
}

/* The end was asked for before they were acknowledged: that they are not below it says nothing. */
static void what_is_acknowledged_behind_the_look_is_looked_for_by_the_next_one(void **state)
{
    struct acknowledged of = {0};
    struct error err;
    (void)state;
    acknowledged_give(&of, tag(1, 5), at(0));
    acknowledged_look(&of, at(UNREAD_MS));
    acknowledged_give(&of, tag(1, 6), at(UNREAD_MS + 1));
    acknowledged_read(&of, tag(1, 5));
    assert_int_equal(acknowledged_looked(&of, &err), ERR_OK);
    assert_false(acknowledged_is_late(&of, at(2 * UNREAD_MS - 1)));
    assert_true(acknowledged_is_late(&of, at(2 * UNREAD_MS)));
    acknowledged_look(&of, at(2 * UNREAD_MS));
    assert_int_equal(acknowledged_looked(&of, &err), ERR_JOURNAL);
}

/* An epoch that ended uncertain is asked for anew: its records are not waited for. */
static void a_later_epoch_that_is_read_settles_the_earlier_ones(void **state)
{
    struct acknowledged of = {0};
    (void)state;
    acknowledged_give(&of, tag(3, 9), at(0));
    acknowledged_read(&of, tag(4, 1));
    assert_false(acknowledged_is_late(&of, at(10 * UNREAD_MS)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_back_in_time_is_not_looked_for),
        cmocka_unit_test(an_owner_that_was_acknowledged_and_is_not_there_is_lost),
        cmocka_unit_test(what_comes_while_the_end_is_looked_for_is_not_lost),
        cmocka_unit_test(what_is_acknowledged_behind_the_look_is_looked_for_by_the_next_one),
        cmocka_unit_test(a_later_epoch_that_is_read_settles_the_earlier_ones),
    };
    return cmocka_run_group_tests_name("acknowledged", tests, NULL, NULL);
}
