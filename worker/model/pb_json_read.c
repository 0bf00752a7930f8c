/* JSON into protobuf wire bytes, driven by the descriptors of the generated code. */
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"

#include <stdio.h>

#include "base/check.h"
#include "model/json.h"
#include "model/pb_json.h"
#include "model/wire.h"

enum { PATH_SIZE = 192, SHOWN_BYTES = 64, FIELDS_MAX = 64 };

struct reader {
    const struct pb_json *how;
    struct error *err;
    char path[PATH_SIZE]; /* of the value being read; "" at the top */
};

static enum error_code put_message(struct reader *reader, const ProtobufCMessageDescriptor *is,
                                   json_t *json, struct buf *out);

/* ---- saying what is wrong ---- */

static const char *where(const struct reader *reader)
{
    return reader->path[0] ? reader->path : "the message";
}

static enum error_code wrong(struct reader *reader, const char *wanted)
{
    return error_set(reader->err, ERR_INVALID, "%s: expected %s", where(reader), wanted);
}

/* Makes outside text fit for a message: bounded, and nothing that a terminal would obey. */
static const char *shown(struct buf *buf, struct text text)
{
    buf_init(buf, 16 * SHOWN_BYTES);
    if (text.length > SHOWN_BYTES)
        text.length = SHOWN_BYTES;
    text_printable(buf, text);
    return buf_text(buf);
}

static size_t enter(struct reader *reader, const char *key)
{
    size_t before = strlen(reader->path);
    snprintf(reader->path + before, sizeof reader->path - before, "%s%s", before ? "." : "", key);
    return before;
}

static size_t enter_index(struct reader *reader, size_t index)
{
    size_t before = strlen(reader->path);
    snprintf(reader->path + before, sizeof reader->path - before, "[%zu]", index);
    return before;
}

static void leave(struct reader *reader, size_t before)
{
    reader->path[before] = '\0';
}

/* ---- values ---- */

static bool duration_digits(const char **at, unsigned max, uint64_t *value, unsigned *count)
{
    *value = 0;
    for (*count = 0; **at >= '0' && **at <= '9'; (*at)++, (*count)++) {
        if (*count == max)
            return false;
        *value = *value * 10 + (uint64_t)(**at - '0');
    }
    return *count > 0;
}

/* "1.5s", "-2s", "90s". */
static bool read_duration(const char *at, int64_t *seconds, int32_t *nanos)
{
    const unsigned seconds_digits = 12; /* the well-known type ends at 315,576,000,000 s */
    bool negative = *at == '-';
    uint64_t whole;
    uint64_t fraction = 0;
    unsigned count;
    at += negative;
    if (!duration_digits(&at, seconds_digits, &whole, &count))
        return false;
    if (*at == '.') {
        at++;
        if (!duration_digits(&at, 9, &fraction, &count))
            return false;
        for (; count < 9; count++)
            fraction *= 10;
    }
    *seconds = negative ? -(int64_t)whole : (int64_t)whole;
    *nanos = negative ? -(int32_t)fraction : (int32_t)fraction;
    return at[0] == 's' && at[1] == '\0';
}

static void put_seconds_nanos(struct buf *out, int64_t seconds, int32_t nanos)
{
    wire_put_number(out, 1, (uint64_t)seconds);
    wire_put_number(out, 2, (uint64_t)(int64_t)nanos);
}

static enum error_code put_duration(struct reader *reader, json_t *json, struct buf *out)
{
    int64_t seconds;
    int32_t nanos;
    if (!json_is_string(json) || !read_duration(json_string_value(json), &seconds, &nanos))
        return wrong(reader, "a duration in seconds like \"90s\" or \"1.5s\"");
    put_seconds_nanos(out, seconds, nanos);
    return ERR_OK;
}

static enum error_code put_timestamp(struct reader *reader, json_t *json, struct buf *out)
{
    struct wall wall;
    struct text text = json_text(json);
    if (!json_is_string(json) || wall_read(text, &wall, NULL))
        return wrong(reader, "a time like \"2026-11-21T18:30:00Z\" or "
                             "\"2026-11-21T21:30:00.250+03:00\"");
    int64_t seconds = wall.ms / 1000 - (wall.ms % 1000 < 0);
    put_seconds_nanos(out, seconds, (int32_t)(wall.ms - seconds * 1000) * 1000000);
    return ERR_OK;
}

/* A JSON number, or the same in a string; 1.0 and 1e2 are whole numbers too. */
static bool read_number(const json_t *json, int64_t *ret)
{
    if (json_is_integer(json)) {
        *ret = json_integer_value(json);
        return true;
    }
    if (json_is_real(json)) {
        const double exact = 9007199254740992.0; /* 2^53: above it doubles skip whole numbers */
        double value = json_real_value(json);
        if (value < -exact || value > exact || (double)(int64_t)value != value)
            return false;
        *ret = (int64_t)value;
        return true;
    }
    struct text text = json_text(json);
    return json_is_string(json) && !text_i64(text, ret, NULL);
}

/* uint64 above 2^63 comes as a string only: JSON readers elsewhere would round a number. */
static bool read_large(const json_t *json, uint64_t *ret)
{
    struct text text = json_text(json);
    return json_is_string(json) && !text_u64(text, UINT64_MAX, ret, NULL);
}

static enum error_code put_number(struct reader *reader, const ProtobufCFieldDescriptor *field,
                                  json_t *json, struct buf *out)
{
    int64_t value;
    uint64_t large;
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
        if (!read_number(json, &value) || value < INT32_MIN || value > INT32_MAX)
            return wrong(reader, "a whole number between -2147483648 and 2147483647");
        break;
    case PROTOBUF_C_TYPE_UINT32:
        if (!read_number(json, &value) || value < 0 || value > UINT32_MAX)
            return wrong(reader, "a whole number between 0 and 4294967295");
        break;
    case PROTOBUF_C_TYPE_INT64:
        if (!read_number(json, &value))
            return wrong(reader, "a whole number of 64 bits, as a number or a string");
        break;
    case PROTOBUF_C_TYPE_UINT64:
        if (read_large(json, &large))
            value = (int64_t)large;
        else if (!read_number(json, &value) || value < 0)
            return wrong(reader, "a whole number from 0, as a number or a string");
        break;
    default:
        CHECK(!"a kind of number that the contracts use");
    }
    wire_put_number(out, field->id, (uint64_t)value);
    return ERR_OK;
}

static enum error_code put_enum(struct reader *reader, const ProtobufCFieldDescriptor *field,
                                json_t *json, struct buf *out)
{
    const ProtobufCEnumDescriptor *is = field->descriptor;
    int64_t number;
    if (json_is_string(json)) {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value_by_name(is, json_string_value(json));
        if (!value && reader->how->tolerant)
            return ERR_OK;
        if (!value) {
            AUTO_BUF name;
            return error_set(reader->err, ERR_INVALID,
                             "%s: no value '%s'; the first ones are %s, %s", where(reader),
                             shown(&name, json_text(json)), is->values[0].name,
                             is->values[is->n_values > 1].name);
        }
        number = value->value;
    } else if (!json_is_integer(json) || !read_number(json, &number) || number < INT32_MIN ||
               number > INT32_MAX) {
        return wrong(reader, "the name of a value");
    }
    wire_put_number(out, field->id, (uint64_t)number);
    return ERR_OK;
}

static const ProtobufCMessageDescriptor *
whole_of(const struct reader *reader, const ProtobufCMessageDescriptor *in, const char *field)
{
    for (size_t i = 0; i < reader->how->whole_count; i++)
        if (reader->how->whole[i].in == in && !strcmp(reader->how->whole[i].field, field))
            return reader->how->whole[i].is;
    return NULL;
}

static enum error_code put_below(struct reader *reader, uint32_t field,
                                 const ProtobufCMessageDescriptor *is, json_t *json,
                                 struct buf *out)
{
    AUTO_BUF below;
    buf_init(&below, out->max);
    enum error_code code = put_message(reader, is, json, &below);
    if (code)
        return code;
    out->full |= below.full;
    wire_put_bytes(out, field, (struct text){(const char *)below.data, below.length});
    return ERR_OK;
}

static enum error_code put_value(struct reader *reader, const ProtobufCMessageDescriptor *in,
                                 const ProtobufCFieldDescriptor *field, json_t *json,
                                 struct buf *out)
{
    const ProtobufCMessageDescriptor *is;
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return put_below(reader, field->id, field->descriptor, json, out);
    case PROTOBUF_C_TYPE_BYTES:
        is = whole_of(reader, in, field->name);
        if (is)
            return put_below(reader, field->id, is, json, out);
        if (!json_is_string(json))
            return wrong(reader, "a text");
        wire_put_bytes(out, field->id, json_text(json));
        return ERR_OK;
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(json))
            return wrong(reader, "true or false");
        wire_put_number(out, field->id, json_is_true(json));
        return ERR_OK;
    case PROTOBUF_C_TYPE_ENUM:
        return put_enum(reader, field, json, out);
    default:
        return put_number(reader, field, json, out);
    }
}

/* ---- messages ---- */

static char camel(const char **at)
{
    bool upper = (*at)[0] == '_' && (*at)[1]; /* the underscore goes before a digit as well */
    *at += upper;
    char letter = *(*at)++;
    return upper && letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
}

static bool is_camel_of(const char *key, const char *name)
{
    while (*name)
        if (*key++ != camel(&name))
            return false;
    return *key == '\0';
}

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *is,
                                                const char *key)
{
    for (unsigned i = 0; i < is->n_fields; i++)
        if (!strcmp(is->fields[i].name, key) || is_camel_of(key, is->fields[i].name))
            return &is->fields[i];
    return NULL;
}

static enum error_code unknown_field(struct reader *reader, const ProtobufCMessageDescriptor *is,
                                     const char *key)
{
    AUTO_BUF name;
    AUTO_BUF known;
    buf_init(&known, 300);
    for (unsigned i = 0; i < is->n_fields; i++)
        buf_format(&known, "%s%s", i ? ", " : "", is->fields[i].name);
    return error_set(reader->err, ERR_INVALID, "%s: there is no field '%s'; there are %s",
                     where(reader), shown(&name, text_of(key)), buf_text(&known));
}

static enum error_code put_field(struct reader *reader, const ProtobufCMessageDescriptor *in,
                                 const ProtobufCFieldDescriptor *field, json_t *json,
                                 struct buf *out)
{
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return put_value(reader, in, field, json, out);
    if (!json_is_array(json))
        return wrong(reader, "a list");
    size_t index;
    json_t *element;
    json_array_foreach(json, index, element)
    {
        size_t before = enter_index(reader, index);
        enum error_code code = json_is_null(element) ? wrong(reader, "a value, not null")
                                                     : put_value(reader, in, field, element, out);
        if (code)
            return code;
        leave(reader, before);
    }
    return ERR_OK;
}

/* The member of the same oneof that was given before, or NULL. */
static const ProtobufCFieldDescriptor *rival(const ProtobufCMessageDescriptor *is, uint64_t given,
                                             const ProtobufCFieldDescriptor *field)
{
    if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
        return NULL;
    for (unsigned i = 0; i < is->n_fields; i++)
        if ((given >> i & 1) && (is->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
            is->fields[i].quantifier_offset == field->quantifier_offset)
            return &is->fields[i];
    return NULL;
}

/* Names seen so far: `named` also with null, `given` with a value. One bit for each field. */
struct seen {
    uint64_t named;
    uint64_t given;
};

static enum error_code put_member(struct reader *reader, const ProtobufCMessageDescriptor *is,
                                  struct seen *seen, const char *key, json_t *json, struct buf *out)
{
    const ProtobufCFieldDescriptor *field = field_of(is, key);
    if (!field)
        return reader->how->tolerant ? ERR_OK : unknown_field(reader, is, key);
    uint64_t bit = UINT64_C(1) << (field - is->fields);
    size_t before = enter(reader, key);
    if (seen->named & bit)
        return error_set(reader->err, ERR_INVALID, "%s: given twice, in two spellings",
                         where(reader));
    seen->named |= bit;
    if (!json_is_null(json)) {
        const ProtobufCFieldDescriptor *other = rival(is, seen->given, field);
        if (other)
            return error_set(reader->err, ERR_INVALID, "%s: only one of '%s' and '%s' may be given",
                             where(reader), other->name, field->name);
        seen->given |= bit;
        enum error_code code = put_field(reader, is, field, json, out);
        if (code)
            return code;
    }
    leave(reader, before);
    return ERR_OK;
}

static enum error_code put_message(struct reader *reader, const ProtobufCMessageDescriptor *is,
                                   json_t *json, struct buf *out)
{
    if (is == &google__protobuf__timestamp__descriptor)
        return put_timestamp(reader, json, out);
    if (is == &google__protobuf__duration__descriptor)
        return put_duration(reader, json, out);
    if (!json_is_object(json))
        return wrong(reader, "an object {...}");
    CHECK(is->n_fields <= FIELDS_MAX);
    struct seen seen = {0, 0};
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        enum error_code code = put_member(reader, is, &seen, key, value, out);
        if (code)
            return code;
    }
    return ERR_OK;
}

/* ---- the whole text ---- */

enum error_code pb_json_read(const struct pb_json *how, struct text json, struct buf *out,
                             struct error *err)
{
    json_t *root = json_read(json, err);
    if (!root)
        return ERR_UNDECODABLE;
    struct reader reader = {.how = how, .err = err};
    enum error_code code = put_message(&reader, how->descriptor, root, out);
    json_decref(root);
    if (!code && out->full)
        code = error_set(err, ERR_TOO_LARGE, "the message is too large");
    return code;
}
