/* The journal's hash chain: what a writer makes is whole, and every edit of it is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/audit/log.h"

static struct chain_reader reader_from_start(void)
{
    struct chain_reader reader;
    chain_reader_init(&reader, NULL);
    return reader;
}

static uint64_t damage_in(const struct log *log)
{
    struct chain_reader reader = reader_from_start();
    for (size_t i = 0; i < log->count; i++)
        read_at(&reader, log, i);
    return reader.damaged + reader.holes + reader.repeats;
}

static void what_a_writer_makes_is_whole_and_counts(void **state)
{
    (void)state;
    struct log log = sample_log();
    struct chain_reader reader = reader_from_start();
    for (size_t i = 0; i < log.count; i++) {
        struct chain_verdict verdict = read_at(&reader, &log, i);
        assert_int_equal(verdict.state, CHAIN_WHOLE);
        assert_true(verdict.counts);
        assert_int_equal(verdict.error.code, ERR_OK);
        assert_int_equal(verdict.sequence, i % 6 + 1);
    }
    assert_int_equal(reader.counted, LOG_RECORDS);
    assert_int_equal(reader.damaged + reader.holes + reader.repeats, 0);
    assert_int_equal(reader.highest, 2);
    release(&log);
}

static void a_late_writer_is_void_and_no_damage(void **state)
{
    (void)state;
    struct log log = {.count = 0};
    struct chain old = {.sequence = 0};
    struct chain new = {.sequence = 0};
    append(&log, &old, epoch_of(1, 1), RECORD_OWNER);
    append(&log, &new, epoch_of(2, 2), RECORD_OWNER);
    append(&log, &old, epoch_of(1, 1), RECORD_CLOSED); /* woke up late */
    append(&log, &new, epoch_of(2, 2), RECORD_CLOSED);
    append(&log, &old, epoch_of(1, 1), RECORD_CLOSED);
    append(&log, &old, epoch_of(3, 2), RECORD_OWNER); /* asked with what it knew then */
    append(&log, &old, epoch_of(3, 2), RECORD_CLOSED);
    append(&log, &new, epoch_of(2, 2), RECORD_CLOSED);
    static const bool counts[] = {true, true, false, true, false, false, false, true};
    struct chain_reader reader = reader_from_start();
    for (size_t i = 0; i < log.count; i++) {
        struct chain_verdict verdict = read_at(&reader, &log, i);
        assert_int_equal(verdict.state, CHAIN_WHOLE);
        assert_int_equal(verdict.counts, counts[i]);
    }
    assert_int_equal(reader.voided, 4);
    release(&log);
}

static void records_before_any_owner_are_void(void **state)
{
    (void)state;
    struct log log = sample_log();
    struct chain_reader reader = reader_from_start();
    struct chain_verdict verdict = read_at(&reader, &log, 1);
    assert_false(verdict.counts);
    assert_int_equal(verdict.state, CHAIN_GAP);
    release(&log);
}

static void any_removed_record_is_found(void **state)
{
    (void)state;
    /* The last record of an epoch is missed by nobody: that is what checkpoints are for. */
    for (size_t gone = 0; gone < LOG_RECORDS; gone++) {
        struct log log = sample_log();
        buf_release(&log.records[gone]);
        memmove(&log.records[gone], &log.records[gone + 1],
                (log.count - gone - 1) * sizeof log.records[0]);
        log.count--;
        bool last_of_epoch = gone == 5 || gone == 11;
        if ((damage_in(&log) > 0) == last_of_epoch)
            fail_msg("record %zu", gone);
        release(&log);
    }
}

static void any_swapped_or_repeated_record_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i + 1 < LOG_RECORDS; i++) {
        struct log log = sample_log();
        struct buf keep = log.records[i];
        log.records[i] = log.records[i + 1];
        log.records[i + 1] = keep;
        /* The end of one epoch behind the next OWNER is a late writer: void, not damage. */
        if (i != 5)
            assert_true(damage_in(&log) > 0);
        release(&log);
        log = sample_log();
        struct buf *copy = &log.records[log.count++];
        buf_init(copy, LIMIT_RECORD_BYTES);
        buf_add(copy, log.records[i].data, log.records[i].length);
        struct chain_reader reader = reader_from_start();
        for (size_t at = 0; at + 1 < log.count; at++)
            assert_int_equal(read_at(&reader, &log, at).state, CHAIN_WHOLE);
        assert_int_equal(read_at(&reader, &log, log.count - 1).state, CHAIN_REORDERED);
        release(&log);
    }
}

static void a_swap_over_any_distance_within_an_epoch_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOG_RECORDS; i++)
        for (size_t j = i + 1; j < LOG_RECORDS; j++) {
            struct log log = sample_log();
            struct buf keep = log.records[i];
            log.records[i] = log.records[j];
            log.records[j] = keep;
            bool late = i == 5 && j == 6; /* see above */
            if ((damage_in(&log) > 0) == late)
                fail_msg("records %zu and %zu", i, j);
            release(&log);
        }
}

/* Another record with the number of the last one is no append that came twice. */
static void another_record_with_the_number_of_the_last_one_is_damage(void **state)
{
    (void)state;
    struct log log = sample_log();
    struct buf *copy = &log.records[log.count++];
    buf_init(copy, LIMIT_RECORD_BYTES);
    buf_add(copy, log.records[11].data, log.records[11].length);
    assert_int_equal(damage_in(&log), 1); /* the same bytes: a repeat */
    release(&log);
    log = sample_log();
    struct chain forger = {.epoch = epoch_of(1, 2), .sequence = 5};
    append(&log, &forger, epoch_of(1, 2), RECORD_CLOSED);
    struct chain_reader reader = reader_from_start();
    struct chain_verdict verdict;
    for (size_t i = 0; i < log.count; i++)
        verdict = read_at(&reader, &log, i);
    assert_int_equal(verdict.state, CHAIN_BROKEN);
    assert_false(verdict.counts);
    assert_int_equal(reader.damaged, 1);
    release(&log);
}

/* The writer of each partition has a name of its own. */
static void a_record_of_another_partition_is_void_and_found_wherever_it_is_put(void **state)
{
    (void)state;
    struct log other = {.count = 0};
    struct chain chain = {.sequence = 0};
    append(&other, &chain, epoch_of(9, 1), RECORD_OWNER);
    for (int i = 0; i < 3; i++)
        append(&other, &chain, epoch_of(9, 1), RECORD_FORWARDED);
    for (size_t place = 0; place <= LOG_RECORDS; place++) {
        struct log log = sample_log();
        struct chain_reader reader = reader_from_start();
        for (size_t i = 0; i < place; i++)
            assert_int_equal(read_at(&reader, &log, i).state, CHAIN_WHOLE);
        struct chain_verdict verdict = read_at(&reader, &other, 2);
        assert_int_equal(verdict.state, CHAIN_GAP);
        assert_false(verdict.counts);
        for (size_t i = place; i < log.count; i++)
            assert_true(read_at(&reader, &log, i).counts); /* what is right goes on to count */
        assert_int_equal(reader.holes, 1);
        release(&log);
    }
    release(&other);
}

static void any_edited_byte_is_found_at_the_next_record(void **state)
{
    (void)state;
    struct log log = sample_log();
    for (size_t i = 0; i < LOG_RECORDS; i++) {
        if (i == 5 || i == 11) /* the last of an epoch has no record behind it */
            continue;
        for (size_t at = 0; at < log.records[i].length; at++) {
            log.records[i].data[at] ^= 0x04;
            if (damage_in(&log) == 0)
                fail_msg("record %zu, byte %zu", i, at);
            log.records[i].data[at] ^= 0x04;
        }
    }
    assert_int_equal(damage_in(&log), 0);
    release(&log);
}

static void reading_from_the_middle_takes_chains_over(void **state)
{
    (void)state;
    struct log log = sample_log();
    struct chain_reader reader;
    const struct chain_start start = {epoch_of(1, 1), 4};
    chain_reader_init(&reader, &start);
    struct chain_verdict verdict = read_at(&reader, &log, 3);
    assert_int_equal(verdict.state, CHAIN_TAKEN);
    assert_true(verdict.counts);
    for (size_t i = 4; i < log.count; i++)
        assert_int_equal(read_at(&reader, &log, i).state, CHAIN_WHOLE);
    release(&log);
}

static void many_epochs_do_not_push_out_the_owner(void **state)
{
    (void)state;
    struct log log = {.count = 0};
    struct chain owner = {.sequence = 0};
    append(&log, &owner, epoch_of(1, 1000), RECORD_OWNER);
    for (uint8_t i = 0; i < 3 * CHAIN_EPOCHS; i++) {
        struct chain late = {.sequence = 0};
        append(&log, &late, epoch_of(2, 1 + i), RECORD_OWNER);
    }
    append(&log, &owner, epoch_of(1, 1000), RECORD_CLOSED);
    struct chain_reader reader = reader_from_start();
    struct chain_verdict verdict;
    for (size_t i = 0; i < log.count; i++)
        verdict = read_at(&reader, &log, i);
    assert_int_equal(verdict.state, CHAIN_WHOLE);
    assert_true(verdict.counts);
    assert_int_equal(reader.damaged + reader.holes, 0);
    release(&log);
}

/* Its place in its chain was given up for others: that is no damage. */
static void a_writer_that_comes_back_after_many_others_is_not_accused(void **state)
{
    (void)state;
    struct log log = {.count = 0};
    struct chain first = {.sequence = 0};
    append(&log, &first, epoch_of(1, 1), RECORD_OWNER);
    for (uint8_t i = 0; i < 2 * CHAIN_EPOCHS; i++) {
        struct chain next = {.sequence = 0};
        append(&log, &next, epoch_of(2, 2 + i), RECORD_OWNER);
    }
    append(&log, &first, epoch_of(1, 1), RECORD_CLOSED);
    struct chain_reader reader = reader_from_start();
    struct chain_verdict verdict;
    for (size_t i = 0; i < log.count; i++)
        verdict = read_at(&reader, &log, i);
    assert_int_equal(verdict.state, CHAIN_TAKEN);
    assert_false(verdict.counts);
    assert_int_equal(reader.damaged + reader.holes, 0);
    release(&log);
}

/* The first record of an epoch, as nobody writes it. */
static enum chain_state first_record(enum record_kind kind, struct sha256 previous)
{
    AUTO(record) record = record_create(kind);
    AUTO_BUF bytes;
    struct chain_reader reader = reader_from_start();
    record->epoch = epoch_of(1, 1);
    record->sequence = 1;
    if (kind == RECORD_OWNER)
        record->owner.instance = mem_text("w", 1);
    else
        record->closed.outcome = COMMAND_COMPLETED;
    record->command_id = (struct uuid){{7}};
    buf_init(&bytes, LIMIT_RECORD_BYTES);
    record_encode(record, &bytes);
    if (!sha256_equal(&previous, &(struct sha256){{0}})) { /* record_encode() leaves it out */
        buf_add(&bytes, "\x2a\x20", 2);                    /* field 5, 32 bytes */
        buf_add(&bytes, previous.bytes, sizeof previous.bytes);
    }
    return chain_read(&reader, (struct text){(const char *)bytes.data, bytes.length}).state;
}

static void an_epoch_begins_with_its_owner_and_nothing_before_it(void **state)
{
    (void)state;
    struct sha256 none = {{0}};
    assert_int_equal(first_record(RECORD_OWNER, none), CHAIN_WHOLE);
    assert_int_equal(first_record(RECORD_CLOSED, none), CHAIN_GAP);
    assert_int_equal(first_record(RECORD_OWNER, sha256_of("x", 1)), CHAIN_BROKEN);
}

static void behind_a_hole_the_rest_of_the_epoch_is_void(void **state)
{
    (void)state;
    struct log log = sample_log();
    struct chain_reader reader = reader_from_start();
    static const size_t order[] = {0, 1, 3, 4, 1, 6, 7};
    static const bool counts[] = {true, true, false, false, false, true, true};
    static const enum chain_state states[] = {CHAIN_WHOLE,     CHAIN_WHOLE, CHAIN_GAP,  CHAIN_WHOLE,
                                              CHAIN_REORDERED, CHAIN_WHOLE, CHAIN_WHOLE};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        struct chain_verdict verdict = read_at(&reader, &log, order[i]);
        assert_int_equal(verdict.counts, counts[i]);
        assert_int_equal(verdict.state, states[i]);
    }
    assert_int_equal(reader.holes, 1);
    assert_int_equal(reader.repeats, 1);
    assert_int_equal(reader.damaged, 0);
    release(&log);
}

static void reading_from_the_middle_sees_a_hole_at_its_start(void **state)
{
    (void)state;
    struct log log = sample_log();
    struct chain_reader reader;
    const struct chain_start start = {epoch_of(1, 1), 3};
    chain_reader_init(&reader, &start);
    assert_false(read_at(&reader, &log, 3).counts); /* sequence 4, and 3 was to come */
    assert_false(read_at(&reader, &log, 4).counts);
    assert_true(read_at(&reader, &log, 6).counts);
    release(&log);
}

static void bytes_that_are_no_record_are_said_to_be_so(void **state)
{
    (void)state;
    struct chain_reader reader = reader_from_start();
    struct chain_verdict verdict = chain_read(&reader, TEXT("nonsense"));
    assert_int_equal(verdict.state, CHAIN_UNREADABLE);
    assert_false(verdict.counts);
    assert_int_not_equal(verdict.error.code, ERR_OK);
    assert_string_equal(chain_state_label(verdict.state), "unreadable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_writer_makes_is_whole_and_counts),
        cmocka_unit_test(a_late_writer_is_void_and_no_damage),
        cmocka_unit_test(records_before_any_owner_are_void),
        cmocka_unit_test(any_removed_record_is_found),
        cmocka_unit_test(any_swapped_or_repeated_record_is_found),
        cmocka_unit_test(a_swap_over_any_distance_within_an_epoch_is_found),
        cmocka_unit_test(another_record_with_the_number_of_the_last_one_is_damage),
        cmocka_unit_test(a_record_of_another_partition_is_void_and_found_wherever_it_is_put),
        cmocka_unit_test(any_edited_byte_is_found_at_the_next_record),
        cmocka_unit_test(reading_from_the_middle_takes_chains_over),
        cmocka_unit_test(many_epochs_do_not_push_out_the_owner),
        cmocka_unit_test(a_writer_that_comes_back_after_many_others_is_not_accused),
        cmocka_unit_test(an_epoch_begins_with_its_owner_and_nothing_before_it),
        cmocka_unit_test(behind_a_hole_the_rest_of_the_epoch_is_void),
        cmocka_unit_test(reading_from_the_middle_sees_a_hole_at_its_start),
        cmocka_unit_test(bytes_that_are_no_record_are_said_to_be_so),
    };
    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
