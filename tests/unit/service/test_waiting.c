/* The one command that waits at a partition, and who may still be answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "service/partition.h"
#include "service/state.h"

static const struct instant now = {5000000000};
static const struct instant a_second_later = {6000000000};
static const struct kafka_receipt delivered = {
    .partition = 3, .offset = 77, .delivery = KAFKA_PERSISTED};
static const struct kafka_receipt refused = {.partition = 3, .delivery = KAFKA_NOT_PERSISTED};

static void what_was_delivered_is_not_sent_again_and_says_where_its_dead_letter_stands(void **state)
{
    (void)state;
    struct waiting waiting = {.offered = true};
    waiting_handed_on(&waiting, true, now);
    assert_true(waiting.sending);
    assert_int_equal(waiting.send_again.ns, INSTANT_NEVER.ns);
    assert_true(waiting_acknowledged(&waiting, waiting.handed, &delivered, now));
    assert_false(waiting.sending);
    assert_int_equal(waiting.send_again.ns, 0);
    assert_true(waiting.offer.dead_letter.known);
    assert_int_equal(waiting.offer.dead_letter.partition, 3);
    assert_int_equal(waiting.offer.dead_letter.offset, 77);
}

static void what_did_not_go_out_or_was_refused_is_sent_again_a_second_later(void **state)
{
    (void)state;
    struct waiting waiting = {.offered = true};
    waiting_handed_on(&waiting, false, now);
    assert_false(waiting.sending);
    assert_int_equal(waiting.send_again.ns, a_second_later.ns);
    waiting_handed_on(&waiting, true, now);
    assert_true(waiting_acknowledged(&waiting, waiting.handed, &refused, now));
    assert_int_equal(waiting.send_again.ns, a_second_later.ns);
}

/* A partition that is read anew has another command waiting under the same roof. */
static void a_receipt_of_what_was_dropped_says_nothing_about_what_waits_now(void **state)
{
    (void)state;
    struct waiting waiting = {.offered = true};
    uint64_t earlier = waiting.handed;
    waiting_handed_on(&waiting, true, now);
    waiting_drop(&waiting);
    assert_false(waiting_acknowledged(&waiting, earlier, &delivered, now));
    waiting.offered = true;
    waiting_handed_on(&waiting, true, now);
    assert_false(waiting_acknowledged(&waiting, earlier, &delivered, now));
    assert_true(waiting.sending);
    assert_true(waiting_acknowledged(&waiting, waiting.handed, &delivered, now));
    assert_false(waiting_acknowledged(&waiting, waiting.handed, &delivered, now)); /* once */
}

/* I8: what an engine asked for is nobody's answer once its partition is away or begun anew. */
static void only_the_engine_that_asked_is_answered(void **state)
{
    (void)state;
    struct service service = {.phase = SERVICE_RUNNING};
    struct partition partition = {.id = 2, .serial = 9};
    int engine; /* only its address is looked at */
    TAILQ_INIT(&service.partitions);
    assert_null(partition_that_asked(&service, 2, 9));
    TAILQ_INSERT_TAIL(&service.partitions, &partition, of_service);
    assert_null(partition_that_asked(&service, 2, 9)); /* it has stopped, or begins only */
    partition.engine = (struct engine *)&engine;
    assert_ptr_equal(partition_that_asked(&service, 2, 9), &partition);
    assert_null(partition_that_asked(&service, 2, 8));
    assert_null(partition_that_asked(&service, 1, 9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            what_was_delivered_is_not_sent_again_and_says_where_its_dead_letter_stands),
        cmocka_unit_test(what_did_not_go_out_or_was_refused_is_sent_again_a_second_later),
        cmocka_unit_test(a_receipt_of_what_was_dropped_says_nothing_about_what_waits_now),
        cmocka_unit_test(only_the_engine_that_asked_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
