/* RESOLVED, PENDING and APPROVED read back: lists that are frozen, round by round, and what lets
 * them be acted on (docs/journal.md). */
#include "engine/fold_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "engine/announce.h"
#include "engine/common.h"
#include "engine/entry.h"
#include "engine/fold_lock.h"
#include "engine/lock.h"
#include "engine/move.h"
#include "engine/release.h"
#include "engine/resolve.h"

/* ---- targets ---- */

static enum error_code take_target(struct target *target, struct resolved_target *from,
                                   struct arena *scratch, struct error *err)
{
    target_release(target);
    target->asked_by_number = from->asked_by_number;
    target->asked_number = from->asked_number;
    target->asked_session = from->asked_session;
    target->verdict = from->verdict;
    reason_copy(&target->reason, &from->reason);
    target->handler = from->handler;
    target->handler_of = STEAL(from->handler_of);
    if (!from->snapshot)
        return ERR_OK;
    struct session session;
    if (session_decode((struct text){(const char *)from->snapshot, from->snapshot_length}, scratch,
                       &session, err))
        return error_set(err, ERR_JOURNAL,
                         "a RESOLVED record holds a snapshot that cannot be read");
    target->found = true;
    target->identity = identity_of(&session);
    target->snapshot = STEAL(from->snapshot);
    target->snapshot_length = from->snapshot_length;
    return ERR_OK;
}

/* Filters have no targets before they are resolved; further rounds bring more. */
static void widen(struct engine *engine, struct open *open, uint32_t count)
{
    if (count <= open->target_count)
        return;
    open->targets = mem_resize(open->targets, count, sizeof open->targets[0]);
    memset(open->targets + open->target_count, 0,
           (count - open->target_count) * sizeof open->targets[0]);
    engine_charge(engine, (struct engine_budget){.open_targets = count - open->target_count});
    open->undecided += count - open->target_count;
    open->target_count = count;
}

/* Whatever stands in a list is found or has a verdict; else nobody could ever decide it. */
static enum error_code check_whole(const struct open *open, uint32_t first, struct error *err)
{
    for (uint32_t i = first; i < open->target_count; i++)
        if (!open->targets[i].found && open->targets[i].verdict == TARGET_NONE)
            return error_set(err, ERR_JOURNAL,
                             "a RESOLVED list says nothing about target %u of its command", i);
    return ERR_OK;
}

static enum error_code freeze(struct engine *engine, struct open *open, uint32_t first,
                              struct error *err)
{
    unsigned char room[1024];
    AUTO_ARENA scratch;
    arena_init(&scratch, LIMIT_RAS_PACKET_BYTES, room, sizeof room);
    for (uint32_t chunk = 0; chunk < open->gathering->chunks; chunk++) {
        struct record *record = open->gathering->parts[chunk];
        for (uint32_t i = 0; i < record->resolved.count; i++) {
            struct resolved_target *from = &record->resolved.targets[i];
            if (from->index >= LIMIT_TARGETS || from->index < first)
                return error_set(err, ERR_JOURNAL, "a RESOLVED record of round %u names target %u",
                                 record->resolved.round, from->index);
            widen(engine, open, from->index + 1);
            if (take_target(&open->targets[from->index], from, &scratch, err))
                return ERR_JOURNAL;
        }
    }
    return check_whole(open, first, err);
}

/* ---- RESOLVED ---- */

static void gather_reset(struct open *open, const struct record *record)
{
    size_t parts = record->resolved.chunks * sizeof(struct record *);
    gathering_free(open);
    open->gathering = mem_alloc(1, sizeof *open->gathering + parts);
    open->gathering->epoch = record->epoch;
    open->gathering->chunks = record->resolved.chunks;
}

/* True when the list is whole. Takes the record. */
static bool gather(struct open *open, struct record *record)
{
    if (!open->gathering || !epoch_equal(&open->gathering->epoch, &record->epoch) ||
        open->gathering->chunks != record->resolved.chunks)
        gather_reset(open, record);
    struct record **part = &open->gathering->parts[record->resolved.chunk - 1];
    if (*part) {
        record_destroy(record); /* a repeat */
        return false;
    }
    *part = record;
    return ++open->gathering->got == open->gathering->chunks;
}

static void take_times(struct open *open, const struct record *record, struct wall broker_time)
{
    open->resolved_at = broker_time;
    open->grace_until = record->resolved.grace_until;
    open->end_by = record->resolved.end_by;
    open->hold_until = record->resolved.hold_until;
}

/* RESOLVED is the licence of the first attempt, unless something is waited for. */
static void license(struct open *open, uint32_t first, struct instant until)
{
    bool waits = open->grace_until.ms > 0 || open_awaits_approval(open);
    for (uint32_t i = first; i < open->target_count; i++) {
        open->targets[i].licensed = waits ? 0 : 1;
        open->targets[i].licence_until = waits ? (struct instant){0} : until;
        open->targets[i].seen = open->resolved_seen;
    }
}

/* PENDING stands for the next list of its own epoch only. */
static enum error_code check_pending(struct open *open, const struct epoch *epoch, uint32_t first,
                                     struct error *err)
{
    if (open_awaits_approval(open) && !epoch_equal(&open->approval->epoch, epoch))
        open->approval->epoch.number = 0;
    if (!open_awaits_approval(open))
        return ERR_OK;
    struct sha256 digest = open_digest(open, first);
    if (!sha256_equal(&digest, &open->approval->digest))
        return error_set(err, ERR_JOURNAL,
                         "a PENDING record names another list than the one that "
                         "follows it");
    return ERR_OK;
}

static bool ends_somebody(const struct open *open, uint32_t first)
{
    for (uint32_t i = first; i < open->target_count; i++)
        if (open->targets[i].verdict == TARGET_NONE)
            return true;
    return false;
}

static enum error_code list_counts(struct engine *engine, struct open *open,
                                   struct wall broker_time, struct instant licence,
                                   struct error *err)
{
    uint32_t first = open->round == 0 ? 0 : open->target_count;
    struct epoch epoch = open->gathering->epoch;
    if (freeze(engine, open, first, err) || check_pending(open, &epoch, first, err))
        return ERR_JOURNAL;
    take_times(open, open->gathering->parts[0], broker_time);
    open->round++;
    open->round_first = first;
    open->nobody_left = !ends_somebody(open, first);
    release_free(open);
    open->released = false; /* what this round leaves is still to be looked for */
    open->release_unknown = false;
    open->leaked = 0;
    for (uint32_t i = 0; i < first; i++)
        open->targets[i].leaks = false;
    license(open, first, licence);
    drain_fold_list(open);
    return ERR_OK;
}

static void announce_list(struct engine *engine, struct open *open,
                          const struct journal_place *place)
{
    if (open->state == STATE_PENDING)
        duty_pending(engine, open, place);
    else if (open->grace_until.ms > 0)
        duty_progress(engine, open, open->drain ? PROGRESS_WARNED : PROGRESS_WAITING, place,
                      open->grace_until, NULL); /* a drain lists when its lock is in force */
    else if (open->round > 1 && !open->nobody_left)
        duty_progress(engine, open, PROGRESS_ROUND, place, (struct wall){0}, NULL);
}

enum error_code fold_resolved(struct engine *engine, struct open *open, struct record *record,
                              int64_t offset, struct wall broker_time, struct instant licence,
                              struct error *err)
{
    struct journal_place place = {offset, broker_time};
    if (record->resolved.round != open->round + 1) {
        record_destroy(record); /* of a round that was resolved before */
        return ERR_OK;
    }
    if (record->resolved.chunks > LIMIT_TARGETS) {
        record_destroy(record);
        return error_set(err, ERR_JOURNAL,
                         "a RESOLVED record in more parts than targets are allowed");
    }
    if (!gather(open, record))
        return ERR_OK;
    enum error_code code = list_counts(engine, open, broker_time, licence, err);
    gathering_free(open);
    if (code)
        return code;
    open->pending &= ~(unsigned)PENDING_RESOLVED;
    open_move(engine, open, RECORD_RESOLVED);
    announce_list(engine, open, &place);
    return ERR_OK;
}

/* ---- PENDING and APPROVED ---- */

static bool read_digest(const char *hex, struct sha256 *ret)
{
    static const char digits[] = "0123456789abcdef";
    if (!hex || strlen(hex) != 2 * sizeof ret->bytes)
        return false;
    for (size_t i = 0; i < sizeof ret->bytes; i++) {
        const char *high = strchr(digits, hex[2 * i]);
        const char *low = strchr(digits, hex[2 * i + 1]);
        if (!high || !low)
            return false;
        ret->bytes[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return true;
}

enum error_code fold_pending(struct open *open, const struct record *record, struct error *err)
{
    if (!open->approval)
        open->approval = mem_new(struct approval);
    if (!read_digest(record->pending.digest, &open->approval->digest))
        return error_set(err, ERR_JOURNAL, "a PENDING record without the digest of its list");
    open->approval->epoch = record->epoch;
    open->approval->until = record->pending.until;
    open->approval->refused_count = 0;
    return ERR_OK;
}

struct sha256 approval_key(const char *by, const char *digest)
{
    AUTO_BUF name;
    buf_init(&name, LIMIT_RECORD_BYTES);
    buf_add(&name, by, strlen(by) + 1);
    buf_str(&name, digest);
    return sha256_of(name.data, name.length);
}

/* The times of the list were counted from its moment: what the approval took comes on top. A lock
 * has been announced, and its times stand. */
static void shift_times(struct open *open, struct wall approved_at)
{
    if (open->drain && open->drain->locks)
        return;
    int64_t waited = approved_at.ms - open->resolved_at.ms;
    struct wall *times[] = {&open->grace_until, &open->end_by, &open->hold_until};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i]->ms > 0 && waited > 0)
            times[i]->ms += waited;
}

/* Takes the record. A refused one changes nothing; it is remembered, so that it is not journalled
 * again when the control topic is read anew. */
enum error_code fold_approved(struct engine *engine, struct open *open, struct record *record,
                              int64_t offset, struct wall broker_time, struct error *err)
{
    AUTO(record) approved = record;
    struct sha256 digest;
    struct journal_place place = {offset, broker_time};
    engine_touch(engine, open);
    if (approved->reason.code) {
        if (open->approval->refused_count < REFUSED_APPROVALS_MAX)
            open->approval->refused[open->approval->refused_count++] =
                approval_key(approved->approved.by, approved->approved.digest);
        duty_progress(engine, open, PROGRESS_NOT_APPROVED, &place, open->approval->until,
                      STEAL(approved));
        return ERR_OK;
    }
    if (!read_digest(approved->approved.digest, &digest) ||
        !sha256_equal(&digest, &open->approval->digest))
        return error_set(err, ERR_JOURNAL, "an APPROVED record names another list");
    open->pending &= ~(unsigned)PENDING_APPROVED;
    open->approval->epoch.number = 0;
    for (uint32_t i = open->round_first; i < open->target_count; i++)
        open->targets[i].approved = true;
    shift_times(open, broker_time);
    open_move(engine, open, RECORD_APPROVED);
    duty_progress(engine, open, PROGRESS_APPROVED, &place, open->grace_until, NULL);
    return ERR_OK;
}
