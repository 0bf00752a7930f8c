/* Generated messages into proto3 JSON, driven by their descriptors. */
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"

#include <inttypes.h>

#include "base/check.h"
#include "model/json.h"
#include "model/pb_json.h"

enum { WHOLE_MEMORY_BYTES = 8 * 1024 * 1024 };

struct writer {
    const struct pb_json *how;
    struct buf *out;
    struct error *err;
};

static enum error_code write_message(struct writer *writer, const ProtobufCMessage *message);

static enum error_code bad(struct writer *writer, const char *field, const char *what)
{
    return error_set(writer->err, ERR_UNDECODABLE, "%s: %s", field, what);
}

/* 0, 3, 6 or 9 digits, as the mapping says. */
static void write_fraction(struct buf *out, int32_t nanos)
{
    char text[] = ".000000000";
    if (!nanos)
        return;
    for (size_t at = sizeof text - 2; at > 0; at--, nanos /= 10)
        text[at] = (char)('0' + nanos % 10);
    size_t length = sizeof text - 1;
    while (length > 4 && !memcmp(text + length - 3, "000", 3))
        length -= 3;
    buf_add(out, text, length);
}

static enum error_code write_timestamp(struct writer *writer, const Google__Protobuf__Timestamp *at)
{
    const int64_t last_second = 253402300799; /* 9999-12-31T23:59:59Z */
    if (at->seconds < 0 || at->seconds > last_second || at->nanos < 0 || at->nanos > 999999999)
        return bad(writer, "timestamp", "not a time between 1970 and 9999");
    struct wall_text text = wall_format((struct wall){at->seconds * 1000});
    buf_byte(writer->out, '"');
    buf_add(writer->out, text.text, sizeof "2026-11-21T12:00:00" - 1);
    write_fraction(writer->out, at->nanos);
    buf_str(writer->out, "Z\"");
    return ERR_OK;
}

static enum error_code write_duration(struct writer *writer, const Google__Protobuf__Duration *at)
{
    const int64_t longest_s = 315576000000;
    if (at->seconds < 0 || at->seconds > longest_s || at->nanos < 0 || at->nanos > 999999999)
        return bad(writer, "duration", "negative, or above 10,000 years");
    buf_format(writer->out, "\"%" PRId64, at->seconds);
    write_fraction(writer->out, at->nanos);
    buf_str(writer->out, "s\"");
    return ERR_OK;
}

static const ProtobufCMessageDescriptor *
whole_of(const struct writer *writer, const ProtobufCMessageDescriptor *in, const char *field)
{
    for (size_t i = 0; i < writer->how->whole_count; i++)
        if (writer->how->whole[i].in == in && !strcmp(writer->how->whole[i].field, field))
            return writer->how->whole[i].is;
    return NULL;
}

static enum error_code write_whole(struct writer *writer, const char *field,
                                   const ProtobufCMessageDescriptor *is, struct text bytes)
{
    struct pb_memory memory;
    ProtobufCMessage *message = pb_unpack_finite(&memory, is, bytes, WHOLE_MEMORY_BYTES);
    if (!message)
        return bad(writer, field, "not a message of its kind");
    enum error_code code = write_message(writer, message);
    pb_memory_release(&memory);
    return code;
}

static enum error_code write_bytes(struct writer *writer, const ProtobufCMessageDescriptor *in,
                                   const char *field, const ProtobufCBinaryData *bytes)
{
    const ProtobufCMessageDescriptor *is = whole_of(writer, in, field);
    if (is)
        return write_whole(writer, field, is, pb_raw(*bytes));
    if (!text_valid(pb_raw(*bytes)))
        return bad(writer, field, "not UTF-8 text, or holds a NUL");
    json_quote(writer->out, pb_raw(*bytes));
    return ERR_OK;
}

/* Decimal digits, `quoted` as the mapping wants 64-bit numbers. */
static void write_number(struct buf *out, uint64_t magnitude, bool negative, bool quoted)
{
    char text[24]; /* 20 digits, a sign and two quotes */
    size_t at = sizeof text;
    if (quoted)
        text[--at] = '"';
    do {
        text[--at] = (char)('0' + magnitude % 10);
    } while (magnitude /= 10);
    if (negative)
        text[--at] = '-';
    if (quoted)
        text[--at] = '"';
    buf_add(out, text + at, sizeof text - at);
}

static void write_signed(struct buf *out, int64_t value, bool quoted)
{
    write_number(out, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0, quoted);
}

static void write_enum(struct buf *out, const ProtobufCEnumDescriptor *is, int number)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(is, number);
    if (!value) {
        write_signed(out, number, false);
        return;
    }
    buf_byte(out, '"');
    buf_str(out, value->name);
    buf_byte(out, '"');
}

static enum error_code write_value(struct writer *writer, const ProtobufCMessageDescriptor *in,
                                   const ProtobufCFieldDescriptor *field, const void *at)
{
    struct buf *out = writer->out;
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return write_message(writer, *(const ProtobufCMessage *const *)at);
    case PROTOBUF_C_TYPE_BYTES:
        return write_bytes(writer, in, field->name, at);
    case PROTOBUF_C_TYPE_BOOL:
        buf_str(out, *(const protobuf_c_boolean *)at ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_ENUM:
        write_enum(out, field->descriptor, *(const int *)at);
        break;
    case PROTOBUF_C_TYPE_INT32:
        write_signed(out, *(const int32_t *)at, false);
        break;
    case PROTOBUF_C_TYPE_UINT32:
        write_number(out, *(const uint32_t *)at, false, false);
        break;
    case PROTOBUF_C_TYPE_INT64:
        write_signed(out, *(const int64_t *)at, true);
        break;
    case PROTOBUF_C_TYPE_UINT64:
        write_number(out, *(const uint64_t *)at, false, true);
        break;
    default:
        CHECK(!"a type that the contracts use");
    }
    return ERR_OK;
}

static size_t size_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        return sizeof(int64_t);
    default:
        return sizeof(int32_t);
    }
}

static bool is_default(const ProtobufCFieldDescriptor *field, const void *at)
{
    static const char zero[sizeof(int64_t)];
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return !*(const ProtobufCMessage *const *)at;
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)at)->len == 0;
    return !memcmp(at, zero, size_of(field->type));
}

static bool is_present(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)(base + field->quantifier_offset) > 0;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)(base + field->quantifier_offset) == field->id;
    return !is_default(field, base + field->offset);
}

enum { NAME_MAX_BYTES = 64 }; /* of a field of our contracts */

static void write_name(struct buf *out, const char *name)
{
    char text[NAME_MAX_BYTES + 3];
    size_t length = 0;
    text[length++] = '"';
    for (; *name; name++) {
        CHECK(length < NAME_MAX_BYTES);
        bool upper = name[0] == '_' && name[1]; /* the underscore goes before a digit as well */
        name += upper;
        text[length++] = upper && *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
    }
    text[length++] = '"';
    text[length++] = ':';
    buf_add(out, text, length);
}

static enum error_code write_list(struct writer *writer, const ProtobufCMessage *message,
                                  const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;
    size_t count = *(const size_t *)(base + field->quantifier_offset);
    const char *elements = *(const char *const *)(base + field->offset);
    enum error_code code = ERR_OK;
    buf_byte(writer->out, '[');
    for (size_t i = 0; !code && i < count; i++) {
        if (i)
            buf_byte(writer->out, ',');
        code = write_value(writer, message->descriptor, field, elements + i * size_of(field->type));
    }
    buf_byte(writer->out, ']');
    return code;
}

static enum error_code write_fields(struct writer *writer, const ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *is = message->descriptor;
    bool first = true;
    buf_byte(writer->out, '{');
    for (unsigned i = 0; i < is->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &is->fields[i];
        if (!is_present(message, field))
            continue;
        if (!first)
            buf_byte(writer->out, ',');
        first = false;
        write_name(writer->out, field->name);
        const void *at = (const char *)message + field->offset;
        enum error_code code = field->label == PROTOBUF_C_LABEL_REPEATED
                                   ? write_list(writer, message, field)
                                   : write_value(writer, is, field, at);
        if (code)
            return code;
    }
    buf_byte(writer->out, '}');
    return ERR_OK;
}

/* Recursion is bounded: messages come from pb_unpack(), or were built from bounded trees. */
static enum error_code write_message(struct writer *writer, const ProtobufCMessage *message)
{
    if (message->descriptor == &google__protobuf__timestamp__descriptor)
        return write_timestamp(writer, (const Google__Protobuf__Timestamp *)message);
    if (message->descriptor == &google__protobuf__duration__descriptor)
        return write_duration(writer, (const Google__Protobuf__Duration *)message);
    return write_fields(writer, message);
}

enum error_code pb_json_write(const struct pb_json *how, const ProtobufCMessage *message,
                              struct buf *out, struct error *err)
{
    CHECK(message->descriptor == how->descriptor);
    struct writer writer = {how, out, err};
    return write_message(&writer, message);
}
