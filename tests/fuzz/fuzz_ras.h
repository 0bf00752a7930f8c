/* fuzz_ras.h - a stream of RAS packets, cut and decoded; whatever is taken encodes to the very
 * bytes it came from (wire.h promises it).
 *
 * Input: a byte for the endpoint's version, a byte for the size of the pieces in which the stream
 * arrives, the stream. */
#ifndef TESTS_FUZZ_FUZZ_RAS_H
#define TESTS_FUZZ_FUZZ_RAS_H

#include "base/limits.h"
#include "cluster/ras/wire.h"
#include "tests/fuzz/fuzz.h"

enum { FUZZ_RAS_ARENA_BYTES = 16 * 1024 * 1024 };

static inline void fuzz_ras_same_bytes(struct ras_packet packet,
                                       const struct ras_packet_value *value, unsigned version)
{
    struct error err;
    AUTO_BUF out;
    buf_init(&out, FUZZ_OUT_BYTES);
    if (ras_packet_encode(value, version, &out, &err)) {
        CHECK(err.code == ERR_TOO_LARGE); /* strings that a RAS may send and a client may not */
        return;
    }
    CHECK(out.length > packet.length);
    CHECK(out.data[0] == packet.type);
    CHECK(!packet.length ||
          memcmp(out.data + out.length - packet.length, packet.body, packet.length) == 0);
}

static inline void fuzz_ras_exception(const struct ras_exception *exception)
{
    uint8_t versions[RAS_VERSION_MAX];
    (void)ras_class_name(exception->class_name);
    CHECK(ras_supported_versions(exception, versions, sizeof versions) <= sizeof versions);
}

/* `look`: what one side does with a decoded message; may be NULL. */
static inline void fuzz_ras_packet(struct ras_packet packet, unsigned version,
                                   void (*look)(const struct ras_message *message,
                                                unsigned version))
{
    AUTO(arena) arena = arena_create(FUZZ_RAS_ARENA_BYTES);
    struct ras_packet_value value;
    struct ras_head head;
    struct error err;
    if (packet.type == RAS_PACKET_MESSAGE)
        (void)!ras_head_decode(packet, &head, NULL);
    enum error_code code = ras_packet_decode(packet, version, arena, &value, &err);
    if (code) {
        fuzz_check_error(&err, code);
        return;
    }
    fuzz_ras_same_bytes(packet, &value, version);
    if (value.type == RAS_PACKET_FAILURE)
        fuzz_ras_exception(&value.failure.exception);
    if (value.type != RAS_PACKET_MESSAGE)
        return;
    if (value.message.head.kind == RAS_KIND_EXCEPTION)
        fuzz_ras_exception(&value.message.exception);
    if (look)
        look(&value.message, version);
}

static inline void fuzz_ras_stream(struct text input, bool negotiate,
                                   void (*look)(const struct ras_message *message,
                                                unsigned version))
{
    unsigned version = 1 + fuzz_byte(&input) % RAS_VERSION_MAX;
    size_t piece_bytes = 1 + fuzz_byte(&input);
    struct ras_stream stream;
    ras_stream_init(&stream, negotiate, LIMIT_RAS_PACKET_BYTES);
    struct error err;
    enum error_code code = ERR_OK;
    while (input.length && !code) {
        struct text piece = fuzz_take(&input, piece_bytes);
        const uint8_t *at = (const uint8_t *)piece.at;
        size_t left = piece.length;
        struct ras_packet packet;
        bool ready = true;
        while (ready && !(code = ras_stream_next(&stream, &at, &left, &packet, &ready, &err)))
            if (ready)
                fuzz_ras_packet(packet, version, look);
        CHECK(code || left == 0);
    }
    if (code)
        fuzz_check_error(&err, code);
    ras_stream_release(&stream);
}

#endif
