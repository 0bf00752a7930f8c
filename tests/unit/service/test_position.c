/* What stands beside a committed offset: ours is read back, everybody else's is nobody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "service/position.h"

static void what_is_written_is_read_back(void **state)
{
    const struct position most = {INT64_MAX, {{{0xff, 0x01}}, INT32_MAX}, INT32_MAX, INT32_MAX};
    struct position read = {0};
    char text[POSITION_TEXT_SIZE];
    (void)state;
    position_write(&most, text);
    assert_true(position_read(text_of(text), &read));
    assert_int_equal(read.journal, most.journal);
    assert_true(epoch_equal(&read.owner, &most.owner));
    assert_int_equal(read.next, most.next);
    assert_int_equal(read.partitions, most.partitions);
}

#define WRITER "\"writer\":\"0b5f0000-0000-4000-8000-000000000001\""

static void what_others_committed_is_not_taken_for_ours(void **state)
{
    static const char *const others[] = {
        "",
        "kafka-tool",
        "{}",
        "{\"journal\":1,\"writer\":\"x\",\"epoch\":1,\"sequence\":2,\"partitions\":4}",
        "{\"journal\":-1," WRITER ",\"epoch\":1,\"sequence\":2,\"partitions\":4}",
        "{\"journal\":1," WRITER ",\"epoch\":0,\"sequence\":2,\"partitions\":4}",
        "{\"journal\":1," WRITER ",\"epoch\":1,\"sequence\":0,\"partitions\":4}",
        "{\"journal\":1," WRITER ",\"epoch\":1,\"sequence\":2,\"partitions\":-4}",
        "{\"journal\":1," WRITER ",\"epoch\":1,\"sequence\":2}",
        "{\"journal\":1,\"journal\":2," WRITER ",\"epoch\":1,\"sequence\":2,\"partitions\":4}",
    };
    struct position read = {.journal = 77};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (position_read(text_of(others[i]), &read) || read.journal != 77)
            fail_msg("%s", others[i]);
    assert_true(position_read(
        TEXT("{\"journal\":1," WRITER ",\"epoch\":1,\"sequence\":2,\"partitions\":4}"), &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_others_committed_is_not_taken_for_ours),
    };
    return cmocka_run_group_tests_name("position", tests, NULL, NULL);
}
