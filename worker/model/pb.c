#include "model/pb.h"

#include <string.h>

#include "base/check.h"

static void *take(void *self, size_t size)
{
    return arena_take(self, 1, size);
}

static void give(void *self, void *memory)
{
    (void)self; /* the arena goes as a whole */
    (void)memory;
}

ProtobufCMessage *pb_unpack(struct pb_memory *memory, const ProtobufCMessageDescriptor *descriptor,
                            struct text bytes, size_t max)
{
    memory->arena = arena_create(max);
    memory->allocator = (ProtobufCAllocator){take, give, memory->arena};
    ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &memory->allocator,
                                                          bytes.length, (const uint8_t *)bytes.at);
    if (!message)
        arena_destroy(memory->arena);
    return message;
}

void pb_memory_release(struct pb_memory *memory)
{
    arena_destroy(memory->arena);
    memory->arena = NULL;
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
