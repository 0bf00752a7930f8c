/* rig.h - what every broker test stands on: a loop, a hub, a broker and topics of its own.
 *
 * The broker is an embedded one in this process, or the one that CURFEW_TEST_BROKERS names. Topic
 * names are random, so tests neither share topics nor leave anything for the next run. Nothing
 * sleeps: RIG_UNTIL turns the loop, which the hub wakes. */
#ifndef TESTS_BROKER_RIG_H
#define TESTS_BROKER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "kafka/admin.h"
#include "kafka/consumer.h"
#include "kafka/hub.h"
#include "kafka/journal.h"
#include "kafka/probe.h"
#include "kafka/producer.h"
#include "kafka/reader.h"
#include "sim/broker/broker.h"

enum { RIG_PATIENCE_MS = 60000, RIG_NAMES = 5 };

struct rig {
    uv_loop_t loop;
    struct kafka_hub *hub;
    struct broker *broker; /* NULL on a real one */
    struct kafka_settings settings;
    char names[RIG_NAMES][64];
    bool verbose;
};

#define RIG_OK(call)                                                                               \
    do {                                                                                           \
        struct error err_ = {0};                                                                   \
        struct error *err = &err_;                                                                 \
        enum error_code code_ = (call);                                                            \
        if (code_)                                                                                 \
            fail_msg("%s: %s", #call, err_.message);                                               \
    } while (0)

static inline void rig_ready(void *context)
{
    struct rig *rig = context;
    struct kafka_notice notice;
    while (kafka_hub_notice(rig->hub, &notice, NULL))
        if (rig->verbose)
            fprintf(stderr, "  [%s %d] %s\n", notice.client, notice.level, notice.text);
}

static inline void rig_open(struct rig *rig)
{
    *rig = (struct rig){0};
    const char *brokers = getenv("CURFEW_TEST_BROKERS");
    rig->verbose = getenv("CURFEW_TEST_VERBOSE") != NULL;
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    RIG_OK(kafka_hub_create(&rig->loop, rig_ready, rig, &rig->hub, err));
    kafka_settings_init(&rig->settings);
    if (!brokers || !*brokers) {
        RIG_OK(broker_create(1, NULL, 0, &rig->broker, err));
        brokers = broker_address(rig->broker);
        rig->settings.embedded = true;
    }
    rig->settings.brokers = brokers;
}

static inline void rig_close(struct rig *rig)
{
    kafka_hub_destroy(rig->hub);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    kafka_settings_release(&rig->settings);
    broker_destroy(rig->broker);
}

/* Names of their own for all five topics, and the group; makes nothing. */
static inline void rig_names(struct rig *rig)
{
    static const char *const kinds[RIG_NAMES] = {"commands", "control", "events", "journal",
                                                 "dead-letters"};
    struct uuid id = uuid_random();
    for (int i = 0; i < RIG_NAMES; i++)
        snprintf(rig->names[i], sizeof rig->names[i], "t%.8s-%s", uuid_format(&id).text, kinds[i]);
    rig->settings.topics = (struct kafka_topics){rig->names[0], rig->names[1], rig->names[2],
                                                 rig->names[3], rig->names[4]};
    rig->settings.group = rig->names[0];
}

static inline void rig_make(struct rig *rig, int32_t partitions)
{
    for (int i = 0; rig->broker && i < RIG_NAMES; i++)
        assert_int_equal(rd_kafka_mock_topic_create(broker_mock(rig->broker), rig->names[i],
                                                    i == 1 || i == 4 ? 1 : partitions, 1),
                         0);
    struct kafka_report report = {0};
    RIG_OK(kafka_topics_create(&rig->settings, (struct kafka_plan){partitions, 0}, 30000, &report,
                               err));
    assert_true(kafka_report_worst(&report) < KAFKA_UNSAFE);
    kafka_report_release(&report);
}

/* Fresh topics with `partitions` each. */
static inline void rig_topics(struct rig *rig, int32_t partitions)
{
    rig_names(rig);
    rig_make(rig, partitions);
}

static inline int64_t rig_now_ms(void)
{
    struct clock clock = clock_real();
    return clock_now(&clock).ns / 1000000;
}

#define RIG_UNTIL(rig, condition)                                                                  \
    do {                                                                                           \
        int64_t patience_ = rig_now_ms() + RIG_PATIENCE_MS;                                        \
        while (!(condition)) {                                                                     \
            if (rig_now_ms() > patience_)                                                          \
                fail_msg("waited in vain for: %s", #condition);                                    \
            uv_run(&(rig)->loop, UV_RUN_ONCE);                                                     \
        }                                                                                          \
    } while (0)

/* Closes and destroys the way the service does: by turning the loop. */
static inline void rig_close_journal(struct rig *rig, struct kafka_journal *journal)
{
    struct kafka_receipt receipt;
    kafka_journal_close(journal);
    RIG_UNTIL(rig, (kafka_journal_poll(journal, &receipt), kafka_journal_closed(journal)));
    kafka_journal_destroy(journal);
}

static inline void rig_close_producer(struct rig *rig, struct kafka_producer *producer)
{
    struct kafka_receipt receipt;
    kafka_producer_close(producer);
    RIG_UNTIL(rig, (kafka_producer_poll(producer, &receipt), kafka_producer_closed(producer)));
    kafka_producer_destroy(producer);
}

static inline void rig_close_reader(struct rig *rig, struct kafka_reader *reader)
{
    kafka_reader_close(reader);
    RIG_UNTIL(rig, kafka_reader_closed(reader));
    kafka_reader_destroy(reader);
}

static inline struct kafka_consumer *rig_join(struct rig *rig, const char *instance)
{
    struct kafka_consumer *consumer;
    rig->settings.instance = instance;
    RIG_OK(kafka_consumer_create(rig->hub, &rig->settings, &consumer, err));
    return consumer;
}

static inline void rig_leave(struct rig *rig, struct kafka_consumer *consumer)
{
    struct kafka_consumer_event event = {0};
    kafka_consumer_close(consumer);
    do /* what it holds is given back first */
        RIG_UNTIL(rig, kafka_consumer_poll(consumer, &event));
    while (event.kind != KAFKA_CONSUMER_CLOSED);
    assert_false(kafka_consumer_poll(consumer, &event));
    kafka_consumer_destroy(consumer);
}

/* The next item of this kind; others before it fail the test, WAITING excepted. */
static inline struct kafka_item rig_item(struct rig *rig, struct kafka_tail *tail,
                                         enum kafka_item_kind kind)
{
    struct kafka_item item;
    for (;;) {
        RIG_UNTIL(rig, kafka_tail_take(tail, &item));
        if (item.kind == kind)
            return item;
        if (item.kind != KAFKA_ITEM_WAITING)
            fail_msg("item %d instead of %d (%s)", item.kind, kind, item.error.message);
    }
}

/* The next receipt. */
static inline struct kafka_receipt rig_receipt(struct rig *rig, struct kafka_journal *journal)
{
    struct kafka_receipt receipt;
    RIG_UNTIL(rig, kafka_journal_poll(journal, &receipt));
    return receipt;
}

static inline struct kafka_receipt rig_sent(struct rig *rig, struct kafka_producer *producer)
{
    struct kafka_receipt receipt;
    RIG_UNTIL(rig, kafka_producer_poll(producer, &receipt));
    return receipt;
}

#endif
