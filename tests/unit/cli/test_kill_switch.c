/* What the control topic says of the kill switch: who engaged it, since when, and what counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cli/kill_switch.h"
#include "cli/request.h"
#include "command/message.h"

static const int64_t start_ms = 1790000000000;

static struct config *config;
static struct kill_switch state;
static struct uuid last; /* order that was put */

static int setup(void **unused)
{
    static const char strict[] = "policy: { require_reason: true }\n";
    struct error err;
    (void)unused;
    state = (struct kill_switch){0};
    return config_from_text(TEXT(strict), &config, NULL, &err);
}

static int teardown(void **unused)
{
    (void)unused;
    config_destroy(config);
    return 0;
}

/* Puts `owned` on the topic `at` milliseconds after the start. */
static void put(struct command *owned, int64_t at)
{
    static const struct message_style style = {MESSAGE_FORM_BINARY_PROTOBUF, "test", "curfew."};
    AUTO(command) command = owned;
    AUTO(outgoing) outgoing = NULL;
    struct error err;
    assert_int_equal(message_encode(command, &style, &outgoing, &err), ERR_OK);
    last = command->id;
    kill_switch_take(&state, config, &outgoing->messages[0], (struct wall){start_ms + at});
}

static void order(bool engaged, const char *by, const char *reason, int64_t at)
{
    const struct request request = {.requested_by = by, .reason = reason};
    struct command *command = NULL;
    struct error err;
    assert_int_equal(
        request_kill_switch(&request, engaged, (struct wall){start_ms}, &command, &err), ERR_OK);
    put(command, at);
}

static void engaged_it_tells_by_whom_and_why_and_since_when(void **unused)
{
    (void)unused;
    order(true, "anna@host", "wrong sessions are ended", 7);
    assert_true(state.engaged);
    assert_string_equal(state.by, "anna@host");
    assert_string_equal(state.reason, "wrong sessions are ended");
    assert_int_equal(state.since.ms, start_ms + 7);
    assert_true(uuid_equal(&state.order, &last));
}

static void whoever_engages_it_once_more_did_not_begin_it(void **unused)
{
    (void)unused;
    order(true, "anna", "one", 1);
    struct uuid first = last;
    order(true, "boris", "two", 2);
    assert_string_equal(state.by, "anna");
    assert_int_equal(state.since.ms, start_ms + 1);
    assert_true(uuid_equal(&state.order, &first));
    order(false, "boris", "mended", 3);
    order(true, "boris", "two", 4);
    assert_string_equal(state.by, "boris");
    assert_int_equal(state.since.ms, start_ms + 4);
}

static void released_it_tells_who_did_that(void **unused)
{
    (void)unused;
    order(true, "anna", "one", 1);
    order(false, "boris", "mended", 2);
    assert_false(state.engaged);
    assert_string_equal(state.by, "boris");
    assert_string_equal(state.reason, "mended");
    assert_int_equal(state.since.ms, start_ms + 2);
}

/* Workers would not have obeyed it. */
static void a_release_that_the_policy_refuses_releases_nothing_and_is_named(void **unused)
{
    (void)unused;
    order(true, "anna", "", 1); /* which needs no reason */
    order(false, "boris", "", 2);
    assert_true(state.engaged);
    assert_string_equal(state.by, "anna");
    assert_true(uuid_equal(&state.refused.order, &last));
    assert_false(state.refused.engages);
    assert_string_equal(state.refused.by, "boris");
    assert_int_equal(state.refused.at.ms, start_ms + 2);
    assert_int_equal(state.refused.why.code, ERR_INVALID);
    order(false, "boris", "mended", 3);
    assert_false(state.engaged);
    assert_true(uuid_is_nil(&state.refused.order));
}

static void nothing_else_on_the_topic_changes_it(void **unused)
{
    const struct request request = {.requested_by = "boris", .reason = "x"};
    const struct uuid meant = {{1}};
    struct command *cancel = NULL;
    struct error err;
    (void)unused;
    order(true, "anna", "one", 1);
    struct kill_switch before = state;
    assert_int_equal(request_cancel(&request, &meant, (struct wall){start_ms}, &cancel, &err),
                     ERR_OK);
    put(cancel, 2);
    kill_switch_take(&state, config, &(struct message){.value = TEXT("\xff\xfe no order")},
                     (struct wall){start_ms + 3});
    kill_switch_take(&state, config, &(struct message){.value = {NULL, 0}}, (struct wall){0});
    assert_memory_equal(&state, &before, sizeof state);
}

static void a_topic_without_times_still_tells_the_rest(void **unused)
{
    (void)unused;
    order(true, "anna", "one", -start_ms);
    assert_true(state.engaged);
    assert_int_equal(state.since.ms, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(engaged_it_tells_by_whom_and_why_and_since_when, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(whoever_engages_it_once_more_did_not_begin_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(released_it_tells_who_did_that, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_release_that_the_policy_refuses_releases_nothing_and_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_else_on_the_topic_changes_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_topic_without_times_still_tells_the_rest, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
