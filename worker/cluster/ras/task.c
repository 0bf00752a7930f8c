/* What a request does on a connection, answer by answer. */
#include "cluster/ras/task.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "cluster/ras/ask.h"
#include "cluster/ras/choose.h"

static struct instant now_of(const struct ras_executor *executor)
{
    return clock_now(&executor->clock);
}

/* ---- the end of a task ---- */

void task_end(struct ras_executor *executor, struct slot *slot, struct task *task,
              struct executor_reply *reply)
{
    reply->op = task->request.op;
    reply->tag = task->request.tag;
    session_list_destroy(task->list);
    free(task);
    if (slot) {
        slot->task = NULL;
        slot->used_at = now_of(executor);
    }
    executor->base.done(executor->base.self, reply);
}

void task_fail(struct ras_executor *executor, struct slot *slot, struct task *task,
               enum error_code code, const struct error *err)
{
    struct executor_reply reply = {.code = code, .error = *err};
    error_wrap(&reply.error, "cluster '%s'", executor->settings.name);
    task_end(executor, slot, task, &reply);
}

static enum task_next end_ok(struct slot *slot, struct executor_reply *reply)
{
    task_end(slot->executor, slot, slot->task, reply);
    return TASK_ENDED;
}

static enum task_next fail(struct slot *slot, enum error_code code, const struct error *err)
{
    task_fail(slot->executor, slot, slot->task, code, err);
    return TASK_ENDED;
}

/* That the RAS serves no such cluster says nothing about the infobase: a lock of ours must not be
 * taken for gone with it. */
static bool must_not_miss(const struct task *task)
{
    return task->request.op == EXECUTOR_INFOBASE_READ ||
           task->request.op == EXECUTOR_INFOBASE_WRITE;
}

/* Only an answer can say so. What the endpoint named when it failed leaves open what became of the
 * request, and a change is never sent twice. */
static bool cluster_is_another(const struct ras_answer *answer)
{
    return !answer->lost &&
           text_equal(ras_class_name(text_of(answer->remote_class)), TEXT("ClusterNotFound"));
}

static enum task_next end_failed(struct slot *slot, const struct ras_answer *answer)
{
    struct executor_reply reply = {.code = answer->code, .error = answer->error};
    _Static_assert(sizeof reply.remote_class == sizeof answer->remote_class, "one size");
    memcpy(reply.remote_class, answer->remote_class, sizeof reply.remote_class);
    reply.sent = answer->sent && slot->task->step == STEP_MAIN &&
                 executor_op_changes(slot->task->request.op);
    if (must_not_miss(slot->task) && cluster_is_another(answer))
        reply.code = reply.error.code = ERR_UNAVAILABLE;
    error_wrap(&reply.error, "cluster '%s'", slot->executor->settings.name);
    task_end(slot->executor, slot, slot->task, &reply);
    return TASK_ENDED;
}

/* ---- infobases by name ---- */

static bool names_are_fresh(const struct ras_executor *executor)
{
    return ras_names_are_fresh(&executor->names, now_of(executor),
                               executor->settings.infobase_cache_ms);
}

/* Names are read after the sessions when they are old or do not cover what is needed. */
static bool names_are_due(const struct slot *slot)
{
    const struct task *task = slot->task;
    return !names_are_fresh(slot->executor) ||
           !ras_names_cover(&slot->executor->names, task->list, &task->request);
}

/* ---- questions ---- */

static enum task_next want_names(struct slot *slot)
{
    slot->task->names_read = true;
    ras_ask_names(slot);
    return TASK_ASKED;
}

static enum task_next no_such_infobase(struct slot *slot)
{
    struct error err;
    error_set(&err, ERR_NOT_FOUND, "the cluster has no infobase '%s', or several of this name",
              executor_names_infobase(&slot->task->request) ? slot->task->request.infobase : "");
    return fail(slot, ERR_NOT_FOUND, &err);
}

enum task_next task_begin(struct slot *slot)
{
    struct task *task = slot->task;
    if (task->list) /* of the connection before this one */
        return want_names(slot);
    if (ras_names_needed(&task->request)) {
        bool known = ras_names_find(&slot->executor->names, &task->request, &task->infobase);
        if (!task->names_read && (!known || !names_are_fresh(slot->executor)))
            return want_names(slot);
        if (!known)
            return no_such_infobase(slot);
    }
    ras_ask_main(slot);
    return TASK_ASKED;
}

enum task_next task_choose(struct slot *slot)
{
    const struct task *task = slot->task;
    if (task->chosen && task->chosen_at == slot->address) {
        slot->cluster = task->cluster;
        return task_begin(slot);
    }
    ras_ask_clusters(slot);
    return TASK_ASKED;
}

/* ---- answers ---- */

static void drop_list(struct task *task)
{
    session_list_destroy(task->list);
    task->list = NULL;
}

/* What comes may need another connection, if this one ends here; what was got is kept. */
static enum task_next chosen(struct slot *slot)
{
    struct task *task = slot->task;
    if (task->chosen && !uuid_equal(&task->cluster, &slot->cluster))
        drop_list(task);
    task->chosen = true;
    task->chosen_at = slot->address;
    task->cluster = slot->cluster;
    task->restarted = false;
    return task_begin(slot);
}

static enum task_next clusters_came(struct slot *slot, const struct ras_answer *answer)
{
    struct error err;
    enum error_code code =
        ras_choose_cluster(slot->executor->settings.cluster, answer->message, &slot->cluster, &err);
    if (!code)
        return chosen(slot);
    if (code == ERR_NOT_FOUND && must_not_miss(slot->task))
        code = err.code = ERR_UNAVAILABLE;
    const struct ras_address *address = &slot->executor->settings.addresses[slot->address];
    error_wrap(&err, "RAS '%s:%u'", address->host, address->port);
    slot_drop(slot);
    return fail(slot, code, &err);
}

static enum task_next end_list(struct slot *slot)
{
    struct executor_reply reply = {0};
    struct task *task = slot->task;
    struct error err;
    enum error_code code = ERR_OK;
    if (task->names_read || names_are_fresh(slot->executor))
        code = ras_map_names(task->list, &slot->executor->names, &err);
    if (code)
        return fail(slot, code, &err);
    reply.list = STEAL(task->list);
    return end_ok(slot, &reply);
}

static enum task_next names_came(struct slot *slot, const struct ras_answer *answer)
{
    struct error err;
    enum error_code code =
        ras_names_take(&slot->executor->names, answer->message, answer->started, &err);
    slot->task->restarted = false;
    if (code)
        return fail(slot, code, &err);
    return slot->task->list ? end_list(slot) : task_begin(slot);
}

static enum task_next sessions_came(struct slot *slot, const struct ras_answer *answer)
{
    struct task *task = slot->task;
    struct error err;
    enum error_code code = ras_map_sessions(answer->message, answer->version, &task->list, &err);
    if (code)
        return fail(slot, code, &err);
    task->list->started = answer->started;
    task->list->finished = answer->finished;
    task->restarted = false;
    bool more = task->request.op == EXECUTOR_LIST && names_are_due(slot);
    return more ? want_names(slot) : end_list(slot);
}

/* The record goes back whole, with the lock changed and nothing else: db_pwd as the mask that it
 * came as: "unchanged" (docs/ras-protocol.md 8.7). Written at the version it was read. */
static enum task_next record_came(struct slot *slot, const struct ras_answer *answer)
{
    struct ras_infobase_update update = {
        .cluster = slot->cluster,
        .info = *(const struct ras_infobase *)answer->message->records,
    };
    const struct executor_request *request = &slot->task->request;
    CHECK(request->lock);
    AUTO(infobase_lock) stands = NULL;
    struct error err;
    enum error_code code = ras_map_lock(&update.info, &stands, &err);
    if (!code && request->expected && !infobase_lock_equal(stands, request->expected))
        code = error_set(&err, ERR_CONFLICT, "somebody changed the lock of infobase '%s' meanwhile",
                         request->infobase);
    if (code)
        return fail(slot, code, &err);
    ras_map_set_lock(request->lock, &update.info);
    ras_ask_update(slot, &update);
    return TASK_ASKED;
}

static enum task_next main_came(struct slot *slot, const struct ras_answer *answer)
{
    enum executor_op op = slot->task->request.op;
    struct executor_reply reply = {.sent = executor_op_changes(op)};
    enum error_code code = ERR_OK;
    struct error err;
    if (op == EXECUTOR_LIST || op == EXECUTOR_INFO)
        return sessions_came(slot, answer);
    if (op == EXECUTOR_INFOBASE_READ)
        code = ras_map_lock(answer->message->records, &reply.lock, &err);
    else if (op == EXECUTOR_CONNECTIONS)
        code = ras_map_connections(answer->message, &reply.connections, &err);
    return code ? fail(slot, code, &err) : end_ok(slot, &reply);
}

/* ---- failures ---- */

static enum task_next restart(struct slot *slot)
{
    struct task *task = slot->task;
    task->restarted = true;
    task->restarts++;
    task->names_read = false;
    task->tried = 0;
    return TASK_MOVES;
}

/* The RAS serves another cluster by now: choose again. */
static enum task_next renew(struct slot *slot)
{
    struct task *task = slot->task;
    task->renewed = true;
    task->chosen = false;
    drop_list(task);
    slot_drop(slot);
    ras_names_release(&slot->executor->names);
    return restart(slot);
}

/* A connection out of the pool can have died unseen, and a RAS may hang up behind each answer.
 * Nothing was heard of the request: what only reads is asked again, and so is a change of which no
 * byte left. */
static bool may_restart(const struct slot *slot, const struct ras_answer *answer)
{
    const struct task *task = slot->task;
    bool changing = executor_op_changes(task->request.op) && task->step == STEP_MAIN;
    return answer->lost && answer->silent && !answer->timed_out && !task->restarted &&
           task->restarts < TASK_RESTARTS_MAX && !(changing && answer->sent) &&
           !slot->executor->stopping &&
           !instant_passed(now_of(slot->executor), task->request.deadline);
}

static enum task_next call_failed(struct slot *slot, const struct ras_answer *answer)
{
    struct task *task = slot->task;
    struct ras_reach *reach = &slot->executor->reach;
    bool unreachable = answer->lost && (answer->timed_out || answer->code == ERR_UNAVAILABLE);
    if (answer->lost)
        slot->conn = NULL;
    if (task->step == STEP_CLUSTERS && answer->lost) { /* this address is of no use now */
        ras_reach_demote(reach, slot->address);
        task->error = answer->error;
        task->code = answer->code;
        return TASK_MOVES;
    }
    if (may_restart(slot, answer))
        return restart(slot);
    if (cluster_is_another(answer) && !task->renewed)
        return renew(slot);
    if (unreachable)
        ras_reach_demote(reach, slot->address);
    if (task->step == STEP_CLUSTERS)
        slot_drop(slot); /* no cluster was chosen: of no use to the next task */
    if (answer->code == ERR_NOT_FOUND)
        ras_names_release(&slot->executor->names);
    return end_failed(slot, answer);
}

enum task_next task_answered(struct slot *slot, const struct ras_answer *answer)
{
    CHECK(slot->task);
    if (answer->code)
        return call_failed(slot, answer);
    switch (slot->task->step) {
    case STEP_CLUSTERS:
        return clusters_came(slot, answer);
    case STEP_NAMES:
        return names_came(slot, answer);
    case STEP_RECORD:
        return record_came(slot, answer);
    case STEP_MAIN:
        break;
    }
    return main_came(slot, answer);
}
