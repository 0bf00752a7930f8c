/* Programs that are run: what they get, what they give, and that nothing of them stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "cluster/process.h"

enum { KEPT = 4096, HANG_MS = 60000 };

static uv_loop_t loop;
static unsigned calls;
static struct process_result result;
static char output[KEPT + 1];
static char errors[KEPT + 1];
static bool inside;

static void keep(char *to, struct text text)
{
    assert_true(text.length <= KEPT);
    if (text.length)
        memcpy(to, text.at, text.length);
    to[text.length] = 0;
}

static void on_done(void *self, const struct process_result *came)
{
    (void)self;
    assert_false(inside);
    calls++;
    result = *came;
    keep(output, came->output);
    keep(errors, came->errors);
}

static const char *const no_environment[] = {NULL};

/* A script of sh that never comes to its deadline. */
static struct process_spec sh(const char *const *arguments)
{
    return (struct process_spec){
        .program = "/bin/sh",
        .arguments = arguments,
        .environment = no_environment,
        .output_max = KEPT,
        .errors_max = KEPT,
        .deadline = instant_add_ms(clock_real().now(NULL), HANG_MS),
        .grace_ms = HANG_MS,
    };
}

#define SCRIPT(text) ((const char *const[]){"sh", "-c", (text), NULL})

static struct process *start(const struct process_spec *spec)
{
    struct process *process;
    struct error err;
    inside = true;
    assert_int_equal(process_start(&loop, clock_real(), spec, on_done, NULL, &process, &err),
                     ERR_OK);
    inside = false;
    return process;
}

static void run(const struct process_spec *spec)
{
    calls = 0;
    start(spec);
    assert_int_equal(process_alive(), 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(calls, 1);
    assert_int_equal(process_alive(), 0);
}

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    calls = 0;
    return uv_loop_init(&loop);
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(process_alive(), 0);
    return uv_loop_close(&loop); /* fails while a handle is open */
}

/* A fifo whose reading end tells when the last process that holds it for writing is gone. */
struct tie {
    char folder[32];
    char path[48];
    int fd;
};

static void tie_open(struct tie *tie)
{
    snprintf(tie->folder, sizeof tie->folder, "/tmp/curfew-test-XXXXXX");
    assert_non_null(mkdtemp(tie->folder));
    snprintf(tie->path, sizeof tie->path, "%s/tie", tie->folder);
    assert_int_equal(mkfifo(tie->path, 0600), 0);
    tie->fd = open(tie->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(tie->fd >= 0);
}

static void tie_is_cut(struct tie *tie)
{
    struct pollfd poll_fd = {.fd = tie->fd, .events = POLLIN};
    char byte;
    assert_int_equal(poll(&poll_fd, 1, 10000), 1);
    assert_int_equal(read(tie->fd, &byte, 1), 1); /* it was held */
    assert_int_equal(poll(&poll_fd, 1, 10000), 1);
    assert_true(poll_fd.revents & POLLHUP);
    assert_int_equal(read(tie->fd, &byte, 1), 0);
    close(tie->fd);
    unlink(tie->path);
    rmdir(tie->folder);
}

/* ---- tests ---- */

static void output_errors_and_status_come_whole(void **state)
{
    (void)state;
    struct process_spec spec = sh(SCRIPT("printf 'a\\nb'; printf 'why' >&2; exit 255"));
    run(&spec);
    assert_int_equal(result.code, ERR_OK);
    assert_int_equal(result.status, 255);
    assert_int_equal(result.signal, 0);
    assert_string_equal(output, "a\nb");
    assert_string_equal(errors, "why");
    assert_false(result.left_open);
    assert_false(result.errors_cut);
}

static void a_signal_is_told_of(void **state)
{
    (void)state;
    struct process_spec spec = sh(SCRIPT("kill -SEGV $$"));
    run(&spec);
    assert_int_equal(result.code, ERR_OK);
    assert_int_equal(result.status, -1);
    assert_int_equal(result.signal, SIGSEGV);
}

static void arguments_arrive_as_they_are(void **state)
{
    (void)state;
    struct process_spec spec = sh((const char *const[]){
        "sh", "-c", "printf '%s|' \"$@\"", "x", "a b", "$HOME;ls", "", "\"'", "Сеанс", NULL});
    run(&spec);
    assert_string_equal(output, "a b|$HOME;ls||\"'|Сеанс|");
}

static void nothing_is_inherited_but_what_is_named(void **state)
{
    (void)state;
    const char *const environment[] = {"LC_ALL=C.UTF-8", NULL};
    int fd = dup2(STDERR_FILENO, 77); /* without close-on-exec, as a library may open one */
    assert_int_equal(fd, 77);
    setenv("CURFEW_TEST_SECRET", "x", 1);
    struct process_spec spec =
        sh(SCRIPT("echo \"$LC_ALL,$CURFEW_TEST_SECRET,$PWD\"; [ -e /proc/self/fd/77 ] && echo leak;"
                  "grep -q 'SigIgn:.*0000000$' /proc/self/status && echo no signal is ignored;"
                  "grep -q 'SigBlk:.*00000000$' /proc/self/status && echo none is blocked;"
                  "read x || echo nothing to read"));
    spec.environment = environment;
    run(&spec);
    close(fd);
    unsetenv("CURFEW_TEST_SECRET");
    assert_string_equal(output, "C.UTF-8,,/\nno signal is ignored\nnone is blocked\n"
                                "nothing to read\n");
}

static void input_is_read_to_its_end(void **state)
{
    (void)state;
    enum { LENGTH = 300000 }; /* more than a pipe holds */
    char *bytes = mem_alloc(LENGTH, 1);
    memset(bytes, 'x', LENGTH);
    struct process_spec spec = sh(SCRIPT("wc -c"));
    spec.input = (struct text){bytes, LENGTH};
    run(&spec);
    free(bytes);
    assert_true(result.input_taken);
    assert_string_equal(output, "300000\n");
}

static void a_program_that_reads_nothing_is_no_failure(void **state)
{
    (void)state;
    enum { LENGTH = 300000 };
    char *bytes = mem_alloc(LENGTH, 1);
    struct process_spec spec = sh(SCRIPT("exec <&-; echo done"));
    spec.input = (struct text){bytes, LENGTH};
    run(&spec);
    free(bytes);
    assert_int_equal(result.code, ERR_OK);
    assert_false(result.input_taken);
    assert_string_equal(output, "done\n");
}

static void output_above_its_maximum_is_an_error(void **state)
{
    (void)state;
    struct process_spec spec = sh(SCRIPT("while :; do echo 0123456789; done"));
    spec.output_max = 100;
    run(&spec);
    assert_int_equal(result.code, ERR_TOO_LARGE);
    assert_int_equal(result.signal, SIGTERM);
}

static void errors_above_their_maximum_are_dropped(void **state)
{
    (void)state;
    struct process_spec spec = sh(SCRIPT("printf 0123456789 >&2; printf abc >&2; echo fine"));
    spec.errors_max = 4;
    run(&spec);
    assert_int_equal(result.code, ERR_OK);
    assert_true(result.errors_cut);
    assert_string_equal(errors, "0123");
    assert_string_equal(output, "fine\n");
}

static void the_deadline_ends_it(void **state)
{
    (void)state;
    struct process_spec spec = sh(SCRIPT("echo begun; exec sleep 1000"));
    unsigned before = process_figures().forced;
    spec.deadline = (struct instant){0};
    run(&spec);
    assert_int_equal(result.code, ERR_DEADLINE);
    assert_int_equal(process_figures().forced, before + 1);
    assert_int_equal(process_figures().overdue, 0);
    assert_int_equal(result.signal, SIGTERM);
    assert_non_null(strstr(result.error.message, "/bin/sh"));
}

static void on_first_output(uv_timer_t *timer)
{
    struct tie *tie = timer->data;
    struct pollfd poll_fd = {.fd = tie->fd, .events = POLLIN};
    if (poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & POLLIN)
        uv_close((uv_handle_t *)timer, NULL);
}

/* Runs until the script has written its byte into the tie, which it does when it is ready. */
static void until_ready(struct tie *tie)
{
    uv_timer_t timer;
    uv_timer_init(&loop, &timer);
    timer.data = tie;
    uv_timer_start(&timer, on_first_output, 0, 1);
    while (uv_is_active((uv_handle_t *)&timer))
        uv_run(&loop, UV_RUN_ONCE);
    uv_run(&loop, UV_RUN_NOWAIT);
}

static void one_that_ignores_the_signal_is_killed_with_its_children(void **state)
{
    (void)state;
    struct tie tie;
    tie_open(&tie);
    const char *const script[] = {
        "sh", "-c",     "trap '' TERM; exec 3>\"$1\"; (sleep 1000) & printf x >&3; sleep 1000",
        "x",  tie.path, NULL};
    struct process_spec spec = sh(script);
    spec.grace_ms = 10;
    struct process *process = start(&spec);
    until_ready(&tie);
    process_cancel(process);
    process_cancel(process); /* once is enough, twice no harm */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(calls, 1);
    assert_int_equal(result.code, ERR_CANCELLED);
    assert_int_equal(result.signal, SIGKILL);
    tie_is_cut(&tie);
}

static void what_it_does_when_it_is_ended_is_not_the_reason(void **state)
{
    (void)state;
    struct tie tie;
    tie_open(&tie);
    const char *const script[] = {"sh",
                                  "-c",
                                  "trap 'echo 0123456789; exit' TERM; exec 3>\"$1\"; printf x >&3; "
                                  "while :; do sleep 0.01; done",
                                  "x",
                                  tie.path,
                                  NULL};
    struct process_spec spec = sh(script);
    spec.output_max = 5;
    struct process *process = start(&spec);
    until_ready(&tie);
    process_cancel(process);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(result.code, ERR_CANCELLED);
    tie_is_cut(&tie);
}

static void a_child_left_with_our_pipes_is_killed(void **state)
{
    (void)state;
    struct tie tie;
    tie_open(&tie);
    const char *const script[] = {
        "sh", "-c",     "exec 3>\"$1\"; printf x >&3; sleep 1000 & echo mine; exit 7",
        "x",  tie.path, NULL};
    struct process_spec spec = sh(script);
    unsigned before = process_figures().left_open;
    run(&spec);
    assert_int_equal(result.code, ERR_OK);
    assert_int_equal(result.status, 7);
    assert_true(result.left_open);
    assert_int_equal(process_figures().left_open, before + 1);
    assert_string_equal(output, "mine\n");
    tie_is_cut(&tie);
}

static void a_child_left_without_our_pipes_is_killed(void **state)
{
    (void)state;
    struct tie tie;
    tie_open(&tie);
    const char *const script[] = {
        "sh", "-c",     "exec 3>\"$1\"; sleep 1000 >/dev/null 2>&1 & printf x >&3",
        "x",  tie.path, NULL};
    struct process_spec spec = sh(script);
    run(&spec);
    assert_int_equal(result.code, ERR_OK);
    assert_int_equal(result.status, 0);
    assert_false(result.left_open);
    tie_is_cut(&tie);
}

/* It is out of reach of any signal to the group: the pipes are let go, so it holds nothing of
 * ours. It ends by itself when its output is closed. */
static void a_child_in_a_session_of_its_own_is_not_waited_for(void **state)
{
    (void)state;
    struct tie tie;
    tie_open(&tie);
    const char *const script[] = {"sh",
                                  "-c",
                                  "exec 3>\"$1\"; printf x >&3; setsid sh -c 'trap \"\" HUP; while "
                                  "echo y; do sleep 0.01; done' &"
                                  " exit 0",
                                  "x",
                                  tie.path,
                                  NULL};
    struct process_spec spec = sh(script);
    spec.output_max = KEPT;
    run(&spec);
    assert_true(result.left_open);
    assert_int_equal(result.status, 0);
    tie_is_cut(&tie);
}

static void a_cancel_that_comes_too_late_changes_nothing(void **state)
{
    (void)state;
    siginfo_t info;
    struct process_spec spec = sh(SCRIPT("exit 3"));
    struct process *process = start(&spec);
    assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT),
                     0); /* the loop does not know yet */
    process_cancel(process);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(calls, 1);
    assert_int_equal(result.code, ERR_OK);
    assert_int_equal(result.status, 3);
}

static void what_cannot_run_is_refused_at_once(void **state)
{
    (void)state;
    struct process *process;
    struct error err;
    struct process_spec spec = sh(SCRIPT("true"));
    spec.program = "/nonexistent/rac";
    assert_int_equal(process_start(&loop, clock_real(), &spec, on_done, NULL, &process, &err),
                     ERR_CONFIG);
    assert_non_null(strstr(err.message, "/nonexistent/rac"));
    spec.program = "/etc/passwd"; /* no program */
    assert_int_equal(process_start(&loop, clock_real(), &spec, on_done, NULL, &process, &err),
                     ERR_CONFIG);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(calls, 0);
}

static void many_run_side_by_side(void **state)
{
    (void)state;
    enum { MANY = 20 };
    struct process_spec spec = sh(SCRIPT("cat; echo done"));
    spec.input = TEXT("in");
    for (unsigned i = 0; i < MANY; i++)
        start(&spec);
    assert_int_equal(process_alive(), MANY);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(calls, MANY);
    assert_string_equal(output, "indone\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(output_errors_and_status_come_whole),
        TEST(a_signal_is_told_of),
        TEST(arguments_arrive_as_they_are),
        TEST(nothing_is_inherited_but_what_is_named),
        TEST(input_is_read_to_its_end),
        TEST(a_program_that_reads_nothing_is_no_failure),
        TEST(output_above_its_maximum_is_an_error),
        TEST(errors_above_their_maximum_are_dropped),
        TEST(the_deadline_ends_it),
        TEST(one_that_ignores_the_signal_is_killed_with_its_children),
        TEST(what_it_does_when_it_is_ended_is_not_the_reason),
        TEST(a_child_left_with_our_pipes_is_killed),
        TEST(a_child_left_without_our_pipes_is_killed),
        TEST(a_child_in_a_session_of_its_own_is_not_waited_for),
        TEST(a_cancel_that_comes_too_late_changes_nothing),
        TEST(what_cannot_run_is_refused_at_once),
        TEST(many_run_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
