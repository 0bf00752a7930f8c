/* Does the file have the shape of the table? Everything that does not is told, with what would be
 * right. */
#include <string.h>

#include "base/check.h"
#include "config/read.h"

enum { NAME_MAX_BYTES = 48 };

/* How many letters must be put in, left out, changed or swapped (optimal string alignment). */
static size_t distance(struct text a, struct text b)
{
    if (a.length >= NAME_MAX_BYTES || b.length >= NAME_MAX_BYTES)
        return NAME_MAX_BYTES;
    size_t rows[3][NAME_MAX_BYTES + 1];
    for (size_t j = 0; j <= b.length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        size_t *now = rows[i % 3];
        size_t *last = rows[(i + 2) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t best = last[j - 1] + (a.at[i - 1] != b.at[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1] &&
                rows[(i + 1) % 3][j - 2] + 1 < best)
                best = rows[(i + 1) % 3][j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[a.length % 3][b.length];
}

static const struct shape *nearest(const struct shape *parent, struct text name)
{
    const struct shape *best = NULL;
    size_t least = name.length / 3 + 2;
    for (const struct shape *child = parent->first; child; child = child->next) {
        size_t far = distance(name, child->name);
        if (far < least) {
            least = far;
            best = child;
        }
    }
    return best;
}

/* A row elsewhere whose last part is this name: people know the key and not its place. */
static const char *elsewhere(struct text name)
{
    for (size_t i = 0; i < key_row_count; i++) {
        const char *dot = strrchr(key_rows[i].path, '.');
        if (dot && text_equal(text_of(dot + 1), name))
            return key_rows[i].path;
    }
    return NULL;
}

static void unknown(const struct shape *parent, const struct outline *node,
                    struct problems *problems)
{
    const struct shape *near = nearest(parent, node->key);
    const char *other = elsewhere(node->key);
    if (text_equal(node->key, TEXT("password")) && shape_find(parent, TEXT("password_file")))
        problem_add(problems, node->line,
                    "unknown key 'password': passwords come from files only: write password_file");
    else if (near)
        problem_add(problems, node->line, "unknown key '%.*s': did you mean '%.*s'?",
                    TEXT_ARGS(node->key), TEXT_ARGS(near->name));
    else if (other)
        problem_add(problems, node->line, "unknown key '%.*s' here: its place is '%s'",
                    TEXT_ARGS(node->key), other);
    else
        problem_add(problems, node->line,
                    "unknown key '%.*s': 'curfew config explain' lists them all",
                    TEXT_ARGS(node->key));
}

static const char *wanted(const struct shape *shape)
{
    switch (shape->kind) {
    case SHAPE_MAPPING:
        return "keys under it";
    case SHAPE_SEQUENCE:
        return "a list (lines that begin with '- ')";
    case SHAPE_FREE:
        return "names under it";
    case SHAPE_KEY:
        break;
    }
    if (shape->row->type == KEY_MAP)
        return "keys under it";
    return key_is_scalar(shape->row->type) ? "one value" : "a list or one value";
}

static bool kind_fits(const struct shape *shape, enum outline_kind kind)
{
    switch (shape->kind) {
    case SHAPE_MAPPING:
    case SHAPE_FREE:
        return kind == OUTLINE_MAPPING;
    case SHAPE_SEQUENCE:
        return kind == OUTLINE_SEQUENCE;
    case SHAPE_KEY:
        break;
    }
    if (shape->row->type == KEY_MAP)
        return kind == OUTLINE_MAPPING;
    if (kind == OUTLINE_SEQUENCE)
        return !key_is_scalar(shape->row->type);
    return kind == OUTLINE_SCALAR;
}

static void check_children(const struct shape *shape, const struct outline *node,
                           struct problems *problems);

/* Entries of a list or of a mapping with free keys: each has the children of the shape. */
static void check_entries(const struct shape *shape, const struct outline *node,
                          struct problems *problems)
{
    if (node->count > CONFIG_LIST_MAX)
        problem_add(problems, node->line, "'%.*s' has more than %d entries", TEXT_ARGS(shape->name),
                    CONFIG_LIST_MAX);
    for (const struct outline *entry = node->first; entry; entry = entry->next)
        if (entry->kind == OUTLINE_MAPPING)
            check_children(shape, entry, problems);
        else
            problem_add(problems, entry->line, "an entry of '%.*s' has keys under it",
                        TEXT_ARGS(shape->name));
}

/* The values of a free mapping or of a list of texts. */
static void check_values(const struct shape *shape, const struct outline *node,
                         struct problems *problems)
{
    if (node->count > CONFIG_LIST_MAX)
        problem_add(problems, node->line, "'%.*s' has more than %d entries", TEXT_ARGS(shape->name),
                    CONFIG_LIST_MAX);
    for (const struct outline *value = node->first; value; value = value->next)
        if (value->kind != OUTLINE_SCALAR || value->empty)
            problem_add(problems, value->line, "an entry of '%.*s' is one value",
                        TEXT_ARGS(shape->name));
}

static void check_node(const struct shape *shape, const struct outline *node,
                       struct problems *problems)
{
    if (node->kind == OUTLINE_SCALAR && node->empty)
        problem_add(problems, node->line, "'%.*s' is empty: give it %s, or remove the line",
                    TEXT_ARGS(shape->name), wanted(shape));
    else if (!kind_fits(shape, node->kind))
        problem_add(problems, node->line, "'%.*s' needs %s", TEXT_ARGS(shape->name), wanted(shape));
    else if (shape->kind == SHAPE_MAPPING)
        check_children(shape, node, problems);
    else if (shape->kind != SHAPE_KEY)
        check_entries(shape, node, problems);
    else
        check_values(shape, node, problems);
}

static void check_children(const struct shape *shape, const struct outline *node,
                           struct problems *problems)
{
    for (const struct outline *child = node->first; child; child = child->next) {
        const struct shape *known = shape_find(shape, child->key);
        if (known)
            check_node(known, child, problems);
        else
            unknown(shape, child, problems);
    }
}

void shape_check(const struct shape *shape, const struct outline *root, struct problems *problems)
{
    if (root->kind == OUTLINE_MAPPING)
        check_children(shape, root, problems);
    else if (root->kind != OUTLINE_SCALAR || !root->empty)
        problem_add(problems, root->line, "a configuration begins with keys, like 'kafka:'");
}
