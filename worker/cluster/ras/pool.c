/* Who is next, and on which connection. */
#include "cluster/ras/pool.h"

#include "base/check.h"
#include "base/mem.h"
#include "cluster/ras/task.h"
#include "cluster/timer.h"

enum { ROOM_MS = 10000 }; /* after this one more connection is tried again */

static struct instant now_of(const struct ras_executor *executor)
{
    return clock_now(&executor->clock);
}

static void on_wake(uv_timer_t *timer);

static void wake(struct ras_executor *executor)
{
    if (!uv_is_closing((uv_handle_t *)&executor->wake))
        uv_timer_start(&executor->wake, on_wake, 0, 0);
}

/* ---- connections ---- */

static void lost(void *self)
{
    struct slot *slot = self;
    CHECK(!slot->task);
    slot->conn = NULL;
    wake(slot->executor);
}

static void tell_stopped(struct ras_executor *executor)
{
    if (executor->wake_closed && executor->open_connections == 0)
        executor->stopped(executor->stopped_self);
}

static void conn_closed(void *self)
{
    struct ras_executor *executor = self;
    executor->open_connections--;
    if (executor->stopping)
        tell_stopped(executor);
}

static unsigned open_slots(const struct ras_executor *executor)
{
    unsigned count = 0;
    for (unsigned i = 0; i < RAS_CONNECTIONS_MAX; i++)
        count += executor->slots[i].conn && ras_conn_version(executor->slots[i].conn);
    return count;
}

/* No connection more, but there are others that live: the task waits for one of them. */
static bool wait_for_another(struct slot *slot)
{
    struct ras_executor *executor = slot->executor;
    struct task *task = slot->task;
    unsigned open = open_slots(executor);
    struct instant now = now_of(executor);
    if (!open || executor->stopping || task->list ||
        instant_passed(now, executor_request_until(&task->request)))
        return false;
    executor->room = open;
    executor->room_until = instant_add_ms(now, ROOM_MS);
    slot->task = NULL;
    task->tried = 0;
    task->code = ERR_OK;
    task->next = executor->queue;
    executor->queue = task;
    wake(executor);
    return true;
}

static void out_of_addresses(struct slot *slot)
{
    struct task *task = slot->task;
    if (task->code == ERR_UNAVAILABLE && wait_for_another(slot))
        return;
    if (!task->code)
        task->code = error_set(&task->error, ERR_UNAVAILABLE, "the time for it is over");
    /* Whatever went wrong on the way, nothing of the request itself left. */
    task_fail(slot->executor, slot, task, task->code, &task->error);
    wake(slot->executor);
}

static void opened(void *self, enum error_code code, const struct error *err);
static void answered(void *self, const struct ras_answer *answer);

static struct ras_conn *connect_to(struct slot *slot, size_t address)
{
    struct ras_executor *executor = slot->executor;
    const struct ras_settings *settings = &executor->settings;
    const struct ras_conn_config config = {
        .host = settings->addresses[address].host,
        .port = settings->addresses[address].port,
        .version_first = executor->version_left[address] ? executor->version_left[address]
                                                         : settings->version_first,
        .cluster = settings->admin,
        .infobases = executor->reach.logins + 1, /* the first is the administrator's */
        .infobase_count = settings->infobase_count,
        .clock = executor->clock,
    };
    const struct ras_conn_owner owner = {
        .opened = opened,
        .answered = answered,
        .lost = lost,
        .self = slot,
        .closed = conn_closed,
        .closed_self = executor,
    };
    executor->open_connections++;
    return ras_conn_create(executor->loop, &config, &owner, slot->ready_by);
}

/* Connects the slot's task to the next address that it has not tried, or ends it. */
static void connect_next(struct slot *slot)
{
    struct ras_executor *executor = slot->executor;
    struct instant now = now_of(executor);
    size_t address;
    CHECK(!slot->conn);
    if (executor->stopping || instant_passed(now, slot->task->request.deadline) ||
        !ras_reach_next(&executor->reach, slot->task->tried, &address)) {
        out_of_addresses(slot);
        return;
    }
    slot->task->tried |= 1u << address;
    slot->address = address;
    slot->ready_by = instant_min(slot->task->request.deadline,
                                 instant_add_ms(now, executor->settings.connect_timeout_ms));
    slot->conn = connect_to(slot, address);
}

/* Goes on from what became of the slot's task. */
static void follow(struct slot *slot, enum task_next next)
{
    if (next == TASK_MOVES)
        connect_next(slot);
    else if (next == TASK_ENDED)
        wake(slot->executor); /* the slot may serve the next one */
}

static void opened(void *self, enum error_code code, const struct error *err)
{
    struct slot *slot = self;
    if (!code) {
        follow(slot, task_choose(slot));
        return;
    }
    unsigned *left = &slot->executor->version_left[slot->address];
    unsigned before = *left;
    *left = ras_conn_version_left(slot->conn);
    bool again = *left && (!before || *left < before); /* ever lower, so not for ever */
    slot->conn = NULL;
    slot->task->code = code;
    slot->task->error = *err;
    if (again)
        slot->task->tried &= ~(1u << slot->address);
    else
        ras_reach_demote(&slot->executor->reach, slot->address);
    connect_next(slot);
}

static void answered(void *self, const struct ras_answer *answer)
{
    follow(self, task_answered(self, answer));
}

/* ---- the queue ---- */

/* May there be one more connection than there are? */
static bool has_room(const struct ras_executor *executor)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < RAS_CONNECTIONS_MAX; i++)
        taken += executor->slots[i].conn || executor->slots[i].task;
    return taken < executor->room || instant_passed(now_of(executor), executor->room_until);
}

/* An idle connection, the one used last (so that the others can be closed), or a free place. */
static struct slot *find_slot(struct ras_executor *executor)
{
    struct slot *best = NULL;
    for (unsigned i = 0; i < executor->settings.connections_max; i++) {
        struct slot *slot = &executor->slots[i];
        if (slot->task)
            continue;
        if (!best || (slot->conn && (!best->conn || instant_before(best->used_at, slot->used_at))))
            best = slot;
    }
    return best && !best->conn && !has_room(executor) ? NULL : best;
}

static void dispatch(struct ras_executor *executor)
{
    struct slot *slot;
    while (executor->queue && !executor->stopping && (slot = find_slot(executor))) {
        struct task *task = executor->queue;
        executor->queue = task->next;
        task->next = NULL;
        slot->task = task;
        if (slot->conn)
            follow(slot, task_begin(slot));
        else
            connect_next(slot);
    }
}

static void fail_waiting(struct ras_executor *executor, struct task *task, struct instant now)
{
    struct error err;
    if (executor->stopping)
        error_set(&err, ERR_UNAVAILABLE, "the worker stops");
    else if (instant_passed(now, task->request.deadline))
        error_set(&err, ERR_UNAVAILABLE, "no connection was free within the time");
    else
        error_set(&err, ERR_STALE, "the time to send it is over, nothing was sent");
    task_fail(executor, NULL, task, err.code, &err);
}

static void expire_waiting(struct ras_executor *executor, struct instant now)
{
    for (struct task **at = &executor->queue; *at;) {
        struct task *task = *at;
        if (!executor->stopping && !instant_passed(now, executor_request_until(&task->request))) {
            at = &task->next;
            continue;
        }
        *at = task->next;
        fail_waiting(executor, task, now);
        at = &executor->queue; /* the reply may have changed the queue */
    }
}

static void close_idle(struct ras_executor *executor, struct instant now)
{
    for (unsigned i = 0; i < RAS_CONNECTIONS_MAX; i++) {
        struct slot *slot = &executor->slots[i];
        if (slot->conn && !slot->task &&
            instant_passed(now, instant_add_ms(slot->used_at, executor->settings.idle_ms)))
            slot_drop(slot);
    }
}

static struct instant next_wake(const struct ras_executor *executor)
{
    struct instant at = INSTANT_NEVER;
    for (const struct task *task = executor->queue; task; task = task->next)
        at = instant_min(at, executor_request_until(&task->request));
    if (executor->queue && !instant_passed(now_of(executor), executor->room_until))
        at = instant_min(at, executor->room_until);
    for (unsigned i = 0; i < RAS_CONNECTIONS_MAX; i++) {
        const struct slot *slot = &executor->slots[i];
        if (slot->conn && !slot->task)
            at = instant_min(at, instant_add_ms(slot->used_at, executor->settings.idle_ms));
    }
    return at;
}

/* ---- the end ---- */

static void on_wake_closed(uv_handle_t *handle)
{
    struct ras_executor *executor = handle->data;
    executor->wake_closed = true;
    tell_stopped(executor);
}

/* Every open request gets its reply: in doubt if it can change the cluster and bytes of it are
 * out. */
static void stop_all(struct ras_executor *executor)
{
    for (unsigned i = 0; i < RAS_CONNECTIONS_MAX; i++) {
        struct slot *slot = &executor->slots[i];
        struct task *task = slot->task;
        bool in_doubt = slot->conn && ras_conn_in_doubt(slot->conn);
        slot_drop(slot);
        if (!task)
            continue;
        struct executor_reply reply = {.sent = in_doubt};
        reply.code = error_set(&reply.error, in_doubt ? ERR_IN_DOUBT : ERR_UNAVAILABLE,
                               "cluster '%s': the worker stops%s", executor->settings.name,
                               in_doubt ? " before the answer came" : "");
        task_end(executor, slot, task, &reply);
    }
    if (!executor->queue)
        uv_close((uv_handle_t *)&executor->wake, on_wake_closed);
}

/* ---- one pass ---- */

static void on_wake(uv_timer_t *timer)
{
    struct ras_executor *executor = timer->data;
    struct instant now = now_of(executor);
    expire_waiting(executor, now);
    if (executor->stopping) {
        stop_all(executor);
        return;
    }
    dispatch(executor);
    close_idle(executor, now);
    struct instant at = next_wake(executor);
    if (at.ns == INT64_MAX || uv_is_active((uv_handle_t *)timer))
        return;
    timer_until(timer, on_wake, now, at);
}

void pool_put(struct ras_executor *executor, const struct executor_request *request)
{
    CHECK(!uv_is_closing((uv_handle_t *)&executor->wake)); /* not after the last reply of a stop */
    struct task *task = mem_new(struct task);
    task->request = *request;
    struct task **at = &executor->queue;
    while (*at)
        at = &(*at)->next;
    *at = task;
    wake(executor);
}

void pool_stop(struct ras_executor *executor)
{
    CHECK(executor->stopping);
    wake(executor);
}

void pool_init(struct ras_executor *executor)
{
    for (unsigned i = 0; i < RAS_CONNECTIONS_MAX; i++)
        executor->slots[i].executor = executor;
    CHECK(uv_timer_init(executor->loop, &executor->wake) == 0);
    executor->wake.data = executor;
}
