#include "cli/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/check.h"

struct open {
    struct trace_command command;
    char *reason;    /* owned */
    uint32_t round;  /* of the newest list */
    uint32_t before; /* targets of all rounds before it */
    uint32_t *seen;  /* owned: indices of decided targets, for each counts once */
    uint32_t seen_count;
    UT_hash_handle hh;
};

/* A drain that is over: a lock of it may still come. */
struct drained {
    struct uuid id;
    struct trace_stray place;
    UT_hash_handle hh;
};

struct stray {
    struct trace_stray told;
    UT_hash_handle hh; /* by told.uuid: an infobase has one lock */
};

struct trace {
    struct drained *drained;            /* by id */
    struct stray *strays;               /* by infobase */
    struct trace_partition *partitions; /* owned */
    int32_t count;
    bool forgives;     /* beginnings that are gone */
    struct open *open; /* by id */
    trace_visit visit;
    void *visit_self;
};

struct trace *trace_create(int32_t partitions)
{
    struct trace *trace = mem_new(struct trace);
    trace->partitions = mem_alloc((size_t)partitions, sizeof *trace->partitions);
    trace->count = partitions;
    for (int32_t i = 0; i < partitions; i++)
        trace_begin(trace, i, 0);
    return trace;
}

static void forget(struct trace *trace, struct open *open)
{
    HASH_DEL(trace->open, open);
    trace->partitions[open->command.partition].open--;
    free(open->seen);
    free(open->reason);
    free(open);
}

static void forget_stray(struct trace *trace, struct stray *stray)
{
    HASH_DEL(trace->strays, stray);
    free(stray);
}

void trace_destroy(struct trace *trace)
{
    struct open *open, *next;
    if (!trace)
        return;
    HASH_ITER(hh, trace->open, open, next)
    forget(trace, open);
    struct drained *drained, *next_drained;
    HASH_ITER(hh, trace->drained, drained, next_drained)
    {
        HASH_DEL(trace->drained, drained);
        free(drained);
    }
    struct stray *stray, *next_stray;
    HASH_ITER(hh, trace->strays, stray, next_stray)
    forget_stray(trace, stray);
    free(trace->partitions);
    free(trace);
}

void trace_promise(struct trace *trace, int32_t partition, const struct extent_promise *promise)
{
    CHECK(partition < trace->count);
    trace->partitions[partition].extent.promise = *promise;
}

void trace_begin(struct trace *trace, int32_t partition, int64_t low)
{
    CHECK(partition < trace->count);
    struct trace_partition *to = &trace->partitions[partition];
    const struct extent_promise promise = to->extent.promise;
    CHECK(to->records == 0);
    extent_begin(&to->extent, &to->chain, low, &promise);
}

void trace_at_end(struct trace *trace)
{
    for (int32_t i = 0; i < trace->count; i++) {
        struct trace_partition *partition = &trace->partitions[i];
        extent_reach(&partition->extent, &partition->chain, partition->extent.end);
    }
}

void trace_on_record(struct trace *trace, trace_visit visit, void *self)
{
    trace->visit = visit;
    trace->visit_self = self;
}

/* ---- folding ---- */

static struct open *find(struct trace *trace, const struct uuid *id)
{
    struct open *open;
    HASH_FIND(hh, trace->open, id, sizeof *id, open);
    return open;
}

static void fold_owner(struct trace_partition *partition, const struct record *record,
                       struct wall at)
{
    partition->owner = record->epoch;
    partition->owner_since = at;
    snprintf(partition->instance, sizeof partition->instance, "%s", record->owner.instance);
}

static void fold_accepted(struct trace *trace, int32_t partition, const struct record *record,
                          struct wall at)
{
    if (find(trace, &record->command_id))
        return; /* a repeat */
    struct open *open = mem_new(struct open);
    struct trace_command *command = &open->command;
    *command = (struct trace_command){.id = record->command_id,
                                      .partition = partition,
                                      .last = RECORD_ACCEPTED,
                                      .accepted_at = at,
                                      .expires_at = record->accepted.expires_at,
                                      .reason = ""};
    if (record->accepted.command) {
        snprintf(command->cluster, sizeof command->cluster, "%s",
                 record->accepted.command->cluster);
        snprintf(command->requested_by, sizeof command->requested_by, "%s",
                 record->accepted.command->requested_by);
        open->reason =
            mem_text(record->accepted.command->reason, strlen(record->accepted.command->reason));
        command->reason = open->reason;
    }
    HASH_ADD(hh, trace->open, command.id, sizeof command->id, open);
    trace->partitions[partition].open++;
}

static void fold_resolved(struct open *open, const struct record *record)
{
    if (record->resolved.round != open->round) { /* what earlier rounds chose stays counted */
        open->round = record->resolved.round;
        open->before = open->command.targets;
    }
    if (record->resolved.chunk == 1) /* chunks of an epoch that ended between do not count */
        open->command.targets = open->before;
    open->command.targets += record->resolved.count;
    if (record->resolved.hold_until.ms && open->command.holds.locked) {
        open->command.holds.empty = true;
        open->command.holds.until = record->resolved.hold_until;
    }
}

static void fold_outcome(struct open *open, const struct record *record)
{
    for (uint32_t i = 0; i < record->outcome.count; i++) {
        uint32_t index = record->outcome.ends[i].index, place = 0;
        while (place < open->seen_count && open->seen[place] != index)
            place++;
        if (place < open->seen_count)
            continue;
        open->seen = mem_resize(open->seen, open->seen_count + 1, sizeof *open->seen);
        open->seen[open->seen_count++] = index;
    }
    open->command.decided =
        open->seen_count < open->command.targets ? open->seen_count : open->command.targets;
}

/* ---- locks that should not stand ---- */

static void clear_stray(struct trace *trace, const struct uuid *infobase)
{
    struct stray *stray;
    HASH_FIND(hh, trace->strays, infobase, sizeof *infobase, stray);
    if (stray)
        forget_stray(trace, stray);
}

static void set_stray(struct trace *trace, const struct trace_stray *told)
{
    clear_stray(trace, &told->uuid);
    struct stray *stray = mem_new(struct stray);
    stray->told = *told;
    HASH_ADD(hh, trace->strays, told.uuid, sizeof stray->told.uuid, stray);
}

static struct trace_stray place_of(const char *cluster, const char *infobase,
                                   const struct uuid *uuid)
{
    struct trace_stray ret = {.uuid = *uuid};
    snprintf(ret.cluster, sizeof ret.cluster, "%s", cluster);
    snprintf(ret.infobase, sizeof ret.infobase, "%s", infobase);
    return ret;
}

static bool is_held(const struct trace *trace, const struct uuid *infobase)
{
    for (const struct open *open = trace->open; open; open = open->hh.next)
        if (open->command.holds.locked && uuid_equal(&open->command.holds.uuid, infobase))
            return true;
    return false;
}

/* What stands there, seen by somebody who has no part in it: is it marked like a lock of ours? */
static void note_lock(struct trace *trace, const struct infobase_lock *lock,
                      struct trace_stray place, struct wall at)
{
    clear_stray(trace, &place.uuid);
    if (!lock->sessions_deny || uuid_read(text_of(lock->denied_parameter), &place.mark, NULL))
        return;
    place.since = at;
    set_stray(trace, &place);
}

static void remember_drained(struct trace *trace, const struct open *open)
{
    const struct trace_hold *hold = &open->command.holds;
    struct drained *drained;
    if (uuid_is_nil(&hold->uuid))
        return;
    HASH_FIND(hh, trace->drained, &open->command.id, sizeof open->command.id, drained);
    if (drained)
        return;
    drained = mem_new(struct drained);
    drained->id = open->command.id;
    drained->place = place_of(open->command.cluster, hold->infobase, &hold->uuid);
    HASH_ADD(hh, trace->drained, id, sizeof drained->id, drained);
}

/* Records behind the end of a drain: a lock of it came late. */
static void fold_late(struct trace *trace, const struct record *record, struct wall at)
{
    struct drained *drained;
    HASH_FIND(hh, trace->drained, &record->command_id, sizeof record->command_id, drained);
    if (!drained)
        return;
    if (record->kind == RECORD_ATTEMPT && record->attempt.act == ACT_RESTORE) {
        struct trace_stray told = drained->place;
        struct stray *known;
        HASH_FIND(hh, trace->strays, &told.uuid, sizeof told.uuid, known);
        if (known && known->told.removing)
            return; /* once more */
        told.mark = drained->id;
        told.since = at;
        told.removing = true;
        set_stray(trace, &told);
    } else if (record->kind == RECORD_RESTORED) {
        note_lock(trace, &record->restored.now, drained->place, at);
    }
}

static void fold_restored(struct trace *trace, struct open *open, const struct record *record,
                          struct wall at)
{
    struct trace_hold *hold = &open->command.holds;
    hold->locked = false;
    if (!record->reason.code && !is_held(trace, &hold->uuid))
        note_lock(trace, &record->restored.now,
                  place_of(open->command.cluster, hold->infobase, &hold->uuid), at);
}

static void fold_locked(struct trace *trace, struct open *open, const struct record *record,
                        struct wall at)
{
    note_lock(
        trace, &record->locked.before,
        place_of(open->command.cluster, record->locked.infobase, &record->locked.during.infobase),
        at);
    struct trace_hold *hold = &open->command.holds;
    if (hold->locked)
        return; /* the first one counts */
    hold->locked = true;
    hold->since = at;
    hold->until = record->locked.until;
    hold->uuid = record->locked.during.infobase;
    snprintf(hold->infobase, sizeof hold->infobase, "%s", record->locked.infobase);
    snprintf(hold->name, sizeof hold->name, "%s", record->locked.name ? record->locked.name : "");
}

static void fold(struct trace *trace, int32_t partition, const struct record *record,
                 struct wall at)
{
    struct open *open = find(trace, &record->command_id);
    if (trace->visit)
        trace->visit(trace->visit_self, record, open ? &open->command : NULL, partition, at);
    if (record->kind == RECORD_OWNER)
        fold_owner(&trace->partitions[partition], record, at);
    else if (record->kind == RECORD_ACCEPTED)
        fold_accepted(trace, partition, record, at);
    if (!open) {
        fold_late(trace, record, at);
        return;
    }
    if (record->kind == RECORD_RESOLVED)
        fold_resolved(open, record);
    else if (record->kind == RECORD_OUTCOME)
        fold_outcome(open, record);
    else if (record->kind == RECORD_LOCKED)
        fold_locked(trace, open, record, at);
    else if (record->kind == RECORD_RESTORED)
        fold_restored(trace, open, record, at);
    bool withheld = record->kind == RECORD_RESOLVED && open->command.last == RECORD_PENDING;
    bool refused = record->kind == RECORD_APPROVED && record->reason.code;
    if (record->kind != RECORD_DUPLICATE && record->kind != RECORD_FORWARDED && !withheld &&
        !refused)
        open->command.last = record->kind; /* what waits for an approval stays pending */
    if (record->kind == RECORD_CLOSED ||
        (record->kind == RECORD_REJECTED && record->rejected.after_accepted)) {
        remember_drained(trace, open);
        forget(trace, open);
    }
}

/* The first one says where to look. */
static void note_damage(struct trace_partition *partition, const struct chain_verdict *verdict,
                        int64_t offset)
{
    bool damaged = verdict->state == CHAIN_BROKEN || verdict->state == CHAIN_GAP ||
                   verdict->state == CHAIN_UNREADABLE;
    if (!damaged || partition->damage.code)
        return;
    partition->damage = verdict->error;
    partition->damage_at = offset;
}

struct chain_verdict trace_record(struct trace *trace, int32_t partition, int64_t offset,
                                  struct text bytes, struct wall at)
{
    CHECK(partition >= 0);
    CHECK(partition < trace->count);
    AUTO(record) record = NULL;
    struct trace_partition *to = &trace->partitions[partition];
    extent_reach(&to->extent, &to->chain, offset);
    to->records++;
    bool good = record_decode(bytes, &record, NULL) == ERR_OK;
    struct chain_verdict verdict =
        good ? chain_read_record(&to->chain, record, bytes) : chain_read(&to->chain, bytes);
    extent_note(&to->extent, &verdict, good ? record : NULL, partition, offset);
    note_damage(to, &verdict, offset);
    if (verdict.counts)
        fold(trace, partition, record, at);
    return verdict;
}

/* ---- what keeps it from being whole ---- */

void trace_forgive_beginnings(struct trace *trace)
{
    trace->forgives = true;
}

unsigned trace_faults(const struct trace *trace, int32_t partition)
{
    unsigned faults = extent_faults(&trace_partition(trace, partition)->extent);
    return trace->forgives ? faults & ~(unsigned)EXTENT_BEGINNING : faults;
}

void trace_say_doubt(const struct trace *trace, int32_t partition, struct buf *out)
{
    const struct trace_partition *from = trace_partition(trace, partition);
    uint64_t damaged = from->chain.damaged + from->chain.holes;
    unsigned faults = trace_faults(trace, partition);
    if (damaged)
        buf_format(out,
                   "%llu of %llu records are damaged or follow a hole, the first at offset %lld: "
                   "%s",
                   (unsigned long long)damaged, (unsigned long long)from->records,
                   (long long)from->damage_at, from->damage.message);
    if (damaged && faults)
        buf_str(out, "; ");
    extent_say(&from->extent, faults, out);
}

int32_t trace_doubtful(const struct trace *trace)
{
    int32_t count = 0;
    for (int32_t i = 0; i < trace->count; i++) {
        const struct trace_partition *partition = trace_partition(trace, i);
        count += partition->chain.damaged + partition->chain.holes > 0 || trace_faults(trace, i);
    }
    return count;
}

/* ---- the picture ---- */

int32_t trace_partitions(const struct trace *trace)
{
    return trace->count;
}

const struct trace_partition *trace_partition(const struct trace *trace, int32_t partition)
{
    CHECK(partition < trace->count);
    return &trace->partitions[partition];
}

static int by_age(const void *a, const void *b)
{
    const struct trace_command *first = a, *second = b;
    return (first->accepted_at.ms > second->accepted_at.ms) -
           (first->accepted_at.ms < second->accepted_at.ms);
}

struct trace_command *trace_open(const struct trace *trace, size_t *ret_count)
{
    size_t count = HASH_COUNT(trace->open), at = 0;
    struct trace_command *commands = mem_alloc(count ? count : 1, sizeof *commands);
    for (const struct open *open = trace->open; open; open = open->hh.next)
        commands[at++] = open->command;
    CHECK(at == count);
    qsort(commands, count, sizeof *commands, by_age);
    *ret_count = count;
    return commands;
}

struct trace_stray *trace_strays(const struct trace *trace, size_t *ret_count)
{
    size_t count = HASH_COUNT(trace->strays), at = 0;
    struct trace_stray *strays = mem_alloc(count ? count : 1, sizeof *strays);
    for (const struct stray *stray = trace->strays; stray; stray = stray->hh.next)
        strays[at++] = stray->told;
    CHECK(at == count);
    *ret_count = count;
    return strays;
}

static bool is_among(const struct trace_stray *places, size_t count, const struct uuid *infobase)
{
    for (size_t i = 0; i < count; i++)
        if (uuid_equal(&places[i].uuid, infobase))
            return true;
    return false;
}

struct trace_stray *trace_drained(const struct trace *trace, size_t *ret_count)
{
    size_t most = HASH_COUNT(trace->drained), count = 0;
    struct trace_stray *places = mem_alloc(most ? most : 1, sizeof *places);
    for (const struct drained *drained = trace->drained; drained; drained = drained->hh.next) {
        const struct uuid *infobase = &drained->place.uuid;
        if (is_held(trace, infobase) || is_among(places, count, infobase))
            continue;
        places[count] = drained->place;
        places[count++].mark = drained->id;
    }
    *ret_count = count;
    return places;
}
