#include "cli/cluster_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "service/executors.h"

struct asking {
    uv_loop_t loop;
    struct executor *executor;
    struct executor_reply reply;
    bool answered;
    bool stopped;
};

static void on_reply(void *self, struct executor_reply *reply)
{
    struct asking *asking = self;
    CHECK(!asking->answered);
    asking->reply = *reply; /* with the list, or the lock */
    reply->list = NULL;
    reply->lock = NULL;
    asking->answered = true;
    uv_stop(&asking->loop);
}

static void on_stopped(void *self)
{
    struct asking *asking = self;
    asking->stopped = true;
}

static void wait_for_reply(struct asking *asking, enum executor_op op, const char *infobase,
                           int64_t timeout_ms)
{
    struct clock clock = clock_real();
    struct executor_request request = {.op = op,
                                       .infobase = infobase,
                                       .send_by = INSTANT_NEVER,
                                       .deadline = instant_add_ms(clock_now(&clock), timeout_ms)};
    executor_start(asking->executor, &request);
    while (!asking->answered) /* every request gets exactly one reply */
        uv_run(&asking->loop, UV_RUN_DEFAULT);
    executor_stop(asking->executor, on_stopped, asking);
    while (!asking->stopped)
        uv_run(&asking->loop, UV_RUN_ONCE);
}

/* The reply's list or lock is the caller's on ERR_OK. */
static enum error_code ask(const struct config_cluster *cluster, enum executor_op op,
                           const char *infobase, int64_t timeout_ms, struct executor_reply *ret,
                           struct error *err)
{
    struct asking asking = {0};
    CHECK(uv_loop_init(&asking.loop) == 0);
    enum error_code code =
        executor_of_cluster(&asking.loop, cluster, on_reply, &asking, &asking.executor, err);
    if (!code) {
        wait_for_reply(&asking, op, infobase, timeout_ms);
        executor_destroy(asking.executor);
        code = asking.reply.code;
        if (code && err)
            *err = asking.reply.error;
    }
    uv_run(&asking.loop, UV_RUN_DEFAULT); /* until every handle is closed */
    CHECK(uv_loop_close(&asking.loop) == 0);
    *ret = asking.reply;
    return code;
}

enum error_code cluster_list(const struct config_cluster *cluster, const char *infobase,
                             int64_t timeout_ms, struct session_list **ret, struct error *err)
{
    struct executor_reply reply;
    enum error_code code = ask(cluster, EXECUTOR_LIST, infobase, timeout_ms, &reply, err);
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
    enum error_code code = ask(cluster, EXECUTOR_INFOBASE_READ, infobase, timeout_ms, &reply, err);
    if (code)
        return code;
    CHECK(reply.lock);
    *ret = reply.lock;
    return ERR_OK;
}
