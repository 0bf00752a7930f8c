/* wire.h - protobuf's wire format where generated code does not reach: envelopes and unknown
 * fields.
 *
 * Reading never goes past the given bytes. Groups are refused: nothing of ours uses them. */
#ifndef MODEL_WIRE_H
#define MODEL_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t value;    /* WIRE_VARINT */
    struct text bytes; /* WIRE_BYTES, and the bytes of the fixed ones; borrowed */
};

/* Takes the next field from the front of `*rest`. False at the end and on bad bytes: at the end
 * `rest->length` is 0. */
bool wire_next(struct text *rest, struct wire_field *ret);
/* Takes one varint from the front; false when there is none of at most 10 bytes. */
bool wire_varint(struct text *rest, uint64_t *ret);

/* Append to `out`; what goes beyond its maximum sets `full` there. A field is its tag and then its
 * value; wire_put_number() and wire_put_bytes() write both. */
void wire_put_varint(struct buf *out, uint64_t value);
void wire_put_tag(struct buf *out, uint32_t number, enum wire_type type);
void wire_put_number(struct buf *out, uint32_t number, uint64_t value);
void wire_put_bytes(struct buf *out, uint32_t number, struct text bytes);

#endif
