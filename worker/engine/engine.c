/* Creation, the way out for actions, and looking in: the top of the engine. */
#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/announce.h"
#include "engine/cluster.h"
#include "engine/common.h"
#include "engine/decide.h"
#include "engine/entry.h"
#include "engine/handler.h"
#include "engine/heap.h"
#include "engine/holds.h"
#include "engine/lock.h"
#include "engine/owner.h"
#include "engine/state.h"
#include "engine/watch.h"

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
    STAILQ_INIT(&engine->spare);
    STAILQ_INIT(&engine->finished);
    STAILQ_INIT(&engine->strays);
    return engine;
}

void engine_configure(struct engine *engine, const struct engine_config *config)
{
    struct engine_config next = *config;
    next.partition = engine->config.partition;
    next.writer = engine->config.writer;
    copy_config(engine, &next);
}

static void clear_actions(struct engine *engine)
{
    while (!STAILQ_EMPTY(&engine->actions)) {
        struct queued *queued = STAILQ_FIRST(&engine->actions);
        STAILQ_REMOVE_HEAD(&engine->actions, in_order);
        record_destroy(queued->action.record);
        free(queued);
    }
    while (!STAILQ_EMPTY(&engine->spare)) {
        struct queued *queued = STAILQ_FIRST(&engine->spare);
        STAILQ_REMOVE_HEAD(&engine->spare, in_order);
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
    strays_free(engine);
    while (!TAILQ_EMPTY(&engine->order))
        entry_free(engine, TAILQ_FIRST(&engine->order));
    holds_free(engine);
    struct cluster *cluster;
    struct cluster *next;
    HASH_CLEAR(by_listing, engine->by_listing);
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
    free(engine->halted_by);
    free(engine->halted_why);
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

/* ---- outputs ---- */

/* Until there is enough to do: what is done while it is new costs less. */
static void settle(struct engine *engine, struct instant now)
{
    owner_step(engine, now);
    struct open *open;
    while (engine->action_count < ACTIONS_AHEAD && (open = TAILQ_FIRST(&engine->dirty))) {
        TAILQ_REMOVE(&engine->dirty, open, of_dirty);
        open->dirty = false;
        if (engine_may_act(engine))
            decide(engine, open, now);
    }
    if (!TAILQ_EMPTY(&engine->dirty) || !engine_may_act(engine))
        return;
    clusters_step(engine, now);
    duties_step(engine, now);
}

/* Is there still somebody who waits for it? An action borrows from its command, and what was queued
 * before the inputs of this turn may be about one that is over by now. */
static bool is_wanted(struct engine *engine, struct engine_action *action)
{
    uint32_t index;
    switch (action->kind) {
    case ENGINE_PUBLISH:
        return duty_fill(engine, action);
    case ENGINE_HANDLE:
        return handler_fill(engine, action);
    case ENGINE_LIST:
        return cluster_fill(engine, action);
    case ENGINE_APPEND:
        return true;
    default:
        return engine_open(engine, action->tag, &index) != NULL;
    }
}

static struct engine_action take_action(struct engine *engine)
{
    struct queued *queued = STAILQ_FIRST(&engine->actions);
    struct engine_action action = queued->action;
    STAILQ_REMOVE_HEAD(&engine->actions, in_order);
    engine->action_count--;
    if (engine->spare_count < ACTIONS_AHEAD) {
        STAILQ_INSERT_HEAD(&engine->spare, queued, in_order);
        engine->spare_count++;
    } else {
        free(queued);
    }
    return action;
}

bool engine_next(struct engine *engine, struct engine_action *ret, struct instant now)
{
    do {
        if (STAILQ_EMPTY(&engine->actions))
            settle(engine, now);
        if (STAILQ_EMPTY(&engine->actions))
            return false;
        *ret = take_action(engine);
    } while (!is_wanted(engine, ret));
    return true;
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

void engine_presume(struct engine *engine, int32_t partitions)
{
    CHECK(engine->partitions == 0);
    engine->partitions = partitions;
}

struct engine_checkpoint engine_checkpoint(const struct engine *engine)
{
    struct engine_checkpoint ret = {
        .next_command = engine->next_command,
        .last_digest = engine->last_digest,
        .journal_start = engine->position,
        .journal_owner = engine->owner,
        .journal_sequence = engine->owner_sequence + 1,
        .partitions = engine->partitions,
        .releases = engine->releases,
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
        .kept_targets = engine->mine.kept_targets,
        .appends_waiting = (uint32_t)engine->appending_count,
        .voided = engine->voided,
        .epochs = engine->epochs,
        .stale = engine->stale,
    };
    for (const struct hold *hold = engine->holds; hold; hold = hold->hh.next) {
        ret.locks_held += hold->shares > 0;
        ret.locks_lost += hold->lost > 0;
        ret.locks_watched += hold->watcher != NULL;
        ret.locks_stray += hold->watcher && hold->watcher->drain->stray;
    }
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
