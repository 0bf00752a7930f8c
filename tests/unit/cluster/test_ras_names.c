/* Which infobase a request means: by UUID, by name, by its lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cluster/ras/names.h"

static struct uuid uuid_of(unsigned char last)
{
    return (struct uuid){{[0] = 9, [15] = last}};
}

/* "one" once, "two" twice, out of order; read at one second. */
static struct ras_names some_names(void)
{
    struct ras_names names = {0};
    struct arena *arena = arena_create(4096);
    struct infobase_name *items = arena_take(arena, 3, sizeof *items);
    items[0] = (struct infobase_name){uuid_of(3), "two", false};
    items[1] = (struct infobase_name){uuid_of(1), "One", false};
    items[2] = (struct infobase_name){uuid_of(2), "two", false};
    ras_names_set(&names, arena, items, 3, (struct instant){1000000000});
    return names;
}

static bool finds(const struct ras_names *names, const char *infobase, unsigned char last)
{
    const struct executor_request request = {.op = EXECUTOR_INFOBASE_READ, .infobase = infobase};
    struct uuid found = {{0}};
    struct uuid wanted = uuid_of(last);
    return ras_names_find(names, &request, &found) && uuid_equal(&found, &wanted);
}

static void a_name_that_two_infobases_bear_means_neither(void **state)
{
    (void)state;
    struct ras_names names = some_names();
    assert_true(finds(&names, "ONE", 1));
    for (unsigned char last = 0; last < 4; last++)
        assert_false(finds(&names, "two", last));
    assert_false(finds(&names, "three", 0));
    ras_names_release(&names);
}

static void a_uuid_is_taken_as_it_is_also_unread(void **state)
{
    (void)state;
    const struct ras_names nothing = {0};
    struct uuid wanted = uuid_of(7);
    assert_true(finds(&nothing, uuid_format(&wanted).text, 7));
}

static void without_an_infobase_the_one_of_the_lock_is_meant(void **state)
{
    (void)state;
    const struct ras_names nothing = {0};
    struct infobase_lock lock = {.infobase = uuid_of(5)};
    struct executor_request request = {.op = EXECUTOR_INFOBASE_WRITE, .lock = &lock};
    struct uuid found;
    assert_true(ras_names_find(&nothing, &request, &found));
    assert_true(uuid_equal(&found, &lock.infobase));
    request.lock = NULL;
    assert_false(ras_names_find(&nothing, &request, &found));
}

static void names_are_fresh_until_their_time_is_over(void **state)
{
    (void)state;
    const struct ras_names nothing = {0};
    struct ras_names names = some_names();
    assert_true(ras_names_are_fresh(&names, (struct instant){1499999999}, 500));
    assert_false(ras_names_are_fresh(&names, (struct instant){1500000000}, 500));
    assert_false(ras_names_are_fresh(&nothing, (struct instant){0}, 500));
    ras_names_release(&names);
}

static void names_cover_the_list_and_what_was_asked_for(void **state)
{
    (void)state;
    struct ras_names names = some_names();
    struct session sessions[2] = {{.infobase = uuid_of(1)}, {.infobase = {{0}}}};
    struct session_list list = {.sessions = sessions, .count = 2};
    struct executor_request request = {.op = EXECUTOR_LIST};
    struct uuid strange = uuid_of(8);
    struct uuid known = uuid_of(2);
    assert_true(ras_names_cover(&names, &list, &request));
    request.infobase = "three";
    assert_false(ras_names_cover(&names, &list, &request));
    request.infobase = "one";
    assert_true(ras_names_cover(&names, &list, &request));
    char text[sizeof(struct uuid_text)];
    memcpy(text, uuid_format(&strange).text, sizeof text);
    request.infobase = text;
    assert_false(ras_names_cover(&names, &list, &request));
    memcpy(text, uuid_format(&known).text, sizeof text);
    assert_true(ras_names_cover(&names, &list, &request));
    sessions[1].infobase = strange;
    assert_false(ras_names_cover(&names, &list, &request));
    ras_names_release(&names);
}

static void a_connection_may_be_cut_without_its_infobase(void **state)
{
    (void)state;
    struct executor_request request = {.op = EXECUTOR_DISCONNECT};
    assert_false(ras_names_needed(&request));
    request.infobase = "";
    assert_false(ras_names_needed(&request));
    request.infobase = "one";
    assert_true(ras_names_needed(&request));
    request.op = EXECUTOR_END;
    assert_false(ras_names_needed(&request));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_two_infobases_bear_means_neither),
        cmocka_unit_test(a_uuid_is_taken_as_it_is_also_unread),
        cmocka_unit_test(without_an_infobase_the_one_of_the_lock_is_meant),
        cmocka_unit_test(names_are_fresh_until_their_time_is_over),
        cmocka_unit_test(names_cover_the_list_and_what_was_asked_for),
        cmocka_unit_test(a_connection_may_be_cut_without_its_infobase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
