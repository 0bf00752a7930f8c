/* Worlds with one purpose. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "strike.h"
#include "worker.h"

static const struct engine_mutations none;

/* ---- load ---- */

/* Each cluster gets a command every `interval_ms` (task.index), task.number times; then faults, if
 * any, stop. */
static void load_task(struct world *world, struct task *task)
{
    for (uint32_t i = 0; i < world->plan.clusters; i++) {
        session_login(world, (int32_t)i, draw_below(&world->draw, INFOBASES), NULL);
        session_login(world, (int32_t)i, draw_below(&world->draw, INFOBASES), NULL);
        chaos_command(world, (int32_t)i);
    }
    chaos_approve(world);
    if (task->number == 1) {
        chaos_end(world);
        return;
    }
    world_after(
        world, task->index * MS,
        (struct task){
            .run = load_task, .worker = -1, .index = task->index, .number = task->number - 1});
}

struct world *world_loaded(uint64_t seed, const struct plan *plan, int32_t interval_ms,
                           uint64_t rounds, bool trace)
{
    struct world *world = world_create(seed, plan, &none, trace ? TRACE_PRINT : TRACE_NONE);
    world_after(
        world, 2000 * MS,
        (struct task){.run = load_task, .worker = -1, .index = interval_ms, .number = rounds});
    return world;
}

static int finish(struct world *world, const char *name)
{
    bool good = run_out(world);
    if (!good)
        report(world, name);
    world_destroy(world);
    return good ? 0 : 1;
}

/* ---- fair weather: nothing may end but as it should ---- */

static int fair(uint64_t seed, bool trace)
{
    struct plan plan = plan_fair();
    struct world *world = world_loaded(seed, &plan, 300, 20, trace);
    bool good = run_out(world);
    struct figures sum = {0};
    oracle_figures(world, &sum);
    static const enum target_outcome bad[] = {TARGET_SURVIVED, TARGET_FAILED, TARGET_UNKNOWN,
                                              TARGET_STOPPED};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (sum.outcomes[bad[i]])
            violate(world, "fair", "%llu targets are %s, and nothing went wrong",
                    (unsigned long long)sum.outcomes[bad[i]], target_outcome_label(bad[i]));
    if (sum.acts != sum.kills)
        violate(world, "fair", "%llu terminates for %llu sessions", (unsigned long long)sum.acts,
                (unsigned long long)sum.kills);
    good = good && !world->violation[0];
    if (!good)
        report(world, "fair weather");
    world_destroy(world);
    return good ? 0 : 1;
}

/* ---- lists that take longer than a list may be old: they serve all the same ---- */

static int slow_lists(uint64_t seed, bool trace)
{
    struct plan plan = plan_fair();
    plan.identity_max_age_ms = 500;
    plan.list_ms = 2000;
    plan.verify_ms = 10000;
    struct world *world = world_loaded(seed, &plan, 1000, 10, trace);
    bool good = run_out(world);
    struct figures sum = {0};
    oracle_figures(world, &sum);
    if (good && (sum.outcomes[TARGET_ENDED] == 0 || sum.outcomes[TARGET_UNKNOWN]))
        violate(world, "progress", "%llu ended, %llu unknown",
                (unsigned long long)sum.outcomes[TARGET_ENDED],
                (unsigned long long)sum.outcomes[TARGET_UNKNOWN]);
    good = good && !world->violation[0];
    if (!good)
        report(world, "slow lists");
    world_destroy(world);
    return good ? 0 : 1;
}

/* ---- number reuse: whoever logs in behind the list lives ---- */

static int number_reuse(uint64_t seed, bool trace)
{
    enum { SEEDS = 60 };
    uint64_t kills = 0;
    for (uint64_t i = 0; i < SEEDS; i++) {
        struct plan plan = plan_fair();
        plan.reconnect = 100000;
        plan.pause_at_send = 20000;
        plan.ticks = 60;
        plan.weight[CHAOS_COMMAND] = 20;
        plan.weight[CHAOS_LOGOUT] = 20;
        plan.weight[CHAOS_PAUSE] = 5;
        plan.weight[CHAOS_CRASH] = 2;
        plan.weight[CHAOS_COPY] = 10;
        struct world *world =
            world_create(seed + i, &plan, &none, trace ? TRACE_PRINT : TRACE_NONE);
        bool good = run_out(world); /* I2 is looked at when a terminate leaves, and at its effect */
        if (!good)
            report(world, "number reuse");
        struct figures sum = {0};
        oracle_figures(world, &sum);
        kills += sum.kills;
        world_destroy(world);
        if (!good)
            return 1;
    }
    if (kills < SEEDS) {
        puts("number reuse: next to nothing was ended, so nothing was shown");
        return 1;
    }
    return 0;
}

/* ---- isolation (I10): one hangs, the others do not notice ---- */

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t p99_ns(const struct world *world)
{
    enum { MANY = 100000 };
    AUTO_FREE struct closed_time *closed = mem_alloc(MANY, sizeof *closed);
    AUTO_FREE int64_t *times = mem_alloc(MANY, sizeof *times);
    size_t all = oracle_closed(world, closed, MANY);
    size_t count = 0;
    for (size_t i = 0; i < all; i++)
        if (closed[i].cluster > 0)
            times[count++] = closed[i].ns;
    CHECK(count > 1000);
    qsort(times, count, sizeof times[0], by_time);
    return times[count * 99 / 100];
}

static bool isolated_run(uint64_t seed, enum mode mode, bool trace, int64_t *ret)
{
    enum { INTERVAL_MS = 400, ROUNDS = 120 };
    struct plan plan = plan_fair();
    plan.workers = 1;
    plan.partitions = 4;
    plan.clusters = 20;
    plan.sessions = 3;
    struct world *world = world_loaded(seed, &plan, INTERVAL_MS, ROUNDS, trace);
    world->clusters[0].mode = mode;
    bool good = run_out(world);
    if (!good)
        report(world, "isolation");
    *ret = good ? p99_ns(world) : 0;
    world_destroy(world);
    return good;
}

static int isolation(uint64_t seed, bool trace)
{
    static const enum mode modes[] = {MODE_HANG, MODE_DOWN, MODE_CUT, MODE_SLOW};
    static const char *const names[] = {"hangs", "is down", "cuts connections", "is slow"};
    int64_t without;
    if (!isolated_run(seed, MODE_WELL, trace, &without))
        return 1;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        int64_t with;
        if (!isolated_run(seed, modes[i], trace, &with))
            return 1;
        double ratio = (double)with / (double)without;
        printf("one of 20 clusters %s: p99 of the others %.1f ms, without %.1f ms, ratio %.3f\n",
               names[i], (double)with / 1e6, (double)without / 1e6, ratio);
        if (ratio > 1.2) {
            puts("isolation: I10 is broken");
            return 1;
        }
    }
    return 0;
}

/* ---- recovery: a process dies behind its 1st, 2nd, 3rd, ... action ---- */

static int crash_everywhere(uint64_t seed, const struct plan *plan, bool trace)
{
    enum { MOST = 2000 };
    uint64_t crashes = 0;
    for (uint64_t k = 1; k < MOST; k++) {
        struct world *world = world_loaded(seed, plan, 150, 8, trace);
        world->crash_at = k;
        bool good = run_out(world);
        bool over = world->actions < k;
        if (!good) {
            printf("behind action %llu: ", (unsigned long long)k);
            report(world, "recovery");
        }
        world_destroy(world);
        if (!good)
            return 1;
        if (over)
            break;
        crashes++;
    }
    printf("recovery: a crash behind each of %llu actions\n", (unsigned long long)crashes);
    return crashes > 50 ? 0 : 1;
}

static int recovery(uint64_t seed, bool trace)
{
    struct plan plan = plan_fair();
    plan.partitions = 1;
    plan.clusters = 1;
    return crash_everywhere(seed, &plan, trace);
}

/* The same with commands that wait: in rounds, in a grace, for an approval. */
static int recovery_waiting(uint64_t seed, bool trace)
{
    struct plan plan = plan_fair();
    plan.partitions = 1;
    plan.clusters = 1;
    plan.reconnect = 30000;
    plan.filters = 60;
    plan.until_empty = 60;
    plan.graces = 40;
    plan.grace_max_ms = 4000;
    plan.approve_above = 1;
    plan.approval_ms = 15000;
    return crash_everywhere(seed, &plan, trace);
}

/* The same with drains, most of which wait for an approval before they lock. */
static int recovery_draining(uint64_t seed, bool trace)
{
    struct plan plan = plan_fair();
    plan.partitions = 1;
    plan.clusters = 1;
    plan.reconnect = 30000;
    plan.drains = 70;
    plan.drain_ms = 10000;
    plan.hold_max_ms = 3000;
    plan.graces = 40;
    plan.grace_max_ms = 4000;
    plan.approve_above = 1;
    plan.approval_ms = 15000;
    return crash_everywhere(seed, &plan, trace);
}

/* ---- the journal cannot be written (I11) ---- */

enum { DOWN_FROM_MS = 5000, DOWN_FOR_MS = 30000, LICENCES_MS = 10000 };

static void down_task(struct world *world, struct task *task)
{
    (void)task;
    world->journal_down_until = world->now_ns + DOWN_FOR_MS * MS;
    say(world, "the journal cannot be written");
}

static uint64_t acts_of(const struct world *world)
{
    struct figures sum = {0};
    oracle_figures(world, &sum);
    return sum.acts;
}

static int journal_down(uint64_t seed, bool trace)
{
    struct plan plan = plan_fair();
    struct world *world = world_loaded(seed, &plan, 500, 100, trace);
    int64_t aged_ns = (DOWN_FROM_MS + LICENCES_MS) * MS;
    int64_t up_ns = (DOWN_FROM_MS + DOWN_FOR_MS) * MS;
    uint64_t acts[2] = {0, 0};
    world_after(world, DOWN_FROM_MS * MS, (struct task){.run = down_task, .worker = -1});
    while (world->now_ns < aged_ns && world_step(world)) {
    }
    acts[0] = acts_of(world);
    while (world->now_ns < up_ns && world_step(world))
        acts[1] = world->now_ns < up_ns ? acts_of(world) : acts[1];
    if (acts[0] == 0)
        violate(world, "I11", "nothing was ended before, so nothing is shown");
    if (acts[1] != acts[0])
        violate(world, "I11", "%llu terminates left without a journal",
                (unsigned long long)(acts[1] - acts[0]));
    return finish(world, "journal down");
}

/* ---- something happens at every record ---- */

enum { STRIKE_SEEDS = 2, STRIKE_STEP = 13 };

static int strikes(uint64_t seed, bool trace)
{
    return strikes_run(seed, STRIKE_SEEDS, STRIKE_STEP, trace);
}

/* ---- all ---- */

static const struct scenario {
    const char *name;
    int (*run)(uint64_t seed, bool trace);
} all[] = {
    {"fair", fair},
    {"slow_lists", slow_lists},
    {"number_reuse", number_reuse},
    {"isolation", isolation},
    {"recovery", recovery},
    {"recovery_waiting", recovery_waiting},
    {"recovery_draining", recovery_draining},
    {"journal_down", journal_down},
    {"strikes", strikes},
};

int scenarios_run(const char *name, uint64_t first, bool trace)
{
    int status = 0;
    bool known = false;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (name[0] && strcmp(name, all[i].name))
            continue;
        known = true;
        int failed = all[i].run(first, trace);
        if (failed)
            status = 1;
        printf("%s: %s\n", all[i].name, failed ? "FAILED" : "good");
    }
    return known ? status : 2;
}
