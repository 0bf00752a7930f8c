/* Journal records as protobuf (curfew.v1.Record). */
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
_Static_assert(CURFEW__V1__RECORD__BODY_POLICY == (int)RECORD_POLICY,
               "kinds are the oneof's numbers");

/* ---- encoding ---- */

/* The generated structs one record needs, on the stack of record_encode(). */
struct parts {
    struct arena *scratch;
    struct uuid_text command_id;
    struct buf command; /* the embedded command's bytes */
    Google__Protobuf__Timestamp times[4];
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

static ProtobufCBinaryData put_asked(struct parts *parts, const struct uuid *uuid)
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
    to->asked_session = put_asked(parts, &from->asked_session);
    to->verdict = (Curfew__V1__TargetOutcome)from->verdict;
    to->reason = put_reason(parts, &from->reason);
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
        BODY(attempt, Attempt, attempt);
        message->attempt->round = record->attempt.round;
        message->attempt->attempt = record->attempt.attempt;
        message->attempt->n_targets = record->attempt.count;
        message->attempt->targets = record->attempt.targets;
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
    AUTO(arena) scratch = arena_create(8 * LIMIT_COMMAND_DECODE_BYTES);
    struct parts parts = {.scratch = scratch};
    buf_init(&parts.command, LIMIT_COMMAND_DECODE_BYTES);
    Curfew__V1__Source source;
    Pb message = CURFEW__V1__RECORD__INIT;
    put_head(&parts, record, &message, &source);
    put_body(&parts, record, &message);
    pb_pack(&message.base, out);
    buf_release(&parts.command);
}

/* ---- decoding ---- */

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

static enum error_code get_attempt(const Curfew__V1__Attempt *from, struct record *record)
{
    record->attempt.round = from->round;
    record->attempt.attempt = from->attempt;
    record->attempt.targets = mem_alloc(from->n_targets, sizeof record->attempt.targets[0]);
    if (from->n_targets)
        memcpy(record->attempt.targets, from->targets, from->n_targets * sizeof from->targets[0]);
    record->attempt.count = (uint32_t)from->n_targets;
    return ERR_OK;
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
        return get_attempt(from->attempt, record);
    case RECORD_OUTCOME:
        return get_outcome(from->outcome, record, err);
    case RECORD_CLOSED:
        if (from->closed->outcome == 0)
            return bad(err, "a command closed without an outcome");
        return get_command_outcome((int)from->closed->outcome, &record->closed.outcome, err);
    case RECORD_CANCELLED:
        return get_text(from->cancelled->by, LIMIT_NAME_BYTES, "cancelled by",
                        &record->cancelled.by, err);
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
    Pb *message = (Pb *)pb_unpack(&memory, &curfew__v1__record__descriptor, bytes,
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
