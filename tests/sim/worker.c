/* One process: its engines, how they read, are offered commands, and what becomes of their actions.
 */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "locks.h"
#include "oracle.h"
#include "select/select.h"
#include "strike.h"

static const struct engine_asker people = {STOPPER, "because"};

enum { READ_AT_ONCE = 64, TAIL_LOOK_MS = 200, SESSION_TIMEOUT_MS = 10000 };

struct instant worker_now(const struct world *world, const struct worker *worker)
{
    return (struct instant){world->now_ns + worker->boot_ns};
}

bool worker_runs(const struct worker *worker)
{
    return worker->up && !worker->paused && !worker->doomed;
}

/* ---- engines ---- */

static void protect(struct resolution *resolution)
{
    for (size_t i = 0; i < resolution->count; i++) {
        struct resolved_row *row = &resolution->rows[i];
        if (!row->session || row->verdict != TARGET_NONE)
            continue;
        if (strcmp(row->session->app_id, "RAS") && strcmp(row->session->app_id, "SrvrConsole"))
            continue;
        row->verdict = TARGET_PROTECTED;
        error_set(&row->why, ERR_DENIED, "application '%s' is protected", row->session->app_id);
    }
}

static void set_times(const struct plan *plan, const struct command *command,
                      const struct resolve_context *context, struct resolution *ret)
{
    uint32_t to_end = context->unapproved;
    for (size_t i = 0; i < ret->count; i++)
        to_end += ret->rows[i].session && ret->rows[i].verdict == TARGET_NONE &&
                  !resolve_context_knows(context, &ret->rows[i].session->uuid);
    ret->grace_ms = command->options.grace_ms;
    ret->acting_ms = plan->acting_ms;
    if (plan->approve_above && to_end > plan->approve_above)
        ret->approval_ms = plan->approval_ms;
}

static enum error_code resolve(void *self, const struct command *command,
                               const struct resolve_context *context,
                               const struct session_list *list, struct resolution *ret,
                               struct error *err)
{
    AUTO(zone) zone = NULL;
    CHECK(zone_load(TEXT("UTC"), &zone, NULL) == ERR_OK);
    struct select_rules rules = {context, zone, CLOCK_TOLERANCE_MS};
    enum error_code code = command->action == ACTION_DRAIN
                               ? select_drain(command, &context->infobase, list, ret, err)
                               : select_resolve(command, &rules, list, ret, err);
    if (code)
        return code;
    protect(ret);
    set_times(self, command, context, ret);
    choose_handlers(self, command, ret);
    return ERR_OK;
}

static struct engine_config config_of(const struct world *world, const struct worker *worker,
                                      int32_t partition)
{
    static const char *const names[WORKERS_MAX] = {"w0", "w1", "w2"};
    const struct plan *plan = &world->plan;
    return (struct engine_config){
        .partition = partition,
        .writer = worker->writer,
        .instance = names[worker->index],
        .open_commands_max = plan->open_commands_max,
        .open_targets_max = plan->open_targets_max,
        .kept_targets_max = plan->open_targets_max,
        .remembered_max = 100000,
        .cluster_share = plan->cluster_share,
        .attempts_max = plan->attempts_max,
        .remember_ms = plan->validity_ms,
        .verify_ms = plan->verify_ms,
        .release_ms = plan->release_ms,
        .identity_max_age_ms = plan->identity_max_age_ms,
        .empty_confirm_ms = plan->empty_confirm_ms,
        .session_events = plan->session_events,
        .mutations = world->mutations,
        .resolve = resolve,
        .deny = lock_wanted,
        .settle_ms = plan->request_timeout_ms,
        .drain_ms = plan->drain_ms,
        .drains_ask = plan->approve_above > 0,
        .resolve_self = (void *)(uintptr_t)plan,
    };
}

static void seat_close(struct worker *worker, int32_t partition)
{
    struct seat *seat = &worker->seats[partition];
    engine_destroy(seat->engine);
    echo_clear(&seat->echo);
    *seat = (struct seat){.generation = seat->generation + 1};
}

static void seat_open(struct world *world, struct worker *worker, int32_t partition)
{
    struct seat *seat = &worker->seats[partition];
    CHECK(!seat->engine);
    worker->writer = draw_uuid(&world->draw); /* each engine has its own, as in service/ */
    struct engine_config config = config_of(world, worker, partition);
    seat->engine = engine_create(&config, &worker->budget);
    seat->position = -1;
    seat->forwarding = -1;
    seat->tick_at = NEVER_NS;
    seat->goal = (int64_t)world->partitions[partition].log.count;
    const struct saved *saved = &world->partitions[partition].saved;
    if (saved->known && !draw_chance(&world->draw, world->plan.lose_metadata)) {
        engine_begin_at(seat->engine, saved->journal_start, &saved->journal_owner,
                        saved->journal_sequence);
        seat->read = saved->journal_start;
    }
    say(world, "w%d p%d: reads the journal from %lld to %lld", worker->index, partition,
        (long long)seat->read, (long long)seat->goal);
}

/* ---- actions ---- */

static void published_task(struct world *world, struct task *task)
{
    struct worker *worker = world->workers[task->worker];
    struct seat *seat = &worker->seats[task->index];
    if (seat->engine && seat->generation == task->generation)
        engine_published(seat->engine, task->number, task->data != NULL, worker_now(world, worker));
    task->data = NULL;
}

static void sink_task(struct world *world, struct task *task)
{
    struct uuid id;
    memcpy(&id, task->data, sizeof id);
    oracle_delivered(world, task->index, &id);
}

static void publish(struct world *world, struct worker *worker, int32_t partition,
                    const struct engine_action *action)
{
    oracle_published(world, worker, partition, &action->event);
    bool delivered = world->calm || !draw_chance(&world->draw, world->plan.event_failure);
    int64_t delay_ns = world_delay(world, 0, 10);
    if (delivered) {
        struct uuid *id = mem_new(struct uuid);
        *id = action->event.id;
        world_after(
            world, delay_ns,
            (struct task){
                .run = sink_task, .worker = -1, .index = partition, .data = id, .release = free});
    }
    world_after(world, delay_ns + world_delay(world, 0, 10),
                (struct task){.run = published_task,
                              .worker = worker->index,
                              .life = worker->life,
                              .index = partition,
                              .generation = worker->seats[partition].generation,
                              .number = action->tag,
                              .data = delivered ? world : NULL});
}

static void append(struct world *world, struct worker *worker, int32_t partition,
                   const struct engine_action *action)
{
    struct buf bytes;
    buf_init(&bytes, RECORD_BYTES_MAX);
    struct seat *seat = &worker->seats[partition];
    struct chain *chain = &seat->chain;
    uint64_t sequence = action->record->sequence;
    chain_stamp(chain, action->record);
    CHECK(action->record->sequence == sequence);
    record_encode(action->record, &bytes);
    CHECK(!bytes.full);
    chain_sealed(chain, (struct text){(const char *)bytes.data, bytes.length});
    say(world, "w%d p%d: appends %s/%llu of %s, epoch %s/%llu, %zu bytes, %02x%02x%02x%02x",
        worker->index, partition, record_kind_label(action->record->kind),
        (unsigned long long)action->record->sequence, brief(&action->record->command_id).text,
        brief(&action->record->epoch.writer).text, (unsigned long long)action->record->epoch.number,
        bytes.length, chain->head.bytes[0], chain->head.bytes[1], chain->head.bytes[2],
        chain->head.bytes[3]);
    echo_keep(&seat->echo, action->record, (struct text){(const char *)bytes.data, bytes.length});
    journal_append(world, &(struct append){.bytes = bytes.data,
                                           .length = bytes.length,
                                           .worker = worker->index,
                                           .life = worker->life,
                                           .partition = partition,
                                           .generation = worker->seats[partition].generation,
                                           .tag = action->tag});
}

static void carry_out(struct world *world, struct worker *worker, int32_t partition,
                      const struct engine_action *action)
{
    switch (action->kind) {
    case ENGINE_APPEND:
        append(world, worker, partition, action);
        break;
    case ENGINE_PUBLISH:
        publish(world, worker, partition, action);
        break;
    case ENGINE_HANDLE:
        handler_request(world, worker, &worker->seats[partition], partition, action);
        break;
    default:
        lane_request(world, worker, &worker->seats[partition], partition, action);
    }
    world->actions++;
    strike_acted(world, worker);
    bool crash = world->actions == world->crash_at ||
                 (!world->calm && draw_chance(&world->draw, world->plan.crash_at_action));
    if (crash) {
        say(world, "w%d: dies behind this action", worker->index);
        worker->doomed = true;
    }
}

static bool drain(struct world *world, struct worker *worker, int32_t partition)
{
    struct seat *seat = &worker->seats[partition];
    struct engine_action action;
    bool any = false;
    while (worker_runs(worker) && engine_next(seat->engine, &action, worker_now(world, worker))) {
        carry_out(world, worker, partition, &action);
        any = true;
    }
    struct engine_command_view view;
    while (engine_finished(seat->engine, &view))
        say(world, "w%d p%d: %s ends as %s", worker->index, partition, brief(&view.id).text,
            command_outcome_label(view.outcome));
    struct engine_stray stray;
    while (engine_stray(seat->engine, &stray))
        say(world, "w%d p%d: %s: a lock of %s in %s %s", worker->index, partition,
            brief(&stray.command).text, stray.infobase, stray.cluster,
            stray.kind == ENGINE_STRAY_FOUND     ? "came late"
            : stray.kind == ENGINE_STRAY_REMOVED ? "that came late is removed"
                                                 : "is explained by nothing");
    return any;
}

/* ---- control ---- */

enum { CONTROL_DELAY_MS = 50, CONTROL_LOOK_MS = 60 };

int64_t worker_control_delay(struct world *world, const struct worker *worker)
{
    int64_t delay = world_delay(world, 1, CONTROL_DELAY_MS);
    int64_t lost = worker->control_lost_until - world->now_ns;
    return lost > 0 ? lost + delay : delay;
}

/* What was appended CONTROL_LOOK_MS ago has arrived, unless the topic could not be read since. */
static void look_at_control(struct world *world, struct worker *worker)
{
    int64_t at_ns = world->now_ns - CONTROL_LOOK_MS * MS;
    if (worker->catching_up || worker->control_lost_until > at_ns)
        return;
    struct instant seen = {at_ns + worker->boot_ns};
    for (uint32_t i = 0; i < world->plan.partitions; i++)
        if (worker->seats[i].engine)
            engine_control_seen(worker->seats[i].engine, seen, worker_now(world, worker));
}

/* ---- the loop ---- */

static void tick_task(struct world *world, struct task *task)
{
    struct worker *worker = world->workers[task->worker];
    struct seat *seat = &worker->seats[task->index];
    if (!seat->engine || seat->generation != task->generation || seat->tick_at != task->at_ns)
        return;
    seat->tick_at = NEVER_NS;
    engine_tick(seat->engine, worker_now(world, worker));
}

static void nothing_task(struct world *world, struct task *task)
{
    (void)world;
    (void)task;
}

void worker_poke(struct world *world, struct worker *worker, int64_t delay_ns)
{
    world_after(world, delay_ns,
                (struct task){.run = nothing_task, .worker = worker->index, .life = worker->life});
}

static void set_wakes(struct world *world, struct worker *worker)
{
    for (uint32_t i = 0; i < world->plan.partitions; i++) {
        struct seat *seat = &worker->seats[i];
        if (!seat->engine)
            continue;
        int64_t wake = engine_wake(seat->engine).ns;
        if (wake == NEVER_NS)
            continue;
        wake = wake - worker->boot_ns > world->now_ns ? wake - worker->boot_ns : world->now_ns;
        if (seat->tick_at <= wake && seat->tick_at >= world->now_ns)
            continue;
        seat->tick_at = wake;
        world_after(world, wake - world->now_ns,
                    (struct task){.run = tick_task,
                                  .worker = worker->index,
                                  .life = worker->life,
                                  .index = (int32_t)i,
                                  .generation = seat->generation});
    }
}

static void settle(struct world *world, struct worker *worker)
{
    look_at_control(world, worker);
    bool again = true;
    while (again && worker_runs(worker)) {
        again = false;
        for (uint32_t i = 0; i < world->plan.partitions && worker_runs(worker); i++) {
            if (!worker->seats[i].engine)
                continue;
            again |= drain(world, worker, (int32_t)i);
            if (worker_runs(worker))
                again |= worker_consume(world, worker, (int32_t)i);
        }
        if (worker_runs(worker))
            again |= lanes_run(world, worker);
        if (worker_runs(worker))
            handlers_run(world, worker);
    }
    if (worker_runs(worker))
        set_wakes(world, worker);
}

void worker_run(struct world *world, struct worker *worker, struct task *task)
{
    if (!worker->up || worker->life != task->life)
        return; /* the process that this was meant for is gone */
    if (worker->paused) {
        *VECTOR_ADD(&worker->aside) = *task;
        task->data = NULL;
        return;
    }
    task->run(world, task);
    settle(world, worker);
    if (worker->doomed)
        worker_crash(world, worker);
}

/* ---- reading back ---- */

static void read_task(struct world *world, struct task *task)
{
    struct worker *worker = world->workers[task->worker];
    struct seat *seat = &worker->seats[task->index];
    if (!seat->engine || seat->generation != task->generation)
        return;
    seat->reading = false;
    if (worker->tail_stuck_until > world->now_ns) {
        worker_tail(world, task->index);
        return;
    }
    const struct partition *partition = &world->partitions[task->index];
    for (int i = 0; i < READ_AT_ONCE && seat->read < (int64_t)partition->log.count; i++) {
        const struct log_entry *entry = &partition->log.at[seat->read];
        struct text bytes = {(const char *)entry->bytes, entry->length};
        struct record *record = world->decodes ? NULL : echo_take(&seat->echo, bytes);
        struct error err;
        if (!record && record_decode(bytes, &record, &err)) {
            violate(world, "wire", "record %lld cannot be read back: %s", (long long)seat->read,
                    err.message);
            return;
        }
        int64_t offset = seat->read++;
        if (engine_record(seat->engine, record, offset, entry->broker_time,
                          worker_now(world, worker), &err)) {
            violate(world, "fold", "the engine refuses record %lld: %s", (long long)offset,
                    err.message);
            return;
        }
        if (engine_role(seat->engine) == ENGINE_OWNING)
            worker_find_position(world, worker, task->index);
        strike_read(world, worker, task->index);
        drain(world, worker, task->index); /* as the loop may, between any two records */
        if (!worker_runs(worker))
            break;
    }
    if (!seat->at_end && seat->read >= seat->goal) {
        seat->at_end = true;
        engine_at_end(seat->engine, worker_now(world, worker));
    }
    if (seat->read < (int64_t)partition->log.count)
        worker_tail(world, task->index);
}

static void read_soon(struct world *world, struct worker *worker, int32_t partition)
{
    struct seat *seat = &worker->seats[partition];
    if (!worker->up || !seat->engine || seat->reading)
        return;
    seat->reading = true;
    int64_t stuck_ns = worker->tail_stuck_until - world->now_ns;
    stuck_ns = stuck_ns > TAIL_LOOK_MS * MS ? TAIL_LOOK_MS * MS : stuck_ns;
    world_after(world, (stuck_ns > 0 ? stuck_ns : 0) + world_delay(world, 0, world->calm ? 2 : 15),
                (struct task){.run = read_task,
                              .worker = worker->index,
                              .life = worker->life,
                              .index = partition,
                              .generation = seat->generation});
}

void worker_tail(struct world *world, int32_t partition)
{
    for (uint32_t i = 0; i < world->plan.workers; i++)
        read_soon(world, world->workers[i], partition);
}

void worker_told(struct world *world, struct worker *worker, int32_t partition, uint32_t generation,
                 uint64_t tag, enum engine_append result)
{
    struct seat *seat = &worker->seats[partition];
    if (!seat->engine || seat->generation != generation)
        return;
    if (result != ENGINE_PERSISTED)
        say(world, "w%d p%d: is told that append %llx is %s", worker->index, partition,
            (unsigned long long)tag, result == ENGINE_NOT_PERSISTED ? "lost" : "perhaps there");
    engine_appended(seat->engine, tag, result, worker_now(world, worker));
}

/* ---- the group ---- */

static void notice_task(struct world *world, struct task *task)
{
    struct worker *worker = world->workers[task->worker];
    struct seat *seat = &worker->seats[task->index];
    bool assigned = world->partitions[task->index].holder == worker->index;
    if (seat->engine && seat->assigned == assigned)
        return;
    say(world, "w%d p%d: %s", worker->index, task->index, assigned ? "assigned" : "revoked");
    if (!assigned && !seat->engine)
        return;
    if (!assigned && draw_chance(&world->draw, world->plan.destroy_engine)) {
        seat_close(worker, task->index);
        return;
    }
    if (!seat->engine) {
        seat_open(world, worker, task->index);
        engine_halted_by(seat->engine, &people);
        engine_halt(seat->engine, worker->halted, worker_now(world, worker));
        read_soon(world, worker, task->index);
    }
    seat->assigned = assigned;
    engine_assign(seat->engine, assigned, worker_now(world, worker));
}

void worker_notice(struct world *world, int32_t at, int32_t partition, int64_t delay_ns)
{
    const struct worker *worker = world->workers[at];
    if (!worker->up)
        return;
    world_after(
        world, delay_ns,
        (struct task){.run = notice_task, .worker = at, .life = worker->life, .index = partition});
}

void worker_commit(struct world *world, struct worker *worker, int32_t partition)
{
    struct seat *seat = &worker->seats[partition];
    if (!worker->up || !seat->engine || engine_role(seat->engine) != ENGINE_OWNING)
        return;
    struct engine_checkpoint checkpoint = engine_checkpoint(seat->engine);
    oracle_committed(world, partition, &checkpoint);
    if (checkpoint.next_command < 0)
        return;
    say(world, "w%d p%d: commits %lld, journal from %lld", worker->index, partition,
        (long long)checkpoint.next_command, (long long)checkpoint.journal_start);
    world->partitions[partition].saved =
        (struct saved){true, checkpoint.next_command, checkpoint.journal_start,
                       checkpoint.journal_owner, checkpoint.journal_sequence};
}

/* ---- control ---- */

void worker_apply_cancels(struct world *world, struct worker *worker, struct engine *engine)
{
    for (size_t i = 0; i < worker->cancels.count; i++)
        if (engine_cancel(engine, &worker->cancels.at[i].id, &people, (struct wall){0},
                          worker_now(world, worker)))
            worker->cancels.at[i].taken_ns = world->now_ns;
}

void worker_apply_approvals(struct world *world, struct worker *worker, struct engine *engine)
{
    for (size_t i = 0; i < worker->approvals.count; i++) {
        const struct approving *said = &worker->approvals.at[i];
        struct engine_approval approval = {said->id, said->by, said->digest};
        engine_approve(engine, &approval, worker_now(world, worker));
    }
}

void worker_approve(struct world *world, struct worker *worker, const struct approving *approving)
{
    struct engine_approval approval = {approving->id, approving->by, approving->digest};
    *VECTOR_ADD(&worker->approvals) = *approving;
    for (uint32_t i = 0; i < world->plan.partitions; i++)
        if (worker->seats[i].engine)
            engine_approve(worker->seats[i].engine, &approval, worker_now(world, worker));
}

void worker_cancel(struct world *world, struct worker *worker, const struct uuid *id)
{
    *VECTOR_ADD(&worker->cancels) = (struct cancel){*id, -1};
    for (uint32_t i = 0; i < world->plan.partitions; i++)
        if (worker->seats[i].engine)
            worker_apply_cancels(world, worker, worker->seats[i].engine);
}

void worker_halt(struct world *world, struct worker *worker, bool engaged)
{
    worker->halted = engaged;
    for (uint32_t i = 0; i < world->plan.partitions; i++)
        if (worker->seats[i].engine)
            engine_halt(worker->seats[i].engine, engaged, worker_now(world, worker));
}

/* ---- life and death ---- */

void worker_create(struct world *world, int32_t index)
{
    struct worker *worker = mem_new(struct worker);
    worker->index = index;
    worker->boot_ns = draw_between(&world->draw, 1, 1000000) * 1000 * MS;
    world->workers[index] = worker;
}

void worker_start(struct world *world, struct worker *worker)
{
    CHECK(!worker->up);
    worker->up = true;
    worker->doomed = false;
    worker->life++;
    world->started_ns = world->now_ns;
    worker->writer = draw_uuid(&world->draw);
    worker->budget = (struct engine_budget){0};
    worker->halted = world->halted;
    worker->catching_up = false;
    worker->control_lost_until = 0;
    worker->tail_stuck_until = 0;
    worker->lane_wake_at = NEVER_NS;
    memset(worker->last_land_ns, 0, sizeof worker->last_land_ns);
    for (uint32_t i = 0; i < world->plan.partitions; i++)
        worker->seats[i] = (struct seat){0};
    lanes_create(world, worker);
    say(world, "w%d: starts as %s", worker->index, brief(&worker->writer).text);
    for (uint32_t i = 0; i < world->plan.partitions; i++)
        worker_notice(world, worker->index, (int32_t)i, world_delay(world, 0, 500));
}

static void empty(struct worker *worker)
{
    for (int i = 0; i < PARTITIONS_MAX; i++) {
        engine_destroy(worker->seats[i].engine);
        echo_clear(&worker->seats[i].echo);
    }
    memset(worker->seats, 0, sizeof worker->seats);
    lanes_destroy(worker);
    for (size_t i = 0; i < worker->aside.count; i++)
        task_drop(&worker->aside.at[i]);
    worker->aside.count = 0;
    for (size_t i = 0; i < worker->jobs.count; i++)
        job_release(&worker->jobs.at[i]);
    worker->jobs.count = 0;
    worker->cancels.count = 0;
    worker->approvals.count = 0;
    worker->up = worker->paused = worker->sending = worker->doomed = false;
}

static void pass_on_task(struct world *world, struct task *task)
{
    const struct worker *worker = world->workers[task->worker < 0 ? task->index : task->worker];
    if (worker->up)
        return; /* a static member that came back in time keeps what it had */
    for (uint32_t i = 0; i < world->plan.partitions; i++) {
        if (world->partitions[i].holder != worker->index)
            continue;
        world->partitions[i].holder = (worker->index + 1) % (int32_t)world->plan.workers;
        worker_notice(world, world->partitions[i].holder, (int32_t)i, world_delay(world, 0, 300));
    }
}

static void restart_task(struct world *world, struct task *task)
{
    if (!world->workers[task->index]->up)
        worker_start(world, world->workers[task->index]);
}

void worker_crash(struct world *world, struct worker *worker)
{
    CHECK(worker->up);
    say(world, "w%d: is dead", worker->index);
    journal_cut(world, worker->index, false);
    empty(worker);
    world_after(world, SESSION_TIMEOUT_MS * MS,
                (struct task){.run = pass_on_task, .worker = -1, .index = worker->index});
    world_after(world,
                draw_percent(&world->draw, 60) ? world_delay(world, 50, 4000)
                                               : world_delay(world, 4000, 30000),
                (struct task){.run = restart_task, .worker = -1, .index = worker->index});
}

void worker_destroy(struct worker *worker)
{
    if (!worker)
        return;
    empty(worker);
    free(worker->aside.at);
    free(worker->jobs.at);
    free(worker->cancels.at);
    free(worker->approvals.at);
    free(worker);
}

static void resume_task(struct world *world, struct task *task)
{
    struct worker *worker = world->workers[task->index];
    if (worker->up && worker->paused && worker->life == task->generation)
        worker_resume(world, worker);
}

void worker_pause(struct world *world, struct worker *worker, int64_t ns)
{
    if (!worker->up || worker->paused)
        return;
    say(world, "w%d: is stopped for %.3f ms%s", worker->index, (double)ns / 1e6,
        worker->checked   ? " inside the system call"
        : worker->sending ? " before a send"
                          : "");
    worker->paused = true;
    journal_hold(world, worker->index, true);
    world_after(
        world, ns,
        (struct task){
            .run = resume_task, .worker = -1, .index = worker->index, .generation = worker->life});
}

void worker_resume(struct world *world, struct worker *worker)
{
    say(world, "w%d: goes on", worker->index);
    worker->paused = false;
    worker->stopped_ns = world->now_ns;
    journal_hold(world, worker->index, false);
    VECTOR(struct task) aside = {worker->aside.at, worker->aside.count, worker->aside.size};
    memset(&worker->aside, 0, sizeof worker->aside);
    lanes_resume(world, worker);
    worker->catching_up = true;
    for (size_t i = 0; i < aside.count; i++) {
        if (worker->up)
            worker_run(world, worker, &aside.at[i]);
        task_drop(&aside.at[i]);
    }
    free(aside.at);
    worker->catching_up = false;
    if (!worker_runs(worker))
        return;
    settle(world, worker);
    if (worker->doomed)
        worker_crash(world, worker);
}

bool worker_idle(struct world *world, const struct worker *worker)
{
    for (uint32_t i = 0; i < world->plan.partitions; i++) {
        const struct seat *seat = &worker->seats[i];
        if (!seat->engine)
            continue;
        struct engine_counts counts = engine_counts(seat->engine);
        if (seat->assigned && (counts.open_commands || counts.events_waiting))
            return false;
    }
    return true;
}
