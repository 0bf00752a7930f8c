#include "cli/cluster_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "service/executors.h"

/* One question to one cluster, from its start until its executor has stopped. */
struct asking {
    struct executor *executor; /* NULL: none could be made */
    struct executor_reply reply;
    struct instant started, ended;
    struct wall ended_at;
    bool answered;
    bool stopping;
    bool stopped;
};

static void note_end(struct asking *asking)
{
    struct clock clock = clock_real();
    asking->ended = clock_now(&clock);
    asking->ended_at = clock_wall(&clock);
    asking->answered = true;
}

static void on_reply(void *self, struct executor_reply *reply)
{
    struct asking *asking = self;
    CHECK(!asking->answered);
    asking->reply = *reply; /* with the list, or the lock */
    reply->list = NULL;
    reply->lock = NULL;
    note_end(asking);
}

static void on_stopped(void *self)
{
    struct asking *asking = self;
    asking->stopped = true;
}

static void ask(struct asking *asking, uv_loop_t *loop, const struct config_cluster *cluster,
                enum executor_op op, const char *infobase, int64_t timeout_ms)
{
    struct clock clock = clock_real();
    struct executor_reply *reply = &asking->reply;
    *asking = (struct asking){.started = clock_now(&clock)};
    reply->code =
        executor_of_cluster(loop, cluster, on_reply, asking, &asking->executor, &reply->error);
    if (reply->code) {
        note_end(asking);
        asking->stopping = asking->stopped = true;
        return;
    }
    struct executor_request request = {.op = op,
                                       .infobase = infobase,
                                       .send_by = INSTANT_NEVER,
                                       .deadline = instant_add_ms(asking->started, timeout_ms)};
    executor_start(asking->executor, &request);
}

/* From its answer on; true when nothing of it is left in the loop. */
static bool is_over(struct asking *asking)
{
    if (asking->answered && !asking->stopping) {
        asking->stopping = true;
        executor_stop(asking->executor, on_stopped, asking);
    }
    if (!asking->stopped)
        return false;
    executor_destroy(asking->executor);
    asking->executor = NULL;
    return true;
}

static void open_loop(uv_loop_t *loop)
{
    CHECK(uv_loop_init(loop) == 0);
}

static void close_loop(uv_loop_t *loop)
{
    uv_run(loop, UV_RUN_DEFAULT); /* until every handle is closed */
    CHECK(uv_loop_close(loop) == 0);
}

/* The reply's list or lock is the caller's on ERR_OK. */
static enum error_code ask_one(const struct config_cluster *cluster, enum executor_op op,
                               const char *infobase, int64_t timeout_ms, struct executor_reply *ret,
                               struct error *err)
{
    uv_loop_t loop;
    struct asking asking;
    open_loop(&loop);
    ask(&asking, &loop, cluster, op, infobase, timeout_ms);
    while (!is_over(&asking)) /* every request gets exactly one reply */
        uv_run(&loop, UV_RUN_ONCE);
    close_loop(&loop);
    if (asking.reply.code && err)
        *err = asking.reply.error;
    *ret = asking.reply;
    return asking.reply.code;
}

enum error_code cluster_list(const struct config_cluster *cluster, const char *infobase,
                             int64_t timeout_ms, struct session_list **ret, struct error *err)
{
    struct executor_reply reply;
    enum error_code code = ask_one(cluster, EXECUTOR_LIST, infobase, timeout_ms, &reply, err);
    if (code)
        return code;
    CHECK(reply.list);
    *ret = reply.list;
    return ERR_OK;
}

enum error_code cluster_lock(const struct config_cluster *cluster, const char *infobase,
                             int64_t timeout_ms, struct infobase_lock **ret, struct error *err)
{
    struct executor_reply reply;
    enum error_code code =
        ask_one(cluster, EXECUTOR_INFOBASE_READ, infobase, timeout_ms, &reply, err);
    if (code)
        return code;
    CHECK(reply.lock);
    *ret = reply.lock;
    return ERR_OK;
}

static void show(const struct config_cluster *cluster, struct asking *asking, cluster_visit visit,
                 void *self)
{
    struct cluster_listed listed = {
        .cluster = cluster,
        .list = asking->reply.code ? NULL : asking->reply.list,
        .at = asking->ended_at,
        .took_ms = instant_ms_between(asking->started, asking->ended),
    };
    if (asking->reply.code)
        listed.why = asking->reply.error;
    visit(self, &listed);
    session_list_destroy(asking->reply.list);
}

void cluster_lists(const struct config_cluster *const *clusters, size_t count, int64_t timeout_ms,
                   cluster_visit visit, void *self)
{
    uv_loop_t loop;
    AUTO_FREE struct asking *askings = mem_alloc(count, sizeof *askings);
    AUTO_FREE bool *over = mem_alloc(count, sizeof *over);
    size_t asked = 0, told = 0, busy = 0;
    open_loop(&loop);
    while (told < count) {
        for (; asked < count && busy < CLUSTERS_AT_ONCE; asked++, busy++)
            ask(&askings[asked], &loop, clusters[asked], EXECUTOR_LIST, NULL, timeout_ms);
        for (size_t i = told; i < asked; i++)
            if (!over[i] && is_over(&askings[i])) {
                over[i] = true;
                busy--;
            }
        for (; told < asked && over[told]; told++)
            show(clusters[told], &askings[told], visit, self);
        if (busy)
            uv_run(&loop, UV_RUN_ONCE);
    }
    close_loop(&loop);
}
