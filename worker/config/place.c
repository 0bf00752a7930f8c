/* Going through every place of a configuration, and releasing it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "config/read.h"

void config_prefix(enum key_group group, const char *parent, struct text name,
                   char ret[CONFIG_PATH_SIZE])
{
    const struct key_container *container = key_container(group);
    CHECK(container);
    const struct key_container *above = key_container(container->parent);
    const char *local = container->path + (above ? strlen(above->path) + 1 : 0);
    int length = (int)strcspn(local, "[*"); /* "clusters", "infobases." */
    snprintf(ret, CONFIG_PATH_SIZE, container->free_keys ? "%s%.*s%.*s." : "%s%.*s[%.*s].", parent,
             length, local, TEXT_ARGS(name));
}

void config_path(const struct key_row *row, const char *prefix, char ret[CONFIG_PATH_SIZE])
{
    snprintf(ret, CONFIG_PATH_SIZE, "%s%s", prefix, key_local_path(row));
}

struct walker {
    void (*visit)(void *self, const struct config_place *place);
    void *self;
    size_t instances;
};

static void walk_place(struct walker *walker, struct config_place *place);

static void walk_entries(struct walker *walker, const struct config_place *parent,
                         enum key_group group)
{
    const struct key_container *container = key_container(group);
    char *items = *(char **)((char *)parent->base + container->items_offset);
    size_t count = *(size_t *)((char *)parent->base + container->count_offset);
    for (size_t i = 0; i < count; i++) {
        struct config_place place = {.group = group, .base = items + i * container->size};
        const char *name = *(char **)((char *)place.base + container->name_offset);
        config_prefix(group, parent->prefix, text_of(name), place.prefix);
        walk_place(walker, &place);
    }
}

static void walk_place(struct walker *walker, struct config_place *place)
{
    place->instance = walker->instances++;
    walker->visit(walker->self, place);
    for (int group = GROUP_TOP + 1; group < GROUP_COUNT; group++)
        if (key_container((enum key_group)group)->parent == place->group)
            walk_entries(walker, place, (enum key_group)group);
}

void config_walk(const struct config *config,
                 void (*visit)(void *self, const struct config_place *place), void *self)
{
    struct walker walker = {visit, self, 0};
    struct config_place top = {.group = GROUP_TOP, .base = (void *)config};
    walk_place(&walker, &top);
}

/* ---- release ---- */

static void release_group(enum key_group group, void *base)
{
    for (int below = GROUP_TOP + 1; below < GROUP_COUNT; below++) {
        const struct key_container *container = key_container((enum key_group)below);
        if (container->parent != group)
            continue;
        char **items = (char **)((char *)base + container->items_offset);
        size_t *count = (size_t *)((char *)base + container->count_offset);
        for (size_t i = 0; i < *count; i++) {
            char *entry = *items + i * container->size;
            release_group((enum key_group)below, entry);
            if (container->free_keys)
                free(*(char **)(entry + container->name_offset));
        }
        free(*items);
        *items = NULL;
        *count = 0;
    }
    for (size_t i = 0; i < key_row_count; i++)
        if (key_rows[i].group == group)
            value_release(&key_rows[i], base);
}

void config_destroy(struct config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < config->zone_count; i++)
        zone_destroy(config->zones[i].zone);
    free(config->zones);
    release_group(GROUP_TOP, config);
    struct origin *origin = config->origin;
    if (origin)
        free(origin->lines);
    free(origin);
    free(config);
}

/* ---- where a key was set ---- */

struct line_of {
    const void *base;
    const char *key; /* the row's whole path */
    uint32_t line;
    const struct origin *origin;
};

static void on_place(void *self, const struct config_place *place)
{
    struct line_of *sought = self;
    if (place->base != sought->base)
        return;
    for (size_t i = 0; i < key_row_count; i++)
        if (!strcmp(key_rows[i].path, sought->key))
            sought->line = sought->origin->lines[place->instance * key_row_count + i];
}

uint32_t config_line_of(const struct config *config, const void *base, const char *key)
{
    struct line_of sought = {base, key, 0, config->origin};
    config_walk(config, on_place, &sought);
    return sought.line;
}
