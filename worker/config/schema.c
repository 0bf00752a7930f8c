/* The JSON Schema of the file, for editors and for checks without a worker. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "config/read.h"

enum { ARENA_BYTES = 1024 * 1024 };

static json_int_t number_of(const char *text)
{
    uint64_t value;
    enum error_code failed = text_u64(text_of(text), INT64_MAX, &value, NULL);
    CHECK(!failed);
    return (json_int_t)value;
}

static json_t *words_of(const char *words)
{
    json_t *list = json_array();
    while (*words) {
        size_t length = strcspn(words, "|");
        json_array_append_new(list, json_stringn(words, length));
        words += length + (words[length] == '|');
    }
    return list;
}

/* YAML has no say in whether 42 is a number or a text: both are taken where a text is wanted. */
static json_t *text_type(void)
{
    return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
}

static json_t *count_type(const struct key_row *row)
{
    json_t *number = json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", number_of(row->min),
                               "maximum", number_of(row->max));
    if (!row->initial || strcmp(row->initial, "auto") != 0)
        return number;
    return json_pack("{s:[o,{s:s}]}", "anyOf", number, "const", "auto");
}

static json_t *list_type(const struct key_row *row)
{
    json_t *item =
        row->type == KEY_CHOICES ? json_pack("{s:o}", "enum", words_of(row->min)) : text_type();
    json_t *list = json_pack("{s:s, s:o, s:i}", "type", "array", "items", item, "maxItems",
                             row->type == KEY_ADDRESSES ? LIMIT_ADDRESSES : CONFIG_LIST_MAX);
    return json_pack("{s:[o,o]}", "anyOf", list, text_type());
}

static json_t *type_of(const struct key_row *row)
{
    switch (row->type) {
    case KEY_COUNT:
        return count_type(row);
    case KEY_DURATION:
        return json_pack("{s:s, s:s}", "type", "string", "pattern", "^[0-9]+(ms|s|m|h|d)$");
    case KEY_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case KEY_CHOICE:
    case KEY_LEVEL:
        return json_pack("{s:o}", "enum", words_of(row->min));
    case KEY_NAME:
    case KEY_TOPIC:
        return json_pack("{s:s, s:s, s:i}", "type", "string", "pattern", "^[A-Za-z0-9._-]+$",
                         "maxLength", 249);
    case KEY_MAP:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", text_type());
    case KEY_LIST:
    case KEY_BROKERS:
    case KEY_TOPICS:
    case KEY_CHOICES:
    case KEY_ADDRESSES:
        return list_type(row);
    default:
        return text_type();
    }
}

static json_t *make_key(const struct key_row *row)
{
    json_t *schema = type_of(row);
    CHECK(schema);
    json_object_set_new(schema, "description", json_string(row->help));
    if (!row->initial || !row->initial[0] || row->type == KEY_LIST)
        return schema;
    if (row->type == KEY_COUNT && strcmp(row->initial, "auto") != 0)
        json_object_set_new(schema, "default", json_integer(number_of(row->initial)));
    else if (row->type == KEY_BOOL)
        json_object_set_new(schema, "default", json_boolean(row->initial[0] == 't'));
    else
        json_object_set_new(schema, "default", json_string(row->initial));
    return schema;
}

static json_t *make_children(const struct shape *parent);

static json_t *make_shape(const struct shape *shape)
{
    switch (shape->kind) {
    case SHAPE_KEY:
        return make_key(shape->row);
    case SHAPE_SEQUENCE:
        return json_pack("{s:s, s:i, s:o}", "type", "array", "maxItems", CONFIG_LIST_MAX, "items",
                         make_children(shape));
    case SHAPE_FREE:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                         make_children(shape));
    case SHAPE_MAPPING:
        break;
    }
    return make_children(shape);
}

static json_t *make_children(const struct shape *parent)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    for (const struct shape *child = parent->first; child; child = child->next) {
        char *name = mem_text(child->name.at, child->name.length);
        json_object_set_new(properties, name, make_shape(child));
        if (child->kind == SHAPE_KEY && !child->row->initial)
            json_array_append_new(required, json_string(name));
        free(name);
    }
    json_t *schema = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
                               "properties", properties);
    if (json_array_size(required))
        json_object_set(schema, "required", required);
    json_decref(required);
    return schema;
}

void config_schema(struct buf *out)
{
    struct arena *arena = arena_create(ARENA_BYTES);
    json_t *schema = make_children(shape_create(arena));
    json_t *head =
        json_pack("{s:s, s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema",
                  "title", "Configuration of Curfew", "description",
                  "Made from worker/config/keys.def; 'curfew config explain' tells what "
                  "is in force.");
    json_object_update(head, schema);
    char *text = json_dumps(head, JSON_INDENT(2));
    CHECK(text);
    buf_str(out, text);
    buf_byte(out, '\n');
    free(text);
    json_decref(head);
    json_decref(schema);
    arena_destroy(arena);
}
