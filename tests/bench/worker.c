/* worker.c - the whole worker with an executor that answers from memory, at once: what is left is
 * Curfew's own cost and Kafka's.
 *
 *   bench_worker CONFIG PORT_FILE TARGETS [lists|ends]
 *
 * Defines executor_of_cluster() itself, so service/executors.c is not pulled out of the room's
 * library. Each cluster holds the sessions that TARGETS names for it and lists a window of them,
 * the oldest LISTED_MAX that are still there: commands come in that order, so those asked for are
 * always among them. The last argument names requests that are never answered, to keep commands
 * open. SIGUSR1 prints one line {"rss_kib", "heap_bytes", "calls"}; SIGTERM drains. */
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <sys/queue.h>
#include <uthash.h>
#include <uv.h>

#include "base/check.h"
#include "service/executors.h"
#include "service/service.h"
#include "targets.h"

enum { LISTED_MAX = 2000, LIST_BYTES_MAX = 64 * 1024 * 1024 };

static const int64_t started_ticks = INT64_C(739571) * 86400 * 10000; /* in November 2025 */

struct row {
    struct uuid session;
    UT_hash_handle hh;
    bool gone;
};

struct memory {
    struct executor executor; /* first */
    struct row *rows;         /* owned */
    size_t row_count;
    size_t oldest; /* below it everything is gone */
    struct row *by_session;
    void (*stopped)(void *self);
    void *stopped_self;
    size_t waiting; /* answers in the pump */
};

struct answer {
    TAILQ_ENTRY(answer) in_order;
    struct memory *memory;
    struct executor_reply reply;
};

struct held {
    SLIST_ENTRY(held) link;
    struct memory *memory;
    uint64_t tag;
    enum executor_op op;
};

static struct bench_targets targets;
static enum { HOLD_NOTHING, HOLD_LISTS, HOLD_ENDS } hold;
static uint64_t calls;
static TAILQ_HEAD(answers, answer) answers = TAILQ_HEAD_INITIALIZER(answers);
static SLIST_HEAD(, held) helds = SLIST_HEAD_INITIALIZER(helds);
static uv_idle_t pump; /* answers come from the loop, never from inside start() */
static uv_loop_t *pump_loop;

/* ---- the sessions of one cluster ---- */

static void fill(struct session *session, const struct memory *memory, size_t at)
{
    *session = (struct session){
        .uuid = memory->rows[at].session,
        .number = (uint32_t)at + 1,
        .infobase_name = "accounting",
        .user_name = "Иванов Иван Иванович",
        .app_id = "1CV8C",
        .host = "workstation-0117",
        .client_ip = "10.20.30.40",
        .locale = "ru",
        .started_at = {started_ticks},
        .last_active_at = {started_ticks + 600 * 10000},
        .bytes_all = 1234567,
        .calls_all = 4321,
        .duration_all = 98765,
        .memory_total = 12345678,
        .db_proc_info = "",
        .current_service_name = "",
        .data_separation = "",
        .reported = ~UINT64_C(0),
    };
    memset(session->infobase.bytes, 0x1b, sizeof session->infobase.bytes);
}

static struct session_list *list_of(struct memory *memory, struct clock clock)
{
    struct session_list *list = session_list_create(LIST_BYTES_MAX);
    list->started = clock_now(&clock);
    while (memory->oldest < memory->row_count && memory->rows[memory->oldest].gone)
        memory->oldest++;
    size_t left = memory->row_count - memory->oldest;
    list->sessions =
        arena_take(list->arena, left < LISTED_MAX ? left : LISTED_MAX, sizeof *list->sessions);
    for (size_t i = memory->oldest; i < memory->row_count && list->count < LISTED_MAX; i++)
        if (!memory->rows[i].gone)
            fill(&list->sessions[list->count++], memory, i);
    list->infobases = arena_take(list->arena, 1, sizeof *list->infobases);
    memset(list->infobases[0].uuid.bytes, 0x1b, sizeof list->infobases[0].uuid.bytes);
    list->infobases[0].name = "accounting";
    list->infobase_count = 1;
    list->has_infobases = true;
    list->finished = clock_now(&clock);
    return list;
}

static struct row *find(struct memory *memory, const struct uuid *session)
{
    struct row *row;
    HASH_FIND(hh, memory->by_session, session, sizeof *session, row);
    return row && !row->gone ? row : NULL;
}

/* ---- requests and answers ---- */

static void reply_to(struct memory *memory, const struct executor_request *request,
                     struct executor_reply *ret)
{
    struct row *row = find(memory, &request->session);
    *ret = (struct executor_reply){.op = request->op, .tag = request->tag};
    switch (request->op) {
    case EXECUTOR_LIST:
        ret->list = list_of(memory, clock_real());
        return;
    case EXECUTOR_END:
        ret->sent = true;
        if (row)
            row->gone = true;
        break;
    default:
        break;
    }
    if (!row)
        ret->code = error_set(&ret->error, ERR_GONE, "no such session");
}

static void give(struct answer *answer)
{
    struct memory *memory = answer->memory;
    TAILQ_REMOVE(&answers, answer, in_order);
    memory->waiting--;
    memory->executor.done(memory->executor.self, &answer->reply);
    session_list_destroy(answer->reply.list);
    if (memory->stopped && memory->waiting == 0)
        memory->stopped(memory->stopped_self);
    free(answer);
}

/* Those that wait now; what they cause is for the next turn. */
static void on_pump(uv_idle_t *handle)
{
    struct answer *last = TAILQ_LAST(&answers, answers);
    for (bool more = true; more;) {
        struct answer *answer = TAILQ_FIRST(&answers);
        more = answer != last;
        give(answer);
    }
    if (TAILQ_EMPTY(&answers))
        uv_idle_stop(handle);
}

static void answer_later(struct memory *memory, const struct executor_reply *reply)
{
    struct answer *answer = mem_new(struct answer);
    answer->memory = memory;
    answer->reply = *reply;
    memory->waiting++;
    TAILQ_INSERT_TAIL(&answers, answer, in_order);
    uv_idle_start(&pump, on_pump);
}

static void memory_start(struct executor *executor, const struct executor_request *request)
{
    struct memory *memory = (struct memory *)executor;
    struct executor_reply reply;
    calls++;
    if ((hold == HOLD_LISTS && request->op == EXECUTOR_LIST) ||
        (hold == HOLD_ENDS && request->op == EXECUTOR_END)) {
        struct held *held = mem_new(struct held);
        held->memory = memory;
        held->tag = request->tag;
        held->op = request->op;
        SLIST_INSERT_HEAD(&helds, held, link);
        return;
    }
    reply_to(memory, request, &reply);
    answer_later(memory, &reply);
}

static void memory_stop(struct executor *executor, void (*stopped)(void *self), void *self)
{
    struct memory *memory = (struct memory *)executor;
    struct held *next;
    memory->stopped = stopped;
    memory->stopped_self = self;
    for (struct held *held = SLIST_FIRST(&helds); held; held = next) {
        next = SLIST_NEXT(held, link);
        if (held->memory != memory)
            continue;
        struct executor_reply reply = {.op = held->op, .tag = held->tag};
        reply.code = error_set(&reply.error, ERR_UNAVAILABLE, "held");
        SLIST_REMOVE(&helds, held, held, link);
        answer_later(memory, &reply);
        free(held);
    }
    if (memory->waiting == 0)
        stopped(self);
}

static void memory_destroy(struct executor *executor)
{
    struct memory *memory = (struct memory *)executor;
    HASH_CLEAR(hh, memory->by_session);
    free(memory->rows);
    free(memory);
}

static const struct executor_kind memory_kind = {"memory", memory_start, memory_stop,
                                                 memory_destroy};

static void take_rows(struct memory *memory, const char *cluster)
{
    for (size_t i = 0; i < targets.count; i++)
        memory->row_count += strcmp(targets.at[i].cluster, cluster) == 0;
    memory->rows = mem_alloc(memory->row_count + 1, sizeof *memory->rows);
    struct row *row = memory->rows;
    for (size_t i = 0; i < targets.count; i++)
        if (strcmp(targets.at[i].cluster, cluster) == 0)
            (row++)->session = targets.at[i].session;
    for (row = memory->rows; row < memory->rows + memory->row_count; row++)
        HASH_ADD(hh, memory->by_session, session, sizeof row->session, row);
}

enum error_code executor_of_cluster(uv_loop_t *loop, const struct config_cluster *config,
                                    executor_done done, void *self, struct executor **ret,
                                    struct error *err)
{
    (void)err;
    struct memory *memory = mem_new(struct memory);
    memory->executor = (struct executor){&memory_kind, done, self};
    take_rows(memory, config->name);
    if (!pump_loop)
        uv_idle_init(pump_loop = loop, &pump);
    *ret = &memory->executor;
    return ERR_OK;
}

/* ---- the process ---- */

static struct service *service;

static size_t resident_kib(void)
{
    char line[256];
    size_t ret = 0;
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status))
        if (strncmp(line, "VmRSS:", 6) == 0)
            ret = strtoul(line + 6, NULL, 10);
    if (status)
        fclose(status);
    return ret;
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)handle;
    if (number == SIGTERM) {
        service_drain(service);
        return;
    }
    printf("{\"rss_kib\": %zu, \"heap_bytes\": %zu, \"calls\": %" PRIu64 "}\n", resident_kib(),
           mallinfo2().uordblks, calls);
    fflush(stdout);
}

static void on_stopped(void *self, enum error_code code, const struct error *err)
{
    if (code)
        fprintf(stderr, "bench_worker: %s\n", err->message);
    uv_stop(self);
}

static void watch(uv_loop_t *loop, uv_signal_t *handle, int number)
{
    CHECK(uv_signal_init(loop, handle) == 0);
    CHECK(uv_signal_start(handle, on_signal, number) == 0);
}

int main(int argc, char **argv)
{
    uv_loop_t loop;
    uv_signal_t term;
    uv_signal_t tell;
    struct config *config;
    struct error err;
    if (argc < 4 || argc > 5)
        bench_die("CONFIG PORT_FILE TARGETS [lists|ends]");
    signal(SIGPIPE, SIG_IGN);
    mem_share_heap();
    targets = bench_targets_read(argv[3]);
    hold = argc < 5 ? HOLD_NOTHING : !strcmp(argv[4], "lists") ? HOLD_LISTS : HOLD_ENDS;
    CHECK(uv_loop_init(&loop) == 0);
    if (config_load(argv[1], &config, NULL, &err))
        bench_die("%s", err.message);
    log_set_level(config->log_level);
    struct service_options options = {

        .config_path = argv[1], .stopped = on_stopped, .self = &loop};
    if (service_create(&loop, config, &options, &service, &err))
        bench_die("%s", err.message);
    watch(&loop, &term, SIGTERM);
    watch(&loop, &tell, SIGUSR1);
    FILE *port = fopen(argv[2], "we");
    if (!port || fprintf(port, "%u\n", service_http_port(service)) < 0 || fclose(port))
        bench_die("cannot write '%s'", argv[2]);
    uv_run(&loop, UV_RUN_DEFAULT);
    service_destroy(service);
    return 0;
}
