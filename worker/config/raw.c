#include "config/raw.h"

#include <cyaml/cyaml.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { SCHEMA_BYTES_MAX = 1024 * 1024, WORDS_MAX = 300, LARGE_BYTES = 4096 };

static size_t raw_size(void)
{
    return sizeof(struct raw) + key_row_count * sizeof(char *);
}

const struct raw *raw_entry(const struct raw *parent, enum key_group group, uint32_t index)
{
    CHECK(index < parent->lists[group].count);
    return (const struct raw *)((const char *)parent->lists[group].items + index * raw_size());
}

static void *take(struct raw_file *file, size_t count, size_t size)
{
    void *ret = arena_take(file->arena, count, size);
    CHECK(ret);
    return ret;
}

/* ---- the schema ---- */

static const cyaml_schema_field_t *make_fields(struct raw_file *file, const struct shape *parent);

static cyaml_schema_value_t make_mapping(struct raw_file *file, const struct shape *shape)
{
    return (cyaml_schema_value_t){.type = CYAML_MAPPING,
                                  .flags = CYAML_FLAG_DEFAULT,
                                  .data_size = (uint32_t)raw_size(),
                                  .mapping.fields = make_fields(file, shape)};
}

static void make_sequence(struct raw_file *file, const struct shape *shape,
                          cyaml_schema_field_t *field)
{
    cyaml_schema_value_t *entry = take(file, 1, sizeof *entry);
    *entry = make_mapping(file, shape);
    size_t at = offsetof(struct raw, lists) + shape->group * sizeof((struct raw *)0)->lists[0];
    size_t count_at = sizeof(struct raw *);
    field->data_offset = (uint32_t)at;
    field->count_offset = (uint32_t)(at + count_at);
    field->count_size = sizeof(uint32_t);
    field->value = (cyaml_schema_value_t){.type = CYAML_SEQUENCE,
                                          .flags = CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER,
                                          .data_size = (uint32_t)raw_size(),
                                          .sequence = {.entry = entry, .max = CONFIG_LIST_MAX}};
}

static void make_key(const struct shape *shape, cyaml_schema_field_t *field)
{
    field->data_offset = (uint32_t)(offsetof(struct raw, texts) + shape->place * sizeof(char *));
    field->value = (cyaml_schema_value_t){.type = CYAML_STRING,
                                          .flags = CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER,
                                          .data_size = sizeof(char),
                                          .string = {.min = 0, .max = CONFIG_FILE_MAX}};
}

static void make_field(struct raw_file *file, const struct shape *shape,
                       cyaml_schema_field_t *field)
{
    field->key = arena_text(file->arena, shape->name);
    CHECK(field->key);
    if (shape->kind == SHAPE_MAPPING) {
        field->value = make_mapping(file, shape); /* the same struct, so no offset */
        field->value.flags = CYAML_FLAG_OPTIONAL;
    } else if (shape->kind == SHAPE_SEQUENCE) {
        make_sequence(file, shape, field);
    } else if (shape->kind == SHAPE_KEY && key_is_scalar(shape->row->type)) {
        make_key(shape, field);
    } else { /* what libcyaml cannot say; outline.h has it */
        field->value = (cyaml_schema_value_t){.type = CYAML_IGNORE, .flags = CYAML_FLAG_OPTIONAL};
    }
}

static const cyaml_schema_field_t *make_fields(struct raw_file *file, const struct shape *parent)
{
    size_t count = 0;
    for (const struct shape *child = parent->first; child; child = child->next)
        count++;
    cyaml_schema_field_t *fields = take(file, count + 1, sizeof *fields); /* closed by a NULL key */
    size_t place = 0;
    for (const struct shape *child = parent->first; child; child = child->next)
        make_field(file, child, &fields[place++]);
    return fields;
}

/* ---- loading ---- */

/* Keeps the first words of an error: the later ones only say where it was. */
__attribute__((format(printf, 3, 0))) static void on_words(cyaml_log_t level, void *context,
                                                           const char *format, va_list args)
{
    char *words = context;
    if (level >= CYAML_LOG_ERROR && !words[0])
        vsnprintf(words, WORDS_MAX, format, args);
    words[strcspn(words, "\n")] = '\0';
}

/* libcyaml grows a sequence entry by entry: without room ahead ten thousand clusters are copied ten
 * thousand times. */
static void *on_memory(void *context, void *memory, size_t size)
{
    (void)context;
    if (!size) {
        free(memory);
        return NULL;
    }
    if (memory && size <= malloc_usable_size(memory))
        return memory;
    size_t room = size;
    if (size > LARGE_BYTES)
        room += size / 2;
    return mem_resize(memory, room, 1);
}

static cyaml_config_t settings(char *words)
{
    return (cyaml_config_t){.log_fn = on_words,
                            .log_ctx = words,
                            .mem_fn = on_memory,
                            .log_level = CYAML_LOG_ERROR,
                            .flags = CYAML_CFG_NO_ALIAS};
}

bool raw_load(struct raw_file *file, const struct shape *shape, struct text yaml,
              struct problems *problems)
{
    char words[WORDS_MAX] = "";
    cyaml_config_t config = settings(words);
    *file = (struct raw_file){.arena = arena_create(SCHEMA_BYTES_MAX)};
    cyaml_schema_value_t *schema = take(file, 1, sizeof *schema);
    *schema = make_mapping(file, shape);
    schema->flags = CYAML_FLAG_POINTER;
    file->schema = schema;
    cyaml_err_t failed = cyaml_load_data((const uint8_t *)yaml.at, yaml.length, &config, schema,
                                         (cyaml_data_t **)&file->top, NULL);
    if (failed == CYAML_OK)
        return true;
    problem_add(problems, 0, "%s", words[0] ? words : cyaml_strerror(failed));
    file->top = NULL;
    return false;
}

void raw_release(struct raw_file *file)
{
    char words[WORDS_MAX] = "";
    cyaml_config_t config = settings(words);
    if (file->top)
        cyaml_free(&config, file->schema, file->top, 0);
    arena_destroy(file->arena);
    *file = (struct raw_file){0};
}
