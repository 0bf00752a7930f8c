/* Who is next, and its process. */
#include "cluster/rac/queue.h"

#include "base/check.h"
#include "base/mem.h"
#include "cluster/rac/arguments.h"
#include "cluster/rac/task.h"
#include "cluster/timer.h"

static struct instant now_of(const struct rac_executor *executor)
{
    return clock_now(&executor->clock);
}

/* ---- one process ---- */

static void on_ended(void *self, const struct process_result *result);

/* Reading gives up an address in time for the others. */
static struct instant attempt_until(const struct rac_task *task)
{
    const struct rac_executor *executor = task->executor;
    struct instant deadline = task->request.deadline;
    size_t left = 1;
    if (rac_is_change(task) || task->step == RAC_STEP_VERSION || deadline.ns == INT64_MAX)
        return deadline;
    for (size_t i = 0; i < executor->settings.address_count; i++)
        left += !(task->tried & 1u << i);
    struct instant now = now_of(executor);
    return instant_add_ms(now, instant_ms_between(now, deadline) / (int64_t)left);
}

static enum error_code start_process(struct rac_task *task, struct error *err)
{
    struct rac_executor *executor = task->executor;
    struct rac_arguments arguments;
    enum error_code code = rac_arguments_of(task, &arguments, err);
    if (code)
        return code;
    const struct process_spec spec = {
        .program = executor->settings.program,
        .arguments = (const char *const *)arguments.items,
        .environment = (const char *const *)executor->environment,
        .output_max = RAC_OUTPUT_BYTES,
        .errors_max = RAC_ERRORS_BYTES,
        .deadline = attempt_until(task),
        .grace_ms = RAC_KILL_AFTER_MS,
    };
    task->started = now_of(executor);
    code =
        process_start(executor->loop, executor->clock, &spec, on_ended, task, &task->process, err);
    rac_arguments_release(&arguments);
    return code == ERR_SYSTEM ? ERR_UNAVAILABLE : code;
}

/* The last look before anything can leave. */
static enum error_code may_change(const struct rac_task *task, struct error *err)
{
    const struct executor_request *request = &task->request;
    if (!rac_is_change(task))
        return ERR_OK;
    if (instant_passed(now_of(task->executor), request->send_by))
        return error_set(err, ERR_STALE, "the time to send it is over, nothing was sent");
    if (request->allowed && !request->allowed(request->tag))
        return error_set(err, ERR_STALE, "it may not be sent any more, nothing was sent");
    return ERR_OK;
}

static void run(struct rac_task *task)
{
    struct rac_executor *executor = task->executor;
    struct error err;
    enum error_code code = may_change(task, &err);
    if (!code)
        code = start_process(task, &err);
    if (code) {
        rac_task_fail(task, code, false, &err);
        return;
    }
    TAILQ_REMOVE(&executor->queue, task, link);
    TAILQ_INSERT_TAIL(&executor->running, task, link);
    executor->running_count++;
    if (rac_is_preparing(task->step))
        executor->preparing = task;
}

/* ---- the queue ---- */

static void fail_queued(struct rac_task *task, struct instant now)
{
    struct error err;
    if (task->executor->stopping)
        error_set(&err, ERR_UNAVAILABLE, "the worker stops");
    else if (instant_passed(now, task->request.deadline))
        error_set(&err, ERR_UNAVAILABLE, "its time was over before rac was asked");
    else
        error_set(&err, ERR_STALE, "the time to send it is over, nothing was sent");
    rac_task_fail(task, err.code, false, &err);
}

/* A reply can change the queue: after each, the look begins anew. */
static bool expire_one(struct rac_executor *executor, struct instant now)
{
    struct rac_task *task;
    TAILQ_FOREACH(task, &executor->queue, link)
    {
        if (!executor->stopping && !instant_passed(now, executor_request_until(&task->request)))
            continue;
        fail_queued(task, now);
        return true;
    }
    return false;
}

/* The first one that does not wait for others; the same holds. */
static bool go_on_with_one(struct rac_executor *executor)
{
    struct rac_task *task;
    TAILQ_FOREACH(task, &executor->queue, link)
    {
        enum rac_next next = rac_task_next(task);
        if (next == RAC_WAITS)
            continue;
        if (next == RAC_RUNS)
            run(task);
        return true;
    }
    return false;
}

static struct instant next_wake(const struct rac_executor *executor)
{
    struct instant at = INSTANT_NEVER;
    const struct rac_task *task;
    TAILQ_FOREACH(task, &executor->queue, link)
    at = instant_min(at, executor_request_until(&task->request));
    return at;
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct rac_executor *executor = handle->data;
    executor->stopped(executor->stopped_self);
}

static void on_wake(uv_timer_t *timer)
{
    struct rac_executor *executor = timer->data;
    struct instant now = now_of(executor);
    while (expire_one(executor, now))
        continue;
    while (!executor->stopping && go_on_with_one(executor))
        continue;
    if (executor->stopping) {
        if (TAILQ_EMPTY(&executor->queue) && !executor->running_count &&
            !uv_is_closing((uv_handle_t *)timer))
            uv_close((uv_handle_t *)timer, on_wake_closed);
        return;
    }
    struct instant at = next_wake(executor);
    if (at.ns == INT64_MAX || uv_is_active((uv_handle_t *)timer))
        return; /* woken by a reply: it looks again at once */
    timer_until(timer, on_wake, now, at);
}

static void wake(struct rac_executor *executor)
{
    if (!uv_is_closing((uv_handle_t *)&executor->wake))
        uv_timer_start(&executor->wake, on_wake, 0, 0);
}

static void on_ended(void *self, const struct process_result *result)
{
    struct rac_task *task = self;
    struct rac_executor *executor = task->executor;
    task->process = NULL;
    TAILQ_REMOVE(&executor->running, task, link);
    TAILQ_INSERT_HEAD(&executor->queue, task, link);
    executor->running_count--;
    if (executor->preparing == task)
        executor->preparing = NULL;
    rac_task_ran(task, result);
    wake(executor);
}

void rac_queue_put(struct rac_executor *executor, const struct executor_request *request)
{
    CHECK(!uv_is_closing((uv_handle_t *)&executor->wake)); /* not after the last reply of a stop */
    struct rac_task *task = mem_new(struct rac_task);
    task->executor = executor;
    task->request = *request;
    TAILQ_INSERT_TAIL(&executor->queue, task, link);
    wake(executor);
}

void rac_queue_stop(struct rac_executor *executor)
{
    CHECK(executor->stopping);
    struct rac_task *task;
    TAILQ_FOREACH(task, &executor->running, link)
    process_cancel(task->process);
    wake(executor);
}

void rac_queue_init(struct rac_executor *executor)
{
    TAILQ_INIT(&executor->queue);
    TAILQ_INIT(&executor->running);
    CHECK(uv_timer_init(executor->loop, &executor->wake) == 0);
    executor->wake.data = executor;
}
