/* What a reload changes. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "config/read.h"

enum { VALUE_MAX = 16 * 1024 * 1024 };

/* One key of one place, with what it says. */
struct fact {
    char *path;
    char *value;
    const struct key_row *row;
    const struct secret *secret; /* PASSWORD_FILE */
    const struct config_map *map;
    bool names; /* its value is what its place is called */
};

struct facts {
    struct fact *items;
    size_t count;
    size_t size;
};

static void add_fact(struct facts *facts, const struct config_place *place,
                     const struct key_row *row)
{
    if (facts->count == facts->size) {
        facts->size = facts->size ? 2 * facts->size : 64;
        facts->items = mem_resize(facts->items, facts->size, sizeof *facts->items);
    }
    struct fact *fact = &facts->items[facts->count++];
    *fact = (struct fact){.row = row};
    char path[CONFIG_PATH_SIZE];
    config_path(row, place->prefix, path);
    fact->path = mem_text(path, strlen(path));
    AUTO_BUF value;
    buf_init(&value, VALUE_MAX);
    value_print(row, place->base, &value);
    fact->value = mem_text(buf_text(&value), value.length);
    const void *field = (const char *)place->base + row->offset;
    if (row->type == KEY_PASSWORD_FILE)
        fact->secret =
            ((const struct config_account *)((const char *)field -
                                             offsetof(struct config_account, password_file)))
                ->password;
    if (row->type == KEY_MAP)
        fact->map = field;
    const struct key_container *container = key_container(row->group);
    fact->names = container && !container->free_keys && row->offset == container->name_offset;
}

static void on_place(void *self, const struct config_place *place)
{
    for (size_t i = 0; i < key_row_count; i++)
        if (key_rows[i].group == place->group)
            add_fact(self, place, &key_rows[i]);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct fact *)a)->path, ((const struct fact *)b)->path);
}

static struct facts facts_of(const struct config *config)
{
    struct facts facts = {0};
    config_walk(config, on_place, &facts);
    qsort(facts.items, facts.count, sizeof *facts.items, by_path);
    return facts;
}

static void facts_release(struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        free(facts->items[i].path);
        free(facts->items[i].value);
    }
    free(facts->items);
}

static bool same_map(const struct config_map *a, const struct config_map *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i].name, b->items[i].name) != 0 ||
            strcmp(a->items[i].value, b->items[i].value) != 0)
            return false;
    return true;
}

/* Also where both print as "***". */
static bool same(const struct fact *a, const struct fact *b)
{
    if (strcmp(a->value, b->value) != 0)
        return false;
    if (a->map)
        return same_map(a->map, b->map);
    return a->row->type != KEY_PASSWORD_FILE ||
           text_equal(secret_reveal(a->secret), secret_reveal(b->secret));
}

struct report {
    void (*visit)(void *self, const struct config_change *change);
    void *self;
    size_t count;
};

static void tell(struct report *report, const struct fact *fact, const char *before,
                 const char *after)
{
    struct config_change change = {.before = before, .after = after, .restart = fact->row->restart};
    memcpy(change.path, fact->path, strlen(fact->path) + 1);
    report->count++;
    if (report->visit)
        report->visit(report->self, &change);
}

/* A place that came or went is told once, by its name. Infobases have none but their key: all of
 * theirs are told. */
static void tell_one_sided(struct report *report, const struct fact *fact, bool came)
{
    const struct key_container *container = key_container(fact->row->group);
    if (!fact->names && container && !container->free_keys)
        return;
    tell(report, fact, came ? "" : fact->value, came ? fact->value : "");
}

size_t config_diff(const struct config *before, const struct config *after,
                   void (*visit)(void *self, const struct config_change *change), void *self)
{
    struct facts old = facts_of(before);
    struct facts new = facts_of(after);
    struct report report = {visit, self, 0};
    size_t i = 0;
    size_t j = 0;
    while (i < old.count || j < new.count) {
        const struct fact *a = i < old.count ? &old.items[i] : NULL;
        const struct fact *b = j < new.count ? &new.items[j] : NULL;
        int order = !a ? 1 : !b ? -1 : strcmp(a->path, b->path);
        if (a && b && order == 0 && !same(a, b))
            tell(&report, b, a->value, b->value);
        else if (a && order < 0)
            tell_one_sided(&report, a, false);
        else if (b && order > 0)
            tell_one_sided(&report, b, true);
        i += order <= 0;
        j += order >= 0;
    }
    facts_release(&old);
    facts_release(&new);
    return report.count;
}
