#include "model/record.h"

#include <stdlib.h>
#include <string.h>

struct record *record_create(enum record_kind kind)
{
    struct record *record = mem_new(struct record);
    record->kind = kind;
    return record;
}

static void destroy_resolved(struct record *record)
{
    for (uint32_t i = 0; i < record->resolved.count; i++) {
        free(record->resolved.targets[i].snapshot);
        free(record->resolved.targets[i].handler_of);
        reason_release(&record->resolved.targets[i].reason);
    }
    free(record->resolved.targets);
}

static void destroy_outcome(struct record *record)
{
    for (uint32_t i = 0; i < record->outcome.count; i++)
        reason_release(&record->outcome.ends[i].reason);
    free(record->outcome.ends);
}

void record_destroy(struct record *record)
{
    if (!record)
        return;
    switch (record->kind) {
    case RECORD_OWNER:
        free(record->owner.instance);
        break;
    case RECORD_ACCEPTED:
        command_destroy(record->accepted.command);
        break;
    case RECORD_REJECTED:
        command_destroy(record->rejected.command);
        break;
    case RECORD_DUPLICATE:
        command_destroy(record->duplicate.command);
        break;
    case RECORD_RESOLVED:
        destroy_resolved(record);
        break;
    case RECORD_ATTEMPT:
        free(record->attempt.targets);
        free(record->attempt.connections);
        break;
    case RECORD_PENDING:
        free(record->pending.digest);
        break;
    case RECORD_APPROVED:
        free(record->approved.by);
        free(record->approved.digest);
        break;
    case RECORD_LOCKED:
        free(record->locked.infobase);
        free(record->locked.name);
        infobase_lock_release(&record->locked.before);
        infobase_lock_release(&record->locked.during);
        break;
    case RECORD_RESTORED:
        free(record->restored.infobase);
        infobase_lock_release(&record->restored.now);
        break;
    case RECORD_RELEASED:
        free(record->released.releases);
        break;
    case RECORD_OUTCOME:
        destroy_outcome(record);
        break;
    case RECORD_CANCELLED:
        free(record->cancelled.by);
        break;
    case RECORD_TOPICS_ACCEPTED:
        free(record->topics_accepted.by);
        break;
    default:
        break;
    }
    reason_release(&record->reason);
    free(record);
}

const char *record_kind_label(enum record_kind kind)
{
    static const char *const labels[] = {
        "owner",    "accepted", "rejected",  "duplicate", "forwarded",      "resolved",
        "pending",  "approved", "cancelled", "locked",    "attempt",        "outcome",
        "restored", "closed",   "policy",    "released",  "topics_accepted"};
    if (kind < RECORD_OWNER || kind > RECORD_TOPICS_ACCEPTED)
        return "none";
    return labels[kind - RECORD_OWNER];
}

void reason_set(struct reason *reason, const struct error *err)
{
    reason_release(reason);
    reason->code = err->code;
    reason->message = mem_text(err->message, strlen(err->message));
}

void reason_copy(struct reason *to, const struct reason *from)
{
    reason_release(to);
    to->code = from->code;
    to->message = mem_copy(from->message);
}

void reason_release(struct reason *reason)
{
    free(reason->message);
    *reason = (struct reason){ERR_OK, NULL};
}
