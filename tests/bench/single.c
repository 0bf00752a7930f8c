/* single.c - one process per termination, the way `rac session terminate` is used, as cheap as it
 * can be made: a program of a few kilobytes that connects, negotiates, opens the service,
 * authenticates, terminates one session and exits.
 *
 *   bench_single HOST PORT CLUSTER_UUID SESSION_UUID
 *   bench_single --spawn AT_ONCE HOST PORT CLUSTER_UUID TARGETS FIRST COUNT
 *
 * The second form starts the first one COUNT times, AT_ONCE at a time, waits for each, and prints
 * {"sessions", "seconds", "cpu_s"}: the CPU is that of the children alone. */
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "cluster/ras/conn.h"
#include "targets.h"

extern char **environ;

struct single {
    uv_loop_t loop;
    struct ras_conn *conn;
    struct uuid cluster;
    struct uuid session;
    enum error_code code;
    struct error error;
};

static struct instant soon(void)
{
    struct clock clock = clock_real();
    return instant_add_ms(clock_now(&clock), 30000);
}

static void opened(void *self, enum error_code code, const struct error *err)
{
    struct single *single = self;
    if (code) {
        single->code = code;
        single->error = *err;
        single->conn = NULL;
        return;
    }
    struct ras_terminate request = {.cluster = single->cluster, .session = single->session};
    struct ras_call call = {.number = RAS_TERMINATE_SESSION,
                            .record = &request,
                            .cluster = single->cluster,
                            .login = RAS_LOGIN_NONE,
                            .send_by = INSTANT_NEVER,
                            .deadline = soon()};
    ras_conn_call(single->conn, &call);
}

static void answered(void *self, const struct ras_answer *answer)
{
    struct single *single = self;
    single->code = answer->code;
    single->error = answer->error;
    if (!answer->lost)
        ras_conn_close(single->conn);
}

static void lost(void *self)
{
    (void)self;
}

static void closed(void *self)
{
    (void)self;
}

static int end_one(char **argv)
{
    struct single single = {0};
    if (uuid_read(text_of(argv[3]), &single.cluster, NULL) ||
        uuid_read(text_of(argv[4]), &single.session, NULL) || uv_loop_init(&single.loop))
        bench_die("two UUIDs are needed");
    struct ras_conn_config config = {.host = argv[1],
                                     .port = (uint16_t)strtoul(argv[2], NULL, 10),
                                     .version_first = RAS_VERSION_FIRST,
                                     .clock = clock_real()};
    struct ras_conn_owner owner = {
        .opened = opened, .answered = answered, .lost = lost, .self = &single, .closed = closed};
    single.conn = ras_conn_create(&single.loop, &config, &owner, soon());
    uv_run(&single.loop, UV_RUN_DEFAULT);
    if (single.code)
        bench_die("%s", single.error.message);
    return 0;
}

static void wait_one(void)
{
    int status;
    if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
        bench_die("a termination failed");
}

static int spawn_all(char **argv)
{
    struct bench_targets targets = bench_targets_read(argv[6]);
    size_t at_once = strtoul(argv[2], NULL, 10);
    size_t first = strtoul(argv[7], NULL, 10);
    size_t count = strtoul(argv[8], NULL, 10);
    size_t running = 0;
    double start = bench_now();
    for (size_t i = 0; i < count; i++) {
        struct uuid_text session = uuid_format(&targets.at[first + i].session);
        char *arguments[] = {argv[0], argv[3], argv[4], argv[5], session.text, NULL};
        pid_t pid;
        if (running == at_once) {
            wait_one();
            running--;
        }
        if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, environ))
            bench_die("cannot start a process");
        running++;
    }
    for (; running; running--)
        wait_one();
    double seconds = bench_now() - start;
    struct rusage used;
    getrusage(RUSAGE_CHILDREN, &used);
    printf("{\"sessions\": %zu, \"seconds\": %.4f, \"cpu_s\": %.4f}\n", count, seconds,
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 9 && !strcmp(argv[1], "--spawn"))
        return spawn_all(argv);
    if (argc == 5)
        return end_one(argv);
    bench_die("see single.c");
}
