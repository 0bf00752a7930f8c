/* Events, commits, and how a run ends. */
#include <stdio.h>
#include <string.h>

#include "oracle_state.h"

/* ---- events ---- */

static bool follows(const struct fold_entry *entry, enum event_kind kind,
                    const struct fold_command *command)
{
    static const enum event_kind closing[COMMAND_OUTCOMES] = {
        [COMMAND_COMPLETED] = EVENT_COMPLETED,
        [COMMAND_PARTIALLY_COMPLETED] = EVENT_PARTIALLY_COMPLETED,
        [COMMAND_FAILED] = EVENT_FAILED,
        [COMMAND_REJECTED] = EVENT_REJECTED,
        [COMMAND_EXPIRED] = EVENT_EXPIRED,
        [COMMAND_CANCELLED] = EVENT_CANCELLED,
        [COMMAND_DRY_RUN] = EVENT_DRY_RUN};
    switch (entry->kind) {
    case RECORD_ACCEPTED:
        return kind == EVENT_ACCEPTED;
    case RECORD_OUTCOME: /* who left */
        return kind == EVENT_SESSION || kind == EVENT_PROGRESS;
    case RECORD_RESOLVED:
        return kind == EVENT_PENDING_APPROVAL || kind == EVENT_PROGRESS;
    case RECORD_LOCKED: /* of whom an approved list names */
        return kind == EVENT_PROGRESS && command && command->approved;
    case RECORD_APPROVED:
        return kind == EVENT_PROGRESS;
    case RECORD_RELEASED: /* a hold begins */
        return kind == EVENT_RELEASED || kind == EVENT_PROGRESS;
    case RECORD_RESTORED:
        return kind == EVENT_RESTORED;
    case RECORD_REJECTED:
        return kind == EVENT_REJECTED;
    case RECORD_CLOSED:
        return command && kind == closing[command->outcome];
    case RECORD_DUPLICATE: /* the first result once more */
        return command && command->ended_offset >= 0 && kind == closing[command->outcome];
    default:
        return false;
    }
}

static bool event_equal(const struct event_seen *a, const struct event_seen *b)
{
    return a->partition == b->partition && a->offset == b->offset && a->kind == b->kind &&
           uuid_equal(&a->command, &b->command) && uuid_equal(&a->session, &b->session) &&
           a->number == b->number;
}

void oracle_published(struct world *world, const struct worker *worker, int32_t partition,
                      const struct event *event)
{
    struct oracle *oracle = world->oracle;
    const struct fold *fold = &oracle->folds[partition];
    int64_t offset = event->journal_offset;
    say(world, "w%d p%d: publishes %s of %s for record %lld, id %s", worker->index, partition,
        event_kind_label(event->kind), brief(&event->command_id).text, (long long)offset,
        brief(&event->id).text);
    if (offset < 0 || offset >= worker->seats[partition].read ||
        event->journal_partition != partition) {
        violate(world, "events", "an event follows from record %lld, which was not read back",
                (long long)offset);
        return;
    }
    const struct fold_entry *entry = &fold->entries.at[offset];
    const struct fold_command *command =
        entry->command < 0 ? NULL : &fold->commands.at[entry->command];
    if (!entry->counts || !follows(entry, event->kind, command)) {
        violate(world, "events", "a %s event follows from record %lld, a%s %s",
                event_kind_label(event->kind), (long long)offset, entry->counts ? "" : " void",
                record_kind_label(entry->kind));
        return;
    }
    struct event_seen seen = {.id = event->id,
                              .partition = partition,
                              .offset = offset,
                              .kind = event->kind,
                              .command = event->command_id,
                              .outcome = event->outcome};
    if (event->kind == EVENT_SESSION && event->target_count) {
        seen.session = event->targets[0].session;
        seen.number = event->targets[0].number;
    }
    for (size_t i = 0; i < oracle->events.count; i++) {
        const struct event_seen *before = &oracle->events.at[i];
        bool same_id = uuid_equal(&before->id, &seen.id);
        if (same_id != event_equal(before, &seen) || (same_id && before->outcome != seen.outcome))
            violate(world, "events", "a %s event of record %lld was sent before as something else",
                    event_kind_label(event->kind), (long long)offset);
        if (same_id)
            return;
    }
    *VECTOR_ADD(&oracle->events) = seen;
}

void oracle_delivered(struct world *world, int32_t partition, const struct uuid *id)
{
    struct oracle *oracle = world->oracle;
    struct fold *fold = &oracle->folds[partition];
    for (size_t i = 0; i < oracle->events.count; i++) {
        struct event_seen *seen = &oracle->events.at[i];
        if (!uuid_equal(&seen->id, id))
            continue;
        seen->delivered = true;
        if (oracle_announces(&fold->entries.at[seen->offset]))
            fold->entries.at[seen->offset].event = *id;
    }
}

/* ---- commits and comparison ---- */

void oracle_committed(struct world *world, int32_t partition,
                      const struct engine_checkpoint *checkpoint)
{
    const struct fold *fold = &world->oracle->folds[partition];
    const struct partition *topic = &world->partitions[partition];
    for (int64_t i = 0; i < checkpoint->next_command; i++)
        if (i >= (int64_t)fold->answers.count || fold->answers.at[i].kind == RECORD_NONE)
            violate(world, "I5", "%lld is committed, and command %lld has no record",
                    (long long)checkpoint->next_command, (long long)i);
    if (world->violation[0] || checkpoint->next_command <= 0)
        return;
    const struct command_entry *last = &topic->commands.at[checkpoint->next_command - 1];
    struct sha256 digest = sha256_of(last->bytes, last->length);
    if (!sha256_equal(&digest, &checkpoint->last_digest))
        violate(world, "I5", "the digest of the last command read is another's");
    if (checkpoint->journal_start < 0 || checkpoint->journal_start > (int64_t)fold->entries.count)
        violate(world, "I5", "the journal is to be read from %lld",
                (long long)checkpoint->journal_start);
}

struct comparing {
    struct world *world;
    const struct fold *fold;
    uint32_t open;
};

static void compare_one(void *self, const struct engine_command_view *view)
{
    struct comparing *comparison = self;
    comparison->open++;
    const struct fold *fold = comparison->fold;
    for (size_t i = fold->commands.count; i-- > 0;) {
        const struct fold_command *command = &fold->commands.at[i];
        if (!uuid_equal(&command->id, &view->id))
            continue;
        if (!command->accepted || command->ended_offset >= 0)
            violate(comparison->world, "fold", "an engine holds %s for open, and it is closed",
                    brief(&view->id).text);
        return;
    }
    violate(comparison->world, "fold", "an engine holds %s for open, and nobody accepted it",
            brief(&view->id).text);
}

void oracle_compare(struct world *world, const struct worker *worker, int32_t partition)
{
    const struct seat *seat = &worker->seats[partition];
    const struct fold *fold = &world->oracle->folds[partition];
    const struct fold_owner *owner = fold_owner_at(fold, seat->read);
    if (!worker->up || !seat->engine || engine_role(seat->engine) == ENGINE_READING ||
        seat->read < (int64_t)fold->entries.count)
        return;
    bool owns = engine_role(seat->engine) == ENGINE_OWNING;
    if (owns && (!owner || owner->worker != worker->index || owner->life != worker->life))
        violate(world, "fold", "w%d thinks that it owns partition %d", worker->index, partition);
    struct comparing comparison = {world, fold, 0};
    engine_visit_open(seat->engine, compare_one, &comparison);
    uint32_t open = 0;
    for (size_t i = 0; i < fold->commands.count; i++)
        open += fold->commands.at[i].accepted && fold->commands.at[i].ended_offset < 0;
    if (open != comparison.open)
        violate(world, "fold", "w%d holds %u commands for open in partition %d, there are %u",
                worker->index, comparison.open, partition, open);
}

/* ---- the end ---- */

static bool partition_finished(struct world *world, int32_t at, bool complain)
{
    const struct fold *fold = &world->oracle->folds[at];
    const struct partition *topic = &world->partitions[at];
    for (size_t i = 0; i < topic->commands.count; i++) {
        if (i < fold->answers.count && fold->answers.at[i].kind != RECORD_NONE)
            continue;
        if (complain)
            violate(world, "I4", "command %zu of partition %d (%s) was never answered", i, at,
                    brief(&topic->commands.at[i].id).text);
        return false;
    }
    for (size_t i = 0; i < fold->commands.count; i++) {
        if (fold->commands.at[i].ended_offset >= 0)
            continue;
        if (complain)
            violate(world, "I4", "command %s of partition %d never closed",
                    brief(&fold->commands.at[i].id).text, at);
        return false;
    }
    for (size_t i = 0; i < fold->entries.count; i++) {
        if (!oracle_announces(&fold->entries.at[i]) || !uuid_is_nil(&fold->entries.at[i].event))
            continue;
        if (complain)
            violate(world, "events", "record %zu of partition %d was never announced", i, at);
        return false;
    }
    return true;
}

bool oracle_finished(struct world *world, bool complain)
{
    for (uint32_t i = 0; i < world->plan.partitions; i++)
        if (!partition_finished(world, (int32_t)i, complain))
            return false;
    return true;
}

size_t oracle_closed(const struct world *world, struct closed_time *ret, size_t max)
{
    size_t count = 0;
    for (uint32_t p = 0; p < world->plan.partitions; p++) {
        const struct fold *fold = &world->oracle->folds[p];
        for (size_t i = 0; i < fold->commands.count && count < max; i++) {
            const struct fold_command *command = &fold->commands.at[i];
            if (!command->accepted || command->ended_offset < 0)
                continue;
            ret[count++] = (struct closed_time){
                command->cluster,
                command->ended_ns - (command->first_appended.ms - BROKER_EPOCH_MS) * MS,
                command->outcome};
        }
    }
    return count;
}

bool oracle_waiting_list(struct world *world, struct approving *ret)
{
    for (uint32_t p = 0; p < world->plan.partitions; p++) {
        const struct fold *fold = &world->oracle->folds[p];
        for (size_t i = fold->commands.count; i-- > 0;) {
            const struct fold_command *command = &fold->commands.at[i];
            if (!command->waits || command->ended_offset >= 0)
                continue;
            ret->id = command->id;
            snprintf(ret->digest, sizeof ret->digest, "%s", command->list_digest);
            return true;
        }
    }
    return false;
}

bool oracle_open_command(struct world *world, struct uuid *ret, int32_t *partition)
{
    uint32_t start = draw_below(&world->draw, world->plan.partitions);
    for (uint32_t p = 0; p < world->plan.partitions; p++) {
        *partition = (int32_t)((start + p) % world->plan.partitions);
        const struct fold *fold = &world->oracle->folds[*partition];
        for (size_t i = fold->commands.count; i-- > 0;) {
            if (fold->commands.at[i].ended_offset >= 0)
                continue;
            *ret = fold->commands.at[i].id;
            return true;
        }
    }
    return false;
}

void oracle_figures(const struct world *world, struct figures *sum)
{
    const struct oracle *oracle = world->oracle;
    sum->acts += oracle->acts.count;
    sum->locks += oracle->locks;
    sum->restores += oracle->restores;
    sum->strays += oracle->strays;
    sum->disconnects += oracle->disconnects;
    sum->interrupts += oracle->interrupts;
    sum->kills += oracle->kills;
    sum->residual += oracle->residual;
    sum->programs += world->programs.count;
    sum->events += oracle->events.count;
    for (uint32_t p = 0; p < world->plan.partitions; p++) {
        const struct fold *fold = &oracle->folds[p];
        sum->records += fold->entries.count;
        sum->voided += fold->voided;
        sum->owners += fold->owners.count;
        sum->commands += world->partitions[p].commands.count;
        for (size_t i = 0; i < fold->commands.count; i++) {
            sum->closed += fold->commands.at[i].accepted && fold->commands.at[i].ended_offset >= 0;
            sum->rounds += fold->commands.at[i].round > 1 ? fold->commands.at[i].round - 1 : 0;
            sum->approved += fold->commands.at[i].approved;
            for (uint32_t k = 0; k < fold->commands.at[i].count; k++)
                sum->outcomes[fold->commands.at[i].targets[k].outcome]++;
        }
    }
}
