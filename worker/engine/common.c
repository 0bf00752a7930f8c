/* The small parts that every other file of the engine uses. */
#include "engine/common.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* ---- what is known by id ---- */

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

struct instant engine_send_by(const struct engine *engine, struct instant licence_until,
                              struct instant seen)
{
    struct instant ret = licence_until;
    if (MUTATED(engine, ignore_licence_age))
        ret = INSTANT_NEVER;
    else if (!MUTATED(engine, skip_identity_check))
        ret = instant_min(ret, instant_add_ms(seen, engine->config.identity_max_age_ms));
    return instant_min(ret, engine_control_until(engine));
}

struct open *engine_open(const struct engine *engine, uint64_t tag, uint32_t *ret_index)
{
    uint64_t serial = tag >> TARGET_BITS;
    struct open *open;
    HASH_FIND(by_serial, engine->by_serial, &serial, sizeof serial, open);
    *ret_index = (uint32_t)(tag & ((1u << TARGET_BITS) - 1));
    return open;
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
    struct queued *queued = STAILQ_FIRST(&engine->spare);
    if (queued) {
        STAILQ_REMOVE_HEAD(&engine->spare, in_order);
        engine->spare_count--;
        memset(queued, 0, sizeof *queued);
    } else {
        queued = mem_new(struct queued);
    }
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
    CHECK(engine->role == ENGINE_OWNING || record->kind == RECORD_OWNER);
    record->epoch = (struct epoch){engine->config.writer, engine->epoch};
    record->sequence = ++engine->sequence;
    record->events_through = engine->events_through;
    struct engine_action *action = engine_act(engine, ENGINE_APPEND);
    action->record = record;
    action->tag = engine_append_tag(record);
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

struct instant engine_instant_past(const struct engine *engine, struct wall wall)
{
    return instant_add_ms(engine->anchor_read, wall.ms - engine->anchor_wall.ms);
}

/* ---- the times of a command ---- */

struct wall open_end(const struct open *open)
{
    return open->end_by.ms ? open->end_by : open->expires_at;
}

bool open_is_over(const struct engine *engine, const struct open *open, struct instant now)
{
    return engine_broker_now(engine, now).ms >= open_end(open).ms;
}

bool open_in_grace(const struct engine *engine, const struct open *open, struct instant now)
{
    if (MUTATED(engine, hurry_grace))
        return false;
    return engine_broker_then(engine, now).ms < open->grace_until.ms;
}

void stop_why(const struct engine *engine, const struct open *open, const char *what,
              struct error *ret)
{
    const char *act = open->cancelled ? "cancelled" : "halted";
    const char *by = open->cancelled ? open->cancelled_by : engine->halted_by;
    const char *why = open->cancelled ? open->cancelled_why : engine->halted_why;
    const char *quote = by && by[0] ? "'" : "";
    bool says = why && why[0];
    error_set(ret, ERR_CANCELLED, "%s: %s by %s%s%s%s%s", what, act, quote,
              quote[0] ? by : "somebody who gives no name", quote,
              says ? ": " : ", who says not why", says ? why : "");
}

bool open_goes_on(const struct open *open)
{
    return open->round > 0 && !open->nobody_left && open_repeats(open) &&
           !open->command->options.dry_run;
}

void open_tell_doubt(const struct open *open, struct error *why)
{
    struct error plain = *why;
    if (open->doubt.code)
        error_set(why, plain.code, "%s: %s", plain.message, open->doubt.message);
}

void target_release(struct target *target)
{
    if (target->found)
        identity_release(&target->identity);
    free(target->snapshot);
    free(target->handler_of);
    reason_release(&target->reason);
    reason_release(&target->said);
    target->handler_of = NULL;
    target->found = false;
    target->snapshot = NULL;
    target->snapshot_length = 0;
}

/* ---- who waits for a list ---- */

void cluster_ask(struct engine *engine, struct cluster *cluster)
{
    if (cluster->asking || cluster->listing || TAILQ_EMPTY(&cluster->wanting))
        return;
    cluster->asking = true;
    TAILQ_INSERT_TAIL(&engine->asking, cluster, of_asking);
}

void cluster_want(struct engine *engine, struct open *open, struct instant after,
                  struct instant not_before)
{
    struct cluster *cluster = open->cluster;
    CHECK(!open->wants_list);
    if (TAILQ_EMPTY(&cluster->wanting))
        cluster->wake = INSTANT_NEVER;
    open->wants_list = true;
    open->list_after = after;
    open->list_not_before = not_before;
    TAILQ_INSERT_TAIL(&cluster->wanting, open, of_wanting);
    cluster->wake = instant_min(cluster->wake, not_before);
    cluster_ask(engine, cluster);
}

void cluster_served(struct open *open)
{
    if (!open->wants_list)
        return;
    open->wants_list = false;
    TAILQ_REMOVE(&open->cluster->wanting, open, of_wanting);
}

/* ---- what counts against the bounds ---- */

static void budget_add(struct engine_budget *to, const struct engine_budget *more)
{
    to->open_commands += more->open_commands;
    to->open_targets += more->open_targets;
    to->kept_targets += more->kept_targets;
    to->remembered_ids += more->remembered_ids;
}

static void budget_take(struct engine_budget *from, const struct engine_budget *less)
{
    from->open_commands -= less->open_commands;
    from->open_targets -= less->open_targets;
    from->kept_targets -= less->kept_targets;
    from->remembered_ids -= less->remembered_ids;
}

void engine_charge(struct engine *engine, struct engine_budget more)
{
    budget_add(&engine->mine, &more);
    if (engine->charged)
        budget_add(engine->budget, &more);
}

void engine_discharge(struct engine *engine, struct engine_budget less)
{
    budget_take(&engine->mine, &less);
    if (engine->charged)
        budget_take(engine->budget, &less);
}

/* Only what this worker owns counts against its bounds: an engine that merely reads along cannot
 * bring anything to an end, and must not keep others from working. */
void engine_set_role(struct engine *engine, enum engine_role role)
{
    bool charge = role == ENGINE_OWNING;
    engine->role = role;
    if (charge == engine->charged)
        return;
    engine->charged = charge;
    if (charge)
        budget_add(engine->budget, &engine->mine);
    else
        budget_take(engine->budget, &engine->mine);
}
