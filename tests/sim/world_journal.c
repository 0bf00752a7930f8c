/* The modelled journal topic: records of one writer land in the order of its calls, or not at all;
 * one that ended "perhaps" may land at any later time. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "oracle.h"
#include "strike.h"
#include "worker.h"
#include "world.h"

enum { APPEND_TIMEOUT_MS = 8000 }; /* of a worker's producer while the journal cannot be written */

static void told(struct world *world, struct task *task)
{
    worker_told(world, world->workers[task->worker], task->index, task->generation, task->number,
                (enum engine_append)(intptr_t)task->data);
    task->data = NULL;
}

static void tell(struct world *world, struct append *append, enum engine_append result,
                 int64_t delay_ns)
{
    if (append->told)
        return;
    append->told = true;
    world_after(world, delay_ns,
                (struct task){.run = told,
                              .worker = append->worker,
                              .life = append->life,
                              .index = append->partition,
                              .generation = append->generation,
                              .number = append->tag,
                              .data = (void *)(intptr_t)result});
}

static void put(struct world *world, const struct append *append)
{
    struct partition *partition = &world->partitions[append->partition];
    struct log_entry *entry = VECTOR_ADD(&partition->log);
    entry->bytes = mem_alloc(1, append->length);
    memcpy(entry->bytes, append->bytes, append->length);
    entry->length = append->length;
    entry->broker_time = world_wall(world);
    entry->handed_ns = append->handed_ns;
    entry->worker = append->worker;
    entry->life = append->life;
    oracle_landed(world, append->partition);
    strike_landed(world);
    worker_tail(world, append->partition);
}

static void finish(struct world *world, struct append *append)
{
    append->done = true;
    free(append->bytes);
    append->bytes = NULL;
    while (world->appends_open < world->appends.count &&
           world->appends.at[world->appends_open].done)
        world->appends_open++;
}

static void lose(struct world *world, struct append *append, enum engine_append result)
{
    tell(world, append, result, world_delay(world, 1, 3000));
    finish(world, append);
}

static void land(struct world *world, struct task *task);

static void schedule(struct world *world, size_t index, int64_t delay_ns, bool in_order)
{
    struct append *append = &world->appends.at[index];
    struct worker *worker = world->workers[append->worker];
    int64_t at = world->now_ns + delay_ns;
    if (in_order && worker->life == append->life) {
        int64_t *last = &worker->last_land_ns[append->partition];
        at = *last > at ? *last : at;
        *last = at;
    }
    world_after(world, at - world->now_ns,
                (struct task){
                    .run = land, .worker = -1, .number = index, .generation = ++append->schedule});
}

/* The journal cannot be written: it waits, and its writer may lose patience first. */
static bool waits(struct world *world, size_t index)
{
    struct append *append = &world->appends.at[index];
    if (world->journal_down_until <= world->now_ns)
        return false;
    int64_t left = append->handed_ns + APPEND_TIMEOUT_MS * MS - world->now_ns;
    if (left < 0)
        left = 0;
    if (!append->told && world->journal_down_until > world->now_ns + left) {
        bool sure = draw_percent(&world->draw, 30);
        tell(world, append, sure ? ENGINE_NOT_PERSISTED : ENGINE_MAYBE_PERSISTED, left);
        if (sure || draw_percent(&world->draw, 50)) {
            finish(world, append);
            return true;
        }
    }
    schedule(world, index, world->journal_down_until - world->now_ns, true);
    return true;
}

static void land(struct world *world, struct task *task)
{
    size_t index = task->number;
    struct append *append = &world->appends.at[index];
    if (append->done || append->held || append->schedule != task->generation || waits(world, index))
        return;
    struct append copy = *append;
    put(world, &copy);
    append = &world->appends.at[index];
    if (copy.fate == FATE_TWICE) {
        append->fate = FATE_LATE; /* the copy keeps no order */
        tell(world, append, ENGINE_PERSISTED, world_delay(world, 0, 5));
        schedule(world, index, world_delay(world, 0, 2000), false);
        return;
    }
    bool maybe = copy.fate == FATE_MAYBE_IN || copy.fate == FATE_LATE;
    bool slow = copy.fate == FATE_SLOW;
    tell(world, append, maybe ? ENGINE_MAYBE_PERSISTED : ENGINE_PERSISTED,
         slow ? world_delay(world, 500, 6000) : world_delay(world, 0, 5));
    finish(world, append);
}

void journal_append(struct world *world, const struct append *from)
{
    size_t index = world->appends.count;
    struct append *append = VECTOR_ADD(&world->appends);
    *append = *from;
    append->handed_ns = world->now_ns;
    append->fate = FATE_GOOD;
    if (!world->calm && draw_chance(&world->draw, world->plan.append_trouble))
        append->fate = (enum fate)draw_between(&world->draw, FATE_LOST, FATE_COUNT - 1);
    switch (append->fate) {
    case FATE_LOST:
        lose(world, append, ENGINE_NOT_PERSISTED);
        return;
    case FATE_MAYBE_LOST:
        lose(world, append, ENGINE_MAYBE_PERSISTED);
        return;
    case FATE_LATE:
        tell(world, append, ENGINE_MAYBE_PERSISTED, world_delay(world, 1, 3000));
        schedule(world, index, world_delay(world, 5, draw_percent(&world->draw, 50) ? 200 : 15000),
                 false);
        return;
    default:
        schedule(world, index, world_delay(world, 0, world->calm ? 5 : 20), true);
    }
}

void journal_hold(struct world *world, int32_t worker, bool held)
{
    bool cut[PARTITIONS_MAX] = {false};
    uint32_t life = world->workers[worker]->life;
    for (size_t i = world->appends_open; i < world->appends.count; i++) {
        struct append *append = &world->appends.at[i];
        if (append->done || append->worker != worker || append->life != life ||
            append->fate == FATE_LATE || append->held == held)
            continue;
        if (!held) {
            append->held = false;
            schedule(world, i, world_delay(world, 0, 20), true);
        } else if (cut[append->partition] || draw_percent(&world->draw, 50)) {
            cut[append->partition] = true; /* and so everything behind it */
            append->held = true;
        }
    }
}

void journal_cut(struct world *world, int32_t worker, bool alive)
{
    for (size_t i = world->appends_open; i < world->appends.count; i++) {
        struct append *append = &world->appends.at[i];
        if (append->done || append->worker != worker ||
            append->life != world->workers[worker]->life || append->fate == FATE_LATE)
            continue;
        if (alive)
            tell(world, append, ENGINE_MAYBE_PERSISTED, world_delay(world, 0, 100));
        append->told = true;
        if (append->held || draw_percent(&world->draw, 50))
            finish(world, append);
    }
}

bool journal_quiet(const struct world *world)
{
    return world->appends_open == world->appends.count;
}

int64_t commands_append(struct world *world, int32_t at, const void *bytes, size_t length,
                        struct wall first_appended_at)
{
    struct partition *partition = &world->partitions[at];
    struct command_entry *entry = VECTOR_ADD(&partition->commands);
    entry->bytes = mem_alloc(1, length);
    memcpy(entry->bytes, bytes, length);
    entry->length = length;
    entry->appended_at = world_wall(world);
    entry->first_appended_at = first_appended_at.ms ? first_appended_at : entry->appended_at;
    entry->home = -1;
    AUTO(command) command = NULL;
    if (command_decode((struct text){bytes, length}, &command, NULL) == ERR_OK) {
        entry->id = command->id;
        entry->digest = command_digest(command);
        for (uint32_t i = 0; i < world->plan.clusters; i++)
            if (!strcmp(world->clusters[i].name, command->cluster))
                entry->home = world->clusters[i].home;
    }
    for (uint32_t i = 0; i < world->plan.workers; i++)
        worker_poke(world, world->workers[i], world_delay(world, 1, 10));
    return (int64_t)partition->commands.count - 1;
}
