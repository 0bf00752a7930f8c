/* Own records are taken back for their bytes, and for nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/echo.h"
#include "tests/support/gen.h"

enum { BYTES_MAX = 1 << 20 };

static struct record *record_of(enum record_kind kind, uint64_t sequence)
{
    struct record *record = record_create(kind);
    record->epoch = (struct epoch){{{7}}, 1};
    record->sequence = sequence;
    if (kind == RECORD_CLOSED)
        record->closed.outcome = COMMAND_COMPLETED;
    return record;
}

/* Keeps one and gives its bytes. */
static struct record *keep(struct echo *echo, enum record_kind kind, uint64_t sequence,
                           struct buf *bytes)
{
    struct record *record = record_of(kind, sequence);
    buf_init(bytes, BYTES_MAX);
    record_encode(record, bytes);
    echo_keep(echo, record, (struct text){(const char *)bytes->data, bytes->length});
    return record;
}

static struct record *take(struct echo *echo, const struct buf *bytes)
{
    return echo_take(echo, (struct text){(const char *)bytes->data, bytes->length});
}

static void what_comes_back_unchanged_is_the_record_itself(void **state)
{
    (void)state;
    struct echo echo = {0};
    AUTO_BUF first;
    AUTO_BUF second;
    const struct record *one = keep(&echo, RECORD_CLOSED, 1, &first);
    const struct record *two = keep(&echo, RECORD_OUTCOME, 2, &second);
    AUTO(record) back = take(&echo, &first);
    AUTO(record) next = take(&echo, &second);
    assert_ptr_equal(back, one);
    assert_ptr_equal(next, two);
    assert_null(take(&echo, &second)); /* once */
    assert_int_equal(echo.bytes, 0);
}

static void any_other_byte_is_another_record(void **state)
{
    (void)state;
    struct echo echo = {0};
    AUTO_BUF bytes;
    keep(&echo, RECORD_CLOSED, 1, &bytes);
    for (size_t at = 0; at < bytes.length; at++) {
        bytes.data[at] ^= 1;
        assert_null(take(&echo, &bytes));
        bytes.data[at] ^= 1;
    }
    bytes.length--;
    assert_null(take(&echo, &bytes));
    bytes.length++;
    AUTO(record) back = take(&echo, &bytes);
    assert_non_null(back);
}

static void what_is_not_due_is_decoded(void **state)
{
    (void)state;
    struct echo echo = {0};
    AUTO_BUF first;
    AUTO_BUF second;
    AUTO_BUF other;
    keep(&echo, RECORD_CLOSED, 1, &first);
    keep(&echo, RECORD_CLOSED, 2, &second);
    keep(&echo, RECORD_CANCELLED, 3, &other);
    assert_null(take(&echo, &second));
    assert_null(take(&echo, &other)); /* not of a kind that every command has */
    echo_clear(&echo);
    assert_null(take(&echo, &first));
}

static void a_new_epoch_forgets_what_was_under_way(void **state)
{
    (void)state;
    struct echo echo = {0};
    AUTO_BUF before;
    AUTO_BUF owner;
    AUTO_BUF behind;
    keep(&echo, RECORD_CLOSED, 1, &before);
    keep(&echo, RECORD_OWNER, 1, &owner);
    const struct record *kept = keep(&echo, RECORD_CLOSED, 2, &behind);
    assert_null(take(&echo, &before));
    assert_null(take(&echo, &owner));
    AUTO(record) back = take(&echo, &behind);
    assert_ptr_equal(back, kept);
}

static void what_is_kept_is_bounded(void **state)
{
    (void)state;
    struct echo echo = {0};
    for (uint64_t i = 1; i < 100000 && echo.bytes < ECHO_BYTES_MAX - 1000; i++) {
        AUTO_BUF bytes;
        keep(&echo, RECORD_CLOSED, i, &bytes);
    }
    size_t full = echo.bytes;
    for (uint64_t i = 1; i < 1000; i++) {
        AUTO_BUF bytes;
        keep(&echo, RECORD_CLOSED, 200000 + i, &bytes);
    }
    assert_in_range(full, ECHO_BYTES_MAX - 1000, ECHO_BYTES_MAX);
    assert_true(echo.bytes <= ECHO_BYTES_MAX);
    echo_clear(&echo);
    assert_int_equal(echo.bytes, 0);
}

/* Whatever can be accepted reads the same when it is kept and when it is decoded: the canonical
 * form leaves nothing out. */
static void a_kept_command_is_the_decoded_one(void **state)
{
    (void)state;
    struct gen_seeds seeds = gen_seeds(300);
    for (uint64_t seed = seeds.first; seed < seeds.behind; seed++) {
        struct gen gen = {seed};
        AUTO(command) asked = gen_command(&gen);
        AUTO(command) settled = NULL;
        AUTO(command) again = NULL;
        struct error err;
        if (command_settle(asked, &settled, &err)) /* as every decoder does */
            continue;
        assert_int_equal(command_settle(settled, &again, &err), ERR_OK);
        struct sha256 kept = command_digest(settled);
        struct sha256 decoded = command_digest(again);
        if (!sha256_equal(&kept, &decoded))
            fail_msg("seed=%llu", (unsigned long long)seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_back_unchanged_is_the_record_itself),
        cmocka_unit_test(any_other_byte_is_another_record),
        cmocka_unit_test(what_is_not_due_is_decoded),
        cmocka_unit_test(a_new_epoch_forgets_what_was_under_way),
        cmocka_unit_test(what_is_kept_is_bounded),
        cmocka_unit_test(a_kept_command_is_the_decoded_one),
    };
    return cmocka_run_group_tests_name("echo", tests, NULL, NULL);
}
