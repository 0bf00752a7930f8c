/* Cuts a stream into packets (docs/ras-protocol.md 2.2). */
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "cluster/ras/wire.h"

enum {
    LENGTH_BYTES_MAX = 5,
    KEEP_BYTES =
        256 * 1024, /* memory that stays between packets; a long list gives the rest back */
};

void ras_stream_init(struct ras_stream *stream, bool negotiate, size_t max)
{
    CHECK(max > 0);
    CHECK(max <= LIMIT_RAS_PACKET_BYTES);
    *stream = (struct ras_stream){
        .max = max,
        .negotiated = negotiate ? 0 : RAS_NEGOTIATE_BYTES,
    };
    buf_init(&stream->body, max);
}

void ras_stream_release(struct ras_stream *stream)
{
    ras_wipe(&stream->body);
    buf_release(&stream->body);
}

bool ras_stream_idle(const struct ras_stream *stream)
{
    return stream->header_bytes == 0 || stream->taken;
}

static void start_packet(struct ras_stream *stream)
{
    if (stream->body.capacity > KEEP_BYTES)
        ras_stream_release(stream);
    buf_clear(&stream->body);
    stream->header_bytes = 0;
    stream->header_whole = false;
    stream->length = 0;
    stream->taken = false;
}

static enum error_code refuse(struct ras_stream *stream, struct error *err, const char *reason)
{
    stream->failed = true;
    return error_set(err, ERR_PROTOCOL, "%s", reason);
}

static enum error_code take_length(struct ras_stream *stream, uint8_t byte, struct error *err)
{
    unsigned group = stream->header_bytes - 1u;
    uint64_t length = stream->length | (uint64_t)(byte & 0x7f) << 7 * group;
    bool last = !(byte & 0x80);
    if (length > INT32_MAX || (!last && group + 1 == LENGTH_BYTES_MAX))
        return refuse(stream, err, "a packet announces 2 GiB or more");
    if (last && byte == 0 && group > 0)
        return refuse(stream, err, "a packet length is not in its shortest form");
    stream->length = (uint32_t)length;
    if (last && length > stream->max) {
        stream->failed = true;
        return error_set(err, ERR_TOO_LARGE, "a packet announces %u bytes, the limit is %zu",
                         stream->length, stream->max);
    }
    stream->header_bytes++;
    stream->header_whole = last;
    return ERR_OK;
}

/* One byte of the negotiation or of a packet's header. */
static enum error_code take_byte(struct ras_stream *stream, uint8_t byte, struct error *err)
{
    if (stream->negotiated < RAS_NEGOTIATE_BYTES) {
        if (byte != ras_negotiate[stream->negotiated++])
            return refuse(stream, err, "the stream does not start with 1c53575001000100");
        return ERR_OK;
    }
    if (stream->header_bytes == 0) {
        stream->type = byte;
        stream->header_bytes = 1;
        return ERR_OK;
    }
    return take_length(stream, byte, err);
}

enum error_code ras_stream_next(struct ras_stream *stream, const uint8_t **bytes, size_t *length,
                                struct ras_packet *ret, bool *ret_ready, struct error *err)
{
    if (stream->failed)
        return error_set(err, ERR_PROTOCOL, "the stream was refused before");
    if (stream->taken)
        start_packet(stream);
    while (*length && !stream->header_whole) {
        enum error_code code = take_byte(stream, **bytes, err);
        if (code)
            return code;
        ++*bytes;
        --*length;
    }
    *ret_ready = false;
    if (!stream->header_whole)
        return ERR_OK;
    size_t missing = stream->length - stream->body.length;
    size_t piece = *length < missing ? *length : missing;
    buf_add(&stream->body, *bytes, piece);
    CHECK(!stream->body.full);
    *bytes += piece;
    *length -= piece;
    if (piece < missing)
        return ERR_OK;
    stream->taken = true;
    *ret_ready = true;
    *ret = (struct ras_packet){stream->type, stream->body.data, stream->length};
    return ERR_OK;
}
