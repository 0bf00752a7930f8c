/* From a complete list to RESOLVED: what the command selects is frozen, and when it may be acted
 * on. */
#include "engine/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "engine/closing.h"
#include "engine/common.h"
#include "engine/drain.h"
#include "engine/lock.h"

enum {
    SNAPSHOT_USUAL = 2048, /* bytes of one session: no allocation while it is encoded */
    RESOLVED_BYTES =
        48000,             /* of targets in one record; the head and one large target fit besides */
    GRACE_LIST_MS = 10000, /* while nobody is there, and people may still come */
    DOUBT_LIST_MS = 2000,  /* while nobody is to be ended but one who has no user yet */
};

/* ---- probes: an empty list proves nothing, an explicit "no such session" does ---- */

void target_probe(struct engine *engine, struct open *open, uint32_t target)
{
    struct engine_action *action = engine_act(engine, ENGINE_PROBE);
    action->tag = (open->serial << TARGET_BITS) | target;
    action->cluster = open->cluster->name;
    action->session = open->targets[target].found ? open->targets[target].identity.uuid
                                                  : open->targets[target].asked_session;
    open->targets[target].probing = true;
}

/* An empty list is no proof that what was asked for is gone: sessions by UUID are asked for one by
 * one; numbers and filters wait for a second empty list some time later. True when the list may be
 * used now. */
static bool empty_is_proven(struct engine *engine, struct open *open,
                            const struct session_list *list)
{
    if (list->count > 0 || MUTATED(engine, trust_empty_list))
        return true;
    if (open->command->selector.kind != SELECTOR_SESSIONS)
        return open->empty_twice;
    bool proven = true;
    for (uint32_t i = 0; i < open->target_count; i++) {
        if (open->targets[i].probed_gone)
            continue;
        proven = false;
        if (!open->targets[i].probing)
            target_probe(engine, open, i);
    }
    return proven;
}

/* ---- the list that is frozen ---- */

/* Fixed width, big-endian: docs/journal.md. */
static void digest_number(struct buf *out, uint64_t value, unsigned bytes)
{
    while (bytes-- > 0)
        buf_byte(out, (uint8_t)(value >> 8 * bytes));
}

static void digest_session(struct buf *out, uint32_t index, const struct identity *identity)
{
    digest_number(out, index, 4);
    buf_add(out, identity->uuid.bytes, sizeof identity->uuid.bytes);
    buf_add(out, identity->infobase.bytes, sizeof identity->infobase.bytes);
    digest_number(out, identity->number, 4);
    digest_number(out, (uint64_t)identity->started_at.ticks, 8);
}

enum { DIGEST_BYTES = 48 }; /* of one session */

struct sha256 open_digest(const struct open *open, uint32_t first)
{
    AUTO_BUF bytes;
    buf_init(&bytes, (size_t)DIGEST_BYTES * LIMIT_TARGETS);
    for (uint32_t i = first; i < open->target_count; i++)
        if (open->targets[i].found && open->targets[i].verdict == TARGET_NONE)
            digest_session(&bytes, i, &open->targets[i].identity);
    CHECK(!bytes.full);
    return sha256_of(bytes.data, bytes.length);
}

static struct sha256 rows_digest(const struct resolution *resolution, uint32_t first)
{
    AUTO_BUF bytes;
    buf_init(&bytes, (size_t)DIGEST_BYTES * LIMIT_TARGETS);
    for (size_t i = 0; i < resolution->count; i++) {
        const struct resolved_row *row = &resolution->rows[i];
        if (!row->session || row->verdict != TARGET_NONE)
            continue;
        struct identity identity = identity_of(row->session);
        digest_session(&bytes, first + (uint32_t)i, &identity);
        identity_release(&identity);
    }
    CHECK(!bytes.full);
    return sha256_of(bytes.data, bytes.length);
}

static void encode_row(const struct resolved_row *row, uint32_t index, struct resolved_target *ret)
{
    *ret = (struct resolved_target){
        .index = index,
        .asked_by_number = row->asked_by_number,
        .asked_number = row->asked_number,
        .asked_session = row->asked_session,
        .verdict = row->verdict,
        .handler = row->handler,
    };
    if (row->handler_of && row->handler_of[0])
        ret->handler_of = mem_copy(row->handler_of);
    if (row->why.code)
        reason_set(&ret->reason, &row->why);
    if (row->session) {
        unsigned char first[SNAPSHOT_USUAL];
        AUTO_BUF bytes;
        buf_init_on(&bytes, LIMIT_RECORD_BYTES, first, sizeof first);
        session_encode(row->session, &bytes);
        ret->snapshot = mem_alloc(bytes.length, 1);
        memcpy(ret->snapshot, bytes.data, bytes.length);
        ret->snapshot_length = (uint32_t)bytes.length;
    }
}

/* About, and not less. */
static uint32_t wire_bytes(const struct resolved_target *target)
{
    size_t texts = 0;
    if (target->handler_of)
        texts += strlen(target->handler_of);
    if (target->reason.message)
        texts += strlen(target->reason.message);
    return target->snapshot_length + (uint32_t)texts + 100;
}

/* A mutation: the simulation must notice it. */
static void act_at_once(struct engine *engine, struct open *open,
                        const struct resolution *resolution, struct instant now)
{
    for (size_t i = 0; i < resolution->count; i++) {
        if (!resolution->rows[i].session || resolution->rows[i].verdict != TARGET_NONE)
            continue;
        struct engine_action *action = engine_act(engine, ENGINE_END);
        action->tag = (open->serial << TARGET_BITS) | i;
        action->cluster = open->cluster->name;
        action->session = resolution->rows[i].session->uuid;
        action->message = open->command->options.message;
        action->send_by = instant_add_ms(now, LICENCE_AGE_MS);
    }
}

/* Where the next list's targets begin: those asked for by UUID or number stand there already. */
static uint32_t next_index(const struct open *open)
{
    return open->round == 0 ? 0 : open->target_count;
}

struct times {
    struct wall grace_until;
    struct wall end_by;
    struct wall hold_until;
};

static bool ends_somebody(const struct resolution *resolution)
{
    for (size_t i = 0; i < resolution->count; i++)
        if (resolution->rows[i].session && resolution->rows[i].verdict == TARGET_NONE)
            return true;
    return false;
}

static bool needs_approval(const struct open *open, const struct resolution *resolution)
{
    return resolution->approval_ms > 0 && !open->command->options.dry_run &&
           ends_somebody(resolution);
}

/* The grace began with the lock; the hold begins when nobody is left. */
static struct times times_of_drain(const struct engine *engine, const struct open *open,
                                   const struct resolution *resolution, struct wall base)
{
    int64_t hold_ms = open->command->hold_ms;
    if (!open->drain->locks) /* it waits for its approval: its lock has times of its own */
        return (struct times){.end_by.ms = base.ms + drain_time_ms(engine, open)};
    return (struct times){
        .grace_until.ms = open->round == 0 ? open->drain->grace_until.ms : 0,
        .end_by = open->end_by,
        .hold_until.ms = hold_ms && !ends_somebody(resolution) ? base.ms + hold_ms : 0,
    };
}

/* Whatever waits, or goes on in rounds, has times of its own: the command's expiry bounds the first
 * act of the others only. */
static struct times times_of(const struct engine *engine, const struct open *open,
                             const struct resolution *resolution, struct instant now)
{
    const struct options *options = &open->command->options;
    struct wall base = engine_broker_now(engine, now);
    bool waits =
        resolution->grace_ms > 0 || needs_approval(open, resolution) || options->until_empty;
    if (open->drain)
        return times_of_drain(engine, open, resolution, base);
    if (open->round > 0)
        return (struct times){.end_by = open->end_by};
    if (options->dry_run || !waits || resolution->count == 0)
        return (struct times){0};
    int64_t end_ms = base.ms + resolution->grace_ms + resolution->acting_ms;
    return (struct times){
        .grace_until.ms = resolution->grace_ms > 0 ? base.ms + resolution->grace_ms : 0,
        .end_by.ms = end_ms,
    };
}

static void append_pending(struct engine *engine, struct open *open,
                           const struct resolution *resolution, struct instant now)
{
    struct sha256 digest = rows_digest(resolution, next_index(open));
    struct record *record = engine_record_about(open, RECORD_PENDING);
    AUTO_BUF hex;
    buf_init(&hex, 2 * sizeof digest.bytes + 1);
    text_hex(&hex, digest.bytes, sizeof digest.bytes);
    record->pending.digest = mem_text(buf_text(&hex), hex.length);
    record->pending.until.ms = engine_broker_now(engine, now).ms + resolution->approval_ms;
    if (open->drain && open->drain->locks && open->end_by.ms < record->pending.until.ms)
        record->pending.until = open->end_by; /* people are kept out meanwhile */
    engine_append(engine, record, now);
}

/* How many of the targets from `from` on stand in one record. */
static uint32_t count_fitting(const struct resolved_target *targets, uint32_t count, uint32_t from)
{
    uint32_t at = from;
    for (uint32_t bytes = 0; at < count; at++) {
        bytes += wire_bytes(&targets[at]);
        if (at > from && bytes > RESOLVED_BYTES)
            break;
    }
    return at - from;
}

static void append_resolved(struct engine *engine, struct open *open,
                            const struct resolution *resolution, struct instant now)
{
    uint32_t count = (uint32_t)resolution->count;
    struct resolved_target *targets = mem_alloc(count, sizeof *targets);
    struct times times = times_of(engine, open, resolution, now);
    for (uint32_t i = 0; i < count; i++)
        encode_row(&resolution->rows[i], next_index(open) + i, &targets[i]);
    uint32_t chunks = 0;
    for (uint32_t at = 0; at < count || chunks == 0; chunks++)
        at += count_fitting(targets, count, at);
    uint32_t at = 0;
    for (uint32_t chunk = 1; chunk <= chunks; chunk++) {
        struct record *record = engine_record_about(open, RECORD_RESOLVED);
        record->resolved.round = open->round + 1;
        record->resolved.chunk = chunk;
        record->resolved.chunks = chunks;
        record->resolved.grace_until = times.grace_until;
        record->resolved.end_by = times.end_by;
        record->resolved.hold_until = times.hold_until;
        record->resolved.count = count_fitting(targets, count, at);
        record->resolved.targets = targets; /* nearly always there is one record only */
        if (chunks > 1) {
            size_t bytes = record->resolved.count * sizeof *targets;
            record->resolved.targets = mem_alloc(1, bytes);
            memcpy(record->resolved.targets, targets + at, bytes);
        }
        at += record->resolved.count;
        engine_append(engine, record, now);
    }
    CHECK(at == count);
    if (chunks > 1)
        free(targets);
    if (MUTATED(engine, act_without_licence))
        act_at_once(engine, open, resolution, now);
}

/* ---- one command ---- */

static void wait_for_another(struct engine *engine, struct open *open, int64_t pause_ms,
                             struct instant now)
{
    cluster_served(open);
    cluster_want(engine, open, now, instant_add_ms(now, pause_ms));
}

static bool was_named_protected(const struct open *open, const struct session *session)
{
    for (uint32_t i = 0; i < open->target_count; i++)
        if (open->targets[i].found && open->targets[i].verdict == TARGET_PROTECTED &&
            uuid_equal(&open->targets[i].identity.uuid, &session->uuid))
            return true;
    return false;
}

/* A further round names whom it ends, and those protected ones that no earlier round has named. */
static void keep_the_new(const struct open *open, struct resolution *resolution)
{
    size_t kept = 0;
    for (size_t i = 0; i < resolution->count; i++) {
        const struct resolved_row *row = &resolution->rows[i];
        if (row->session &&
            (row->verdict == TARGET_NONE || !was_named_protected(open, row->session)))
            resolution->rows[kept++] = *row;
    }
    resolution->count = kept;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

static uint32_t drop_repeats(struct uuid *sorted, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!kept || !uuid_equal(&sorted[kept - 1], &sorted[i]))
            sorted[kept++] = sorted[i];
    return kept;
}

/* Sessions that earlier rounds were to end, all or those that an approval covered, each once,
 * sorted; the caller frees them. */
static struct uuid *to_be_ended(const struct open *open, bool approved, uint32_t *ret_count)
{
    struct uuid *sessions = mem_alloc(open->target_count, sizeof *sessions);
    uint32_t count = 0;
    for (uint32_t i = 0; i < open->target_count; i++)
        if (open->targets[i].found && open->targets[i].verdict == TARGET_NONE &&
            (open->targets[i].approved || !approved))
            sessions[count++] = open->targets[i].identity.uuid;
    qsort(sessions, count, sizeof *sessions, by_bytes);
    *ret_count = drop_repeats(sessions, count);
    return sessions;
}

static enum error_code apply_rule(struct engine *engine, const struct open *open,
                                  const struct session_list *list, struct resolution *ret,
                                  struct error *err)
{
    uint32_t earlier = 0;
    uint32_t approved = 0;
    AUTO_FREE struct uuid *sessions = NULL;
    if (open->round > 0) { /* most commands have one list only */
        sessions = to_be_ended(open, false, &earlier);
        free(to_be_ended(open, true, &approved));
    }
    struct resolve_context context = {
        .first_append = open->first_append,
        .listed_from = engine_broker_then(engine, list->started),
        .listed_until = engine_broker_now(engine, list->finished),
        .round = open->round + 1,
        .infobase = open->drain ? open->drain->during.infobase : (struct uuid){{0}},
        .earlier = sessions,
        .earlier_count = earlier,
        .unapproved = earlier - approved,
    };
    enum error_code code = engine->config.resolve(engine->config.resolve_self, open->command,
                                                  &context, list, ret, err);
    if (code)
        return code;
    if (open->round > 0)
        keep_the_new(open, ret);
    if (next_index(open) + ret->count <= LIMIT_TARGETS)
        return ERR_OK;
    resolution_release(ret);
    return error_set(err, ERR_TOO_LARGE,
                     "more than %d sessions would be ended by one command over all its rounds",
                     LIMIT_TARGETS);
}

/* A drain's lock begins at the end of its grace: until then people come, and empty means nothing.
 */
static bool is_still_open(const struct engine *engine, const struct open *open,
                          const struct session_list *list)
{
    return open->drain &&
           instant_before(list->started, engine_instant_past(engine, open->drain->grace_until));
}

/* A list that ends nobody says that nobody is left, unless somebody may still turn out to be meant:
 * then another one is wanted so much later. 0: it may say so. */
static int64_t pause_before_end(const struct engine *engine, const struct open *open,
                                const struct session_list *list,
                                const struct resolution *resolution)
{
    if (is_still_open(engine, open, list))
        return GRACE_LIST_MS;
    return resolution->doubt.code ? DOUBT_LIST_MS : 0;
}

void command_resolve(struct engine *engine, struct open *open, const struct session_list *list,
                     struct instant now)
{
    bool first = open->state == STATE_ACCEPTED;
    bool looks = drain_looks(engine, open);
    if (open->pending || open_is_probing(open) || (first && open_is_decided(open)))
        return;
    if (looks && list->count == 0) {
        drain_has_looked(engine, open);
        return;
    }
    if (!first && is_still_open(engine, open, list))
        return; /* wanted before all had left: the next round begins behind the grace (wait.c) */
    if (!empty_is_proven(engine, open, list)) {
        if (!open_is_probing(open)) /* otherwise the probes' answers go on */
            wait_for_another(engine, open, engine->config.empty_confirm_ms, now);
        return;
    }
    if (open->drain && lock_begins_late(engine, open, now))
        return; /* drain.c writes its lock anew first */
    struct resolution resolution = {0};
    struct error why;
    enum error_code code = apply_rule(engine, open, list, &resolution, &why);
    if (code == ERR_NOT_FOUND && !open->hinted) {
        open->needs_hint = true; /* the names may be older than the infobase */
        wait_for_another(engine, open, 0, now);
        return;
    }
    if (code) {
        command_refuse(engine, open, &why, now);
        return;
    }
    reason_release(&open->doubt);
    if (resolution.doubt.code)
        reason_set(&open->doubt, &resolution.doubt);
    if (looks && !needs_approval(open, &resolution)) {
        resolution_release(&resolution);
        drain_has_looked(engine, open);
        return;
    }
    int64_t pause_ms = pause_before_end(engine, open, list, &resolution);
    if (pause_ms > 0 && !ends_somebody(&resolution)) {
        resolution_release(&resolution);
        wait_for_another(engine, open, pause_ms, now);
        return;
    }
    if (needs_approval(open, &resolution))
        append_pending(engine, open, &resolution, now);
    append_resolved(engine, open, &resolution, now);
    resolution_release(&resolution);
    open->pending |= PENDING_RESOLVED;
    open->resolved_seen = list->finished;
}
