#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cluster/ras/wire.h"

#define RECORD(record) static const struct ras_field record##_fields[] = {
#define FIELD(record, type, name, since)                                                           \
    {#name, RAS_TYPE_##type, since, offsetof(struct ras_##record, name), 0, NULL},
#define LIST(record, element, name, since)                                                         \
    {#name,                                                                                        \
     RAS_TYPE_LIST,                                                                                \
     since,                                                                                        \
     offsetof(struct ras_##record, name.items),                                                    \
     offsetof(struct ras_##record, name.count),                                                    \
     &ras_##element##_layout},
#define NESTED(record, element, name, since)                                                       \
    {#name, RAS_TYPE_NESTED,        since, offsetof(struct ras_##record, name),                    \
     0,     &ras_##element##_layout},
#define END(record)                                                                                \
    }                                                                                              \
    ;                                                                                              \
    const struct ras_layout ras_##record##_layout = {                                              \
        #record, sizeof(struct ras_##record), record##_fields,                                     \
        sizeof record##_fields / sizeof record##_fields[0]};
#include "cluster/ras/records.def"

const struct ras_layout ras_nothing_layout = {"nothing", 0, NULL, 0};

#define EFFECT_READ false
#define EFFECT_CHANGE true
#define PRIVACY_PLAIN false
#define PRIVACY_SECRET true

static const struct ras_message_row rows[] = {
#define MESSAGE(number, name, label, request, shape, answer, needs, effect, privacy)               \
    {number,                                                                                       \
     label,                                                                                        \
     &ras_##request##_layout,                                                                      \
     RAS_SHAPE_##shape,                                                                            \
     &ras_##answer##_layout,                                                                       \
     RAS_NEEDS_##needs,                                                                            \
     EFFECT_##effect,                                                                              \
     PRIVACY_##privacy},
#include "cluster/ras/messages.def"
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

const struct ras_message_row *ras_message_by_request(uint8_t number)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].number == number)
            return &rows[i];
    return NULL;
}

const struct ras_message_row *ras_message_by_answer(uint8_t number)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].shape != RAS_SHAPE_VOID && rows[i].number + 1 == number)
            return &rows[i];
    return NULL;
}

const uint8_t ras_versions[] = {16, 11, 10, 9, 7, 6, 5, 4, 3, 0};

bool ras_version_known(unsigned version)
{
    for (size_t i = 0; ras_versions[i]; i++)
        if (ras_versions[i] == version)
            return true;
    return false;
}

struct ras_version_text ras_version_format(unsigned version)
{
    struct ras_version_text ret;
    CHECK(version <= UINT8_MAX);
    snprintf(ret.text, sizeof ret.text, "%u.0", version);
    return ret;
}

enum error_code ras_version_read(struct text text, unsigned *ret, struct error *err)
{
    uint64_t number = 0;
    bool zero = text.length > 2 && memcmp(text.at + text.length - 2, ".0", 2) == 0;
    if (!zero || text_u64((struct text){text.at, text.length - 2}, UINT8_MAX, &number, NULL) ||
        number == 0)
        return error_set(err, ERR_PROTOCOL, "an endpoint version is not of the form '10.0'");
    *ret = (unsigned)number;
    return ERR_OK;
}

struct text ras_class_name(struct text class_name)
{
    const char *hash = class_name.length ? memchr(class_name.at, '#', class_name.length) : NULL;
    if (!hash)
        return class_name;
    return (struct text){hash + 1, class_name.length - (size_t)(hash + 1 - class_name.at)};
}

/* Reads `3.0, 4.0, ...` up to the closing bracket. Numbers, not a search for "6.0", which would
 * also be found in "16.0". */
static size_t read_versions(struct text list, uint8_t *ret, size_t max)
{
    size_t count = 0;
    const char *at = list.at;
    const char *end = list.at + list.length;
    while (at < end && *at != ']' && count < max) {
        const char *from = at;
        while (at < end && *at != ',' && *at != ']' && *at != ' ')
            at++;
        unsigned version = 0;
        if (!ras_version_read((struct text){from, (size_t)(at - from)}, &version, NULL))
            ret[count++] = (uint8_t)version;
        while (at < end && (*at == ',' || *at == ' '))
            at++;
    }
    return count;
}

size_t ras_supported_versions(const struct ras_exception *exception, uint8_t *ret, size_t max)
{
    static const char mark[] = "supported=[";
    for (; exception; exception = exception->cause) {
        struct text text = exception->message;
        if (!text.length)
            continue;
        const char *found = memmem(text.at, text.length, mark, sizeof mark - 1);
        if (!found)
            continue;
        found += sizeof mark - 1;
        return read_versions((struct text){found, text.length - (size_t)(found - text.at)}, ret,
                             max);
    }
    return 0;
}
