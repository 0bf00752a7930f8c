/* What is remembered of ids, and when it is let go; with it the commands. */
#include "engine/entry.h"

#include <stdlib.h>

#include "engine/common.h"
#include "engine/handler.h"
#include "engine/heap.h"
#include "engine/holds.h"
#include "engine/lock.h"
#include "engine/release.h"
#include "engine/watch.h"

/* ---- commands ---- */

void gathering_free(struct open *open)
{
    struct gathering *gathering = STEAL(open->gathering);
    for (uint32_t i = 0; gathering && i < gathering->chunks; i++)
        record_destroy(gathering->parts[i]);
    free(gathering);
}

/* From here on it counts as open nowhere. */
static void retire(struct engine *engine, struct open *open)
{
    if (open->retired)
        return;
    open->retired = true;
    open->cluster->open_count--;
    engine_discharge(engine,
                     (struct engine_budget){.open_commands = 1,
                                            .open_targets = open->undecided,
                                            .kept_targets = open->target_count - open->undecided});
    for (uint32_t i = 0; i < open->target_count; i++)
        target_release(&open->targets[i]);
    free(open->targets);
    open->targets = NULL;
    open->target_count = 0;
    gathering_free(open);
    release_free(open);
    handling_free(open);
}

static void free_drain(struct engine *engine, struct open *open)
{
    struct drain *drain = open->drain;
    if (!drain)
        return;
    if (drain->share)
        hold_drop_share(engine, drain);
    hold_leave(engine, drain);
    watch_leave(engine, drain);
    lock_forget_seen(drain);
    free(drain->title);
    infobase_lock_release(&drain->during);
    infobase_lock_release(&drain->licensed);
    infobase_lock_release(&drain->writing);
    free(drain);
    open->drain = NULL;
}

static void open_free(struct engine *engine, struct open *open)
{
    heap_set(engine, open, INSTANT_NEVER);
    cluster_served(open);
    if (open->dirty)
        TAILQ_REMOVE(&engine->dirty, open, of_dirty);
    HASH_DELETE(by_serial, engine->by_serial, open);
    TAILQ_REMOVE(&open->cluster->opens, open, of_cluster);
    retire(engine, open);
    free(open->approval);
    free_drain(engine, open);
    reason_release(&open->reason);
    reason_release(&open->failure);
    reason_release(&open->doubt);
    free(open->cancelled_by);
    free(open->cancelled_why);
    command_destroy(open->command);
    open->entry->open = NULL;
    free(open);
}

void open_announced(struct engine *engine, struct open *open)
{
    if (watch_is_on(open))
        retire(engine, open);
    else
        open_free(engine, open);
}

void open_unwatch(struct engine *engine, struct open *open)
{
    watch_leave(engine, open->drain);
    if (open->retired && open->entry->duties == 0) /* else its last event frees it */
        open_free(engine, open);
}

/* ---- ids ---- */

struct entry *entry_add(struct engine *engine, const struct record *record, int64_t offset,
                        int64_t from_ms)
{
    struct entry *entry = mem_new(struct entry);
    entry->id = record->command_id;
    entry->digest = record->command_digest;
    entry->first_offset = offset;
    entry->first_epoch = record->epoch;
    entry->first_sequence = record->sequence;
    entry->forget_at.ms = from_ms + engine->config.remember_ms;
    HASH_ADD(hh, engine->entries, id, sizeof entry->id, entry);
    TAILQ_INSERT_TAIL(&engine->order, entry, in_order);
    engine_charge(engine, (struct engine_budget){.remembered_ids = 1});
    return entry;
}

void entry_free(struct engine *engine, struct entry *entry)
{
    if (entry->open)
        open_free(engine, entry->open);
    if (!entry->outdated)
        HASH_DEL(engine->entries, entry);
    TAILQ_REMOVE(&engine->order, entry, in_order);
    engine_discharge(engine, (struct engine_budget){.remembered_ids = 1});
    reason_release(&entry->reason);
    free(entry->past);
    free(entry);
}

/* An id that comes again after its time is a new command. Events of the old one may still have to
 * be delivered; then it stays until they are. */
void entry_outdate(struct engine *engine, const struct uuid *id)
{
    struct entry *outdated = engine_find(engine, id);
    if (!outdated)
        return;
    if (outdated->open && watch_is_on(outdated->open))
        open_unwatch(engine, outdated->open); /* records under this id speak of the new one now */
    HASH_DEL(engine->entries, outdated);
    outdated->outdated = true;
    if (!outdated->open && !outdated->duties)
        entry_free(engine, outdated);
}

/* By the times of records alone, so that no reader forgets what another still knows and needs. A
 * copy that was appended in time may be read that much later; what is older still is refused at the
 * door (engine_offer). */
void engine_forget(struct engine *engine, struct wall broker_time)
{
    enum {
        OPEN_PASSED_OVER = 16
    }; /* a drain may hold for days: what came behind it is forgotten
          all the same */
    struct entry *next;
    unsigned open = 0;
    for (struct entry *entry = TAILQ_FIRST(&engine->order); entry; entry = next) {
        next = TAILQ_NEXT(entry, in_order);
        if (entry->open && watch_is_over(engine, entry->open, broker_time))
            open_unwatch(engine, entry->open);
        if (entry->open || entry->duties) {
            bool watches = entry->open && entry->open->retired; /* for a while only */
            if (!watches && ++open > OPEN_PASSED_OVER)
                return;
            continue;
        }
        if (entry->forget_at.ms + engine->config.remember_ms > broker_time.ms)
            return;
        entry_free(engine, entry);
    }
}
