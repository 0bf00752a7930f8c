/* curfew-ras-sim as it is started: files, lines, signals, exit statuses. */
#include "tests/unit/sim/test_ras_support.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/wait.h>

#include "sim/ras/program.h"

enum { WORDS_MAX = 32 };

struct running {
    pid_t pid;
    FILE *out;
};

static char folder[64];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/curfew-ras-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static const char *in_folder(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"ports", "control", "log", "script"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_folder(names[i]));
    return rmdir(folder);
}

/* The words end with NULL. */
static struct running start(const char *const *words)
{
    int ends[2];
    char *copies[WORDS_MAX] = {mem_text("curfew-ras-sim", 14)};
    int count = 1;
    assert_int_equal(pipe(ends), 0);
    for (; words[count - 1]; count++)
        copies[count] = mem_text(words[count - 1], strlen(words[count - 1]));
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        int status = ras_sim_main(count, copies);
        fflush(stdout);
        _exit(status);
    }
    close(ends[1]);
    for (int i = 0; i < count; i++)
        free(copies[i]);
    return (struct running){pid, fdopen(ends[0], "r")};
}

static int ends(struct running *running)
{
    int status = 0;
    fclose(running->out);
    assert_int_equal(waitpid(running->pid, &status, 0), running->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int run_to_end(const char *const *words)
{
    char line[4096];
    struct running running = start(words);
    while (fgets(line, sizeof line, running.out))
        ;
    return ends(&running);
}

static struct address {
    char name[64];
    unsigned port;
    char uuid[64];
} read_address(FILE *file)
{
    struct address at = {0};
    assert_int_equal(fscanf(file, "%63s 127.0.0.1:%u %63s", at.name, &at.port, at.uuid), 3);
    return at;
}

static int connect_to(unsigned port)
{
    struct stand stand = {.port = (uint16_t)port};
    int fd = peer_try_connect(&stand);
    assert_true(fd >= 0);
    return fd;
}

static void the_port_file_says_what_standard_output_says(void **state)
{
    (void)state;
    struct running running =
        start((const char *const[]){"--clusters", "3", "--addresses", "2", "--sessions", "20",
                                    "--port-file", in_folder("ports"), NULL});
    struct address out[6];
    for (int i = 0; i < 6; i++)
        out[i] = read_address(running.out);
    FILE *file = fopen(in_folder("ports"), "r");
    assert_non_null(file);
    for (int i = 0; i < 6; i++) {
        struct address at = read_address(file);
        assert_memory_equal(&at, &out[i], sizeof at);
        close(connect_to(at.port));
    }
    fclose(file);
    assert_string_equal(out[0].name, "sim-01");
    assert_string_equal(out[1].name, "sim-01");
    assert_string_equal(out[5].name, "sim-03");
    assert_true(out[0].port != out[1].port);
    kill(running.pid, SIGTERM);
    assert_int_equal(ends(&running), 0);
}

static void one_seed_gives_the_same_uuids(void **state)
{
    (void)state;
    struct address seen[2];
    for (int i = 0; i < 2; i++) {
        struct running running =
            start((const char *const[]){"--seed", "77", "--one-port", "--clusters", "2", NULL});
        seen[i] = read_address(running.out);
        assert_int_equal(read_address(running.out).port, seen[i].port);
        kill(running.pid, SIGINT);
        assert_int_equal(ends(&running), 0);
    }
    assert_string_equal(seen[0].uuid, seen[1].uuid);
}

static void a_violation_makes_the_exit_status_one(void **state)
{
    (void)state;
    for (int tolerate = 0; tolerate < 2; tolerate++) {
        const char *words[] = {"--sessions", "5", "--tolerate", "negotiation", NULL};
        words[2] = tolerate ? words[2] : NULL;
        struct running running = start(words);
        struct address at = read_address(running.out);
        char byte;
        int fd = connect_to(at.port);
        assert_int_equal(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL), 18);
        assert_true(recv(fd, &byte, 1, 0) <= 0); /* the server has judged and closed */
        close(fd);
        kill(running.pid, SIGTERM);
        assert_int_equal(ends(&running), tolerate ? 0 : 1);
    }
}

static void control_and_script_work_from_outside(void **state)
{
    (void)state;
    static const char script[] = "[{\"do\": \"fault\", \"spec\": \"hang,op=any\"},"
                                 " {\"do\": \"stop\", \"at\": \"10m\"}]";
    unsigned port = 0;
    char line[8192] = "";
    FILE *file = fopen(in_folder("script"), "w");
    assert_non_null(file);
    fputs(script, file);
    fclose(file);
    struct running running = start((const char *const[]){
        "--sessions", "5", "--script", in_folder("script"), "--control-port-file",
        in_folder("control"), "--log", in_folder("log"), "--log-life", "--json", NULL});
    read_address(running.out);
    file = fopen(in_folder("control"), "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "127.0.0.1:%u", &port), 1);
    fclose(file);
    int fd = connect_to(port);
    FILE *control = fdopen(fd, "r+");
    fputs("login ib-01 user=X\nstop\n", control);
    fflush(control);
    assert_non_null(fgets(line, sizeof line, control));
    json_t *answer = json_loads(line, 0, NULL);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    fclose(control);
    assert_non_null(fgets(line, sizeof line, running.out)); /* the rest of the first line */
    assert_non_null(fgets(line, sizeof line, running.out));
    answer = json_loads(line, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(answer, "sessions")), 6);
    json_decref(answer);
    assert_int_equal(ends(&running), 0);
    unsigned lines = 0;
    file = fopen(in_folder("log"), "r");
    while (fgets(line, sizeof line, file))
        lines++;
    fclose(file);
    assert_int_equal(lines, 6);
}

static void wrong_words_end_with_two(void **state)
{
    (void)state;
    static const char *const wrong[][4] = {
        {"--clusters", "0", NULL},    {"--clusters", "x", NULL},   {"--version", "12.0", NULL},
        {"--fault", "explode", NULL}, {"--dance", NULL},           {"extra", NULL},
        {"--credentials", "x", NULL}, {"--churn", "fast", NULL},   {"--tolerate", "all", NULL},
        {"--linger", "long", NULL},   {"--script", "/none", NULL}, {"--port", "70000", NULL},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(run_to_end(wrong[i]), 2);
    assert_int_equal(run_to_end((const char *const[]){"--host", "999.1", NULL}), 78);
    assert_int_equal(run_to_end((const char *const[]){"--log", "/none/x", NULL}), 78);
    assert_int_equal(run_to_end((const char *const[]){"--help", NULL}), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_port_file_says_what_standard_output_says),
        CASE(one_seed_gives_the_same_uuids),
        CASE(a_violation_makes_the_exit_status_one),
        CASE(control_and_script_work_from_outside),
        CASE(wrong_words_end_with_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
