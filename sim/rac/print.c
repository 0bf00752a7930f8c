#include "sim/rac/print.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/check.h"

enum form {
    FORM_BARE,
    FORM_QUOTED,
    FORM_EMPTY,
    FORM_YES,
    FORM_ON,
    FORM_ALLOW,
    FORM_USE,
    FORM_BALANCING
};

struct key {
    const struct ras_layout *layout;
    const char *key;
    const char *field;
    enum form form;
    unsigned since;
    unsigned until;
};

static const struct key keys[] = {
#define KEY(record, key, field, form, since, until)                                                \
    {&ras_##record##_layout, key, #field, FORM_##form, since, until},
#include "sim/rac/keys.def"
};

enum { KEY_COUNT = sizeof keys / sizeof *keys };

static bool is_printed(const struct key *key, const struct ras_layout *layout, unsigned version)
{
    return key->layout == layout && version >= key->since && (!key->until || version < key->until);
}

static const struct ras_field *field_of(const struct key *key)
{
    for (size_t i = 0; i < key->layout->field_count; i++)
        if (!strcmp(key->layout->fields[i].name, key->field))
            return &key->layout->fields[i];
    CHECK(!"keys.def names a field that the record has not");
    return NULL;
}

static int64_t number_of(const struct ras_field *field, const char *at)
{
    switch (field->type) {
    case RAS_TYPE_BOOL:
        return *(const bool *)at;
    case RAS_TYPE_SHORT:
        return *(const uint16_t *)(const void *)at;
    case RAS_TYPE_INT:
        return *(const int32_t *)(const void *)at;
    case RAS_TYPE_LONG:
        return *(const int64_t *)(const void *)at;
    default:
        return 0;
    }
}

static void print_text(struct text text, enum form form, struct buf *out)
{
    if (form == FORM_EMPTY && !text.length)
        buf_str(out, "''");
    if (form != FORM_QUOTED || !text.length) {
        buf_add(out, text.at, text.length);
        return;
    }
    buf_byte(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] == '"')
            buf_byte(out, '"');
        buf_byte(out, (uint8_t)text.at[i]);
    }
    buf_byte(out, '"');
}

static void print_number(int64_t number, enum form form, struct buf *out)
{
    static const char *const uses[] = {"not-used", "used", "used-as-reserve"};
    switch (form) {
    case FORM_YES:
        buf_str(out, number ? "yes" : "no");
        return;
    case FORM_ON:
        buf_str(out, number ? "on" : "off");
        return;
    case FORM_ALLOW:
        buf_str(out, number ? "allow" : "deny");
        return;
    case FORM_USE:
        buf_str(out, uses[number < 0 || number > 2 ? 0 : number]);
        return;
    case FORM_BALANCING:
        buf_str(out, number ? "memory" : "performance");
        return;
    case FORM_BARE:
    case FORM_QUOTED:
    case FORM_EMPTY:
        buf_format(out, "%" PRId64, number);
        return;
    }
}

static void print_value(const struct ras_field *field, const char *at, enum form form,
                        struct buf *out)
{
    struct server_time_text time;
    switch (field->type) {
    case RAS_TYPE_UUID:
        buf_str(out, uuid_format((const struct uuid *)(const void *)at).text);
        return;
    case RAS_TYPE_DATETIME:
        time = server_time_format(*(const struct server_time *)(const void *)at);
        time.text[strcspn(time.text, ".")] = '\0';
        buf_str(out, time.text);
        return;
    case RAS_TYPE_DOUBLE:
        buf_format(out, "%.3f", *(const double *)(const void *)at);
        return;
    case RAS_TYPE_STRING:
    case RAS_TYPE_LABEL:
    case RAS_TYPE_SECRET:
        print_text(*(const struct text *)(const void *)at, form, out);
        return;
    default:
        print_number(number_of(field, at), form, out);
        return;
    }
}

void rac_sim_print(const struct ras_message *message, unsigned version, struct buf *out)
{
    const struct ras_layout *layout = message->layout;
    size_t width = 0;
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (is_printed(&keys[i], layout, version) && strlen(keys[i].key) > width)
            width = strlen(keys[i].key);
    for (uint32_t i = 0; i < message->count; i++) {
        const char *record = (const char *)message->records + i * layout->size;
        for (size_t k = 0; k < KEY_COUNT; k++) {
            if (!is_printed(&keys[k], layout, version))
                continue;
            const struct ras_field *field = field_of(&keys[k]);
            buf_format(out, "%-*s : ", (int)width, keys[k].key);
            print_value(field, record + field->offset, keys[k].form, out);
            buf_byte(out, '\n');
        }
        buf_byte(out, '\n');
    }
}
