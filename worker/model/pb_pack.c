/* Messages into their wire form, in one pass: protobuf-c's own packer first counts, and counts each
 * nested message anew, which took a tenth of the worker's time. */
#include "base/check.h"
#include "model/pb.h"
#include "model/pb_field.h"
#include "model/wire.h"

enum { HEAD_BYTES = 20 /* a tag and a number, or a tag and a length */ };

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put_tag(uint8_t *at, const ProtobufCFieldDescriptor *field, enum wire_type type)
{
    return put_varint(at, (uint64_t)field->id << 3 | (unsigned)type);
}

static uint64_t number_at(ProtobufCType type, const void *at)
{
    switch (type) {
    case PROTOBUF_C_TYPE_BOOL:
        return *(const protobuf_c_boolean *)at != 0;
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_INT32: /* negative ones take ten bytes */
        return (uint64_t)(int64_t) * (const int32_t *)at;
    case PROTOBUF_C_TYPE_UINT32:
        return *(const uint32_t *)at;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        return *(const uint64_t *)at;
    default:
        CHECK(!"a type that the contracts use");
    }
}

static void pack_fields(const ProtobufCMessage *message, struct buf *out);

static void pack_bytes(const ProtobufCFieldDescriptor *field, const ProtobufCBinaryData *bytes,
                       struct buf *out)
{
    uint8_t *room = buf_room(out, HEAD_BYTES + bytes->len);
    if (!room)
        return;
    uint8_t *at = put_varint(put_tag(room, field, WIRE_BYTES), bytes->len);
    if (bytes->len)
        memcpy(at, bytes->data, bytes->len);
    buf_grown(out, (size_t)(at - room) + bytes->len);
}

/* What stands behind `from`, one byte further on, gets its length in front. Most lengths take that
 * one byte. */
static void close_length(struct buf *out, size_t from)
{
    uint8_t head[HEAD_BYTES];
    if (out->full)
        return;
    size_t length = out->length - from - 1;
    size_t bytes = (size_t)(put_varint(head, length) - head);
    if (!buf_room(out, bytes))
        return;
    if (bytes > 1)
        memmove(out->data + from + bytes, out->data + from + 1, length);
    memcpy(out->data + from, head, bytes);
    buf_grown(out, bytes - 1);
}

static size_t open_length(const ProtobufCFieldDescriptor *field, struct buf *out)
{
    uint8_t *room = buf_room(out, HEAD_BYTES);
    if (!room)
        return 0;
    buf_grown(out, (size_t)(put_tag(room, field, WIRE_BYTES) - room) + 1);
    return out->length - 1;
}

static void pack_value(const ProtobufCFieldDescriptor *field, const void *at, struct buf *out)
{
    if (field->type == PROTOBUF_C_TYPE_BYTES) {
        pack_bytes(field, at, out);
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        size_t from = open_length(field, out);
        pack_fields(*(const ProtobufCMessage *const *)at, out);
        close_length(out, from);
    } else {
        uint8_t *room = buf_room(out, HEAD_BYTES);
        if (room)
            buf_grown(out, (size_t)(put_varint(put_tag(room, field, WIRE_VARINT),
                                               number_at(field->type, at)) -
                                    room));
    }
}

static void pack_packed(const ProtobufCFieldDescriptor *field, const char *values, size_t count,
                        struct buf *out)
{
    size_t from = open_length(field, out);
    for (size_t i = 0; i < count; i++) {
        uint8_t *room = buf_room(out, HEAD_BYTES);
        if (!room)
            return;
        const void *at = values + i * pb_field_size(field->type);
        buf_grown(out, (size_t)(put_varint(room, number_at(field->type, at)) - room));
    }
    close_length(out, from);
}

static void pack_list(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                      struct buf *out)
{
    const char *values = *(const char *const *)((const char *)message + field->offset);
    size_t count = pb_field_count(message, field);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) {
        pack_packed(field, values, count, out);
        return;
    }
    for (size_t i = 0; i < count; i++)
        pack_value(field, values + i * pb_field_size(field->type), out);
}

/* Recursion is bounded: messages are built from bounded trees. */
static void pack_fields(const ProtobufCMessage *message, struct buf *out)
{
    const ProtobufCMessageDescriptor *is = message->descriptor;
    CHECK(message->n_unknown_fields == 0);
    for (unsigned i = 0; i < is->n_fields; i++) { /* in the order of their numbers */
        const ProtobufCFieldDescriptor *field = &is->fields[i];
        if (!pb_field_is_present(message, field))
            continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            pack_list(message, field, out);
        else
            pack_value(field, (const char *)message + field->offset, out);
    }
}

/* Room is asked for by the longest head: while it is filled the buffer may grow that much over its
 * maximum, which is then held to the byte. */
void pb_pack(const ProtobufCMessage *message, struct buf *out)
{
    size_t before = out->length;
    size_t max = out->max;
    out->max = max + HEAD_BYTES;
    pack_fields(message, out);
    out->max = max;
    out->full = out->full || out->length > max;
    if (out->full)
        out->length = before;
}
