/* Events into messages. The head of an event and each target's verdict are encoded once; parts are
 * then cut and joined from these pieces, so the size of every part is known before it is made. */
#include "event/encode.h"
#include "base/check.h"
#include "base/limits.h"
#include "event/pieces.h"
#include "model/cloudevent.h"

enum {
    ENVELOPE_BYTES = 6 * 1024, /* of one message: attributes are bounded names and ids */
    PART_NAME_BYTES = sizeof(struct uuid) + 8,
    TEXT_ROOM = 2048,
    TEXT_USUAL = 256,
    ATTRIBUTES_USUAL = 1024 /* what the headers of one message take, about */
};
/* All parts of one event, twice: the data, and in structured mode the value around it. */
static const size_t memory_max = (size_t)1024 * 1024 * 1024;

_Static_assert((int)LIMIT_EVENT_BYTES > 4 * (int)ENVELOPE_BYTES,
               "an envelope leaves room for data");

struct event_style event_style_default(void)
{
    return (struct event_style){
        .mode = EVENT_MODE_BINARY,
        .format = EVENT_FORMAT_JSON,
        .type_prefix = "curfew.",
        .source = "curfew",
        .data_schema = "",
        .worker = "",
        .commands_topic = "",
        .journal_topic = "",
        .include_snapshots = true,
        .max_bytes = LIMIT_EVENT_BYTES,
    };
}

/* ---- attributes ---- */

/* CloudEvents allows no control characters in attributes; `/` and `%` keep the subject readable. */
static void add_escaped(struct buf *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        bool c1 = at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0;
        if (at[0] < 0x20 || at[0] == 0x7F || at[0] == '/' || at[0] == '%')
            buf_format(out, "%%%02X", at[0]);
        else if (c1) {
            buf_format(out, "%%%02X%%%02X", at[0], at[1]);
            at++;
        } else
            buf_byte(out, at[0]);
    }
}

static bool has_controls(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (at[0] < 0x20 || at[0] == 0x7F || (at[0] == 0xC2 && at[1] >= 0x80 && at[1] < 0xA0))
            return true;
    return false;
}

static void add_subject(struct buf *out, const struct event *event, const char *cluster,
                        const struct event_style *style)
{
    if (uuid_is_nil(&event->command_id)) { /* what could not be decoded has only its place */
        buf_str(out, "topic/");
        add_escaped(out, style->commands_topic);
        buf_format(out, "/partition/%d/offset/%lld", (int)event->source.partition,
                   (long long)event->source.offset);
        return;
    }
    buf_str(out, "cluster/");
    add_escaped(out, cluster);
    buf_str(out, "/command/");
    buf_str(out, uuid_format(&event->command_id).text);
}

/* One part keeps the event's id. Several have ids of their own, which also change with the number
 * of parts: another cut of the same event is another set of messages. */
static struct uuid part_id(const struct event *event, uint32_t part, uint32_t parts)
{
    uint8_t name[PART_NAME_BYTES];
    if (parts == 1)
        return event->id;
    memcpy(name, event->id.bytes, sizeof event->id.bytes);
    for (unsigned i = 0; i < 4; i++) {
        name[sizeof event->id.bytes + i] = (uint8_t)(part >> (24 - 8 * i));
        name[sizeof event->id.bytes + 4 + i] = (uint8_t)(parts >> (24 - 8 * i));
    }
    return uuid_derive(name, sizeof name);
}

static enum cloudevent_mode mode_of(const struct event_style *style)
{
    if (style->mode == EVENT_MODE_BINARY)
        return CLOUDEVENT_BINARY;
    return style->format == EVENT_FORMAT_JSON ? CLOUDEVENT_JSON : CLOUDEVENT_PROTOBUF;
}

struct maker {
    const struct event *event;
    const char *cluster;
    const struct event_style *style;
    struct outgoing *outgoing;
};

static void make_message(const struct maker *maker, uint32_t part, uint32_t parts, struct text data)
{
    const struct event *event = maker->event;
    const struct event_style *style = maker->style;
    struct uuid derived = part_id(event, part, parts);
    struct uuid_text id = uuid_format(&derived);
    struct uuid_text cause = uuid_format(&event->command_id);
    struct wall_text time = wall_format(event->time);
    const char *correlation = event->command ? event->command->correlation_id : "";
    char first[2][TEXT_USUAL];
    AUTO_BUF type;
    AUTO_BUF subject;
    buf_init_on(&type, TEXT_ROOM, first[0], sizeof first[0]);
    buf_init_on(&subject, TEXT_ROOM, first[1], sizeof first[1]);
    buf_str(&type, style->type_prefix);
    buf_str(&type, "command.");
    buf_str(&type, event_kind_label(event->kind));
    buf_str(&type, ".v1");
    add_subject(&subject, event, maker->cluster, style);
    struct cloudevent envelope = {
        .mode = mode_of(style),
        .id = text_of(id.text),
        .source = text_of(style->source),
        .type = text_of(buf_text(&type)),
        .subject = text_of(buf_text(&subject)),
        .time = text_of(time.text),
        .data_schema = text_of(style->data_schema),
        .correlation_id = has_controls(correlation) ? (struct text){NULL, 0} : text_of(correlation),
        .causation_id =
            uuid_is_nil(&event->command_id) ? (struct text){NULL, 0} : text_of(cause.text),
        .content = style->format == EVENT_FORMAT_JSON ? CONTENT_JSON : CONTENT_PROTOBUF,
        .type_url = TEXT("type.googleapis.com/curfew.v1.Event"),
        .data = data,
    };
    struct message *message = &maker->outgoing->messages[part - 1];
    char *key = arena_text(maker->outgoing->arena, text_of(maker->cluster));
    CHECK(key);
    message->key = text_of(key);
    struct error err;
    enum error_code code = cloudevent_close(&envelope, maker->outgoing->arena, message, &err);
    CHECK(code == ERR_OK);
    CHECK(message->value.length <= style->max_bytes);
}

/* ---- parts ---- */

/* How many parts, when each may hold `room` bytes of verdicts. */
static uint32_t count_parts(const struct pieces *pieces, size_t room)
{
    uint32_t parts = 1;
    size_t used = 0;
    for (uint32_t i = 0; i < pieces->count; i++) {
        size_t size = pieces_size(pieces, i);
        CHECK(size <= room);
        if (used + size > room) {
            parts++;
            used = 0;
        }
        used += size;
    }
    return parts;
}

static void make_part(const struct maker *maker, const struct pieces *pieces, uint32_t part,
                      uint32_t parts, uint32_t first, uint32_t behind)
{
    size_t size = pieces_joined_size(pieces, first, behind);
    char *room = arena_take(maker->outgoing->arena, size, 1);
    CHECK(room);
    struct buf data;
    buf_init_on(&data, maker->style->max_bytes, room, size);
    pieces_join(pieces, part, parts, first, behind, &data);
    CHECK(!data.full);
    CHECK(data.lent); /* it did not outgrow its place, which was all zeros */
    make_message(maker, part, parts, (struct text){room, data.length});
}

static void make_parts(const struct maker *maker, const struct pieces *pieces, size_t room)
{
    struct outgoing *outgoing = maker->outgoing;
    uint32_t parts = count_parts(pieces, room);
    outgoing->messages = arena_take(outgoing->arena, parts, sizeof outgoing->messages[0]);
    CHECK(outgoing->messages);
    outgoing->count = parts;
    uint32_t first = 0;
    for (uint32_t part = 1; part <= parts; part++) {
        uint32_t behind = first;
        for (size_t used = 0; behind < pieces->count; behind++) {
            used += pieces_size(pieces, behind);
            if (used > room)
                break;
        }
        make_part(maker, pieces, part, parts, first, behind);
        first = behind;
    }
    CHECK(first == pieces->count);
}

struct outgoing *event_encode_in(struct event_room *room, const struct event *event,
                                 const char *cluster, const struct event_style *style)
{
    CHECK(style->max_bytes >= EVENT_BYTES_MIN);
    CHECK(style->max_bytes <= LIMIT_EVENT_BYTES);
    CHECK(style->source[0]);
    if (!cluster[0] && event->command)
        cluster = event->command->cluster;
    struct pieces pieces;
    pieces_init(&pieces, event, cluster, style);
    CHECK(pieces.head.length + ENVELOPE_BYTES < style->max_bytes);
    size_t space = style->max_bytes - pieces.head.length - ENVELOPE_BYTES;
    pieces_add_targets(&pieces, space);
    /* Value and, in structured mode, its envelope once more around it. */
    size_t most = 2 * (pieces.bodies.length +
                       (size_t)(event->target_count + 2) * (pieces.head.length + ENVELOPE_BYTES));
    most = most < memory_max ? most : memory_max;
    size_t usual = pieces.head.length + pieces.bodies.length + ATTRIBUTES_USUAL;
    struct maker maker = {event, cluster, style,
                          room ? outgoing_create_on(most, room->bytes, sizeof room->bytes)
                               : outgoing_create(most, usual)};
    make_parts(&maker, &pieces, space);
    pieces_release(&pieces);
    return maker.outgoing;
}

struct outgoing *event_encode(const struct event *event, const char *cluster,
                              const struct event_style *style)
{
    return event_encode_in(NULL, event, cluster, style);
}
