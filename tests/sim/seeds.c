/* Many seeds, and mutations of the engine that they must find. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "locks.h"
#include "scenario.h"
#include "worker.h"

enum {
    HEAL_MS = 60000,  /* everything closes this long after the last fault, verification apart */
    BULK_MS = 180000, /* thousands of ends through a lane of one, between lists that take seconds */
    LOOK_MS = 300000, /* between two looks for a lock that was written late */
    QUIET_MS = 3000,  /* and then nothing more happens */
    REPLAY_EVERY = 50 /* seeds: run thrice and compared */
};

void report(const struct world *world, const char *what)
{
    printf("seed=%llu commit=%s %s: %s (at %.3f ms, step %llu)\n", (unsigned long long)world->seed,
           SIM_COMMIT, what, world->violation, (double)world->now_ns / 1e6,
           (unsigned long long)world->steps);
}

static uint64_t running; /* the seed under way */

void report_running(void)
{
    char line[80];
    int length = snprintf(line, sizeof line, "seed=%llu commit=%s stops at a failed check\n",
                          (unsigned long long)running, SIM_COMMIT);
    if (write(STDOUT_FILENO, line, (size_t)length) < 0)
        return;
}

static int64_t heal_ns(const struct world *world)
{
    int64_t bulk_ms = world->plan.big_commands ? BULK_MS : 0;
    int64_t waits_ms =
        world->plan.grace_max_ms + 2 * world->plan.acting_ms + 2 * world->plan.approval_ms +
        world->plan.drain_ms + world->plan.hold_max_ms + world->plan.release_ms +
        2 * world->plan.request_timeout_ms + (world->plan.late_locks ? LATE_LOCK_MS + LOOK_MS : 0);
    return (HEAL_MS + bulk_ms + waits_ms +
            (int64_t)world->plan.attempts_max * world->plan.verify_ms) *
           MS;
}

/* Bounds given back: what engines hold and what the budget says must agree. */
static void check_budget(struct world *world)
{
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        const struct worker *worker = world->workers[i];
        uint32_t open = 0;
        for (uint32_t p = 0; p < world->plan.partitions; p++) {
            const struct seat *seat = &worker->seats[p];
            if (!seat->engine)
                continue;
            struct engine_counts counts = engine_counts(seat->engine);
            if (engine_role(seat->engine) != ENGINE_OWNING)
                continue; /* reads along: does not count */
            open += counts.open_commands;
            if (counts.open_commands && seat->assigned) /* else its successor delivers the events */
                violate(world, "I13", "w%u still holds %u commands of partition %u", i,
                        counts.open_commands, p);
        }
        if (open != worker->budget.open_commands)
            violate(world, "I13", "the budget of w%u says %u open commands, there are %u", i,
                    worker->budget.open_commands, open);
    }
}

/* Whoever sleeps, or reads nothing, has not yet heard how it ended. */
static bool everybody_is_awake(const struct world *world)
{
    for (uint32_t i = 0; i < world->plan.workers; i++) {
        const struct worker *worker = world->workers[i];
        if (!worker->up || worker->paused || worker->tail_stuck_until > world->now_ns)
            return false;
    }
    return true;
}

bool run_out(struct world *world)
{
    int64_t done_ns = -1;
    running = world->seed;
    while (world_step(world)) {
        if (!world->calm)
            continue;
        if (done_ns < 0 && everybody_is_awake(world) && journal_quiet(world) &&
            locks_settled(world) && oracle_finished(world, false))
            done_ns = world->now_ns;
        if (done_ns >= 0 && world->now_ns > done_ns + QUIET_MS * MS)
            break;
        int64_t healthy_ns =
            world->calm_since > world->started_ns ? world->calm_since : world->started_ns;
        if (done_ns < 0 && world->now_ns > healthy_ns + heal_ns(world)) {
            oracle_finished(world, true);
            violate(world, locks_settled(world) ? "I4" : "I9",
                    locks_settled(world) ? "it does not come to an end"
                                         : "a lock of ours stands for ever");
        }
    }
    if (!world->violation[0] && !oracle_finished(world, true))
        violate(world, "I4", "it stopped and is not done");
    if (!world->violation[0])
        oracle_locks(world);
    if (!world->violation[0])
        check_budget(world);
    return !world->violation[0];
}

static uint64_t hash_of(uint64_t seed, bool decodes)
{
    struct engine_mutations none = {0};
    struct world *world = world_create(seed, NULL, &none, TRACE_HASH);
    world->decodes = decodes;
    run_out(world);
    uint64_t hash = world->trace_hash;
    world_destroy(world);
    return hash;
}

static void print_figures(uint64_t count, const struct figures *sum)
{
    printf("%llu seeds: %llu records (%llu void), %llu owners, %llu commands, %llu closed, %llu "
           "terminates (%llu residual), %llu sessions ended, %llu events\n",
           (unsigned long long)count, (unsigned long long)sum->records,
           (unsigned long long)sum->voided, (unsigned long long)sum->owners,
           (unsigned long long)sum->commands, (unsigned long long)sum->closed,
           (unsigned long long)sum->acts, (unsigned long long)sum->residual,
           (unsigned long long)sum->kills, (unsigned long long)sum->events);
    printf("%llu further rounds, %llu lists approved, %llu runs of handlers\n",
           (unsigned long long)sum->rounds, (unsigned long long)sum->approved,
           (unsigned long long)sum->programs);
    printf("%llu locks written, %llu given back, %llu that came late removed, %llu connections "
           "cut, %llu calls interrupted\n",
           (unsigned long long)sum->locks, (unsigned long long)sum->restores,
           (unsigned long long)sum->strays, (unsigned long long)sum->disconnects,
           (unsigned long long)sum->interrupts);
    printf("outcomes:");
    for (int i = 1; i < TARGET_OUTCOMES; i++)
        printf(" %s %llu", target_outcome_label((enum target_outcome)i),
               (unsigned long long)sum->outcomes[i]);
    putchar('\n');
}

static bool replays(uint64_t seed)
{
    uint64_t hash = hash_of(seed, false);
    const char *what = hash_of(seed, false) != hash  ? "does not replay exactly"
                       : hash_of(seed, true) != hash ? "takes another way when records are decoded"
                                                     : NULL;
    if (what)
        printf("seed=%llu commit=%s %s\n", (unsigned long long)seed, SIM_COMMIT, what);
    return !what;
}

int seeds_run(uint64_t first, uint64_t count, uint32_t ticks, bool trace)
{
    struct engine_mutations none = {0};
    struct figures sum = {0};
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct world *world = world_create(seed, NULL, &none, trace ? TRACE_PRINT : TRACE_NONE);
        if (ticks)
            world->ticks_left = ticks;
        bool good = run_out(world);
        if (!good)
            report(world, "violates");
        oracle_figures(world, &sum);
        world_destroy(world);
        if (!good)
            return 1;
        if (seed % REPLAY_EVERY == 0 && !replays(seed))
            return 1;
    }
    print_figures(count, &sum);
    return 0;
}

/* ---- mutations ---- */

struct mutation {
    const char *name;
    struct engine_mutations mutations;
    struct omissions omissions;
    bool drains; /* shows only where drains, strangers and late writes meet */
    bool
        zombies; /* shows only where owners stop before a send and wake up behind their successor */
};

static struct plan plan_zombies(void)
{
    struct plan plan = plan_fair();
    plan.partitions = plan.clusters = 1;
    plan.ticks = 60;
    plan.pause_at_send = 50000;
    plan.reconnect = 50000;
    plan.weight[CHAOS_COMMAND] = 10;
    plan.weight[CHAOS_LOGIN] = 10;
    plan.weight[CHAOS_MOVE] = 10;
    plan.weight[CHAOS_CANCEL] = 5;
    plan.weight[CHAOS_HALT] = 3;
    plan.weight[CHAOS_CONTROL] = 3;
    return plan;
}

static struct plan plan_drains(void)
{
    struct plan plan = plan_fair();
    plan.partitions = plan.clusters = 1;
    plan.ticks = 60;
    plan.drains = 60;
    plan.drain_ms = 5000;
    plan.hold_max_ms = 5000;
    plan.pause_at_send = 20000;
    plan.cut = 20000;
    plan.weight[CHAOS_COMMAND] = 10;
    plan.weight[CHAOS_MOVE] = 10;
    plan.weight[CHAOS_CRASH] = 5;
    plan.weight[CHAOS_CANCEL] = 10;
    plan.weight[CHAOS_LOCK] = 15;
    plan.late_locks = 30;
    return plan;
}

static struct world *mutant(const struct mutation *mutation, uint64_t seed, bool mutated)
{
    static const struct engine_mutations none;
    struct plan zombies = plan_zombies();
    struct plan drains = plan_drains();
    struct world *world = world_create(seed,
                                       mutation->zombies  ? &zombies
                                       : mutation->drains ? &drains
                                                          : NULL,
                                       mutated ? &mutation->mutations : &none, TRACE_NONE);
    if (mutated)
        world->omissions = mutation->omissions;
    return world;
}

static const struct mutation all[] = {
    {.name = "act_without_licence", .mutations = {.act_without_licence = true}},
    {.name = "ignore_foreign_owner", .mutations = {.ignore_foreign_owner = true}},
    {.name = "skip_identity_check", .mutations = {.skip_identity_check = true}},
    {.name = "trust_empty_list", .mutations = {.trust_empty_list = true}},
    {.name = "resolve_again", .mutations = {.resolve_again = true}},
    {.name = "accept_void", .mutations = {.accept_void = true}},
    {.name = "ignore_licence_age", .mutations = {.ignore_licence_age = true}},
    {.name = "blind_retry", .mutations = {.blind_retry = true}},
    {.name = "ignore_gap", .mutations = {.ignore_gap = true}},
    {.name = "ignore_uncertain", .mutations = {.ignore_uncertain = true}},
    {.name = "fire_after_cancel", .mutations = {.fire_after_cancel = true}, .zombies = true},
    {.name = "speak_early", .mutations = {.speak_early = true}, .zombies = true},
    {.name = "forget_nothing", .mutations = {.forget_nothing = true}},
    {.name = "ignore_control", .mutations = {.ignore_control = true}},
    {.name = "cut_unconfirmed", .mutations = {.cut_unconfirmed = true}},
    {.name = "hurry_grace", .mutations = {.hurry_grace = true}},
    {.name = "act_unapproved", .mutations = {.act_unapproved = true}},
    {.name = "round_too_early", .mutations = {.round_too_early = true}},
    {.name = "believe_handler", .mutations = {.believe_handler = true}},
    {.name = "restore_blindly", .mutations = {.restore_blindly = true}, .drains = true},
    {.name = "restored_early", .mutations = {.restored_early = true}, .drains = true},
    {.name = "forget_hold", .mutations = {.forget_hold = true}},
    {.name = "search_nothing", .mutations = {.search_nothing = true}, .drains = true},
    {.name = "executor: no compare", .omissions = {.comparing = true}, .drains = true},
    {.name = "service: no last look", .omissions = {.last_look = true}},
    {.name = "service: not asking", .omissions = {.asking = true}, .zombies = true},
    {.name = "service: not reading on", .omissions = {.reading_on = true}},
};

/* The product itself must stand on that seed, or the seed shows nothing. */
static bool holds_without(const struct mutation *mutation, uint64_t seed)
{
    struct world *world = mutant(mutation, seed, false);
    bool good = run_out(world);
    if (!good)
        report(world, "violates even without a mutation");
    world_destroy(world);
    return good;
}

static bool mutation_is_found(const struct mutation *mutation, uint64_t first, uint64_t count,
                              bool trace)
{
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct world *world = mutant(mutation, seed, true);
        world->trace = trace ? TRACE_PRINT : TRACE_NONE;
        bool found = !run_out(world) && holds_without(mutation, seed);
        if (found) {
            printf("%-24s found after %3llu seeds: ", mutation->name,
                   (unsigned long long)(seed - first + 1));
            report(world, mutation->name);
        }
        world_destroy(world);
        if (found)
            return true;
    }
    printf("%-24s NOT FOUND in %llu seeds\n", mutation->name, (unsigned long long)count);
    return false;
}

int mutations_run(const char *name, uint64_t first, uint64_t count, bool trace)
{
    int status = 0;
    bool known = false;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (name && strcmp(name, all[i].name))
            continue;
        known = true;
        if (!mutation_is_found(&all[i], first, count, trace))
            status = 1;
    }
    return known ? status : 2;
}
