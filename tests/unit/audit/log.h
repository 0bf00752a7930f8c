/* log.h - a partition of the journal as bytes, for the tests of this room. */
#ifndef TESTS_UNIT_AUDIT_LOG_H
#define TESTS_UNIT_AUDIT_LOG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "audit/chain.h"
#include "tests/support/gen.h"

enum { LOG_MAX = 64, LOG_RECORDS = 12 };

/* A partition of the journal. */
struct log {
    struct buf records[LOG_MAX];
    size_t count;
};

static inline struct epoch epoch_of(uint8_t writer, uint64_t number)
{
    return (struct epoch){{{writer}}, number};
}

/* A FORWARDED names the command that stood at its own place in the log. */
static inline void append(struct log *log, struct chain *chain, struct epoch epoch,
                          enum record_kind kind)
{
    AUTO(record) record = record_create(kind);
    struct gen gen = {log->count};
    record->epoch = epoch;
    record->command_id = gen_uuid(&gen);
    if (kind == RECORD_OWNER)
        record->owner.instance = mem_text("w", 1);
    if (kind == RECORD_CLOSED)
        record->closed.outcome = COMMAND_COMPLETED;
    if (kind == RECORD_FORWARDED)
        record->source = (struct source){true, 0, (int64_t)log->count, {{1}}};
    if (kind == RECORD_TOPICS_ACCEPTED) {
        record->topics_accepted.partitions = 1;
        record->topics_accepted.by = mem_text("w", 1);
    }
    chain_stamp(chain, record);
    struct buf *bytes = &log->records[log->count++];
    buf_init(bytes, LIMIT_RECORD_BYTES);
    record_encode(record, bytes);
    chain_sealed(chain, (struct text){(const char *)bytes->data, bytes->length});
}

static inline void release(struct log *log)
{
    for (size_t i = 0; i < log->count; i++)
        buf_release(&log->records[i]);
    log->count = 0;
}

static inline struct chain_verdict read_at(struct chain_reader *reader, const struct log *log,
                                           size_t index)
{
    const struct buf *bytes = &log->records[index];
    return chain_read(reader, (struct text){(const char *)bytes->data, bytes->length});
}

/* Two epochs of one writer. */
static inline struct log sample_log(void)
{
    struct log log = {.count = 0};
    struct chain chain = {.sequence = 0};
    append(&log, &chain, epoch_of(1, 1), RECORD_OWNER);
    for (int i = 0; i < 5; i++)
        append(&log, &chain, epoch_of(1, 1), RECORD_CLOSED);
    append(&log, &chain, epoch_of(1, 2), RECORD_OWNER);
    for (int i = 0; i < 5; i++)
        append(&log, &chain, epoch_of(1, 2), RECORD_CLOSED);
    assert_int_equal(log.count, LOG_RECORDS);
    return log;
}

#endif
