/* Commands of one process: read in order, judged, handed to their own partition, offered. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "worker.h"

static void produced_task(struct world *world, struct task *task)
{
    struct seat *seat = &world->workers[task->worker]->seats[task->index];
    if (seat->engine && seat->generation == task->generation &&
        seat->forwarding == (int64_t)task->number)
        seat->forwarded = true;
}

struct forward {
    int32_t to;
    size_t length;
    struct wall first_appended_at;
    uint8_t bytes[];
};

static void forward_task(struct world *world, struct task *task)
{
    const struct forward *forward = task->data;
    commands_append(world, forward->to, forward->bytes, forward->length,
                    forward->first_appended_at);
}

static void produce_again(struct world *world, struct worker *worker, int32_t partition)
{
    struct seat *seat = &worker->seats[partition];
    const struct command_entry *entry = &world->partitions[partition].commands.at[seat->position];
    seat->forwarding = seat->position;
    seat->forwarded = false;
    struct forward *forward = mem_alloc(1, sizeof *forward + entry->length);
    forward->to = entry->home;
    forward->length = entry->length;
    forward->first_appended_at = entry->first_appended_at;
    memcpy(forward->bytes, entry->bytes, entry->length);
    int64_t delay_ns = world_delay(world, 0, 20);
    world_after(world, delay_ns,
                (struct task){.run = forward_task, .worker = -1, .data = forward, .release = free});
    world_after(world, delay_ns + world_delay(world, 0, 10),
                (struct task){.run = produced_task,
                              .worker = worker->index,
                              .life = worker->life,
                              .index = partition,
                              .generation = seat->generation,
                              .number = (uint64_t)seat->position});
}

/* What command/ and guard/ make of it. */
static void look_at(const struct world *world, const struct command_entry *entry, int32_t partition,
                    struct engine_offer *offer)
{
    *offer = (struct engine_offer){
        .forwarded_to = -1,
        .source = {.known = true,
                   .partition = partition,
                   .digest = sha256_of(entry->bytes, entry->length)},
        .appended_at = entry->first_appended_at,
    };
    if (uuid_is_nil(&entry->id)) {
        error_set(&offer->refusal, ERR_UNDECODABLE, "not a command");
        return;
    }
    CHECK(!command_decode((struct text){(const char *)entry->bytes, entry->length}, &offer->command,
                          NULL));
    offer->digest = entry->digest;
    offer->expires_at.ms = entry->first_appended_at.ms + world->plan.validity_ms;
    if (offer->command->expires_at.ms && offer->command->expires_at.ms < offer->expires_at.ms)
        offer->expires_at = offer->command->expires_at;
    if (entry->home < 0) {
        error_set(&offer->refusal, ERR_NOT_FOUND, "no cluster '%s' is configured",
                  offer->command->cluster);
        return;
    }
    offer->cluster = offer->command->cluster;
    if (offer->expires_at.ms <= entry->first_appended_at.ms)
        error_set(&offer->refusal, ERR_EXPIRED, "expired before it was taken");
}

/* Offers the next command; false when it was not taken. */
static bool offer_next(struct world *world, struct worker *worker, int32_t partition)
{
    struct seat *seat = &worker->seats[partition];
    const struct partition *topic = &world->partitions[partition];
    if (seat->position >= (int64_t)topic->commands.count)
        return false;
    const struct command_entry *entry = &topic->commands.at[seat->position];
    bool elsewhere = entry->home >= 0 && entry->home != partition;
    if (elsewhere && seat->forwarding != seat->position)
        produce_again(world, worker, partition);
    if (elsewhere && !seat->forwarded)
        return false;
    struct engine_offer offer;
    look_at(world, entry, partition, &offer);
    offer.source.offset = seat->position;
    if (elsewhere)
        offer.forwarded_to = entry->home;
    struct error err;
    if (engine_offer(seat->engine, &offer, worker_now(world, worker), &err)) {
        command_destroy(offer.command);
        return false;
    }
    say(world, "w%d p%d: takes command %lld %s%s%s", worker->index, partition,
        (long long)seat->position, brief(&entry->id).text, offer.refusal.code ? " refused " : "",
        offer.refusal.code ? error_label(offer.refusal.code) : "");
    seat->position++;
    seat->forwarding = -1;
    return true;
}

void worker_find_position(struct world *world, struct worker *worker, int32_t partition)
{
    struct seat *seat = &worker->seats[partition];
    uint64_t epochs = engine_counts(seat->engine).epochs;
    if (seat->epochs == epochs)
        return;
    seat->epochs = epochs;
    seat->owned_ns = world->now_ns;
    worker_apply_cancels(world, worker, seat->engine);
    worker_apply_approvals(world, worker, seat->engine);
    struct engine_checkpoint checkpoint = engine_checkpoint(seat->engine);
    if (seat->position < 0 || !world->omissions.reading_on)
        seat->position = checkpoint.next_command < 0 ? 0 : checkpoint.next_command;
    seat->forwarding = -1;
    say(world, "w%d p%d: owns, reads commands from %lld", worker->index, partition,
        (long long)seat->position);
}

bool worker_consume(struct world *world, struct worker *worker, int32_t partition)
{
    struct seat *seat = &worker->seats[partition];
    if (engine_role(seat->engine) != ENGINE_OWNING)
        return false;
    worker_find_position(world, worker, partition);
    bool any = false;
    while (worker_runs(worker) && seat->assigned && engine_wants(seat->engine) &&
           offer_next(world, worker, partition))
        any = true;
    return any;
}
