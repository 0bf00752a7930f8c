/* Ownership by log order (docs/adr/0002): whoever's OWNER stands last in the log owns the
 * partition; records of any other epoch behind it are void, for every reader, for ever. */
#include "engine/owner.h"

#include "engine/announce.h"
#include "engine/cluster.h"
#include "engine/common.h"
#include "engine/decide.h"

enum { ASK_AGAIN_FIRST_MS = 100, ASK_AGAIN_DOUBLINGS = 6 };

static void forget_in_flight(struct engine *engine)
{
    engine->appending_count = 0;
    engine->appending_first = 0;
    flying_clear(engine);
    clusters_restart(engine);
}

static void become_owner(struct engine *engine, struct instant now)
{
    engine_set_role(engine, ENGINE_OWNING);
    engine->asked = false;
    engine->epochs++;
    engine->lost_in_a_row = 0;
    if (MUTATED(engine, forget_nothing))
        return;
    forget_in_flight(engine);
    struct entry *entry;
    TAILQ_FOREACH(entry, &engine->order, in_order)
    if (entry->open)
        open_restart(engine, entry->open, now);
    duties_restart(engine);
}

/* Asks for an OWNER (again), later each time that somebody else was faster. */
static void ask_later(struct engine *engine, struct instant now)
{
    unsigned doublings =
        engine->lost_in_a_row < ASK_AGAIN_DOUBLINGS ? engine->lost_in_a_row : ASK_AGAIN_DOUBLINGS;
    engine->lost_in_a_row++;
    engine->want_owner = engine->assigned;
    engine->ask_at = instant_add_ms(now, (int64_t)ASK_AGAIN_FIRST_MS << doublings);
}

/* Numbers of epochs grow along the log: an OWNER whose number is not above the present owner's is
 * void, be it a repeat or of somebody who asked without having read the present one. */
void owner_read(struct engine *engine, const struct record *record, struct instant now)
{
    bool ours = uuid_equal(&record->epoch.writer, &engine->config.writer) &&
                record->epoch.number == engine->epoch;
    bool counts = record->epoch.number > engine->owner.number && record->sequence == 1;
    if (ours && engine->asked) {
        engine->asked = false;
        if (!counts)
            ask_later(engine, now);
    }
    if (!counts) {
        engine->voided++;
        return;
    }
    if (MUTATED(engine, ignore_foreign_owner) && engine->role == ENGINE_OWNING && !ours)
        return;
    if (record->owner.partitions > 0)
        engine->partitions = record->owner.partitions;
    engine->owner = record->epoch;
    engine->owner_sequence = 1;
    engine->owner_broken = false;
    if (ours) {
        become_owner(engine, now);
        return;
    }
    /* Another's OWNER, or an older one of ours: stop at once. If the partition is still ours by the
     * group, ask again: the late OWNER of a paused worker must not leave it without an owner. */
    if (engine->role == ENGINE_OWNING)
        engine_set_role(engine, ENGINE_WAITING);
    if (engine->role == ENGINE_WAITING && !engine->asked)
        ask_later(engine, now);
}

bool owner_counts(struct engine *engine, const struct record *record, struct instant now)
{
    if (MUTATED(engine, accept_void))
        return true;
    if (!epoch_equal(&record->epoch, &engine->owner) || engine->owner_broken)
        return false;
    if (record->sequence <= engine->owner_sequence)
        return false; /* a repeat */
    if (record->sequence == engine->owner_sequence + 1 || MUTATED(engine, ignore_gap)) {
        engine->owner_sequence = record->sequence;
        return true;
    }
    /* One of them was lost and a later one was not: nothing of this epoch counts from here on, so
     * that no command, chunk or outcome can be missing in the middle. If the epoch is ours, a new
     * one begins it all again. */
    engine->owner_broken = true;
    if (uuid_equal(&record->epoch.writer, &engine->config.writer) &&
        engine->role == ENGINE_OWNING && !engine->asked)
        ask_later(engine, now);
    return false;
}

void owner_step(struct engine *engine, struct instant now)
{
    if (!engine->want_owner || !engine->assigned || engine->asked || engine->role == ENGINE_READING)
        return;
    if (!instant_passed(now, engine->ask_at))
        return;
    engine->want_owner = false;
    engine->asked = true;
    engine_set_role(engine, ENGINE_WAITING); /* nothing is begun under the epoch that ends here */
    engine->epoch =
        (engine->epoch > engine->owner.number ? engine->epoch : engine->owner.number) + 1;
    engine->sequence = 0;
    engine->appending_count = 0;
    engine->appending_first = 0;
    struct record *record = record_create(RECORD_OWNER);
    record->owner.instance =
        mem_text(engine->config.instance, __builtin_strlen(engine->config.instance));
    record->owner.partitions = engine->partitions ? engine->partitions : engine->config.partitions;
    engine_append(engine, record, now);
}

struct instant owner_wake(const struct engine *engine)
{
    bool may_ask =
        engine->want_owner && engine->assigned && !engine->asked && engine->role != ENGINE_READING;
    return may_ask ? engine->ask_at : INSTANT_NEVER;
}

void engine_at_end(struct engine *engine, struct instant now)
{
    if (engine->role != ENGINE_READING)
        return;
    engine_set_role(engine, ENGINE_WAITING);
    engine->want_owner = engine->assigned;
    engine->ask_at = now;
}

void engine_assign(struct engine *engine, bool assigned, struct instant now)
{
    if (assigned && !engine->assigned) {
        engine->want_owner = true;
        engine->ask_at = now;
    }
    if (!assigned)
        engine->want_owner = false;
    engine->assigned = assigned;
}

void engine_appended(struct engine *engine, uint64_t tag, enum engine_append result,
                     struct instant now)
{
    if (result == ENGINE_PERSISTED || (tag >> 32) != engine->epoch)
        return;
    if (MUTATED(engine, ignore_uncertain))
        return;
    /* It may stand in the log or not, and what was appended behind it as well: a new OWNER settles
     * it. The place where such records would count is over then, and what was in flight is begun
     * again from the state. */
    engine->asked = false;
    engine->want_owner = engine->assigned;
    engine->ask_at = instant_add_ms(now, ASK_AGAIN_FIRST_MS);
}

bool engine_was_overtaken(const struct engine *engine)
{
    return engine->owner.number > 0 && !uuid_equal(&engine->owner.writer, &engine->config.writer);
}
