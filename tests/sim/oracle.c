/* Acts, looks, events and commits, held against the fold and the truth. */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "oracle_state.h"

struct oracle *oracle_create(void)
{
    struct oracle *oracle = mem_new(struct oracle);
    for (int i = 0; i < PARTITIONS_MAX; i++) {
        oracle->folds[i].partition = i;
        chain_reader_init(&oracle->folds[i].chain, NULL);
    }
    return oracle;
}

void oracle_destroy(struct oracle *oracle)
{
    for (int i = 0; i < PARTITIONS_MAX; i++)
        fold_release(&oracle->folds[i]);
    free(oracle->acts.at);
    free(oracle->lists.at);
    free(oracle->events.at);
    free(oracle);
}

/* ---- records ---- */

/* What a record says of delivered events must be so. */
static void check_through(struct world *world, struct fold *fold, int64_t through)
{
    if (through > (int64_t)fold->entries.count) {
        violate(world, "events", "events are said to be delivered up to %lld, the log ends at %zu",
                (long long)through, fold->entries.count);
        return;
    }
    for (; fold->through < through; fold->through++) {
        const struct fold_entry *entry = &fold->entries.at[fold->through];
        if (oracle_announces(entry) && uuid_is_nil(&entry->event))
            violate(world, "events",
                    "the event of record %lld is said to be delivered, and it is not",
                    (long long)fold->through);
    }
}

/* I15: the auditor's reader and the fold agree about every record, and nothing was edited. */
static void check_chain(struct world *world, struct fold *fold, const struct log_entry *entry)
{
    struct text bytes = {(const char *)entry->bytes, entry->length};
    struct chain_verdict verdict = chain_read(&fold->chain, bytes);
    size_t offset = fold->entries.count - 1;
    if (verdict.state == CHAIN_BROKEN || verdict.state == CHAIN_UNREADABLE)
        violate(world, "I15", "record %zu: the chain is %s: %s", offset,
                chain_state_label(verdict.state), verdict.error.message);
    if (verdict.counts != fold->entries.at[offset].counts)
        violate(world, "I15", "record %zu %s for an auditor", offset,
                verdict.counts ? "counts" : "does not count");
}

void oracle_landed(struct world *world, int32_t partition)
{
    struct fold *fold = &world->oracle->folds[partition];
    const struct partition *topic = &world->partitions[partition];
    size_t offset = topic->log.count - 1;
    const struct log_entry *entry = &topic->log.at[offset];
    struct record *record;
    struct error err;
    CHECK(offset == fold->entries.count);
    if (record_decode((struct text){(const char *)entry->bytes, entry->length}, &record, &err)) {
        violate(world, "wire", "a record cannot be read: %s", err.message);
        return;
    }
    if (entry->length > LIMIT_RECORD_BYTES)
        violate(world, "I13", "a record of %zu bytes", entry->length);
    enum record_kind kind = record->kind;
    struct brief id = brief(&record->command_id);
    uint64_t sequence = record->sequence;
    uint64_t epoch = record->epoch.number;
    int64_t through = record->events_through;
    fold_record(world, fold, record);
    bool counts = fold->entries.at[offset].counts;
    say(world, "p%d @%zu: %s/%llu of %s by w%d epoch %llu%s", partition, offset,
        record_kind_label(kind), (unsigned long long)sequence, id.text, entry->worker,
        (unsigned long long)epoch, counts ? "" : " (void)");
    check_chain(world, fold, entry);
    if (counts)
        check_through(world, fold, through);
}

/* ---- looks ---- */

void oracle_looked(struct world *world, const struct worker *worker, int32_t partition,
                   int32_t cluster, int64_t started_ns, bool lies, const struct uuid *probed)
{
    struct oracle *oracle = world->oracle;
    const struct seat *seat = &worker->seats[partition];
    for (size_t i = 0; i < oracle->acts.count; i++) {
        struct act *act = &oracle->acts.at[i];
        if (act->worker == worker->index && act->life == worker->life && act->cluster == cluster &&
            act->at_ns <= started_ns && (!probed || uuid_equal(probed, &act->session)))
            act->looked = true;
    }
    if (probed)
        return;
    oracle->looks[worker->index][partition][cluster] =
        (struct look){worker->life, seat->generation, seat->epochs, started_ns, world->now_ns};
    if (!lies)
        *VECTOR_ADD(&oracle->lists) = (struct honest_list){
            worker->index, worker->life, partition, cluster, started_ns, world->now_ns};
}

/* ---- acts ---- */

/* Why the licence does not allow this act; NULL: it does. */
static const char *objection(const struct world *world, const struct worker *worker,
                             const struct fold *fold, const struct licence *licence)
{
    const struct seat *seat = &worker->seats[fold->partition];
    const struct fold_command *command = &fold->commands.at[licence->command];
    const struct fold_target *target = &command->targets[licence->target];
    const struct fold_owner *owner = fold_owner_at(fold, seat->read);
    if (licence->offset >= seat->read)
        return "I1: its licence was not read back";
    if (!owner || owner->worker != worker->index || owner->life != worker->life)
        return "I1: its worker knew that another owns the partition";
    if (!epoch_equal(&owner->epoch, &licence->epoch))
        return "I1: its licence is of another epoch";
    if (licence->used)
        return "I1: its licence was used before";
    if (world->now_ns - licence->handed_ns >= LICENCE_AGE_MS * MS)
        return "I1: its licence is older than 10 s";
    struct wall end = command->end_by.ms ? command->end_by : command->expires;
    if (world_wall(world).ms >= end.ms)
        return "I3: its command has expired";
    if (world_wall(world).ms < command->grace_until.ms ||
        world_wall(world).ms < command->lock_from.ms)
        return "grace: it is not over";
    if (command->waits && licence->target >= command->round_first)
        return "approval: nobody has approved its list";
    if (command->command->action == ACTION_DRAIN && !command->locked &&
        command->restored_offset < seat->read)
        return "I9: its infobase is not locked";
    if (command->dry_run)
        return "I2: its command is a dry run";
    if (target->verdict != TARGET_NONE)
        return "I2: the target was left alone when it was resolved";
    if (target->outcome != TARGET_NONE && target->outcome_offset < seat->read)
        return "I4: the target has its outcome";
    if (command->cancelled_offset >= 0 && command->cancelled_offset < seat->read)
        return "cancel: its command is cancelled";
    for (size_t i = 0; i < worker->cancels.count; i++)
        if (worker->cancels.at[i].taken_ns >= command->accepted_ns && /* not a namesake's */
            uuid_equal(&worker->cancels.at[i].id, &command->id))
            return "cancel: its worker knows that it is to be cancelled";
    return NULL;
}

static bool names(const struct fold *fold, const struct licence *licence, int32_t cluster,
                  const struct uuid *session, const char *message)
{
    const struct fold_command *command = &fold->commands.at[licence->command];
    const struct fold_target *target = &command->targets[licence->target];
    return command->cluster == cluster && target->found && uuid_equal(&target->session, session) &&
           !strcmp(command->command->options.message, message);
}

/* The licence that allows it and ends first; or why there is none. */
static struct licence *choose_licence(const struct world *world, const struct worker *worker,
                                      struct fold *fold, int32_t cluster,
                                      const struct uuid *session, const char *message,
                                      const char **why)
{
    struct licence *chosen = NULL;
    *why = "I2: no counting RESOLVED holds it";
    for (size_t i = fold->licences.count; i-- > 0;) {
        struct licence *licence = &fold->licences.at[i];
        if (!names(fold, licence, cluster, session, message))
            continue;
        const char *no = objection(world, worker, fold, licence);
        if (no && !strncmp(*why, "I2: no", 6))
            *why = no;
        if (!no && (!chosen || licence->handed_ns < chosen->handed_ns))
            chosen = licence;
    }
    return chosen;
}

static bool resolved_anywhere(const struct fold *fold, int32_t cluster, const struct uuid *session,
                              const char *message)
{
    for (size_t i = 0; i < fold->licences.count; i++)
        if (names(fold, &fold->licences.at[i], cluster, session, message))
            return true;
    return false;
}

/* The stated window: some list that is young enough to rest on began before this session came. */
static bool may_be_unknown(const struct world *world, const struct act *act,
                           const struct truth *truth)
{
    int64_t oldest_ns = world->now_ns - world->plan.identity_max_age_ms * MS;
    for (size_t i = world->oracle->lists.count; i-- > 0;) {
        const struct honest_list *list = &world->oracle->lists.at[i];
        if (list->finished_ns < oldest_ns)
            return false;
        if (list->worker == act->worker && list->life == act->life &&
            list->partition == act->partition && list->cluster == act->cluster &&
            list->started_ns <= truth->born_ns)
            return true;
    }
    return false;
}

/* I2: is it the very session that was resolved, as far as a list could tell? I14. */
static void check_identity(struct world *world, const struct fold *fold,
                           const struct licence *licence, const struct act *act)
{
    const struct fold_command *command = &fold->commands.at[licence->command];
    int64_t resolved = command->targets[licence->target].truth;
    if (act->truth < 0)
        return;
    const struct truth *truth = &world->clusters[act->cluster].all.at[act->truth];
    if (may_be_unknown(world, act, truth))
        return;
    if (act->truth != resolved)
        violate(world, "I2", "the UUID %s belongs to somebody else since %.3f ms",
                brief(&act->session).text, (double)(world->now_ns - truth->born_ns) / 1e6);
    if (session_protected(truth))
        violate(world, "I14", "the protected session %s is to be ended", brief(&act->session).text);
}

/* I6: between two of them to one session a look; I2: on what it rests is young and of this epoch.
 */
static void check_looks(struct world *world, const struct worker *worker, int32_t partition,
                        const struct act *act)
{
    const struct oracle *oracle = world->oracle;
    const struct seat *seat = &worker->seats[partition];
    const struct look *look = &oracle->looks[worker->index][partition][act->cluster];
    if (look->life != worker->life || look->generation != seat->generation ||
        look->epochs != seat->epochs || look->started_ns < seat->owned_ns)
        violate(world, "I6", "%s is to be ended, and this owner has not yet listed the cluster",
                brief(&act->session).text);
    else if (world->now_ns - look->finished_ns > world->plan.identity_max_age_ms * MS)
        violate(world, "I2", "%s is to be ended on a list that is %.3f ms old",
                brief(&act->session).text, (double)(world->now_ns - look->finished_ns) / 1e6);
    for (size_t i = 0; i < oracle->acts.count; i++) {
        const struct act *before = &oracle->acts.at[i];
        if (before->worker == worker->index && before->life == worker->life &&
            before->cluster == act->cluster && before->partition == partition &&
            before->command == act->command && !before->definite && !before->looked &&
            uuid_equal(&before->session, &act->session))
            violate(world, "I6", "%s is ended again blindly, the last try is in doubt",
                    brief(&act->session).text);
    }
}

int64_t oracle_sent(struct world *world, const struct worker *worker, int32_t partition,
                    int32_t cluster, const struct uuid *session, const char *message, bool residual)
{
    struct oracle *oracle = world->oracle;
    struct fold *fold = &oracle->folds[partition];
    struct act act = {.at_ns = world->now_ns,
                      .worker = worker->index,
                      .life = worker->life,
                      .partition = partition,
                      .cluster = cluster,
                      .session = *session,
                      .truth = session_find(world, cluster, session),
                      .command = -1,
                      .residual = residual};
    say(world, "w%d p%d: ENDS %s in %s%s", worker->index, partition, brief(session).text,
        world->clusters[cluster].name, residual ? " (residual)" : "");
    if (residual) {
        oracle->residual++;
        if (!resolved_anywhere(fold, cluster, session, message))
            violate(world, "I8", "%s is outside every counting RESOLVED", brief(session).text);
    } else {
        const char *why;
        struct licence *licence =
            choose_licence(world, worker, fold, cluster, session, message, &why);
        if (worker->halted)
            violate(world, "halt", "%s is to be ended with the kill switch on",
                    brief(session).text);
        if (world->halted && world->now_ns - world->halted_since >= LICENCE_AGE_MS * MS)
            violate(world, "halt", "%s is to be ended long after the kill switch was engaged",
                    brief(session).text);
        if (!licence) {
            violate(world, "act", "%s is to be ended by w%d: %s", brief(session).text,
                    worker->index, why);
        } else {
            licence->used = true;
            act.command = licence->command;
            act.target = licence->target;
            check_identity(world, fold, licence, &act);
            check_looks(world, worker, partition, &act);
        }
    }
    *VECTOR_ADD(&oracle->acts) = act;
    return (int64_t)oracle->acts.count - 1;
}

void oracle_answered(struct world *world, int64_t act, enum error_code code)
{
    world->oracle->acts.at[act].definite = code != ERR_IN_DOUBT;
}

void oracle_handled(struct world *world, int64_t act, enum error_code code)
{
    struct act *handled = &world->oracle->acts.at[act];
    handled->at_ns = world->now_ns;
    handled->definite = code == ERR_OK;
    handled->looked = false;
}

void oracle_told(struct world *world, const struct worker *worker, int32_t partition,
                 const struct uuid *id)
{
    const struct fold *fold = &world->oracle->folds[partition];
    const struct seat *seat = &worker->seats[partition];
    const struct fold_owner *owner = fold_owner_at(fold, seat->read);
    for (size_t i = fold->commands.count; i-- > 0;) {
        const struct fold_command *command = &fold->commands.at[i];
        if (!uuid_equal(&command->id, id) || !command->accepted)
            continue;
        const struct told *told = NULL; /* the last that this worker knows */
        for (size_t k = 0; k < command->told.count; k++)
            if (command->told.at[k].offset < seat->read)
                told = &command->told.at[k];
        if (!told)
            violate(world, "I1", "the end of %s is told, and no licence for it was read back",
                    brief(id).text);
        else if (!owner || !epoch_equal(&owner->epoch, &told->epoch))
            violate(world, "I1", "the end of %s is told under a licence of another epoch",
                    brief(id).text);
        else if (world->now_ns - told->handed_ns >= LICENCE_AGE_MS * MS)
            violate(world, "I1", "the end of %s is told under a licence older than 10 s",
                    brief(id).text);
        return;
    }
    violate(world, "I2", "the end of %s is told, which nobody accepted", brief(id).text);
}

void oracle_effect(struct world *world, const struct request *request, int32_t cluster,
                   uint32_t truth)
{
    struct oracle *oracle = world->oracle;
    const struct act *act = &oracle->acts.at[request->send];
    oracle->kills++;
    say(world, "%s: %s is ended by w%d", world->clusters[cluster].name,
        brief(&request->session).text, act->worker);
    const struct truth *hit = &world->clusters[cluster].all.at[truth];
    if (act->truth >= 0 && act->truth != truth && hit->born_ns < act->at_ns)
        violate(world, "world", "an effect on a session that was not meant");
    if (act->command < 0 || world->now_ns - act->at_ns > 50 * MS)
        return;
    struct fold_command *command = &oracle->folds[act->partition].commands.at[act->command];
    struct fold_target *target = &command->targets[act->target]; /* of the round that licensed it */
    if (target->truth != truth)
        return;
    target->ended_by_us = true;
    if (target->outcome != TARGET_NONE && !target_outcome_is_success(target->outcome) &&
        target->outcome != TARGET_UNKNOWN)
        violate(world, "verdict", "%s was called %s, and then ended", brief(&request->session).text,
                target_outcome_label(target->outcome));
}
