/* codec.h - the primitive types of the RAS wire (docs/ras-protocol.md 3), for the files of this
 * folder.
 *
 * Both sides keep their first failure and turn every later call into nothing, so that a record is
 * read or written straight through and `code` is looked at once, at the end. Everything is
 * big-endian, without padding. */
#ifndef CLUSTER_RAS_CODEC_H
#define CLUSTER_RAS_CODEC_H

#include "cluster/ras/wire.h"

/* Reading: never behind `end`. */
struct ras_in {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    struct arena *arena; /* for lists */
    unsigned version;
    const char *record; /* what is read now, for messages */
    const char *field;
    enum error_code code;
    struct error *err;
};

struct ras_in ras_in_of(const void *bytes, size_t length, unsigned version, struct arena *arena,
                        struct error *err);
/* Keeps the first failure: ERR_PROTOCOL with record, field and offset. */
void ras_in_fail(struct ras_in *in, const char *reason);
size_t ras_in_left(const struct ras_in *in);
/* 1, 2, 4 or 8 bytes; 0 after a failure. */
uint64_t ras_in_fixed(struct ras_in *in, size_t bytes);
bool ras_in_bool(struct ras_in *in);
/* 0..2^31-1, groups of seven bits, low group first, bit 7 = more (3.2). */
uint32_t ras_in_size(struct ras_in *in);
/* 0..2^31-1 or RAS_NONE; the first byte holds six bits, bit 6 = more, bit 7 = null (3.3).
 */
int64_t ras_in_nsize(struct ras_in *in);
/* Borrowed from the input. `judge`: it must be valid UTF-8 without NUL. */
struct text ras_in_text(struct ras_in *in, bool judge);
struct uuid ras_in_uuid(struct ras_in *in);
/* A count, checked against what is left at `each` bytes at least, before any memory is taken. */
uint32_t ras_in_count(struct ras_in *in, size_t each);
/* Arena memory, or NULL after a failure (ERR_TOO_LARGE at the arena's maximum). */
void *ras_in_take(struct ras_in *in, size_t count, size_t size);
/* The same, not zeroed: for who fills it whole. */
void *ras_in_take_raw(struct ras_in *in, size_t count, size_t size);
/* The result of the whole: a byte left over is a failure. */
enum error_code ras_in_done(struct ras_in *in);

struct ras_out {
    struct buf *buf;
    unsigned version;
    const char *field;
    enum error_code code;
    struct error *err;
};

void ras_out_fixed(struct ras_out *out, uint64_t value, size_t bytes);
void ras_out_size(struct ras_out *out, uint32_t value);
void ras_out_nsize(struct ras_out *out, int64_t value);
/* ERR_TOO_LARGE above LIMIT_RAS_STRING_BYTES. */
void ras_out_text(struct ras_out *out, struct text text);
/* How many bytes ras_out_size() writes: 1..5. */
size_t ras_size_bytes(uint32_t value);

/* One record, and a count with records. */
void ras_in_record(struct ras_in *in, const struct ras_layout *layout, void *ret);
void *ras_in_list(struct ras_in *in, const struct ras_layout *layout, uint32_t *ret_count);
void ras_out_record(struct ras_out *out, const struct ras_layout *layout, const void *record);
void ras_out_list(struct ras_out *out, const struct ras_layout *layout, const void *records,
                  uint32_t count);

#endif
