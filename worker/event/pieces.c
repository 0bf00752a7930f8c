#include "curfew/v1/event.pb-c.h"

#include "event/pieces.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/limits.h"
#include "event/contract.h"
#include "model/pb_json.h"
#include "model/wire.h"

enum { FIELD_TARGETS = 6, FIELD_PART = 17, FIELD_PARTS = 18 };
/* Of one verdict in a part: tag and length in protobuf, a comma in JSON. */
enum { NUMBERING_BYTES = 64 }; /* part, parts and the brackets around the verdicts */
enum { SEPARATOR_BYTES = 8, BODIES_MAX = 512 * 1024 * 1024, HEAD_MAX = 64 * 1024 };

static const struct pb_json target_json = {&curfew__v1__target_verdict__descriptor, event_whole,
                                           EVENT_WHOLE, false};
static const struct pb_json head_json = {&curfew__v1__event__descriptor, event_whole, EVENT_WHOLE,
                                         false};

static ProtobufCBinaryData put_text(const char *text)
{
    return pb_bytes(text_of(text ? text : ""));
}

static Google__Protobuf__Timestamp *put_wall(Google__Protobuf__Timestamp *at, struct wall wall)
{
    if (wall.ms == 0)
        return NULL;
    google__protobuf__timestamp__init(at);
    at->seconds = wall.ms / 1000;
    at->nanos = (int32_t)(wall.ms % 1000) * 1000000;
    return at;
}

/* A reason for people: cut at a character, so that the head and each verdict stay bounded whatever
 * a journal holds. */
static ProtobufCBinaryData put_message(const char *message)
{
    struct text text = text_of(message ? message : "");
    if (text.length > LIMIT_TEXT_BYTES) {
        text.length = LIMIT_TEXT_BYTES;
        while (text.length && ((unsigned char)text.at[text.length] & 0xC0) == 0x80)
            text.length--;
    }
    return pb_bytes(text);
}

static Curfew__V1__Reason *put_reason(Curfew__V1__Reason *at, const struct reason *reason)
{
    if (!reason || reason->code == ERR_OK)
        return NULL;
    curfew__v1__reason__init(at);
    at->code = put_text(error_label(reason->code));
    at->message = put_message(reason->message);
    return at;
}

/* False: what the engine gave could not be encoded (a snapshot that cannot be read). */
static bool put(const struct pieces *pieces, const struct pb_json *json,
                const ProtobufCMessage *message, struct buf *out)
{
    struct error err;
    if (pieces->style->format == EVENT_FORMAT_JSON)
        return !pb_json_write(json, message, out, &err) && !out->full;
    pb_pack(message, out);
    return !out->full;
}

/* ---- the head ---- */

static void put_totals(const struct event *event, Curfew__V1__Totals *totals)
{
    curfew__v1__totals__init(totals);
    for (uint32_t i = 0; i < event->target_count; i++) {
        enum target_outcome outcome = event->targets[i].outcome;
        totals->ended += outcome == TARGET_ENDED;
        totals->already_gone += outcome == TARGET_ALREADY_GONE;
        totals->left += outcome == TARGET_LEFT;
        totals->not_ended += outcome != TARGET_NONE && !target_outcome_is_success(outcome);
    }
    totals->targets = event->target_count;
}

static void put_place(Curfew__V1__Source *source, const char *topic, int32_t partition,
                      int64_t offset)
{
    curfew__v1__source__init(source);
    source->topic = put_text(topic);
    source->partition = partition;
    source->offset = offset;
}

static void put_requester(const struct command *command, Curfew__V1__Event *message,
                          Google__Protobuf__Timestamp *requested_at)
{
    message->origin = (Curfew__V1__Origin)command->origin;
    message->requested_by = put_text(command->requested_by);
    message->requested_reason = put_text(command->reason);
    message->correlation_id = put_text(command->correlation_id);
    message->requested_at = put_wall(requested_at, command->requested_at);
}

static void encode_head(struct pieces *pieces, const char *cluster)
{
    const struct event *event = pieces->event;
    Curfew__V1__Event message = CURFEW__V1__EVENT__INIT;
    Google__Protobuf__Timestamp times[4];
    Curfew__V1__Reason reason;
    Curfew__V1__Totals totals;
    Curfew__V1__Source source;
    Curfew__V1__Source journal;
    struct uuid_text id = uuid_format(&event->command_id);
    message.kind = (Curfew__V1__EventKind)event->kind;
    if (!uuid_is_nil(&event->command_id))
        message.command_id = put_text(id.text);
    message.cluster = put_text(cluster);
    message.outcome = (Curfew__V1__CommandOutcome)event->outcome;
    message.reason = put_reason(&reason, event->reason);
    put_totals(event, &totals);
    message.totals = event->target_count ? &totals : NULL;
    if (event->command)
        put_requester(event->command, &message, &times[0]);
    if (event->source.known) {
        put_place(&source, pieces->style->commands_topic, event->source.partition,
                  event->source.offset);
        message.source = &source;
    }
    if (event->journal_partition >= 0) {
        put_place(&journal, pieces->style->journal_topic, event->journal_partition,
                  event->journal_offset);
        message.journal = &journal;
    }
    message.accepted_at = put_wall(&times[1], event->accepted_at);
    message.closed_at = put_wall(&times[2], event->closed_at);
    message.duplicate = event->duplicate;
    message.progress = (Curfew__V1__Progress)event->progress;
    message.until = put_wall(&times[3], event->until);
    message.resolved_digest = put_text(event->resolved_digest);
    message.kept_foreign = event->kept_foreign;
    message.worker = put_text(pieces->style->worker);
    bool whole = put(pieces, &head_json, &message.base, &pieces->head);
    CHECK(whole);
}

void pieces_init(struct pieces *pieces, const struct event *event, const char *cluster,
                 const struct event_style *style)
{
    pieces->event = event;
    pieces->style = style;
    pieces->ends = NULL;
    pieces->count = 0;
    buf_init_on(&pieces->head, HEAD_MAX, pieces->first_of_head, PIECES_FIRST_BYTES);
    buf_init_on(&pieces->bodies, BODIES_MAX, pieces->first_of_bodies, PIECES_FIRST_BYTES);
    encode_head(pieces, cluster);
}

void pieces_release(struct pieces *pieces)
{
    buf_release(&pieces->head);
    buf_release(&pieces->bodies);
    if (pieces->ends != pieces->first_ends)
        free(pieces->ends);
    pieces->ends = NULL;
}

/* ---- verdicts ---- */

static bool encode_target(const struct pieces *pieces, const struct event_target *target,
                          bool with_snapshot, size_t room, struct buf *out)
{
    Curfew__V1__TargetVerdict message = CURFEW__V1__TARGET_VERDICT__INIT;
    Curfew__V1__SessionNumber number = CURFEW__V1__SESSION_NUMBER__INIT;
    Curfew__V1__Reason reason;
    Google__Protobuf__Timestamp decided_at;
    Google__Protobuf__Timestamp released_at;
    struct uuid_text session = uuid_format(&target->session);
    if (!uuid_is_nil(&target->session))
        message.session = put_text(session.text);
    if (target->has_number) {
        number.value = target->number;
        message.number = &number;
    }
    message.outcome = (Curfew__V1__TargetOutcome)target->outcome;
    message.reason = put_reason(&reason, target->reason);
    if (with_snapshot && target->snapshot)
        message.snapshot =
            pb_bytes((struct text){(const char *)target->snapshot, target->snapshot_length});
    message.attempts = target->attempts;
    message.decided_at = put_wall(&decided_at, target->decided_at);
    message.released_at = put_wall(&released_at, target->released_at);
    buf_clear(out);
    out->max = room;
    return put(pieces, &target_json, &message.base, out);
}

void pieces_add_targets(struct pieces *pieces, size_t room)
{
    const struct event *event = pieces->event;
    unsigned char first[1024];
    AUTO_BUF body;
    buf_init_on(&body, room, first, sizeof first);
    pieces->ends = pieces->first_ends;
    if (event->target_count > sizeof pieces->first_ends / sizeof pieces->first_ends[0])
        pieces->ends = mem_alloc(event->target_count, sizeof pieces->ends[0]);
    for (uint32_t i = 0; i < event->target_count; i++) {
        const struct event_target *target = &event->targets[i];
        bool whole = encode_target(pieces, target, pieces->style->include_snapshots,
                                   room - SEPARATOR_BYTES, &body);
        if (!whole)
            whole = encode_target(pieces, target, false, room - SEPARATOR_BYTES, &body);
        CHECK(whole);
        buf_add(&pieces->bodies, body.data, body.length);
        pieces->ends[pieces->count++] = pieces->bodies.length;
    }
    CHECK(!pieces->bodies.full);
}

static struct text body_at(const struct pieces *pieces, uint32_t index)
{
    size_t from = index ? pieces->ends[index - 1] : 0;
    return (struct text){(const char *)pieces->bodies.data + from, pieces->ends[index] - from};
}

size_t pieces_size(const struct pieces *pieces, uint32_t index)
{
    CHECK(index < pieces->count);
    return body_at(pieces, index).length + SEPARATOR_BYTES;
}

/* ---- joining ---- */

static void join_json(const struct pieces *pieces, uint32_t part, uint32_t parts, uint32_t first,
                      uint32_t behind, struct buf *out)
{
    CHECK(pieces->head.length >
          2); /* "{...}", never empty: `kind` and `journal` are always there */
    buf_add(out, pieces->head.data, pieces->head.length - 1);
    buf_format(out, ",\"part\":%" PRIu32 ",\"parts\":%" PRIu32, part, parts);
    for (uint32_t i = first; i < behind; i++) {
        struct text body = body_at(pieces, i);
        buf_str(out, i == first ? ",\"targets\":[" : ",");
        buf_add(out, body.at, body.length);
    }
    buf_str(out, first < behind ? "]}" : "}");
}

/* Fields of a message may stand in any order, so pieces are simply put one behind the other. */
static void join_protobuf(const struct pieces *pieces, uint32_t part, uint32_t parts,
                          uint32_t first, uint32_t behind, struct buf *out)
{
    buf_add(out, pieces->head.data, pieces->head.length);
    wire_put_number(out, FIELD_PART, part);
    wire_put_number(out, FIELD_PARTS, parts);
    for (uint32_t i = first; i < behind; i++)
        wire_put_bytes(out, FIELD_TARGETS, body_at(pieces, i));
}

size_t pieces_joined_size(const struct pieces *pieces, uint32_t first, uint32_t behind)
{
    size_t size = pieces->head.length + NUMBERING_BYTES + 1;
    for (uint32_t i = first; i < behind; i++)
        size += pieces_size(pieces, i);
    return size;
}

void pieces_join(const struct pieces *pieces, uint32_t part, uint32_t parts, uint32_t first,
                 uint32_t behind, struct buf *out)
{
    CHECK(first <= behind);
    CHECK(behind <= pieces->count);
    if (pieces->style->format == EVENT_FORMAT_JSON)
        join_json(pieces, part, parts, first, behind, out);
    else
        join_protobuf(pieces, part, parts, first, behind, out);
}
