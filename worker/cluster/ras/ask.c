/* What is asked. */
#include "cluster/ras/ask.h"

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
        if (executor_names_infobase(&task->request) &&
            text_same_name(key, text_of(task->request.infobase)))
            return i;
        if (name && text_same_name(key, text_of(name->name)))
            return i;
    }
    return RAS_LOGIN_NONE;
}

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

void ras_ask_clusters(struct slot *slot)
{
    call(slot, STEP_CLUSTERS, RAS_GET_CLUSTERS, NULL, slot->ready_by);
}

void ras_ask_names(struct slot *slot)
{
    struct ras_of_cluster record = {slot->cluster};
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

void ras_ask_main(struct slot *slot)
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

void ras_ask_update(struct slot *slot, const struct ras_infobase_update *update)
{
    ask(slot, STEP_MAIN, RAS_UPDATE_INFOBASE, update);
}
