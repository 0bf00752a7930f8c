/* pb_field.h - one field of a generated message, by its descriptor: for the writers of this room.
 *
 * Knows the types that the contracts use; texts are bytes (cmake/strings_as_bytes.cmake). */
#ifndef MODEL_PB_FIELD_H
#define MODEL_PB_FIELD_H

#include <stdbool.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

/* Bytes of one value in the C struct. */
static inline size_t pb_field_size(ProtobufCType type)
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

static inline bool pb_field_is_default(ProtobufCType type, const void *at)
{
    switch (type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return !*(const ProtobufCMessage *const *)at;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)at)->len == 0;
    case PROTOBUF_C_TYPE_BOOL:
        return !*(const protobuf_c_boolean *)at;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        return !*(const uint64_t *)at;
    default:
        return !*(const uint32_t *)at;
    }
}

/* How many values stand in a repeated field. */
static inline size_t pb_field_count(const ProtobufCMessage *message,
                                    const ProtobufCFieldDescriptor *field)
{
    return *(const size_t *)((const char *)message + field->quantifier_offset);
}

/* Is it written? Defaults are not; of a oneof the chosen field is. */
static inline bool pb_field_is_present(const ProtobufCMessage *message,
                                       const ProtobufCFieldDescriptor *field)
{
    const char *base = (const char *)message;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return pb_field_count(message, field) > 0;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)(base + field->quantifier_offset) == field->id;
    return !pb_field_is_default(field->type, base + field->offset);
}

#endif
