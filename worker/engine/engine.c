/* Creation, the small common parts, and the queue of actions. */
#include "engine/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"

/* ---- creation ---- */

static void copy_config(struct engine *engine, const struct engine_config *config)
{
    CHECK(config->resolve);
    CHECK(config->attempts_max >= 1);
    char *instance = mem_text(config->instance, strlen(config->instance));
    free(engine->instance);
    engine->config = *config;
    engine->instance = instance;
    engine->config.instance = instance;
}

struct engine *engine_create(const struct engine_config *config, struct engine_budget *budget)
{
    struct engine *engine = mem_new(struct engine);
    copy_config(engine, config);
    engine->budget = budget;
    engine->next_command = -1;
    engine->last_source_offset = -1;
    engine->retry_events_at = INSTANT_NEVER;
    TAILQ_INIT(&engine->order);
    TAILQ_INIT(&engine->duties);
    TAILQ_INIT(&engine->dirty);
    TAILQ_INIT(&engine->asking);
    STAILQ_INIT(&engine->actions);
    STAILQ_INIT(&engine->finished);
    return engine;
}

void engine_configure(struct engine *engine, const struct engine_config *config)
{
    struct engine_config next = *config;
    next.partition = engine->config.partition;
    next.writer = engine->config.writer;
    copy_config(engine, &next);
}

void target_release(struct target *target)
{
    if (target->found)
        identity_release(&target->identity);
    free(target->snapshot);
    reason_release(&target->reason);
    target->found = false;
    target->snapshot = NULL;
    target->snapshot_length = 0;
}

static void gathering_release(struct open *open)
{
    for (uint32_t i = 0; i < open->gathering.chunks; i++)
        record_destroy(open->gathering.parts[i]);
    free(open->gathering.parts);
    memset(&open->gathering, 0, sizeof open->gathering);
}

void open_free(struct engine *engine, struct open *open)
{
    heap_set(engine, open, INSTANT_NEVER);
    cluster_served(open);
    if (open->dirty)
        TAILQ_REMOVE(&engine->dirty, open, of_dirty);
    HASH_DELETE(by_serial, engine->by_serial, open);
    TAILQ_REMOVE(&open->cluster->opens, open, of_cluster);
    open->cluster->open_count--;
    engine_charge(engine, -1, -(int64_t)open->target_count, 0);
    for (uint32_t i = 0; i < open->target_count; i++)
        target_release(&open->targets[i]);
    free(open->targets);
    gathering_release(open);
    reason_release(&open->reason);
    command_destroy(open->command);
    open->entry->open = NULL;
    free(open);
}

void entry_free(struct engine *engine, struct entry *entry)
{
    if (entry->open)
        open_free(engine, entry->open);
    if (!entry->outdated)
        HASH_DEL(engine->entries, entry);
    TAILQ_REMOVE(&engine->order, entry, in_order);
    engine_charge(engine, 0, 0, -1);
    reason_release(&entry->reason);
    free(entry->past);
    free(entry);
}

/* By the times of records alone, so that no reader forgets what another still knows and needs. A
 * copy that was appended in time may be read that much later; what is older still is refused at the
 * door (engine_offer). */
void engine_forget(struct engine *engine, struct wall broker_time)
{
    for (struct entry *entry = TAILQ_FIRST(&engine->order); entry && !entry->open && !entry->duties;
         entry = TAILQ_FIRST(&engine->order)) {
        if (entry->forget_at.ms + engine->config.remember_ms > broker_time.ms)
            return;
        entry_free(engine, entry);
    }
}

void engine_charge(struct engine *engine, int64_t commands, int64_t targets, int64_t ids)
{
    struct engine_budget *parts[] = {&engine->mine, engine->charged ? engine->budget : NULL};
    for (size_t i = 0; i < 2 && parts[i]; i++) {
        parts[i]->open_commands = (uint32_t)(parts[i]->open_commands + commands);
        parts[i]->open_targets = (uint32_t)(parts[i]->open_targets + targets);
        parts[i]->remembered_ids = (uint32_t)(parts[i]->remembered_ids + ids);
    }
}

/* Only what this worker owns counts against its bounds: an engine that merely reads along cannot
 * bring anything to an end, and must not keep others from working. */
void engine_set_role(struct engine *engine, enum engine_role role)
{
    bool charge = role == ENGINE_OWNING;
    engine->role = role;
    if (charge == engine->charged)
        return;
    struct engine_budget mine = engine->mine;
    int64_t sign = charge ? 1 : -1;
    engine->charged = charge;
    engine->budget->open_commands =
        (uint32_t)(engine->budget->open_commands + sign * mine.open_commands);
    engine->budget->open_targets =
        (uint32_t)(engine->budget->open_targets + sign * mine.open_targets);
    engine->budget->remembered_ids =
        (uint32_t)(engine->budget->remembered_ids + sign * mine.remembered_ids);
}

static void clear_actions(struct engine *engine)
{
    while (!STAILQ_EMPTY(&engine->actions)) {
        struct queued *queued = STAILQ_FIRST(&engine->actions);
        STAILQ_REMOVE_HEAD(&engine->actions, in_order);
        record_destroy(queued->action.record);
        free(queued);
    }
}

static void clear_finished(struct engine *engine)
{
    while (!STAILQ_EMPTY(&engine->finished)) {
        struct finished *finished = STAILQ_FIRST(&engine->finished);
        STAILQ_REMOVE_HEAD(&engine->finished, in_order);
        free(finished);
    }
    free(engine->handed_finished);
}

void engine_destroy(struct engine *engine)
{
    if (!engine)
        return;
    clear_actions(engine);
    clear_finished(engine);
    duties_free(engine);
    while (!TAILQ_EMPTY(&engine->order))
        entry_free(engine, TAILQ_FIRST(&engine->order));
    struct cluster *cluster;
    struct cluster *next;
    HASH_ITER(hh, engine->clusters, cluster, next)
    {
        HASH_DEL(engine->clusters, cluster);
        free(cluster->name);
        free(cluster);
    }
    flying_clear(engine);
    free(engine->appending);
    free(engine->heap);
    free(engine->event_targets);
    free(engine->instance);
    free(engine);
}

void engine_begin_at(struct engine *engine, int64_t offset, const struct epoch *owner,
                     uint64_t sequence)
{
    CHECK(engine->position == 0);
    CHECK(sequence > 0);
    engine->position = offset;
    engine->owner = *owner;
    engine->owner_sequence = sequence - 1;
}

/* ---- common parts ---- */

struct entry *engine_find(struct engine *engine, const struct uuid *id)
{
    struct entry *entry;
    HASH_FIND(hh, engine->entries, id, sizeof *id, entry);
    return entry;
}

struct entry *engine_known(struct engine *engine, const struct uuid *id, struct wall first_append)
{
    struct entry *entry = engine_find(engine, id);
    bool ended = entry && entry->outcome != COMMAND_NONE;
    return entry && (!ended || first_append.ms < entry->forget_at.ms) ? entry : NULL;
}

void flying_clear(struct engine *engine)
{
    struct flying *flying;
    struct flying *next;
    HASH_ITER(hh, engine->flying, flying, next)
    {
        HASH_DEL(engine->flying, flying);
        free(flying);
    }
}

void flying_landed(struct engine *engine, const struct uuid *id)
{
    struct flying *flying;
    HASH_FIND(hh, engine->flying, id, sizeof *id, flying);
    if (!flying)
        return;
    HASH_DEL(engine->flying, flying);
    free(flying);
}

struct cluster *engine_cluster(struct engine *engine, const char *name)
{
    struct cluster *cluster;
    HASH_FIND_STR(engine->clusters, name, cluster);
    if (cluster)
        return cluster;
    cluster = mem_new(struct cluster);
    cluster->name = mem_text(name, strlen(name));
    TAILQ_INIT(&cluster->opens);
    TAILQ_INIT(&cluster->wanting);
    HASH_ADD_KEYPTR(hh, engine->clusters, cluster->name, strlen(cluster->name), cluster);
    return cluster;
}

void engine_touch(struct engine *engine, struct open *open)
{
    if (open->dirty)
        return;
    open->dirty = true;
    TAILQ_INSERT_TAIL(&engine->dirty, open, of_dirty);
}

static void queue_action(struct engine *engine, struct queued *queued)
{
    queued->action.tag = queued->action.tag ? queued->action.tag : ++engine->tags;
    STAILQ_INSERT_TAIL(&engine->actions, queued, in_order);
    engine->action_count++;
}

struct engine_action *engine_act(struct engine *engine, enum engine_action_kind kind)
{
    struct queued *queued = mem_new(struct queued);
    queued->action.kind = kind;
    queue_action(engine, queued);
    return &queued->action;
}

static void remember_append(struct engine *engine, uint64_t sequence, struct instant now)
{
    if (engine->appending_count == engine->appending_size) {
        size_t size = engine->appending_size ? 2 * engine->appending_size : 64;
        struct appending *grown = mem_alloc(size, sizeof *grown);
        for (size_t i = 0; i < engine->appending_count; i++)
            grown[i] = engine->appending[(engine->appending_first + i) % engine->appending_size];
        free(engine->appending);
        engine->appending = grown;
        engine->appending_size = size;
        engine->appending_first = 0;
    }
    size_t at = (engine->appending_first + engine->appending_count) % engine->appending_size;
    engine->appending[at] = (struct appending){sequence, now};
    engine->appending_count++;
}

void engine_append(struct engine *engine, struct record *record, struct instant now)
{
    record->epoch = (struct epoch){engine->config.writer, engine->epoch};
    record->sequence = ++engine->sequence;
    record->events_through = engine->events_through;
    struct engine_action *action = engine_act(engine, ENGINE_APPEND);
    action->record = record;
    action->tag = (engine->epoch << 32) | (uint32_t)engine->sequence;
    remember_append(engine, record->sequence, now);
}

struct record *engine_record_about(const struct open *open, enum record_kind kind)
{
    struct record *record = record_create(kind);
    record->command_id = open->entry->id;
    record->command_digest = open->entry->digest;
    return record;
}

struct wall engine_broker_now(const struct engine *engine, struct instant now)
{
    if (engine->anchor_wall.ms == 0)
        return (struct wall){0};
    return (struct wall){engine->anchor_wall.ms + instant_ms_between(engine->anchor_at, now)};
}

struct wall engine_broker_then(const struct engine *engine, struct instant at)
{
    if (engine->anchor_wall.ms == 0)
        return (struct wall){0};
    return (struct wall){engine->anchor_wall.ms + instant_ms_between(engine->anchor_read, at)};
}

struct instant engine_instant_of(const struct engine *engine, struct wall wall)
{
    return instant_add_ms(engine->anchor_at, wall.ms - engine->anchor_wall.ms);
}

/* ---- a heap of wake-up times ---- */

static void heap_place(struct engine *engine, size_t index, struct open *open)
{
    engine->heap[index] = open;
    open->heap_index = (int)index;
}

static void heap_up(struct engine *engine, size_t index)
{
    struct open *open = engine->heap[index];
    while (index > 0 && instant_before(open->wake, engine->heap[(index - 1) / 2]->wake)) {
        heap_place(engine, index, engine->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    heap_place(engine, index, open);
}

static void heap_down(struct engine *engine, size_t index)
{
    struct open *open = engine->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= engine->heap_count)
            break;
        if (child + 1 < engine->heap_count &&
            instant_before(engine->heap[child + 1]->wake, engine->heap[child]->wake))
            child++;
        if (!instant_before(engine->heap[child]->wake, open->wake))
            break;
        heap_place(engine, index, engine->heap[child]);
        index = child;
    }
    heap_place(engine, index, open);
}

static void heap_remove(struct engine *engine, struct open *open)
{
    size_t index = (size_t)open->heap_index;
    open->heap_index = -1;
    struct open *last = engine->heap[--engine->heap_count];
    if (last == open)
        return;
    heap_place(engine, index, last);
    heap_up(engine, index);
    heap_down(engine, (size_t)last->heap_index);
}

void heap_set(struct engine *engine, struct open *open, struct instant wake)
{
    if (open->heap_index >= 0)
        heap_remove(engine, open);
    open->wake = wake;
    if (wake.ns == INSTANT_NEVER.ns)
        return;
    if (engine->heap_count == engine->heap_size) {
        engine->heap_size = engine->heap_size ? 2 * engine->heap_size : 64;
        engine->heap = mem_resize(engine->heap, engine->heap_size, sizeof engine->heap[0]);
    }
    heap_place(engine, engine->heap_count, open);
    heap_up(engine, engine->heap_count++);
}

/* ---- outputs ---- */

static void settle(struct engine *engine, struct instant now)
{
    owner_step(engine, now);
    for (struct open *open = TAILQ_FIRST(&engine->dirty); open;
         open = TAILQ_FIRST(&engine->dirty)) {
        TAILQ_REMOVE(&engine->dirty, open, of_dirty);
        open->dirty = false;
        if (engine_may_act(engine))
            decide(engine, open, now);
    }
    if (!engine_may_act(engine))
        return;
    clusters_step(engine, now);
    duties_step(engine, now);
}

bool engine_next(struct engine *engine, struct engine_action *ret, struct instant now)
{
    if (STAILQ_EMPTY(&engine->actions))
        settle(engine, now);
    struct queued *queued;
    while ((queued = STAILQ_FIRST(&engine->actions))) {
        STAILQ_REMOVE_HEAD(&engine->actions, in_order);
        engine->action_count--;
        *ret = queued->action;
        free(queued);
        if (ret->kind != ENGINE_PUBLISH || duty_fill(engine, ret))
            return true;
    }
    return false;
}

void engine_tick(struct engine *engine, struct instant now)
{
    while (engine->heap_count && instant_passed(now, engine->heap[0]->wake)) {
        struct open *open = engine->heap[0];
        heap_set(engine, open, INSTANT_NEVER);
        engine_touch(engine, open);
    }
}

struct instant engine_wake(const struct engine *engine)
{
    struct instant wake = owner_wake(engine);
    if (!engine_may_act(engine))
        return wake;
    if (engine->heap_count)
        wake = instant_min(wake, engine->heap[0]->wake);
    wake = instant_min(wake, clusters_wake(engine));
    return instant_min(wake, duties_wake(engine));
}

/* ---- looking in ---- */

enum engine_role engine_role(const struct engine *engine)
{
    return engine->role;
}

uint64_t engine_epochs(const struct engine *engine)
{
    return engine->epochs;
}

struct engine_checkpoint engine_checkpoint(const struct engine *engine)
{
    struct engine_checkpoint ret = {
        .next_command = engine->next_command,
        .last_digest = engine->last_digest,
        .journal_start = engine->position,
        .journal_owner = engine->owner,
        .journal_sequence = engine->owner_sequence + 1,
    };
    if (engine->last_source_offset >= 0) {
        ret.journal_start = engine->last_source_offset;
        ret.journal_owner = engine->last_source_epoch;
        ret.journal_sequence = engine->last_source_sequence;
    }
    const struct entry *oldest = TAILQ_FIRST(&engine->order);
    if (oldest && oldest->first_offset < ret.journal_start) {
        ret.journal_start = oldest->first_offset;
        ret.journal_owner = oldest->first_epoch;
        ret.journal_sequence = oldest->first_sequence;
    }
    const struct duty *undelivered = TAILQ_FIRST(&engine->duties);
    if (undelivered && undelivered->offset < ret.journal_start) {
        ret.journal_start = undelivered->offset;
        ret.journal_owner = undelivered->epoch;
        ret.journal_sequence = undelivered->sequence;
    }
    return ret;
}

struct engine_counts engine_counts(const struct engine *engine)
{
    struct engine_counts ret = {
        .open_commands = engine->mine.open_commands,
        .open_targets = engine->mine.open_targets,
        .appends_waiting = (uint32_t)engine->appending_count,
        .voided = engine->voided,
        .epochs = engine->epochs,
        .stale = engine->stale,
    };
    const struct duty *duty;
    TAILQ_FOREACH(duty, &engine->duties, in_order)
    ret.events_waiting += !duty->done;
    return ret;
}

void engine_visit_open(const struct engine *engine,
                       void (*visit)(void *self, const struct engine_command_view *view),
                       void *self)
{
    const struct entry *entry;
    TAILQ_FOREACH(entry, &engine->order, in_order)
    {
        const struct open *open = entry->open;
        if (!open || open->state >= STATE_CLOSED)
            continue;
        struct engine_command_view view = {
            .id = entry->id,
            .command = open->command,
            .cluster = open->cluster->name,
            .source = open->source,
            .targets = open->target_count,
            .accepted_at = open->accepted_at,
            .accepted_offset = entry->first_offset,
        };
        for (uint32_t i = 0; i < open->target_count; i++)
            view.succeeded += target_outcome_is_success(open->targets[i].outcome);
        visit(self, &view);
    }
}

bool engine_finished(struct engine *engine, struct engine_command_view *ret)
{
    free(engine->handed_finished);
    engine->handed_finished = STAILQ_FIRST(&engine->finished);
    if (!engine->handed_finished)
        return false;
    STAILQ_REMOVE_HEAD(&engine->finished, in_order);
    *ret = engine->handed_finished->view;
    return true;
}
