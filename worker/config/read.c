#include "config/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "config/raw.h"

struct reader {
    struct config *config;
    struct origin *origin;
    struct problems *problems;
    bool no_passwords;
};

/* One place of the file, and the two views of it. */
struct source {
    const struct outline *node; /* NULL: nothing is set there */
    const struct raw *raw;      /* NULL: below a free mapping, which libcyaml does not know */
};

static void new_lines(struct origin *origin)
{
    size_t from = origin->instances++ * key_row_count;
    if (origin->instances > origin->room) {
        origin->room = 2 * origin->instances;
        origin->lines =
            mem_resize(origin->lines, origin->room * key_row_count, sizeof *origin->lines);
    }
    memset(origin->lines + from, 0, key_row_count * sizeof *origin->lines);
}

static void read_default(struct reader *reader, const struct key_row *row, const char *path,
                         uint32_t line, void *base)
{
    struct given given = {.text = text_of(row->initial)};
    if (row->initial)
        value_read(row, path, &given, base, reader->problems);
    else
        problem_add(reader->problems, line, "%s is missing: %s", path, row->help);
}

static void read_key(struct reader *reader, size_t place, const struct source *source,
                     const char *prefix, void *base, uint32_t *line)
{
    const struct key_row *row = &key_rows[place];
    const struct outline *node =
        source->node ? outline_at(source->node, key_local_path(row)) : NULL;
    char path[CONFIG_PATH_SIZE];
    config_path(row, prefix, path);
    if (!node) {
        read_default(reader, row, path, source->node ? source->node->line : 0, base);
        return;
    }
    struct given given = {.node = node, .line = node->line, .no_passwords = reader->no_passwords};
    if (key_is_scalar(row->type)) {
        given.text = source->raw ? text_of(source->raw->texts[place]) : node->text;
        if (!text_equal(given.text, node->text)) { /* two readers of one file */
            problem_add(reader->problems, node->line, "%s cannot be read: quote the value", path);
            return;
        }
    }
    *line = node->line;
    value_read(row, path, &given, base, reader->problems);
}

static void read_group(struct reader *reader, enum key_group group, const struct source *source,
                       const char *prefix, void *base);

/* What an entry is called in messages: its name, or its place until it has one. */
static struct text entry_name(const struct key_container *container, const struct outline *node,
                              uint32_t index, char number[16])
{
    if (container->free_keys)
        return node->key;
    const struct outline *name = outline_find(node, TEXT("name"));
    if (name && name->kind == OUTLINE_SCALAR && name->text.length &&
        name->text.length <= LIMIT_NAME_BYTES)
        return name->text;
    snprintf(number, 16, "%u", index + 1);
    return text_of(number);
}

static void read_free_name(struct reader *reader, const struct outline *node, char **field)
{
    if (node->key.length > LIMIT_NAME_BYTES)
        problem_add(reader->problems, node->line, "this name is too long");
    *field = mem_text(node->key.at, node->key.length);
}

static void read_entries(struct reader *reader, enum key_group group, const struct source *parent,
                         const char *prefix, void *base)
{
    const struct key_container *container = key_container(group);
    const struct key_container *above = key_container(container->parent);
    const char *local = container->path + (above ? strlen(above->path) + 1 : 0);
    char path[64];
    snprintf(path, sizeof path, "%.*s", (int)strcspn(local, "[*"), local);
    if (path[strlen(path) - 1] == '.')
        path[strlen(path) - 1] = '\0';
    const struct outline *list = parent->node ? outline_at(parent->node, path) : NULL;
    if (!list || !list->count)
        return;
    char *items = mem_alloc(list->count, container->size);
    *(char **)((char *)base + container->items_offset) = items;
    uint32_t index = 0;
    for (const struct outline *node = list->first; node; node = node->next, index++) {
        char number[16];
        char entry_prefix[CONFIG_PATH_SIZE];
        config_prefix(group, prefix, entry_name(container, node, index, number), entry_prefix);
        char *entry = items + index * container->size;
        *(size_t *)((char *)base + container->count_offset) = index + 1;
        if (container->free_keys)
            read_free_name(reader, node, (char **)(entry + container->name_offset));
        struct source source = {node, NULL};
        if (!container->free_keys && parent->raw)
            source.raw = raw_entry(parent->raw, group, index);
        read_group(reader, group, &source, entry_prefix, entry);
    }
}

static void read_group(struct reader *reader, enum key_group group, const struct source *source,
                       const char *prefix, void *base)
{
    size_t instance = reader->origin->instances;
    new_lines(reader->origin);
    for (size_t place = 0; place < key_row_count; place++)
        if (key_rows[place].group == group)
            read_key(reader, place, source, prefix, base,
                     &reader->origin->lines[instance * key_row_count + place]);
    for (int below = GROUP_TOP + 1; below < GROUP_COUNT; below++)
        if (key_container((enum key_group)below)->parent == group)
            read_entries(reader, (enum key_group)below, source, prefix, base);
}

static struct config *read_values(const struct source *top, bool no_passwords,
                                  struct problems *problems)
{
    struct config *config = mem_new(struct config);
    struct origin *origin = mem_new(struct origin);
    config->origin = origin;
    struct reader reader = {config, origin, problems, no_passwords};
    read_group(&reader, GROUP_TOP, top, "", config);
    if (problems->count == 0)
        config_finish(config, problems);
    return config;
}

/* The steps in order: the tree, its shape, libcyaml's values, our fields. */
static struct config *read_text(struct arena *arena, struct text yaml, bool no_passwords,
                                struct problems *problems)
{
    const struct shape *shape = shape_create(arena);
    const struct outline *root = outline_read(arena, yaml, problems);
    if (root)
        shape_check(shape, root, problems);
    if (problems->count)
        return NULL;
    if (!root || root->kind == OUTLINE_SCALAR || !root->count) {
        struct source nothing = {NULL, NULL};
        return read_values(&nothing, no_passwords, problems);
    }
    struct raw_file raw;
    struct config *config = NULL;
    if (raw_load(&raw, shape, yaml, problems)) {
        struct source top = {root, raw.top};
        config = read_values(&top, no_passwords, problems);
    }
    raw_release(&raw);
    return config;
}

static enum error_code from_text(struct text yaml, bool no_passwords, struct config **ret,
                                 struct buf *problems, struct error *err)
{
    struct problems found = {.all = problems};
    struct config *config = NULL;
    struct arena *arena = arena_create(OUTLINE_BYTES_MAX);
    if (yaml.length > CONFIG_FILE_MAX)
        problem_add(&found, 0, "a configuration has at most %d bytes, this has %zu",
                    CONFIG_FILE_MAX, yaml.length);
    else
        config = read_text(arena, yaml, no_passwords, &found);
    arena_destroy(arena);
    enum error_code code = problems_finish(&found, err);
    if (code) {
        config_destroy(config);
        return code;
    }
    CHECK(config);
    *ret = config;
    return ERR_OK;
}

enum error_code config_from_text(struct text yaml, struct config **ret, struct buf *problems,
                                 struct error *err)
{
    return from_text(yaml, false, ret, problems, err);
}

struct config *config_defaults(void)
{
    struct config *config = NULL;
    struct error err;
    enum error_code failed = config_from_text(TEXT(""), &config, NULL, &err);
    CHECK(!failed);
    return config;
}

/* ---- the file ---- */

static enum error_code read_file(const char *path, struct buf *out, struct error *err)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return error_set(err, ERR_CONFIG, "cannot open '%s': %s", path, strerror(errno));
    enum error_code code = ERR_OK;
    for (;;) {
        uint8_t *room = buf_room(out, 65536);
        if (!room) {
            code =
                error_set(err, ERR_CONFIG, "'%s' is larger than %d bytes", path, CONFIG_FILE_MAX);
            break;
        }
        ssize_t got = read(file, room, 65536);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            code = error_set(err, ERR_CONFIG, "cannot read '%s': %s", path, strerror(errno));
        if (got <= 0)
            break;
        buf_grown(out, (size_t)got);
    }
    close(file);
    return code;
}

static enum error_code load(const char *path, bool no_passwords, struct config **ret,
                            struct buf *problems, struct error *err)
{
    AUTO_BUF yaml;
    struct error local;
    struct error *out = err ? err : &local;
    buf_init(&yaml, CONFIG_FILE_MAX + 65536);
    enum error_code code = read_file(path, &yaml, out);
    if (code) {
        if (problems)
            buf_format(problems, "%s\n", out->message);
        return code;
    }
    code = from_text((struct text){(const char *)yaml.data, yaml.length}, no_passwords, ret,
                     problems, out);
    return code ? error_wrap(out, "%s", path) : ERR_OK;
}

enum error_code config_load(const char *path, struct config **ret, struct buf *problems,
                            struct error *err)
{
    return load(path, false, ret, problems, err);
}

enum error_code config_load_without_passwords(const char *path, struct config **ret,
                                              struct buf *problems, struct error *err)
{
    return load(path, true, ret, problems, err);
}
