/* One run of a handler: what it gets, and what becomes of its answer however it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>

#include "base/limits.h"
#include "cluster/handler/handler.h"
#include "cluster/process.h"
#include "model/session.h"
#include "tests/support/sample.h"

static uv_loop_t loop;
static struct buf snapshot;
static struct command *command;
static struct handler_target targets[2];
static struct handler_task task;
static char shell[] = "/bin/sh";
static char dash_c[] = "-c";
static char *arguments[2];
static struct config_pair variables[1];
static struct config_handler config;
static unsigned calls;
static struct handler_reply reply;

static int setup(void **state)
{
    (void)state;
    struct session session = sample_session(7);
    session.uuid = (struct uuid){{1}};
    signal(SIGPIPE, SIG_IGN);
    buf_init(&snapshot, LIMIT_RECORD_BYTES);
    session_encode(&session, &snapshot);
    command = command_create();
    command->id.bytes[0] = 3;
    for (uint32_t i = 0; i < 2; i++)
        targets[i] = (struct handler_target){
            .index = i, .snapshot = snapshot.data, .snapshot_length = (uint32_t)snapshot.length};
    task = (struct handler_task){.mode = HANDLER_INSTEAD,
                                 .command = command,
                                 .cluster = "main",
                                 .place = "",
                                 .round = 1,
                                 .attempt = 1,
                                 .targets = targets,
                                 .count = 2};
    arguments[0] = dash_c;
    config = (struct config_handler){
        .program = shell, .args = {arguments, 2}, .timeout_ms = 60000, .output_max = 4096};
    calls = 0;
    memset(&reply, 0, sizeof reply);
    return uv_loop_init(&loop);
}

static int teardown(void **state)
{
    (void)state;
    command_destroy(command);
    handler_answer_release(&reply.answer);
    buf_release(&snapshot);
    assert_int_equal(process_alive(), 0);
    return uv_loop_close(&loop);
}

static void on_done(void *self, struct handler_reply *came)
{
    (void)self;
    calls++;
    reply = *came;
    memset(&came->answer, 0, sizeof came->answer); /* taken */
}

static struct handler_run *start(const char *script)
{
    struct handler_run *run;
    struct error err;
    arguments[1] = (char *)(uintptr_t)script;
    if (handler_run_create(&config, &task, &run, &err))
        fail_msg("%s", err.message);
    if (handler_start(run, &loop, clock_real(), on_done, NULL, &err))
        fail_msg("%s", err.message);
    assert_int_equal(calls, 0);
    return run;
}

static void run(const char *script)
{
    struct handler_run *started = start(script);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(calls, 1);
    handler_run_destroy(started);
}

static void fails(enum error_code code, const char *message)
{
    assert_string_equal(error_label(reply.code), error_label(code));
    assert_int_equal(reply.error.code, code);
    assert_null(reply.answer.words);
    if (!strstr(reply.error.message, message))
        fail_msg("'%s' is not in '%s'", message, reply.error.message);
}

#define GOOD                                                                                       \
    "{\"targets\":[{\"index\":0,\"result\":\"ended\"},{\"index\":1,\"result\":\"failed\","         \
    "\"message\":\"%s\"}]}"

static void an_answer_comes_back_by_target(void **state)
{
    (void)state;
    run("read -r request; case $request in *'\"version\":1'*) said=yes ;; esac; printf '" GOOD
        "' \"$said\"");
    assert_int_equal(reply.code, ERR_OK);
    assert_int_equal(reply.answer.words[0].result, HANDLER_SAYS_ENDED);
    assert_int_equal(reply.answer.words[1].result, HANDLER_SAYS_FAILED);
    assert_string_equal(reply.answer.words[1].message, "yes");
}

static void it_gets_its_own_environment_and_nothing_of_the_workers(void **state) /* I12 */
{
    (void)state;
    setenv("CURFEW_SECRET", "s", 1);
    variables[0] = (struct config_pair){(char[]){"TOOL"}, (char[]){"x=y z"}, 1};
    config.environment = (struct config_map){variables, 1};
    run("cat >/dev/null; printf '" GOOD "' \"$TOOL|$CURFEW_SECRET|$HOME\"");
    unsetenv("CURFEW_SECRET");
    assert_int_equal(reply.code, ERR_OK);
    assert_string_equal(reply.answer.words[1].message, "x=y z||");
}

static void one_that_fails_is_not_believed_and_its_last_line_is_told(void **state)
{
    (void)state;
    run("cat >/dev/null; echo first >&2; echo 'no tool\tthere' >&2; echo >&2; printf '" GOOD
        "' x; exit 3");
    fails(ERR_REFUSED, "handler '/bin/sh' failed with exit status 3: no tool\\u{9}there");
    calls = 0;
    run("kill -KILL $$");
    fails(ERR_REFUSED, "was ended by signal 9");
}

static void one_that_hangs_is_in_doubt_and_is_ended(void **state) /* I6 */
{
    (void)state;
    config.timeout_ms = 100;
    run("cat >/dev/null; printf '" GOOD "' x; echo asking the tool >&2; exec tail -f /dev/null");
    fails(ERR_IN_DOUBT, "did not end within 100 ms and was stopped; what it did is not known");
}

static void one_that_is_cancelled_is_in_doubt(void **state) /* I8 */
{
    (void)state;
    struct handler_run *started = start("cat >/dev/null; exec tail -f /dev/null");
    handler_cancel(started);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(calls, 1);
    fails(ERR_IN_DOUBT, "was stopped while it ran");
    handler_run_destroy(started);
}

static void too_much_and_wrong_output_is_no_answer(void **state)
{
    (void)state;
    run("cat >/dev/null; while :; do echo 0123456789012345678901234567890123456789; done");
    fails(ERR_PROTOCOL, "wrote more than handler.output_max (4096 bytes)");
    calls = 0;
    run("cat >/dev/null; echo done");
    fails(ERR_PROTOCOL, "handler '/bin/sh': the handler's answer is not JSON");
    calls = 0;
    run("cat >/dev/null; echo '{\"targets\":[{\"index\":0,\"result\":\"ended\"}]}'");
    fails(ERR_PROTOCOL, "says nothing of target 1");
}

static void the_request_may_stay_unread(void **state)
{
    (void)state;
    static struct handler_target many[HANDLER_TARGETS_MAX];
    for (uint32_t i = 0; i < HANDLER_TARGETS_MAX; i++) {
        many[i] = targets[0];
        many[i].index = i;
    }
    task.targets = many;
    task.count = HANDLER_TARGETS_MAX; /* more than a pipe holds */
    run("exit 0");
    fails(ERR_PROTOCOL, "not JSON");
}

static void after_the_end_only_its_exit_status_counts(void **state)
{
    (void)state;
    task.mode = HANDLER_AFTER;
    run("cat >/dev/null; echo told the others");
    assert_int_equal(reply.code, ERR_OK);
    assert_null(reply.answer.words);
    calls = 0;
    run("cat >/dev/null; exit 1");
    fails(ERR_REFUSED, "exit status 1");
}

static void one_that_is_not_there_is_not_started(void **state)
{
    (void)state;
    AUTO(handler_run) made = NULL;
    struct error err;
    config.program = (char[]){"/nowhere/end-sessions"};
    arguments[1] = (char[]){"x"};
    assert_int_equal(handler_run_create(&config, &task, &made, &err), ERR_OK);
    assert_int_equal(handler_start(made, &loop, clock_real(), on_done, NULL, &err), ERR_CONFIG);
    assert_non_null(strstr(err.message, "/nowhere/end-sessions"));
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        CASE(an_answer_comes_back_by_target),
        CASE(it_gets_its_own_environment_and_nothing_of_the_workers),
        CASE(one_that_fails_is_not_believed_and_its_last_line_is_told),
        CASE(one_that_hangs_is_in_doubt_and_is_ended),
        CASE(one_that_is_cancelled_is_in_doubt),
        CASE(too_much_and_wrong_output_is_no_answer),
        CASE(the_request_may_stay_unread),
        CASE(after_the_end_only_its_exit_status_counts),
        CASE(one_that_is_not_there_is_not_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
