/* What a handler is told, and which of its answers are believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "base/limits.h"
#include "cluster/handler/codec.h"
#include "model/session.h"
#include "tests/support/sample.h"

static struct buf snapshot;
static struct command *command;
static struct handler_target targets[2];
static struct handler_task task;
static struct error err;

static int setup(void **state)
{
    (void)state;
    struct session session = sample_session(7);
    session.uuid = (struct uuid){{1}};
    session.infobase = (struct uuid){{2}};
    session.user_name = "Иванов \"И\"";
    session.data_separation = "''";
    session.memory_current = -5;
    session.started_at.ticks = 639000000000000;
    buf_init(&snapshot, LIMIT_RECORD_BYTES);
    session_encode(&session, &snapshot);
    command = command_create();
    command->id.bytes[0] = 3;
    command->requested_by = "ops";
    command->reason = "line\nbreak";
    command->options.message = "the base is updated";
    targets[0] = (struct handler_target){
        .index = 4, .snapshot = snapshot.data, .snapshot_length = (uint32_t)snapshot.length};
    targets[1] = (struct handler_target){
        .index = 9, .snapshot = snapshot.data, .snapshot_length = (uint32_t)snapshot.length};
    task = (struct handler_task){.mode = HANDLER_INSTEAD,
                                 .command = command,
                                 .cluster = "main",
                                 .place = "",
                                 .round = 1,
                                 .attempt = 2,
                                 .expires_at = {1700000000123},
                                 .targets = targets,
                                 .count = 2};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    command_destroy(command);
    buf_release(&snapshot);
    return 0;
}

static json_t *request(void)
{
    AUTO_BUF out;
    buf_init(&out, HANDLER_REQUEST_MAX);
    if (handler_request_write(&task, 30000, &out, &err))
        fail_msg("%s", err.message);
    assert_int_equal(out.data[out.length - 1], '\n');
    json_t *root = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    return root;
}

static const char *text_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void the_request_names_the_command_and_each_target(void **state)
{
    (void)state;
    json_t *root = request();
    const json_t *about = json_object_get(root, "command");
    const json_t *first = json_array_get(json_object_get(root, "targets"), 0);
    assert_string_equal(text_at(root, "mode"), "instead");
    assert_int_equal(json_integer_value(json_object_get(root, "attempt")), 2);
    assert_int_equal(json_integer_value(json_object_get(root, "time_limit_ms")), 30000);
    assert_string_equal(text_at(about, "id"), "03000000-0000-0000-0000-000000000000");
    assert_string_equal(text_at(about, "reason"), "line\nbreak");
    assert_string_equal(text_at(about, "expires_at"), "2023-11-14T22:13:20.123Z");
    assert_true(json_is_null(json_object_get(about, "correlation_id")));
    assert_null(json_object_get(about, "outcome"));
    assert_int_equal(json_integer_value(json_object_get(first, "index")), 4);
    assert_string_equal(text_at(first, "session"), "01000000-0000-0000-0000-000000000000");
    assert_string_equal(text_at(first, "infobase_name"), "ut");
    assert_int_equal(json_integer_value(json_object_get(first, "number")), 7);
    assert_string_equal(text_at(json_object_get(first, "properties"), "user_name"), "Иванов \"И\"");
    json_decref(root);
}

static void after_the_end_the_request_says_how_each_target_ended(void **state)
{
    (void)state;
    const struct reason why = {ERR_REFUSED, (char[]){"still there"}};
    task.mode = HANDLER_AFTER;
    task.outcome = COMMAND_PARTIALLY_COMPLETED;
    targets[0].outcome = TARGET_ENDED;
    targets[1] = (struct handler_target){.index = 1,
                                         .asked_by_number = true,
                                         .asked_number = 12,
                                         .outcome = TARGET_SURVIVED,
                                         .reason = &why};
    json_t *root = request();
    const json_t *first = json_array_get(json_object_get(root, "targets"), 0);
    const json_t *second = json_array_get(json_object_get(root, "targets"), 1);
    assert_string_equal(text_at(json_object_get(root, "command"), "outcome"),
                        "partially_completed");
    assert_string_equal(text_at(first, "outcome"), "ended");
    assert_true(json_is_null(json_object_get(first, "reason")));
    assert_true(json_is_null(json_object_get(second, "session")));
    assert_int_equal(json_integer_value(json_object_get(second, "number")), 12);
    assert_string_equal(text_at(json_object_get(second, "reason"), "code"), "refused");
    json_decref(root);
}

static void a_request_that_does_not_fit_is_refused_and_not_cut(void **state)
{
    (void)state;
    AUTO_BUF small;
    buf_init(&small, 200);
    assert_int_equal(handler_request_write(&task, 1, &small, &err), ERR_TOO_LARGE);
}

static void the_largest_request_fits(void **state)
{
    (void)state;
    static char noisy[900];
    memset(noisy, 1, sizeof noisy - 1); /* each byte becomes six */
    struct session session = sample_blank();
    session.uuid = (struct uuid){{1}};
    session.user_name = noisy;
    struct handler_target many[HANDLER_TARGETS_MAX];
    buf_clear(&snapshot);
    session_encode(&session, &snapshot);
    uint32_t bytes = 0;
    for (task.count = 0; task.count < HANDLER_TARGETS_MAX && bytes < HANDLER_SNAPSHOTS_MAX;
         task.count++) {
        many[task.count] = (struct handler_target){.index = task.count,
                                                   .snapshot = snapshot.data,
                                                   .snapshot_length = (uint32_t)snapshot.length};
        bytes += (uint32_t)snapshot.length;
    }
    task.targets = many;
    json_decref(request());
}

static enum error_code answer(const char *json, struct handler_answer *ret)
{
    return handler_answer_read(&task, text_of(json), ret, &err);
}

static void takes(const char *json, enum handler_result first, enum handler_result second,
                  bool standard_processing)
{
    AUTO_HANDLER_ANSWER got = {0};
    if (answer(json, &got))
        fail_msg("%s: %s", json, err.message);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.words[0].result, first);
    assert_int_equal(got.words[1].result, second);
    assert_int_equal(got.standard_processing, standard_processing);
}

static void results_go_to_the_targets_that_they_name(void **state)
{
    (void)state;
    takes("{\"targets\":[{\"index\":9,\"result\":\"left\"},{\"index\":4,\"result\":\"ended\"}]}",
          HANDLER_SAYS_ENDED, HANDLER_SAYS_LEFT, false);
    takes("\xEF\xBB\xBF{\"standard_processing\":true,\"targets\":[{\"index\":4,\"result\":"
          "\"failed\"},{\"index\":9,\"result\":\"skipped\",\"message\":null}]}",
          HANDLER_SAYS_FAILED, HANDLER_SAYS_SKIPPED, true);
    task.mode = HANDLER_BEFORE;
    takes("{\"targets\":[{\"index\":9,\"result\":\"left\"},{\"index\":4,\"result\":\"ended\"}]}",
          HANDLER_SAYS_ENDED, HANDLER_SAYS_LEFT, true);
}

static void its_words_are_kept_printable_and_short(void **state)
{
    (void)state;
    AUTO_HANDLER_ANSWER got = {0};
    AUTO_BUF json;
    buf_init(&json, 10000);
    buf_str(&json, "{\"targets\":[{\"index\":9,\"result\":\"failed\",\"message\":\"a\\nb\\u202e\"},"
                   "{\"index\":4,\"result\":\"failed\",\"message\":\"");
    for (int i = 0; i < 400; i++)
        buf_str(&json, "ы");
    buf_str(&json, "\"}]}");
    assert_int_equal(answer(buf_text(&json), &got), ERR_OK);
    assert_string_equal(got.words[1].message, "a\\u{a}b\\u{202e}");
    assert_true(strlen(got.words[0].message) <= HANDLER_MESSAGE_MAX);
    assert_true(text_valid(text_of(got.words[0].message)));
}

static void refuses(const char *json, const char *words)
{
    struct handler_answer got = {0};
    assert_int_equal(answer(json, &got), ERR_PROTOCOL);
    assert_null(got.words);
    if (!strstr(err.message, words))
        fail_msg("%s: '%s' is not in '%s'", json, words, err.message);
}

#define ONE "{\"index\":4,\"result\":\"ended\"}"
#define TWO "{\"index\":9,\"result\":\"ended\"}"

static void an_answer_that_is_not_quite_right_is_not_believed_at_all(void **state)
{
    (void)state;
    refuses("", "not JSON");
    refuses("ok", "not JSON");
    refuses("{\"targets\":[" ONE "," TWO "]} and more", "not JSON");
    refuses("[]", "no JSON object");
    refuses("{}", "no array 'targets'");
    refuses("{\"targets\":{}}", "no array 'targets'");
    refuses("{\"targets\":[1]}", "something else than objects");
    refuses("{\"targets\":[" ONE "]}", "says nothing of target 9");
    refuses("{\"targets\":[" ONE "," TWO "," TWO "]}", "speaks twice of target 9");
    refuses("{\"targets\":[" ONE ",{\"index\":3,\"result\":\"ended\"}]}",
            "not asked for: target 3");
    refuses("{\"targets\":[" ONE ",{\"index\":-1,\"result\":\"ended\"}]}", "not asked for");
    refuses("{\"targets\":[" ONE ",{\"index\":4294967305,\"result\":\"ended\"}]}", "not asked for");
    refuses("{\"targets\":[" ONE ",{\"index\":\"9\",\"result\":\"ended\"}]}", "whole number");
    refuses("{\"targets\":[" ONE ",{\"index\":9,\"result\":\"Ended\"}]}", "none of ended, left");
    refuses("{\"targets\":[" ONE ",{\"index\":9,\"result\":\"nothing\"}]}", "none of ended, left");
    refuses("{\"targets\":[" ONE ",{\"index\":9}]}", "none of ended, left");
    refuses("{\"targets\":[" ONE ",{\"index\":9,\"result\":\"ended\",\"message\":5}]}",
            "message that is no text for target 9");
    refuses("{\"targets\":[" ONE ",{\"index\":9,\"result\":\"ended\",\"mesage\":\"\"}]}",
            "unknown member of a target: 'mesage'");
    refuses("{\"targets\":[" ONE "," TWO "],\"standart_processing\":false}",
            "unknown member 'standart_processing'");
    refuses("{\"targets\":[" ONE "," TWO "],\"standard_processing\":\"false\"}",
            "neither true nor false");
    refuses("{\"targets\":[" ONE "," TWO "],\"standard_processing\":null}",
            "neither true nor false");
    refuses("{\"targets\":[" ONE "," TWO "],\"targets\":[" ONE "," TWO "]}", "not JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        CASE(the_request_names_the_command_and_each_target),
        CASE(after_the_end_the_request_says_how_each_target_ended),
        CASE(a_request_that_does_not_fit_is_refused_and_not_cut),
        CASE(the_largest_request_fits),
        CASE(results_go_to_the_targets_that_they_name),
        CASE(its_words_are_kept_printable_and_short),
        CASE(an_answer_that_is_not_quite_right_is_not_believed_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
