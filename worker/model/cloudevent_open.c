/* CloudEvents taken apart: which mode, the attributes, the data. */
#include <strings.h>

#include "base/clock.h"
#include "base/limits.h"
#include "model/cloudevent.h"
#include "model/json.h"
#include "model/wire.h"

/* The attributes that are kept, by name: one row serves headers, JSON members and the protobuf map.
 */
struct attribute {
    const char *name;
    const char *header; /* in binary mode */
    size_t offset;      /* of a struct text in struct cloudevent */
    bool required;
};

#define ATTRIBUTE(name, member) name, "ce_" name, offsetof(struct cloudevent, member)
static const struct attribute attributes[] = {
    {ATTRIBUTE("id", id), true},
    {ATTRIBUTE("source", source), true},
    {ATTRIBUTE("type", type), true},
    {ATTRIBUTE("subject", subject), false},
    {ATTRIBUTE("time", time), false},
    {ATTRIBUTE("dataschema", data_schema), false},
    {ATTRIBUTE("correlationid", correlation_id), false},
    {ATTRIBUTE("causationid", causation_id), false},
    {ATTRIBUTE("expirytime", expiry_time), false},
};
#undef ATTRIBUTE

enum { ATTRIBUTES = sizeof attributes / sizeof attributes[0] };

static struct text *place(struct cloudevent *event, const struct attribute *attribute)
{
    return (struct text *)((char *)event + attribute->offset);
}

static enum error_code too_large(struct error *err)
{
    return error_set(err, ERR_TOO_LARGE, "the message is too large");
}

static enum error_code keep(struct arena *arena, struct text text, struct text *ret,
                            struct error *err)
{
    char *copy = arena_text(arena, text);
    if (!copy)
        return too_large(err);
    *ret = (struct text){copy, text.length};
    return ERR_OK;
}

/* ---- content types ---- */

static struct text media_type_of(struct text content_type)
{
    struct text ret = {content_type.at, 0};
    while (ret.length < content_type.length && ret.at[ret.length] != ';')
        ret.length++;
    while (ret.length && (ret.at[0] == ' ' || ret.at[0] == '\t')) {
        ret.at++;
        ret.length--;
    }
    while (ret.length && (ret.at[ret.length - 1] == ' ' || ret.at[ret.length - 1] == '\t'))
        ret.length--;
    return ret;
}

static bool same_type(struct text a, const char *b)
{
    return a.length == strlen(b) && !strncasecmp(a.at ? a.at : "", b, a.length);
}

static bool ends_with(struct text text, const char *suffix)
{
    size_t length = strlen(suffix);
    return text.length > length && !strncasecmp(text.at + text.length - length, suffix, length);
}

/* The content type of a bare media type: case and parameters do not matter. */
static enum content content_of(struct text media_type)
{
    static const char *const json[] = {"application/json", "text/json"};
    static const char *const protobuf[] = {"application/protobuf", "application/x-protobuf",
                                           "application/vnd.google.protobuf",
                                           "application/x-google-protobuf"};
    struct text type = media_type_of(media_type);
    for (size_t i = 0; i < sizeof json / sizeof json[0]; i++)
        if (same_type(type, json[i]))
            return CONTENT_JSON;
    for (size_t i = 0; i < sizeof protobuf / sizeof protobuf[0]; i++)
        if (same_type(type, protobuf[i]))
            return CONTENT_PROTOBUF;
    if (ends_with(type, "+json"))
        return CONTENT_JSON;
    return ends_with(type, "+protobuf") ? CONTENT_PROTOBUF : CONTENT_UNKNOWN;
}

/* Types that say nothing: the first byte decides then. */
static bool says_nothing(struct text type)
{
    return !type.length || same_type(type, "application/octet-stream") ||
           same_type(type, "binary/octet-stream") || same_type(type, "text/plain");
}

static enum error_code set_content(struct cloudevent *event, struct text written, struct error *err)
{
    event->data_type = written;
    event->content = content_of(written);
    if (event->content == CONTENT_UNKNOWN && !says_nothing(media_type_of(written))) {
        AUTO_BUF shown;
        buf_init(&shown, LIMIT_NAME_BYTES);
        text_printable(&shown, media_type_of(written));
        return error_set(err, ERR_UNSUPPORTED,
                         "content type '%s' is not read here: send application/protobuf, "
                         "application/json or a CloudEvent with one of them",
                         buf_text(&shown));
    }
    return ERR_OK;
}

/* ---- what all modes check ---- */

static enum error_code check_version(struct text version, struct error *err)
{
    if (text_equal(version, TEXT("1.0")))
        return ERR_OK;
    return error_set(err, version.length ? ERR_UNSUPPORTED : ERR_INVALID,
                     "CloudEvents specversion must be '1.0'");
}

static enum error_code check_attributes(struct cloudevent *event, struct error *err)
{
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        struct text value = *place(event, &attributes[i]);
        if (attributes[i].required && !value.length)
            return error_set(err, ERR_INVALID, "the CloudEvent has no attribute '%s': set it",
                             attributes[i].name);
        if (!text_valid(value))
            return error_set(err, ERR_INVALID,
                             "CloudEvents attribute '%s' is not UTF-8 text, or holds a NUL",
                             attributes[i].name);
    }
    return ERR_OK;
}

/* ---- binary mode ---- */

static enum error_code open_binary(const struct message *message, struct text version,
                                   struct cloudevent *event, struct error *err)
{
    enum error_code code = check_version(version, err);
    for (size_t i = 0; !code && i < ATTRIBUTES; i++)
        code = message_header(message, attributes[i].header, place(event, &attributes[i]), err);
    event->mode = CLOUDEVENT_BINARY;
    event->data = message->value;
    return code ? code : check_attributes(event, err);
}

/* ---- structured, JSON ---- */

static enum error_code take_json_data(const json_t *root, struct arena *arena,
                                      struct cloudevent *event, struct error *err)
{
    const json_t *data = json_object_get(root, "data");
    const json_t *base64 = json_object_get(root, "data_base64");
    if (data && base64)
        return error_set(err, ERR_INVALID, "the CloudEvent has both 'data' and 'data_base64'");
    if (base64)
        return base64_read(json_text(base64), arena, &event->data, err);
    if (!data || json_is_null(data))
        return error_set(err, ERR_INVALID, "the CloudEvent carries no data");
    if (!event->data_type.length)
        event->content = CONTENT_JSON; /* the JSON format's rule for an absent datacontenttype */
    if (json_is_string(data) && event->content != CONTENT_JSON)
        return keep(arena, json_text(data), &event->data, err);
    char *text = json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        return too_large(err);
    enum error_code code = keep(arena, text_of(text), &event->data, err);
    free(text);
    return code;
}

static enum error_code take_json(const json_t *root, struct arena *arena, struct cloudevent *event,
                                 struct error *err)
{
    enum error_code code = check_version(json_text(json_object_get(root, "specversion")), err);
    for (size_t i = 0; !code && i < ATTRIBUTES; i++) {
        const json_t *value = json_object_get(root, attributes[i].name);
        if (value && !json_is_null(value) && !json_is_string(value))
            return error_set(err, ERR_INVALID, "CloudEvents attribute '%s' must be a string",
                             attributes[i].name);
        code = keep(arena, json_text(value), place(event, &attributes[i]), err);
    }
    struct text written;
    if (!code)
        code = keep(arena, json_text(json_object_get(root, "datacontenttype")), &written, err);
    if (!code)
        code = set_content(event, written, err);
    if (!code)
        code = check_attributes(event, err);
    return code ? code : take_json_data(root, arena, event, err);
}

static enum error_code open_json(const struct message *message, struct arena *arena,
                                 struct cloudevent *event, struct error *err)
{
    json_t *root = json_read(message->value, err);
    if (!root)
        return ERR_UNDECODABLE;
    event->mode = CLOUDEVENT_JSON;
    enum error_code code =
        json_is_object(root) ? take_json(root, arena, event, err)
                             : error_set(err, ERR_UNDECODABLE, "the CloudEvent is no JSON object");
    json_decref(root);
    return code;
}

/* A structured event whose content-type header was lost on the way (tools that send text). */
static bool is_json_event(struct text value)
{
    if (!value.length || !memmem(value.at, value.length, "\"specversion\"", 13))
        return false;
    json_t *root = json_read(value, NULL);
    bool ret = json_is_string(json_object_get(root, "specversion"));
    json_decref(root);
    return ret;
}

/* ---- structured, protobuf: io.cloudevents.v1.CloudEvent ---- */

enum {
    EVENT_ID = 1,
    EVENT_SOURCE = 2,
    EVENT_SPEC_VERSION = 3,
    EVENT_TYPE = 4,
    EVENT_ATTRIBUTES = 5,
    EVENT_BINARY_DATA = 6,
    EVENT_TEXT_DATA = 7,
    EVENT_PROTO_DATA = 8,
    VALUE_STRING = 3,
    VALUE_URI = 5,
    VALUE_URI_REF = 6,
    VALUE_TIMESTAMP = 7
};

static enum error_code not_an_event(struct error *err)
{
    return error_set(err, ERR_UNDECODABLE,
                     "the bytes are not an io.cloudevents.v1.CloudEvent in protobuf");
}

static enum error_code take_timestamp(struct text bytes, struct arena *arena, struct text *ret,
                                      struct error *err)
{
    const uint64_t last_second = 253402300799; /* 9999-12-31T23:59:59Z */
    uint64_t seconds = 0;
    uint64_t nanos = 0;
    struct wire_field field;
    while (wire_next(&bytes, &field)) {
        if (field.number == 1 && field.type == WIRE_VARINT)
            seconds = field.value;
        if (field.number == 2 && field.type == WIRE_VARINT)
            nanos = field.value;
    }
    if (bytes.length || seconds > last_second || nanos > 999999999)
        return error_set(err, ERR_INVALID, "a CloudEvents timestamp is not between 1970 and 9999");
    struct wall wall = {(int64_t)(seconds * 1000 + nanos / 1000000)};
    return keep(arena, text_of(wall_format(wall).text), ret, err);
}

static enum error_code take_value(struct text bytes, struct arena *arena, struct text *ret,
                                  struct error *err)
{
    struct wire_field field;
    enum error_code code = ERR_OK;
    while (!code && wire_next(&bytes, &field)) {
        if (field.type != WIRE_BYTES)
            continue;
        if (field.number == VALUE_STRING || field.number == VALUE_URI ||
            field.number == VALUE_URI_REF)
            *ret = field.bytes;
        else if (field.number == VALUE_TIMESTAMP)
            code = take_timestamp(field.bytes, arena, ret, err);
    }
    return !code && bytes.length ? not_an_event(err) : code;
}

static enum error_code take_entry(struct text bytes, struct arena *arena, struct cloudevent *event,
                                  struct error *err)
{
    struct text key = {NULL, 0};
    struct text value = {NULL, 0};
    struct wire_field field;
    while (wire_next(&bytes, &field)) {
        if (field.number == 1 && field.type == WIRE_BYTES)
            key = field.bytes;
        if (field.number == 2 && field.type == WIRE_BYTES)
            value = field.bytes;
    }
    if (bytes.length)
        return not_an_event(err);
    if (text_equal(key, TEXT("datacontenttype")))
        return take_value(value, arena, &event->data_type, err);
    for (size_t i = 0; i < ATTRIBUTES; i++)
        if (!attributes[i].required && text_equal(key, text_of(attributes[i].name)))
            return take_value(value, arena, place(event, &attributes[i]), err);
    return ERR_OK;
}

static enum error_code take_any(struct text bytes, struct cloudevent *event, struct error *err)
{
    struct wire_field field;
    while (wire_next(&bytes, &field)) {
        if (field.number == 1 && field.type == WIRE_BYTES)
            event->type_url = field.bytes;
        if (field.number == 2 && field.type == WIRE_BYTES)
            event->data = field.bytes;
    }
    return bytes.length ? not_an_event(err) : ERR_OK;
}

/* The members of the event; `seen` keeps the number of the data member, `version` the version. */
static enum error_code take_member(const struct wire_field *field, struct arena *arena,
                                   struct cloudevent *event, struct text *version, unsigned *seen,
                                   struct error *err)
{
    if (field->type != WIRE_BYTES)
        return not_an_event(err);
    switch (field->number) {
    case EVENT_ID:
        event->id = field->bytes;
        break;
    case EVENT_SOURCE:
        event->source = field->bytes;
        break;
    case EVENT_SPEC_VERSION:
        *version = field->bytes;
        break;
    case EVENT_TYPE:
        event->type = field->bytes;
        break;
    case EVENT_ATTRIBUTES:
        return take_entry(field->bytes, arena, event, err);
    case EVENT_BINARY_DATA:
    case EVENT_TEXT_DATA:
        event->data = field->bytes;
        *seen = field->number;
        break;
    case EVENT_PROTO_DATA:
        *seen = field->number;
        return take_any(field->bytes, event, err);
    default:
        break;
    }
    return ERR_OK;
}

static enum error_code open_protobuf(const struct message *message, struct arena *arena,
                                     struct cloudevent *event, struct error *err)
{
    struct text rest = message->value;
    struct text version = {NULL, 0};
    struct wire_field field;
    unsigned seen = 0;
    enum error_code code = ERR_OK;
    event->mode = CLOUDEVENT_PROTOBUF;
    while (!code && wire_next(&rest, &field))
        code = take_member(&field, arena, event, &version, &seen, err);
    if (!code && rest.length)
        code = not_an_event(err);
    if (!code)
        code = check_version(version, err);
    if (!code)
        code = check_attributes(event, err);
    if (!code)
        code = set_content(event, event->data_type, err);
    if (!code && !seen)
        code = error_set(err, ERR_INVALID, "the CloudEvent carries no data");
    if (!code && seen == EVENT_PROTO_DATA)
        event->content = CONTENT_PROTOBUF;
    return code;
}

/* ---- which of them ---- */

static enum error_code open_structured(const struct message *message, struct text type,
                                       struct arena *arena, struct cloudevent *event,
                                       struct error *err)
{
    if (same_type(type, "application/cloudevents+json"))
        return open_json(message, arena, event, err);
    if (same_type(type, "application/cloudevents+protobuf"))
        return open_protobuf(message, arena, event, err);
    return error_set(err, ERR_UNSUPPORTED,
                     "structured CloudEvents are read in application/cloudevents+json and "
                     "application/cloudevents+protobuf only, one event for each message");
}

enum error_code cloudevent_open(const struct message *message, struct arena *arena,
                                struct cloudevent *ret, struct error *err)
{
    static const char structured[] = "application/cloudevents";
    struct cloudevent event = {.mode = CLOUDEVENT_NONE};
    struct text content_type;
    struct text version;
    enum error_code code = message_header(message, "content-type", &content_type, err);
    if (!code)
        code = message_header(message, "ce_specversion", &version, err);
    if (code)
        return code;
    struct text type = media_type_of(content_type);
    if (type.length >= sizeof structured - 1 &&
        !strncasecmp(type.at, structured, sizeof structured - 1)) {
        code = open_structured(message, type, arena, &event, err);
    } else {
        code = set_content(&event, content_type, err);
        event.data = message->value;
        if (!code && version.length)
            code = open_binary(message, version, &event, err);
        else if (!code && event.content != CONTENT_PROTOBUF && is_json_event(message->value))
            code = open_json(message, arena, &event, err);
    }
    if (!code)
        *ret = event;
    return code;
}
