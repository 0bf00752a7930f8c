#include "model/wire.h"

enum { VARINT_BYTES_MAX = 10 };

bool wire_varint(struct text *rest, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX && i < rest->length; i++) {
        uint8_t byte = (uint8_t)rest->at[i];
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (byte & 0x80)
            continue;
        rest->at += i + 1;
        rest->length -= i + 1;
        *ret = value;
        return true;
    }
    return false;
}

/* How many bytes the value takes behind its tag; UINT64_MAX when that cannot be said. */
static uint64_t value_length(struct text *rest, unsigned type)
{
    uint64_t length;
    switch (type) {
    case WIRE_FIXED64:
        return 8;
    case WIRE_FIXED32:
        return 4;
    case WIRE_BYTES:
        return wire_varint(rest, &length) ? length : UINT64_MAX;
    default:
        return UINT64_MAX;
    }
}

bool wire_next(struct text *rest, struct wire_field *ret)
{
    const uint64_t number_max = (1U << 29) - 1;
    struct text at = *rest;
    struct wire_field field = {.number = 0};
    uint64_t key;
    if (!at.length || !wire_varint(&at, &key) || key >> 3 == 0 || key >> 3 > number_max)
        return false;
    field.number = (uint32_t)(key >> 3);
    field.type = (enum wire_type)(key & 7);
    if (field.type == WIRE_VARINT) {
        if (!wire_varint(&at, &field.value))
            return false;
    } else {
        uint64_t length = value_length(&at, (unsigned)field.type);
        if (length > at.length)
            return false;
        field.bytes = (struct text){at.at, (size_t)length};
        at.at += length;
        at.length -= (size_t)length;
    }
    *rest = at;
    *ret = field;
    return true;
}

void wire_put_varint(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_byte(out, (uint8_t)(value | 0x80));
    buf_byte(out, (uint8_t)value);
}

void wire_put_tag(struct buf *out, uint32_t number, enum wire_type type)
{
    wire_put_varint(out, (uint64_t)number << 3 | (unsigned)type);
}

void wire_put_number(struct buf *out, uint32_t number, uint64_t value)
{
    wire_put_tag(out, number, WIRE_VARINT);
    wire_put_varint(out, value);
}

void wire_put_bytes(struct buf *out, uint32_t number, struct text bytes)
{
    wire_put_tag(out, number, WIRE_BYTES);
    wire_put_varint(out, bytes.length);
    buf_add(out, bytes.at, bytes.length);
}
