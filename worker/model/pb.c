#include "model/pb.h"

#include <string.h>

#include "base/check.h"

static void *take(void *self, size_t size)
{
    return arena_take_raw(self, size); /* protobuf-c clears what it does not fill */
}

static void give(void *self, void *memory)
{
    (void)self; /* the arena goes as a whole */
    (void)memory;
}

/* ---- nesting: protobuf-c unpacks by recursion without a limit, so the depth is counted before it
 * starts ---- */

enum { DEPTH_MAX = 48, VARINT_BYTES_MAX = 10 };

static bool read_varint(struct text bytes, size_t *at, uint64_t *ret)
{
    uint64_t value = 0;
    if (*at < bytes.length && !(bytes.at[*at] & 0x80)) { /* nearly all of them */
        *ret = (uint8_t)bytes.at[(*at)++];
        return true;
    }
    for (unsigned i = 0; i < VARINT_BYTES_MAX && *at < bytes.length; i++) {
        uint8_t byte = (uint8_t)bytes.at[(*at)++];
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (!(byte & 0x80)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static const ProtobufCMessageDescriptor *submessage(const ProtobufCMessageDescriptor *descriptor,
                                                    uint64_t tag)
{
    if (tag > UINT32_MAX)
        return NULL;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(descriptor, (unsigned)tag);
    return field && field->type == PROTOBUF_C_TYPE_MESSAGE ? field->descriptor : NULL;
}

/* Also refuses groups (wire types 3 and 4), which nothing of ours uses. */
static bool nesting_is_bounded(const ProtobufCMessageDescriptor *descriptor, struct text bytes,
                               unsigned depth)
{
    if (depth > DEPTH_MAX)
        return false;
    for (size_t at = 0; at < bytes.length;) {
        uint64_t key;
        uint64_t length = 0;
        if (!read_varint(bytes, &at, &key))
            return false;
        unsigned wire = (unsigned)(key & 7);
        if (wire == 0 && !read_varint(bytes, &at, &length))
            return false;
        if (wire == 3 || wire == 4 || wire > 5)
            return false;
        length = wire == 1 ? 8 : wire == 5 ? 4 : 0;
        if (wire == 2 && !read_varint(bytes, &at, &length))
            return false;
        if (length > bytes.length - at)
            return false;
        const ProtobufCMessageDescriptor *below =
            wire == 2 ? submessage(descriptor, key >> 3) : NULL;
        if (below && !nesting_is_bounded(below, (struct text){bytes.at + at, length}, depth + 1))
            return false;
        at += length;
    }
    return true;
}

ProtobufCMessage *pb_unpack(struct pb_memory *memory, const ProtobufCMessageDescriptor *descriptor,
                            struct text bytes, size_t max)
{
    return nesting_is_bounded(descriptor, bytes, 0)
               ? pb_unpack_finite(memory, descriptor, bytes, max)
               : NULL;
}

ProtobufCMessage *pb_unpack_finite(struct pb_memory *memory,
                                   const ProtobufCMessageDescriptor *descriptor, struct text bytes,
                                   size_t max)
{
    arena_init(&memory->arena, max, memory->first, sizeof memory->first);
    memory->allocator = (ProtobufCAllocator){take, give, &memory->arena};
    ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &memory->allocator,
                                                          bytes.length, (const uint8_t *)bytes.at);
    if (!message)
        arena_release(&memory->arena);
    return message;
}

void pb_memory_release(struct pb_memory *memory)
{
    arena_release(&memory->arena);
}

void pb_pack(const ProtobufCMessage *message, struct buf *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *room = buf_room(out, size);
    if (!room)
        return;
    size_t written = protobuf_c_message_pack(message, room);
    CHECK(written == size);
    buf_grown(out, size);
}

ProtobufCBinaryData pb_bytes(struct text text)
{
    return (ProtobufCBinaryData){text.length, (uint8_t *)(uintptr_t)text.at};
}

enum error_code pb_text(ProtobufCBinaryData bytes, size_t max, const char *what, struct text *ret,
                        struct error *err)
{
    struct text text = pb_raw(bytes);
    if (text.length > max)
        return error_set(err, ERR_TOO_LARGE, "%s has %zu bytes, at most %zu are taken", what,
                         text.length, max);
    if (!text_valid(text))
        return error_set(err, ERR_INVALID, "%s is not UTF-8 text, or holds a NUL", what);
    *ret = text;
    return ERR_OK;
}

ProtobufCBinaryData pb_sha256(const struct sha256 *digest)
{
    return (ProtobufCBinaryData){sizeof digest->bytes, (uint8_t *)(uintptr_t)digest->bytes};
}

bool pb_read_sha256(ProtobufCBinaryData bytes, struct sha256 *ret)
{
    if (bytes.len != sizeof ret->bytes)
        return false;
    memcpy(ret->bytes, bytes.data, sizeof ret->bytes);
    return true;
}
