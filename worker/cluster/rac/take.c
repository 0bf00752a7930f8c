/* What a step's output means. */
#include "cluster/rac/take.h"

#include "cluster/rac/record.h"
#include "cluster/ras/choose.h"

static enum error_code version_came(struct rac_task *task, struct text text, struct error *err)
{
    if (rac_version_read(text, &task->executor->version, NULL))
        return error_set(
            err, ERR_CONFIG,
            "'%s --version' does not tell a version: is it the rac of the platform? If "
            "so, set clusters[].rac.version",
            task->executor->settings.program);
    return ERR_OK;
}

static enum error_code clusters_came(struct rac_task *task, const struct ras_message *message,
                                     struct error *err)
{
    struct rac_executor *executor = task->executor;
    struct rac_cluster cluster = {.known = true, .read_at = task->started};
    enum error_code code =
        ras_choose_cluster(executor->settings.cluster, message, &cluster.uuid, err);
    bool about_infobase =
        task->request.op == EXECUTOR_INFOBASE_READ || task->request.op == EXECUTOR_INFOBASE_WRITE;
    if (!code)
        executor->clusters[task->address] = cluster;
    else if (code == ERR_NOT_FOUND && about_infobase) /* that says nothing about the infobase */
        code = err->code = ERR_UNAVAILABLE;
    return code;
}

static enum error_code names_came(struct rac_task *task, const struct ras_message *message,
                                  struct error *err)
{
    task->names_read = true;
    return ras_names_take(&task->executor->names, message, task->started, err);
}

static enum error_code one_record(const struct ras_message *message, struct error *err)
{
    if (message->count == 1)
        return ERR_OK;
    return error_set(err, ERR_PROTOCOL, "rac prints %u records where one was asked for",
                     message->count);
}

static enum error_code sessions_came(struct rac_task *task, const struct ras_message *message,
                                     uint64_t found, struct error *err)
{
    bool info = task->request.op == EXECUTOR_INFO;
    enum error_code code = info ? one_record(message, err) : ERR_OK;
    if (!code)
        code = ras_map_sessions(message, RAS_VERSION_MAX, &task->list, err);
    if (code)
        return code;
    if (info && !uuid_equal(&task->list->sessions[0].uuid, &task->request.session))
        return error_set(err, ERR_PROTOCOL, "rac prints another session than was asked for");
    for (size_t i = 0; i < task->list->count; i++)
        task->list->sessions[i].reported = rac_sessions_reported(found);
    task->list->started = task->started;
    task->list->finished = clock_now(&task->executor->clock);
    return ERR_OK;
}

static enum error_code lock_came(struct rac_task *task, const struct ras_infobase *record,
                                 struct error *err)
{
    const struct infobase_lock *expected = task->request.expected;
    enum error_code code = ras_map_lock(record, &task->found, err);
    if (code)
        return code;
    if (!expected || infobase_lock_equal(task->found, expected))
        return ERR_OK;
    return error_set(err, ERR_CONFLICT, "somebody changed the lock of infobase '%s' meanwhile",
                     task->request.infobase ? task->request.infobase : "");
}

static enum error_code processes_came(const struct rac_output *output, struct error *err)
{
    for (size_t i = 0; i < output->count; i++)
        if (!rac_block_find(&output->blocks[i], TEXT("process")))
            return error_set(err, ERR_PROTOCOL, "rac's output, block %zu has no key 'process'",
                             i + 1);
    return ERR_OK;
}

/* What is read of the answer to a step, by its records. */
static enum rac_record record_of(const struct rac_task *task)
{
    if (task->step == RAC_STEP_CLUSTERS)
        return RAC_CLUSTERS;
    if (task->step == RAC_STEP_NAMES)
        return RAC_NAMES;
    if (task->request.op == EXECUTOR_CONNECTIONS)
        return RAC_CONNECTIONS;
    return task->request.op == EXECUTOR_LIST || task->request.op == EXECUTOR_INFO ? RAC_SESSIONS
                                                                                  : RAC_INFOBASE;
}

static enum error_code records_came(struct rac_task *task, const struct rac_output *output,
                                    struct arena *arena, struct executor_reply *reply,
                                    struct error *err)
{
    struct ras_message message;
    uint64_t found;
    enum rac_record kind = record_of(task);
    enum error_code code = rac_records_read(output, kind, arena, &message, &found, err);
    if (code)
        return code;
    switch (kind) {
    case RAC_CLUSTERS:
        return clusters_came(task, &message, err);
    case RAC_NAMES:
        return names_came(task, &message, err);
    case RAC_SESSIONS:
        return sessions_came(task, &message, found, err);
    case RAC_CONNECTIONS:
        return ras_map_connections(&message, &reply->connections, err);
    case RAC_INFOBASE:
        code = one_record(&message, err);
        if (!code && task->step == RAC_STEP_RECORD)
            return lock_came(task, message.records, err);
        else if (!code)
            code = ras_map_lock(message.records, &reply->lock, err);
        return code;
    }
    return ERR_OK;
}

enum error_code rac_take(struct rac_task *task, struct text text, struct arena *arena,
                         struct executor_reply *reply, struct error *err)
{
    struct rac_output output;
    if (task->step == RAC_STEP_VERSION)
        return version_came(task, text, err);
    if (rac_is_change(task)) /* it prints nothing, and that proves nothing */
        return ERR_OK;
    enum error_code code = rac_output_read(text, arena, &output, err);
    if (code)
        return code;
    if (task->step == RAC_STEP_MAIN && task->request.op == EXECUTOR_PROCESSES)
        return processes_came(&output, err);
    return records_came(task, &output, arena, reply, err);
}
