#include "fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "leftovers.h"
#include "locks.h"

enum { OWNERS_WHEN_CALM = 12 }; /* more, and they fight */

static void gathering_release(struct fold_command *command)
{
    for (uint32_t i = 0; i < command->gathering.chunks; i++)
        record_destroy(command->gathering.parts[i]);
    free(command->gathering.parts);
    memset(&command->gathering, 0, sizeof command->gathering);
}

void fold_release(struct fold *fold)
{
    for (size_t i = 0; i < fold->commands.count; i++) {
        gathering_release(&fold->commands.at[i]);
        free(fold->commands.at[i].targets);
        command_destroy(fold->commands.at[i].command);
        free(fold->commands.at[i].told.at);
    }
    for (size_t i = 0; i < fold->owners.count; i++)
        free(fold->owners.at[i].digests.at);
    free(fold->entries.at);
    free(fold->owners.at);
    free(fold->commands.at);
    free(fold->licences.at);
    free(fold->locks.at);
    free(fold->leftovers.at);
    free(fold->answers.at);
}

const struct fold_owner *fold_owner_at(const struct fold *fold, int64_t offset)
{
    for (size_t i = fold->owners.count; i-- > 0;)
        if (fold->owners.at[i].offset < offset)
            return &fold->owners.at[i];
    return NULL;
}

/* The present one of that id, however old; -1. */
static int64_t find_id(const struct fold *fold, const struct uuid *id)
{
    for (size_t i = fold->commands.count; i-- > 0;)
        if (uuid_equal(&fold->commands.at[i].id, id))
            return (int64_t)i;
    return -1;
}

int64_t fold_find(const struct world *world, const struct fold *fold, const struct uuid *id,
                  struct wall appended_at)
{
    int64_t index = find_id(fold, id);
    if (index < 0)
        return -1;
    const struct fold_command *command = &fold->commands.at[index];
    bool young = appended_at.ms < command->first_appended.ms + world->plan.validity_ms;
    return young || command->ended_offset < 0 ? index : -1;
}

static int64_t here(const struct fold *fold)
{
    return (int64_t)fold->entries.count - 1;
}

static const struct log_entry *log_entry(const struct world *world, const struct fold *fold)
{
    return &world->partitions[fold->partition].log.at[here(fold)];
}

/* ---- ownership ---- */

static bool fold_owner(struct world *world, struct fold *fold, const struct record *record)
{
    if (fold->owners.count &&
        record->epoch.number <= fold->owners.at[fold->owners.count - 1].epoch.number)
        return false; /* numbers grow along the log: it comes too late, or again */
    const struct log_entry *entry = log_entry(world, fold);
    struct fold_owner *owner = VECTOR_ADD(&fold->owners);
    owner->epoch = record->epoch;
    owner->offset = here(fold);
    owner->worker = entry->worker;
    owner->life = entry->life;
    if (world->calm && ++fold->calm_owners > OWNERS_WHEN_CALM)
        violate(world, "I4", "workers fight for partition %d though nothing goes wrong any more",
                fold->partition);
    return true;
}

/* Within an epoch the next sequence counts; a smaller one is a repeat, and behind a gap nothing
 * counts. Two different records under one number are an error. */
static bool is_next(struct world *world, struct fold *fold, const struct record *record)
{
    struct fold_owner *owner = &fold->owners.at[fold->owners.count - 1];
    const struct log_entry *entry = log_entry(world, fold);
    struct sha256 digest = sha256_of(entry->bytes, entry->length);
    if (record->sequence == owner->digests.count + 1 && !owner->broken) {
        *VECTOR_ADD(&owner->digests) = digest;
        return true;
    }
    if (record->sequence <= owner->digests.count &&
        !sha256_equal(&owner->digests.at[record->sequence - 1], &digest))
        violate(world, "I15", "two records of one epoch have the sequence %llu",
                (unsigned long long)record->sequence);
    if (record->sequence > owner->digests.count)
        owner->broken = true;
    return false;
}

/* ---- commands ---- */

static struct fold_command *command_add(struct fold *fold, const struct record *record,
                                        struct wall first_appended)
{
    struct fold_command *command = VECTOR_ADD(&fold->commands);
    command->id = record->command_id;
    command->digest = record->command_digest;
    command->cluster = -1;
    command->source = record->source.offset;
    command->accepted_offset = here(fold);
    command->first_appended = first_appended;
    command->resolved_offset = command->cancelled_offset = command->ended_offset = -1;
    fold->entries.at[here(fold)].command = (int64_t)fold->commands.count - 1;
    return command;
}

static void fold_accepted(struct world *world, struct fold *fold, struct record *record)
{
    struct fold_command *command = command_add(fold, record, record->accepted.first_appended_at);
    command->accepted = true;
    command->accepted_ns = world->now_ns;
    command->command = STEAL(record->accepted.command);
    command->expires = record->accepted.expires_at;
    command->dry_run = command->command->options.dry_run;
    for (uint32_t i = 0; i < world->plan.clusters; i++)
        if (!strcmp(world->clusters[i].name, command->command->cluster))
            command->cluster = (int32_t)i;
    if (command->cluster < 0)
        violate(world, "I4", "accepted for a cluster that nobody has configured");
}

static void note_ended(struct world *world, struct fold *fold, struct fold_command *command,
                       enum command_outcome outcome)
{
    if (command->ended_offset >= 0) {
        violate(world, "I4", "command %s ends twice, at %lld and %lld", brief(&command->id).text,
                (long long)command->ended_offset, (long long)here(fold));
        return;
    }
    command->ended_offset = here(fold);
    command->ended_ns = world->now_ns;
    command->outcome = outcome;
}

static void fold_source(struct world *world, struct fold *fold, struct record *record)
{
    struct wall appended = {0};
    const struct partition *topic = &world->partitions[fold->partition];
    if (record->source.offset < (int64_t)topic->commands.count)
        appended = topic->commands.at[record->source.offset].first_appended_at;
    int64_t known = uuid_is_nil(&record->command_id)
                        ? -1
                        : fold_find(world, fold, &record->command_id, appended);
    judge_answer(world, fold, record, known);
    if (record->kind == RECORD_DUPLICATE)
        fold->entries.at[here(fold)].command = find_id(fold, &record->command_id);
    if (record->kind == RECORD_ACCEPTED && known < 0) {
        fold_accepted(world, fold, record);
    } else if (record->kind == RECORD_REJECTED && known < 0 && record->rejected.command &&
               record->reason.code != ERR_EXPIRED && record->reason.code != ERR_CONFLICT) {
        struct fold_command *command =
            command_add(fold, record, record->rejected.first_appended_at);
        note_ended(world, fold, command, COMMAND_REJECTED);
    }
}

/* ---- RESOLVED and ATTEMPT: licences ---- */

static void license(struct fold *fold, uint32_t command, uint32_t target,
                    const struct record *record, int64_t handed_ns)
{
    struct licence *licence = VECTOR_ADD(&fold->licences);
    *licence = (struct licence){.command = command,
                                .target = target,
                                .epoch = record->epoch,
                                .offset = here(fold),
                                .handed_ns = handed_ns};
}

static int64_t find_truth(const struct world *world, int32_t cluster, const struct session *session)
{
    const struct sim_cluster *at = &world->clusters[cluster];
    for (size_t i = at->all.count; i-- > 0;) {
        const struct truth *truth = &at->all.at[i];
        if (uuid_equal(&truth->uuid, &session->uuid) &&
            truth->started_at.ticks == session->started_at.ticks &&
            (!strcmp(truth->user, session->user_name) ||
             (truth_fades(truth) && !session->user_name[0])) &&
            !strcmp(truth->app, session->app_id) && truth->number == session->number &&
            uuid_equal(&at->infobase[truth->infobase], &session->infobase))
            return (int64_t)i;
    }
    return -1;
}

static void take_target(struct world *world, struct fold_command *command,
                        const struct resolved_target *from)
{
    struct fold_target *target = &command->targets[from->index];
    *target = (struct fold_target){.session = from->asked_session,
                                   .found = from->snapshot != NULL,
                                   .truth = -1,
                                   .by_number = from->asked_by_number,
                                   .number = from->asked_number,
                                   .verdict = from->verdict,
                                   .handled = from->handler == HANDLER_INSTEAD ||
                                              from->handler == HANDLER_BEFORE,
                                   .licensed = false,
                                   .outcome = target->outcome,
                                   .outcome_offset = target->outcome_offset};
    if (!from->snapshot)
        return;
    AUTO(arena) arena = arena_create(RECORD_BYTES_MAX);
    struct session session;
    if (session_decode((struct text){(const char *)from->snapshot, from->snapshot_length}, arena,
                       &session, NULL)) {
        violate(world, "wire", "a snapshot cannot be read back");
        return;
    }
    target->session = session.uuid;
    target->truth = find_truth(world, command->cluster, &session);
    if (target->truth < 0)
        violate(world, "I2", "command %s resolved to a session that never was",
                brief(&command->id).text);
}

static void widen(struct fold_command *command, uint32_t count)
{
    if (count <= command->count)
        return;
    command->targets = mem_resize(command->targets, count, sizeof command->targets[0]);
    for (uint32_t i = command->count; i < count; i++)
        command->targets[i] = (struct fold_target){.truth = -1, .outcome_offset = -1};
    command->count = count;
}

/* The oldest append call of this list's chunks. */
static int64_t oldest_handed(const struct world *world, const struct fold *fold, uint32_t index)
{
    const struct partition *topic = &world->partitions[fold->partition];
    const struct fold_command *command = &fold->commands.at[index];
    int64_t handed_ns = NEVER_NS;
    uint32_t chunks = command->gathering.chunks;
    for (int64_t at = here(fold); at >= 0 && chunks; at--) {
        const struct fold_entry *entry = &fold->entries.at[at];
        if (entry->kind != RECORD_RESOLVED || entry->command != (int64_t)index || !entry->counts)
            continue;
        chunks--;
        if (topic->log.at[at].handed_ns < handed_ns)
            handed_ns = topic->log.at[at].handed_ns;
    }
    return handed_ns;
}

static void take_list(struct world *world, struct fold_command *command)
{
    for (uint32_t chunk = 0; chunk < command->gathering.chunks; chunk++) {
        const struct record *record = command->gathering.parts[chunk];
        for (uint32_t i = 0; i < record->resolved.count; i++) {
            if (record->resolved.targets[i].index < command->round_first)
                violate(world, "I2", "round %u of %s names target %u of an earlier one",
                        command->round, brief(&command->id).text,
                        record->resolved.targets[i].index);
            widen(command, record->resolved.targets[i].index + 1);
            take_target(world, command, &record->resolved.targets[i]);
        }
    }
}

static void freeze(struct world *world, struct fold *fold, uint32_t index)
{
    struct fold_command *command = &fold->commands.at[index];
    const struct record *head = command->gathering.parts[0];
    command->round_first = command->round ? command->count : 0;
    command->round++;
    take_list(world, command);
    command->nobody_left = true;
    for (uint32_t i = command->round_first; i < command->count; i++)
        command->nobody_left &= command->targets[i].verdict != TARGET_NONE;
    command->resolved_offset = here(fold);
    command->resolved_at = log_entry(world, fold)->broker_time;
    command->grace_until = head->resolved.grace_until;
    command->end_by = head->resolved.end_by;
    command->waits = command->withheld.number && epoch_equal(&command->withheld, &head->epoch);
    command->withheld.number = 0;
    int64_t handed_ns = oldest_handed(world, fold, index);
    for (uint32_t i = command->round_first;
         !command->waits && !command->grace_until.ms && i < command->count; i++) {
        license(fold, index, i, head, handed_ns);
        command->targets[i].licensed = true;
    }
    judge_resolved(world, fold, command);
    command->open_ns = NEVER_NS;
}

/* A further list counts when rounds are asked for and every target has its outcome. */
static bool may_be_resolved(const struct fold_command *command)
{
    for (uint32_t i = 0; command->round && i < command->count; i++)
        if (command->targets[i].outcome == TARGET_NONE)
            return false;
    return command->round == 0 ||
           (fold_repeats(command) && !command->dry_run && !command->nobody_left);
}

static void fold_resolved(struct world *world, struct fold *fold, uint32_t index,
                          struct record *record)
{
    struct fold_command *command = &fold->commands.at[index];
    if (record->resolved.round != command->round + 1 || !may_be_resolved(command)) {
        violate(world, "I2", "command %s is resolved out of turn at %lld: round %u after %u",
                brief(&command->id).text, (long long)here(fold), record->resolved.round,
                command->round);
        record_destroy(record);
        return;
    }
    bool same = command->gathering.parts &&
                epoch_equal(&command->gathering.epoch, &record->epoch) &&
                command->gathering.chunks == record->resolved.chunks;
    if (!same) {
        gathering_release(command);
        command->gathering.epoch = record->epoch;
        command->gathering.chunks = record->resolved.chunks;
        command->gathering.parts =
            mem_alloc(record->resolved.chunks, sizeof command->gathering.parts[0]);
    }
    struct record **part = &command->gathering.parts[record->resolved.chunk - 1];
    if (*part) {
        violate(world, "I2", "command %s has two lists in one epoch", brief(&command->id).text);
        record_destroy(record);
        return;
    }
    *part = record;
    for (uint32_t i = 0; i < command->gathering.chunks; i++)
        if (!command->gathering.parts[i])
            return;
    freeze(world, fold, index);
    gathering_release(command);
}

/* Nothing is ended under it; all must have their outcome. */
static void fold_telling(struct world *world, struct fold *fold, struct fold_command *command,
                         const struct record *record)
{
    *VECTOR_ADD(&command->told) =
        (struct told){here(fold), log_entry(world, fold)->handed_ns, record->epoch};
    for (uint32_t i = 0; i < command->count; i++)
        if (command->targets[i].outcome == TARGET_NONE)
            violate(world, "I4", "the end of %s is to be told, and target %u has no outcome",
                    brief(&command->id).text, i);
}

static void fold_released(struct fold_command *command, const struct record *record)
{
    command->released = !record->released.more;
    command->leaks |= record->reason.code != ERR_OK;
    for (uint32_t i = 0; i < record->released.count; i++)
        command->leaks |= record->released.releases[i].leaked > 0;
}

static void fold_attempt(struct world *world, struct fold *fold, uint32_t index,
                         const struct record *record)
{
    if (record->attempt.act == ACT_HANDLE) {
        fold_telling(world, fold, &fold->commands.at[index], record);
        return;
    }
    for (uint32_t i = 0; i < record->attempt.count; i++) {
        struct fold_command *command = &fold->commands.at[index];
        if (record->attempt.targets[i] < command->count) {
            license(fold, index, record->attempt.targets[i], record,
                    log_entry(world, fold)->handed_ns);
            command->targets[record->attempt.targets[i]].licensed = true;
        } else
            violate(world, "I1", "an ATTEMPT names target %u, which is not resolved",
                    record->attempt.targets[i]);
    }
}

/* Whoever asks why it was not ended is told who stopped it. */
static void names_stopper(struct world *world, const struct fold_command *command,
                          const struct reason *reason)
{
    if (reason->code != ERR_CANCELLED || !reason->message || !strstr(reason->message, STOPPER))
        violate(world, "words", "%s is stopped, and the journal does not say by whom: %s",
                brief(&command->id).text, reason->message ? reason->message : "");
}

static void fold_outcome(struct world *world, struct fold *fold, struct fold_command *command,
                         const struct record *record)
{
    for (uint32_t i = 0; i < record->outcome.count; i++) {
        const struct target_end *end = &record->outcome.ends[i];
        widen(command, end->index + 1);
        struct fold_target *target = &command->targets[end->index];
        if (target->outcome != TARGET_NONE) {
            violate(world, "I4", "target %u of %s has two outcomes, %s and %s", end->index,
                    brief(&command->id).text, target_outcome_label(target->outcome),
                    target_outcome_label(end->outcome));
            continue;
        }
        target->outcome = end->outcome;
        target->outcome_offset = here(fold);
        if (end->outcome == TARGET_STOPPED)
            names_stopper(world, command, &end->reason);
        judge_outcome(world, fold, command, target);
    }
    command->open_ns = world->now_ns;
}

/* ---- PENDING and APPROVED ---- */

static void fold_pending(struct fold_command *command, const struct record *record)
{
    command->withheld = record->epoch;
    command->approve_until = record->pending.until;
    snprintf(command->list_digest, sizeof command->list_digest, "%s", record->pending.digest);
}

static void shift(struct wall *time, int64_t by_ms)
{
    if (time->ms)
        time->ms += by_ms;
}

static void fold_approved(struct world *world, const struct fold *fold,
                          struct fold_command *command, const struct record *record)
{
    if (record->reason.code)
        return; /* refused: it changes nothing */
    struct wall at = log_entry(world, fold)->broker_time;
    if (!command->waits)
        violate(world, "approval", "%s is approved, and no list of it waits",
                brief(&command->id).text);
    if (strcmp(record->approved.digest, command->list_digest))
        violate(world, "approval", "%s is approved under another list's digest",
                brief(&command->id).text);
    if (!strcmp(record->approved.by, command->command->requested_by))
        violate(world, "approval", "%s is approved by who asked for it", brief(&command->id).text);
    command->waits = false;
    command->approved++;
    if (command->locked)
        return; /* its times are known to those who are kept out */
    shift(&command->grace_until, at.ms - command->resolved_at.ms);
    shift(&command->end_by, at.ms - command->resolved_at.ms);
}

/* Takes the record. */
static void fold_step(struct world *world, struct fold *fold, struct record *record)
{
    int64_t index = find_id(fold, &record->command_id);
    if (index < 0 || !fold->commands.at[index].accepted) {
        violate(world, "I4", "%s for a command that was not accepted",
                record_kind_label(record->kind));
        record_destroy(record);
        return;
    }
    fold->entries.at[here(fold)].command = index;
    struct fold_command *command = &fold->commands.at[index];
    bool late = (record->kind == RECORD_ATTEMPT && record->attempt.act == ACT_RESTORE) ||
                record->kind == RECORD_RESTORED; /* a lock that was written behind the end */
    if (command->ended_offset >= 0 && record->kind != RECORD_CLOSED &&
        record->kind != RECORD_REJECTED && record->kind != RECORD_CANCELLED && !late)
        violate(world, "I4", "%s behind the end of %s", record_kind_label(record->kind),
                brief(&command->id).text);
    switch (record->kind) {
    case RECORD_RESOLVED:
        fold_resolved(world, fold, (uint32_t)index, record);
        return;
    case RECORD_ATTEMPT:
        if (record->attempt.act == ACT_RESTORE)
            oracle_fold_lock(world, fold, command, record, log_entry(world, fold)->handed_ns);
        else if (record->attempt.act == ACT_DISCONNECT || record->attempt.act == ACT_INTERRUPT)
            oracle_fold_leftovers(fold, command, record, log_entry(world, fold)->handed_ns);
        else
            fold_attempt(world, fold, (uint32_t)index, record);
        break;
    case RECORD_RELEASED:
        fold_released(command, record);
        break;
    case RECORD_LOCKED:
    case RECORD_RESTORED:
        oracle_fold_lock(world, fold, command, record, log_entry(world, fold)->handed_ns);
        break;
    case RECORD_OUTCOME:
        fold_outcome(world, fold, command, record);
        break;
    case RECORD_PENDING:
        fold_pending(command, record);
        break;
    case RECORD_APPROVED:
        fold_approved(world, fold, command, record);
        break;
    case RECORD_CANCELLED:
        if (command->cancelled_offset < 0)
            command->cancelled_offset = here(fold);
        break;
    case RECORD_CLOSED:
        note_ended(world, fold, command, record->closed.outcome);
        if (record->closed.outcome == COMMAND_CANCELLED)
            names_stopper(world, command, &record->reason);
        judge_closed(world, fold, command);
        break;
    case RECORD_REJECTED:
        note_ended(world, fold, command, COMMAND_REJECTED);
        break;
    default:
        violate(world, "I4", "a record of kind %s", record_kind_label(record->kind));
    }
    record_destroy(record);
}

void fold_record(struct world *world, struct fold *fold, struct record *record)
{
    struct fold_entry *entry = VECTOR_ADD(&fold->entries);
    entry->kind = record->kind;
    entry->command = -1;
    if (record->kind == RECORD_OWNER) {
        entry->counts = fold_owner(world, fold, record);
        if (entry->counts && !is_next(world, fold, record))
            violate(world, "I15", "an OWNER is not the first record of its epoch");
        record_destroy(record);
        return;
    }
    const struct fold_owner *owner =
        fold->owners.count ? &fold->owners.at[fold->owners.count - 1] : NULL;
    if (!owner || !epoch_equal(&owner->epoch, &record->epoch)) {
        fold->voided++;
        record_destroy(record);
        return;
    }
    if (!is_next(world, fold, record)) {
        fold->voided++;
        record_destroy(record);
        return;
    }
    entry->counts = true;
    bool source = record->kind == RECORD_ACCEPTED || record->kind == RECORD_DUPLICATE ||
                  record->kind == RECORD_FORWARDED ||
                  (record->kind == RECORD_REJECTED && !record->rejected.after_accepted);
    if (!source) {
        fold_step(world, fold, record);
        return;
    }
    fold_source(world, fold, record);
    record_destroy(record);
}
