/* Journal records from protobuf (curfew.v1.Record). */
#include "curfew/v1/journal.pb-c.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "model/pb.h"
#include "model/record.h"

typedef Curfew__V1__Record Pb;

/* Far above what a worker reaches in its life, and low enough that the next one is a number too and
 * both fit into one tag of the engine. */
enum { EPOCH_MAX = INT32_MAX, SEQUENCE_MAX = INT32_MAX };

static enum error_code bad(struct error *err, const char *what)
{
    return error_set(err, ERR_UNDECODABLE, "journal record: %s", what);
}

static enum error_code get_text(ProtobufCBinaryData bytes, size_t max, const char *what, char **ret,
                                struct error *err)
{
    struct text text;
    if (pb_text(bytes, max, what, &text, NULL))
        return bad(err, what);
    *ret = mem_text(text.at, text.length);
    return ERR_OK;
}

static enum error_code get_wall(const Google__Protobuf__Timestamp *at, struct wall *ret,
                                struct error *err)
{
    const int64_t last_second = 253402300799; /* 9999-12-31T23:59:59Z */
    if (!at)
        return ERR_OK;
    if (at->seconds < 0 || at->seconds > last_second || at->nanos < 0 || at->nanos > 999999999)
        return bad(err, "a time that is not between 1970 and 9999");
    ret->ms = at->seconds * 1000 + at->nanos / 1000000;
    return ERR_OK;
}

static enum error_code get_reason(const Curfew__V1__Reason *from, struct reason *ret,
                                  struct error *err)
{
    if (!from)
        return ERR_OK;
    char *label = NULL;
    if (get_text(from->code, LIMIT_NAME_BYTES, "reason code", &label, err))
        return ERR_UNDECODABLE;
    enum error_code code = error_from_label(label);
    free(label);
    ret->code = code == ERR_COUNT ? ERR_REFUSED : code;
    return get_text(from->message, LIMIT_RECORD_BYTES, "reason message", &ret->message, err);
}

static enum error_code get_target(const Curfew__V1__ResolvedTarget *from,
                                  struct resolved_target *ret, struct error *err)
{
    ret->index = from->index;
    if (from->snapshot.len) {
        ret->snapshot = mem_alloc(from->snapshot.len, 1);
        memcpy(ret->snapshot, from->snapshot.data, from->snapshot.len);
        ret->snapshot_length = (uint32_t)from->snapshot.len;
    }
    if (from->asked_number) {
        ret->asked_by_number = true;
        ret->asked_number = from->asked_number->value;
    }
    if (from->asked_session.len &&
        uuid_read(pb_raw(from->asked_session), &ret->asked_session, NULL))
        return bad(err, "a target's session is not a UUID");
    if ((unsigned)from->verdict >= TARGET_OUTCOMES)
        return bad(err, "a target verdict that is not known");
    ret->verdict = (enum target_outcome)from->verdict;
    if ((unsigned)from->handler >= HANDLER_MODES)
        return bad(err, "a handler mode that is not known");
    ret->handler = (enum handler_mode)from->handler;
    if (from->handler_of.len &&
        get_text(from->handler_of, LIMIT_NAME_BYTES, "handler_of", &ret->handler_of, err))
        return ERR_UNDECODABLE;
    return get_reason(from->reason, &ret->reason, err);
}

static enum error_code get_resolved(const Curfew__V1__Resolved *from, struct record *record,
                                    struct error *err)
{
    if (from->chunk < 1 || from->chunk > from->chunks)
        return bad(err, "a chunk outside its count");
    record->resolved.round = from->round;
    record->resolved.chunk = from->chunk;
    record->resolved.chunks = from->chunks;
    if (get_wall(from->grace_until, &record->resolved.grace_until, err) ||
        get_wall(from->end_by, &record->resolved.end_by, err) ||
        get_wall(from->hold_until, &record->resolved.hold_until, err))
        return ERR_UNDECODABLE;
    record->resolved.targets = mem_alloc(from->n_targets, sizeof record->resolved.targets[0]);
    record->resolved.count = (uint32_t)from->n_targets;
    for (size_t i = 0; i < from->n_targets; i++)
        if (get_target(from->targets[i], &record->resolved.targets[i], err))
            return ERR_UNDECODABLE;
    return ERR_OK;
}

static enum error_code get_outcome(const Curfew__V1__Outcome *from, struct record *record,
                                   struct error *err)
{
    record->outcome.round = from->round;
    record->outcome.ends = mem_alloc(from->n_ends, sizeof record->outcome.ends[0]);
    record->outcome.count = (uint32_t)from->n_ends;
    for (size_t i = 0; i < from->n_ends; i++) {
        struct target_end *end = &record->outcome.ends[i];
        if (from->ends[i]->outcome == 0 || (unsigned)from->ends[i]->outcome >= TARGET_OUTCOMES)
            return bad(err, "a target outcome that is not known");
        end->index = from->ends[i]->index;
        end->outcome = (enum target_outcome)from->ends[i]->outcome;
        end->attempts = from->ends[i]->attempts;
        if (get_reason(from->ends[i]->reason, &end->reason, err))
            return ERR_UNDECODABLE;
    }
    return ERR_OK;
}

static enum error_code get_attempt(const Curfew__V1__Attempt *from, struct record *record,
                                   struct error *err)
{
    if ((unsigned)from->act >= ACT_COUNT)
        return bad(err, "a licence for an act that is not known");
    record->attempt.act = (enum act_kind)from->act;
    record->attempt.round = from->round;
    record->attempt.attempt = from->attempt;
    record->attempt.targets = mem_alloc(from->n_targets, sizeof record->attempt.targets[0]);
    if (from->n_targets)
        memcpy(record->attempt.targets, from->targets, from->n_targets * sizeof from->targets[0]);
    record->attempt.count = (uint32_t)from->n_targets;
    record->attempt.connections =
        mem_alloc(from->n_connections, sizeof record->attempt.connections[0]);
    record->attempt.connection_count = (uint32_t)from->n_connections;
    for (size_t i = 0; i < from->n_connections; i++) {
        struct connection_ref *to = &record->attempt.connections[i];
        if (uuid_read(pb_raw(from->connections[i]->connection), &to->connection, NULL) ||
            uuid_read(pb_raw(from->connections[i]->process), &to->process, NULL))
            return bad(err, "a connection that is not a UUID");
    }
    return ERR_OK;
}

static enum error_code get_server_time(ProtobufCBinaryData from, struct server_time *ret,
                                       struct error *err)
{
    if (server_time_read(pb_raw(from), ret, NULL))
        return bad(err, "a lock's window is not a time");
    return ERR_OK;
}

static enum error_code get_lock(const Curfew__V1__InfobaseLock *from, const struct uuid *infobase,
                                struct infobase_lock *ret, struct error *err)
{
    if (!from)
        return bad(err, "a lock record without the lock's values");
    ret->infobase = *infobase;
    ret->sessions_deny = from->sessions_deny != 0;
    ret->scheduled_jobs_deny = from->scheduled_jobs_deny != 0;
    if (get_server_time(from->denied_from, &ret->denied_from, err) ||
        get_server_time(from->denied_to, &ret->denied_to, err) ||
        get_text(from->denied_message, LIMIT_RECORD_BYTES, "a lock's message", &ret->denied_message,
                 err) ||
        get_text(from->denied_parameter, LIMIT_RECORD_BYTES, "a lock's parameter",
                 &ret->denied_parameter, err))
        return ERR_UNDECODABLE;
    return get_text(from->permission_code, LIMIT_RECORD_BYTES, "a lock's permission code",
                    &ret->permission_code, err);
}

static enum error_code get_infobase(ProtobufCBinaryData name, ProtobufCBinaryData uuid_text,
                                    char **ret, struct uuid *uuid, struct error *err)
{
    if (uuid_read(pb_raw(uuid_text), uuid, NULL))
        return bad(err, "an infobase that is not a UUID");
    return get_text(name, LIMIT_NAME_BYTES, "an infobase's name", ret, err);
}

static enum error_code get_locked(const Curfew__V1__Locked *from, struct record *record,
                                  struct error *err)
{
    struct uuid uuid;
    if (get_infobase(from->infobase, from->infobase_uuid, &record->locked.infobase, &uuid, err) ||
        get_text(from->infobase_name, LIMIT_NAME_BYTES, "an infobase's name", &record->locked.name,
                 err) ||
        get_lock(from->before, &uuid, &record->locked.before, err) ||
        get_lock(from->during, &uuid, &record->locked.during, err))
        return ERR_UNDECODABLE;
    record->locked.attempt = from->attempt;
    enum error_code code = get_wall(from->until, &record->locked.until, err);
    if (!code)
        code = get_wall(from->grace_until, &record->locked.grace_until, err);
    return code ? code : get_wall(from->end_by, &record->locked.end_by, err);
}

static enum error_code get_restored(const Curfew__V1__Restored *from, struct record *record,
                                    struct error *err)
{
    struct uuid uuid;
    if (get_infobase(from->infobase, from->infobase_uuid, &record->restored.infobase, &uuid, err))
        return ERR_UNDECODABLE;
    record->restored.kept_foreign = from->kept_foreign != 0;
    return get_lock(from->now, &uuid, &record->restored.now, err);
}

static enum error_code get_released(const Curfew__V1__Released *from, struct record *record)
{
    record->released.releases = mem_alloc(from->n_releases, sizeof record->released.releases[0]);
    record->released.count = (uint32_t)from->n_releases;
    record->released.more = from->more != 0;
    for (size_t i = 0; i < from->n_releases; i++)
        record->released.releases[i] = (struct target_release){
            .index = from->releases[i]->index,
            .connections = from->releases[i]->connections,
            .disconnected = from->releases[i]->disconnected,
            .leaked = from->releases[i]->leaked,
        };
    return ERR_OK;
}

static enum error_code get_pending(const Curfew__V1__Pending *from, struct record *record,
                                   struct error *err)
{
    if (get_text(from->resolved_digest, LIMIT_NAME_BYTES, "a list's digest",
                 &record->pending.digest, err) ||
        get_wall(from->until, &record->pending.until, err))
        return ERR_UNDECODABLE;
    return record->pending.until.ms ? ERR_OK : bad(err, "a list that waits without end");
}

static enum error_code get_approved(const Curfew__V1__Approved *from, struct record *record,
                                    struct error *err)
{
    if (get_text(from->by, LIMIT_NAME_BYTES, "approved by", &record->approved.by, err))
        return ERR_UNDECODABLE;
    return get_text(from->resolved_digest, LIMIT_NAME_BYTES, "a list's digest",
                    &record->approved.digest, err);
}

static enum error_code get_accepted(const Curfew__V1__Accepted *from, struct record *record,
                                    struct error *err)
{
    if (get_wall(from->first_appended_at, &record->accepted.first_appended_at, err) ||
        get_wall(from->expires_at, &record->accepted.expires_at, err))
        return ERR_UNDECODABLE;
    if (record->accepted.expires_at.ms == 0)
        return bad(err, "an acceptance without expiry");
    if (command_decode(pb_raw(from->command), &record->accepted.command, NULL))
        return bad(err, "an acceptance without its command");
    return ERR_OK;
}

static enum error_code get_rejected(const Curfew__V1__Rejected *from, struct record *record,
                                    struct error *err)
{
    record->rejected.after_accepted = from->after_accepted != 0;
    if (from->dead_letter)
        record->rejected.dead_letter =
            (struct place){true, from->dead_letter->partition, from->dead_letter->offset};
    if (get_wall(from->first_appended_at, &record->rejected.first_appended_at, err))
        return ERR_UNDECODABLE;
    if (from->command.len && command_decode(pb_raw(from->command), &record->rejected.command, NULL))
        return bad(err, "a refusal with a command that cannot be read");
    return ERR_OK;
}

static enum error_code get_command_outcome(int number, enum command_outcome *ret, struct error *err)
{
    if (number < 0 || number >= COMMAND_OUTCOMES)
        return bad(err, "a command outcome that is not known");
    *ret = (enum command_outcome)number;
    return ERR_OK;
}

static enum error_code get_duplicate(const Curfew__V1__Duplicate *from, struct record *record,
                                     struct error *err)
{
    if (command_decode(pb_raw(from->command), &record->duplicate.command, NULL))
        return bad(err, "a duplicate without its command");
    return get_command_outcome((int)from->first_outcome, &record->duplicate.first_outcome, err);
}

static enum error_code get_body(const Pb *from, struct record *record, struct error *err)
{
    switch (record->kind) {
    case RECORD_OWNER:
        record->owner.partitions = from->owner->partitions;
        return get_text(from->owner->instance, LIMIT_NAME_BYTES, "instance",
                        &record->owner.instance, err);
    case RECORD_ACCEPTED:
        return get_accepted(from->accepted, record, err);
    case RECORD_REJECTED:
        return get_rejected(from->rejected, record, err);
    case RECORD_DUPLICATE:
        return get_duplicate(from->duplicate, record, err);
    case RECORD_FORWARDED:
        record->forwarded.to_partition = from->forwarded->to_partition;
        return ERR_OK;
    case RECORD_RESOLVED:
        return get_resolved(from->resolved, record, err);
    case RECORD_ATTEMPT:
        return get_attempt(from->attempt, record, err);
    case RECORD_PENDING:
        return get_pending(from->pending, record, err);
    case RECORD_APPROVED:
        return get_approved(from->approved, record, err);
    case RECORD_LOCKED:
        return get_locked(from->locked, record, err);
    case RECORD_RESTORED:
        return get_restored(from->restored, record, err);
    case RECORD_RELEASED:
        return get_released(from->released, record);
    case RECORD_OUTCOME:
        return get_outcome(from->outcome, record, err);
    case RECORD_CLOSED:
        if (from->closed->outcome == 0)
            return bad(err, "a command closed without an outcome");
        return get_command_outcome((int)from->closed->outcome, &record->closed.outcome, err);
    case RECORD_CANCELLED:
        return get_text(from->cancelled->by, LIMIT_NAME_BYTES, "cancelled by",
                        &record->cancelled.by, err);
    case RECORD_TOPICS_ACCEPTED:
        record->topics_accepted.partitions = from->topics_accepted->partitions;
        record->topics_accepted.from_beginning = from->topics_accepted->from_beginning != 0;
        return get_text(from->topics_accepted->by, LIMIT_NAME_BYTES, "accepted by",
                        &record->topics_accepted.by, err);
    default:
        return error_set(err, ERR_UNSUPPORTED,
                         "journal record of kind %d: written by a newer program; update this one",
                         (int)record->kind);
    }
}

static enum error_code get_head(const Pb *from, struct record *record, struct error *err)
{
    if (from->version > RECORD_VERSION)
        return error_set(err, ERR_UNSUPPORTED,
                         "journal record of version %u, this program knows %d: update it",
                         from->version, RECORD_VERSION);
    if (from->writer.len != sizeof record->epoch.writer.bytes || from->epoch == 0 ||
        from->sequence == 0)
        return bad(err, "no writer, epoch or sequence");
    if (from->epoch > EPOCH_MAX || from->sequence > SEQUENCE_MAX)
        return bad(err, "an epoch or sequence above every one that a worker reaches");
    memcpy(record->epoch.writer.bytes, from->writer.data, sizeof record->epoch.writer.bytes);
    record->epoch.number = from->epoch;
    record->sequence = from->sequence;
    if (from->previous.len && !pb_read_sha256(from->previous, &record->previous))
        return bad(err, "a previous hash that is not SHA-256");
    if (from->command_id.len && uuid_read(pb_raw(from->command_id), &record->command_id, NULL))
        return bad(err, "a command id that is not a UUID");
    if (from->command_digest.len && !pb_read_sha256(from->command_digest, &record->command_digest))
        return bad(err, "a command digest that is not SHA-256");
    if (from->source) {
        record->source.known = true;
        record->source.partition = from->source->partition;
        record->source.offset = from->source->offset;
        if (record->source.offset < 0 || record->source.offset == INT64_MAX)
            return bad(err, "a source offset out of range");
        if (!pb_read_sha256(from->source_digest, &record->source.digest))
            return bad(err, "a source without the digest of its bytes");
    }
    record->events_through = from->events_through;
    if (get_wall(from->written_at, &record->written_at, err))
        return ERR_UNDECODABLE;
    return get_reason(from->reason, &record->reason, err);
}

enum error_code record_decode(struct text bytes, struct record **ret, struct error *err)
{
    struct pb_memory memory;
    if (bytes.length > 2 * LIMIT_RECORD_BYTES)
        return bad(err, "too large");
    Pb *message = (Pb *)pb_unpack_finite(&memory, &curfew__v1__record__descriptor, bytes,
                                         4 * LIMIT_COMMAND_DECODE_BYTES);
    if (!message)
        return bad(err, "not a curfew.v1.Record");
    AUTO(record) record = record_create((enum record_kind)message->body_case);
    enum error_code code = get_head(message, record, err);
    if (!code)
        code = get_body(message, record, err);
    pb_memory_release(&memory);
    if (!code)
        *ret = STEAL(record);
    return code;
}
