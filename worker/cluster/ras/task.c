/* What a request does on a connection, answer by answer. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "cluster/ras/choose.h"
#include "cluster/ras/ras_private.h"

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
    ras_wake(executor); /* the slot may serve the next one */
    executor->base.done(executor->base.self, reply);
}

void task_fail(struct ras_executor *executor, struct slot *slot, struct task *task,
               enum error_code code, const struct error *err)
{
    struct executor_reply reply = {.code = code, .error = *err};
    error_wrap(&reply.error, "cluster '%s'", executor->settings.name);
    task_end(executor, slot, task, &reply);
}

static void end_ok(struct slot *slot, struct executor_reply *reply)
{
    task_end(slot->executor, slot, slot->task, reply);
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

static void end_failed(struct slot *slot, const struct ras_answer *answer)
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
}

/* ---- infobases by name ---- */

static bool names_are_fresh(const struct ras_executor *executor)
{
    return executor->names.arena &&
           instant_before(now_of(executor), instant_add_ms(executor->names.read_at,
                                                           executor->settings.infobase_cache_ms));
}

static bool infobase_is_given(const struct task *task)
{
    return task->request.infobase && *task->request.infobase;
}

/* By UUID at once; by name out of what was read. */
static bool find_infobase(const struct ras_executor *executor, struct task *task)
{
    if (!infobase_is_given(task)) {
        task->infobase = task->request.lock ? task->request.lock->infobase : (struct uuid){{0}};
        return !uuid_is_nil(&task->infobase);
    }
    struct text wanted = text_of(task->request.infobase);
    if (uuid_read(wanted, &task->infobase, NULL) == ERR_OK)
        return true;
    const struct infobase_name *name = ras_names_by_name(&executor->names, wanted);
    if (name)
        task->infobase = name->uuid;
    return name;
}

/* Which of the configured infobase administrators? Their key is a name or a UUID, and so is what
 * the request names. */
static size_t login_of(const struct ras_executor *executor, const struct task *task)
{
    const struct infobase_name *name = ras_names_by_uuid(&executor->names, &task->infobase);
    for (size_t i = 0; i < executor->settings.infobase_count; i++) {
        struct text key = text_of(executor->settings.infobases[i].infobase);
        struct uuid uuid;
        if (uuid_read(key, &uuid, NULL) == ERR_OK && uuid_equal(&uuid, &task->infobase))
            return i;
        if (infobase_is_given(task) && text_same_name(key, text_of(task->request.infobase)))
            return i;
        if (name && text_same_name(key, text_of(name->name)))
            return i;
    }
    return RAS_LOGIN_NONE;
}

/* ---- questions ---- */

static void call(struct slot *slot, enum task_step step, enum ras_request number,
                 const void *record, struct instant deadline)
{
    bool of_infobase = ras_message_by_request((uint8_t)number)->needs == RAS_NEEDS_INFOBASE;
    slot->task->step = step;
    struct ras_call asked = {
        .number = number,
        .record = record,
        .cluster = slot->cluster,
        .login = of_infobase ? login_of(slot->executor, slot->task) : RAS_LOGIN_NONE,
        .allowed = slot->task->request.allowed,
        .tag = slot->task->request.tag,
        .send_by = slot->task->request.send_by,
        .deadline = deadline,
    };
    ras_conn_call(slot->conn, &asked);
}

static void ask(struct slot *slot, enum task_step step, enum ras_request number, const void *record)
{
    call(slot, step, number, record, slot->task->request.deadline);
}

void task_choose(struct slot *slot)
{
    const struct task *task = slot->task;
    if (task->chosen && task->chosen_at == slot->address) {
        slot->cluster = task->cluster;
        task_begin(slot);
        return;
    }
    call(slot, STEP_CLUSTERS, RAS_GET_CLUSTERS, NULL, slot->ready_by);
}

static void ask_names(struct slot *slot)
{
    struct ras_of_cluster record = {slot->cluster};
    slot->task->names_read = true;
    ask(slot, STEP_NAMES, RAS_GET_INFOBASES_SHORT, &record);
}

static void ask_of_infobase(struct slot *slot, enum task_step step, enum ras_request number)
{
    struct ras_of_infobase record = {slot->cluster, slot->task->infobase};
    ask(slot, step, number, &record);
}

static void ask_terminate(struct slot *slot, enum ras_request number)
{
    const struct executor_request *request = &slot->task->request;
    struct ras_terminate record = {
        .cluster = slot->cluster,
        .session = request->session,
        .message = request->message ? text_of(request->message) : (struct text){NULL, 0},
    };
    ask(slot, STEP_MAIN, number, &record);
}

static void ask_main(struct slot *slot)
{
    const struct executor_request *request = &slot->task->request;
    struct ras_of_cluster cluster = {slot->cluster};
    struct ras_of_session session = {slot->cluster, request->session};
    struct ras_disconnect connection = {slot->cluster, request->process, request->connection};
    switch (request->op) {
    case EXECUTOR_LIST:
        ask(slot, STEP_MAIN, RAS_GET_SESSIONS, &cluster);
        return;
    case EXECUTOR_INFO:
        ask(slot, STEP_MAIN, RAS_GET_SESSION_INFO, &session);
        return;
    case EXECUTOR_END:
        ask_terminate(slot, RAS_TERMINATE_SESSION);
        return;
    case EXECUTOR_INTERRUPT:
        ask_terminate(slot, RAS_INTERRUPT_SESSION);
        return;
    case EXECUTOR_INFOBASE_READ:
        ask_of_infobase(slot, STEP_MAIN, RAS_GET_INFOBASE_INFO);
        return;
    case EXECUTOR_INFOBASE_WRITE:
        ask_of_infobase(slot, STEP_RECORD, RAS_GET_INFOBASE_INFO);
        return;
    case EXECUTOR_CONNECTIONS:
        ask_of_infobase(slot, STEP_MAIN, RAS_GET_INFOBASE_CONNECTIONS);
        return;
    case EXECUTOR_DISCONNECT:
        ask(slot, STEP_MAIN, RAS_DISCONNECT, &connection);
        return;
    case EXECUTOR_PROCESSES:
        ask(slot, STEP_MAIN, RAS_GET_WORKING_PROCESSES, &cluster);
        return;
    }
}

/* Does the operation need the infobase's UUID first? */
static bool needs_infobase(const struct task *task)
{
    enum executor_op op = task->request.op;
    return op == EXECUTOR_INFOBASE_READ || op == EXECUTOR_INFOBASE_WRITE ||
           op == EXECUTOR_CONNECTIONS || (op == EXECUTOR_DISCONNECT && infobase_is_given(task));
}

void task_begin(struct slot *slot)
{
    struct task *task = slot->task;
    if (task->list) { /* of the connection before this one */
        ask_names(slot);
        return;
    }
    if (needs_infobase(task) &&
        (!names_are_fresh(slot->executor) || !find_infobase(slot->executor, task))) {
        if (!task->names_read) {
            ask_names(slot);
            return;
        }
        if (!find_infobase(slot->executor, task)) {
            struct error err;
            enum error_code code = error_set(
                &err, ERR_NOT_FOUND, "the cluster has no infobase '%s', or several of this name",
                infobase_is_given(task) ? task->request.infobase : "");
            task_fail(slot->executor, slot, task, code, &err);
            return;
        }
    }
    ask_main(slot);
}

/* ---- answers ---- */

static void drop_list(struct task *task)
{
    session_list_destroy(task->list);
    task->list = NULL;
}

/* What comes may need another connection, if this one ends here; what was got is kept. */
static void chosen(struct slot *slot)
{
    struct task *task = slot->task;
    if (task->chosen && !uuid_equal(&task->cluster, &slot->cluster))
        drop_list(task);
    task->chosen = true;
    task->chosen_at = slot->address;
    task->cluster = slot->cluster;
    task->restarted = false;
    task_begin(slot);
}

static void clusters_came(struct slot *slot, const struct ras_answer *answer)
{
    struct error err;
    enum error_code code =
        ras_choose_cluster(slot->executor->settings.cluster, answer->message, &slot->cluster, &err);
    if (!code) {
        chosen(slot);
        return;
    }
    if (code == ERR_NOT_FOUND && must_not_miss(slot->task))
        code = err.code = ERR_UNAVAILABLE;
    const struct ras_address *address = &slot->executor->settings.addresses[slot->address];
    error_wrap(&err, "RAS '%s:%u'", address->host, address->port);
    slot_drop(slot);
    task_fail(slot->executor, slot, slot->task, code, &err);
}

static void end_list(struct slot *slot)
{
    struct executor_reply reply = {0};
    struct task *task = slot->task;
    struct error err;
    enum error_code code = ERR_OK;
    if (task->names_read || names_are_fresh(slot->executor))
        code = ras_map_names(task->list, &slot->executor->names, &err);
    if (code) {
        task_fail(slot->executor, slot, task, code, &err);
        return;
    }
    reply.list = STEAL(task->list);
    end_ok(slot, &reply);
}

static void names_came(struct slot *slot, const struct ras_answer *answer)
{
    struct error err;
    enum error_code code =
        ras_names_take(&slot->executor->names, answer->message, answer->started, &err);
    slot->task->restarted = false;
    if (code)
        task_fail(slot->executor, slot, slot->task, code, &err);
    else if (slot->task->list)
        end_list(slot);
    else
        task_begin(slot);
}

static bool infobase_is_known(const struct ras_names *names, struct text wanted)
{
    struct uuid uuid;
    if (uuid_read(wanted, &uuid, NULL) == ERR_OK && ras_names_by_uuid(names, &uuid))
        return true;
    return ras_names_by_name(names, wanted);
}

/* Names are read after the sessions when they are old or do not cover what is needed. */
static bool names_are_due(const struct slot *slot)
{
    const struct task *task = slot->task;
    const struct ras_names *names = &slot->executor->names;
    return !names_are_fresh(slot->executor) || ras_map_names_missing(task->list, names) ||
           (infobase_is_given(task) && !infobase_is_known(names, text_of(task->request.infobase)));
}

static void sessions_came(struct slot *slot, const struct ras_answer *answer)
{
    struct task *task = slot->task;
    struct error err;
    enum error_code code = ras_map_sessions(answer->message, answer->version, &task->list, &err);
    if (code) {
        task_fail(slot->executor, slot, task, code, &err);
        return;
    }
    task->list->started = answer->started;
    task->list->finished = answer->finished;
    task->restarted = false;
    if (task->request.op == EXECUTOR_LIST && names_are_due(slot))
        ask_names(slot);
    else
        end_list(slot);
}

/* The record goes back whole, with the lock changed and nothing else: db_pwd as the mask that it
 * came as: "unchanged" (docs/ras-protocol.md 8.7). Written at the version it was read. */
static void record_came(struct slot *slot, const struct ras_answer *answer)
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
    if (code) {
        task_fail(slot->executor, slot, slot->task, code, &err);
        return;
    }
    if (request->expected && !infobase_lock_equal(stands, request->expected)) {
        error_set(&err, ERR_CONFLICT, "somebody changed the lock of infobase '%s' meanwhile",
                  request->infobase);
        task_fail(slot->executor, slot, slot->task, ERR_CONFLICT, &err);
        return;
    }
    ras_map_set_lock(slot->task->request.lock, &update.info);
    ask(slot, STEP_MAIN, RAS_UPDATE_INFOBASE, &update);
}

static void main_came(struct slot *slot, const struct ras_answer *answer)
{
    struct executor_reply reply = {.sent = executor_op_changes(slot->task->request.op)};
    struct error err;
    switch (slot->task->request.op) {
    case EXECUTOR_LIST:
    case EXECUTOR_INFO:
        sessions_came(slot, answer);
        return;
    case EXECUTOR_INFOBASE_READ:
        if (ras_map_lock(answer->message->records, &reply.lock, &err)) {
            task_fail(slot->executor, slot, slot->task, err.code, &err);
            return;
        }
        break;
    case EXECUTOR_CONNECTIONS:
        if (ras_map_connections(answer->message, &reply.connections, &err)) {
            task_fail(slot->executor, slot, slot->task, err.code, &err);
            return;
        }
        break;
    case EXECUTOR_END:
    case EXECUTOR_INFOBASE_WRITE:
    case EXECUTOR_DISCONNECT:
    case EXECUTOR_INTERRUPT:
    case EXECUTOR_PROCESSES:
        break;
    }
    end_ok(slot, &reply);
}

/* ---- failures ---- */

static void restart(struct slot *slot)
{
    struct task *task = slot->task;
    task->restarted = true;
    task->restarts++;
    task->names_read = false;
    task->tried = 0;
    slot_connect(slot);
}

/* The RAS serves another cluster by now: choose again. */
static void renew(struct slot *slot)
{
    struct task *task = slot->task;
    task->renewed = true;
    task->chosen = false;
    drop_list(task);
    slot_drop(slot);
    ras_names_release(&slot->executor->names);
    restart(slot);
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

static void call_failed(struct slot *slot, const struct ras_answer *answer)
{
    struct task *task = slot->task;
    bool unreachable = answer->lost && (answer->timed_out || answer->code == ERR_UNAVAILABLE);
    if (answer->lost)
        slot->conn = NULL;
    if (task->step == STEP_CLUSTERS && answer->lost) { /* this address is of no use now */
        slot_demote(slot);
        task->error = answer->error;
        task->code = answer->code;
        slot_connect(slot);
    } else if (may_restart(slot, answer)) {
        restart(slot);
    } else if (cluster_is_another(answer) && !task->renewed) {
        renew(slot);
    } else {
        if (unreachable)
            slot_demote(slot);
        if (task->step == STEP_CLUSTERS)
            slot_drop(slot); /* no cluster was chosen: of no use to the next task */
        if (answer->code == ERR_NOT_FOUND)
            ras_names_release(&slot->executor->names);
        end_failed(slot, answer);
    }
}

void task_answered(void *self, const struct ras_answer *answer)
{
    struct slot *slot = self;
    CHECK(slot->task);
    if (answer->code) {
        call_failed(slot, answer);
        return;
    }
    switch (slot->task->step) {
    case STEP_CLUSTERS:
        clusters_came(slot, answer);
        return;
    case STEP_NAMES:
        names_came(slot, answer);
        return;
    case STEP_RECORD:
        record_came(slot, answer);
        return;
    case STEP_MAIN:
        main_came(slot, answer);
        return;
    }
}
