#include "service/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "cluster/handler/handler.h"
#include "service/partition.h"
#include "service/state.h"
#include "service/wake.h"
#include "service/work.h"

enum { HANDLERS_MAX = 64 /* programs at once: processes, and four descriptors each */ };

/* One run on its way. */
struct handler_call {
    TAILQ_ENTRY(handler_call) of_service;
    struct cluster_work *cluster;
    int32_t partition;
    uint64_t engine_serial; /* the answer of a partition that was given back is dropped */
    uint64_t tag;
    enum handler_mode mode;
    uint32_t targets;
    struct uuid command;
    struct instant started;
    struct handler_run *run;
};

/* ---- the engine's side ---- */

static struct engine *engine_of(struct service *service, int32_t id, uint64_t serial)
{
    struct partition *partition = partition_that_asked(service, id, serial);
    return partition ? partition->engine : NULL;
}

static void refuse(struct partition *partition, uint64_t tag, const struct error *why, bool sent,
                   struct instant now)
{
    struct engine_handled handled = {.tag = tag, .code = why->code, .sent = sent, .failure = why};
    engine_handled(partition->engine, &handled, now);
}

/* ---- the end of a run ---- */

static void tell_log(const struct handler_call *call, const struct handler_reply *reply,
                     struct instant now)
{
    log_line(reply->code ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
             reply->code ? "a handler failed" : "a handler has run",
             LOG_TEXT("command", uuid_format(&call->command).text),
             LOG_TEXT("cluster", call->cluster->config->name),
             LOG_TEXT("mode", handler_mode_label(call->mode)), log_number("targets", call->targets),
             log_number("duration_ms", instant_ms_between(call->started, now)),
             LOG_TEXT("reason", reply->code ? reply->error.message : ""));
}

static void count_run(struct service *service, const struct handler_call *call,
                      enum error_code code, struct instant now)
{
    const char *mode = handler_mode_label(call->mode);
    metrics_add(service->metrics, METRIC_handler_runs_total,
                LABELS(call->cluster->config->name, mode, error_label(code)), 1);
    metrics_observe(service->metrics, METRIC_handler_run_duration_seconds, LABELS(mode),
                    (double)(now.ns - call->started.ns) / 1e9);
}

static void forget(struct service *service, struct handler_call *call)
{
    TAILQ_REMOVE(&service->handler_calls, call, of_service);
    call->cluster->handlers--;
    service->handlers--;
    metrics_set(service->metrics, METRIC_handlers_running, NO_LABELS, service->handlers);
    handler_run_destroy(call->run);
    free(call);
    service_again(service);
}

static void ended(void *self, struct handler_reply *reply)
{
    struct handler_call *call = self;
    struct service *service = call->cluster->service;
    struct instant now = clock_now(&service->clock);
    struct engine *engine = engine_of(service, call->partition, call->engine_serial);
    struct engine_handled handled = {.tag = call->tag,
                                     .code = reply->code,
                                     .sent = true,
                                     .failure = &reply->error,
                                     .answer = &reply->answer};
    tell_log(call, reply, now);
    count_run(service, call, reply->code, now);
    if (engine)
        engine_handled(engine, &handled, now);
    forget(service, call);
}

/* ---- its beginning ---- */

static enum error_code find_place(const struct service *service, const struct cluster_work *work,
                                  const struct engine_action *action,
                                  const struct config_handler **ret, struct error *err)
{
    const struct handler_task *task = action->task;
    const struct config_handler *config =
        work ? config_handler_at(work->config, task->place) : NULL;
    if (!config)
        return error_set(err, ERR_CONFIG, "cluster '%s'%s%s%s has no handler any more",
                         action->cluster, task->place[0] ? ", infobase '" : "", task->place,
                         task->place[0] ? "'," : "");
    if (service->phase >= SERVICE_CLOSING)
        return error_set(err, ERR_FULL, "the worker stops");
    if (work->handlers >= work->config->handlers_at_once || service->handlers >= HANDLERS_MAX)
        return error_set(err, ERR_FULL, "cluster '%s' has no place for one more handler now",
                         action->cluster);
    *ret = config;
    return ERR_OK;
}

/* The last look before it runs: is the licence still ours? */
static enum error_code may_begin(struct partition *partition, const struct engine_action *action,
                                 struct error *err)
{
    struct instant now = clock_now(&partition->service->clock);
    if (partition->stage != PARTITION_RUNNING || instant_passed(now, action->send_by) ||
        !engine_allows(partition->engine, ENGINE_HANDLE, action->tag))
        return error_set(err, ERR_STALE, "the licence for the handler is not in force any more");
    return ERR_OK;
}

static enum error_code begin(struct partition *partition, const struct engine_action *action,
                             struct handler_call *call, struct error *err)
{
    struct service *service = partition->service;
    const struct config_handler *config = NULL;
    AUTO(handler_run) run = NULL;
    enum error_code code = find_place(service, call->cluster, action, &config, err);
    if (!code)
        code = handler_run_create(config, action->task, &run, err);
    if (!code)
        code = may_begin(partition, action, err);
    if (!code)
        code = handler_start(run, service->loop, service->clock, ended, call, err);
    if (!code)
        call->run = STEAL(run);
    return code;
}

void handler_call_start(struct partition *partition, const struct engine_action *action,
                        struct instant now)
{
    struct service *service = partition->service;
    struct handler_call *call = mem_new(struct handler_call);
    struct error err;
    *call = (struct handler_call){.cluster = cluster_work_find(service, action->cluster),
                                  .partition = partition->id,
                                  .engine_serial = partition->serial,
                                  .tag = action->tag,
                                  .mode = action->task->mode,
                                  .targets = action->task->count,
                                  .command = action->task->command->id,
                                  .started = now};
    if (begin(partition, action, call, &err)) {
        if (err.code != ERR_FULL && err.code != ERR_STALE)
            log_line(LOG_LEVEL_WARNING, "a handler cannot run",
                     LOG_TEXT("cluster", action->cluster), LOG_TEXT("reason", err.message));
        free(call);
        refuse(partition, action->tag, &err, err.code == ERR_IN_DOUBT, now);
        service_again(service);
        return;
    }
    TAILQ_INSERT_TAIL(&service->handler_calls, call, of_service);
    call->cluster->handlers++;
    service->handlers++;
    metrics_set(service->metrics, METRIC_handlers_running, NO_LABELS, service->handlers);
}

/* ---- while it runs ---- */

/* A cancel, the kill switch or the loss of the partition ends a program that is at work: what it
 * has not yet asked for is not asked for. */
void handlers_pass(struct service *service)
{
    struct handler_call *call;
    TAILQ_FOREACH(call, &service->handler_calls, of_service)
    {
        struct engine *engine = engine_of(service, call->partition, call->engine_serial);
        if (!engine || !engine_handler_goes_on(engine, call->tag))
            handler_cancel(call->run);
    }
}

void handlers_stop(struct service *service)
{
    struct handler_call *call;
    TAILQ_FOREACH(call, &service->handler_calls, of_service)
    handler_cancel(call->run);
}
