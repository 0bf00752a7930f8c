/* What goes wrong and when: each seed has faults of its own, in proportions that differ. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "locks.h"
#include "oracle.h"
#include "worker.h"
#include "world.h"

/* ---- plans ---- */

struct plan plan_fair(void)
{
    return (struct plan){
        .workers = 2,
        .partitions = 2,
        .clusters = 3,
        .sessions = 8,
        .ticks = 0,
        .validity_ms = 900000,
        .open_commands_max = 1000,
        .open_targets_max = 10000,
        .cluster_share = 500,
        .attempts_max = 3,
        .verify_ms = 3000,
        .release_ms = 5000,
        .identity_max_age_ms = 2000,
        .empty_confirm_ms = 1000,
        .request_timeout_ms = 5000,
        .acting_ms = 20000,
        .approval_ms = 10000,
        .drain_ms = 20000,
        .lane_in_flight = 8,
        .lane_per_minute = 6000,
        .breaker_failures = 5,
    };
}

/* Off in half of the seeds, else up to `most`. */
static uint32_t some(struct draw *draw, uint32_t most)
{
    return draw_percent(draw, 50) ? 0 : (uint32_t)draw_between(draw, 1, most);
}

struct plan plan_draw(struct draw *draw)
{
    static const uint32_t usual[CHAOS_COUNT] = {
        [CHAOS_COMMAND] = 30, [CHAOS_COPY] = 6,    [CHAOS_GARBAGE] = 2, [CHAOS_LOGIN] = 10,
        [CHAOS_LOGOUT] = 10,  [CHAOS_MOVE] = 6,    [CHAOS_PAUSE] = 8,   [CHAOS_CRASH] = 5,
        [CHAOS_CLUSTER] = 10, [CHAOS_JOURNAL] = 2, [CHAOS_CLIENT] = 3,  [CHAOS_CANCEL] = 2,
        [CHAOS_APPROVE] = 25, [CHAOS_HALT] = 1,    [CHAOS_CONTROL] = 2, [CHAOS_COMMIT] = 15,
        [CHAOS_LOCK] = 4,     [CHAOS_TAIL] = 3};
    struct plan plan = plan_fair();
    for (int i = 0; i < CHAOS_COUNT; i++)
        plan.weight[i] =
            i != CHAOS_COMMAND && draw_percent(draw, 30) ? 0 : draw_below(draw, usual[i] * 2) + 1;
    plan.workers = 2 + draw_below(draw, 2);
    plan.partitions = 1 + draw_below(draw, 2);
    plan.clusters = 1 + draw_below(draw, 4);
    plan.sessions = 2 + draw_below(draw, 10);
    plan.ticks = 40 + draw_below(draw, 80);
    plan.validity_ms = (int64_t[]){20000, 60000, 900000}[draw_below(draw, 3)];
    plan.append_trouble = some(draw, 8000);
    plan.crash_at_action = some(draw, 1500);
    plan.pause_at_send = some(draw, 15000);
    plan.pause_in_send = some(draw, 2000);
    plan.lying_list = some(draw, 20000);
    plan.lying_gone = some(draw, 10000);
    plan.cut = some(draw, 15000);
    plan.refuse = some(draw, 15000);
    plan.stuck = some(draw, 20000);
    plan.reuse_uuid = some(draw, 30000);
    plan.reconnect = some(draw, 90000);
    plan.event_failure = some(draw, 20000);
    plan.lose_metadata = some(draw, 50000);
    plan.destroy_engine = some(draw, 100000);
    plan.slow = some(draw, 10000);
    if (draw_percent(draw, 15)) {
        plan.open_commands_max = 1 + draw_below(draw, 8);
        plan.open_targets_max = 1 + draw_below(draw, 30);
    }
    if (draw_percent(draw, 15))
        plan.cluster_share = 1 + draw_below(draw, 4);
    plan.attempts_max = 1 + draw_below(draw, 4);
    plan.verify_ms = draw_between(draw, 500, 6000);
    plan.release_ms = draw_between(draw, 500, 10000);
    plan.identity_max_age_ms = draw_between(draw, 300, 4000);
    plan.empty_confirm_ms = draw_between(draw, 200, 2000);
    plan.request_timeout_ms = draw_between(draw, 1000, 8000);
    if (draw_percent(draw, 8)) {
        plan.list_ms = draw_between(draw, 100, 3000);
        plan.request_timeout_ms = 8000;
    }
    plan.filters = some(draw, 60);
    plan.until_empty = some(draw, 80);
    plan.graces = some(draw, 40);
    plan.disconnects = some(draw, 50);
    plan.interrupts = some(draw, 50);
    plan.drains = some(draw, 40);
    plan.late_locks = some(draw, 60);
    plan.drain_ms = draw_between(draw, 2000, 40000);
    plan.hold_max_ms = draw_between(draw, 1, 20000);
    plan.grace_max_ms = draw_between(draw, 100, 30000);
    plan.acting_ms = draw_between(draw, 2000, 30000);
    plan.approve_above = draw_percent(draw, 70) ? 0 : 1 + draw_below(draw, 4);
    plan.approval_ms = draw_between(draw, 1000, 30000);
    plan.handlers = some(draw, 60);
    plan.lane_in_flight = 1 + draw_below(draw, 8);
    plan.session_events = draw_percent(draw, 30);
    plan.big_commands = draw_percent(draw, 4);
    if (plan.big_commands) {
        plan.sessions = 600;
        plan.clusters = plan.partitions;
        plan.ticks = 20;
        plan.open_targets_max = 10000;
    }
    return plan;
}

/* ---- producers ---- */

static void *taken(void *memory)
{
    CHECK(memory);
    return memory;
}

static uint32_t any_number(struct world *world, const struct sim_cluster *cluster)
{
    if (cluster->alive.count == 0 || draw_percent(&world->draw, 10))
        return 1 + draw_below(&world->draw, 20);
    uint32_t index = cluster->alive.at[draw_below(&world->draw, (uint32_t)cluster->alive.count)];
    return cluster->all.at[index].number;
}

static struct uuid any_uuid(struct world *world, const struct sim_cluster *cluster)
{
    if (cluster->all.count == 0 || draw_percent(&world->draw, 5))
        return draw_uuid(&world->draw);
    bool dead = cluster->alive.count == 0 || draw_percent(&world->draw, 10);
    uint32_t index =
        dead ? draw_below(&world->draw, (uint32_t)cluster->all.count)
             : cluster->alive.at[draw_below(&world->draw, (uint32_t)cluster->alive.count)];
    return cluster->all.at[index].uuid;
}

static void select_numbers(struct world *world, const struct sim_cluster *cluster,
                           struct command *command, size_t count)
{
    struct selector *selector = &command->selector;
    selector->kind = SELECTOR_NUMBERS;
    selector->numbers = taken(arena_take(command->arena, count, sizeof *selector->numbers));
    selector->infobase = draw_percent(&world->draw, 50) ? "ut" : "бух";
    if (draw_percent(&world->draw, 4))
        selector->infobase = "nowhere";
    for (size_t i = 0; i < count; i++)
        selector->numbers[i] =
            world->plan.big_commands ? (uint32_t)i + 1 : any_number(world, cluster);
    selector->count = count;
    if (draw_percent(&world->draw, 15))
        selector->guard.user = "user3";
    if (draw_percent(&world->draw, 10))
        selector->guard.application = "1CV8C";
}

static void select_sessions(struct world *world, const struct sim_cluster *cluster,
                            struct command *command, size_t count)
{
    struct selector *selector = &command->selector;
    selector->kind = SELECTOR_SESSIONS;
    selector->sessions = taken(arena_take(command->arena, count, sizeof *selector->sessions));
    for (size_t i = 0; i < count; i++)
        selector->sessions[i] = any_uuid(world, cluster);
    selector->count = count;
}

static struct filter *condition(struct world *world, struct command *command, const char *field,
                                const char *value)
{
    struct filter *filter = taken(arena_take(command->arena, 1, sizeof *filter));
    filter->kind = FILTER_CONDITION;
    filter->field = field;
    filter->comparison = draw_percent(&world->draw, 50) ? COMPARISON_EQUAL : COMPARISON_IN;
    filter->values = taken(arena_take(command->arena, 1, sizeof filter->values[0]));
    filter->values[0] = taken(arena_text(command->arena, text_of(value)));
    filter->value_count = 1;
    return filter;
}

static struct filter *filter_of(struct command *command, enum filter_kind kind,
                                struct filter *first, struct filter *second)
{
    struct filter *filter = taken(arena_take(command->arena, 1, sizeof *filter));
    filter->kind = kind;
    filter->children = taken(arena_take(command->arena, 2, sizeof filter->children[0]));
    filter->children[filter->child_count++] = first;
    if (second)
        filter->children[filter->child_count++] = second;
    return filter;
}

/* A user, and perhaps not with this application. */
static void select_filter(struct world *world, struct command *command)
{
    struct selector *selector = &command->selector;
    char user[16];
    snprintf(user, sizeof user, "user%u", draw_below(&world->draw, 7));
    selector->kind = SELECTOR_FILTER;
    selector->filter = condition(world, command, "user_name", user);
    if (draw_percent(&world->draw, 40)) {
        struct filter *app = condition(world, command, "app", "BackgroundJob");
        struct filter *other = filter_of(command, FILTER_NOT, app, NULL);
        selector->filter = filter_of(command, FILTER_ALL, selector->filter, other);
    }
    command->options.until_empty = draw_percent(&world->draw, world->plan.until_empty);
}

static void make_drain(struct world *world, struct command *command)
{
    static const char *const names[] = {"ut", "бух", "nowhere"};
    command->action = ACTION_DRAIN;
    command->infobase = names[draw_percent(&world->draw, 3) ? 2 : draw_below(&world->draw, 2)];
    command->keep_jobs = draw_percent(&world->draw, 30);
    if (draw_percent(&world->draw, 50))
        command->hold_ms = draw_between(&world->draw, 1, world->plan.hold_max_ms);
}

static void produce(struct world *world, const struct command *command, int32_t partition)
{
    AUTO_BUF bytes;
    buf_init(&bytes, RECORD_BYTES_MAX);
    command_encode(command, &bytes);
    CHECK(!bytes.full);
    int64_t offset = commands_append(world, partition, bytes.data, bytes.length, (struct wall){0});
    say(world, "p%d: command %lld is %s for %s, %zu %s%s", partition, (long long)offset,
        brief(&command->id).text, command->cluster, command->selector.count,
        command->action == ACTION_DRAIN              ? "(a drain)"
        : command->selector.kind == SELECTOR_NUMBERS ? "numbers"
        : command->selector.kind == SELECTOR_FILTER  ? "by filter"
                                                     : "sessions",
        command->options.dry_run ? ", dry run" : "");
}

bool chaos_command(struct world *world, int32_t at)
{
    const struct sim_cluster *cluster = &world->clusters[at];
    AUTO(command) command = command_create();
    command->id = draw_uuid(&world->draw);
    command->action = ACTION_TERMINATE;
    command->origin = ORIGIN_USER_REQUEST;
    command->requested_by = "somebody";
    command->reason = "because";
    command->options.message = /* names it, so that the oracle knows whose act it sees */
        taken(arena_text(command->arena, text_of(brief(&command->id).text)));
    command->options.dry_run = draw_percent(&world->draw, 4);
    command->cluster = cluster->name;
    if (draw_percent(&world->draw, 2))
        command->cluster = "elsewhere";
    if (draw_percent(&world->draw, 25))
        command->expires_at.ms = world_wall(world).ms + draw_between(&world->draw, -500, 30000);
    size_t count = world->plan.big_commands ? 500 : 1 + draw_below(&world->draw, 4);
    if (draw_percent(&world->draw, world->plan.graces))
        command->options.grace_ms = draw_between(&world->draw, 1, world->plan.grace_max_ms);
    command->options.disconnect_connections = draw_percent(&world->draw, world->plan.disconnects);
    command->options.interrupt_calls = draw_percent(&world->draw, world->plan.interrupts);
    if (draw_percent(&world->draw, world->plan.drains))
        make_drain(world, command);
    else if (draw_percent(&world->draw, world->plan.filters))
        select_filter(world, command);
    else if (draw_percent(&world->draw, 50))
        select_numbers(world, cluster, command, count);
    else
        select_sessions(world, cluster, command, count);
    int32_t partition = cluster->home;
    if (draw_percent(&world->draw, 5))
        partition = (int32_t)draw_below(&world->draw, world->plan.partitions);
    produce(world, command, partition);
    return true;
}

/* An earlier command once more: as it was, or with other content under the same id. */
static void chaos_copy(struct world *world)
{
    int32_t at = (int32_t)draw_below(&world->draw, world->plan.partitions);
    struct partition *partition = &world->partitions[at];
    if (partition->commands.count == 0)
        return;
    const struct command_entry *entry =
        &partition->commands.at[draw_below(&world->draw, (uint32_t)partition->commands.count)];
    AUTO(command) command = NULL;
    if (command_decode((struct text){(const char *)entry->bytes, entry->length}, &command, NULL))
        return;
    if (draw_percent(&world->draw, 30))
        command->reason = "for another reason";
    produce(world, command, at);
    if (draw_percent(&world->draw, 30))
        produce(world, command, at);
}

static void chaos_garbage(struct world *world)
{
    int32_t at = (int32_t)draw_below(&world->draw, world->plan.partitions);
    uint64_t noise = draw_next(&world->draw) | 0x07; /* wire type 7 does not exist */
    commands_append(world, at, &noise, sizeof noise, (struct wall){0});
    say(world, "p%d: garbage", at);
}

/* ---- faults ---- */

static struct worker *any_worker(struct world *world)
{
    return world->workers[draw_below(&world->draw, world->plan.workers)];
}

static int32_t any_cluster(struct world *world)
{
    return (int32_t)draw_below(&world->draw, world->plan.clusters);
}

static void chaos_login(struct world *world)
{
    int32_t at = any_cluster(world);
    uint32_t infobase = draw_below(&world->draw, INFOBASES);
    if (lock_lets_in(world, at, infobase))
        session_login(world, at, infobase, NULL);
}

static void chaos_logout(struct world *world)
{
    int32_t at = any_cluster(world);
    const struct sim_cluster *cluster = &world->clusters[at];
    if (cluster->alive.count)
        session_die(world, at,
                    cluster->alive.at[draw_below(&world->draw, (uint32_t)cluster->alive.count)]);
}

static void chaos_move(struct world *world)
{
    int32_t at = (int32_t)draw_below(&world->draw, world->plan.partitions);
    int32_t holder = any_worker(world)->index;
    int32_t before = world->partitions[at].holder;
    world->partitions[at].holder = holder;
    say(world, "the group gives p%d to w%d", at, holder);
    int64_t late = draw_percent(&world->draw, 20) ? 8000 : 50;
    worker_notice(world, before, at, world_delay(world, 0, late));
    worker_notice(world, holder, at, world_delay(world, 0, 50));
}

static void chaos_pause(struct world *world)
{
    struct worker *worker = any_worker(world);
    bool longer = draw_percent(&world->draw, 40);
    worker_pause(world, worker,
                 longer ? world_delay(world, 5000, 40000) : world_delay(world, 1, 5000));
    if (!worker->paused || !longer || draw_percent(&world->draw, 30))
        return;
    for (uint32_t i = 0; i < world->plan.partitions; i++) { /* the group notices */
        if (world->partitions[i].holder != worker->index)
            continue;
        world->partitions[i].holder = any_worker(world)->index;
        worker_notice(world, world->partitions[i].holder, (int32_t)i, world_delay(world, 0, 10000));
        worker_notice(world, worker->index, (int32_t)i, world_delay(world, 0, 2000));
    }
}

static void chaos_crash(struct world *world)
{
    struct worker *worker = any_worker(world);
    if (worker->up)
        worker_crash(world, worker);
}

static void chaos_cluster(struct world *world)
{
    struct sim_cluster *cluster = &world->clusters[any_cluster(world)];
    cluster->mode = draw_percent(&world->draw, 50)
                        ? MODE_WELL
                        : (enum mode)draw_below(&world->draw, MODE_COUNT);
    static const char *const names[MODE_COUNT] = {"is well", "hangs", "is down", "cuts connections",
                                                  "is slow"};
    say(world, "%s: %s", cluster->name, names[cluster->mode]);
}

static void chaos_journal(struct world *world)
{
    world->journal_down_until = world->now_ns + world_delay(world, 100, 25000);
    say(world, "the journal cannot be written for %.3f ms",
        (double)(world->journal_down_until - world->now_ns) / 1e6);
}

static void chaos_client(struct world *world)
{
    struct worker *worker = any_worker(world);
    if (!worker->up || worker->paused)
        return;
    say(world, "w%d: its journal producer is replaced", worker->index);
    journal_cut(world, worker->index, true);
}

struct cancelling {
    struct uuid id;
};

static void cancel_task(struct world *world, struct task *task)
{
    const struct cancelling *cancel = task->data;
    worker_cancel(world, world->workers[task->worker], &cancel->id);
}

static void chaos_cancel(struct world *world)
{
    struct uuid id;
    int32_t partition;
    if (!oracle_open_command(world, &id, &partition))
        return;
    say(world, "control: cancel %s", brief(&id).text);
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        struct cancelling *cancel = mem_new(struct cancelling);
        cancel->id = id;
        world_after(world, worker_control_delay(world, world->workers[i]),
                    (struct task){.run = cancel_task,
                                  .worker = (int32_t)i,
                                  .life = world->workers[i]->life,
                                  .data = cancel,
                                  .release = free});
    }
}

struct saying {
    struct approving approving;
};

static void approve_task(struct world *world, struct task *task)
{
    const struct saying *saying = task->data;
    worker_approve(world, world->workers[task->worker], &saying->approving);
}

/* By somebody who may, or by who asked for it, or of a list that is none. */
void chaos_approve(struct world *world)
{
    struct approving approving = {.by = "chief"};
    if (!oracle_waiting_list(world, &approving))
        return;
    if (draw_percent(&world->draw, 15))
        snprintf(approving.by, sizeof approving.by, "Somebody");
    if (draw_percent(&world->draw, 15))
        approving.digest[0] = approving.digest[0] == '0' ? '1' : '0';
    say(world, "control: %s approves %s", approving.by, brief(&approving.id).text);
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        struct saying *saying = mem_new(struct saying);
        saying->approving = approving;
        world_after(world, worker_control_delay(world, world->workers[i]),
                    (struct task){.run = approve_task,
                                  .worker = (int32_t)i,
                                  .life = world->workers[i]->life,
                                  .data = saying,
                                  .release = free});
    }
}

static void halt_task(struct world *world, struct task *task)
{
    worker_halt(world, world->workers[task->worker], world->halted);
}

static void set_halt(struct world *world, bool engaged)
{
    world->halted = engaged;
    world->halted_since = world->now_ns;
    say(world, "control: the kill switch is %s", engaged ? "on" : "off");
    for (uint32_t i = 0; i < world->plan.workers; i++)
        world_after(
            world, worker_control_delay(world, world->workers[i]),
            (struct task){.run = halt_task, .worker = (int32_t)i, .life = world->workers[i]->life});
}

static void release_task(struct world *world, struct task *task)
{
    (void)task;
    if (world->halted)
        set_halt(world, false);
}

static void chaos_halt(struct world *world)
{
    if (world->halted)
        return;
    set_halt(world, true);
    world_after(world, world_delay(world, 10, 4000),
                (struct task){.run = release_task, .worker = -1});
}

/* Longer than a licence's age at times: then it must not act on what it knows. */
static void chaos_control(struct world *world)
{
    struct worker *worker = any_worker(world);
    if (!worker->up || worker->control_lost_until > world->now_ns)
        return; /* what waits for the end of the first time is still to come */
    worker->control_lost_until = world->now_ns + world_delay(world, 100, 40000);
    say(world, "w%d: cannot read the control topic for %.3f ms", worker->index,
        (double)(worker->control_lost_until - world->now_ns) / 1e6);
    worker_poke(world, worker, worker->control_lost_until - world->now_ns + 100 * MS);
    if (world->halted || !draw_percent(&world->draw, 40))
        return;
    set_halt(world, true); /* which this worker does not hear of */
    world_after(world, world_delay(world, 4000, 40000),
                (struct task){.run = release_task, .worker = -1});
}

/* Longer than a licence's age at times, and beside whoever took over meanwhile. */
static void chaos_tail(struct world *world)
{
    struct worker *worker = any_worker(world);
    if (!worker->up || worker->tail_stuck_until > world->now_ns)
        return;
    worker->tail_stuck_until = world->now_ns + world_delay(world, 100, 20000);
    say(world, "w%d: cannot read the journal for %.3f ms", worker->index,
        (double)(worker->tail_stuck_until - world->now_ns) / 1e6);
    if (draw_percent(&world->draw, 50))
        chaos_move(world);
}

static void chaos_commit(struct world *world)
{
    struct worker *worker = any_worker(world);
    if (worker->up && !worker->paused)
        worker_commit(world, worker, (int32_t)draw_below(&world->draw, world->plan.partitions));
}

void chaos_do(struct world *world, enum chaos chaos)
{
    switch (chaos) {
    case CHAOS_COMMAND:
        chaos_command(world, any_cluster(world));
        break;
    case CHAOS_COPY:
        chaos_copy(world);
        break;
    case CHAOS_GARBAGE:
        chaos_garbage(world);
        break;
    case CHAOS_LOGIN:
        chaos_login(world);
        break;
    case CHAOS_LOGOUT:
        chaos_logout(world);
        break;
    case CHAOS_MOVE:
        chaos_move(world);
        break;
    case CHAOS_PAUSE:
        chaos_pause(world);
        break;
    case CHAOS_CRASH:
        chaos_crash(world);
        break;
    case CHAOS_CLUSTER:
        chaos_cluster(world);
        break;
    case CHAOS_JOURNAL:
        chaos_journal(world);
        break;
    case CHAOS_CLIENT:
        chaos_client(world);
        break;
    case CHAOS_CANCEL:
        chaos_cancel(world);
        break;
    case CHAOS_APPROVE:
        chaos_approve(world);
        break;
    case CHAOS_HALT:
        chaos_halt(world);
        break;
    case CHAOS_CONTROL:
        chaos_control(world);
        break;
    case CHAOS_COMMIT:
        chaos_commit(world);
        break;
    case CHAOS_LOCK:
        chaos_lock(world);
        break;
    case CHAOS_TAIL:
        chaos_tail(world);
        break;
    default:
        break;
    }
}

/* ---- the course of a run ---- */

static int64_t pause_ns(struct world *world)
{
    uint32_t x = draw_below(&world->draw, 100);
    if (x < 70)
        return world_delay(world, 0, 100);
    return x < 95 ? world_delay(world, 100, 2000) : world_delay(world, 2000, 12000);
}

static void chaos_task(struct world *world, struct task *task)
{
    (void)task;
    uint32_t sum = 0;
    for (int i = 0; i < CHAOS_COUNT; i++)
        sum += world->plan.weight[i];
    uint32_t x = draw_below(&world->draw, sum);
    int chaos = 0;
    while (x >= world->plan.weight[chaos])
        x -= world->plan.weight[chaos++];
    chaos_do(world, (enum chaos)chaos);
    for (uint32_t i = 0; i < world->plan.workers; i++)
        for (uint32_t p = 0; p < world->plan.partitions; p++)
            if (!world->workers[i]->paused)
                oracle_compare(world, world->workers[i], (int32_t)p);
    if (--world->ticks_left == 0) {
        chaos_end(world);
        return;
    }
    world_after(world, pause_ns(world), (struct task){.run = chaos_task, .worker = -1});
}

void chaos_begin(struct world *world)
{
    world->ticks_left = world->plan.ticks;
    if (world->ticks_left)
        world_after(world, world_delay(world, 0, 100),
                    (struct task){.run = chaos_task, .worker = -1});
}

void chaos_end(struct world *world)
{
    say(world, "nothing goes wrong from here on");
    world->calm = true;
    world->calm_since = world->now_ns;
    world->journal_down_until = 0;
    for (uint32_t i = 0; i < world->plan.clusters; i++)
        world->clusters[i].mode = MODE_WELL;
    if (world->halted)
        set_halt(world, false);
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        struct worker *worker = world->workers[i];
        worker->control_lost_until = worker->tail_stuck_until = 0;
        worker_poke(world, worker, 100 * MS);
        if (worker->paused)
            worker_resume(world, worker);
        if (!worker->up)
            worker_start(world, worker);
        for (uint32_t p = 0; p < world->plan.partitions; p++)
            worker_notice(world, (int32_t)i, (int32_t)p, world_delay(world, 0, 100));
    }
}
