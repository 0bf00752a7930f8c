/* What people say on the control topic: cancels, approvals, the kill switch. The owner journals
 * what it does about each. */
#include "engine/state.h"

#include <stdlib.h>
#include <string.h>

#include "engine/common.h"
#include "engine/fold_list.h"
#include "engine/lock.h"

static struct open *find(const struct engine *engine, const struct uuid *command_id)
{
    const struct entry *entry = engine_find((struct engine *)(uintptr_t)engine, command_id);
    return entry ? entry->open : NULL;
}

/* ---- cancel ---- */

/* The topic is read from its beginning at every start: an old cancel must not stop a new command
 * under the same id. */
static bool is_meant(const struct engine *engine, const struct open *open, struct wall asked_at)
{
    return asked_at.ms == 0 || open->first_append.ms < asked_at.ms + engine->config.remember_ms;
}

bool engine_cancel(struct engine *engine, const struct uuid *command_id,
                   const struct engine_asker *asker, struct wall asked_at, struct instant now)
{
    struct open *open = find(engine, command_id);
    bool ends = !open || (open->state > STATE_BETWEEN && !(open->drain && open->drain->share));
    if (ends || !engine_may_act(engine) || !is_meant(engine, open, asked_at))
        return false;
    if (open->cancelled || open->pending & PENDING_CANCELLED)
        return true;
    struct record *record = engine_record_about(open, RECORD_CANCELLED);
    record->cancelled.by = mem_text(asker->by, strlen(asker->by));
    if (asker->why[0]) { /* whole: longer than what an error holds */
        record->reason.code = ERR_CANCELLED;
        record->reason.message = mem_text(asker->why, strlen(asker->why));
    }
    open->pending |= PENDING_CANCELLED;
    engine_append(engine, record, now);
    return true;
}

/* By the name that the drain gave it, the cluster's own, or the UUID: as far as they are known. */
static bool is_about(const struct open *open, const char *infobase)
{
    const struct drain *drain = open->drain;
    const struct uuid *known = lock_known_infobase(open);
    struct uuid uuid;
    if (text_same_name(text_of(open->command->infobase), text_of(infobase)) ||
        (drain->title && text_same_name(text_of(drain->title), text_of(infobase))))
        return true;
    return known && uuid_read(text_of(infobase), &uuid, NULL) == ERR_OK && uuid_equal(&uuid, known);
}

uint32_t engine_give_back(struct engine *engine, const char *cluster, const char *infobase,
                          struct wall asked_at, const struct engine_asker *asker,
                          struct instant now)
{
    uint32_t count = 0;
    struct open *open;
    TAILQ_FOREACH(open, &engine_cluster(engine, cluster)->opens, of_cluster)
    if (open->drain && open->first_append.ms <= asked_at.ms && is_about(open, infobase))
        count += engine_cancel(engine, &open->entry->id, asker, asked_at, now);
    return count;
}

/* ---- approval ---- */

static bool names_list(const struct open *open, const char *digest)
{
    AUTO_BUF hex;
    buf_init(&hex, 2 * sizeof open->approval->digest.bytes + 1);
    text_hex(&hex, open->approval->digest.bytes, sizeof open->approval->digest.bytes);
    return !strcmp(buf_text(&hex), digest);
}

/* Who asked cannot approve; nobody in particular cannot either. */
static enum error_code check_approval(const struct engine *engine, const struct open *open,
                                      const struct engine_approval *approval, struct instant now,
                                      struct error *err)
{
    const char *requester = open->command->requested_by;
    if (!approval->by[0])
        return error_set(err, ERR_DENIED, "the approval does not say by whom");
    if (text_same_name(text_of(approval->by), text_of(requester)))
        return error_set(err, ERR_DENIED, "'%s' asked for it: somebody else must approve it",
                         requester);
    if (!names_list(open, approval->digest))
        return error_set(err, ERR_CONFLICT,
                         "the approval names another list than the one that waits: look at it "
                         "again, then approve its digest");
    if (open->cancelled || open->pending & PENDING_CANCELLED || engine->halted)
        return error_set(err, ERR_CANCELLED, "the command is stopped");
    if (instant_passed(now, engine_instant_of(engine, open->approval->until)))
        return error_set(err, ERR_EXPIRED, "the time for the approval is over");
    return ERR_OK;
}

static bool was_refused(const struct open *open, const struct engine_approval *approval)
{
    struct sha256 key = approval_key(approval->by, approval->digest);
    for (uint32_t i = 0; i < open->approval->refused_count; i++)
        if (sha256_equal(&open->approval->refused[i], &key))
            return true;
    return open->approval->refused_count == REFUSED_APPROVALS_MAX;
}

/* Verdicts that are given, or recorded in part by an earlier owner, cannot be taken back. */
static bool is_too_late(const struct open *open)
{
    for (uint32_t i = open->round_first; i < open->target_count; i++)
        if (open->targets[i].verdict == TARGET_NONE &&
            (open->targets[i].outcome != TARGET_NONE || open->targets[i].work == WORK_DECIDED))
            return true;
    return false;
}

bool engine_approve(struct engine *engine, const struct engine_approval *approval,
                    struct instant now)
{
    struct open *open = find(engine, &approval->command_id);
    if (!open || open->state != STATE_PENDING || !engine_may_act(engine) || is_too_late(open))
        return false;
    if (open->pending & PENDING_APPROVED)
        return true;
    struct error why;
    enum error_code code = check_approval(engine, open, approval, now, &why);
    if (code && was_refused(open, approval))
        return true;
    struct record *record = engine_record_about(open, RECORD_APPROVED);
    record->approved.by = mem_text(approval->by, strlen(approval->by));
    record->approved.digest = mem_text(approval->digest, strlen(approval->digest));
    if (code)
        reason_set(&record->reason, &why);
    else
        open->pending |= PENDING_APPROVED;
    engine_append(engine, record, now);
    return true;
}

/* ---- the kill switch, and whether the topic is read at all ---- */

static void touch_all(struct engine *engine)
{
    struct entry *entry;
    TAILQ_FOREACH(entry, &engine->order, in_order)
    if (entry->open)
        engine_touch(engine, entry->open);
}

bool engine_accept_topics(struct engine *engine, int32_t partitions, bool from_beginning,
                          const char *by, struct instant now)
{
    if (!engine_may_act(engine))
        return false;
    struct record *record = record_create(RECORD_TOPICS_ACCEPTED);
    record->topics_accepted.partitions = partitions;
    record->topics_accepted.from_beginning = from_beginning;
    record->topics_accepted.by = mem_text(by, strlen(by));
    engine_append(engine, record, now);
    return true;
}

void engine_control_seen(struct engine *engine, struct instant seen, struct instant now)
{
    bool fresh = engine_control_is_fresh(engine, now);
    if (instant_before(engine->control_seen, seen))
        engine->control_seen = seen;
    if (!fresh && engine_control_is_fresh(engine, now))
        touch_all(engine); /* they waited for this */
}

void engine_halted_by(struct engine *engine, const struct engine_asker *asker)
{
    free(engine->halted_by);
    free(engine->halted_why);
    engine->halted_by = mem_text(asker->by, strlen(asker->by));
    engine->halted_why = mem_text(asker->why, strlen(asker->why));
}

void engine_halt(struct engine *engine, bool engaged, struct instant now)
{
    (void)now;
    if (engine->halted == engaged)
        return;
    engine->halted = engaged;
    touch_all(engine);
}
