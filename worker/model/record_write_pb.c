/* Journal records into protobuf (curfew.v1.Record). */
#include "curfew/v1/journal.pb-c.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "model/pb.h"
#include "model/record.h"

typedef Curfew__V1__Record Pb;

_Static_assert(CURFEW__V1__RECORD__BODY_OWNER == (int)RECORD_OWNER,
               "kinds are the oneof's numbers");
_Static_assert(CURFEW__V1__RECORD__BODY_TOPICS_ACCEPTED == (int)RECORD_TOPICS_ACCEPTED,
               "kinds are the oneof's numbers");

enum { SCRATCH_BYTES = 2048 }; /* most records need less: no allocation */

/* The generated structs one record needs, on the stack of record_encode(). */
struct parts {
    struct arena *scratch;
    struct uuid_text command_id;
    struct buf command; /* the embedded command's bytes */
    Google__Protobuf__Timestamp times[6];
    unsigned time_count;
};

static void *take(struct parts *parts, size_t count, size_t size)
{
    void *memory = arena_take(parts->scratch, count, size);
    CHECK(memory);
    return memory;
}

static ProtobufCBinaryData put_text(const char *text)
{
    return pb_bytes(text_of(text ? text : ""));
}

static Google__Protobuf__Timestamp *put_wall(struct parts *parts, struct wall wall)
{
    if (wall.ms == 0)
        return NULL;
    CHECK(parts->time_count < sizeof parts->times / sizeof parts->times[0]);
    Google__Protobuf__Timestamp *at = &parts->times[parts->time_count++];
    google__protobuf__timestamp__init(at);
    at->seconds = wall.ms / 1000;
    at->nanos = (int32_t)(wall.ms % 1000) * 1000000;
    return at;
}

static Curfew__V1__Reason *put_reason(struct parts *parts, const struct reason *reason)
{
    if (reason->code == ERR_OK)
        return NULL;
    Curfew__V1__Reason *made = take(parts, 1, sizeof *made);
    curfew__v1__reason__init(made);
    made->code = put_text(error_label(reason->code));
    made->message = put_text(reason->message);
    return made;
}

static ProtobufCBinaryData put_command(struct parts *parts, const struct command *command)
{
    if (!command)
        return pb_bytes((struct text){NULL, 0});
    command_encode(command, &parts->command);
    CHECK(!parts->command.full);
    return (ProtobufCBinaryData){parts->command.length, parts->command.data};
}

static ProtobufCBinaryData put_uuid(struct parts *parts, const struct uuid *uuid)
{
    if (uuid_is_nil(uuid))
        return pb_bytes((struct text){NULL, 0});
    char *text = take(parts, 1, UUID_TEXT_SIZE);
    memcpy(text, uuid_format(uuid).text, UUID_TEXT_SIZE);
    return put_text(text);
}

static void put_target(struct parts *parts, const struct resolved_target *from,
                       Curfew__V1__ResolvedTarget *to)
{
    curfew__v1__resolved_target__init(to);
    to->index = from->index;
    to->snapshot = (ProtobufCBinaryData){from->snapshot_length, from->snapshot};
    to->asked_session = put_uuid(parts, &from->asked_session);
    to->verdict = (Curfew__V1__TargetOutcome)from->verdict;
    to->reason = put_reason(parts, &from->reason);
    to->handler = (Curfew__V1__HandlerMode)from->handler;
    to->handler_of = put_text(from->handler_of);
    if (from->asked_by_number) {
        to->asked_number = take(parts, 1, sizeof *to->asked_number);
        curfew__v1__session_number__init(to->asked_number);
        to->asked_number->value = from->asked_number;
    }
}

static Curfew__V1__Resolved *put_resolved(struct parts *parts, const struct record *record)
{
    Curfew__V1__Resolved *made = take(parts, 1, sizeof *made);
    curfew__v1__resolved__init(made);
    made->round = record->resolved.round;
    made->chunk = record->resolved.chunk;
    made->chunks = record->resolved.chunks;
    made->grace_until = put_wall(parts, record->resolved.grace_until);
    made->end_by = put_wall(parts, record->resolved.end_by);
    made->hold_until = put_wall(parts, record->resolved.hold_until);
    made->n_targets = record->resolved.count;
    made->targets = take(parts, record->resolved.count, sizeof made->targets[0]);
    Curfew__V1__ResolvedTarget *targets = take(parts, record->resolved.count, sizeof *targets);
    for (uint32_t i = 0; i < record->resolved.count; i++) {
        put_target(parts, &record->resolved.targets[i], &targets[i]);
        made->targets[i] = &targets[i];
    }
    return made;
}

static Curfew__V1__Outcome *put_outcome(struct parts *parts, const struct record *record)
{
    Curfew__V1__Outcome *made = take(parts, 1, sizeof *made);
    curfew__v1__outcome__init(made);
    made->round = record->outcome.round;
    made->n_ends = record->outcome.count;
    made->ends = take(parts, record->outcome.count, sizeof made->ends[0]);
    Curfew__V1__TargetEnd *ends = take(parts, record->outcome.count, sizeof *ends);
    for (uint32_t i = 0; i < record->outcome.count; i++) {
        const struct target_end *from = &record->outcome.ends[i];
        curfew__v1__target_end__init(&ends[i]);
        ends[i].index = from->index;
        ends[i].outcome = (Curfew__V1__TargetOutcome)from->outcome;
        ends[i].reason = put_reason(parts, &from->reason);
        ends[i].attempts = from->attempts;
        made->ends[i] = &ends[i];
    }
    return made;
}

static Curfew__V1__Source *put_place(struct parts *parts, const struct place *place)
{
    if (!place->known)
        return NULL;
    Curfew__V1__Source *made = take(parts, 1, sizeof *made);
    curfew__v1__source__init(made);
    made->partition = place->partition;
    made->offset = place->offset;
    return made;
}

/* Empty for none. */
static ProtobufCBinaryData put_server_time(struct parts *parts, struct server_time time)
{
    struct server_time_text *text = take(parts, 1, sizeof *text);
    *text = server_time_format(time);
    return put_text(text->text);
}

static Curfew__V1__InfobaseLock *put_lock(struct parts *parts, const struct infobase_lock *lock)
{
    Curfew__V1__InfobaseLock *made = take(parts, 1, sizeof *made);
    curfew__v1__infobase_lock__init(made);
    made->sessions_deny = lock->sessions_deny;
    made->scheduled_jobs_deny = lock->scheduled_jobs_deny;
    made->denied_from = put_server_time(parts, lock->denied_from);
    made->denied_to = put_server_time(parts, lock->denied_to);
    made->denied_message = put_text(lock->denied_message);
    made->denied_parameter = put_text(lock->denied_parameter);
    made->permission_code = put_text(lock->permission_code);
    return made;
}

static Curfew__V1__Locked *put_locked(struct parts *parts, const struct record *record)
{
    Curfew__V1__Locked *made = take(parts, 1, sizeof *made);
    curfew__v1__locked__init(made);
    made->infobase = put_text(record->locked.infobase);
    if (record->locked.name)
        made->infobase_name = put_text(record->locked.name);
    made->infobase_uuid = put_uuid(parts, &record->locked.during.infobase);
    made->before = put_lock(parts, &record->locked.before);
    made->during = put_lock(parts, &record->locked.during);
    made->until = put_wall(parts, record->locked.until);
    made->attempt = record->locked.attempt;
    made->grace_until = put_wall(parts, record->locked.grace_until);
    made->end_by = put_wall(parts, record->locked.end_by);
    return made;
}

static Curfew__V1__Restored *put_restored(struct parts *parts, const struct record *record)
{
    Curfew__V1__Restored *made = take(parts, 1, sizeof *made);
    curfew__v1__restored__init(made);
    made->infobase = put_text(record->restored.infobase);
    made->infobase_uuid = put_uuid(parts, &record->restored.now.infobase);
    made->now = put_lock(parts, &record->restored.now);
    made->kept_foreign = record->restored.kept_foreign;
    return made;
}

static Curfew__V1__Attempt *put_attempt(struct parts *parts, const struct record *record)
{
    Curfew__V1__Attempt *made = take(parts, 1, sizeof *made);
    curfew__v1__attempt__init(made);
    made->round = record->attempt.round;
    made->attempt = record->attempt.attempt;
    made->act = (Curfew__V1__Act)record->attempt.act;
    made->n_targets = record->attempt.count;
    made->targets = record->attempt.targets;
    made->n_connections = record->attempt.connection_count;
    made->connections = take(parts, made->n_connections, sizeof made->connections[0]);
    Curfew__V1__Connection *connections = take(parts, made->n_connections, sizeof *connections);
    for (size_t i = 0; i < made->n_connections; i++) {
        curfew__v1__connection__init(&connections[i]);
        connections[i].connection = put_uuid(parts, &record->attempt.connections[i].connection);
        connections[i].process = put_uuid(parts, &record->attempt.connections[i].process);
        made->connections[i] = &connections[i];
    }
    return made;
}

static Curfew__V1__Released *put_released(struct parts *parts, const struct record *record)
{
    Curfew__V1__Released *made = take(parts, 1, sizeof *made);
    curfew__v1__released__init(made);
    made->more = record->released.more;
    made->n_releases = record->released.count;
    made->releases = take(parts, made->n_releases, sizeof made->releases[0]);
    Curfew__V1__TargetRelease *releases = take(parts, made->n_releases, sizeof *releases);
    for (size_t i = 0; i < made->n_releases; i++) {
        const struct target_release *from = &record->released.releases[i];
        curfew__v1__target_release__init(&releases[i]);
        releases[i].index = from->index;
        releases[i].connections = from->connections;
        releases[i].disconnected = from->disconnected;
        releases[i].leaked = from->leaked;
        made->releases[i] = &releases[i];
    }
    return made;
}

#define BODY(field, Type, init)                                                                    \
    message->field = take(parts, 1, sizeof *message->field);                                       \
    curfew__v1__##init##__init(message->field)

static void put_body(struct parts *parts, const struct record *record, Pb *message)
{
    message->body_case = (Curfew__V1__Record__BodyCase)record->kind;
    switch (record->kind) {
    case RECORD_OWNER:
        BODY(owner, Owner, owner);
        message->owner->instance = put_text(record->owner.instance);
        message->owner->program_version = put_text(CURFEW_VERSION);
        message->owner->partitions = record->owner.partitions;
        break;
    case RECORD_ACCEPTED:
        BODY(accepted, Accepted, accepted);
        message->accepted->command = put_command(parts, record->accepted.command);
        message->accepted->first_appended_at = put_wall(parts, record->accepted.first_appended_at);
        message->accepted->expires_at = put_wall(parts, record->accepted.expires_at);
        break;
    case RECORD_REJECTED:
        BODY(rejected, Rejected, rejected);
        message->rejected->after_accepted = record->rejected.after_accepted;
        message->rejected->dead_letter = put_place(parts, &record->rejected.dead_letter);
        message->rejected->command = put_command(parts, record->rejected.command);
        message->rejected->first_appended_at = put_wall(parts, record->rejected.first_appended_at);
        break;
    case RECORD_DUPLICATE:
        BODY(duplicate, Duplicate, duplicate);
        message->duplicate->first_outcome =
            (Curfew__V1__CommandOutcome)record->duplicate.first_outcome;
        message->duplicate->command = put_command(parts, record->duplicate.command);
        break;
    case RECORD_FORWARDED:
        BODY(forwarded, Forwarded, forwarded);
        message->forwarded->to_partition = record->forwarded.to_partition;
        break;
    case RECORD_RESOLVED:
        message->resolved = put_resolved(parts, record);
        break;
    case RECORD_ATTEMPT:
        message->attempt = put_attempt(parts, record);
        break;
    case RECORD_PENDING:
        BODY(pending, Pending, pending);
        message->pending->resolved_digest = put_text(record->pending.digest);
        message->pending->until = put_wall(parts, record->pending.until);
        break;
    case RECORD_APPROVED:
        BODY(approved, Approved, approved);
        message->approved->by = put_text(record->approved.by);
        message->approved->resolved_digest = put_text(record->approved.digest);
        break;
    case RECORD_LOCKED:
        message->locked = put_locked(parts, record);
        break;
    case RECORD_RESTORED:
        message->restored = put_restored(parts, record);
        break;
    case RECORD_RELEASED:
        message->released = put_released(parts, record);
        break;
    case RECORD_OUTCOME:
        message->outcome = put_outcome(parts, record);
        break;
    case RECORD_CLOSED:
        BODY(closed, Closed, closed);
        message->closed->outcome = (Curfew__V1__CommandOutcome)record->closed.outcome;
        break;
    case RECORD_CANCELLED:
        BODY(cancelled, Cancelled, cancelled);
        message->cancelled->by = put_text(record->cancelled.by);
        break;
    case RECORD_TOPICS_ACCEPTED:
        BODY(topics_accepted, TopicsAccepted, topics_accepted);
        message->topics_accepted->partitions = record->topics_accepted.partitions;
        message->topics_accepted->from_beginning = record->topics_accepted.from_beginning;
        message->topics_accepted->by = put_text(record->topics_accepted.by);
        break;
    default:
        CHECK(!"a kind that this program writes");
    }
}

static void put_head(struct parts *parts, const struct record *record, Pb *message,
                     Curfew__V1__Source *source)
{
    static const struct sha256 none;
    message->version = RECORD_VERSION;
    message->writer = (ProtobufCBinaryData){sizeof record->epoch.writer.bytes,
                                            (uint8_t *)(uintptr_t)record->epoch.writer.bytes};
    message->epoch = record->epoch.number;
    message->sequence = record->sequence;
    if (record->sequence > 1)
        message->previous = pb_sha256(&record->previous);
    if (!uuid_is_nil(&record->command_id)) {
        parts->command_id = uuid_format(&record->command_id);
        message->command_id = put_text(parts->command_id.text);
    }
    if (!sha256_equal(&record->command_digest, &none))
        message->command_digest = pb_sha256(&record->command_digest);
    if (record->source.known) {
        curfew__v1__source__init(source);
        source->partition = record->source.partition;
        source->offset = record->source.offset;
        message->source = source;
        message->source_digest = pb_sha256(&record->source.digest);
    }
    message->written_at = put_wall(parts, record->written_at);
    message->reason = put_reason(parts, &record->reason);
    message->events_through = record->events_through;
}

void record_encode(const struct record *record, struct buf *out)
{
    CHECK(record->epoch.number > 0);
    CHECK(record->sequence > 0);
    unsigned char first[SCRATCH_BYTES];
    unsigned char command[SCRATCH_BYTES];
    AUTO_ARENA scratch;
    arena_init(&scratch, 8 * LIMIT_COMMAND_DECODE_BYTES, first, sizeof first);
    struct parts parts = {.scratch = &scratch};
    buf_init_on(&parts.command, LIMIT_COMMAND_DECODE_BYTES, command, sizeof command);
    Curfew__V1__Source source;
    Pb message = CURFEW__V1__RECORD__INIT;
    put_head(&parts, record, &message, &source);
    put_body(&parts, record, &message);
    pb_pack(&message.base, out);
    buf_release(&parts.command);
}
