/* What a request does, process by process. */
#include "cluster/rac/task.h"

#include "base/check.h"
#include "base/mem.h"
#include "cluster/rac/answer.h"
#include "cluster/rac/arguments.h"
#include "cluster/rac/take.h"

static struct instant now_of(const struct rac_task *task)
{
    return clock_now(&task->executor->clock);
}

/* ---- the end of a task ---- */

/* Replies and frees; takes what the reply owns. */
static void end(struct rac_task *task, struct executor_reply *reply)
{
    struct rac_executor *executor = task->executor;
    CHECK(!task->process);
    TAILQ_REMOVE(&executor->queue, task, link);
    reply->op = task->request.op;
    reply->tag = task->request.tag;
    session_list_destroy(task->list);
    infobase_lock_destroy(task->found);
    free(task);
    executor->base.done(executor->base.self, reply);
}

void rac_task_fail(struct rac_task *task, enum error_code code, bool sent, const struct error *err)
{
    struct executor_reply reply = {.code = code, .sent = sent, .error = *err};
    reply.error.code = code;
    error_wrap(&reply.error, "cluster '%s'", task->executor->settings.name);
    end(task, &reply);
}

static void end_ok(struct rac_task *task, struct executor_reply *reply)
{
    reply->sent = rac_is_change(task);
    end(task, reply);
}

/* ---- infobases by name ---- */

static bool names_are_fresh(const struct rac_task *task)
{
    const struct rac_executor *executor = task->executor;
    return ras_names_are_fresh(&executor->names, now_of(task),
                               executor->settings.infobase_cache_ms);
}

static bool find_infobase(struct rac_task *task)
{
    return ras_names_find(&task->executor->names, &task->request, &task->infobase);
}

/* Names are read after the sessions when they are old or do not cover what is needed. */
static bool names_are_due(const struct rac_task *task)
{
    return task->request.op == EXECUTOR_LIST && !task->names_read &&
           (!names_are_fresh(task) ||
            !ras_names_cover(&task->executor->names, task->list, &task->request));
}

/* ---- which step is next ---- */

/* A UUID needs no list: rac asks for it on every command line. */
static bool cluster_is_known(struct rac_task *task)
{
    struct rac_executor *executor = task->executor;
    struct rac_cluster *cluster = &executor->clusters[task->address];
    const char *wanted = executor->settings.cluster;
    if (wanted && !uuid_read(text_of(wanted), &cluster->uuid, NULL)) {
        cluster->known = true;
        return true;
    }
    return cluster->known &&
           instant_before(now_of(task),
                          instant_add_ms(cluster->read_at, executor->settings.infobase_cache_ms));
}

/* False: there is no next one, the list is whole. */
static bool next_step(struct rac_task *task, enum rac_step *ret)
{
    struct rac_executor *executor = task->executor;
    if (task->list && !names_are_due(task))
        return false;
    if (!executor->version.number)
        *ret = RAC_STEP_VERSION;
    else if (!cluster_is_known(task))
        *ret = RAC_STEP_CLUSTERS;
    else if (task->list || (ras_names_needed(&task->request) && !task->names_read &&
                            (!names_are_fresh(task) || !find_infobase(task))))
        *ret = RAC_STEP_NAMES;
    else if (task->request.op == EXECUTOR_INFOBASE_WRITE && !task->found)
        *ret = RAC_STEP_RECORD;
    else
        *ret = RAC_STEP_MAIN;
    return true;
}

/* ---- what is done next ---- */

static void end_list(struct rac_task *task)
{
    struct executor_reply reply = {0};
    struct error err;
    enum error_code code = ERR_OK;
    if (task->names_read || names_are_fresh(task))
        code = ras_map_names(task->list, &task->executor->names, &err);
    if (code) {
        rac_task_fail(task, code, false, &err);
        return;
    }
    reply.list = STEAL(task->list);
    end_ok(task, &reply);
}

static bool choose_address(struct rac_task *task)
{
    return ras_reach_next(&task->executor->reach, task->tried, &task->address);
}

static void no_such_infobase(struct rac_task *task)
{
    struct error err;
    error_set(&err, ERR_NOT_FOUND, "the cluster has no infobase '%s', or several of this name",
              executor_names_infobase(&task->request) ? task->request.infobase : "");
    rac_task_fail(task, ERR_NOT_FOUND, false, &err);
}

enum rac_next rac_task_next(struct rac_task *task)
{
    struct rac_executor *executor = task->executor;
    enum rac_step step;
    if (!(task->tried & 1u << task->address) && choose_address(task))
        task->tried |= 1u << task->address;
    if (!next_step(task, &step)) {
        end_list(task);
        return RAC_ENDED;
    }
    if (executor->running_count == RAC_PROCESSES_MAX ||
        (rac_is_preparing(step) && executor->preparing))
        return RAC_WAITS;
    task->step = step;
    if (step >= RAC_STEP_RECORD && ras_names_needed(&task->request) && !find_infobase(task)) {
        no_such_infobase(task);
        return RAC_ENDED;
    }
    if (step == RAC_STEP_MAIN && task->found && !rac_lock_differs(task)) {
        struct executor_reply reply = {0};
        end(task, &reply); /* it is as wanted: nothing is sent */
        return RAC_ENDED;
    }
    return RAC_RUNS;
}

/* ---- failures ---- */

/* What was prepared for all has failed: it is the answer to all who wait for it. */
static void fail_waiting(struct rac_executor *executor, enum error_code code,
                         const struct error *err)
{
    struct rac_tasks waiting = TAILQ_HEAD_INITIALIZER(waiting);
    struct rac_task *task;
    TAILQ_CONCAT(&waiting, &executor->queue, link);
    while ((task = TAILQ_FIRST(&waiting))) {
        enum rac_step step;
        TAILQ_REMOVE(&waiting, task, link);
        TAILQ_INSERT_TAIL(&executor->queue, task, link);
        if (next_step(task, &step) && rac_is_preparing(step))
            rac_task_fail(task, code, false, err);
    }
}

/* Another cluster may have taken its place, or another program rac's. */
static bool renew(struct rac_task *task, enum error_code code)
{
    struct rac_executor *executor = task->executor;
    if (code == ERR_CONFIG)
        executor->version = executor->settings.version;
    if (code != ERR_NOT_FOUND || task->step == RAC_STEP_CLUSTERS)
        return false;
    executor->clusters[task->address].known = false;
    ras_names_release(&executor->names);
    if (task->cluster_renewed || rac_is_change(task))
        return false;
    task->cluster_renewed = true;
    task->names_read = false;
    return true;
}

static bool try_another(struct rac_task *task, enum error_code code)
{
    if (code != ERR_UNAVAILABLE || task->step == RAC_STEP_VERSION)
        return false;
    ras_reach_demote(&task->executor->reach, task->address);
    if (rac_is_change(task) || task->executor->stopping ||
        instant_passed(now_of(task), task->request.deadline) || !choose_address(task))
        return false;
    task->tried |= 1u << task->address;
    task->names_read = false;
    session_list_destroy(STEAL(task->list));
    infobase_lock_destroy(STEAL(task->found));
    return true;
}

static enum error_code code_of_change(enum error_code code)
{
    bool open = code == ERR_UNAVAILABLE || code == ERR_PROTOCOL || code == ERR_TOO_LARGE;
    return open ? ERR_IN_DOUBT : code;
}

static void step_failed(struct rac_task *task, enum error_code code, struct error *err)
{
    struct rac_executor *executor = task->executor;
    const struct ras_address *address = &executor->settings.addresses[task->address];
    bool change = rac_is_change(task);
    bool prepared = rac_is_preparing(task->step);
    if (try_another(task, code) || renew(task, code))
        return;
    if (task->step != RAC_STEP_VERSION)
        error_wrap(err, "RAS '%s:%u'", address->host, address->port);
    rac_task_fail(task, change ? code_of_change(code) : code, change, err);
    if (prepared)
        fail_waiting(executor, code, err);
}

void rac_task_ran(struct rac_task *task, const struct process_result *result)
{
    struct executor_reply reply = {0};
    struct error err;
    AUTO(arena) arena = arena_create(RAC_ARENA_BYTES);
    struct text text;
    enum error_code code = rac_answer_read(task, result, arena, &text, &err);
    if (!code)
        code = rac_take(task, text, arena, &reply, &err);
    if (code)
        step_failed(task, code, &err);
    else if (task->step == RAC_STEP_MAIN && !task->list)
        end_ok(task, &reply);
}
