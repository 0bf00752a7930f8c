/* One reader and one writer for every record, driven by records.def. */
#include <string.h>

#include "base/check.h"
#include "cluster/ras/codec.h"

/* The fewest bytes that a field can take on the wire. */
static size_t field_min(const struct ras_field *field, unsigned version);

static size_t record_min(const struct ras_layout *layout, unsigned version)
{
    size_t bytes = 0;
    for (size_t i = 0; i < layout->field_count; i++)
        if (layout->fields[i].since <= version)
            bytes += field_min(&layout->fields[i], version);
    return bytes;
}

static size_t field_min(const struct ras_field *field, unsigned version)
{
    switch (field->type) {
    case RAS_TYPE_SHORT:
        return 2;
    case RAS_TYPE_INT:
        return 4;
    case RAS_TYPE_LONG:
    case RAS_TYPE_DOUBLE:
    case RAS_TYPE_DATETIME:
        return 8;
    case RAS_TYPE_UUID:
        return 16;
    case RAS_TYPE_NESTED:
        return record_min(field->element, version);
    case RAS_TYPE_BOOL:
    case RAS_TYPE_STRING:
    case RAS_TYPE_LABEL:
    case RAS_TYPE_SECRET:
    case RAS_TYPE_LIST:
        break;
    }
    return 1;
}

static void in_list(struct ras_in *in, const struct ras_field *field, unsigned char *record)
{
    uint32_t count = 0;
    void *items = ras_in_list(in, field->element, &count);
    memcpy(record + field->offset, &items, sizeof items);
    memcpy(record + field->count_offset, &count, sizeof count);
}

/* No cluster tells a date that the calendar does not have: what stands there is something else. */
static int64_t in_ticks(struct ras_in *in)
{
    int64_t ticks = (int64_t)ras_in_fixed(in, 8);
    if (ticks >= 0 && ticks <= SERVER_TIME_LAST)
        return ticks;
    ras_in_fail(in, "a date is outside the years 1 to 9999");
    return 0;
}

static void in_field(struct ras_in *in, const struct ras_field *field, unsigned char *record)
{
    void *at = record + field->offset;
    switch (field->type) {
    case RAS_TYPE_BOOL:
        *(bool *)at = ras_in_bool(in);
        return;
    case RAS_TYPE_SHORT:
        *(uint16_t *)at = (uint16_t)ras_in_fixed(in, 2);
        return;
    case RAS_TYPE_INT:
        *(int32_t *)at = (int32_t)ras_in_fixed(in, 4);
        return;
    case RAS_TYPE_LONG:
        *(int64_t *)at = (int64_t)ras_in_fixed(in, 8);
        return;
    case RAS_TYPE_DOUBLE: {
        uint64_t bits = ras_in_fixed(in, 8);
        memcpy(at, &bits, sizeof bits);
        return;
    }
    case RAS_TYPE_UUID:
        *(struct uuid *)at = ras_in_uuid(in);
        return;
    case RAS_TYPE_DATETIME:
        ((struct server_time *)at)->ticks = in_ticks(in);
        return;
    case RAS_TYPE_STRING:
    case RAS_TYPE_LABEL:
    case RAS_TYPE_SECRET:
        *(struct text *)at = ras_in_text(in, field->type == RAS_TYPE_STRING);
        return;
    case RAS_TYPE_LIST:
        in_list(in, field, record);
        return;
    case RAS_TYPE_NESTED:
        ras_in_record(in, field->element, at);
        return;
    }
}

void ras_in_record(struct ras_in *in, const struct ras_layout *layout, void *ret)
{
    const char *outer = in->record;
    in->record = layout->name;
    if (layout->size)
        memset(ret, 0, layout->size);
    for (size_t i = 0; i < layout->field_count && !in->code; i++) {
        if (layout->fields[i].since > in->version)
            continue;
        in->field = layout->fields[i].name;
        in_field(in, &layout->fields[i], ret);
    }
    in->record = outer;
}

void *ras_in_list(struct ras_in *in, const struct ras_layout *layout, uint32_t *ret_count)
{
    uint32_t count = ras_in_count(in, record_min(layout, in->version));
    unsigned char *items = ras_in_take_raw(in, count, layout->size);
    for (uint32_t i = 0; i < count && !in->code; i++)
        ras_in_record(in, layout, items + i * layout->size);
    *ret_count = in->code ? 0 : count;
    return in->code ? NULL : items;
}

static void out_field(struct ras_out *out, const struct ras_field *field,
                      const unsigned char *record)
{
    const void *at = record + field->offset;
    switch (field->type) {
    case RAS_TYPE_BOOL:
        buf_byte(out->buf, *(const bool *)at);
        return;
    case RAS_TYPE_SHORT:
        ras_out_fixed(out, *(const uint16_t *)at, 2);
        return;
    case RAS_TYPE_INT:
        ras_out_fixed(out, (uint32_t) * (const int32_t *)at, 4);
        return;
    case RAS_TYPE_LONG:
    case RAS_TYPE_DOUBLE:
    case RAS_TYPE_DATETIME: {
        uint64_t bits;
        memcpy(&bits, at, sizeof bits);
        ras_out_fixed(out, bits, 8);
        return;
    }
    case RAS_TYPE_UUID:
        buf_add(out->buf, at, sizeof(struct uuid));
        return;
    case RAS_TYPE_STRING:
    case RAS_TYPE_LABEL:
    case RAS_TYPE_SECRET:
        ras_out_text(out, *(const struct text *)at);
        return;
    case RAS_TYPE_LIST: {
        void *items;
        uint32_t count;
        memcpy(&items, at, sizeof items);
        memcpy(&count, record + field->count_offset, sizeof count);
        ras_out_list(out, field->element, items, count);
        return;
    }
    case RAS_TYPE_NESTED:
        ras_out_record(out, field->element, at);
        return;
    }
}

void ras_out_record(struct ras_out *out, const struct ras_layout *layout, const void *record)
{
    for (size_t i = 0; i < layout->field_count; i++) {
        if (layout->fields[i].since > out->version)
            continue;
        out->field = layout->fields[i].name;
        out_field(out, &layout->fields[i], record);
    }
}

void ras_out_list(struct ras_out *out, const struct ras_layout *layout, const void *records,
                  uint32_t count)
{
    CHECK(records || count == 0);
    ras_out_size(out, count);
    for (uint32_t i = 0; i < count; i++)
        ras_out_record(out, layout, (const unsigned char *)records + i * layout->size);
}

enum error_code ras_record_decode(const struct ras_layout *layout, unsigned version,
                                  const void *bytes, size_t length, struct arena *arena, void *ret,
                                  struct error *err)
{
    struct ras_in in = ras_in_of(bytes, length, version, arena, err);
    ras_in_record(&in, layout, ret);
    return ras_in_done(&in);
}

enum error_code ras_record_encode(const struct ras_layout *layout, unsigned version,
                                  const void *record, struct buf *out, struct error *err)
{
    struct ras_out writer = {.buf = out, .version = version, .err = err};
    ras_out_record(&writer, layout, record);
    if (!writer.code && out->full)
        return error_set(err, ERR_TOO_LARGE, "a record '%s' does not fit", layout->name);
    return writer.code;
}
