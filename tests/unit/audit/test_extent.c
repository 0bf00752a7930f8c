/* What is missing at the ends of a journal is said, and a whole one is not slandered. */
#include "tests/unit/audit/log.h"

#include "audit/extent.h"

/* ---- a journal, and what its worker would have committed at each place ---- */

enum { OWNER_2 = 6 };

/* Two epochs, each an OWNER and five records that name a command each. */
static struct log story(void)
{
    struct log log = {.count = 0};
    struct chain chain = {.sequence = 0};
    for (uint64_t number = 1; number <= 2; number++) {
        append(&log, &chain, epoch_of(1, number), RECORD_OWNER);
        for (int i = 0; i < 5; i++)
            append(&log, &chain, epoch_of(1, number), RECORD_FORWARDED);
    }
    assert_int_equal(log.count, LOG_RECORDS);
    return log;
}

/* A worker that has read all below `place`; nothing is owned at 0, and nothing committed there. */
static struct extent_promise promise_at(int64_t place)
{
    struct extent_promise ret = {.known = true, .journal = place};
    bool second = place > OWNER_2;
    ret.owner = epoch_of(1, second ? 2 : 1);
    ret.next = (uint64_t)(second ? place - OWNER_2 : place) + 1;
    bool owner_last = place == 1 || place == OWNER_2 + 1; /* which names no command */
    ret.commands = owner_last ? place - 1 : place;
    return ret;
}

static struct extent read_log(const struct log *log, size_t low, size_t end,
                              const struct extent_promise *promise, struct chain_reader *ret_chain)
{
    struct extent extent;
    extent_begin(&extent, ret_chain, (int64_t)low, promise);
    for (size_t i = low; i < end; i++) {
        AUTO(record) record = NULL;
        struct text bytes = {(const char *)log->records[i].data, log->records[i].length};
        extent_reach(&extent, ret_chain, (int64_t)i);
        if (record_decode(bytes, &record, NULL))
            fail_msg("record %zu", i);
        struct chain_verdict verdict = chain_read_record(ret_chain, record, bytes);
        extent_note(&extent, &verdict, record, 0, (int64_t)i);
    }
    extent_reach(&extent, ret_chain, (int64_t)end);
    return extent;
}

static void assert_says(const struct extent *extent, const char *what)
{
    AUTO_BUF said;
    buf_init(&said, 1000);
    extent_say(extent, extent_faults(extent), &said);
    if (!strstr(buf_text(&said), what))
        fail_msg("'%s' is not in '%s'", what, buf_text(&said));
}

/* ---- tests ---- */

static void a_whole_journal_is_whole_whatever_was_promised_of_it(void **state)
{
    (void)state;
    struct log log = story();
    struct chain_reader chain;
    struct extent extent = read_log(&log, 0, log.count, NULL, &chain);
    assert_int_equal(extent_faults(&extent), 0);
    assert_int_equal(extent.counted_from, 0);
    for (int64_t place = 1; place <= LOG_RECORDS; place++) {
        struct extent_promise promise = promise_at(place);
        extent = read_log(&log, 0, log.count, &promise, &chain);
        if (extent_faults(&extent))
            fail_msg("promised at %lld", (long long)place);
        assert_true(extent.compared);
    }
    assert_int_equal(chain.damaged + chain.holes, 0);
    release(&log);
}

static void a_beginning_that_is_gone_is_named_and_so_is_what_still_counts(void **state)
{
    (void)state;
    struct log log = story();
    for (size_t low = 1; low < LOG_RECORDS; low++) {
        struct chain_reader chain;
        struct extent extent = read_log(&log, low, log.count, NULL, &chain);
        assert_int_equal(extent_faults(&extent), EXTENT_BEGINNING);
        assert_int_equal(extent.first.number, low < OWNER_2 ? 1 : 2);
        assert_int_equal(extent.first_number, low % OWNER_2 + 1);
        assert_int_equal(extent.counted_from, low <= OWNER_2 ? OWNER_2 : -1);
        assert_int_equal(chain.damaged + chain.holes, 0); /* what is left hangs together */
        assert_int_equal(chain.counted, low <= OWNER_2 ? 6 : 0);
        char words[80];
        snprintf(words, sizeof words, "below offset %zu are gone", low);
        assert_says(&extent, words);
    }
    release(&log);
}

static void a_journal_with_nothing_left_is_not_taken_for_a_new_one(void **state)
{
    (void)state;
    struct log log = story();
    struct chain_reader chain;
    struct extent extent = read_log(&log, log.count, log.count, NULL, &chain);
    assert_int_equal(extent_faults(&extent), EXTENT_BEGINNING);
    assert_says(&extent, "all its records, those below offset 12, are gone");
    release(&log);
}

static void behind_a_beginning_that_is_gone_the_promise_says_who_owned_the_partition(void **state)
{
    (void)state;
    struct log log = story();
    for (size_t low = 1; low < LOG_RECORDS; low++)
        for (int64_t place = 1; place <= LOG_RECORDS; place++) {
            struct chain_reader chain;
            struct extent_promise promise = promise_at(place);
            promise.commands = 0; /* else the last one that is named would stand behind `place` */
            struct extent extent = read_log(&log, low, log.count, &promise, &chain);
            bool needed = (int64_t)low > place;
            int64_t from = needed ? INT64_MAX : place;
            if (low <= OWNER_2 && from > OWNER_2)
                from = OWNER_2;
            assert_int_equal(extent_faults(&extent),
                             EXTENT_BEGINNING | (needed ? EXTENT_NEEDED : 0));
            assert_int_equal(extent.counted_from, from == INT64_MAX ? -1 : from);
            assert_int_equal(chain.counted, from == INT64_MAX ? 0 : LOG_RECORDS - from);
            assert_int_equal(chain.damaged + chain.holes, 0);
        }
    release(&log);
}

static void an_end_that_is_gone_is_found_up_to_the_promised_place(void **state)
{
    (void)state;
    struct log log = story();
    for (int64_t place = 1; place <= LOG_RECORDS; place++)
        for (size_t end = 0; end <= LOG_RECORDS; end++) {
            struct chain_reader chain;
            struct extent_promise promise = promise_at(place);
            struct extent extent = read_log(&log, 0, end, &promise, &chain);
            bool gone = (int64_t)end < place;
            if (extent_faults(&extent) != (gone ? EXTENT_END : 0))
                fail_msg("promised at %lld, cut at %zu", (long long)place, end);
            if (gone)
                assert_says(&extent, "the records at its end are gone");
        }
    release(&log);
}

/* A saved place lies far back while a command is open; how far commands were read does not. */
static void commands_that_were_read_and_that_no_record_names_are_found(void **state)
{
    (void)state;
    struct log log = story();
    struct chain_reader chain;
    struct extent_promise promise = promise_at(2);
    promise.commands = LOG_RECORDS;
    struct extent extent = read_log(&log, 0, log.count, &promise, &chain);
    assert_int_equal(extent_faults(&extent), 0);
    extent = read_log(&log, 0, log.count - 1, &promise, &chain);
    assert_int_equal(extent_faults(&extent), EXTENT_END);
    assert_says(&extent, "read up to offset 12, and it knows of them up to 11 only");
    release(&log);
}

static void a_release_of_the_commands_topic_takes_the_promise_of_commands_back(void **state)
{
    (void)state;
    for (int64_t place = 3; place <= 5; place++) {
        struct log log = {.count = 0};
        struct chain chain = {.sequence = 0};
        struct chain_reader reader;
        append(&log, &chain, epoch_of(1, 1), RECORD_OWNER);
        for (int i = 0; i < 3; i++)
            append(&log, &chain, epoch_of(1, 1), RECORD_FORWARDED);
        append(&log, &chain, epoch_of(1, 1), RECORD_TOPICS_ACCEPTED); /* at 4 */
        struct extent_promise promise = promise_at(place);
        promise.commands = 100;
        struct extent extent = read_log(&log, 0, log.count, &promise, &reader);
        assert_int_equal(extent_faults(&extent), place <= 4 ? 0 : EXTENT_END);
        release(&log);
    }
}

static void what_was_cut_and_written_on_is_found_at_the_promised_place(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < LOG_RECORDS; cut++) {
        struct log log = story();
        while (log.count > cut)
            buf_release(&log.records[--log.count]);
        struct chain other = {.sequence = 0};
        append(&log, &other, epoch_of(2, 3), RECORD_OWNER);
        for (int i = 0; i < 14; i++)
            append(&log, &other, epoch_of(2, 3), RECORD_FORWARDED);
        for (int64_t place = 1; place <= LOG_RECORDS; place++) {
            struct chain_reader chain;
            struct extent_promise promise = promise_at(place);
            struct extent extent = read_log(&log, 0, log.count, &promise, &chain);
            bool gone = (int64_t)cut < place;
            if (extent_faults(&extent) != (gone ? EXTENT_STRANGER : 0))
                fail_msg("promised at %lld, cut at %zu", (long long)place, cut);
            assert_int_equal(chain.damaged + chain.holes, 0); /* no chain can tell */
        }
        release(&log);
    }
}

/* Its own OWNER makes it count, and its chain is whole. */
static void an_epoch_of_another_partition_is_found_by_the_commands_that_it_names(void **state)
{
    (void)state;
    struct log log = story();
    struct chain_reader chain;
    struct extent extent;
    extent_begin(&extent, &chain, 0, NULL);
    for (size_t i = 0; i < log.count; i++) {
        AUTO(record) record = NULL;
        struct text bytes = {(const char *)log.records[i].data, log.records[i].length};
        assert_int_equal(record_decode(bytes, &record, NULL), ERR_OK);
        struct chain_verdict verdict = chain_read_record(&chain, record, bytes);
        assert_int_equal(verdict.state, CHAIN_WHOLE);
        extent_note(&extent, &verdict, record, 3, (int64_t)i); /* read as partition 3's */
    }
    assert_int_equal(extent_faults(&extent), EXTENT_FOREIGN);
    assert_says(&extent, "the record at offset 1 names a command of another partition");
    release(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_journal_is_whole_whatever_was_promised_of_it),
        cmocka_unit_test(a_beginning_that_is_gone_is_named_and_so_is_what_still_counts),
        cmocka_unit_test(a_journal_with_nothing_left_is_not_taken_for_a_new_one),
        cmocka_unit_test(behind_a_beginning_that_is_gone_the_promise_says_who_owned_the_partition),
        cmocka_unit_test(an_end_that_is_gone_is_found_up_to_the_promised_place),
        cmocka_unit_test(commands_that_were_read_and_that_no_record_names_are_found),
        cmocka_unit_test(a_release_of_the_commands_topic_takes_the_promise_of_commands_back),
        cmocka_unit_test(what_was_cut_and_written_on_is_found_at_the_promised_place),
        cmocka_unit_test(an_epoch_of_another_partition_is_found_by_the_commands_that_it_names),
    };
    return cmocka_run_group_tests_name("extent", tests, NULL, NULL);
}
