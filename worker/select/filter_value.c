/* The values of conditions, from text. */
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "model/application.h"
#include "select/condition.h"

static enum error_code wrong(const struct field *field, struct text text, const char *what,
                             struct error *err)
{
    AUTO_BUF printed;
    buf_init(&printed, 256);
    text_printable(&printed, (struct text){text.at, text.length < 60 ? text.length : 60});
    return error_set(err, ERR_INVALID, "'%s' is no value for '%s': write %s", buf_text(&printed),
                     field->name, what);
}

static enum error_code folded(struct text text, struct arena *arena, struct value *ret,
                              struct error *err)
{
    AUTO_BUF bytes;
    buf_init(&bytes, 4 * LIMIT_TEXT_BYTES);
    text_fold(&bytes, text);
    const char *copy = bytes.full ? NULL : arena_text(arena, text_of(buf_text(&bytes)));
    if (!copy)
        return error_set(err, ERR_TOO_LARGE, "the filter is too large");
    ret->text = (struct text){copy, bytes.length};
    return ERR_OK;
}

/* ---- numbers with units ---- */

static bool read_size(struct text text, int64_t *ret)
{
    static const struct {
        const char *unit;
        unsigned shift;
    } units[] = {{"", 0},    {"B", 0},    {"KB", 10},  {"MB", 20},  {"GB", 30},
                 {"TB", 40}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
    size_t digits = text.length && text.at[0] == '-';
    while (digits < text.length && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    struct text unit = {text.at + digits, text.length - digits};
    int64_t value;
    if (text_i64((struct text){text.at, digits}, &value, NULL))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (text_same_name(unit, text_of(units[i].unit)))
            return !__builtin_mul_overflow(value, INT64_C(1) << units[i].shift, ret);
    return false;
}

static bool read_flag(struct text text, int64_t *ret)
{
    *ret = text_same_name(text, TEXT("yes")) || text_same_name(text, TEXT("true"));
    return *ret || text_same_name(text, TEXT("no")) || text_same_name(text, TEXT("false"));
}

/* ---- addresses ---- */

static bool read_network(struct text text, struct network *ret)
{
    const char *slash = text.length ? memchr(text.at, '/', text.length) : NULL;
    struct text address = {text.at, slash ? (size_t)(slash - text.at) : text.length};
    bool four = address.length && memchr(address.at, '.', address.length) &&
                !memchr(address.at, ':', address.length);
    uint64_t bits = four ? 32 : 128;
    if (!address_read(address, &ret->address))
        return false;
    if (slash &&
        text_u64((struct text){slash + 1, text.length - address.length - 1}, bits, &bits, NULL))
        return false;
    ret->bits = (unsigned)bits + (four ? 96 : 0);
    for (unsigned bit = ret->bits; bit < 128; bit++) /* 10.1.2.3/8 is a slip of the pen */
        if (ret->address.bytes[bit / 8] >> (7 - bit % 8) & 1)
            return false;
    return true;
}

/* ---- by kind ---- */

static enum error_code read_class(const struct field *field, struct text text, struct value *ret,
                                  struct error *err)
{
    ret->number = application_class_find(text);
    return ret->number != APPLICATION_UNKNOWN
               ? ERR_OK
               : wrong(field, text,
                       "interactive, designer, external, service, job, console, administration or "
                       "system",
                       err);
}

static enum error_code read_moment(const struct field *field, struct text text, struct value *ret,
                                   struct error *err)
{
    struct server_time time;
    if (!text.length || server_time_read(text, &time, NULL))
        return wrong(field, text, "a time of the cluster's clock like 2026-03-01T12:30:45", err);
    ret->number = time.ticks;
    return ERR_OK;
}

static enum error_code read_number(const struct field *field, struct text text, struct value *ret,
                                   struct error *err)
{
    return text_i64(text, &ret->number, NULL) ? wrong(field, text, "a whole number", err) : ERR_OK;
}

static enum error_code read_name(const struct field *field, struct text text, struct arena *arena,
                                 struct value *ret, struct error *err)
{
    if (field->kind == FIELD_USER && !text.length)
        return wrong(field, text, "a name: a session without one is just logging in", err);
    ret->has_uuid = field->kind == FIELD_INFOBASE && !uuid_read(text, &ret->uuid, NULL);
    return folded(text, arena, ret, err);
}

enum error_code filter_value_read(const struct field *field, enum comparison comparison,
                                  struct text text, struct arena *arena, struct value *ret,
                                  struct error *err)
{
    *ret = (struct value){.number = 0};
    if (comparison == COMPARISON_MATCHES)
        return text.length ? folded(text, arena, ret, err)
                           : wrong(field, text, "a mask like 'pc-*'", err);
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_USER:
    case FIELD_INFOBASE:
        return read_name(field, text, arena, ret, err);
    case FIELD_UUID:
        return uuid_read(text, &ret->uuid, NULL) ? wrong(field, text, "a UUID", err) : ERR_OK;
    case FIELD_CLASS:
        return read_class(field, text, ret, err);
    case FIELD_ADDRESS:
        return read_network(text, &ret->network)
                   ? ERR_OK
                   : wrong(field, text, "an address like 10.1.2.3, or a network like 10.1.0.0/16",
                           err);
    case FIELD_NUMBER:
    case FIELD_BLOCKER:
        return read_number(field, text, ret, err);
    case FIELD_SIZE:
        return read_size(text, &ret->number)
                   ? ERR_OK
                   : wrong(field, text, "a size like 500MB, 2GB or 1024", err);
    case FIELD_DURATION:
    case FIELD_AGE:
        return text_duration_ms(text, &ret->number, NULL)
                   ? wrong(field, text, "a duration like 90s, 15m or 2h", err)
                   : ERR_OK;
    case FIELD_MOMENT:
        return read_moment(field, text, ret, err);
    case FIELD_FLAG:
    case FIELD_BLOCKING:
        return read_flag(text, &ret->number) ? ERR_OK : wrong(field, text, "yes or no", err);
    case FIELD_KINDS:
        break;
    }
    CHECK(!"a kind of field without values");
    return ERR_INVALID;
}
