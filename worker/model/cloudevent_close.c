/* CloudEvents put together: headers in binary mode, one JSON or protobuf value in structured mode.
 */
#include "base/check.h"
#include "base/clock.h"
#include "model/cloudevent.h"
#include "model/json.h"
#include "model/wire.h"

enum { HEADERS_MAX = 12, ENVELOPE_BYTES = 64 * 1024 };

/* Sorted by name: the same event makes the same bytes. */
struct pair {
    const char *name; /* as a header */
    struct text value;
    bool is_time;
    bool is_uri;
};

enum { PAIRS = 6 };

static void optional_pairs(const struct cloudevent *event, struct pair pairs[PAIRS])
{
    const struct pair all[PAIRS] = {
        {"ce_causationid", event->causation_id, false, false},
        {"ce_correlationid", event->correlation_id, false, false},
        {"ce_dataschema", event->data_schema, false, true},
        {"ce_expirytime", event->expiry_time, true, false},
        {"ce_subject", event->subject, false, false},
        {"ce_time", event->time, true, false},
    };
    memcpy(pairs, all, sizeof all);
}

static const char *content_name(enum content content)
{
    CHECK(content != CONTENT_UNKNOWN);
    return content == CONTENT_JSON ? "application/json" : "application/protobuf";
}

static enum error_code too_large(struct error *err)
{
    return error_set(err, ERR_TOO_LARGE, "the message is too large");
}

/* ---- headers ---- */

struct headers {
    struct arena *arena;
    struct header *list;
    size_t count;
    bool full;
};

static void add_header(struct headers *headers, const char *name, struct text value)
{
    CHECK(headers->count < HEADERS_MAX);
    char *copy = arena_text(headers->arena, value);
    if (!copy) {
        headers->full = true;
        return;
    }
    headers->list[headers->count++] =
        (struct header){text_of(name), (struct text){copy, value.length}};
}

static void add_binary(struct headers *headers, const struct cloudevent *event)
{
    struct pair pairs[PAIRS];
    add_header(headers, "ce_specversion", TEXT("1.0"));
    add_header(headers, "ce_id", event->id);
    add_header(headers, "ce_source", event->source);
    add_header(headers, "ce_type", event->type);
    optional_pairs(event, pairs);
    for (size_t i = 0; i < PAIRS; i++)
        if (pairs[i].value.length)
            add_header(headers, pairs[i].name, pairs[i].value);
}

/* ---- values ---- */

static void put_member(struct buf *out, const char *name, struct text value)
{
    buf_format(out, ",\"%s\":", name);
    json_quote(out, value);
}

static void put_json(struct buf *out, const struct cloudevent *event)
{
    CHECK(event->content == CONTENT_JSON);
    struct pair pairs[PAIRS];
    buf_str(out, "{\"specversion\":\"1.0\"");
    put_member(out, "id", event->id);
    put_member(out, "source", event->source);
    put_member(out, "type", event->type);
    optional_pairs(event, pairs);
    for (size_t i = 0; i < PAIRS; i++)
        if (pairs[i].value.length)
            put_member(out, pairs[i].name + 3, pairs[i].value);
    put_member(out, "datacontenttype", TEXT("application/json"));
    buf_str(out, ",\"data\":");
    buf_add(out, event->data.at, event->data.length);
    buf_byte(out, '}');
}

/* One entry of the attributes' map; members as in io/cloudevents/v1/cloudevents.proto. */
static void put_entry(struct buf *out, const struct pair *pair)
{
    AUTO_BUF value;
    AUTO_BUF entry;
    struct wall wall;
    buf_init(&value, ENVELOPE_BYTES);
    buf_init(&entry, ENVELOPE_BYTES);
    if (pair->is_time && !wall_read(pair->value, &wall, NULL)) {
        AUTO_BUF timestamp;
        buf_init(&timestamp, ENVELOPE_BYTES);
        wire_put_number(&timestamp, 1, (uint64_t)(wall.ms / 1000));
        wire_put_number(&timestamp, 2, (uint64_t)(wall.ms % 1000) * 1000000);
        wire_put_bytes(&value, 7, (struct text){(char *)timestamp.data, timestamp.length});
    } else {
        wire_put_bytes(&value, pair->is_uri ? 5 : 3, pair->value);
    }
    wire_put_bytes(&entry, 1, text_of(pair->name + 3));
    wire_put_bytes(&entry, 2, (struct text){(char *)value.data, value.length});
    out->full |= value.full | entry.full;
    wire_put_bytes(out, 5, (struct text){(char *)entry.data, entry.length});
}

static size_t varint_length(uint64_t value)
{
    size_t ret = 1;
    for (; value >= 0x80; value >>= 7)
        ret++;
    return ret;
}

/* google.protobuf.Any around the data, written in place: the data may be large. */
static void put_any(struct buf *out, const struct cloudevent *event)
{
    size_t url = 1 + varint_length(event->type_url.length) + event->type_url.length;
    size_t data = 1 + varint_length(event->data.length) + event->data.length;
    wire_put_tag(out, 8, WIRE_BYTES);
    wire_put_varint(out, url + data);
    wire_put_bytes(out, 1, event->type_url);
    wire_put_bytes(out, 2, event->data);
}

static void put_protobuf(struct buf *out, const struct cloudevent *event)
{
    struct pair pairs[PAIRS];
    const struct pair content = {"ce_datacontenttype", text_of(content_name(event->content)), false,
                                 false};
    wire_put_bytes(out, 1, event->id);
    wire_put_bytes(out, 2, event->source);
    wire_put_bytes(out, 3, TEXT("1.0"));
    wire_put_bytes(out, 4, event->type);
    put_entry(out, &content);
    optional_pairs(event, pairs);
    for (size_t i = 0; i < PAIRS; i++)
        if (pairs[i].value.length)
            put_entry(out, &pairs[i]);
    if (event->content == CONTENT_JSON)
        wire_put_bytes(out, 7, event->data);
    else if (event->type_url.length)
        put_any(out, event);
    else
        wire_put_bytes(out, 6, event->data);
}

static enum error_code close_structured(const struct cloudevent *event, struct arena *arena,
                                        struct text *ret, struct error *err)
{
    AUTO_BUF value;
    buf_init(&value, event->data.length + ENVELOPE_BYTES);
    if (event->mode == CLOUDEVENT_JSON)
        put_json(&value, event);
    else
        put_protobuf(&value, event);
    char *copy = value.full
                     ? NULL
                     : arena_text(arena, (struct text){(const char *)value.data, value.length});
    if (!copy)
        return too_large(err);
    *ret = (struct text){copy, value.length};
    return ERR_OK;
}

enum error_code cloudevent_close(const struct cloudevent *event, struct arena *arena,
                                 struct message *ret, struct error *err)
{
    struct headers headers = {.arena = arena};
    struct text value = event->data;
    headers.list = arena_take(arena, HEADERS_MAX, sizeof headers.list[0]);
    if (!headers.list)
        return too_large(err);
    switch (event->mode) {
    case CLOUDEVENT_NONE:
        add_header(&headers, "content-type", text_of(content_name(event->content)));
        break;
    case CLOUDEVENT_BINARY:
        add_header(&headers, "content-type", text_of(content_name(event->content)));
        add_binary(&headers, event);
        break;
    case CLOUDEVENT_JSON:
        add_header(&headers, "content-type", TEXT("application/cloudevents+json; charset=UTF-8"));
        break;
    case CLOUDEVENT_PROTOBUF:
        add_header(&headers, "content-type", TEXT("application/cloudevents+protobuf"));
        break;
    }
    if (headers.full)
        return too_large(err);
    if (event->mode == CLOUDEVENT_JSON || event->mode == CLOUDEVENT_PROTOBUF) {
        enum error_code code = close_structured(event, arena, &value, err);
        if (code)
            return code;
    }
    ret->value = value;
    ret->headers = headers.list;
    ret->header_count = headers.count;
    return ERR_OK;
}
