/* Appending to the journal, reading it back, and writing events. */
#include "tests/broker/rig.h"

#include "base/limits.h"
#include "tests/support/gen.h"

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_open(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static struct kafka_journal *open_journal(void)
{
    struct kafka_journal *journal;
    RIG_OK(kafka_journal_create(rig.hub, &rig.settings, &journal, err));
    return journal;
}

static struct kafka_reader *open_reader(enum kafka_reader_use use)
{
    struct kafka_reader *reader;
    RIG_OK(kafka_reader_create(rig.hub, &rig.settings, use, "tail", &reader, err));
    return reader;
}

static struct kafka_tail *open_tail(struct kafka_reader *reader, const char *topic,
                                    int32_t partition, int64_t from)
{
    struct kafka_tail *tail;
    RIG_OK(kafka_tail_open(reader, topic, partition, from, &tail, err));
    return tail;
}

/* Appends `count` records "<number>" padded to `size`; returns when all are persisted. */
static void append_all(struct kafka_journal *journal, int32_t partition, int count, size_t size)
{
    char *bytes = mem_alloc(1, size);
    int sent = 0, told = 0;
    struct kafka_receipt receipt;
    while (told < count) {
        while (sent < count && sent - told < 1000) {
            snprintf(bytes, size, "%d", sent);
            RIG_OK(kafka_journal_append(journal, partition, bytes, size, (uint64_t)sent, err));
            sent++;
        }
        RIG_UNTIL(&rig, kafka_journal_poll(journal, &receipt));
        assert_int_equal(receipt.delivery, KAFKA_PERSISTED);
        assert_int_equal(receipt.tag, told); /* one partition: receipts in order */
        told++;
    }
    free(bytes);
}

static int number_in(const struct kafka_message *message)
{
    uint64_t number;
    struct text text = {message->value.at, strnlen(message->value.at, message->value.length)};
    RIG_OK(text_u64(text, INT32_MAX, &number, err));
    return (int)number;
}

static void expect_numbers(struct kafka_tail *tail, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        struct kafka_item item = rig_item(&rig, tail, KAFKA_ITEM_MESSAGE);
        assert_int_equal(item.message->offset, i);
        assert_int_equal(item.position, i + 1);
        assert_int_equal(number_in(item.message), i);
        kafka_message_destroy(item.message);
    }
}

static void appended_records_come_back_in_order(void **state)
{
    (void)state;
    rig_topics(&rig, 2);
    struct kafka_journal *journal = open_journal();
    struct kafka_reader *reader = open_reader(KAFKA_READ_JOURNAL);
    struct kafka_tail *tail = open_tail(reader, rig.settings.topics.journal, 1, 0);
    struct kafka_item item = rig_item(&rig, tail, KAFKA_ITEM_START);
    assert_int_equal(item.low, 0);
    assert_int_equal(item.high, 0);
    rig_item(&rig, tail, KAFKA_ITEM_END);
    append_all(journal, 1, 5000, 300);
    expect_numbers(tail, 0, 5000);
    assert_int_equal(kafka_tail_position(tail), 5000);
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

static void a_receipt_names_offset_and_time(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_journal *journal = open_journal();
    int64_t before = rig.broker ? 0 : (int64_t)time(NULL) * 1000 - 2000;
    RIG_OK(kafka_journal_append(journal, 0, "x", 1, 77, err));
    assert_int_equal(kafka_journal_in_flight(journal), 1);
    struct kafka_receipt receipt = rig_receipt(&rig, journal);
    assert_int_equal(receipt.tag, 77);
    assert_int_equal(receipt.delivery, KAFKA_PERSISTED);
    assert_int_equal(receipt.partition, 0);
    assert_int_equal(receipt.offset, 0);
    assert_int_equal(receipt.code, ERR_OK);
    assert_int_equal(receipt.timestamp_type, KAFKA_TIMESTAMP_APPEND);
    assert_true(receipt.timestamp.ms >= before);
    assert_int_equal(kafka_journal_in_flight(journal), 0);

    struct kafka_reader *reader = open_reader(KAFKA_READ_JOURNAL);
    struct kafka_tail *tail = open_tail(reader, rig.settings.topics.journal, 0, 0);
    rig_item(&rig, tail, KAFKA_ITEM_START);
    struct kafka_item item = rig_item(&rig, tail, KAFKA_ITEM_MESSAGE);
    if (!rig.broker) { /* the embedded broker's times mean nothing */
        assert_int_equal(item.message->timestamp_type, KAFKA_TIMESTAMP_APPEND);
        assert_int_equal(item.message->timestamp.ms, receipt.timestamp.ms);
    }
    kafka_message_destroy(item.message);
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

static void a_tail_starts_where_it_is_told_and_tells_the_end(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_journal *journal = open_journal();
    append_all(journal, 0, 100, 50);
    struct kafka_reader *reader = open_reader(KAFKA_READ_JOURNAL);
    struct kafka_tail *tail = open_tail(reader, rig.settings.topics.journal, 0, 40);
    struct kafka_item item = rig_item(&rig, tail, KAFKA_ITEM_START);
    assert_int_equal(item.position, 40);
    assert_int_equal(item.high, 100);
    expect_numbers(tail, 40, 60);
    item = rig_item(&rig, tail, KAFKA_ITEM_END);
    assert_int_equal(item.high, 100);
    assert_int_equal(kafka_tail_high(tail), 100);
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

static void a_tail_from_the_end_sees_only_what_comes(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_journal *journal = open_journal();
    append_all(journal, 0, 10, 50);
    struct kafka_reader *reader = open_reader(KAFKA_READ_SHARED);
    struct kafka_tail *tail = open_tail(reader, rig.settings.topics.journal, 0, KAFKA_FROM_END);
    struct kafka_item item = rig_item(&rig, tail, KAFKA_ITEM_START);
    assert_int_equal(item.position, 10);
    rig_item(&rig, tail, KAFKA_ITEM_END);
    RIG_OK(kafka_journal_append(journal, 0, "new", 3, 0, err));
    item = rig_item(&rig, tail, KAFKA_ITEM_MESSAGE);
    assert_int_equal(item.message->offset, 10);
    kafka_message_destroy(item.message);
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

static void an_offset_behind_the_end_is_told_as_truncated(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_journal *journal = open_journal();
    append_all(journal, 0, 10, 50);
    struct kafka_reader *reader = open_reader(KAFKA_READ_JOURNAL);
    struct kafka_tail *tail = open_tail(reader, rig.settings.topics.journal, 0, 11);
    struct kafka_item item = rig_item(&rig, tail, KAFKA_ITEM_TRUNCATED);
    assert_int_equal(item.position, 11);
    assert_int_equal(item.high, 10);
    assert_int_equal(item.error.code, ERR_JOURNAL);
    assert_false(kafka_tail_take(tail, &item)); /* stopped */
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

/* Removes everything below `offset`: by asking a real broker, by overflowing the embedded one. */
static void lose_the_oldest(struct kafka_journal *journal, int64_t offset)
{
    if (rig.broker) {
        append_all(journal, 0, 200, 50000); /* it keeps 5 MiB a partition */
        return;
    }
    append_all(journal, 0, 200, 100);
    char said[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rig.settings.brokers, said, sizeof said);
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, said, sizeof said);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, rig.settings.topics.journal, 0)->offset = offset;
    rd_kafka_DeleteRecords_t *remove = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(handle, &remove, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, RIG_PATIENCE_MS);
    assert_non_null(event);
    assert_int_equal(rd_kafka_event_error(event), 0);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(remove);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(handle);
}

static void records_that_are_gone_are_told_as_a_gap(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_journal *journal = open_journal();
    lose_the_oldest(journal, 50);
    struct kafka_reader *reader = open_reader(KAFKA_READ_JOURNAL);
    struct kafka_tail *tail = open_tail(reader, rig.settings.topics.journal, 0, 5);
    struct kafka_item item = rig_item(&rig, tail, KAFKA_ITEM_GAP);
    assert_int_equal(item.position, 5);
    assert_true(item.low > 5);
    assert_int_equal(item.high, 200);
    int64_t low = item.low;
    kafka_tail_close(tail);
    tail = open_tail(reader, rig.settings.topics.journal, 0, KAFKA_FROM_BEGINNING);
    item = rig_item(&rig, tail, KAFKA_ITEM_START);
    assert_int_equal(item.position, low);
    item = rig_item(&rig, tail, KAFKA_ITEM_MESSAGE);
    assert_int_equal(item.message->offset, low);
    kafka_message_destroy(item.message);
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

static void a_tail_that_is_not_taken_from_loses_nothing(void **state)
{
    (void)state;
    rig_topics(&rig, 2);
    struct kafka_journal *journal = open_journal();
    struct kafka_reader *reader = open_reader(KAFKA_READ_JOURNAL);
    struct kafka_tail *left = open_tail(reader, rig.settings.topics.journal, 0, 0);
    struct kafka_tail *taken = open_tail(reader, rig.settings.topics.journal, 1, 0);
    rig_item(&rig, taken, KAFKA_ITEM_START);
    rig_item(&rig, taken, KAFKA_ITEM_END);
    rig_item(&rig, left, KAFKA_ITEM_START);
    rig_item(&rig, left, KAFKA_ITEM_END);
    append_all(journal, 0, 10000, 200); /* below the embedded broker's 5 MiB */
    append_all(journal, 1, 10000, 200);
    expect_numbers(taken, 0, 10000); /* the other one does not hold it up */
    expect_numbers(left, 0, 10000);
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

static void a_partition_is_read_by_one_tail_at_a_time(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_reader *reader = open_reader(KAFKA_READ_JOURNAL);
    struct kafka_tail *tail = open_tail(reader, rig.settings.topics.journal, 0, 0), *second;
    struct error error;
    assert_int_equal(kafka_tail_open(reader, rig.settings.topics.journal, 0, 0, &second, &error),
                     ERR_CONFLICT);
    kafka_tail_close(tail); /* with its question still out */
    tail = open_tail(reader, rig.settings.topics.journal, 0, 0);
    rig_item(&rig, tail, KAFKA_ITEM_START);
    rig_close_reader(&rig, reader);
}

static void a_topic_that_is_made_later_is_waited_for(void **state)
{
    (void)state;
    if (rig.broker)
        skip(); /* it makes every topic that is asked for */
    rig_names(&rig);
    struct kafka_reader *reader = open_reader(KAFKA_READ_SHARED);
    struct kafka_tail *tail = open_tail(reader, rig.settings.topics.journal, 0, 0);
    struct kafka_item item = rig_item(&rig, tail, KAFKA_ITEM_WAITING);
    assert_int_equal(item.error.code, ERR_NOT_FOUND);
    rig_make(&rig, 1);
    rig_item(&rig, tail, KAFKA_ITEM_START);
    rig_item(&rig, tail, KAFKA_ITEM_END);
    rig_close_reader(&rig, reader);
}

static void a_record_over_the_limit_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_journal *journal = open_journal();
    struct error error;
    char *bytes = mem_alloc(1, LIMIT_RECORD_BYTES + 1);
    assert_int_equal(kafka_journal_append(journal, 0, bytes, LIMIT_RECORD_BYTES + 1, 0, &error),
                     ERR_TOO_LARGE);
    assert_int_equal(kafka_journal_in_flight(journal), 0);
    RIG_OK(kafka_journal_append(journal, 0, bytes, LIMIT_RECORD_BYTES, 0, err));
    assert_int_equal(rig_receipt(&rig, journal).delivery, KAFKA_PERSISTED);
    free(bytes);
    rig_close_journal(&rig, journal);
}

static void a_full_journal_refuses_and_answers_all_it_took(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_journal *journal = open_journal();
    struct error error;
    for (int i = 0; i < KAFKA_APPENDS_MAX; i++)
        RIG_OK(kafka_journal_append(journal, 0, "full", 4, (uint64_t)i, err));
    assert_int_equal(kafka_journal_append(journal, 0, "over", 4, 0, &error), ERR_FULL);
    for (int i = 0; i < KAFKA_APPENDS_MAX; i++)
        assert_int_equal(rig_receipt(&rig, journal).tag, i);
    RIG_OK(kafka_journal_append(journal, 0, "again", 5, 5, err));
    assert_int_equal(rig_receipt(&rig, journal).tag, 5);
    rig_close_journal(&rig, journal);
}

static void closing_answers_everything_in_flight(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_journal *journal = open_journal();
    for (int i = 0; i < 500; i++)
        RIG_OK(kafka_journal_append(journal, 0, "x", 1, (uint64_t)i, err));
    kafka_journal_close(journal);
    struct error error;
    assert_int_equal(kafka_journal_append(journal, 0, "x", 1, 0, &error), ERR_UNAVAILABLE);
    bool told[500] = {false};
    int count = 0;
    struct kafka_receipt receipt;
    while (!kafka_journal_closed(journal)) {
        while (kafka_journal_poll(journal, &receipt)) {
            assert_false(told[receipt.tag]);
            told[receipt.tag] = true;
            count++;
        }
        uv_run(&rig.loop, UV_RUN_ONCE);
    }
    assert_int_equal(count, 500);
    kafka_journal_destroy(journal);
}

static void a_message_keeps_every_part(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_producer *producer;
    RIG_OK(kafka_producer_create(rig.hub, &rig.settings, &producer, err));
    struct kafka_header headers[] = {
        {TEXT("ce_id"), TEXT("42"), false},
        {TEXT("empty"), {"", 0}, false},
        {TEXT("none"), {NULL, 0}, true},
        {TEXT("ce_id"), TEXT("second"), false},
    };
    struct kafka_outgoing out = {.topic = rig.settings.topics.dead_letters,
                                 .partition = 0,
                                 .has_key = true,
                                 .key = TEXT("main"),
                                 .value = {"a\0b", 3},
                                 .headers = headers,
                                 .header_count = 4,
                                 .timestamp = {1700000000123}};
    RIG_OK(kafka_producer_send(producer, &out, 1, err));
    out = (struct kafka_outgoing){
        .topic = rig.settings.topics.dead_letters, .has_key = true, .tombstone = true};
    RIG_OK(kafka_producer_send(producer, &out, 2, err));
    out = (struct kafka_outgoing){.topic = rig.settings.topics.dead_letters,
                                  .partition = KAFKA_ANY_PARTITION};
    RIG_OK(kafka_producer_send(producer, &out, 3, err));
    for (uint64_t tag = 1; tag <= 3; tag++) {
        struct kafka_receipt receipt = rig_sent(&rig, producer);
        assert_int_equal(receipt.tag, tag);
        assert_int_equal(receipt.delivery, KAFKA_PERSISTED);
    }
    struct kafka_reader *reader = open_reader(KAFKA_READ_SHARED);
    struct kafka_tail *tail = open_tail(reader, rig.settings.topics.dead_letters, 0, 0);
    rig_item(&rig, tail, KAFKA_ITEM_START);
    AUTO(kafka_message) full = rig_item(&rig, tail, KAFKA_ITEM_MESSAGE).message;
    assert_true(text_equal(full->key, TEXT("main")));
    assert_int_equal(full->value.length, 3);
    assert_memory_equal(full->value.at, "a\0b", 3);
    assert_int_equal(full->timestamp.ms, 1700000000123);
    assert_int_equal(full->timestamp_type, KAFKA_TIMESTAMP_CREATE);
    assert_int_equal(full->header_count, 4);
    assert_true(text_equal(kafka_message_header(full, TEXT("ce_id"))->value, TEXT("42")));
    assert_false(kafka_message_header(full, TEXT("empty"))->null);
    assert_true(kafka_message_header(full, TEXT("none"))->null);
    assert_null(kafka_message_header(full, TEXT("ce")));
    AUTO(kafka_message) tombstone = rig_item(&rig, tail, KAFKA_ITEM_MESSAGE).message;
    assert_true(tombstone->has_key);
    assert_int_equal(tombstone->key.length, 0);
    assert_false(tombstone->has_value);
    AUTO(kafka_message) bare = rig_item(&rig, tail, KAFKA_ITEM_MESSAGE).message;
    assert_false(bare->has_key);
    assert_true(bare->has_value);
    assert_int_equal(bare->value.length, 0);
    rig_item(&rig, tail, KAFKA_ITEM_END);
    rig_close_reader(&rig, reader);
    rig_close_producer(&rig, producer);
}

static void a_key_goes_where_the_partitioner_says(void **state)
{
    (void)state;
    enum { KEYS = 1500, PARTITIONS = 7 };
    rig_topics(&rig, PARTITIONS);
    struct kafka_producer *producer;
    RIG_OK(kafka_producer_create(rig.hub, &rig.settings, &producer, err));
    static char keys[KEYS][24];
    static size_t lengths[KEYS];
    struct gen gen = {20261121};
    for (int i = 0; i < KEYS; i++) {
        lengths[i] = gen_below(&gen, sizeof keys[i] + 1);
        for (size_t j = 0; j < lengths[i]; j++)
            keys[i][j] = (char)gen_next(&gen);
        struct kafka_outgoing out = {.topic = rig.settings.topics.events,
                                     .partition = KAFKA_ANY_PARTITION,
                                     .has_key = true,
                                     .key = {keys[i], lengths[i]},
                                     .value = TEXT("v")};
        RIG_OK(kafka_producer_send(producer, &out, (uint64_t)i, err));
    }
    for (int i = 0; i < KEYS; i++) {
        struct kafka_receipt receipt = rig_sent(&rig, producer);
        struct text key = {keys[receipt.tag], lengths[receipt.tag]};
        assert_int_equal(receipt.delivery, KAFKA_PERSISTED);
        assert_int_equal(receipt.partition, kafka_partition_of(key, PARTITIONS));
    }
    rig_close_producer(&rig, producer);
}

static void a_partition_that_does_not_exist_is_told(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_producer *producer;
    RIG_OK(kafka_producer_create(rig.hub, &rig.settings, &producer, err));
    struct kafka_outgoing out = {
        .topic = rig.settings.topics.events, .partition = 99, .value = TEXT("v")};
    struct error error = {0};
    if (kafka_producer_send(producer, &out, 9, &error) == ERR_OK) {
        struct kafka_receipt receipt = rig_sent(&rig, producer);
        assert_int_equal(receipt.delivery, KAFKA_NOT_PERSISTED);
        assert_int_equal(receipt.code, ERR_NOT_FOUND);
    } else {
        assert_int_equal(error.code, ERR_NOT_FOUND);
    }
    assert_int_equal(kafka_producer_in_flight(producer), 0);
    rig_close_producer(&rig, producer);
}

/* What tests and failing starts do: destroy without closing, with work outstanding. */
static void destroying_without_closing_leaves_nothing(void **state)
{
    (void)state;
    rig_topics(&rig, 1);
    struct kafka_journal *journal = open_journal();
    RIG_OK(kafka_journal_append(journal, 0, "x", 1, 0, err));
    struct kafka_producer *producer;
    RIG_OK(kafka_producer_create(rig.hub, &rig.settings, &producer, err));
    RIG_OK(kafka_producer_know(producer, rig.settings.topics.events, err));
    struct kafka_reader *reader = open_reader(KAFKA_READ_JOURNAL);
    open_tail(reader, rig.settings.topics.journal, 0, 0);
    uv_run(&rig.loop, UV_RUN_NOWAIT);
    kafka_reader_destroy(reader);
    kafka_producer_destroy(producer);
    kafka_journal_destroy(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_records_come_back_in_order),
        cmocka_unit_test(a_receipt_names_offset_and_time),
        cmocka_unit_test(a_tail_starts_where_it_is_told_and_tells_the_end),
        cmocka_unit_test(a_tail_from_the_end_sees_only_what_comes),
        cmocka_unit_test(an_offset_behind_the_end_is_told_as_truncated),
        cmocka_unit_test(records_that_are_gone_are_told_as_a_gap),
        cmocka_unit_test(a_tail_that_is_not_taken_from_loses_nothing),
        cmocka_unit_test(a_partition_is_read_by_one_tail_at_a_time),
        cmocka_unit_test(a_topic_that_is_made_later_is_waited_for),
        cmocka_unit_test(a_record_over_the_limit_is_refused_before_it_is_sent),
        cmocka_unit_test(a_full_journal_refuses_and_answers_all_it_took),
        cmocka_unit_test(closing_answers_everything_in_flight),
        cmocka_unit_test(a_message_keeps_every_part),
        cmocka_unit_test(a_key_goes_where_the_partitioner_says),
        cmocka_unit_test(a_partition_that_does_not_exist_is_told),
        cmocka_unit_test(destroying_without_closing_leaves_nothing),
    };
    return cmocka_run_group_tests_name("broker_log", tests, set_up, tear_down);
}
