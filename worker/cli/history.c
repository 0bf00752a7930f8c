#include "cli/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "model/session.h"

static void entry_release(struct history_entry *entry)
{
    free(entry->requested_reason);
    free(entry->snapshot);
    reason_release(&entry->reason);
}

void history_release(struct history *history)
{
    for (size_t i = 0; i < history->count; i++)
        entry_release(&history->entries[i]);
    free(history->entries);
    *history = (struct history){.session = history->session};
}

static bool is_session(const struct history *history, const struct resolved_target *target)
{
    AUTO(arena) arena = arena_create(LIMIT_COMMAND_DECODE_BYTES);
    struct session session;
    struct text snapshot = {(const char *)target->snapshot, target->snapshot_length};
    if (!target->snapshot || session_decode(snapshot, arena, &session, NULL))
        return false;
    return uuid_equal(&session.uuid, &history->session);
}

/* A list whose chunks did not all land is written again under another epoch: the later one stands
 * for both. */
static struct history_entry *place_for(struct history *history, const struct uuid *command,
                                       uint32_t index)
{
    for (size_t i = 0; i < history->count; i++) {
        struct history_entry *entry = &history->entries[i];
        if (uuid_equal(&entry->command, command) && entry->index == index) {
            entry_release(entry);
            return entry;
        }
    }
    history->entries = mem_resize(history->entries, history->count + 1, sizeof history->entries[0]);
    return &history->entries[history->count++];
}

static void note_target(struct history *history, const struct record *record,
                        const struct resolved_target *target, const struct trace_command *command,
                        int32_t partition, struct wall at)
{
    struct history_entry *entry = place_for(history, &record->command_id, target->index);
    *entry = (struct history_entry){
        .command = record->command_id,
        .partition = partition,
        .requested_reason = mem_text(command->reason, strlen(command->reason)),
        .index = target->index,
        .snapshot = mem_alloc(target->snapshot_length, 1),
        .snapshot_length = target->snapshot_length,
        .resolved_at = at,
    };
    memcpy(entry->snapshot, target->snapshot, target->snapshot_length);
    memcpy(entry->cluster, command->cluster, sizeof entry->cluster);
    memcpy(entry->requested_by, command->requested_by, sizeof entry->requested_by);
    reason_copy(&entry->reason, &target->reason);
}

/* An epoch that ended amid its chunks left a list that never counted: its places are others' now.
 */
static void drop_uncounted(struct history *history, const struct uuid *command)
{
    size_t kept = 0;
    for (size_t i = 0; i < history->count; i++) {
        struct history_entry *entry = &history->entries[i];
        bool counts = entry->outcome != TARGET_NONE || entry->closed;
        if (uuid_equal(&entry->command, command) && !counts)
            entry_release(entry);
        else
            history->entries[kept++] = *entry;
    }
    history->count = kept;
}

static void note_end(struct history_entry *entry, const struct record *record, struct wall at)
{
    for (uint32_t i = 0; i < record->outcome.count; i++) {
        const struct target_end *end = &record->outcome.ends[i];
        if (end->index != entry->index || entry->outcome != TARGET_NONE)
            continue;
        entry->outcome = end->outcome;
        entry->attempts = end->attempts;
        entry->decided_at = at;
        reason_copy(&entry->reason, &end->reason);
    }
}

/* Only those that left connections are named: the last record of them, when it tells of no trouble,
 * speaks for all the others as well. */
static void note_released(struct history_entry *entry, const struct record *record, struct wall at)
{
    for (uint32_t i = 0; i < record->released.count; i++)
        if (record->released.releases[i].index == entry->index)
            entry->leaked = record->released.releases[i].leaked;
    bool ended = entry->outcome == TARGET_ENDED || entry->outcome == TARGET_LEFT;
    if (!record->released.more && !record->reason.code && ended && entry->leaked == 0)
        entry->released_at = at;
}

void history_note(void *self, const struct record *record, const struct trace_command *command,
                  int32_t partition, struct wall at)
{
    struct history *history = self;
    if (!command)
        return;
    if (record->kind == RECORD_RESOLVED && record->resolved.chunk == 1)
        drop_uncounted(history, &record->command_id);
    if (record->kind == RECORD_RESOLVED)
        for (uint32_t i = 0; i < record->resolved.count; i++)
            if (is_session(history, &record->resolved.targets[i]))
                note_target(history, record, &record->resolved.targets[i], command, partition, at);
    for (size_t i = 0; i < history->count; i++) {
        struct history_entry *entry = &history->entries[i];
        if (!uuid_equal(&entry->command, &record->command_id))
            continue;
        if (record->kind == RECORD_OUTCOME)
            note_end(entry, record, at);
        else if (record->kind == RECORD_RELEASED)
            note_released(entry, record, at);
        else if (record->kind == RECORD_CLOSED) {
            entry->closed = true;
            entry->closed_as = record->closed.outcome;
        }
    }
}
