/* Lists: at most one is in flight for a cluster, and it serves every command that was waiting
 * before it started. */
#include "engine/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"

enum {
    LIST_RETRY_FIRST_MS = 200,
    LIST_RETRY_DOUBLINGS = 5 /* 6.4 s at most; the lane's breaker adds its own pause */
};

/* ---- who is asked ---- */

void clusters_restart(struct engine *engine)
{
    struct cluster *cluster;
    struct cluster *next;
    HASH_CLEAR(by_listing, engine->by_listing);
    HASH_ITER(hh, engine->clusters, cluster, next)
    {
        cluster->listing = 0;
        cluster->failures = 0;
        cluster->not_before = (struct instant){0};
        cluster_ask(engine, cluster);
    }
}

static struct instant cluster_wake(const struct cluster *cluster)
{
    return instant_max(cluster->wake, cluster->not_before);
}

/* The infobase that the list must be able to name: first one that an earlier list could not. */
static const char *choose_hint(struct cluster *cluster)
{
    struct open *open;
    struct open *chosen = NULL;
    TAILQ_FOREACH(open, &cluster->wanting, of_wanting)
    {
        open->hinted = false;
        if (open->state != STATE_ACCEPTED || open->command->selector.kind != SELECTOR_NUMBERS)
            continue;
        if (!chosen || (open->needs_hint && !chosen->needs_hint))
            chosen = open;
    }
    if (!chosen)
        return NULL;
    chosen->hinted = true;
    return chosen->command->selector.infobase;
}

void clusters_step(struct engine *engine, struct instant now)
{
    struct cluster *next;
    for (struct cluster *cluster = TAILQ_FIRST(&engine->asking); cluster; cluster = next) {
        next = TAILQ_NEXT(cluster, of_asking);
        bool stays = !cluster->listing && !TAILQ_EMPTY(&cluster->wanting);
        if (stays && !instant_passed(now, cluster_wake(cluster)))
            continue;
        TAILQ_REMOVE(&engine->asking, cluster, of_asking);
        cluster->asking = false;
        if (!stays)
            continue;
        struct engine_action *action = engine_act(engine, ENGINE_LIST);
        action->cluster = cluster->name;
        action->infobase = choose_hint(cluster);
        cluster->listing = action->tag;
        HASH_ADD(by_listing, engine->by_listing, listing, sizeof cluster->listing, cluster);
    }
}

struct instant clusters_wake(const struct engine *engine)
{
    struct instant earliest = INSTANT_NEVER;
    const struct cluster *cluster;
    TAILQ_FOREACH(cluster, &engine->asking, of_asking)
    earliest = instant_min(earliest, cluster_wake(cluster));
    return earliest;
}

/* ---- probes: an empty list proves nothing, an explicit "no such session" does ---- */

static void probe(struct engine *engine, struct open *open, uint32_t target)
{
    struct engine_action *action = engine_act(engine, ENGINE_PROBE);
    action->tag = (open->serial << TARGET_BITS) | target;
    action->cluster = open->cluster->name;
    action->session = open->targets[target].found ? open->targets[target].identity.uuid
                                                  : open->targets[target].asked_session;
    open->targets[target].probing = true;
}

/* ---- RESOLVED ---- */

static uint32_t encode_row(const struct resolved_row *row, uint32_t index,
                           struct resolved_target *ret)
{
    *ret = (struct resolved_target){
        .index = index,
        .asked_by_number = row->asked_by_number,
        .asked_number = row->asked_number,
        .asked_session = row->asked_session,
        .verdict = row->verdict,
    };
    if (row->why.code)
        reason_set(&ret->reason, &row->why);
    if (row->session) {
        AUTO_BUF bytes;
        buf_init(&bytes, LIMIT_RECORD_BYTES);
        session_encode(row->session, &bytes);
        ret->snapshot = mem_alloc(bytes.length, 1);
        memcpy(ret->snapshot, bytes.data, bytes.length);
        ret->snapshot_length = (uint32_t)bytes.length;
    }
    return ret->snapshot_length + (row->why.code ? (uint32_t)strlen(row->why.message) : 0) + 100;
}

enum {
    RESOLVED_BYTES = 48000
}; /* of targets in one record; the head and one large target fit besides */

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

static void append_resolved(struct engine *engine, struct open *open,
                            const struct resolution *resolution, struct instant now)
{
    struct resolved_target *targets = mem_alloc(resolution->count, sizeof *targets);
    uint32_t *sizes = mem_alloc(resolution->count, sizeof *sizes);
    uint32_t chunks = 1;
    uint32_t bytes = 0;
    for (size_t i = 0; i < resolution->count; i++) {
        sizes[i] = encode_row(&resolution->rows[i], (uint32_t)i, &targets[i]);
        if (bytes && bytes + sizes[i] > RESOLVED_BYTES) {
            chunks++;
            bytes = 0;
        }
        bytes += sizes[i];
    }
    size_t at = 0;
    for (uint32_t chunk = 1; chunk <= chunks; chunk++) {
        struct record *record = engine_record_about(open, RECORD_RESOLVED);
        record->resolved.round = 1;
        record->resolved.chunk = chunk;
        record->resolved.chunks = chunks;
        record->resolved.targets = mem_alloc(resolution->count - at, sizeof *targets);
        bytes = 0;
        while (at < resolution->count && !(bytes && bytes + sizes[at] > RESOLVED_BYTES)) {
            bytes += sizes[at];
            record->resolved.targets[record->resolved.count++] = targets[at++];
        }
        engine_append(engine, record, now);
    }
    CHECK(at == resolution->count);
    free(targets);
    free(sizes);
    open->pending |= PENDING_RESOLVED;
    if (MUTATED(engine, act_without_licence))
        act_at_once(engine, open, resolution, now);
}

static void refuse(struct engine *engine, struct open *open, const struct error *why,
                   struct instant now)
{
    struct record *record = engine_record_about(open, RECORD_REJECTED);
    record->rejected.after_accepted = true;
    reason_set(&record->reason, why);
    open->pending |= PENDING_REJECTED;
    engine_append(engine, record, now);
}

static void note_seen(struct open *open, const struct session_list *list)
{
    for (uint32_t i = 0; i < open->target_count; i++)
        open->targets[i].seen = list->finished;
}

/* An empty list is no proof that what was asked for is gone: sessions by UUID are asked for one by
 * one, numbers wait for a second empty list some time later. True when the list may be used now. */
static bool empty_is_proven(struct engine *engine, struct open *open,
                            const struct session_list *list)
{
    if (list->count > 0 || MUTATED(engine, trust_empty_list))
        return true;
    if (open->command->selector.kind == SELECTOR_NUMBERS)
        return open->empty_twice;
    bool proven = true;
    for (uint32_t i = 0; i < open->target_count; i++) {
        if (open->targets[i].probed_gone)
            continue;
        proven = false;
        if (!open->targets[i].probing)
            probe(engine, open, i);
    }
    return proven;
}

static void wait_for_another(struct engine *engine, struct open *open, int64_t pause_ms,
                             struct instant now)
{
    cluster_served(open);
    cluster_want(engine, open, now, instant_add_ms(now, pause_ms));
}

static void resolve(struct engine *engine, struct open *open, const struct session_list *list,
                    struct instant now)
{
    if (open->pending || open_is_probing(open) || open_is_decided(open))
        return;
    if (!empty_is_proven(engine, open, list)) {
        if (!open_is_probing(open)) /* otherwise the probes' answers go on */
            wait_for_another(engine, open, engine->config.empty_confirm_ms, now);
        return;
    }
    struct resolution resolution;
    struct error why;
    struct resolve_context context = {
        .first_append = open->first_append,
        .listed_from = engine_broker_then(engine, list->started),
        .listed_until = engine_broker_now(engine, list->finished),
        .round = 1,
    };
    enum error_code code = engine->config.resolve(engine->config.resolve_self, open->command,
                                                  &context, list, &resolution, &why);
    if (code == ERR_NOT_FOUND && !open->hinted) {
        open->needs_hint = true; /* the names may be older than the infobase */
        wait_for_another(engine, open, 0, now);
        return;
    }
    if (code) {
        refuse(engine, open, &why, now);
        return;
    }
    append_resolved(engine, open, &resolution, now);
    resolution_release(&resolution);
    note_seen(open, list);
}

/* ---- ENDING: what a list says of each target ---- */

void target_absent(struct open *open, struct target *target)
{
    bool ours = target->sends > 0 || target->earlier_licence;
    struct error why = {.code = ERR_OK};
    enum target_outcome outcome = ours ? TARGET_ENDED : TARGET_ALREADY_GONE;
    if (target->answered_gone && target->sends == 1 && !target->earlier_licence)
        outcome = TARGET_ALREADY_GONE; /* the cluster did not know it when our one request came */
    else if (target->work == WORK_DOUBT || (target->work == WORK_IDLE && ours))
        error_set(&why, ERR_IN_DOUBT, "gone after an attempt whose answer was not seen");
    decide_target(open, target, outcome, &why);
}

static void target_changed(struct open *open, struct target *target)
{
    struct error why;
    if (target->sends == 0 && !target->earlier_licence) {
        error_set(&why, ERR_CONFLICT,
                  "the session under this UUID is not the one that was resolved");
        decide_target(open, target, TARGET_NO_LONGER_MATCHES, &why);
    } else {
        error_set(&why, ERR_CONFLICT,
                  "after an attempt, the cluster shows another session under this UUID");
        decide_target(open, target, TARGET_UNKNOWN, &why);
    }
}

static void target_present(struct target *target, const struct session_list *list)
{
    target->seen = list->finished;
    if (target->work == WORK_DOUBT && !(target->answered_gone))
        target->work = WORK_IDLE; /* it is still there: a new licence, then again */
    else if (target->work == WORK_SENT && instant_passed(list->started, target->verify_by))
        target->present_late = true;
}

static void look_at_target(struct engine *engine, struct open *open, uint32_t index,
                           const struct session_list *list)
{
    struct target *target = &open->targets[index];
    if (target->outcome != TARGET_NONE || !target->found || target->verdict != TARGET_NONE)
        return;
    if (target->work == WORK_SENDING || target->work == WORK_DECIDED || target->probing)
        return;
    if (instant_before(list->started, target->since))
        return; /* it says nothing about what happened since */
    const struct session *session = session_list_find(list, &target->identity.uuid);
    if (session &&
        (MUTATED(engine, skip_identity_check) || identity_matches(&target->identity, session)))
        target_present(target, list);
    else if (session)
        target_changed(open, target);
    else if (list->count == 0 && !target->probed_gone && !MUTATED(engine, trust_empty_list))
        probe(engine, open, index);
    else
        target_absent(open, target);
}

/* Both lists must have served this command, and none between them may show a session: what was
 * empty before it came proves nothing for it. */
static void note_empty(const struct engine *engine, struct open *open,
                       const struct session_list *list)
{
    bool again = list->count == 0 && open->empty_since.ns > 0 &&
                 instant_before(open->cluster->occupied, open->empty_since);
    if (!again) {
        open->empty_since = list->count == 0 ? list->finished : (struct instant){0};
        open->empty_twice = false;
        for (uint32_t i = 0; i < open->target_count; i++)
            open->targets[i].probed_gone = false; /* said of a time before this list */
    } else if (instant_ms_between(open->empty_since, list->started) >=
               engine->config.empty_confirm_ms) {
        open->empty_twice = true;
    }
}

static void serve(struct engine *engine, struct open *open, const struct session_list *list,
                  struct instant now)
{
    note_empty(engine, open, list);
    cluster_served(open);
    engine_touch(engine, open);
    if (open->state == STATE_ACCEPTED) {
        resolve(engine, open, list, now);
        return;
    }
    release_listed(engine, open, list, now);
    open->list_round++;
    for (uint32_t i = 0; i < open->target_count; i++)
        look_at_target(engine, open, i, list);
}

/* ---- replies ---- */

static struct cluster *listing_cluster(const struct engine *engine, uint64_t tag)
{
    struct cluster *cluster;
    HASH_FIND(by_listing, engine->by_listing, &tag, sizeof tag, cluster);
    return cluster;
}

/* These do not get better by asking again. */
static bool list_is_final(enum error_code code)
{
    return engine_is_final(code) || code == ERR_NOT_FOUND;
}

static void fail_waiting(struct engine *engine, struct open *open, const struct error *failure)
{
    if (open->state != STATE_ACCEPTED || open->pending)
        return;
    cluster_served(open);
    for (uint32_t i = 0; i < open->target_count; i++)
        if (open->targets[i].outcome == TARGET_NONE && open->targets[i].work != WORK_DECIDED)
            decide_target(open, &open->targets[i], TARGET_FAILED, failure);
    engine_touch(engine, open);
}

static void list_failed(struct engine *engine, struct cluster *cluster, const struct error *failure,
                        struct instant now)
{
    unsigned doublings =
        cluster->failures < LIST_RETRY_DOUBLINGS ? cluster->failures : LIST_RETRY_DOUBLINGS;
    cluster->failures++;
    cluster->not_before = instant_add_ms(now, (int64_t)LIST_RETRY_FIRST_MS << doublings);
    struct open *next;
    for (struct open *open = TAILQ_FIRST(&cluster->wanting); open; open = next) {
        next = TAILQ_NEXT(open, of_wanting);
        if (list_is_final(failure->code))
            fail_waiting(engine, open, failure);
        engine_touch(engine, open);
    }
}

/* Whoever asked for it, the newest list counts (for what is resolved already): what it does not
 * show any more, or shows as somebody else, is not ended on the word of an older one, not even from
 * its lane (engine_allows).
 */
static void recheck_seen(struct cluster *cluster, const struct session_list *list)
{
    struct open *open;
    TAILQ_FOREACH(open, &cluster->opens, of_cluster)
    {
        for (uint32_t i = 0; open->state == STATE_ENDING && i < open->target_count; i++) {
            struct target *target = &open->targets[i];
            if (target->seen.ns == 0 || target->outcome != TARGET_NONE)
                continue;
            const struct session *session = session_list_find(list, &target->identity.uuid);
            if (!session || !identity_matches(&target->identity, session))
                target->seen = (struct instant){0};
        }
    }
}

static void list_succeeded(struct engine *engine, struct cluster *cluster,
                           const struct session_list *list, struct instant now)
{
    cluster->failures = 0;
    cluster->not_before = (struct instant){0};
    if (list->count > 0)
        cluster->occupied = list->finished;
    TAILQ_HEAD(, open) served = TAILQ_HEAD_INITIALIZER(served);
    TAILQ_CONCAT(&served, &cluster->wanting, of_wanting);
    cluster->wake = INSTANT_NEVER;
    struct open *open;
    while ((open = TAILQ_FIRST(&served))) {
        TAILQ_REMOVE(&served, open, of_wanting);
        TAILQ_INSERT_TAIL(&cluster->wanting, open, of_wanting);
        if (instant_before(list->started, open->list_after))
            cluster->wake = instant_min(cluster->wake, open->list_not_before);
        else
            serve(engine, open, list, now);
    }
    recheck_seen(cluster, list);
}

void engine_listed(struct engine *engine, uint64_t tag, const struct session_list *list,
                   const struct error *failure, struct instant now)
{
    struct cluster *cluster = listing_cluster(engine, tag);
    if (!cluster)
        return; /* of an earlier epoch */
    HASH_DELETE(by_listing, engine->by_listing, cluster);
    cluster->listing = 0;
    if (list && engine_may_act(engine))
        list_succeeded(engine, cluster, list, now);
    else if (list)
        cluster->not_before = (struct instant){0};
    else
        list_failed(engine, cluster, failure, now);
    cluster_ask(engine, cluster);
}
