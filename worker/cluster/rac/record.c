#include "cluster/rac/record.h"

#include <string.h>

#include "base/check.h"
#include "model/session.h"

enum { KEY_MAX = 64 };

/* What is read of a record, and what must be there. */
static const struct kind {
    const struct ras_layout *layout;
    const char *id; /* the key of the field `uuid` */
    const char *required[8];
    const char *only[10]; /* nothing but these fields; none: all */
} kinds[] = {
    [RAC_SESSIONS] = {&ras_session_layout,
                      "session",
                      {"uuid", "session_id", "infobase", "user_name", "host", "app_id",
                       "started_at"},
                      {0}},
    [RAC_CLUSTERS] = {&ras_cluster_layout, "cluster", {"uuid", "name"}, {"uuid", "name"}},
    [RAC_NAMES] = {&ras_infobase_short_layout, "infobase", {"uuid", "name"}, {0}},
    [RAC_INFOBASE] = {&ras_infobase_layout,
                      "infobase",
                      {"uuid", "sessions_deny", "scheduled_jobs_deny", "denied_from", "denied_to",
                       "denied_message", "denied_parameter", "permission_code"},
                      {"uuid", "name", "sessions_deny", "scheduled_jobs_deny", "denied_from",
                       "denied_to", "denied_message", "denied_parameter", "permission_code"}},
    [RAC_CONNECTIONS] = {&ras_connection_layout,
                         "connection",
                         {"uuid", "process", "infobase", "application", "session_number"},
                         {0}},
};

static bool is_among(const char *const *names, size_t max, const char *name)
{
    for (size_t i = 0; i < max && names[i]; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static bool is_read(const struct kind *kind, const struct ras_field *field)
{
    return !kind->only[0] ||
           is_among(kind->only, sizeof kind->only / sizeof *kind->only, field->name);
}

static bool is_required(const struct kind *kind, const struct ras_field *field)
{
    return is_among(kind->required, sizeof kind->required / sizeof *kind->required, field->name);
}

/* ---- values ---- */

/* The words that stand for yes and no, by key. */
static bool read_word(struct text value, int64_t *ret)
{
    static const struct {
        const char *word;
        int value;
    } words[] = {{"yes", 1}, {"no", 0}, {"on", 1}, {"off", 0}, {"allow", 1}, {"deny", 0}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text_equal(value, text_of(words[i].word))) {
            *ret = words[i].value;
            return true;
        }
    return false;
}

static bool read_number(struct text value, int64_t least, int64_t most, int64_t *ret)
{
    if (text_i64(value, ret, NULL) && !read_word(value, ret))
        return false;
    return *ret >= least && *ret <= most;
}

/* The first moment of the calendar is how some versions write "none". */
static bool read_time(struct text value, struct server_time *ret)
{
    if (text_equal(value, TEXT("0001-01-01T00:00:00")))
        value.length = 0;
    return server_time_read(value, ret, NULL) == ERR_OK;
}

static bool read_uuid(struct text value, struct uuid *ret)
{
    return uuid_read(value, ret, NULL) == ERR_OK;
}

/* False: the value is not of the field's type. Lists and nested records are not printed. */
static bool read_field(enum ras_type type, struct text value, void *ret)
{
    int64_t number = 0;
    bool fits = true;
    switch (type) {
    case RAS_TYPE_BOOL:
        fits = read_number(value, 0, 1, &number);
        *(bool *)ret = number;
        return fits;
    case RAS_TYPE_SHORT:
        fits = read_number(value, 0, UINT16_MAX, &number);
        *(uint16_t *)ret = (uint16_t)number;
        return fits;
    case RAS_TYPE_INT:
        fits = read_number(value, INT32_MIN, INT32_MAX, &number);
        *(int32_t *)ret = (int32_t)number;
        return fits;
    case RAS_TYPE_LONG:
        fits = read_number(value, INT64_MIN, INT64_MAX, &number);
        *(int64_t *)ret = number;
        return fits;
    case RAS_TYPE_UUID:
        return read_uuid(value, ret);
    case RAS_TYPE_DATETIME:
        return read_time(value, ret);
    case RAS_TYPE_STRING:
    case RAS_TYPE_LABEL:
    case RAS_TYPE_SECRET:
        *(struct text *)ret = value;
        return true;
    case RAS_TYPE_DOUBLE:
    case RAS_TYPE_LIST:
    case RAS_TYPE_NESTED:
        return true;
    }
    return true;
}

/* ---- records ---- */

static struct text key_of(const struct kind *kind, const struct ras_field *field, char at[KEY_MAX])
{
    if (!strcmp(field->name, "uuid"))
        return text_of(kind->id);
    size_t length = strlen(field->name);
    CHECK(length < KEY_MAX);
    for (size_t i = 0; i < length; i++)
        at[i] = field->name[i] == '_' ? '-' : field->name[i];
    return (struct text){at, length};
}

static enum error_code read_record(const struct kind *kind, const struct rac_block *block,
                                   size_t index, char *record, uint64_t *ret_found,
                                   struct error *err)
{
    uint64_t found = 0;
    for (size_t i = 0; i < kind->layout->field_count; i++) {
        const struct ras_field *field = &kind->layout->fields[i];
        char name[KEY_MAX];
        if (!is_read(kind, field))
            continue;
        struct text key = key_of(kind, field, name);
        const struct text *value = rac_block_find(block, key);
        if (!value && is_required(kind, field))
            return error_set(err, ERR_PROTOCOL, "rac's output, block %zu has no key '%.*s'",
                             index + 1, TEXT_ARGS(key));
        if (!value)
            continue;
        if (!read_field(field->type, *value, record + field->offset))
            return error_set(err, ERR_PROTOCOL,
                             "rac's output, block %zu: the value of '%.*s' is not of its form",
                             index + 1, TEXT_ARGS(key));
        found |= 1ull << i;
    }
    *ret_found = found;
    return ERR_OK;
}

static enum error_code check_ids(const struct kind *kind, const struct ras_message *message,
                                 struct error *err)
{
    const struct ras_field *id = kind->layout->fields; /* `uuid` comes first in every record */
    CHECK(!strcmp(id->name, "uuid"));
    for (uint32_t i = 0; i < message->count; i++)
        if (uuid_is_nil((const struct uuid *)(const void *)((const char *)message->records +
                                                            i * kind->layout->size + id->offset)))
            return error_set(err, ERR_PROTOCOL, "rac's output, block %u: '%s' is a zero UUID",
                             i + 1, kind->id);
    return ERR_OK;
}

enum error_code rac_records_read(const struct rac_output *output, enum rac_record kind_of,
                                 struct arena *arena, struct ras_message *ret, uint64_t *ret_found,
                                 struct error *err)
{
    const struct kind *kind = &kinds[kind_of];
    char *records = arena_take(arena, output->count + 1, kind->layout->size);
    uint64_t found = 0;
    if (!records || output->count > UINT32_MAX)
        return error_set(err, ERR_TOO_LARGE, "rac's output exceeds the memory for it");
    for (size_t i = 0; i < output->count; i++) {
        enum error_code code =
            read_record(kind, &output->blocks[i], i, records + i * kind->layout->size, &found, err);
        if (code)
            return code;
    }
    struct ras_message message = {
        .layout = kind->layout, .list = true, .count = (uint32_t)output->count, .records = records};
    enum error_code code = check_ids(kind, &message, err);
    if (code)
        return code;
    *ret = message;
    *ret_found = found;
    return ERR_OK;
}

uint64_t rac_sessions_reported(uint64_t found)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < ras_session_layout.field_count; i++) {
        const char *name = ras_session_layout.fields[i].name;
        enum session_field field =
            !strcmp(name, "session_id") ? SESSION_number : session_field_find(text_of(name));
        if (found >> i & 1 && field != SESSION_FIELD_COUNT)
            bits |= 1ull << field;
    }
    return bits;
}
