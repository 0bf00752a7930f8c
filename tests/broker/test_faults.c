/* What the journal, the events and the tails do when the broker misbehaves. Errors, delays and
 * outages are injected into the embedded broker, so these always run there. */
#include <sys/resource.h>

#include "tests/broker/rig.h"

enum { PRODUCE = 0, FETCH = 1, DELIVERY_MS = 1500 }; /* Kafka's numbers of the requests */

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    unsetenv("CURFEW_TEST_BROKERS");
    rig_open(&rig);
    rig.settings.delivery_ms = DELIVERY_MS;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static rd_kafka_mock_cluster_t *cluster(void)
{
    return broker_mock(rig.broker);
}

/* The next request of this kind is answered with `code` after `delay_ms`. Always by broker: once a
 * broker has a list of its own for a kind, the cluster's list is ignored there. */
static void inject(int16_t request, rd_kafka_resp_err_t code, int delay_ms)
{
    assert_int_equal(rd_kafka_mock_broker_push_request_error_rtts(cluster(), 1, request, (size_t)1,
                                                                  code, delay_ms),
                     0);
}

static struct kafka_journal *open_journal(void)
{
    struct kafka_journal *journal;
    rig_topics(&rig, 1);
    RIG_OK(kafka_journal_create(rig.hub, &rig.settings, &journal, err));
    /* The first one pays for connecting; what follows meets only the injected fault. */
    RIG_OK(kafka_journal_append(journal, 0, "first", 5, 1000, err));
    assert_int_equal(rig_receipt(&rig, journal).delivery, KAFKA_PERSISTED);
    return journal;
}

static struct kafka_receipt append(struct kafka_journal *journal, uint64_t tag)
{
    RIG_OK(kafka_journal_append(journal, 0, "record", 6, tag, err));
    struct kafka_receipt receipt = rig_receipt(&rig, journal);
    assert_int_equal(receipt.tag, tag);
    return receipt;
}

static void too_few_replicas_for_a_moment_is_only_slower(void **state)
{
    (void)state;
    struct kafka_journal *journal = open_journal();
    for (int i = 0; i < 3; i++)
        inject(PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 0);
    struct kafka_receipt receipt = append(journal, 1);
    assert_int_equal(receipt.delivery, KAFKA_PERSISTED);
    assert_int_equal(receipt.offset, 1);
    rig_close_journal(&rig, journal);
}

static void a_refused_record_is_not_persisted(void **state)
{
    (void)state;
    struct kafka_journal *journal = open_journal();
    inject(PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 0);
    struct kafka_receipt receipt = append(journal, 2);
    assert_int_equal(receipt.delivery, KAFKA_NOT_PERSISTED);
    assert_int_equal(receipt.code, ERR_AUTH);
    assert_int_equal(receipt.offset, -1);
    assert_true(receipt.reason[0] != 0);
    rig_close_journal(&rig, journal);
}

static void an_answer_that_never_comes_is_possibly_persisted(void **state)
{
    (void)state;
    struct kafka_journal *journal = open_journal();
    /* Applied, but answered long after everybody has given up. */
    inject(PRODUCE, RD_KAFKA_RESP_ERR_NO_ERROR, 4 * DELIVERY_MS);
    int64_t began_ms = rig_now_ms();
    struct kafka_receipt receipt = append(journal, 3);
    assert_int_equal(receipt.delivery, KAFKA_POSSIBLY_PERSISTED);
    assert_int_equal(receipt.code, ERR_UNAVAILABLE);
    assert_true(rig_now_ms() - began_ms < 3 * DELIVERY_MS);
    rig_close_journal(&rig, journal);
}

/* Seconds of processor time of the whole process, the embedded broker's included. */
static double processor_s(void)
{
    struct rusage used;
    assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* `first`: its tag. More than librdkafka lets be unanswered, so that some must wait. */
enum { BURST = 50 };
static void append_burst(struct kafka_journal *journal, uint64_t first)
{
    for (uint64_t i = 0; i < BURST; i++)
        RIG_OK(kafka_journal_append(journal, 0, "record", 6, first + i, err));
}

/* Looking for the answer all the time would take two seconds, or what a busy machine leaves of it.
 */
static void what_waits_for_an_answer_keeps_no_processor_busy(void **state)
{
    (void)state;
    struct kafka_journal *journal = open_journal();
    double busy_s = 0;
    for (uint64_t tag = 0; tag < (uint64_t)5 * 2 * BURST;) {
        inject(PRODUCE, RD_KAFKA_RESP_ERR_NO_ERROR, 400); /* below GATE_WAIT_MS */
        append_burst(journal, tag);
        uv_run(&rig.loop, UV_RUN_ONCE); /* a tick later they are under way */
        double before_s = processor_s();
        append_burst(journal, tag + BURST);
        for (uint64_t end = tag + (uint64_t)2 * BURST; tag < end; tag++) {
            struct kafka_receipt receipt = rig_receipt(&rig, journal);
            assert_int_equal(receipt.tag, tag);
            assert_int_equal(receipt.delivery, KAFKA_PERSISTED);
        }
        busy_s += processor_s() - before_s;
    }
    assert_true(busy_s < 0.2);
    rig_close_journal(&rig, journal);
}

static void what_waits_is_answered_in_time_when_no_answer_comes(void **state)
{
    (void)state;
    struct kafka_journal *journal = open_journal();
    inject(PRODUCE, RD_KAFKA_RESP_ERR_NO_ERROR, 4 * DELIVERY_MS);
    int64_t began_ms = rig_now_ms();
    append_burst(journal, 0);
    bool told[BURST] = {false};
    for (int i = 0; i < BURST; i++) {
        struct kafka_receipt receipt = rig_receipt(&rig, journal); /* the later may be persisted */
        assert_false(told[receipt.tag]);
        told[receipt.tag] = true;
    }
    assert_true(rig_now_ms() - began_ms < 3 * DELIVERY_MS);
    rig_close_journal(&rig, journal);
}

static void what_is_refused_after_it_waited_is_not_persisted(void **state)
{
    (void)state;
    enum { SMALL = 10, LARGE = 1200000 };
    rig_topics(&rig, 1);
    struct kafka_producer *producer;
    RIG_OK(kafka_producer_create(rig.hub, &rig.settings, &producer, err));
    char *bytes = mem_alloc(1, LARGE);
    struct kafka_header header = {TEXT("name"), TEXT("value"), false};
    struct kafka_outgoing out = {.topic = rig.settings.topics.events,
                                 .headers = &header,
                                 .header_count = 1,
                                 .value = TEXT("small")};
    for (uint64_t tag = 0; tag < SMALL; tag++)
        RIG_OK(kafka_producer_send(producer, &out, tag, err));
    out.value = (struct text){bytes, LARGE};
    RIG_OK(kafka_producer_send(producer, &out, SMALL, err)); /* nobody knows yet */
    free(bytes);
    out.value = TEXT("after");
    RIG_OK(kafka_producer_send(producer, &out, SMALL + 1, err));
    assert_int_equal(kafka_producer_in_flight(producer), SMALL + 2);
    for (int i = 0; i < SMALL + 2; i++) {
        struct kafka_receipt receipt = rig_sent(&rig, producer);
        bool large = receipt.tag == SMALL;
        assert_int_equal(receipt.delivery, large ? KAFKA_NOT_PERSISTED : KAFKA_PERSISTED);
        assert_int_equal(receipt.code, large ? ERR_TOO_LARGE : ERR_OK);
    }
    assert_int_equal(kafka_producer_in_flight(producer), 0);
    rig_close_producer(&rig, producer);
}

static void a_broker_that_is_away_stops_nothing_for_good(void **state)
{
    (void)state;
    struct kafka_journal *journal = open_journal();
    rd_kafka_mock_broker_set_down(cluster(), 1);
    struct kafka_receipt receipt = append(journal, 4);
    assert_int_not_equal(receipt.delivery, KAFKA_PERSISTED);
    assert_int_equal(receipt.code, ERR_UNAVAILABLE);
    rd_kafka_mock_broker_set_up(cluster(), 1);
    int tries = 0;
    do
        receipt = append(journal, 5); /* each is answered within DELIVERY_MS */
    while (receipt.delivery != KAFKA_PERSISTED && ++tries < 10);
    assert_int_equal(receipt.delivery, KAFKA_PERSISTED);
    rig_close_journal(&rig, journal);
}

static void a_fatal_error_is_answered_and_the_producer_replaced(void **state)
{
    (void)state;
    enum { IN_FLIGHT = 20 };
    struct kafka_journal *journal = open_journal();
    inject(PRODUCE, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 0);
    bool told[IN_FLIGHT] = {false};
    int unknown = 0;
    int taken = 0; /* librdkafka may see the error while we still append: such an append is refused,
                      without a receipt */
    while (taken < IN_FLIGHT &&
           kafka_journal_append(journal, 0, "record", 6, (uint64_t)taken, NULL) == ERR_OK)
        taken++;
    assert_true(taken > 0);
    for (int i = 0; i < taken; i++) {
        struct kafka_receipt receipt = rig_receipt(&rig, journal);
        unknown += receipt.delivery != KAFKA_PERSISTED;
        assert_false(told[receipt.tag]);
        told[receipt.tag] = true;
    }
    assert_true(unknown > 0);
    struct kafka_receipt receipt;
    RIG_UNTIL(&rig, (kafka_journal_poll(journal, &receipt),
                     kafka_journal_append(journal, 0, "after", 5, 99, NULL) == ERR_OK));
    receipt = rig_receipt(&rig, journal);
    assert_int_equal(receipt.tag, 99);
    assert_int_equal(receipt.delivery, KAFKA_PERSISTED);
    assert_int_equal(kafka_journal_rebuilds(journal), 1);
    rig_close_journal(&rig, journal);
}

/* Sends until it is persisted, within a time far below librdkafka's own refresh of 5 minutes. */
static void recovers(struct kafka_producer *producer, const struct kafka_outgoing *out)
{
    struct error error;
    struct kafka_receipt receipt = {0};
    int64_t began_ms = rig_now_ms();
    while (receipt.delivery != KAFKA_PERSISTED) {
        assert_true(rig_now_ms() - began_ms < 20000);
        if (kafka_producer_send(producer, out, 2, &error) == ERR_OK)
            receipt = rig_sent(&rig, producer);
        else
            uv_run(&rig.loop, UV_RUN_ONCE);
    }
}

static void a_topic_that_refuses_is_looked_up_again(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_producer *producer;
    RIG_OK(kafka_producer_create(rig.hub, &rig.settings, &producer, err));
    struct kafka_outgoing out = {
        .topic = rig.settings.topics.events, .partition = 0, .value = TEXT("v")};
    inject(PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 0);
    RIG_OK(kafka_producer_send(producer, &out, 1, err));
    struct kafka_receipt receipt = rig_sent(&rig, producer);
    assert_int_equal(receipt.delivery, KAFKA_NOT_PERSISTED);
    assert_int_equal(receipt.code, ERR_AUTH);
    recovers(producer, &out); /* the right was granted */

    rd_kafka_mock_topic_set_error(cluster(), rig.settings.topics.events,
                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    rig_close_producer(&rig, producer);
    RIG_OK(kafka_producer_create(rig.hub, &rig.settings, &producer, err));
    struct error error = {0};
    receipt = (struct kafka_receipt){0};
    if (kafka_producer_send(producer, &out, 1, &error) == ERR_OK)
        receipt = rig_sent(&rig, producer);
    assert_int_not_equal(receipt.delivery, KAFKA_PERSISTED);
    rd_kafka_mock_topic_set_error(cluster(), rig.settings.topics.events,
                                  RD_KAFKA_RESP_ERR_NO_ERROR);
    recovers(producer, &out);
    rig_close_producer(&rig, producer);
}

static void a_tail_goes_on_after_an_outage(void **state)
{
    (void)state;
    struct kafka_journal *journal = open_journal();
    struct kafka_reader *reader;
    struct kafka_tail *tail;
    RIG_OK(kafka_reader_create(rig.hub, &rig.settings, KAFKA_READ_JOURNAL, "tail", &reader, err));
    RIG_OK(kafka_tail_open(reader, rig.settings.topics.journal, 0, 0, &tail, err));
    rig_item(&rig, tail, KAFKA_ITEM_START);
    kafka_message_destroy(rig_item(&rig, tail, KAFKA_ITEM_MESSAGE).message);
    rig_item(&rig, tail, KAFKA_ITEM_END);
    rd_kafka_mock_broker_set_down(cluster(), 1);
    append(journal, 1); /* told as not written, or as unknown */
    rd_kafka_mock_broker_set_up(cluster(), 1);
    inject(FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, 0);
    inject(FETCH, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, 0);
    while (append(journal, 2).delivery != KAFKA_PERSISTED)
        ;
    int64_t expected = 1;
    struct kafka_item item = rig_item(&rig, tail, KAFKA_ITEM_MESSAGE);
    assert_int_equal(item.message->offset, expected);
    kafka_message_destroy(item.message);
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

/* A tail opened while nobody answers waits, says so, and begins when somebody does. */
static void a_tail_opened_in_an_outage_waits_and_says_so(void **state)
{
    (void)state;
    struct kafka_journal *journal = open_journal();
    struct kafka_reader *reader;
    struct kafka_tail *tail;
    struct kafka_item item = {0};
    rd_kafka_mock_broker_set_down(cluster(), 1);
    RIG_OK(kafka_reader_create(rig.hub, &rig.settings, KAFKA_READ_JOURNAL, "tail", &reader, err));
    RIG_OK(kafka_tail_open(reader, rig.settings.topics.journal, 0, 0, &tail, err));
    RIG_UNTIL(&rig, kafka_tail_take(tail, &item));
    assert_int_equal(item.kind, KAFKA_ITEM_WAITING);
    assert_int_equal(item.error.code, ERR_UNAVAILABLE);
    assert_non_null(strstr(item.error.message, rig.settings.topics.journal));
    rd_kafka_mock_broker_set_up(cluster(), 1);
    rig_item(&rig, tail, KAFKA_ITEM_START);
    kafka_message_destroy(rig_item(&rig, tail, KAFKA_ITEM_MESSAGE).message);
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

/* Looks, again when a look fails, until one is answered: how many messages came before that. */
static int looked(struct kafka_tail *tail)
{
    struct kafka_item item;
    int messages = 0;
    do {
        kafka_tail_look(tail);
        RIG_UNTIL(&rig, kafka_tail_take(tail, &item));
        messages += item.kind == KAFKA_ITEM_MESSAGE;
        kafka_message_destroy(item.message);
    } while (item.kind != KAFKA_ITEM_CAUGHT_UP);
    return messages;
}

/* A tail that stands at the end of the journal topic. */
static struct kafka_tail *open_end(struct kafka_reader **ret_reader)
{
    struct kafka_tail *tail;
    const char *topic = rig.settings.topics.journal;
    RIG_OK(kafka_reader_create(rig.hub, &rig.settings, KAFKA_READ_SHARED, "look", ret_reader, err));
    RIG_OK(kafka_tail_open(*ret_reader, topic, 0, KAFKA_FROM_END, &tail, err));
    rig_item(&rig, tail, KAFKA_ITEM_START);
    rig_item(&rig, tail, KAFKA_ITEM_END);
    return tail;
}

/* ADR 2, rule 9: an idle topic says again and again that it was read to its end, one without a
 * leader does not. */
/* From 2.1 on the mock itself falls over a fetch of a partition without a leader (its
 * rd_kafka_mock_Fetch_reply_tags_partition_write); the floor, 2.0.2, shows what is to be shown. */
enum { MOCK_FALLS_WITHOUT_LEADER = 0x02010000 };

static void a_look_is_answered_by_an_idle_topic_and_not_by_one_without_a_leader(void **state)
{
    (void)state;
    struct kafka_journal *journal = open_journal();
    struct kafka_reader *reader;
    struct kafka_item item;
    const char *topic = rig.settings.topics.journal;
    struct kafka_tail *tail = open_end(&reader);
    for (int i = 0; i < 3; i++) {
        assert_true(kafka_tail_look(tail));
        assert_false(kafka_tail_look(tail)); /* one at a time, or an answer could be too old */
        rig_item(&rig, tail, KAFKA_ITEM_CAUGHT_UP);
    }
    if (rd_kafka_version() < MOCK_FALLS_WITHOUT_LEADER) {
        rd_kafka_mock_partition_set_leader(cluster(), topic, 0, -1);
        assert_true(kafka_tail_look(tail));
        item = rig_item(&rig, tail, KAFKA_ITEM_WAITING);
        assert_int_equal(item.error.code, ERR_UNAVAILABLE);
        rd_kafka_mock_partition_set_leader(cluster(), topic, 0, 1);
        assert_int_equal(looked(tail), 0);
    }
    while (append(journal, 1).delivery != KAFKA_PERSISTED)
        ;
    assert_int_equal(looked(tail), 1); /* what stood there comes first */
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

/* The answer says where the log ended when the broker was asked; by the time it is looked at, more
 * may have been read. */
static void a_look_that_was_overtaken_by_records_finds_no_truncation(void **state)
{
    (void)state;
    struct kafka_journal *journal = open_journal();
    struct kafka_reader *reader;
    struct kafka_item item;
    struct kafka_tail *tail = open_end(&reader);
    for (uint64_t round = 0; round < 20; round++) {
        assert_true(kafka_tail_look(tail));
        for (int turn = 0; turn < 3; turn++)
            uv_run(&rig.loop, UV_RUN_NOWAIT); /* the question goes out */
        RIG_OK(kafka_journal_append(journal, 0, "record", 6, round, err));
        do { /* the loop stands still: the answer waits in it while the record is taken */
            kafka_tail_take(tail, &item);
        } while (item.kind != KAFKA_ITEM_MESSAGE);
        kafka_message_destroy(item.message);
        rig_receipt(&rig, journal);
        do {
            RIG_UNTIL(&rig, (kafka_tail_look(tail), kafka_tail_take(tail, &item)));
            assert_int_not_equal(item.kind, KAFKA_ITEM_TRUNCATED);
        } while (item.kind != KAFKA_ITEM_CAUGHT_UP);
    }
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

/* Until the tail has noticed; the loop stands still. Now and then (one round of fifty was seen)
 * librdkafka makes nothing of an injected error: then another one is injected. */
static void fail_fetch(struct kafka_tail *tail)
{
    const int64_t end = rig_now_ms() + RIG_PATIENCE_MS;
    while (kafka_tail_high(tail) >= 0) {
        const int64_t again = rig_now_ms() + 1000;
        struct kafka_item item;
        inject(FETCH, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, 0);
        while (kafka_tail_high(tail) >= 0 && rig_now_ms() < again)
            assert_false(kafka_tail_take(tail, &item));
        assert_true(rig_now_ms() < end);
    }
}

/* The same when the fetch fails meanwhile: what was asked before is no answer to why it failed. */
static void a_look_that_was_overtaken_by_an_error_finds_no_truncation(void **state)
{
    (void)state;
    struct kafka_journal *journal = open_journal();
    struct kafka_reader *reader;
    struct kafka_item item;
    struct kafka_tail *tail = open_end(&reader);
    for (uint64_t round = 0; round < 5; round++) {
        assert_true(kafka_tail_look(tail));
        for (int turn = 0; turn < 3; turn++)
            uv_run(&rig.loop, UV_RUN_NOWAIT); /* the question goes out */
        RIG_OK(kafka_journal_append(journal, 0, "record", 6, 2 * round, err));
        do { /* the loop stands still, as above */
            kafka_tail_take(tail, &item);
        } while (item.kind != KAFKA_ITEM_MESSAGE);
        kafka_message_destroy(item.message);
        fail_fetch(tail);
        rig_receipt(&rig, journal);
        RIG_OK(kafka_journal_append(journal, 0, "record", 6, 2 * round + 1, err));
        do {
            RIG_UNTIL(&rig, kafka_tail_take(tail, &item));
            assert_int_not_equal(item.kind, KAFKA_ITEM_TRUNCATED);
        } while (item.kind != KAFKA_ITEM_MESSAGE);
        kafka_message_destroy(item.message);
        rig_receipt(&rig, journal);
        do
            RIG_UNTIL(&rig, (kafka_tail_look(tail), kafka_tail_take(tail, &item)));
        while (item.kind != KAFKA_ITEM_CAUGHT_UP);
    }
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_few_replicas_for_a_moment_is_only_slower),
        cmocka_unit_test(a_refused_record_is_not_persisted),
        cmocka_unit_test(an_answer_that_never_comes_is_possibly_persisted),
        cmocka_unit_test(what_waits_for_an_answer_keeps_no_processor_busy),
        cmocka_unit_test(what_waits_is_answered_in_time_when_no_answer_comes),
        cmocka_unit_test(what_is_refused_after_it_waited_is_not_persisted),
        cmocka_unit_test(a_broker_that_is_away_stops_nothing_for_good),
        cmocka_unit_test(a_fatal_error_is_answered_and_the_producer_replaced),
        cmocka_unit_test(a_topic_that_refuses_is_looked_up_again),
        cmocka_unit_test(a_tail_goes_on_after_an_outage),
        cmocka_unit_test(a_tail_opened_in_an_outage_waits_and_says_so),
        cmocka_unit_test(a_look_that_was_overtaken_by_records_finds_no_truncation),
        cmocka_unit_test(a_look_that_was_overtaken_by_an_error_finds_no_truncation),
        cmocka_unit_test(a_look_is_answered_by_an_idle_topic_and_not_by_one_without_a_leader),
    };
    return cmocka_run_group_tests_name("broker_faults", tests, set_up, tear_down);
}
