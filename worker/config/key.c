#include "config/key.h"

#include <string.h>

#include "base/check.h"

#define REQUIRED NULL
#define EFFECT_RELOAD false
#define EFFECT_RESTART true
#define ROW(group, type, field, path, kind, initial, min, max, effect, help)                       \
    {group, path, KEY_##kind, offsetof(type, field), initial, min, max, EFFECT_##effect, help},
#define TOP(...) ROW(GROUP_TOP, struct config, __VA_ARGS__)
#define CLUSTER(...) ROW(GROUP_CLUSTER, struct config_cluster, __VA_ARGS__)
#define RULE(...) ROW(GROUP_RULE, struct config_rule, __VA_ARGS__)
#define INFOBASE(...) ROW(GROUP_INFOBASE, struct config_infobase, __VA_ARGS__)
#define TOKEN(...) ROW(GROUP_TOKEN, struct config_token, __VA_ARGS__)

const struct key_row key_rows[] = {
#include "config/keys.def"
};
const size_t key_row_count = sizeof key_rows / sizeof key_rows[0];

static const struct key_container containers[GROUP_COUNT] = {
    [GROUP_CLUSTER] = {"clusters[]", GROUP_TOP, offsetof(struct config, clusters),
                       offsetof(struct config, cluster_count), sizeof(struct config_cluster),
                       offsetof(struct config_cluster, name), false},
    [GROUP_RULE] = {"policy.rules[]", GROUP_TOP, offsetof(struct config, policy.rules),
                    offsetof(struct config, policy.rule_count), sizeof(struct config_rule),
                    offsetof(struct config_rule, name), false},
    [GROUP_INFOBASE] = {"clusters[].infobases.*", GROUP_CLUSTER,
                        offsetof(struct config_cluster, infobases),
                        offsetof(struct config_cluster, infobase_count),
                        sizeof(struct config_infobase), offsetof(struct config_infobase, name),
                        true},
    [GROUP_TOKEN] = {"gateway.tokens.*", GROUP_TOP, offsetof(struct config, gateway.tokens),
                     offsetof(struct config, gateway.token_count), sizeof(struct config_token),
                     offsetof(struct config_token, name), true},
};

const struct key_container *key_container(enum key_group group)
{
    CHECK((unsigned)group < GROUP_COUNT);
    return group == GROUP_TOP ? NULL : &containers[group];
}

const char *key_local_path(const struct key_row *row)
{
    const struct key_container *container = key_container(row->group);
    return container ? row->path + strlen(container->path) + 1 : row->path;
}

bool key_is_scalar(enum key_type type)
{
    return type < KEY_LIST;
}

/* ---- the shape ---- */

const struct shape *shape_find(const struct shape *parent, struct text name)
{
    for (const struct shape *child = parent->first; child; child = child->next)
        if (text_equal(child->name, name))
            return child;
    return NULL;
}

static struct shape *add(struct arena *arena, struct shape *parent, struct text name)
{
    struct shape *shape = arena_take(arena, 1, sizeof *shape);
    CHECK(shape);
    shape->name = name;
    struct shape **last = &parent->first;
    while (*last)
        last = &(*last)->next;
    *last = shape;
    return shape;
}

static enum key_group group_of(const char *path, size_t length)
{
    for (int group = GROUP_TOP + 1; group < GROUP_COUNT; group++)
        if (strlen(containers[group].path) == length &&
            !strncmp(containers[group].path, path, length))
            return (enum key_group)group;
    CHECK(!"a list or free mapping that no container describes");
    return GROUP_TOP;
}

/* Walks down the path's parts, making what is not there yet. */
static void add_row(struct arena *arena, struct shape *root, size_t place)
{
    const struct key_row *row = &key_rows[place];
    struct shape *at = root;
    for (const char *part = row->path; *part;) {
        size_t length = strcspn(part, ".");
        const char *next = part + length + (part[length] == '.');
        if (length == 1 && *part == '*') {
            at->kind = SHAPE_FREE;
            at->group = group_of(row->path, (size_t)(part - row->path) + 1);
            part = next;
            continue;
        }
        bool sequence = length > 2 && !strncmp(part + length - 2, "[]", 2);
        struct text name = {part, sequence ? length - 2 : length};
        struct shape *child = (struct shape *)shape_find(at, name);
        if (!child)
            child = add(arena, at, name);
        if (sequence) {
            child->kind = SHAPE_SEQUENCE;
            child->group = group_of(row->path, (size_t)(part - row->path) + length);
        }
        at = child;
        part = next;
    }
    CHECK(!at->first);
    at->kind = SHAPE_KEY;
    at->row = row;
    at->place = place;
}

const struct shape *shape_create(struct arena *arena)
{
    struct shape *root = arena_take(arena, 1, sizeof *root);
    CHECK(root);
    for (size_t place = 0; place < key_row_count; place++)
        add_row(arena, root, place);
    return root;
}
