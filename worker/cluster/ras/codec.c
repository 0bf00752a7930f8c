#include "cluster/ras/codec.h"

#include <endian.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"

enum { SIZE_BYTES_MAX = 5, NULL_BYTE = 0x80, NSIZE_MORE = 0x40, NSIZE_FIRST = 0x3f };

const char ras_null_at[1] = {0};

struct ras_in ras_in_of(const void *bytes, size_t length, unsigned version, struct arena *arena,
                        struct error *err)
{
    static const uint8_t nothing[1];
    const uint8_t *start = length ? bytes : nothing;
    return (struct ras_in){.start = start,
                           .at = start,
                           .end = start + length,
                           .arena = arena,
                           .version = version,
                           .record = "packet",
                           .field = "",
                           .err = err};
}

void ras_in_fail(struct ras_in *in, const char *reason)
{
    if (in->code)
        return;
    in->code = error_set(in->err, ERR_PROTOCOL, "%s in field '%s' of '%s' at byte %zu (version %u)",
                         reason, in->field, in->record, (size_t)(in->at - in->start), in->version);
}

size_t ras_in_left(const struct ras_in *in)
{
    return (size_t)(in->end - in->at);
}

static bool need(struct ras_in *in, size_t bytes)
{
    if (in->code)
        return false;
    if (ras_in_left(in) < bytes) {
        ras_in_fail(in, "bytes are missing");
        return false;
    }
    return true;
}

uint64_t ras_in_fixed(struct ras_in *in, size_t bytes)
{
    CHECK(bytes <= 8);
    if (!need(in, bytes))
        return 0;
    const uint8_t *at = in->at;
    in->at += bytes;
    if (bytes == 1)
        return *at;
    uint64_t value = 0; /* a long list is mostly numbers of four and eight bytes */
    memcpy((uint8_t *)&value + sizeof value - bytes, at, bytes);
    return be64toh(value);
}

bool ras_in_bool(struct ras_in *in)
{
    uint64_t value = ras_in_fixed(in, 1);
    if (value > 1)
        ras_in_fail(in, "a bool is neither 0 nor 1");
    return value == 1;
}

/* The groups of seven bits from `shift` on. The last one must not be zero: then it were one byte
 * shorter, and the value could be written in two ways. */
static int64_t groups(struct ras_in *in, int64_t value, unsigned shift, size_t bytes_max)
{
    for (size_t i = 0; i < bytes_max; i++, shift += 7) {
        uint8_t byte = (uint8_t)ras_in_fixed(in, 1);
        value |= (int64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        if (in->code)
            return 0;
        if (byte == 0 && shift > 0)
            ras_in_fail(in, "a number is not in its shortest form");
        else if (value > INT32_MAX)
            ras_in_fail(in, "a number exceeds 2^31-1");
        return in->code ? 0 : value;
    }
    ras_in_fail(in, "a number is longer than 5 bytes");
    return 0;
}

uint32_t ras_in_size(struct ras_in *in)
{
    return (uint32_t)groups(in, 0, 0, SIZE_BYTES_MAX);
}

int64_t ras_in_nsize(struct ras_in *in)
{
    uint8_t first = (uint8_t)ras_in_fixed(in, 1);
    if (in->code)
        return 0;
    if (first == NULL_BYTE)
        return RAS_NONE;
    if (first & NULL_BYTE) {
        ras_in_fail(in, "a null is not written as 80");
        return 0;
    }
    if (first & NSIZE_MORE)
        return groups(in, first & NSIZE_FIRST, 6, SIZE_BYTES_MAX - 1);
    return first;
}

struct text ras_in_text(struct ras_in *in, bool judge)
{
    int64_t length = ras_in_nsize(in);
    if (length == RAS_NONE)
        return RAS_NULL;
    if (!need(in, (size_t)length) || length == 0)
        return (struct text){NULL, 0};
    struct text text = {(const char *)in->at, (size_t)length};
    if (judge && !text_valid(text)) {
        ras_in_fail(in, "a text is not valid UTF-8, or holds a NUL");
        return (struct text){NULL, 0};
    }
    in->at += length;
    return text;
}

struct uuid ras_in_uuid(struct ras_in *in)
{
    struct uuid uuid = {{0}};
    if (!need(in, sizeof uuid.bytes))
        return uuid;
    memcpy(uuid.bytes, in->at, sizeof uuid.bytes);
    in->at += sizeof uuid.bytes;
    return uuid;
}

uint32_t ras_in_count(struct ras_in *in, size_t each)
{
    CHECK(each > 0);
    uint32_t count = ras_in_size(in);
    if (count > ras_in_left(in) / each) {
        ras_in_fail(in, "a list announces more elements than there are bytes");
        return 0;
    }
    return count;
}

void *ras_in_take_raw(struct ras_in *in, size_t count, size_t size)
{
    size_t bytes;
    if (in->code || count == 0)
        return NULL;
    bool absurd = __builtin_mul_overflow(count, size, &bytes);
    void *ret = absurd ? NULL : arena_take_raw(in->arena, bytes);
    if (!ret)
        in->code = error_set(in->err, ERR_TOO_LARGE, "a list of %zu '%s' exceeds the memory for it",
                             count, in->record);
    return ret;
}

void *ras_in_take(struct ras_in *in, size_t count, size_t size)
{
    void *ret = ras_in_take_raw(in, count, size);
    if (ret)
        memset(ret, 0, count * size);
    return ret;
}

enum error_code ras_in_done(struct ras_in *in)
{
    if (!in->code && in->at != in->end) {
        in->field = "";
        ras_in_fail(in, "bytes are left over");
    }
    return in->code;
}

void ras_out_fixed(struct ras_out *out, uint64_t value, size_t bytes)
{
    uint8_t wire[8];
    CHECK(bytes <= sizeof wire);
    for (size_t i = 0; i < bytes; i++)
        wire[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    buf_add(out->buf, wire, bytes);
}

size_t ras_size_bytes(uint32_t value)
{
    size_t bytes = 1;
    while (value >>= 7)
        bytes++;
    return bytes;
}

void ras_out_size(struct ras_out *out, uint32_t value)
{
    for (; value > 0x7f; value >>= 7)
        buf_byte(out->buf, (uint8_t)(value & 0x7f) | 0x80);
    buf_byte(out->buf, (uint8_t)value);
}

void ras_out_nsize(struct ras_out *out, int64_t value)
{
    CHECK(value >= RAS_NONE);
    CHECK(value <= INT32_MAX);
    if (value == RAS_NONE) {
        buf_byte(out->buf, NULL_BYTE);
        return;
    }
    uint8_t first = (uint8_t)(value & NSIZE_FIRST);
    uint32_t rest = (uint32_t)(value >> 6);
    buf_byte(out->buf, rest ? first | NSIZE_MORE : first);
    if (rest)
        ras_out_size(out, rest);
}

void ras_out_text(struct ras_out *out, struct text text)
{
    if (ras_is_null(text)) {
        ras_out_nsize(out, RAS_NONE);
        return;
    }
    if (text.length > LIMIT_RAS_STRING_BYTES) {
        if (!out->code)
            out->code =
                error_set(out->err, ERR_TOO_LARGE, "field '%s' has %zu bytes, RAS takes at most %d",
                          out->field, text.length, LIMIT_RAS_STRING_BYTES);
        return;
    }
    ras_out_nsize(out, (int64_t)text.length);
    buf_add(out->buf, text.at, text.length);
}

void ras_wipe(struct buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->capacity);
    buf_clear(buf);
}
