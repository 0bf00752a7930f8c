/* What counting records may say, held against the topics and the truth. */
#include <string.h>

#include "base/check.h"
#include "fold.h"
#include "locks.h"

/* A worker takes the broker's clock for later than it is by what an append may take. */
enum { CLOCK_MS = 60000 };

/* ---- answers to commands ---- */

/* Behind the time for which ids are remembered a copy may be taken for new, or not yet. */
static bool was_known(const struct fold *fold, const struct uuid *id)
{
    for (size_t i = 0; i < fold->commands.count; i++)
        if (uuid_equal(&fold->commands.at[i].id, id))
            return true;
    return false;
}

static bool answer_fits(const struct world *world, const struct command_entry *entry,
                        const struct fold *fold, const struct record *record,
                        const struct fold_command *known)
{
    if (uuid_is_nil(&entry->id))
        return record->kind == RECORD_REJECTED;
    if (entry->home >= 0 && entry->home != fold->partition)
        return record->kind == RECORD_FORWARDED;
    if (record->kind == RECORD_REJECTED && record->reason.code == ERR_EXPIRED &&
        entry->first_appended_at.ms + world->plan.validity_ms <= world_wall(world).ms + CLOCK_MS)
        return true; /* too late to be compared with what is remembered */
    if (known && sha256_equal(&known->digest, &entry->digest))
        return record->kind == RECORD_DUPLICATE;
    if (known || entry->home < 0)
        return record->kind == RECORD_REJECTED;
    if (record->kind == RECORD_DUPLICATE)
        return was_known(fold, &entry->id);
    return record->kind == RECORD_ACCEPTED || record->kind == RECORD_REJECTED;
}

static void judge_accepted(struct world *world, const struct command_entry *entry,
                           const struct record *record)
{
    struct wall limit = {entry->first_appended_at.ms + world->plan.validity_ms};
    const struct command *command = record->accepted.command;
    if (command->expires_at.ms && command->expires_at.ms < limit.ms)
        limit = command->expires_at;
    if (record->accepted.expires_at.ms != limit.ms)
        violate(world, "I3", "ACCEPTED of %s says another end of validity than the topic",
                brief(&entry->id).text);
    struct sha256 digest = command_digest(command);
    if (!sha256_equal(&digest, &entry->digest))
        violate(world, "I2", "ACCEPTED of %s holds another command", brief(&entry->id).text);
}

void judge_answer(struct world *world, struct fold *fold, const struct record *record,
                  int64_t known)
{
    const struct partition *topic = &world->partitions[fold->partition];
    int64_t offset = record->source.offset;
    if (!record->source.known || offset < 0 || offset >= (int64_t)topic->commands.count ||
        record->source.partition != fold->partition) {
        violate(world, "I5", "%s names no command of this partition",
                record_kind_label(record->kind));
        return;
    }
    while ((int64_t)fold->answers.count <= offset)
        VECTOR_ADD(&fold->answers);
    struct answer *answer = &fold->answers.at[offset];
    if (answer->kind != RECORD_NONE) {
        violate(world, "I4", "command %lld is answered twice: %s at %lld, then %s",
                (long long)offset, record_kind_label(answer->kind), (long long)answer->offset,
                record_kind_label(record->kind));
        return;
    }
    answer->kind = record->kind;
    answer->offset = (int64_t)fold->entries.count - 1;
    const struct command_entry *entry = &topic->commands.at[offset];
    struct sha256 bytes = sha256_of(entry->bytes, entry->length);
    if (!sha256_equal(&bytes, &record->source.digest) ||
        !uuid_equal(&entry->id, &record->command_id))
        violate(world, "I5", "%s names command %lld and means another",
                record_kind_label(record->kind), (long long)offset);
    const struct fold_command *before = known < 0 ? NULL : &fold->commands.at[known];
    if (!answer_fits(world, entry, fold, record, before))
        violate(world, "I4",
                "command %lld (%s, first appended at %lld ms) is answered by %s; known since "
                "record %lld, first appended at %lld ms",
                (long long)offset, brief(&entry->id).text,
                (long long)(entry->first_appended_at.ms - BROKER_EPOCH_MS),
                record_kind_label(record->kind), (long long)(before ? before->accepted_offset : -1),
                (long long)(before ? before->first_appended.ms - BROKER_EPOCH_MS : -1));
    if (record->kind == RECORD_ACCEPTED)
        judge_accepted(world, entry, record);
}

/* ---- RESOLVED ---- */

/* The filters that chaos makes, read once more: users and applications, exactly. */
static bool matches(const struct filter *filter, const struct truth *truth)
{
    if (filter->kind == FILTER_NOT)
        return !matches(filter->children[0], truth);
    if (filter->kind == FILTER_ALL) {
        for (size_t i = 0; i < filter->child_count; i++)
            if (!matches(filter->children[i], truth))
                return false;
        return true;
    }
    CHECK(filter->kind == FILTER_CONDITION);
    const char *has = !strcmp(filter->field, "app") ? truth->app : truth->user;
    for (size_t i = 0; i < filter->value_count; i++)
        if (!strcmp(filter->values[i], has))
            return true;
    return false;
}

static int64_t appended_ns(const struct fold_command *command)
{
    return (command->first_appended.ms - BROKER_EPOCH_MS) * MS;
}

/* Numbers and filters mean who was there when the command was given. With a list that was made at
 * once the cluster's clock decides, which may be off; a later list leaves out whoever is in doubt.
 */
static bool came_too_late(const struct fold_command *command, const struct truth *truth)
{
    const struct selector *selector = &command->command->selector;
    bool late = command->accepted_ns > appended_ns(command) + CLOCK_TOLERANCE_MS * MS;
    if (selector->kind == SELECTOR_SESSIONS || command->command->options.until_empty ||
        command->command->action == ACTION_DRAIN)
        return false;
    return truth->born_ns > appended_ns(command) + (late ? 0 : CLUSTER_CLOCK_MS * MS);
}

/* Might a list have left him out, because he may have come after the command? */
static bool came_in_doubt(const struct fold_command *command, const struct truth *truth)
{
    return !command->command->options.until_empty && command->command->action != ACTION_DRAIN &&
           truth->born_ns > appended_ns(command) - (CLOCK_TOLERANCE_MS + CLUSTER_CLOCK_MS) * MS;
}

static bool was_asked_for(const struct fold_command *command, const struct fold_target *target,
                          const struct sim_cluster *cluster, const struct truth *truth)
{
    const struct selector *selector = &command->command->selector;
    if (command->command->action == ACTION_DRAIN)
        return lock_infobase(command->command->infobase) == (int32_t)truth->infobase;
    if (selector->kind == SELECTOR_FILTER)
        return matches(selector->filter, truth);
    for (size_t i = 0; i < selector->count; i++) {
        if (selector->kind == SELECTOR_SESSIONS) {
            if (uuid_equal(&selector->sessions[i], &truth->uuid))
                return !target->by_number;
            continue;
        }
        static const char *const names[INFOBASES] = {"ut", "бух"};
        struct uuid named;
        bool by_uuid = uuid_read(text_of(selector->infobase), &named, NULL) == ERR_OK;
        bool here = by_uuid ? uuid_equal(&named, &cluster->infobase[truth->infobase])
                            : !strcmp(names[truth->infobase], selector->infobase);
        if (here && selector->numbers[i] == truth->number)
            return target->by_number && target->number == truth->number;
    }
    return false;
}

/* A list that selects nobody: there must have been a moment at which nobody was to be ended. */
static bool was_empty(const struct world *world, const struct fold_command *command)
{
    const struct sim_cluster *cluster = &world->clusters[command->cluster];
    int64_t from = command->round > 1 ? command->open_ns : command->accepted_ns;
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < cluster->all.count; i++) {
            const struct truth *truth = &cluster->all.at[i];
            bool covers = truth->born_ns <= from && truth->died_ns > from;
            const struct fold_target any = {0};
            if (command->command->selector.kind == SELECTOR_FILTER && truth_fades(truth))
                continue; /* whether a filter meant it was not to be seen for a while */
            if (!covers || !was_asked_for(command, &any, cluster, truth) ||
                came_in_doubt(command, truth) || session_protected(truth))
                continue;
            from = truth->died_ns;
            moved = true;
        }
    }
    return from <= world->now_ns;
}

static void judge_times(struct world *world, const struct fold_command *command)
{
    int64_t grace_ms = command->command->options.grace_ms;
    struct brief id = brief(&command->id);
    bool waits = grace_ms || command->waits || fold_repeats(command);
    if (command->dry_run || command->nobody_left)
        return;
    if (waits != (command->end_by.ms > 0))
        violate(world, "times", "the list of %s says %s when its acts end", id.text,
                waits ? "not" : "needlessly");
    bool before_lock = command->command->action == ACTION_DRAIN && command->waits &&
                       !command->locked; /* its grace begins with that */
    if (command->round == 1 && !before_lock && (grace_ms > 0) != (command->grace_until.ms > 0))
        violate(world, "times", "the list of %s has another grace than was asked for", id.text);
    if (command->grace_until.ms && command->grace_until.ms < command->first_appended.ms + grace_ms)
        violate(world, "times", "the grace of %s is shorter than was asked for", id.text);
}

void judge_resolved(struct world *world, const struct fold *fold, struct fold_command *command)
{
    const struct sim_cluster *cluster = &world->clusters[command->cluster];
    (void)fold;
    judge_times(world, command);
    if (command->gives_back)
        violate(world, "I9", "command %s is listed again, and its lock is being given back",
                brief(&command->id).text);
    if (command->nobody_left && world_wall(world).ms < command->lock_from.ms)
        violate(world, "I7", "command %s says that nobody is left, and its lock lets people in",
                brief(&command->id).text);
    if (command->nobody_left && !was_empty(world, command))
        violate(world, "I7", "command %s selected nobody, and somebody was there all the time",
                brief(&command->id).text);
    int64_t since = command->round > 1 ? command->open_ns : command->accepted_ns;
    for (uint32_t i = command->round_first; i < command->count; i++) {
        const struct fold_target *target = &command->targets[i];
        if (target->truth < 0)
            continue;
        const struct truth *truth = &cluster->all.at[target->truth];
        struct brief id = brief(&command->id);
        if (!was_asked_for(command, target, cluster, truth))
            violate(world, "I2", "command %s resolved to session %u, which it did not ask for",
                    id.text, truth->number);
        if (target->verdict == TARGET_NONE && came_too_late(command, truth))
            violate(world, "I2", "command %s wants to end session %u, which came after it", id.text,
                    truth->number);
        if (truth->died_ns < since)
            violate(world, "I2", "round %u of command %s is resolved by an older list",
                    command->round, id.text);
        if (session_protected(truth) && target->verdict == TARGET_NONE)
            violate(world, "I14", "command %s wants to end a protected session", id.text);
    }
}

/* ---- OUTCOME ---- */

/* Was there a moment since the command came at which no session had that number or UUID? */
static bool was_absent(const struct world *world, const struct fold_command *command,
                       const struct fold_target *target)
{
    const struct sim_cluster *cluster = &world->clusters[command->cluster];
    int64_t from = appended_ns(command);
    bool moved = true;
    while (moved) { /* past every session that covers `from` */
        moved = false;
        for (size_t i = 0; i < cluster->all.count; i++) {
            const struct truth *truth = &cluster->all.at[i];
            bool same = target->by_number ? truth->number == target->number
                                          : uuid_equal(&truth->uuid, &target->session);
            if (same && target->by_number) {
                const struct fold_target like = {.by_number = true, .number = target->number};
                same = was_asked_for(command, &like, cluster, truth);
            }
            if (target->by_number && truth->born_ns > appended_ns(command))
                same = false; /* who came since is not the one that was meant */
            if (!same || truth->born_ns > from || truth->died_ns <= from)
                continue;
            from = truth->died_ns;
            moved = true;
        }
    }
    return from <= world->now_ns;
}

void judge_outcome(struct world *world, const struct fold *fold, const struct fold_command *command,
                   const struct fold_target *target)
{
    const char *label = target_outcome_label(target->outcome);
    (void)fold;
    bool gone = target->outcome == TARGET_ENDED || target->outcome == TARGET_ALREADY_GONE ||
                target->outcome == TARGET_LEFT;
    if (gone && command->resolved_offset < 0)
        violate(world, "I7", "%s is called %s before anything was listed",
                brief(&target->session).text, label);
    if (gone && target->truth >= 0 &&
        world->clusters[command->cluster].all.at[target->truth].died_ns == NEVER_NS)
        violate(world, "I7", "session %s is called %s, and it lives", brief(&target->session).text,
                label);
    if (gone && target->truth < 0 && command->resolved_offset >= 0 &&
        !was_absent(world, command, target))
        violate(world, "I7", "%s is called %s, and it was there all the time",
                target->by_number ? "a number" : brief(&target->session).text, label);
    if (target->outcome == TARGET_ENDED && target->truth < 0)
        violate(world, "I7", "something that was not found is called ended");
    if (target->ended_by_us && target->outcome != TARGET_ENDED && target->outcome != TARGET_UNKNOWN)
        violate(world, "verdict", "%s is called %s, and this command ended it",
                brief(&target->session).text, label);
    if (target->outcome == TARGET_LEFT && !target->handled &&
        (!command->command->options.grace_ms || target->licensed || command->waits))
        violate(world, "grace", "%s is said to have left, and nobody waited for that",
                brief(&target->session).text);
    bool alone = target->outcome == TARGET_PROTECTED;
    if (alone && target->verdict != TARGET_PROTECTED)
        violate(world, "I14", "session %s is called protected, and it was not resolved so",
                brief(&target->session).text);
}

/* The same session in a later round is judged there; protected ones do not count when nobody else
 * is left. */
static bool counts(const struct fold_command *command, uint32_t index)
{
    const struct fold_target *target = &command->targets[index];
    bool success = target_outcome_is_success(target->outcome);
    bool empty =
        (fold_repeats(command) && command->nobody_left) || command->command->action == ACTION_DRAIN;
    for (uint32_t i = index + 1; !success && i < command->count; i++)
        if (command->round > 1 && uuid_equal(&command->targets[i].session, &target->session))
            return false;
    return !(empty && target->outcome == TARGET_PROTECTED);
}

/* Without a list that shows that nobody is left, rounds end for a reason. */
static bool gave_up(const struct fold_command *command)
{
    bool rounds = fold_repeats(command) && command->round > 0;
    bool filter = command->command->selector.kind == SELECTOR_FILTER ||
                  command->command->action == ACTION_DRAIN;
    return (rounds && !command->nobody_left) || (filter && command->round == 0);
}

/* Targets in account, by what their ends say of the command. */
struct sums {
    uint32_t counted;
    uint32_t gone;
    uint32_t trouble; /* survived, failed, unknown */
    uint32_t stopped;
    uint32_t expired;
};

static struct sums sum_up(const struct fold_command *command)
{
    struct sums sums = {0};
    for (uint32_t i = 0; i < command->count; i++) {
        enum target_outcome outcome = command->targets[i].outcome;
        if (!counts(command, i))
            continue;
        sums.counted++;
        sums.gone += target_outcome_is_success(outcome);
        sums.trouble +=
            outcome == TARGET_SURVIVED || outcome == TARGET_FAILED || outcome == TARGET_UNKNOWN;
        sums.stopped += outcome == TARGET_STOPPED;
        sums.expired += outcome == TARGET_EXPIRED;
    }
    return sums;
}

/* As event.proto says it. NONE: why its rounds ended decides as well. */
static enum command_outcome outcome_by_rule(const struct fold_command *command,
                                            const struct sums *sums)
{
    bool ends_early = gave_up(command);
    if (sums->gone == sums->counted && !ends_early)
        return command->leaks ? COMMAND_PARTIALLY_COMPLETED : COMMAND_COMPLETED;
    if (sums->gone)
        return COMMAND_PARTIALLY_COMPLETED;
    if (sums->trouble)
        return COMMAND_FAILED;
    if (ends_early)
        return COMMAND_NONE;
    return sums->stopped ? COMMAND_CANCELLED : sums->expired ? COMMAND_EXPIRED : COMMAND_FAILED;
}

static void judge_outcome_of_all(struct world *world, const struct fold_command *command,
                                 const struct sums *sums)
{
    struct brief id = brief(&command->id);
    const char *label = command_outcome_label(command->outcome);
    bool releases = command->command->options.disconnect_connections ||
                    command->command->action == ACTION_DRAIN;
    if (releases && command->outcome == COMMAND_COMPLETED && !command->dry_run &&
        !command->released)
        violate(world, "I4", "command %s closes as completed before it is released", id.text);
    if (gave_up(command) && command->outcome == COMMAND_COMPLETED)
        violate(world, "I4", "command %s closes as completed without a list that shows it",
                id.text);
    enum command_outcome wanted = outcome_by_rule(command, sums);
    if (wanted != COMMAND_NONE && wanted != command->outcome)
        violate(world, "I4",
                "command %s closes as %s, the rule says %s: of %u targets %u gone, %u in trouble, "
                "%u stopped, %u expired",
                id.text, label, command_outcome_label(wanted), sums->counted, sums->gone,
                sums->trouble, sums->stopped, sums->expired);
}

void judge_closed(struct world *world, const struct fold *fold, const struct fold_command *command)
{
    uint32_t done = 0;
    (void)fold;
    struct brief id = brief(&command->id);
    for (uint32_t i = 0; i < command->count; i++)
        done += command->targets[i].outcome != TARGET_NONE;
    if (command->locked)
        violate(world, "I9", "%s is closed and holds a lock", id.text);
    if (command->outcome == COMMAND_DRY_RUN) {
        if (!command->dry_run || command->resolved_offset < 0)
            violate(world, "I4", "command %s closes as a dry run", id.text);
        return;
    }
    if (done < command->count)
        violate(world, "I4", "command %s closes with %u of %u outcomes", id.text, done,
                command->count);
    struct sums sums = sum_up(command);
    judge_outcome_of_all(world, command, &sums);
}
