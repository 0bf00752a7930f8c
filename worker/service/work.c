#include "service/work.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "service/partition.h"
#include "service/state.h"
#include "service/wake.h"

struct call_locks {
    struct infobase_lock lock;
    struct infobase_lock expected;
};

/* One request to a cluster on its way: lane, executor, reply. Twenty thousand may be. */
struct call {
    struct cluster_work *cluster;
    int32_t partition;
    uint64_t engine_serial; /* the reply of a partition that was given back is dropped */
    uint64_t tag;           /* the engine's */
    enum engine_action_kind kind;
    enum executor_op op;
    char *infobase;           /* owned */
    char *message;            /* owned */
    struct call_locks *locks; /* INFOBASE_WRITE: owned; otherwise NULL */
    struct instant started;
};

static struct lane_limits limits_of(struct service *service, const struct config_cluster *config,
                                    uint64_t seed)
{
    return (struct lane_limits){
        .waiting_max = config->waiting,
        .in_flight = config->in_flight,
        .per_minute = config->per_minute,
        .breaker_failures = config->breaker_failures,
        .estate = &service->estate,
        .seed = seed,
    };
}

/* ---- replies ---- */

static const char *method_label(enum executor_op op)
{
    switch (op) {
    case EXECUTOR_LIST:
        return "list";
    case EXECUTOR_INFO:
        return "info";
    case EXECUTOR_END:
        return "terminate";
    case EXECUTOR_CONNECTIONS:
        return "connections";
    case EXECUTOR_DISCONNECT:
        return "disconnect";
    case EXECUTOR_INTERRUPT:
        return "interrupt";
    case EXECUTOR_INFOBASE_READ:
        return "lock_read";
    case EXECUTOR_INFOBASE_WRITE:
        return "lock_write";
    default:
        return "other";
    }
}

static void count_reply(struct cluster_work *work, const struct call *call, enum error_code code,
                        struct instant now)
{
    struct metrics *metrics = work->service->metrics;
    const char *cluster = work->config->name;
    bool answered = code != ERR_UNAVAILABLE && code != ERR_IN_DOUBT && code != ERR_STALE &&
                    code != ERR_PROTOCOL;
    if (code != ERR_STALE)
        metrics_set(metrics, METRIC_ras_up, LABELS(cluster), answered);
    metrics_add(metrics, METRIC_ras_requests_total,
                LABELS(cluster, method_label(call->op), error_label(code)), 1);
    metrics_observe(metrics, METRIC_ras_request_duration_seconds, LABELS(method_label(call->op)),
                    (double)(now.ns - call->started.ns) / 1e9);
}

static void tell_engine(struct engine *engine, const struct call *call,
                        const struct executor_reply *reply, struct instant now)
{
    struct engine_answer answer = {
        .kind = call->kind,
        .tag = call->tag,
        .code = reply->code,
        .sent = reply->sent,
        .failure = &reply->error,
        .connections = reply->connections,
        .lock = reply->lock,
    };
    switch (call->kind) {
    case ENGINE_LIST:
        engine_listed(engine, call->tag, reply->code == ERR_OK ? reply->list : NULL, &reply->error,
                      now);
        break;
    case ENGINE_PROBE:
        engine_probed(engine, call->tag, reply->code,
                      reply->list && reply->list->count == 1 ? &reply->list->sessions[0] : NULL,
                      now);
        break;
    case ENGINE_END:
        engine_ended(engine, call->tag, reply->code, reply->sent, &reply->error, now);
        break;
    default:
        engine_answered(engine, &answer, now);
        break;
    }
}

static void free_call(struct call *call)
{
    free(call->infobase);
    free(call->message);
    if (call->locks) {
        infobase_lock_release(&call->locks->lock);
        infobase_lock_release(&call->locks->expected);
    }
    free(call->locks);
    free(call);
}

/* The call is over, whatever it brought. */
static void answer(struct service *service, struct call *call, const struct executor_reply *reply,
                   struct instant now)
{
    struct partition *partition =
        partition_that_asked(service, call->partition, call->engine_serial);
    if (partition)
        tell_engine(partition->engine, call, reply, now);
    free_call(call);
    service_again(service);
}

/* It was never begun. */
static void answer_unsent(struct service *service, struct call *call, const struct error *why,
                          struct instant now)
{
    struct executor_reply reply = {.op = call->op, .code = why->code, .error = *why};
    answer(service, call, &reply, now);
}

static void touch(struct cluster_work *work)
{
    if (work->busy)
        return;
    work->busy = true;
    TAILQ_INSERT_TAIL(&work->service->busy, work, of_busy);
}

/* An infobase that refuses its own administrator, or one session that may not be ended, says
 * nothing about the cluster: only a refusal of the cluster's administrator makes the lane wait. */
static enum error_code lane_code(enum executor_op op, const struct executor_reply *reply)
{
    bool of_cluster = op == EXECUTOR_LIST || op == EXECUTOR_INFO || op == EXECUTOR_END;
    bool itself = !of_cluster || reply->sent;
    return reply->code == ERR_AUTH && itself ? ERR_REFUSED : reply->code;
}

static void replied(void *self, struct executor_reply *reply)
{
    struct crew *crew = self;
    struct cluster_work *work = crew->crews->cluster;
    struct call *call = (struct call *)(uintptr_t)reply->tag;
    struct instant now = clock_now(&work->service->clock);
    lane_done(work->lane, now, lane_code(call->op, reply));
    count_reply(work, call, reply->code, now);
    if (reply->code && reply->code != ERR_GONE && reply->code != ERR_STALE)
        log_line(
            LOG_LEVEL_DEBUG, "request to a cluster failed", LOG_TEXT("cluster", work->config->name),
            LOG_TEXT("method", method_label(call->op)), LOG_TEXT("code", error_label(reply->code)),
            LOG_TEXT("reason", reply->error.message));
    answer(work->service, call, reply, now);
    session_list_destroy(STEAL(reply->list));
    infobase_lock_destroy(STEAL(reply->lock));
    connection_list_destroy(STEAL(reply->connections));
    touch(work);
    crew_done(crew);
}

/* ---- requests ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct cluster_work *const *)a)->config->name,
                  (*(struct cluster_work *const *)b)->config->name);
}

static int is_named(const void *name, const void *at)
{
    return strcmp(name, (*(struct cluster_work *const *)at)->config->name);
}

struct cluster_work *cluster_work_find(struct service *service, const char *name)
{
    struct cluster_work **found = bsearch(name, service->clusters_by_name, service->cluster_count,
                                          sizeof(struct cluster_work *), is_named);
    return found ? *found : NULL;
}

static enum executor_op op_of(enum engine_action_kind kind)
{
    static const enum executor_op ops[] = {
        [ENGINE_LIST] = EXECUTOR_LIST,
        [ENGINE_PROBE] = EXECUTOR_INFO,
        [ENGINE_END] = EXECUTOR_END,
        [ENGINE_CONNECTIONS] = EXECUTOR_CONNECTIONS,
        [ENGINE_DISCONNECT] = EXECUTOR_DISCONNECT,
        [ENGINE_INTERRUPT] = EXECUTOR_INTERRUPT,
        [ENGINE_LOCK_READ] = EXECUTOR_INFOBASE_READ,
        [ENGINE_LOCK_WRITE] = EXECUTOR_INFOBASE_WRITE,
    };
    return ops[kind];
}

/* The last look before a byte may leave: is the licence still ours? */
static bool still_allowed(uint64_t tag)
{
    const struct call *call = (const struct call *)(uintptr_t)tag;
    if (!executor_op_changes(call->op))
        return true;
    const struct partition *partition =
        partition_that_asked(call->cluster->service, call->partition, call->engine_serial);
    return partition && partition->stage == PARTITION_RUNNING &&
           engine_allows(partition->engine, call->kind, call->tag);
}

void call_start(struct partition *partition, const struct engine_action *action, struct instant now)
{
    struct service *service = partition->service;
    struct cluster_work *work = cluster_work_find(service, action->cluster);
    struct call *call = mem_new(struct call);
    struct error err;
    call->cluster = work;
    call->partition = partition->id;
    call->engine_serial = partition->serial;
    call->tag = action->tag;
    call->kind = action->kind;
    call->op = op_of(action->kind);
    call->infobase = mem_copy(action->infobase);
    call->message = mem_copy(action->message);
    if (action->kind == ENGINE_LOCK_WRITE) {
        call->locks = mem_new(struct call_locks);
        call->locks->lock = infobase_lock_copy(action->lock);
        call->locks->expected = infobase_lock_copy(action->expected);
    }
    call->started = now;
    if (!work) {
        error_set(&err, ERR_CONFIG, "cluster '%s' is no longer configured here", action->cluster);
        answer_unsent(service, call, &err, now);
        return;
    }
    struct lane_job job = {
        .request = {
            .op = call->op,
            .tag = (uint64_t)(uintptr_t)call,
            .session = action->session,
            .infobase = call->infobase,
            .message = call->message ? call->message : "",
            .connection = action->connection.connection,
            .process = action->connection.process,
            .lock = call->locks ? &call->locks->lock : NULL,
            .expected = call->locks ? &call->locks->expected : NULL,
            .send_by = executor_op_changes(call->op) ? action->send_by : INSTANT_NEVER,
            .allowed = still_allowed,
            .deadline = instant_add_ms(now, work->config->request_ms),
        }};
    if (lane_put(work->lane, &job, &err)) {
        err.code = ERR_STALE; /* nothing was sent: the engine asks again */
        metrics_add(service->metrics, METRIC_lane_refused_total, LABELS(work->config->name), 1);
        answer_unsent(service, call, &err, now);
        return;
    }
    touch(work);
}

/* ---- lanes ---- */

static void expire(struct cluster_work *work, struct instant now)
{
    struct lane_job job;
    while (lane_expire(work->lane, now, &job)) {
        struct call *call = (struct call *)(uintptr_t)job.request.tag;
        struct error err;
        enum error_code code = executor_op_changes(call->op) ? ERR_STALE : ERR_UNAVAILABLE;
        error_set(&err, code, "cluster '%s': the request waited too long for its turn",
                  work->config->name);
        answer_unsent(work->service, call, &err, now);
    }
}

static void start_jobs(struct cluster_work *work, struct instant now)
{
    struct lane_job job;
    while (lane_take(work->lane, now, &job)) {
        struct call *call = (struct call *)(uintptr_t)job.request.tag;
        if (still_allowed(job.request.tag)) {
            call->started = now;
            job.request.deadline = instant_add_ms(now, work->config->request_ms);
            struct crew *crew = TAILQ_FIRST(&work->crews.all);
            crew->running++;
            executor_start(crew->executor, &job.request);
            continue;
        }
        struct error err;
        error_set(&err, ERR_STALE, "the licence for it is not in force any more");
        lane_done(work->lane, now, ERR_STALE);
        answer_unsent(work->service, call, &err, now);
    }
}

/* All clusters are looked at only when one of them may be due: with a thousand of them a look costs
 * more than the rest of a pass. */
static void touch_due(struct service *service, struct instant now)
{
    struct instant wake = INSTANT_NEVER;
    if (!instant_passed(now, service->clusters_wake))
        return;
    for (size_t i = 0; i < service->cluster_count; i++) {
        struct cluster_work *work = &service->clusters[i];
        if (instant_passed(now, work->wake))
            touch(work); /* its next wake is told below */
        else
            wake = instant_min(wake, work->wake);
    }
    service->clusters_wake = wake;
}

/* Workers know nothing of each other but which partitions are theirs: each takes its share of what
 * the estate may end in a minute. */
static void share_estate(struct service *service)
{
    const struct partition *partition;
    uint32_t owned = 0;
    uint32_t limit = service->config->limits.ends_per_minute;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    owned += partition->owning;
    if (limit && owned)
        rate_set(&service->estate, (double)limit * owned / service->partition_count, 1);
    else if (!limit)
        rate_set(&service->estate, 0, 1);
}

void clusters_pass(struct service *service, struct instant now)
{
    share_estate(service);
    struct cluster_work *work;
    touch_due(service, now);
    while ((work = TAILQ_FIRST(&service->busy))) {
        TAILQ_REMOVE(&service->busy, work, of_busy);
        work->busy = false;
        expire(work, now);
        if (service->phase < SERVICE_CLOSING)
            start_jobs(work, now);
        work->wake = lane_wake(work->lane, now);
        service->clusters_wake = instant_min(service->clusters_wake, work->wake);
    }
}

struct instant clusters_next_wake(const struct service *service)
{
    return service->clusters_wake;
}

/* ---- life ---- */

static enum error_code cluster_create(struct service *service, size_t index, struct error *err)
{
    struct cluster_work *work = &service->clusters[index];
    work->service = service;
    work->config = &service->config->clusters[index];
    work->wake = INSTANT_NEVER;
    uint64_t seed;
    struct uuid random = uuid_random();
    memcpy(&seed, random.bytes, sizeof seed);
    work->lane = lane_create(limits_of(service, work->config, seed));
    crews_init(&work->crews, service, work);
    return crew_add(&work->crews, work->config, replied, err);
}

enum error_code clusters_create(struct service *service, struct error *err)
{
    TAILQ_INIT(&service->busy);
    service->cluster_count = service->config->cluster_count;
    service->clusters = mem_alloc(service->cluster_count, sizeof service->clusters[0]);
    service->clusters_by_name = mem_alloc(service->cluster_count, sizeof(struct cluster_work *));
    service->clusters_wake = INSTANT_NEVER;
    for (size_t i = 0; i < service->cluster_count; i++)
        if (cluster_create(service, i, err))
            return error_wrap(err, "cluster '%s'", service->config->clusters[i].name);
    for (size_t i = 0; i < service->cluster_count; i++)
        service->clusters_by_name[i] = &service->clusters[i];
    qsort(service->clusters_by_name, service->cluster_count, sizeof(struct cluster_work *),
          by_name);
    return ERR_OK;
}

void clusters_stop(struct service *service)
{
    struct instant now = clock_now(&service->clock);
    for (size_t i = 0; i < service->cluster_count; i++) {
        struct cluster_work *work = &service->clusters[i];
        struct lane_job job;
        while (work->lane && lane_expire(work->lane, INSTANT_NEVER, &job)) {
            struct error err;
            error_set(&err, ERR_STALE, "the worker stops");
            answer_unsent(service, (struct call *)(uintptr_t)job.request.tag, &err, now);
        }
        crews_stop(&work->crews);
    }
}

bool clusters_stopped(const struct service *service)
{
    for (size_t i = 0; i < service->cluster_count; i++)
        if (!TAILQ_EMPTY(&service->clusters[i].crews.all))
            return false;
    return true;
}

void clusters_destroy(struct service *service)
{
    for (size_t i = 0; i < service->cluster_count; i++) {
        crews_forget(&service->clusters[i].crews);
        lane_destroy(service->clusters[i].lane);
    }
    free(service->clusters);
    free(service->clusters_by_name);
    service->clusters = NULL;
    service->clusters_by_name = NULL;
    service->cluster_count = 0;
}

void clusters_reload(struct service *service)
{
    struct error err;
    for (size_t i = 0; i < service->cluster_count; i++) {
        struct cluster_work *work = &service->clusters[i];
        work->config = &service->config->clusters[i];
        lane_set_limits(work->lane, limits_of(service, work->config, (uint64_t)i + 1));
        lane_try_again(work->lane, clock_now(&service->clock));
        if (crew_add(&work->crews, work->config, replied, &err))
            log_line(LOG_LEVEL_ERROR, "the old connections of the cluster stay in use",
                     LOG_TEXT("cluster", work->config->name), LOG_TEXT("reason", err.message));
    }
}
