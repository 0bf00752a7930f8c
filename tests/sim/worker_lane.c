/* Requests of one process: lanes, the last look before a send, answers. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "leftovers.h"
#include "locks.h"
#include "oracle.h"
#include "worker.h"

static const enum executor_op op_of[] = {
    [ENGINE_LIST] = EXECUTOR_LIST,
    [ENGINE_PROBE] = EXECUTOR_INFO,
    [ENGINE_END] = EXECUTOR_END,
    [ENGINE_LOCK_READ] = EXECUTOR_INFOBASE_READ,
    [ENGINE_LOCK_WRITE] = EXECUTOR_INFOBASE_WRITE,
    [ENGINE_CONNECTIONS] = EXECUTOR_CONNECTIONS,
    [ENGINE_DISCONNECT] = EXECUTOR_DISCONNECT,
    [ENGINE_INTERRUPT] = EXECUTOR_INTERRUPT,
};

void lanes_create(struct world *world, struct worker *worker)
{
    for (uint32_t i = 0; i < world->plan.clusters; i++)
        worker->lanes[i] = lane_create((struct lane_limits){
            .waiting_max = 20000,
            .in_flight = world->plan.lane_in_flight,
            .per_minute = world->plan.lane_per_minute,
            .breaker_failures = world->plan.breaker_failures,
            .seed = draw_next(&world->draw),
        });
}

void lanes_destroy(struct worker *worker)
{
    for (int i = 0; i < CLUSTERS_MAX; i++) {
        struct lane_job job;
        while (worker->lanes[i] && lane_expire(worker->lanes[i], INSTANT_NEVER, &job)) {
        }
        lane_destroy(worker->lanes[i]);
        worker->lanes[i] = NULL;
    }
}

/* ---- jobs ---- */

static struct job *job_new(struct worker *worker)
{
    for (size_t i = 0; i < worker->jobs.count; i++)
        if (!worker->jobs.at[i].id)
            return &worker->jobs.at[i];
    return VECTOR_ADD(&worker->jobs);
}

static struct job *job_find(struct worker *worker, uint64_t id)
{
    for (size_t i = 0; i < worker->jobs.count; i++)
        if (worker->jobs.at[i].id == id)
            return &worker->jobs.at[i];
    return NULL;
}

/* The engine that asked, if it is still there. */
static struct seat *seat_of(struct worker *worker, const struct job *job)
{
    struct seat *seat = &worker->seats[job->partition];
    return seat->engine && seat->generation == job->generation ? seat : NULL;
}

void job_release(struct job *job)
{
    infobase_lock_release(&job->lock);
    infobase_lock_release(&job->expected);
}

static bool is_about_lock(int kind)
{
    return kind == ENGINE_LOCK_READ || kind == ENGINE_LOCK_WRITE;
}

static void tell_answer(struct world *world, struct worker *worker, struct seat *seat,
                        const struct engine_answer *answer, int32_t partition)
{
    static const char *const names[] = {[ENGINE_LOCK_READ] = "read of a lock",
                                        [ENGINE_LOCK_WRITE] = "write of a lock",
                                        [ENGINE_CONNECTIONS] = "connections",
                                        [ENGINE_DISCONNECT] = "disconnect",
                                        [ENGINE_INTERRUPT] = "interrupt"};
    say(world, "w%d p%d: %s: %s%s", worker->index, partition, names[answer->kind],
        error_label(answer->code), answer->sent ? ", sent" : "");
    engine_answered(seat->engine, answer, worker_now(world, worker));
}

/* Frees the job and tells its engine. */
static void tell(struct world *world, struct worker *worker, struct job *job, enum error_code code,
                 bool sent, const struct request *request)
{
    const struct session_list *list = request && !code ? request->list : NULL;
    struct job copy = *job;
    job->id = 0;
    job_release(job);
    struct seat *seat = seat_of(worker, &copy);
    if (!seat)
        return;
    struct error err = {.code = ERR_OK};
    if (code)
        error_set(&err, code, "cluster '%s': %s", world->clusters[copy.cluster].name,
                  error_meaning(code));
    struct instant now = worker_now(world, worker);
    if (copy.kind != ENGINE_LIST && copy.kind != ENGINE_PROBE && copy.kind != ENGINE_END) {
        struct engine_answer answer = {.kind = (enum engine_action_kind)copy.kind,
                                       .tag = copy.tag,
                                       .code = code,
                                       .sent = sent,
                                       .failure = &err,
                                       .lock = request && !code ? &request->lock : NULL,
                                       .connections =
                                           request && !code ? request->connections : NULL};
        tell_answer(world, worker, seat, &answer, copy.partition);
        return;
    }
    const char *name = copy.kind == ENGINE_END ? "end" : "probe";
    if (copy.kind == ENGINE_LIST)
        say(world, "w%d p%d: list of %s: %s, %zu sessions", worker->index, copy.partition,
            world->clusters[copy.cluster].name, error_label(code), list ? list->count : 0);
    else
        say(world, "w%d p%d: %s of %s: %s%s", worker->index, copy.partition, name,
            brief(&copy.session).text, error_label(code), sent ? ", sent" : "");
    if (copy.kind == ENGINE_LIST)
        engine_listed(seat->engine, copy.tag, list, code ? &err : NULL, now);
    else if (copy.kind == ENGINE_PROBE)
        engine_probed(seat->engine, copy.tag, code, list ? list->sessions : NULL, now);
    else
        engine_ended(seat->engine, copy.tag, code, sent, code ? &err : NULL, now);
}

void lane_request(struct world *world, struct worker *worker, struct seat *seat, int32_t partition,
                  const struct engine_action *action)
{
    struct job *job = job_new(worker);
    *job = (struct job){
        .id = ++worker->job_ids,
        .partition = partition,
        .generation = seat->generation,
        .tag = action->tag,
        .kind = action->kind,
        .cluster = cluster_named(world, action->cluster),
        .session = action->session,
        .epochs = engine_counts(seat->engine).epochs,
        .message = action->kind == ENGINE_END ? action->message : NULL,
        .infobase = is_about_lock(action->kind) ? lock_infobase(action->infobase) : -1,
        .connection = action->connection,
    };
    bool by_uuid = is_about_lock(action->kind) && job->infobase < 0;
    if (by_uuid || action->kind == ENGINE_CONNECTIONS)
        job->infobase = connection_infobase(&world->clusters[job->cluster], action->infobase);
    if (action->kind == ENGINE_LOCK_WRITE) {
        job->lock = infobase_lock_copy(action->lock);
        job->expected = infobase_lock_copy(action->expected);
    }
    struct instant now = worker_now(world, worker);
    struct lane_job wanted = {
        .request = {
            .op = op_of[action->kind],
            .tag = job->id,
            .session = action->session,
            .infobase = action->kind == ENGINE_LIST && action->infobase ? "wanted" : NULL,
            .send_by = action->send_by,
            .deadline = instant_add_ms(now, world->plan.request_timeout_ms),
        }};
    if (action->kind == ENGINE_END)
        wanted.request.message = action->message;
    /* Whoever was stopped since the engine decided it hands it over too late: the lane's to see. */
    CHECK(instant_before(now, action->send_by) || !request_changes(action->kind) ||
          worker->stopped_ns > 0);
    struct error err;
    CHECK(lane_put(worker->lanes[job->cluster], &wanted, &err) == ERR_OK);
}

/* ---- sending ---- */

static void start(struct world *world, struct worker *worker, struct job *job,
                  const struct lane_job *from, bool residual)
{
    struct request *request = mem_new(struct request);
    *request = (struct request){
        .worker = worker->index,
        .life = worker->life,
        .cluster = job->cluster,
        .job = job->id,
        .kind = job->kind,
        .session = job->session,
        .names = from->request.infobase != NULL || draw_percent(&world->draw, 20),
        .sent_ns = world->now_ns,
        .deadline_ns = from->request.deadline.ns - worker->boot_ns,
        .send = -1,
        .infobase = job->infobase,
        .connection = job->connection,
        .lock = infobase_lock_copy(&job->lock),
        .expected = infobase_lock_copy(&job->expected),
    };
    job->sent_ns = world->now_ns;
    if (job->kind == ENGINE_END && world->clusters[job->cluster].mode != MODE_DOWN) {
        request->send = oracle_sent(world, worker, job->partition, job->cluster, &job->session,
                                    job->message, residual);
    }
    if (job->kind == ENGINE_LOCK_WRITE && world->clusters[job->cluster].mode != MODE_DOWN)
        oracle_lock_sent(world, worker, job->partition, request);
    if ((job->kind == ENGINE_DISCONNECT || job->kind == ENGINE_INTERRUPT) &&
        world->clusters[job->cluster].mode != MODE_DOWN)
        oracle_leftovers_sent(world, worker, job->partition, request);
    cluster_request(world, request);
}

static void refuse(struct world *world, struct worker *worker, struct job *job,
                   enum error_code code)
{
    lane_done(worker->lanes[job->cluster], worker_now(world, worker), code);
    tell(world, worker, job, code, false, NULL);
}

/* The last look: the licence's time, and whether the engine still stands by it. */
static void send_end(struct world *world, struct worker *worker, const struct lane_job *from)
{
    struct job *job = job_find(worker, from->request.tag);
    struct seat *seat = seat_of(worker, job);
    const struct omissions *omit = &world->omissions;
    bool late = instant_passed(worker_now(world, worker), from->request.send_by);
    bool allowed = seat && (omit->asking || engine_allows(seat->engine, job->kind, job->tag));
    if ((late && !omit->last_look) || !allowed) {
        refuse(world, worker, job, ERR_STALE);
        return;
    }
    bool ends = job->kind == ENGINE_END;
    if (ends && !world->calm && draw_chance(&world->draw, world->plan.pause_in_send)) {
        worker->held = *from;
        worker->sending = worker->checked = true;
        worker_pause(world, worker, world_delay(world, 10, 40000));
        return;
    }
    start(world, worker, job, from, false);
}

static void take(struct world *world, struct worker *worker, const struct lane_job *from)
{
    struct job *job = job_find(worker, from->request.tag);
    CHECK(job);
    if (!seat_of(worker, job)) {
        refuse(world, worker, job, ERR_STALE);
        return;
    }
    if (!request_changes(job->kind)) {
        start(world, worker, job, from, false);
        return;
    }
    if (!world->calm && draw_chance(&world->draw, world->plan.pause_at_send)) {
        worker->held = *from;
        worker->sending = true;
        worker->checked = false;
        worker_pause(world, worker,
                     draw_percent(&world->draw, 50) ? world_delay(world, 1, 9000)
                                                    : world_delay(world, 9000, 40000));
        return;
    }
    send_end(world, worker, from);
}

void lanes_resume(struct world *world, struct worker *worker)
{
    if (!worker->sending)
        return;
    bool checked = worker->checked;
    struct lane_job held = worker->held;
    worker->sending = worker->checked = false;
    if (checked)
        start(world, worker, job_find(worker, held.request.tag), &held, true);
    else
        send_end(world, worker, &held);
}

bool lanes_run(struct world *world, struct worker *worker)
{
    bool any = false;
    struct instant now = worker_now(world, worker);
    struct instant wake = INSTANT_NEVER;
    for (uint32_t i = 0; i < world->plan.clusters; i++) {
        struct lane *lane = worker->lanes[i];
        struct lane_job job;
        while (lane_expire(lane, now, &job)) {
            bool end = executor_op_changes(job.request.op);
            tell(world, worker, job_find(worker, job.request.tag),
                 end && instant_passed(now, job.request.send_by) ? ERR_STALE : ERR_UNAVAILABLE,
                 false, NULL);
            any = true;
        }
        while (!worker->paused && lane_take(lane, now, &job)) {
            take(world, worker, &job);
            any = true;
        }
        wake = instant_min(wake, lane_wake(lane, now));
        if (worker->paused)
            return any;
    }
    if (wake.ns == NEVER_NS)
        return any;
    int64_t at = wake.ns - worker->boot_ns;
    if (at < world->now_ns)
        at = world->now_ns;
    if (worker->lane_wake_at <= world->now_ns || at < worker->lane_wake_at) {
        worker->lane_wake_at = at;
        worker_poke(world, worker, at - world->now_ns);
    }
    return any;
}

void worker_answered(struct world *world, struct worker *worker, struct request *request)
{
    struct job *job = job_find(worker, request->job);
    CHECK(job);
    if (world->now_ns > request->deadline_ns && draw_percent(&world->draw, 50)) /* timers first */
        request->code = request_changes(request->kind) ? ERR_IN_DOUBT : ERR_UNAVAILABLE;
    lane_done(worker->lanes[job->cluster], worker_now(world, worker), request->code);
    if (request->send >= 0)
        oracle_answered(world, request->send, request->code);
    const struct seat *seat = seat_of(worker, job);
    bool same_epoch = seat && engine_counts(seat->engine).epochs == job->epochs;
    if (request->kind == ENGINE_LIST && request->code == ERR_OK) {
        if (!request->lies && same_epoch) /* else the engine does not look at it */
            world->clusters[job->cluster].lied[worker->index] = false;
        request->list->started = (struct instant){request->sent_ns + worker->boot_ns};
        request->list->finished = worker_now(world, worker);
        if (same_epoch)
            oracle_looked(world, worker, job->partition, job->cluster, request->sent_ns,
                          request->lies, NULL);
    }
    bool told = request->code == ERR_OK || request->code == ERR_GONE;
    if (request->kind == ENGINE_PROBE && told && same_epoch)
        oracle_looked(world, worker, job->partition, job->cluster, request->sent_ns, false,
                      &job->session);
    tell(world, worker, job, request->code, request->sent, request);
}
