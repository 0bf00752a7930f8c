/* The program as a whole: help, completion, usage errors; nothing here talks to a broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/suggest.h"
#include "tests/unit/cli/child.h"

#define SOME_UUID "0b5f0000-0000-4000-8000-000000000001"

static int setup(void **state)
{
    (void)state;
    unsetenv("CURFEW_CONFIG");
    return 0;
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is missing in:\n%s", part, text);
}

/* Usage errors are told on standard error alone. */
static void refuses(const char *line, int status, const char *why)
{
    int found = child_run(line);
    if (found != status)
        fail_msg("'curfew %s' exits with %d, not %d: %s", line, found, status, child_err);
    assert_string_equal(child_out, "");
    has(child_err, why);
}

static void help_names_every_command(void **state)
{
    (void)state;
    size_t count;
    const struct cli_command *commands = cli_commands(&count);
    assert_int_equal(child_run("--help"), 0);
    assert_string_equal(child_err, "");
    for (size_t i = 0; i < count; i++) {
        has(child_out, commands[i].name);
        has(child_out, commands[i].help);
    }
    assert_int_equal(child_run("-h"), 0);
    assert_int_equal(child_run("help"), 0);
}

static void every_command_has_help_of_its_own(void **state)
{
    (void)state;
    size_t count;
    const struct cli_command *commands = cli_commands(&count);
    for (size_t i = 0; i < count; i++) {
        static const char *const forms[] = {" --help", " -h"};
        for (size_t form = 0; form < 2; form++) {
            char line[64];
            snprintf(line, sizeof line, "%s%s", commands[i].name, forms[form]);
            if (child_run(line) != 0)
                fail_msg("'curfew %s' fails: %s", line, child_err);
            has(child_out, commands[i].name);
            assert_string_equal(child_err, "");
        }
    }
    assert_int_equal(child_run("help terminate"), 0);
    has(child_out, "--max-targets");
}

static void help_begins_with_examples(void **state)
{
    (void)state;
    assert_int_equal(child_run("terminate --help"), 0);
    const char *example = strstr(child_out, "curfew terminate --cluster main");
    const char *option = strstr(child_out, "--cluster=NAME");
    assert_non_null(example);
    assert_non_null(option);
    assert_true(example < option);
}

/* Half an example, pasted, is another command: the half without --dry-run ends sessions. */
static void every_example_is_a_whole_line(void **state)
{
    (void)state;
    size_t count;
    size_t seen = 0;
    const struct cli_command *commands = cli_commands(&count);
    for (size_t i = 0; i < count; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s --help", commands[i].name);
        assert_int_equal(child_run(line), 0);
        for (const char *at = commands[i].argp->doc; at && at[0]; at += strcspn(at, "\n\v")) {
            at += strspn(at, "\n\v");
            AUTO_FREE char *example = mem_text(at, strcspn(at, "\n\v"));
            if (strncmp(example, "  ", 2) != 0)
                continue;
            has(child_out, example);
            seen++;
        }
    }
    assert_true(seen > count);
}

static void the_version_names_the_library_too(void **state)
{
    (void)state;
    assert_int_equal(child_run("--version"), 0);
    has(child_out, "curfew " CURFEW_VERSION);
    has(child_out, "librdkafka ");
}

static void an_unknown_command_gets_a_suggestion(void **state)
{
    (void)state;
    refuses("terminat", 2, "did you mean 'curfew terminate'?");
    refuses("statsu", 2, "did you mean 'curfew status'?");
    refuses("term", 2, "did you mean 'curfew terminate'?");
    refuses("frobnicate", 2, "'curfew --help' names them all");
    refuses("", 2, "Commands:");
}

static void an_unknown_option_gets_a_suggestion(void **state)
{
    (void)state;
    refuses("terminate --sesion 7", 2, "did you mean '--session'?");
    refuses("terminate --clustre=c", 2, "did you mean '--cluster'?");
    refuses("watch --zebra", 2, "--help names them all");
    /* Values may look like options, and options may be abbreviated. */
    refuses("terminate --reason --frob --clust c", 2, "no session is named");
    refuses("terminate --cluster c -- --frob", 2, "Too many arguments");
}

static void a_suggestion_is_near(void **state)
{
    (void)state;
    static const char *const names[] = {"demo", "worker", "topics"};
    assert_string_equal(suggest("domo", names, 3), "demo");
    assert_string_equal(suggest("owrker", names, 3), "worker");
    assert_null(suggest("", names, 3));
    assert_null(suggest("zebra", names, 3));
    assert_null(suggest("a-very-long-word-that-is-longer-than-any-name", names, 3));
}

static void terminate_says_what_is_missing(void **state)
{
    (void)state;
    refuses("terminate", 2, "--cluster is missing");
    refuses("terminate --cluster c", 2, "no session is named");
    refuses("terminate --cluster c --number 7", 2, "--number needs --infobase");
    refuses("terminate --cluster c --infobase i --number 7x", 2, "'7x' is no session number");
    refuses("terminate --cluster c --session 7", 2, "is no UUID");
    refuses("terminate --cluster c --session " SOME_UUID " --infobase i --number 7", 2, "not both");
    refuses("terminate --cluster c --session " SOME_UUID " --user u", 2, "guard numbers");
    refuses("terminate --cluster c --infobase i --number 7 --id 7", 2, "--id");
    refuses("terminate --cluster c --infobase i --number 7 --started-at x", 2, "--started-at");
    refuses("terminate --cluster c --infobase i --number 7 --grace soon", 2, "--grace");
    refuses("terminate --cluster c --infobase i --number 7 --max-targets 0", 2, "--max-targets");
    refuses("terminate --cluster c --infobase i --number 7 --frob", 2, "--frob");
    refuses("terminate --cluster c --infobase i --number 7 --until-empty", 2, "needs a --filter");
    refuses("terminate --cluster c --filter user=x --standard-processing no", 2, "on or off");
}

/* None would quietly mean the worker's own. */
static void a_time_of_nothing_is_a_usage_error(void **state)
{
    (void)state;
    refuses("terminate --cluster c --filter user=x --expires-in 0s", 2,
            "--expires-in must be longer than nothing");
    refuses("drain --cluster c --infobase i --expires-in 0s", 2,
            "--expires-in must be longer than nothing");
    refuses("drain --cluster c --infobase i --deadline 0s", 2,
            "--deadline must be longer than nothing");
}

static void a_filter_that_is_empty_or_makes_no_sense_is_a_usage_error(void **state)
{
    (void)state;
    refuses("terminate --cluster c --filter=", 2, "--filter is empty");
    refuses("terminate --cluster c --filter @@", 2, "the filter is empty");
    refuses("terminate --cluster c --filter usr=x", 2,
            "--filter: column 1: there is no field 'usr'; did you mean 'user'?");
    refuses("terminate --cluster c --filter idle=2h", 2, "cannot be compared by =");
    refuses("terminate --cluster c --filter user=x --exclude=", 2, "--exclude is empty");
    refuses("drain --cluster c --infobase i --exclude=", 2, "--exclude is empty");
    refuses("drain --cluster c --infobase i --exclude usr=x", 2, "did you mean 'user'?");
    refuses("terminate --cluster c --filter user=x --exclude host@>", 2, "--exclude: column");
    refuses("terminate --cluster c --filter user=x --session " SOME_UUID, 2, "either --filter");
    refuses("terminate --cluster c --filter user=x --infobase i", 2, "either --filter");
    refuses("terminate --cluster c --filter user=x --user u", 2, "guard numbers");
    refuses("sessions --cluster c --explain", 2, "--explain needs --filter");
}

static void without_brokers_it_says_how_to_name_them(void **state)
{
    (void)state;
    refuses("terminate --cluster c --infobase i --number 7", 2, "--brokers");
    refuses("watch", 2, "--brokers");
    refuses("status", 2, "--brokers");
    refuses("topics check", 2, "--brokers");
    refuses("worker", 2, "--config");
    refuses("sessions --cluster c", 2, "--config");
    refuses("config check", 2, "--config");
}

static void settings_that_break_a_promise_are_refused(void **state)
{
    (void)state;
    refuses("watch --brokers x:1 -X acks=1", 78, "in-sync replicas");
    refuses("watch --brokers x:1 -X no.such.key=1", 78, "no.such.key");
    refuses("watch --brokers x:1 -X novalue", 2, "key=value");
    refuses("watch --brokers x:1 -F /no/such/file", 2, "/no/such/file");
    refuses("watch --brokers=", 2, "--brokers");
    refuses("watch --brokers x:1 -X sasl.password=hunter2", 2, "name that with -F");
    assert_null(strstr(child_err, "hunter2"));
}

static void other_commands_check_their_words(void **state)
{
    (void)state;
    refuses("topics", 2, "create, check or accept");
    refuses("topics frob", 2, "not 'frob'");
    refuses("topics create --partitions 0", 2, "--partitions");
    refuses("config", 2, "check or explain");
    refuses("completion", 2, "which shell");
    refuses("completion ksh", 2, "not 'ksh'");
    refuses("cancel", 2, "which command");
    refuses("cancel x --brokers x:1", 2, "is no id");
    refuses("halt now --brokers x:1", 2, "Too many arguments");
    refuses("sessions", 2, "--cluster is missing");
    refuses("watch x --brokers x:1", 2, "is no id");
    refuses("watch a b --brokers x:1", 2, "one command");
}

static void an_unknown_cluster_gets_a_suggestion(void **state)
{
    (void)state;
    char path[] = "/tmp/curfew-cli-XXXXXX", line[128];
    child_config(path, "clusters: [{ name: main, addresses: [127.0.0.1:1] }]\n");
    snprintf(line, sizeof line, "sessions --cluster mian --config %s", path);
    refuses(line, 4, "no cluster 'mian' is configured: did you mean 'main'?");
    snprintf(line, sizeof line, "sessions --cluster elsewhere --config %s", path);
    refuses(line, 4, "no cluster 'elsewhere' is configured\n");
    unlink(path);
}

static void a_missing_configuration_is_78(void **state)
{
    (void)state;
    refuses("worker --config /no/such/file", 78, "/no/such/file");
    refuses("config check /no/such/file", 78, "/no/such/file");
    refuses("sessions --cluster c --config /no/such/file", 78, "/no/such/file");
    assert_int_equal(child_run("doctor --config /no/such/file"), 78);
    has(child_out, "fail");
    assert_int_equal(child_run("doctor --json --config /no/such/file"), 78);
    has(child_out, "\"state\":\"fail\"");
}

static size_t times(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

static void a_problem_of_the_configuration_is_told_once(void **state)
{
    (void)state;
    static const char *const commands[] = {"worker", "gateway", "status"};
    char path[] = "/tmp/curfew-cli-XXXXXX";
    child_config(path, "kafka: { brokers: [a:1] }\nclusterz: 1\nlogs: 1\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char line[128];
        snprintf(line, sizeof line, "%s --config %s", commands[i], path);
        refuses(line, 78, "clusterz");
        assert_int_equal(times(child_err, "unknown key 'clusterz'"), 1);
        assert_int_equal(times(child_err, path), 1);
    }
    unlink(path);
    refuses("watch --brokers x:1 --timeout 5x", 2, "'5x' is not a duration");
    assert_int_equal(times(child_err, "90s"), 1);
}

/* Who gave a file is not told to give one: the status is the file's, and so is the key. */
static void a_configuration_without_brokers_is_78(void **state)
{
    (void)state;
    static const char *const lines[] = {"gateway", "watch", "status", "topics check", "doctor"};
    char path[] = "/tmp/curfew-cli-XXXXXX";
    child_config(path, "kafka: { linger: 1ms }\n");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[128];
        snprintf(line, sizeof line, "%s --config %s", lines[i], path);
        assert_int_equal(child_run(line), 78);
        const char *told = child_out[0] ? child_out : child_err; /* doctor answers */
        has(told, "kafka.brokers");
        has(told, path);
    }
    unlink(path);
}

static void a_worker_without_clusters_or_brokers_does_not_start(void **state)
{
    (void)state;
    char path[] = "/tmp/curfew-cli-XXXXXX", line[128];
    static const char text[] = "kafka: { linger: 1ms }\n";
    child_config(path, text);
    snprintf(line, sizeof line, "worker --config %s", path);
    refuses(line, 78, "kafka.brokers is missing");
    snprintf(line, sizeof line, "worker --config %s --brokers 127.0.0.1:1", path);
    refuses(line, 78, "clusters is missing");
    unlink(path);
}

static void config_check_tells_programs_every_problem(void **state)
{
    (void)state;
    char path[] = "/tmp/curfew-cli-XXXXXX", line[128];
    static const char text[] = "kafka: { brokers: [x:1], grup: y }\nno_such_key: 1\n";
    child_config(path, text);
    snprintf(line, sizeof line, "config check --json %s", path);
    assert_int_equal(child_run(line), 78);
    has(child_out,
        "\"good\":false,\"clusters\":0,\"problems\":[{\"line\":1,\"problem\":\"unknown key "
        "'grup'");
    has(child_out, "{\"line\":2,\"problem\":\"unknown key 'no_such_key'");
    assert_int_equal(truncate(path, sizeof "kafka: { brokers: [x:1]" - 1), 0);
    int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(file, "}\n", 2), 2);
    close(file);
    assert_int_equal(child_run(line), 0);
    has(child_out, "\"good\":true,\"clusters\":0,\"problems\":[]}");
    unlink(path);
    assert_int_equal(child_run("config check --json /no/such/\xff"), 78);
    has(child_out, "\"problems\":[{\"line\":null,");
    assert_int_equal(child_run("config check --json"), 2);
    has(child_out, "{\"file\":null,\"good\":false");
}

static void config_explain_knows_every_form(void **state)
{
    (void)state;
    assert_int_equal(child_run("config explain"), 0);
    has(child_out, "limits.open_commands");
    assert_int_equal(child_run("config explain --json"), 0);
    has(child_out, "\"limits.open_commands\"");
    assert_int_equal(child_run("config explain --schema"), 0);
    has(child_out, "$schema");
    assert_int_equal(child_run("config explain --reference"), 0);
    has(child_out, "limits.open_commands");
}

static void completion_names_every_command_and_its_options(void **state)
{
    (void)state;
    static const char *const shells[] = {"completion bash", "completion zsh", "completion fish"};
    size_t count;
    const struct cli_command *commands = cli_commands(&count);
    for (size_t shell = 0; shell < 3; shell++) {
        assert_int_equal(child_run(shells[shell]), 0);
        assert_string_equal(child_err, "");
        for (size_t i = 0; i < count; i++)
            has(child_out, commands[i].name);
        has(child_out, shell == 2 ? "-l max-targets" : "--max-targets");
        has(child_out, shell == 2 ? "-l brokers" : "--brokers");
        has(child_out, "create check");
    }
}

static void the_bash_script_completes(void **state)
{
    (void)state;
    char script[] = "/tmp/curfew-completion-XXXXXX", line[512];
    assert_int_equal(child_run("completion bash"), 0);
    int fd = mkstemp(script);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, child_out, strlen(child_out)), strlen(child_out));
    close(fd);
    snprintf(line, sizeof line,
             "bash -c '. %s; COMP_WORDS=(curfew terminate --max); COMP_CWORD=2; _curfew; "
             "test \"${COMPREPLY[*]}\" = --max-targets || exit 1; "
             "COMP_WORDS=(curfew term); COMP_CWORD=1; _curfew; "
             "test \"${COMPREPLY[*]}\" = terminate'",
             script);
    int status = system(line);
    unlink(script);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_names_every_command),
        cmocka_unit_test(every_command_has_help_of_its_own),
        cmocka_unit_test(help_begins_with_examples),
        cmocka_unit_test(every_example_is_a_whole_line),
        cmocka_unit_test(the_version_names_the_library_too),
        cmocka_unit_test(an_unknown_command_gets_a_suggestion),
        cmocka_unit_test(an_unknown_option_gets_a_suggestion),
        cmocka_unit_test(a_suggestion_is_near),
        cmocka_unit_test(terminate_says_what_is_missing),
        cmocka_unit_test(a_time_of_nothing_is_a_usage_error),
        cmocka_unit_test(a_filter_that_is_empty_or_makes_no_sense_is_a_usage_error),
        cmocka_unit_test(without_brokers_it_says_how_to_name_them),
        cmocka_unit_test(settings_that_break_a_promise_are_refused),
        cmocka_unit_test(other_commands_check_their_words),
        cmocka_unit_test(an_unknown_cluster_gets_a_suggestion),
        cmocka_unit_test(a_missing_configuration_is_78),
        cmocka_unit_test(a_problem_of_the_configuration_is_told_once),
        cmocka_unit_test(a_configuration_without_brokers_is_78),
        cmocka_unit_test(a_worker_without_clusters_or_brokers_does_not_start),
        cmocka_unit_test(config_check_tells_programs_every_problem),
        cmocka_unit_test(config_explain_knows_every_form),
        cmocka_unit_test(completion_names_every_command_and_its_options),
        cmocka_unit_test(the_bash_script_completes),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
