#include "strike.h"

#include <stdio.h>
#include <string.h>

#include "oracle.h"
#include "scenario.h"

/* ---- what happens ---- */

static struct worker *holder(const struct world *world)
{
    return world->workers[world->partitions[0].holder];
}

static struct worker *another(const struct world *world)
{
    return world->workers[((uint32_t)world->partitions[0].holder + 1) % world->plan.workers];
}

/* One that is in the middle of a task dies at its end, and does nothing before. */
static void die(struct world *world, struct worker *worker)
{
    if (worker == world->struck_in)
        worker->doomed = true;
    else if (worker->up)
        worker_crash(world, worker);
}

static void die_all(struct world *world)
{
    for (uint32_t i = 0; i < world->plan.workers; i++)
        die(world, world->workers[i]);
}

static void give_to(struct world *world, const struct worker *to)
{
    int32_t before = world->partitions[0].holder;
    world->partitions[0].holder = to->index;
    say(world, "the group gives p0 to w%d", to->index);
    worker_notice(world, before, 0, world_delay(world, 0, 50));
    worker_notice(world, to->index, 0, world_delay(world, 0, 50));
}

static void back_task(struct world *world, struct task *task)
{
    give_to(world, world->workers[task->index]);
}

static void give_back_in(struct world *world, const struct worker *to, int64_t ms)
{
    world_after(world, ms * MS, (struct task){.run = back_task, .worker = -1, .index = to->index});
}

static void crash(struct world *world)
{
    die(world, holder(world));
}

/* It goes on behind its successor, when its licences have aged and when they have not. */
static void sleep_and_lose(struct world *world)
{
    struct worker *worker = holder(world);
    give_to(world, another(world));
    worker_pause(world, worker, world_delay(world, 100, 20000));
}

static void sleep_unnoticed(struct world *world)
{
    worker_pause(world, holder(world), world_delay(world, 500, 20000));
}

static void move(struct world *world)
{
    give_to(world, another(world));
}

static void move_and_back(struct world *world)
{
    struct worker *worker = holder(world);
    give_to(world, another(world));
    give_back_in(world, worker, draw_between(&world->draw, 1, 300));
}

static void cut(struct world *world)
{
    if (holder(world)->up && !holder(world)->paused)
        journal_cut(world, holder(world)->index, true);
}

/* Its successor acts while it reads nothing, and knows of nothing, for longer than a licence. */
static void lag_and_lose(struct world *world)
{
    struct worker *worker = holder(world);
    worker->tail_stuck_until = world->now_ns + world_delay(world, 1000, 20000);
    give_to(world, another(world));
}

static void lag(struct world *world)
{
    holder(world)->tail_stuck_until = world->now_ns + world_delay(world, 1000, 20000);
}

static void cancel(struct world *world)
{
    chaos_do(world, CHAOS_CANCEL);
}

static void cancel_and_crash(struct world *world)
{
    chaos_do(world, CHAOS_CANCEL);
    crash(world);
}

static void halt(struct world *world)
{
    chaos_do(world, CHAOS_HALT);
}

static void halt_and_move(struct world *world)
{
    chaos_do(world, CHAOS_HALT);
    move(world);
}

static void approve_and_crash(struct world *world)
{
    chaos_do(world, CHAOS_APPROVE);
    crash(world);
}

static void lock(struct world *world)
{
    chaos_do(world, CHAOS_LOCK);
}

static void well_task(struct world *world, struct task *task)
{
    world->clusters[task->index].mode = MODE_WELL;
}

static void cluster(struct world *world)
{
    world->clusters[0].mode = (enum mode)draw_between(&world->draw, MODE_HANG, MODE_CUT);
    world_after(world, world_delay(world, 500, 8000),
                (struct task){.run = well_task, .worker = -1, .index = 0});
}

static void cluster_and_crash(struct world *world)
{
    cluster(world);
    crash(world);
}

static void journal(struct world *world)
{
    world->journal_down_until = world->now_ns + world_delay(world, 1000, 12000);
}

/* Whoever comes next begins where this one says. */
static void commit_and_crash(struct world *world)
{
    if (holder(world)->up && !holder(world)->paused)
        worker_commit(world, holder(world), 0);
    die_all(world);
}

/* With other limits than before. */
static void restart_with_others(struct world *world)
{
    struct plan *plan = &world->plan;
    plan->open_commands_max = plan->open_targets_max = plan->cluster_share = 1;
    plan->attempts_max = 1;
    plan->verify_ms /= 4;
    plan->release_ms /= 4;
    plan->empty_confirm_ms *= 2;
    plan->approve_above = plan->approve_above ? 0 : 1;
    plan->session_events = !plan->session_events;
    commit_and_crash(world);
}

static const struct strike {
    const char *name;
    void (*run)(struct world *world);
} all[] = {
    {"crash", crash},
    {"sleep_and_lose", sleep_and_lose},
    {"sleep_unnoticed", sleep_unnoticed},
    {"move", move},
    {"move_and_back", move_and_back},
    {"cut", cut},
    {"lag_and_lose", lag_and_lose},
    {"lag", lag},
    {"cancel", cancel},
    {"cancel_and_crash", cancel_and_crash},
    {"halt", halt},
    {"halt_and_move", halt_and_move},
    {"approve_and_crash", approve_and_crash},
    {"lock", lock},
    {"cluster", cluster},
    {"cluster_and_crash", cluster_and_crash},
    {"journal", journal},
    {"commit_and_crash", commit_and_crash},
    {"restart_with_others", restart_with_others},
};
enum { STRIKES = sizeof all / sizeof all[0] };

/* ---- when ---- */

static void strike(struct world *world, struct worker *in)
{
    say(world, "strike: %s", all[world->strike].name);
    world->struck = true;
    world->struck_in = in;
    world->started_ns = world->now_ns; /* from here on it has its time to heal */
    all[world->strike].run(world);
    world->struck_in = NULL;
    for (uint32_t i = 0; i < world->plan.workers; i++)
        if (!world->workers[i]->paused && world->workers[i] != in)
            oracle_compare(world, world->workers[i], 0);
}

static void strike_task(struct world *world, struct task *task)
{
    (void)task;
    strike(world, NULL);
}

void strike_landed(struct world *world)
{
    if (world->strike_when != AS_IT_LANDS || world->struck ||
        world->partitions[0].log.count != world->strike_at)
        return;
    world->struck = true;
    world_after(world, 0, (struct task){.run = strike_task, .worker = -1});
}

void strike_read(struct world *world, struct worker *worker, int32_t partition)
{
    if (world->strike_when != AS_IT_IS_READ || world->struck || worker != holder(world) ||
        worker->seats[partition].read != (int64_t)world->strike_at)
        return;
    strike(world, worker);
}

void strike_acted(struct world *world, struct worker *worker)
{
    if (world->strike_when == BEHIND_AN_ACTION && !world->struck &&
        world->actions == world->strike_at)
        strike(world, worker);
}

/* ---- everywhere ---- */

static const char marks[STRIKE_WHENS] = {' ', '+', '!'};

/* Everything that a command can be, over one infobase or two of one cluster. */
static struct plan plan_busy(uint64_t seed)
{
    struct plan plan = plan_fair();
    plan.partitions = 1;
    plan.clusters = 1;
    plan.workers = 2 + seed % 2;
    plan.sessions = 5;
    plan.reconnect = 30000;
    plan.stuck = seed % 3 ? 0 : 30000;
    plan.refuse = seed % 5 ? 0 : 10000;
    plan.cut = seed % 7 ? 0 : 10000;
    plan.lying_list = seed % 2 ? 0 : 5000;
    plan.append_trouble = seed % 6 ? 0 : 3000;
    plan.pause_at_send = seed % 8 ? 0 : 5000;
    plan.late_locks = seed % 9 ? 0 : 30;
    plan.filters = 30;
    plan.until_empty = 50;
    plan.drains = 40;
    plan.drain_ms = 12000;
    plan.hold_max_ms = 3000;
    plan.graces = 35;
    plan.grace_max_ms = 4000;
    plan.handlers = seed % 2 ? 40 : 0;
    plan.disconnects = 40;
    plan.interrupts = 30;
    plan.approve_above = seed % 4 ? 1 + seed % 3 : 0;
    plan.approval_ms = 15000;
    plan.session_events = seed % 2;
    return plan;
}

/* False: it is not over with what was struck; `*ret_over`: the world has no such record. */
static bool struck_well(uint64_t seed, uint32_t kind, uint64_t at, enum strike_when when,
                        bool trace, bool *ret_over)
{
    struct plan plan = plan_busy(seed);
    struct world *world = world_loaded(seed, &plan, 250, 10, trace);
    world->strike = kind;
    world->strike_at = at;
    world->strike_when = when;
    bool good = run_out(world);
    *ret_over = !world->struck;
    if (!good) {
        printf("strike %s@%llu%c: ", all[kind].name, (unsigned long long)at - 1, marks[when]);
        report(world, "strike");
    }
    world_destroy(world);
    return good;
}

static uint64_t strike_all(uint64_t seed, uint32_t kind, uint32_t step, bool trace, bool *ret_good)
{
    uint64_t strikes = 0;
    for (int when = 0; when < STRIKE_WHENS; when++) {
        bool over = false;
        for (uint64_t at = 1 + (seed + kind) % step; !over; at += step) {
            if (!struck_well(seed, kind, at, (enum strike_when)when, trace, &over))
                *ret_good = false;
            strikes += !over;
        }
    }
    return strikes;
}

int strike_replay(uint64_t seed, const char *what, bool trace)
{
    char name[40];
    unsigned long long at;
    char mark = ' ';
    enum strike_when when = AS_IT_LANDS;
    bool over;
    if (sscanf(what, "%39[a-z_]@%llu%c", name, &at, &mark) < 2)
        return 2;
    while (when < BEHIND_AN_ACTION && marks[when] != mark)
        when++;
    for (uint32_t kind = 0; kind < STRIKES; kind++)
        if (!strcmp(name, all[kind].name))
            return struck_well(seed, kind, at + 1, when, trace, &over) ? 0 : 1;
    return 2;
}

int strikes_run(uint64_t first, uint64_t count, uint32_t step, bool trace)
{
    uint64_t strikes = 0;
    bool good = true;
    for (uint64_t seed = first; seed < first + count; seed++)
        for (uint32_t kind = 0; kind < STRIKES; kind++)
            strikes += strike_all(seed, kind, step, trace, &good);
    printf("strikes: %llu, of %d kinds\n", (unsigned long long)strikes, STRIKES);
    return good ? 0 : 1;
}
