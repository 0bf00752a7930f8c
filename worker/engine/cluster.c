/* Lists: at most one is in flight for a cluster, and it serves every command that was waiting
 * before it started. */
#include "engine/cluster.h"

#include "engine/closing.h"
#include "engine/common.h"
#include "engine/lock.h"
#include "engine/release.h"
#include "engine/resolve.h"
#include "engine/verdict.h"

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

/* By which name does it say what it selects? NULL: by none. */
static const char *names_infobase(const struct open *open)
{
    bool resolves = open->state == STATE_ACCEPTED || open->state == STATE_BETWEEN;
    if (!resolves || (open->drain && open->drain->locks)) /* a locked one is known by its UUID */
        return NULL;
    if (open->command->action == ACTION_DRAIN)
        return open->command->infobase;
    return open->command->selector.kind == SELECTOR_NUMBERS ? open->command->selector.infobase
                                                            : NULL;
}

/* The infobase that the list must be able to name: first one that an earlier list could not. */
static const char *choose_hint(struct cluster *cluster)
{
    struct open *open;
    struct open *chosen = NULL;
    TAILQ_FOREACH(open, &cluster->wanting, of_wanting)
    {
        open->hinted = false;
        if (!names_infobase(open))
            continue;
        if (!chosen || (open->needs_hint && !chosen->needs_hint))
            chosen = open;
    }
    if (!chosen)
        return NULL;
    chosen->hinted = true;
    return names_infobase(chosen);
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
        cluster->listing = action->tag;
        HASH_ADD(by_listing, engine->by_listing, listing, sizeof cluster->listing, cluster);
    }
}

static struct cluster *listing_cluster(const struct engine *engine, uint64_t tag)
{
    struct cluster *cluster;
    HASH_FIND(by_listing, engine->by_listing, &tag, sizeof tag, cluster);
    return cluster;
}

bool cluster_fill(struct engine *engine, struct engine_action *action)
{
    struct cluster *cluster = listing_cluster(engine, action->tag);
    if (!cluster)
        return false; /* of an earlier epoch */
    action->infobase = choose_hint(cluster);
    return true;
}

struct instant clusters_wake(const struct engine *engine)
{
    struct instant earliest = INSTANT_NEVER;
    const struct cluster *cluster;
    TAILQ_FOREACH(cluster, &engine->asking, of_asking)
    earliest = instant_min(earliest, cluster_wake(cluster));
    return earliest;
}

/* ---- ENDING: what a list says of each target ---- */

void target_absent(struct open *open, struct target *target)
{
    bool ours = target->sends > 0 || target->earlier_licence;
    bool licensed = target->licensed > 0 || open->pending & PENDING_ATTEMPT;
    struct error why = {.code = ERR_OK};
    enum target_outcome outcome = ours ? TARGET_ENDED : TARGET_ALREADY_GONE;
    if (!licensed && open->grace_until.ms > 0)
        outcome = TARGET_LEFT; /* it was listed, and nobody of ours could have ended it */
    if (target->left_alone && target->work == WORK_SENT)
        outcome = TARGET_LEFT; /* the handler says so */
    if (target->answered_gone && target->sends == 1 && !target->earlier_licence)
        outcome = TARGET_ALREADY_GONE; /* the cluster did not know it when our one request came */
    else if (target->work == WORK_DOUBT || (target->work == WORK_IDLE && ours))
        error_set(&why, ERR_IN_DOUBT, "gone after an attempt whose answer was not seen");
    decide_target(open, target, outcome, &why);
}

/* May a list that started then say that the end did not come? */
static bool is_late(const struct target *target, struct instant listed)
{
    return instant_passed(listed, instant_max(target->verify_by, target->settled));
}

/* A session that ends may be listed for a while without its user: so after an attempt nothing
 * follows from it before the time for verification is over. Nothing is sent to it meanwhile. */
void target_changed(struct open *open, struct target *target, struct instant listed)
{
    target->seen = (struct instant){0};
    target->look = LOOK_CHANGED;
    if (target->sends == 0 && !target->earlier_licence)
        decide_with(open, target, TARGET_NO_LONGER_MATCHES, ERR_CONFLICT,
                    "the session under this UUID is not the one that was resolved");
    else if (is_late(target, listed))
        decide_unknown(open, target);
}

static void target_present(struct target *target, const struct session_list *list)
{
    target->seen = list->finished;
    target->look = LOOK_LISTED;
    if (target->work == WORK_DOUBT && !(target->answered_gone))
        target->work = WORK_IDLE; /* it is still there: a new licence, then again */
    else if (target->work == WORK_SENT && is_late(target, list->started))
        target->present_late = true;
}

static void target_ask(struct engine *engine, struct open *open, uint32_t index)
{
    struct target *target = &open->targets[index];
    target->look = LOOK_EMPTY;
    target->probed = ERR_UNAVAILABLE; /* until it answers */
    target_probe(engine, open, index);
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
        target_changed(open, target, list->started);
    else if (list->count == 0 && !target->probed_gone && !MUTATED(engine, trust_empty_list))
        target_ask(engine, open, index);
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
    if (open->state == STATE_ACCEPTED || (open->state == STATE_BETWEEN && !open->gives_up)) {
        command_resolve(engine, open, list, now);
        return;
    }
    if (MUTATED(engine, round_too_early) && open_goes_on(open) && !open->pending)
        command_resolve(engine, open, list, now);
    release_listed(engine, open, list, now);
    open->list_round++;
    for (uint32_t i = 0; i < open->target_count; i++)
        look_at_target(engine, open, i, list);
}

/* ---- replies ---- */

/* These do not get better by asking again. */
static bool list_is_final(enum error_code code)
{
    return engine_is_final(code) || code == ERR_NOT_FOUND;
}

static void fail_waiting(struct engine *engine, struct open *open, const struct error *failure,
                         struct instant now)
{
    bool between = open->state == STATE_BETWEEN;
    if ((open->state != STATE_ACCEPTED && !between) || open->pending)
        return;
    cluster_served(open);
    if (between)
        round_failed(engine, open, failure);
    else if (open->target_count == 0)
        command_give_up(engine, open, failure, now);
    else
        decide_all(open, TARGET_FAILED, failure);
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
            fail_waiting(engine, open, failure, now);
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
    if (!engine_may_act(engine)) /* the next OWNER of ours asks for another one */
        cluster->not_before = (struct instant){0};
    else if (list)
        list_succeeded(engine, cluster, list, now);
    else
        list_failed(engine, cluster, failure, now);
    cluster_ask(engine, cluster);
}
