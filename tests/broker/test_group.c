/* Membership of the group: assignment, reading from named offsets, commits, rebalance, leaving.
 *
 * The embedded broker takes 3 s for a first join and the session timeout less a second for a later
 * one, so one group serves several checks there. */
#include "kafka/committed.h"
#include "tests/broker/rig.h"

enum { PARTITIONS = 4 };

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_open(&rig);
    RIG_OK(kafka_settings_set(&rig.settings, KAFKA_CONSUMER, TEXT("session.timeout.ms"),
                              TEXT("6000"), err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* The next event of this kind; others before it are let pass. */
static struct kafka_consumer_event await(struct kafka_consumer *consumer,
                                         enum kafka_consumer_event_kind kind)
{
    struct kafka_consumer_event event = {0};
    do
        RIG_UNTIL(&rig, kafka_consumer_poll(consumer, &event));
    while (event.kind != kind);
    return event;
}

static void send_commands(int32_t partition, int count)
{
    struct kafka_producer *producer;
    RIG_OK(kafka_producer_create(rig.hub, &rig.settings, &producer, err));
    for (int i = 0; i < count; i++) {
        struct kafka_outgoing out = {
            .topic = rig.settings.topics.commands, .partition = partition, .value = TEXT("end it")};
        RIG_OK(kafka_producer_send(producer, &out, (uint64_t)i, err));
    }
    for (int i = 0; i < count; i++)
        assert_int_equal(rig_sent(&rig, producer).delivery, KAFKA_PERSISTED);
    rig_close_producer(&rig, producer);
}

static struct kafka_item take(struct kafka_consumer *consumer, int32_t partition,
                              enum kafka_item_kind kind)
{
    struct kafka_item item;
    struct kafka_consumer_event event;
    RIG_UNTIL(&rig, (kafka_consumer_poll(consumer, &event),
                     kafka_consumer_take(consumer, partition, &item)));
    assert_int_equal(item.kind, kind);
    return item;
}

static void expect_commands(struct kafka_consumer *consumer, int32_t partition, int64_t first,
                            int64_t end)
{
    for (int64_t offset = first; offset < end; offset++) {
        struct kafka_item item = take(consumer, partition, KAFKA_ITEM_MESSAGE);
        assert_int_equal(item.message->offset, offset);
        assert_int_equal(item.message->partition, partition);
        if (!rig.broker)
            assert_int_equal(item.message->timestamp_type, KAFKA_TIMESTAMP_APPEND);
        kafka_message_destroy(item.message);
    }
}

static void commits_come_back_with_their_text(struct kafka_consumer *consumer)
{
    static const char text[] = "v1 start=17 epoch=3 published=12";
    struct error error;
    RIG_OK(kafka_consumer_ask(consumer, 2, err));
    struct kafka_consumer_event event = await(consumer, KAFKA_CONSUMER_POSITION);
    assert_int_equal(event.partition, 2);
    assert_int_equal(event.offset, -1); /* never committed */
    assert_int_equal(event.metadata.length, 0);

    RIG_OK(kafka_consumer_commit(consumer, 2, 9, TEXT("replaced"), err));
    RIG_OK(kafka_consumer_commit(consumer, 2, 10, text_of(text), err));
    event = await(consumer, KAFKA_CONSUMER_COMMITTED);
    assert_int_equal(event.error.code, ERR_OK);
    assert_int_equal(event.partition, 2);
    assert_int_equal(event.offset, 10); /* the newer one answers for both */
    assert_true(event.current);

    RIG_OK(kafka_consumer_ask(consumer, 2, err));
    event = await(consumer, KAFKA_CONSUMER_POSITION);
    assert_int_equal(event.error.code, ERR_OK);
    assert_int_equal(event.offset, 10);
    assert_true(text_equal(event.metadata, text_of(text)));
    assert_int_equal(event.low, 0);
    assert_int_equal(event.high, 50);

    char longest[KAFKA_METADATA_MAX + 1];
    memset(longest, 'm', sizeof longest);
    assert_int_equal(kafka_consumer_commit(consumer, 2, 11,
                                           (struct text){longest, KAFKA_METADATA_MAX + 1}, &error),
                     ERR_TOO_LARGE);
    assert_int_equal(kafka_consumer_commit(consumer, 2, 11, (struct text){"a\0b", 3}, &error),
                     ERR_INVALID);
    RIG_OK(kafka_consumer_commit(consumer, 2, 11, (struct text){longest, KAFKA_METADATA_MAX}, err));
    event = await(consumer, KAFKA_CONSUMER_COMMITTED);
    assert_int_equal(event.error.code, ERR_OK);
    assert_int_equal(kafka_consumer_commit(consumer, PARTITIONS, 1, (struct text){0}, &error),
                     ERR_STALE);
}

/* `status` and `doctor` ask so. */
static void what_is_committed_is_told_to_whoever_is_not_in_the_group(void)
{
    struct kafka_committed *committed;
    RIG_OK(kafka_committed_ask(&rig.settings, PARTITIONS, RIG_PATIENCE_MS, &committed, err));
    assert_int_equal(committed[2].offset, 11);
    assert_int_equal(committed[2].metadata.length, KAFKA_METADATA_MAX);
    assert_int_equal(committed[2].metadata.at[0], 'm');
    assert_int_equal(committed[1].offset, -1);
    assert_int_equal(committed[1].metadata.length, 0);
    kafka_committed_release(committed, PARTITIONS);
}

static void reading_starts_where_the_service_says(struct kafka_consumer *consumer)
{
    struct error error;
    assert_int_equal(kafka_consumer_start(consumer, PARTITIONS, 0, &error), ERR_STALE);
    RIG_OK(kafka_consumer_start(consumer, 2, 20, err));
    struct kafka_item item = take(consumer, 2, KAFKA_ITEM_START);
    assert_int_equal(item.position, 20);
    assert_int_equal(item.high, 50);
    expect_commands(consumer, 2, 20, 25);
    assert_int_equal(kafka_consumer_lag(consumer, 2), 25);
    RIG_OK(kafka_consumer_start(consumer, 2, 5, err)); /* and again, elsewhere */
    take(consumer, 2, KAFKA_ITEM_START);
    expect_commands(consumer, 2, 5, 50);
    take(consumer, 2, KAFKA_ITEM_END);
    kafka_consumer_stop(consumer, 2);
    assert_false(kafka_consumer_take(consumer, 2, &item));
    RIG_OK(kafka_consumer_start(consumer, 2, 51, err)); /* the topic was made anew, say */
    take(consumer, 2, KAFKA_ITEM_TRUNCATED);
    assert_false(kafka_consumer_take(consumer, 2, &item));
}

static void a_member_reads_and_commits(void **state)
{
    (void)state;
    rig_topics(&rig, PARTITIONS);
    send_commands(2, 50);
    struct kafka_consumer *consumer = rig_join(&rig, "only");
    struct kafka_consumer_event event = await(consumer, KAFKA_CONSUMER_ASSIGNED);
    assert_int_equal(event.partition_count, PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        assert_int_equal(event.partitions[i], i);
        assert_true(kafka_consumer_holds(consumer, i));
    }
    assert_false(kafka_consumer_holds(consumer, PARTITIONS));
    commits_come_back_with_their_text(consumer);
    what_is_committed_is_told_to_whoever_is_not_in_the_group();
    reading_starts_where_the_service_says(consumer);
    rig_leave(&rig, consumer);
}

/* Turns both members until each has been told its new partitions; `first` is asked to let go. */
static void share(struct kafka_consumer *first, struct kafka_consumer *second, size_t *ret_first,
                  size_t *ret_second)
{
    struct kafka_consumer_event event;
    bool revoked = false, answered = false, has_first = false, has_second = false;
    int64_t patience = rig_now_ms() + RIG_PATIENCE_MS;
    while (!revoked || !has_first || !has_second) {
        assert_true(rig_now_ms() < patience);
        while (kafka_consumer_poll(first, &event)) {
            if (event.kind == KAFKA_CONSUMER_REVOKED) {
                if (!revoked) /* a slow machine may see a second round */
                    assert_int_equal(event.partition_count, PARTITIONS);
                assert_false(kafka_consumer_holds(first, event.partitions[0]));
                revoked = true;
                has_first = false;
                assert_false(event.lost);
                RIG_OK(kafka_consumer_commit(first, 1, 3, TEXT("last"), err));
                kafka_consumer_let_go(first); /* only when that commit is answered */
            } else if (event.kind == KAFKA_CONSUMER_ASSIGNED) {
                *ret_first = event.partition_count;
                has_first = revoked;
            } else if (event.kind == KAFKA_CONSUMER_COMMITTED && revoked) {
                /* The embedded broker takes no commit while the group rebalances; a real one does,
                 * of the generation that is ending. */
                assert_false(event.current);
                assert_int_equal(event.error.code, rig.broker ? ERR_STALE : ERR_OK);
                answered = true;
            }
        }
        while (kafka_consumer_poll(second, &event)) {
            if (event.kind == KAFKA_CONSUMER_REVOKED) {
                kafka_consumer_let_go(second);
                has_second = false;
            } else if (event.kind == KAFKA_CONSUMER_ASSIGNED) {
                *ret_second = event.partition_count;
                has_second = true;
            }
        }
        uv_run(&rig.loop, UV_RUN_ONCE);
    }
    assert_true(answered); /* before the partitions went back */
}

static void two_members_share_and_the_first_lets_go(void **state)
{
    (void)state;
    rig_topics(&rig, PARTITIONS);
    struct kafka_consumer *first = rig_join(&rig, "one");
    await(first, KAFKA_CONSUMER_ASSIGNED);
    uint64_t generation = kafka_consumer_generation(first);
    RIG_OK(kafka_consumer_start(first, 0, 0, err));
    RIG_OK(kafka_consumer_commit(first, 0, 0, TEXT("kept"), err));
    struct kafka_consumer *second = rig_join(&rig, "two");
    size_t has_first = 0, has_second = 0;
    share(first, second, &has_first, &has_second);
    assert_true(kafka_consumer_generation(first) > generation);
    assert_int_equal(has_first + has_second, PARTITIONS);
    assert_int_equal(has_first, 2);
    RIG_OK(kafka_consumer_ask(second, 1, err));
    struct kafka_consumer_event event = await(second, KAFKA_CONSUMER_POSITION);
    if (!rig.broker) {
        assert_int_equal(event.offset, 3); /* given in the same turn as letting go */
        assert_true(text_equal(event.metadata, TEXT("last")));
    }
    int both = 0;
    for (int32_t i = 0; i < PARTITIONS; i++)
        both += kafka_consumer_holds(first, i) && kafka_consumer_holds(second, i);
    assert_int_equal(both, 0);
    struct error error;
    int32_t own = kafka_consumer_holds(first, 0) ? 0 : 2;
    RIG_OK(kafka_consumer_commit(first, own, 8, TEXT("on the way out"), err));
    kafka_consumer_close(first);
    assert_int_equal(kafka_consumer_commit(first, own, 9, TEXT("too late"), &error), ERR_STALE);
    event = await(first, KAFKA_CONSUMER_COMMITTED);
    assert_int_equal(event.offset, 8);
    assert_int_equal(event.error.code, ERR_OK);
    await(first, KAFKA_CONSUMER_CLOSED);
    kafka_consumer_destroy(first);
    rig_leave(&rig, second);
}

static void a_static_member_comes_back_to_its_partitions(void **state)
{
    (void)state;
    if (rig.broker)
        skip(); /* it ignores static membership */
    rig_topics(&rig, PARTITIONS);
    struct kafka_consumer *stays = rig_join(&rig, "stays");
    await(stays, KAFKA_CONSUMER_ASSIGNED);
    struct kafka_consumer *restarts = rig_join(&rig, "restarts");
    size_t a = 0, b = 0;
    share(stays, restarts, &a, &b);
    bool held[PARTITIONS];
    for (int32_t i = 0; i < PARTITIONS; i++)
        held[i] = kafka_consumer_holds(restarts, i);
    uint64_t generation = kafka_consumer_generation(stays);
    rig_leave(&rig, restarts);
    int64_t began_ms = rig_now_ms();
    restarts = rig_join(&rig, "restarts");
    await(restarts, KAFKA_CONSUMER_ASSIGNED);
    print_message("static member assigned again after %lld ms\n",
                  (long long)(rig_now_ms() - began_ms));
    for (int32_t i = 0; i < PARTITIONS; i++)
        assert_int_equal(kafka_consumer_holds(restarts, i), held[i]);
    assert_int_equal(kafka_consumer_generation(stays), generation); /* the other saw nothing */
    rig_leave(&rig, restarts);
    rig_leave(&rig, stays);
}

static void of_two_with_one_name_the_first_is_told_to_stop(void **state)
{
    (void)state;
    if (rig.broker)
        skip(); /* it ignores static membership */
    rig_topics(&rig, PARTITIONS);
    struct kafka_consumer *first = rig_join(&rig, "twin");
    await(first, KAFKA_CONSUMER_ASSIGNED);
    struct kafka_consumer *second = rig_join(&rig, "twin");
    await(second, KAFKA_CONSUMER_ASSIGNED);
    struct kafka_consumer_event event = await(first, KAFKA_CONSUMER_FATAL);
    assert_int_equal(event.error.code, ERR_CONFLICT);
    assert_non_null(strstr(event.error.message, "kafka.instance 'twin'"));
    assert_false(kafka_consumer_holds(first, 0));
    struct error error;
    assert_int_equal(kafka_consumer_commit(first, 0, 1, (struct text){0}, &error), ERR_STALE);
    rig_leave(&rig, first);
    assert_true(kafka_consumer_holds(second, 0));
    rig_leave(&rig, second);
}

/* A loop that hangs: the heartbeats go on, but nobody asks for events. */
static void a_member_that_does_not_poll_loses_its_partitions(void **state)
{
    (void)state;
    rig_topics(&rig, PARTITIONS);
    RIG_OK(kafka_settings_set(&rig.settings, KAFKA_CONSUMER, TEXT("max.poll.interval.ms"),
                              TEXT("6000"), err));
    struct kafka_consumer *consumer = rig_join(&rig, "hangs");
    await(consumer, KAFKA_CONSUMER_ASSIGNED);
    int64_t hang_until_ms = rig_now_ms() + 7000;
    RIG_UNTIL(&rig, rig_now_ms() > hang_until_ms);
    assert_true(kafka_consumer_holds(consumer, 0)); /* not told yet */
    struct kafka_consumer_event event = await(consumer, KAFKA_CONSUMER_REVOKED);
    assert_true(event.lost);
    struct error error;
    assert_int_equal(kafka_consumer_commit(consumer, 0, 1, (struct text){0}, &error), ERR_STALE);
    await(consumer, KAFKA_CONSUMER_ASSIGNED); /* polled again, it joins again */
    rig_leave(&rig, consumer);
}

static void destroying_a_member_leaves_nothing(void **state)
{
    (void)state;
    rig_topics(&rig, PARTITIONS);
    struct kafka_consumer *never_joined = rig_join(&rig, "early");
    kafka_consumer_destroy(never_joined);
    struct kafka_consumer *closing_early = rig_join(&rig, "soon");
    rig_leave(&rig, closing_early); /* while it is joining */
    struct kafka_consumer *joined = rig_join(&rig, "joined");
    await(joined, KAFKA_CONSUMER_ASSIGNED);
    RIG_OK(kafka_consumer_start(joined, 0, 0, err));
    RIG_OK(kafka_consumer_ask(joined, 0, err));
    RIG_OK(kafka_consumer_commit(joined, 0, 0, TEXT("x"), err));
    kafka_consumer_destroy(joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_reads_and_commits),
        cmocka_unit_test(two_members_share_and_the_first_lets_go),
        cmocka_unit_test(a_static_member_comes_back_to_its_partitions),
        cmocka_unit_test(of_two_with_one_name_the_first_is_told_to_stop),
        cmocka_unit_test(a_member_that_does_not_poll_loses_its_partitions),
        cmocka_unit_test(destroying_a_member_leaves_nothing),
    };
    return cmocka_run_group_tests_name("broker_group", tests, set_up, tear_down);
}
