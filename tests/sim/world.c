/* The loop of virtual time, traces and violations. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "locks.h"
#include "oracle.h"
#include "worker.h"

enum { SAME_TIME_STEPS_MAX = 20000 };

void *vector_grow(void *at, size_t count, size_t *size, size_t element)
{
    if (count == *size) {
        *size = *size ? 2 * *size : 16;
        at = mem_resize(at, *size, element);
    }
    memset((char *)at + count * element, 0, element);
    return at;
}

struct brief brief(const struct uuid *uuid)
{
    struct brief ret;
    snprintf(ret.text, sizeof ret.text, "%02x%02x%02x%02x", uuid->bytes[0], uuid->bytes[1],
             uuid->bytes[2], uuid->bytes[3]);
    return ret;
}

void say_(struct world *world, const char *format, ...)
{
    char line[600];
    int head = snprintf(line, sizeof line, "%10.3f ", (double)world->now_ns / 1e6);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + head, sizeof line - (size_t)head, format, arguments);
    va_end(arguments);
    if (world->trace == TRACE_PRINT) {
        puts(line);
        return;
    }
    for (const char *at = line; *at; at++) /* FNV-1a */
        world->trace_hash = (world->trace_hash ^ (uint8_t)*at) * UINT64_C(0x100000001B3);
}

void violate(struct world *world, const char *invariant, const char *format, ...)
{
    if (world->violation[0])
        return;
    int head = snprintf(world->violation, sizeof world->violation, "%s: ", invariant);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->violation + head, sizeof world->violation - (size_t)head, format, arguments);
    va_end(arguments);
    say(world, "VIOLATION %s", world->violation);
}

struct wall world_wall(const struct world *world)
{
    return (struct wall){BROKER_EPOCH_MS + world->now_ns / MS};
}

void world_after(struct world *world, int64_t delay_ns, struct task task)
{
    CHECK(delay_ns >= 0);
    task.at_ns = world->now_ns + delay_ns;
    tasks_add(&world->tasks, task);
}

int64_t world_delay(struct world *world, int64_t low_ms, int64_t high_ms)
{
    return draw_between(&world->draw, low_ms * MS, high_ms * MS);
}

struct world *world_create(uint64_t seed, const struct plan *plan,
                           const struct engine_mutations *mutations, enum trace trace)
{
    struct world *world = mem_new(struct world);
    world->seed = seed;
    world->draw.state = seed * UINT64_C(0xD1342543DE82EF95) + 1;
    world->plan = plan ? *plan : plan_draw(&world->draw);
    world->mutations = *mutations;
    world->trace = trace;
    world->trace_hash = UINT64_C(0xCBF29CE484222325);
    world->oracle = oracle_create();
    for (uint32_t i = 0; i < world->plan.clusters; i++)
        cluster_begin(world, (int32_t)i);
    for (uint32_t i = 0; i < world->plan.workers; i++)
        worker_create(world, (int32_t)i);
    for (uint32_t i = 0; i < world->plan.partitions; i++)
        world->partitions[i].holder = (int32_t)draw_below(&world->draw, world->plan.workers);
    for (uint32_t i = 0; i < world->plan.workers; i++)
        worker_start(world, world->workers[i]);
    chaos_begin(world);
    return world;
}

void world_destroy(struct world *world)
{
    if (!world)
        return;
    for (uint32_t i = 0; i < world->plan.workers; i++)
        worker_destroy(world->workers[i]);
    tasks_release(&world->tasks);
    programs_release(world);
    oracle_destroy(world->oracle);
    for (size_t i = 0; i < world->appends.count; i++)
        free(world->appends.at[i].bytes);
    free(world->appends.at);
    for (uint32_t i = 0; i < world->plan.partitions; i++) {
        struct partition *partition = &world->partitions[i];
        for (size_t k = 0; k < partition->log.count; k++)
            free(partition->log.at[k].bytes);
        for (size_t k = 0; k < partition->commands.count; k++)
            free(partition->commands.at[k].bytes);
        free(partition->log.at);
        free(partition->commands.at);
    }
    for (uint32_t i = 0; i < world->plan.clusters; i++) {
        locks_free(&world->clusters[i]);
        free(world->clusters[i].all.at);
        free(world->clusters[i].alive.at);
        free(world->clusters[i].connections.at);
    }
    free(world);
}

bool world_step(struct world *world)
{
    struct task task;
    if (world->violation[0] || !tasks_take(&world->tasks, &task))
        return false;
    CHECK(task.at_ns >= world->now_ns);
    world->same_time_steps = task.at_ns == world->now_ns ? world->same_time_steps + 1 : 0;
    if (world->same_time_steps > SAME_TIME_STEPS_MAX)
        violate(world, "progress", "time stands still: something wakes itself again and again");
    world->now_ns = task.at_ns;
    world->steps++;
    if (task.worker < 0)
        task.run(world, &task);
    else
        worker_run(world, world->workers[task.worker], &task);
    task_drop(&task);
    return true;
}
