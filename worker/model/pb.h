/* pb.h - protobuf-c with a ceiling: unpacking takes memory from one arena with a maximum, texts are
 * checked.
 *
 * For decoding and encoding files only; headers of rooms never show generated types. */
#ifndef MODEL_PB_H
#define MODEL_PB_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "base/uuid.h"

/* A message of ours unpacks into about 1 KiB and twice its own size. */
enum { PB_FIRST_BYTES = 4096 };

/* Holds what pb_unpack() takes, small messages without an allocation: belongs on the stack. Release
 * frees the message; only after a successful unpack. */
struct pb_memory {
    ProtobufCAllocator allocator;
    struct arena arena;
    unsigned char first[PB_FIRST_BYTES];
};

/* The message, or NULL (nothing to release) when the bytes are not valid or want more than `max`
 * bytes of memory. */
ProtobufCMessage *pb_unpack(struct pb_memory *memory, const ProtobufCMessageDescriptor *descriptor,
                            struct text bytes, size_t max);
/* The same for types that do not hold themselves, however far down: their depth is the contract's,
 * and is not counted first. Records and snapshots are such, commands are not. */
ProtobufCMessage *pb_unpack_finite(struct pb_memory *memory,
                                   const ProtobufCMessageDescriptor *descriptor, struct text bytes,
                                   size_t max);
void pb_memory_release(struct pb_memory *memory);
/* Appends the packed message. */
void pb_pack(const ProtobufCMessage *message, struct buf *out);

/* Borrowed both ways. */
ProtobufCBinaryData pb_bytes(struct text text);
static inline struct text pb_raw(ProtobufCBinaryData bytes)
{
    return (struct text){(const char *)bytes.data, bytes.len};
}
/* A text field: valid UTF-8 without NUL and at most `max` bytes, or ERR_INVALID / ERR_TOO_LARGE
 * naming `what`. */
enum error_code pb_text(ProtobufCBinaryData bytes, size_t max, const char *what, struct text *ret,
                        struct error *err) MUST_CHECK;
ProtobufCBinaryData pb_sha256(const struct sha256 *digest);
/* False unless exactly 32 bytes. */
bool pb_read_sha256(ProtobufCBinaryData bytes, struct sha256 *ret);

#endif
