/* Not a test: what a durable step (append, acknowledge, read back) and a replay cost on this
 * machine, on the embedded broker or on the one that CURFEW_TEST_BROKERS names. Figures to compare
 * runs with, never to quote. */
#include "tests/broker/rig.h"

enum { RECORD_BYTES = 300, SAMPLES_MAX = 1000000, RUN_MS = 2000, RECORDS_MAX = 400000 };

static struct rig rig;
static int64_t samples[SAMPLES_MAX];

struct run {
    struct kafka_journal *journal;
    struct kafka_tail *tail;
    size_t sent, back, window;
};

static int64_t now_ns(void)
{
    struct clock clock = clock_real();
    return clock_now(&clock).ns;
}

static void append(struct run *run)
{
    char bytes[RECORD_BYTES] = {0};
    int64_t at = now_ns();
    memcpy(bytes, &at, sizeof at);
    RIG_OK(kafka_journal_append(run->journal, 0, bytes, sizeof bytes, run->sent, err));
    run->sent++;
}

/* One pass, as the service makes it: receipts, records, new appends. */
static void pass(struct run *run, bool more)
{
    struct kafka_receipt receipt;
    struct kafka_item item;
    while (kafka_journal_poll(run->journal, &receipt))
        assert_int_equal(receipt.delivery, KAFKA_PERSISTED);
    while (kafka_tail_take(run->tail, &item)) {
        if (item.kind != KAFKA_ITEM_MESSAGE)
            continue;
        int64_t at;
        memcpy(&at, item.message->value.at, sizeof at);
        if (run->back < SAMPLES_MAX)
            samples[run->back] = now_ns() - at;
        run->back++;
        kafka_message_destroy(item.message);
    }
    while (more && run->sent - run->back < run->window && run->sent < RECORDS_MAX)
        append(run);
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void durable_steps(size_t window, uint32_t linger_ms)
{
    struct kafka_reader *reader;
    struct run run = {.window = window};
    rig_topics(&rig, 1);
    rig.settings.linger_ms = linger_ms;
    RIG_OK(kafka_journal_create(rig.hub, &rig.settings, &run.journal, err));
    RIG_OK(kafka_reader_create(rig.hub, &rig.settings, KAFKA_READ_JOURNAL, "tail", &reader, err));
    RIG_OK(kafka_tail_open(reader, rig.settings.topics.journal, 0, 0, &run.tail, err));
    append(&run); /* pays for connecting */
    RIG_UNTIL(&rig, (pass(&run, false), run.back == 1));
    /* The embedded broker keeps 5 MiB a partition: what is not read at once may be gone. */
    int64_t began = now_ns(), end = began + (int64_t)RUN_MS * 1000000;
    while (now_ns() < end && run.back < RECORDS_MAX) {
        pass(&run, true);
        uv_run(&rig.loop, UV_RUN_ONCE);
    }
    RIG_UNTIL(&rig, (pass(&run, false), run.back == run.sent));
    double seconds = (double)(now_ns() - began) / 1e9;
    size_t count = run.back - 1 < SAMPLES_MAX ? run.back - 1 : SAMPLES_MAX - 1;
    qsort(samples + 1, count, sizeof *samples, by_value);
    printf("durable steps, %4zu in flight, linger %u ms: %8.0f /s   p50 %6.2f ms   p99 %6.2f ms\n",
           window, linger_ms, (double)run.back / seconds, (double)samples[1 + count / 2] / 1e6,
           (double)samples[1 + count * 99 / 100] / 1e6);
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, run.journal);
}

static void replay(size_t records)
{
    struct kafka_journal *journal;
    struct kafka_reader *reader;
    struct kafka_tail *tail;
    struct kafka_receipt receipt;
    struct kafka_item item = {0};
    char bytes[RECORD_BYTES] = {0};
    rig_topics(&rig, 1);
    rig.settings.linger_ms = 5;
    RIG_OK(kafka_journal_create(rig.hub, &rig.settings, &journal, err));
    for (size_t sent = 0, told = 0; told < records;) {
        while (sent < records && sent - told < 10000) {
            RIG_OK(kafka_journal_append(journal, 0, bytes, sizeof bytes, sent, err));
            sent++;
        }
        RIG_UNTIL(&rig, kafka_journal_poll(journal, &receipt));
        told++;
    }
    RIG_OK(kafka_reader_create(rig.hub, &rig.settings, KAFKA_READ_JOURNAL, "tail", &reader, err));
    int64_t began = now_ns();
    RIG_OK(kafka_tail_open(reader, rig.settings.topics.journal, 0, 0, &tail, err));
    while (item.kind != KAFKA_ITEM_END) {
        if (!kafka_tail_take(tail, &item))
            uv_run(&rig.loop, UV_RUN_ONCE);
        if (item.kind == KAFKA_ITEM_MESSAGE)
            kafka_message_destroy(item.message);
    }
    printf("replay of %zu records: %.0f /s\n", records,
           (double)records / ((double)(now_ns() - began) / 1e9));
    rig_close_reader(&rig, reader);
    rig_close_journal(&rig, journal);
}

static void measure(void **state)
{
    (void)state;
    rig_open(&rig);
    durable_steps(1, 0);
    durable_steps(100, 0);
    durable_steps(1000, 0);
    durable_steps(1000, 1);
    durable_steps(5000, 5);
    replay(rig.broker ? 10000 : 300000);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(measure)};
    return cmocka_run_group_tests_name("broker_measure", tests, NULL, NULL);
}
