/* Commands offered, and what clusters answer to ends and probes. */
#include "engine/state.h"

#include <string.h>

#include "base/check.h"
#include "engine/cluster.h"
#include "engine/common.h"
#include "engine/drain.h"
#include "engine/handler.h"
#include "engine/interrupt.h"
#include "engine/release.h"
#include "engine/verdict.h"

enum { PROBE_RETRY_MS = 1000 };

/* ---- offers ---- */

enum engine_bound engine_bound_reached(const struct engine *engine)
{
    const struct engine_budget *budget = engine->budget;
    if (budget->open_commands >= engine->config.open_commands_max)
        return ENGINE_BOUND_COMMANDS;
    if (budget->open_targets >= engine->config.open_targets_max)
        return ENGINE_BOUND_TARGETS;
    if (budget->kept_targets >= engine->config.kept_targets_max)
        return ENGINE_BOUND_KEPT;
    if (budget->remembered_ids >= engine->config.remembered_max)
        return ENGINE_BOUND_IDS;
    return ENGINE_BOUND_NONE;
}

bool engine_wants(const struct engine *engine)
{
    return engine_may_act(engine) && engine_bound_reached(engine) == ENGINE_BOUND_NONE;
}

static struct record *record_of_offer(const struct engine_offer *offer, enum record_kind kind)
{
    struct record *record = record_create(kind);
    if (offer->command)
        record->command_id = offer->command->id;
    record->command_digest = offer->digest;
    record->source = offer->source;
    return record;
}

static struct record *reject(struct engine_offer *offer, const struct error *why)
{
    struct record *record = record_of_offer(offer, RECORD_REJECTED);
    record->rejected.command = STEAL(offer->command);
    record->rejected.first_appended_at = offer->appended_at;
    record->rejected.dead_letter = offer->dead_letter;
    reason_set(&record->reason, why);
    return record;
}

static struct record *repeat(const struct entry *entry, struct engine_offer *offer)
{
    struct error why;
    if (!sha256_equal(&entry->digest, &offer->digest)) {
        error_set(
            &why, ERR_CONFLICT,
            "this command id was used before with other content: give each command its own id");
        return reject(offer, &why);
    }
    struct record *record = record_of_offer(offer, RECORD_DUPLICATE);
    record->duplicate.first_outcome = entry->outcome;
    record->duplicate.command = STEAL(offer->command);
    return record;
}

static struct record *accept(struct engine_offer *offer)
{
    struct record *record = record_of_offer(offer, RECORD_ACCEPTED);
    record->accepted.command = STEAL(offer->command);
    record->accepted.first_appended_at = offer->appended_at;
    record->accepted.expires_at = offer->expires_at;
    return record;
}

static bool share_is_full(struct engine *engine, const struct engine_offer *offer)
{
    return engine_cluster(engine, offer->cluster)->open_count >= engine->config.cluster_share;
}

/* So old that a first one with this id may be forgotten. */
static bool is_outdated(const struct engine *engine, const struct engine_offer *offer,
                        struct instant now)
{
    return offer->command &&
           offer->appended_at.ms + engine->config.remember_ms <= engine_broker_now(engine, now).ms;
}

static struct record *judge(struct engine *engine, struct engine_offer *offer, struct instant now)
{
    struct error why;
    if (offer->forwarded_to >= 0) {
        struct record *record = record_of_offer(offer, RECORD_FORWARDED);
        record->forwarded.to_partition = offer->forwarded_to;
        return record;
    }
    struct entry *entry =
        offer->command ? engine_known(engine, &offer->command->id, offer->appended_at) : NULL;
    if (entry)
        return repeat(entry, offer);
    if (is_outdated(engine, offer, now)) {
        error_set(&why, ERR_EXPIRED, "its validity was over before it was taken");
        return reject(offer, &why);
    }
    if (offer->refusal.code)
        return reject(offer, &offer->refusal);
    if (share_is_full(engine, offer)) {
        error_set(
            &why, ERR_FULL,
            "cluster '%s' already has its share of %u open commands: try later, under another id",
            offer->cluster, engine->config.cluster_share);
        return reject(offer, &why);
    }
    return accept(offer);
}

/* The journal names clusters as they are configured, so that recovery needs no configuration. */
static void use_configured_name(struct engine_offer *offer)
{
    if (!offer->command || !offer->cluster || !strcmp(offer->command->cluster, offer->cluster))
        return;
    const char *name = arena_text(offer->command->arena, text_of(offer->cluster));
    if (name)
        offer->command->cluster = name;
    else if (!offer->refusal.code)
        error_set(&offer->refusal, ERR_TOO_LARGE, "the command is too large");
}

static bool is_flying(const struct engine *engine, const struct engine_offer *offer)
{
    struct flying *flying = NULL;
    if (offer->command)
        HASH_FIND(hh, engine->flying, &offer->command->id, sizeof offer->command->id, flying);
    return flying != NULL;
}

static void take_off(struct engine *engine, const struct uuid *id)
{
    if (uuid_is_nil(id))
        return;
    struct flying *flying = mem_new(struct flying);
    flying->id = *id;
    HASH_ADD(hh, engine->flying, id, sizeof flying->id, flying);
}

enum error_code engine_offer(struct engine *engine, struct engine_offer *offer, struct instant now,
                             struct error *err)
{
    if (!engine_wants(engine) || is_flying(engine, offer))
        return error_set(err, ERR_FULL, "partition %d takes no commands now",
                         engine->config.partition);
    use_configured_name(offer);
    struct record *record = judge(engine, offer, now);
    command_destroy(STEAL(offer->command));
    if (record->kind == RECORD_ACCEPTED || record->kind == RECORD_REJECTED)
        take_off(engine, &record->command_id);
    engine_append(engine, record, now);
    return ERR_OK;
}

/* ---- ends and probes ---- */

static struct open *find_target(const struct engine *engine, uint64_t tag, uint32_t *index)
{
    struct open *open = engine_open(engine, tag, index);
    return open && *index < open->target_count ? open : NULL;
}

bool engine_allows(const struct engine *engine, enum engine_action_kind kind, uint64_t tag)
{
    uint32_t index;
    struct open *open = engine_open(engine, tag, &index);
    if (kind == ENGINE_DISCONNECT)
        return open && release_allows(engine, open);
    if (kind == ENGINE_INTERRUPT)
        return open && interrupt_allows(engine, open, index);
    if (kind == ENGINE_HANDLE)
        return open && handler_allows(engine, open);
    if (kind == ENGINE_LOCK_WRITE)
        return open && drain_allows(engine, open);
    open = find_target(engine, tag, &index);
    if (MUTATED(engine, ignore_foreign_owner) || MUTATED(engine, act_without_licence))
        return open != NULL;
    if (!open || engine->halted || open_holds_fire(engine, open) || !engine_may_act(engine))
        return false;
    const struct target *target = &open->targets[index];
    bool as_seen = target->seen.ns > 0 || MUTATED(engine, skip_identity_check);
    return target->work == WORK_SENDING && as_seen;
}

/* Not one byte went out: a fresh list, then a fresh licence. */
static void end_not_sent(struct engine *engine, struct target *target, enum error_code code,
                         struct instant now)
{
    target->work = WORK_IDLE;
    target->seen = (struct instant){0};
    target->since = now;
    engine->stale += code == ERR_STALE;
}

static void end_sent(struct engine *engine, struct open *open, struct target *target,
                     enum error_code code, const struct error *failure, struct instant now)
{
    target->sends++;
    target->since = now;
    target->look = LOOK_NONE;
    if (target->verify_by.ns == 0 || target->sends - target->handled == 1)
        target->verify_by = instant_add_ms(now, engine->config.verify_ms);
    switch (code) {
    case ERR_OK:
        target->work = WORK_SENT;
        open->list_round = 0; /* it moves: what waits for a fresh list does not wait longer */
        return;
    case ERR_GONE:
        target->answered_gone = true;
        target->work = WORK_SENT;
        return;
    case ERR_AUTH:
        decide_target(open, target, TARGET_FAILED, failure);
        return;
    case ERR_REFUSED:
        target->work =
            WORK_IDLE; /* the cluster said no: look again, then again with a new licence */
        target->seen = (struct instant){0};
        target->licence_until = (struct instant){0};
        reason_release(&target->said);
        reason_set(&target->said, failure);
        return;
    default:
        target->work = MUTATED(engine, blind_retry) ? WORK_IDLE : WORK_DOUBT;
        if (!MUTATED(engine, blind_retry))
            target->licence_until = (struct instant){0};
        return;
    }
}

void engine_ended(struct engine *engine, uint64_t tag, enum error_code code, bool sent,
                  const struct error *failure, struct instant now)
{
    uint32_t index;
    struct open *open = find_target(engine, tag, &index);
    if (!open || open->targets[index].work != WORK_SENDING)
        return;
    struct target *target = &open->targets[index];
    CHECK(open->sending > 0);
    bool fails = !sent && engine_is_final(code);
    if (fails) {
        decide_target(open, target, TARGET_FAILED, failure);
    } else {
        open->sending--;
        target->work = WORK_IDLE;
        if (sent)
            end_sent(engine, open, target, code, failure, now);
        else
            end_not_sent(engine, target, code, now);
    }
    engine_touch(engine, open);
}

/* A UUID alone is trusted nowhere: what lives under it now may be somebody else's session. */
static bool is_somebody_else(const struct engine *engine, const struct target *target,
                             const struct session *shown)
{
    (void)engine; /* without mutations */
    return shown && target->found && !MUTATED(engine, skip_identity_check) &&
           !identity_matches(&target->identity, shown);
}

void engine_probed(struct engine *engine, uint64_t tag, enum error_code code,
                   const struct session *shown, struct instant now)
{
    uint32_t index;
    struct open *open = find_target(engine, tag, &index);
    if (!open || !open->targets[index].probing)
        return;
    struct target *target = &open->targets[index];
    struct cluster *cluster = open->cluster;
    target->probing = false;
    target->probed = code;
    /* A second empty list stands in for an answer only where nobody can be asked. To a refusal it
     * adds nothing: whoever has no rights may be shown an empty list for ever. */
    target->probed_gone = code == ERR_GONE || (code == ERR_UNSUPPORTED && open->empty_twice);
    engine_touch(engine, open);
    if (target->outcome != TARGET_NONE || target->work == WORK_DECIDED)
        return; /* its verdict was given while the question was out */
    if (target->probed_gone && open->state == STATE_ENDING) {
        target_absent(open, target);
        return;
    }
    if (target->probed_gone)
        return;
    if (code == ERR_OK && open->state == STATE_ENDING && is_somebody_else(engine, target, shown)) {
        target_changed(open, target, now);
        if (target->work == WORK_DECIDED)
            return;
    }
    cluster->not_before =
        instant_add_ms(now, PROBE_RETRY_MS); /* list and answer differ: do not hammer it */
}

void engine_answered(struct engine *engine, const struct engine_answer *answer, struct instant now)
{
    uint32_t index;
    struct open *open = engine_open(engine, answer->tag, &index);
    if (open && (answer->kind == ENGINE_LOCK_READ || answer->kind == ENGINE_LOCK_WRITE))
        drain_answered(engine, open, answer, now);
    else if (open &&
             answer->kind != ENGINE_INTERRUPT) /* of an interrupt, lists say what came of it */
        release_answered(engine, open, answer, now);
}
