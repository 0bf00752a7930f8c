/* A static member that is fenced: by a second worker of its name it stops; after a lost session it
 * may have been its own late request to join, so it joins once more. The embedded broker does not
 * know static members: there the answers that a real one gives are put into its mouth. */
#include "tests/broker/rig.h"

enum {
    PARTITIONS = 2,
    SESSION_MS = 6000,
    HEARTBEAT = 12 /* the request's number in the protocol */
};

static struct rig rig;
static int positions; /* answers to kafka_consumer_ask() */

static int set_up(void **state)
{
    (void)state;
    rig_open(&rig);
    /* The embedded broker waits for a member that is gone until its session is over, a real one
     * takes no session this short. */
    const char *session = rig.broker ? "3000" : "6000";
    RIG_OK(kafka_settings_set(&rig.settings, KAFKA_CONSUMER, TEXT("session.timeout.ms"),
                              text_of(session), err));
    RIG_OK(kafka_settings_set(&rig.settings, KAFKA_CONSUMER, TEXT("heartbeat.interval.ms"),
                              TEXT("200"), err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* The next event, which must be of this kind. Answers to kafka_consumer_ask() come when they come,
 * and are counted. */
static struct kafka_consumer_event next(struct kafka_consumer *consumer,
                                        enum kafka_consumer_event_kind kind)
{
    struct kafka_consumer_event event = {0};
    do {
        RIG_UNTIL(&rig, kafka_consumer_poll(consumer, &event));
        positions += event.kind == KAFKA_CONSUMER_POSITION;
    } while (event.kind == KAFKA_CONSUMER_POSITION);
    if (event.kind != kind)
        fail_msg("event %d instead of %d (%s)", event.kind, kind, event.error.message);
    return event;
}

static void next_heartbeat(rd_kafka_resp_err_t answer)
{
    rd_kafka_mock_push_request_errors(broker_mock(rig.broker), HEARTBEAT, 1, answer);
}

/* A member that has lost its session and is in again. */
static struct kafka_consumer *lose_session(void)
{
    struct kafka_consumer *consumer = rig_join(&rig, "alone");
    next(consumer, KAFKA_CONSUMER_ASSIGNED);
    next_heartbeat(RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    assert_true(next(consumer, KAFKA_CONSUMER_REVOKED).lost);
    assert_int_equal(next(consumer, KAFKA_CONSUMER_ASSIGNED).partition_count, PARTITIONS);
    return consumer;
}

/* ERR_CONFLICT: it is a namesake; systemd does not start this one again. */
static void expect_end(struct kafka_consumer *consumer, enum error_code code)
{
    next_heartbeat(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    assert_true(next(consumer, KAFKA_CONSUMER_REVOKED).lost);
    struct kafka_consumer_event event = next(consumer, KAFKA_CONSUMER_FATAL);
    assert_int_equal(event.error.code, code);
    assert_non_null(strstr(event.error.message, "kafka.instance 'alone'"));
    assert_false(kafka_consumer_holds(consumer, 0));
}

static void fenced_without_a_lost_session_is_the_end(void **state)
{
    (void)state;
    if (!rig.broker)
        skip(); /* test_group.c has it with two real members */
    rig_topics(&rig, PARTITIONS);
    struct kafka_consumer *consumer = rig_join(&rig, "alone");
    next(consumer, KAFKA_CONSUMER_ASSIGNED);
    expect_end(consumer, ERR_CONFLICT);
    rig_leave(&rig, consumer);
}

static void fenced_after_a_lost_session_it_joins_once_more_and_only_once(void **state)
{
    (void)state;
    if (!rig.broker)
        skip();
    rig_topics(&rig, PARTITIONS);
    struct kafka_consumer *consumer = lose_session();
    uint64_t generation = kafka_consumer_generation(consumer);
    RIG_OK(kafka_consumer_start(consumer, 0, 0, err));
    RIG_OK(kafka_consumer_ask(consumer, 1, err)); /* is not lost, and keeps nobody from joining */
    next_heartbeat(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    assert_true(next(consumer, KAFKA_CONSUMER_REVOKED).lost);
    assert_int_equal(next(consumer, KAFKA_CONSUMER_FENCED).error.code, ERR_STALE);
    assert_false(kafka_consumer_holds(consumer, 0));
    struct error error;
    assert_int_equal(kafka_consumer_commit(consumer, 0, 1, (struct text){0}, &error), ERR_STALE);
    assert_int_equal(kafka_consumer_start(consumer, 0, 0, &error), ERR_STALE);
    kafka_consumer_let_go(consumer); /* says nothing to a member that holds nothing */
    assert_int_equal(next(consumer, KAFKA_CONSUMER_ASSIGNED).partition_count, PARTITIONS);
    assert_true(kafka_consumer_generation(consumer) > generation);
    RIG_OK(kafka_consumer_commit(consumer, 1, 7, TEXT("again"), err));
    struct kafka_consumer_event event = next(consumer, KAFKA_CONSUMER_COMMITTED);
    assert_int_equal(event.error.code, ERR_OK);
    assert_true(event.current);
    expect_end(consumer, ERR_UNAVAILABLE);
    assert_int_equal(positions, 1);
    rig_leave(&rig, consumer);
}

static void a_session_in_peace_is_the_end_of_the_trouble(void **state)
{
    (void)state;
    if (!rig.broker)
        skip();
    rig_topics(&rig, PARTITIONS);
    struct kafka_consumer *consumer = lose_session();
    struct kafka_consumer_event event;
    int64_t peace_until_ms = rig_now_ms() + SESSION_MS + 100;
    RIG_UNTIL(&rig,
              (assert_false(kafka_consumer_poll(consumer, &event)), rig_now_ms() > peace_until_ms));
    expect_end(consumer, ERR_CONFLICT);
    rig_leave(&rig, consumer);
}

static void it_can_be_closed_at_any_time(void **state)
{
    (void)state;
    if (!rig.broker)
        skip();
    rig_topics(&rig, PARTITIONS);
    struct kafka_consumer *consumer = lose_session();
    next_heartbeat(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    next(consumer, KAFKA_CONSUMER_REVOKED);
    next(consumer, KAFKA_CONSUMER_FENCED);
    rig_leave(&rig, consumer); /* while its client is being replaced */
    consumer = lose_session();
    next_heartbeat(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    next(consumer, KAFKA_CONSUMER_REVOKED);
    next(consumer, KAFKA_CONSUMER_FENCED);
    kafka_consumer_destroy(consumer);
}

/* Not asked for events for too long, the first has lost its place; then somebody of its name comes.
 */
static void of_two_with_one_name_one_is_left_also_after_a_lost_session(void **state)
{
    (void)state;
    if (rig.broker)
        skip(); /* it ignores static membership */
    rig_topics(&rig, PARTITIONS);
    RIG_OK(kafka_settings_set(&rig.settings, KAFKA_CONSUMER, TEXT("max.poll.interval.ms"),
                              TEXT("6000"), err));
    struct kafka_consumer *first = rig_join(&rig, "twin");
    next(first, KAFKA_CONSUMER_ASSIGNED);
    int64_t hang_until_ms = rig_now_ms() + 7000;
    RIG_UNTIL(&rig, rig_now_ms() > hang_until_ms);
    assert_true(next(first, KAFKA_CONSUMER_REVOKED).lost);
    next(first, KAFKA_CONSUMER_ASSIGNED);
    struct kafka_consumer *second = rig_join(&rig, "twin");
    int fenced = 0;
    bool first_in = true, second_over = false;
    struct kafka_consumer_event event;
    for (int64_t patience = rig_now_ms() + RIG_PATIENCE_MS; !second_over || !first_in;) {
        assert_true(rig_now_ms() < patience);
        while (kafka_consumer_poll(first, &event)) {
            assert_int_not_equal(event.kind, KAFKA_CONSUMER_FATAL);
            fenced += event.kind == KAFKA_CONSUMER_FENCED;
            first_in = event.kind == KAFKA_CONSUMER_ASSIGNED;
        }
        while (kafka_consumer_poll(second, &event)) {
            second_over = second_over || event.kind == KAFKA_CONSUMER_FATAL;
            if (event.kind == KAFKA_CONSUMER_FATAL)
                assert_int_equal(event.error.code, ERR_CONFLICT);
        }
        uv_run(&rig.loop, UV_RUN_ONCE);
    }
    assert_int_equal(fenced, 1);
    rig_leave(&rig, second);
    assert_true(kafka_consumer_holds(first, 0));
    rig_leave(&rig, first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fenced_without_a_lost_session_is_the_end),
        cmocka_unit_test(fenced_after_a_lost_session_it_joins_once_more_and_only_once),
        cmocka_unit_test(a_session_in_peace_is_the_end_of_the_trouble),
        cmocka_unit_test(it_can_be_closed_at_any_time),
        cmocka_unit_test(of_two_with_one_name_one_is_left_also_after_a_lost_session),
    };
    return cmocka_run_group_tests_name("broker_fenced", tests, set_up, tear_down);
}
