/* Commands against the embedded broker, without a worker: what is sent, what is waited for, and
 * what is said when nobody answers. The broker is a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/uuid.h"
#include "tests/unit/cli/child.h"

#define SOME_UUID "0b5f0000-0000-4000-8000-000000000001"
#define SOME_DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static char directory[] = "/tmp/curfew-cli-XXXXXX";
static char port_file[64];
static char address[64];
static pid_t broker;

static int setup(void **state)
{
    (void)state;
    unsetenv("CURFEW_CONFIG");
    if (!mkdtemp(directory))
        return -1;
    snprintf(port_file, sizeof port_file, "%s/port", directory);
    char *args[] = {(char[]){"curfew"}, (char[]){"broker"}, (char[]){"--port-file"}, port_file,
                    NULL};
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    broker = child_start(nowhere, nowhere, args, 4);
    close(nowhere);
    for (int i = 0; i < 3000 && access(port_file, F_OK); i++)
        usleep(10000);
    FILE *file = fopen(port_file, "re");
    if (!file || fscanf(file, "%63s", address) != 1)
        return -1;
    return fclose(file);
}

static int teardown(void **state)
{
    (void)state;
    kill(broker, SIGTERM);
    child_wait(broker);
    unlink(port_file);
    return rmdir(directory);
}

static int run(const char *line)
{
    char whole[2048];
    snprintf(whole, sizeof whole, "%s --brokers %s", line, address);
    return child_run(whole);
}

static void sent_is_done_and_prints_the_id(void **state)
{
    (void)state;
    struct uuid id;
    assert_int_equal(run("terminate --cluster main --infobase ut --number 7"), 0);
    assert_int_equal(strlen(child_out), UUID_TEXT_SIZE); /* and a line break */
    assert_int_equal(uuid_read((struct text){child_out, UUID_TEXT_SIZE - 1}, &id, NULL), ERR_OK);
    assert_string_equal(child_err, "");
}

static void the_json_of_what_was_sent_tells_its_place(void **state)
{
    (void)state;
    static const char id[] = "0b5f0000-0000-4000-8000-000000000002";
    char line[256];
    snprintf(line, sizeof line, "terminate --cluster main --infobase ut --number 7 --id %s --json",
             id);
    assert_int_equal(run(line), 0);
    assert_non_null(strstr(child_out, id));
    assert_non_null(strstr(child_out, "\"topic\":\"curfew.commands\""));
    assert_non_null(strstr(child_out, "\"offset\":"));
}

static void waiting_ends_in_time_and_says_how_to_go_on(void **state)
{
    (void)state;
    assert_int_equal(run("terminate --cluster main --infobase ut --number 7 --wait --timeout 3s"),
                     6);
    assert_string_equal(child_out, "");
    assert_non_null(strstr(child_err, "curfew watch "));
}

/* Also the id that it made itself: without it nobody could repeat it safely. */
static void what_may_have_been_written_says_how_to_repeat_it(void **state)
{
    (void)state;
    char path[96], line[256];
    snprintf(path, sizeof path, "%s/slow.yaml", directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("kafka: { linger: 1s }\n", file); /* it is not yet sent when the time is over */
    fclose(file);
    snprintf(line, sizeof line,
             "terminate --cluster main --infobase ut --number 7 --timeout 500ms --config %s", path);
    assert_int_equal(run(line), 6);
    const char *id = strstr(child_err, "may have been written: repeat it with --id ");
    assert_non_null(id);
    struct uuid uuid;
    id += strlen("may have been written: repeat it with --id ");
    assert_int_equal(uuid_read((struct text){id, UUID_TEXT_SIZE - 1}, &uuid, NULL), ERR_OK);
    snprintf(line, sizeof line,
             "cancel 0b5f0000-0000-4000-8000-000000000002 --timeout 500ms --config %s", path);
    assert_int_equal(run(line), 6);
    assert_non_null(strstr(child_err, "repeat it, twice does no harm"));
    assert_null(strstr(child_err, "--id"));
    unlink(path);
}

static void a_command_nobody_told_of_is_not_found(void **state)
{
    (void)state;
    assert_int_equal(run("watch 0b5f0000-0000-4000-8000-000000000003"), 4);
    assert_int_equal(run("watch 0b5f0000-0000-4000-8000-000000000003 --follow --timeout 300ms"), 6);
    assert_int_equal(run("watch --timeout 300ms"), 0);
    assert_int_equal(run("watch --until-final --timeout 300ms"), 6);
}

static void an_empty_journal_has_a_status(void **state)
{
    (void)state;
    assert_int_equal(run("status"), 0);
    assert_non_null(strstr(child_out, "nobody yet"));
    assert_int_equal(run("status --json"), 0);
    assert_non_null(strstr(child_out, "\"open\":[]"));
}

static void topics_are_there_and_the_embedded_broker_is_named(void **state)
{
    (void)state;
    assert_int_equal(run("topics check"), 0);
    assert_non_null(strstr(child_err, "embedded"));
    assert_int_equal(run("topics create"), 0);
    assert_int_equal(run("topics check --json"), 0);
    assert_non_null(strstr(child_out, "\"embedded\":true"));
    assert_non_null(strstr(child_out, "\"relaxed\""));
}

static void a_cancel_goes_to_the_control_topic(void **state)
{
    (void)state;
    assert_int_equal(run("cancel 0b5f0000-0000-4000-8000-000000000002 --json"), 0);
    assert_non_null(strstr(child_out, "\"topic\":\"curfew.control\""));
}

/* Without a worker: the control topic alone says it. */
static void the_kill_switch_is_shown_until_it_is_released(void **state)
{
    (void)state;
    assert_int_equal(run("halt --reason wrong@sessions --requested-by anna"), 0);
    assert_int_equal(run("status"), 0);
    assert_non_null(strstr(child_out, "wrong sessions"));
    assert_int_equal(run("status --json"), 0);
    assert_non_null(strstr(child_out, "\"kill_switch\":{\"engaged\":true,"));
    assert_non_null(strstr(child_out, "\"by\":\"anna\",\"reason\":\"wrong sessions\""));
    assert_int_equal(run("doctor"), 0); /* it is a warning */
    assert_non_null(strstr(child_out, "by 'anna' ('wrong sessions'): nothing is ended"));
    assert_non_null(strstr(child_out, "curfew halt --release"));
    assert_int_equal(run("halt --release"), 0);
    assert_int_equal(run("status --json"), 0);
    assert_non_null(strstr(child_out, "\"kill_switch\":{\"engaged\":false,"));
    assert_int_equal(run("doctor"), 0);
    assert_non_null(strstr(child_out, "not engaged"));
}

static void an_order_that_nobody_answers_says_what_is_known(void **state)
{
    (void)state;
    assert_int_equal(run("cancel " SOME_UUID " --wait --timeout 4s"), 6);
    assert_int_equal(strlen(child_out), UUID_TEXT_SIZE); /* it was sent */
    assert_non_null(strstr(child_err, "no worker ever spoke of that command"));
    assert_int_equal(run("approve " SOME_UUID " --wait --timeout 4s --digest " SOME_DIGEST), 6);
    assert_non_null(strstr(child_err, "no worker ever spoke of that command"));
}

static void doctor_finds_the_broker(void **state)
{
    (void)state;
    assert_int_equal(run("doctor"), 0);
    assert_non_null(strstr(child_out, address));
}

static void a_broker_that_is_not_there_is_later(void **state)
{
    (void)state;
    assert_int_equal(child_run("status --brokers 127.0.0.1:1 --timeout 300ms"), 75);
    assert_string_equal(child_out, "");
    assert_non_null(strstr(child_err, "Kafka does not answer"));
    assert_non_null(strstr(child_err, "curfew doctor"));
}

static void properties_come_from_a_file_too(void **state)
{
    (void)state;
    char path[96], line[256];
    snprintf(path, sizeof path, "%s/kcat.conf", directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "# as kcat takes it\n\n  bootstrap.servers=%s  \nclient.id=me\n", address);
    fclose(file);
    snprintf(line, sizeof line, "status -F %s", path);
    assert_int_equal(child_run(line), 0);
    unlink(path);
}

/* Under systemd they are there only while the worker runs, and 'status' is asked when it does not.
 */
static void what_needs_no_password_opens_no_password_file(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "status",
        "show " SOME_UUID,
        "watch",
        "topics check",
        "cancel " SOME_UUID,
        "approve " SOME_UUID " --digest " SOME_DIGEST,
        "terminate --cluster c --session " SOME_UUID,
        "drain --cluster c --infobase i",
        "restore --cluster c --infobase i --wait",
    };
    char path[] = "/tmp/curfew-cli-XXXXXX", line[256];
    static const char text[] = "kafka: { brokers: ['127.0.0.1:1'] }\n"
                               "clusters: [{ name: c, addresses: [ras], "
                               "admin: { user: u, password_file: /nowhere/password } }]\n";
    child_config(path, text);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        snprintf(line, sizeof line, "%s --config %s --timeout 100ms", lines[i], path);
        if (child_run(line) != 75 || !strstr(child_err, "Kafka does not answer"))
            fail_msg("'curfew %s': %s%s", line, child_out, child_err);
    }
    static const char *const others[] = {"worker", "gateway", "sessions --cluster c"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(line, sizeof line, "%s --config %s", others[i], path);
        assert_int_equal(child_run(line), 78);
        assert_non_null(strstr(child_err, "cannot open password file '/nowhere/password'"));
    }
    unlink(path);
}

/* With broker, clusters and worker of its own. */
static void the_demo_ends_exactly_the_right_sessions(void **state)
{
    (void)state;
    assert_int_equal(child_run("demo --json"), 0);
    assert_non_null(strstr(child_out, "\"good\":true"));
    assert_non_null(strstr(child_out, "\"strangers\":0"));
    assert_int_equal(run("demo"), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sent_is_done_and_prints_the_id),
        cmocka_unit_test(the_json_of_what_was_sent_tells_its_place),
        cmocka_unit_test(waiting_ends_in_time_and_says_how_to_go_on),
        cmocka_unit_test(what_may_have_been_written_says_how_to_repeat_it),
        cmocka_unit_test(a_command_nobody_told_of_is_not_found),
        cmocka_unit_test(an_empty_journal_has_a_status),
        cmocka_unit_test(topics_are_there_and_the_embedded_broker_is_named),
        cmocka_unit_test(a_cancel_goes_to_the_control_topic),
        cmocka_unit_test(an_order_that_nobody_answers_says_what_is_known),
        cmocka_unit_test(the_kill_switch_is_shown_until_it_is_released),
        cmocka_unit_test(doctor_finds_the_broker),
        cmocka_unit_test(a_broker_that_is_not_there_is_later),
        cmocka_unit_test(properties_come_from_a_file_too),
        cmocka_unit_test(what_needs_no_password_opens_no_password_file),
        cmocka_unit_test(the_demo_ends_exactly_the_right_sessions),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
