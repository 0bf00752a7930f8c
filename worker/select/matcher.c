/* A filter made ready: the tree of conditions, its answer, and its explanation. */
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "select/condition.h"

enum { MATCHER_BYTES_MAX = 4 * LIMIT_COMMAND_DECODE_BYTES }; /* folding can make texts longer */

struct node {
    enum filter_kind kind;
    struct node *children;
    size_t count;
    struct condition condition;
};

struct matcher {
    struct arena *arena; /* owns the tree */
    struct node root;
    size_t nodes;
    size_t values;
};

/* ---- making ---- */

static enum error_code make_node(struct matcher *matcher, const struct filter *filter,
                                 unsigned depth, struct node *ret, struct error *err);

static enum error_code make_children(struct matcher *matcher, const struct filter *filter,
                                     unsigned depth, struct node *ret, struct error *err)
{
    if (!filter->child_count)
        return error_set(err, ERR_INVALID,
                         "a list of conditions in the filter is empty: that would select every "
                         "session, or none");
    ret->children = arena_take(matcher->arena, filter->child_count, sizeof ret->children[0]);
    if (!ret->children)
        return error_set(err, ERR_TOO_LARGE, "the filter is too large");
    ret->count = filter->child_count;
    for (size_t i = 0; i < ret->count; i++) {
        enum error_code code =
            make_node(matcher, filter->children[i], depth + 1, &ret->children[i], err);
        if (code)
            return code;
    }
    return ERR_OK;
}

static enum error_code make_node(struct matcher *matcher, const struct filter *filter,
                                 unsigned depth, struct node *ret, struct error *err)
{
    size_t wrong;
    ret->kind = filter->kind;
    if (depth > LIMIT_FILTER_DEPTH || ++matcher->nodes > LIMIT_FILTER_NODES)
        return error_set(err, ERR_TOO_LARGE,
                         "the filter is deeper than %d or has more than %d parts",
                         LIMIT_FILTER_DEPTH, LIMIT_FILTER_NODES);
    if (filter->kind == FILTER_NONE)
        return error_set(err, ERR_INVALID,
                         "the filter is empty, or a part of it is: write a condition");
    if (filter->kind != FILTER_CONDITION)
        return make_children(matcher, filter, depth, ret, err);
    matcher->values += filter->value_count;
    if (matcher->values > LIMIT_FILTER_VALUES)
        return error_set(err, ERR_TOO_LARGE, "the filter has more than %d values",
                         LIMIT_FILTER_VALUES);
    return condition_make(filter, matcher->arena, &ret->condition, &wrong, err);
}

enum error_code matcher_create(const struct filter *filter, struct matcher **ret, struct error *err)
{
    AUTO(matcher) matcher = mem_new(struct matcher);
    matcher->arena = arena_create(MATCHER_BYTES_MAX);
    enum error_code code = make_node(matcher, filter, 1, &matcher->root, err);
    if (code)
        return code;
    *ret = STEAL(matcher);
    return ERR_OK;
}

void matcher_destroy(struct matcher *matcher)
{
    if (!matcher)
        return;
    arena_destroy(matcher->arena);
    free(matcher);
}

/* ---- what it asks for ---- */

static bool node_needs_zone(const struct node *node)
{
    if (node->kind == FILTER_CONDITION)
        return node->condition.field.kind == FIELD_AGE;
    for (size_t i = 0; i < node->count; i++)
        if (node_needs_zone(&node->children[i]))
            return true;
    return false;
}

bool matcher_needs_zone(const struct matcher *matcher)
{
    return node_needs_zone(&matcher->root);
}

static enum error_code check_reported(const struct condition *condition,
                                      const struct session_list *list, struct error *err)
{
    uint64_t wanted = UINT64_C(1) << condition->field.source | UINT64_C(1)
                                                                   << condition->field.second;
    for (size_t i = 0; i < list->count; i++)
        if ((list->sessions[i].reported & wanted) != wanted)
            return error_set(err, ERR_UNSUPPORTED,
                             "this cluster's version does not report '%s': leave that condition "
                             "out of the filter",
                             condition->field.name);
    return ERR_OK;
}

/* A slip in a name under `not` would select every infobase. */
static enum error_code check_infobases(const struct condition *condition,
                                       const struct session_list *list, struct error *err)
{
    if (condition->comparison == COMPARISON_MATCHES || !list->has_infobases)
        return ERR_OK;
    for (size_t v = 0; v < condition->count; v++) {
        const struct value *value = &condition->values[v];
        bool known = false;
        for (size_t i = 0; i < list->infobase_count && !known; i++)
            known = value->has_uuid ? uuid_equal(&value->uuid, &list->infobases[i].uuid)
                                    : text_same_name(value->text, text_of(list->infobases[i].name));
        if (!known)
            return error_set(err, ERR_INVALID,
                             "the filter names an infobase that the cluster does not have: %s",
                             condition->expression);
    }
    return ERR_OK;
}

static enum error_code node_fits(const struct node *node, const struct filter_view *view,
                                 struct error *err)
{
    for (size_t i = 0; i < node->count; i++) {
        enum error_code code = node_fits(&node->children[i], view, err);
        if (code)
            return code;
    }
    if (node->kind != FILTER_CONDITION)
        return ERR_OK;
    const struct condition *condition = &node->condition;
    if (condition->field.kind == FIELD_AGE && !view_has_zone(view))
        return error_set(err, ERR_UNSUPPORTED,
                         "'%s' needs the cluster's time zone: set clusters[].time_zone",
                         condition->field.name);
    enum error_code code = check_reported(condition, view_list(view), err);
    if (!code && condition->field.kind == FIELD_INFOBASE)
        code = check_infobases(condition, view_list(view), err);
    return code;
}

enum error_code matcher_fits(const struct matcher *matcher, const struct filter_view *view,
                             struct error *err)
{
    return node_fits(&matcher->root, view, err);
}

/* ---- asking ---- */

struct visitor {
    void (*visit)(void *self, const char *condition, const char *value, enum truth truth);
    void *self;
};

static void tell(const struct condition *condition, const struct filter_view *view,
                 const struct session *session, const struct visitor *visitor, enum truth truth)
{
    AUTO_BUF value;
    buf_init(&value, LIMIT_RAS_PACKET_BYTES);
    condition_value(condition, view, session, &value);
    visitor->visit(visitor->self, condition->expression, buf_text(&value), truth);
}

static enum truth ask_node(const struct node *node, const struct filter_view *view,
                           const struct session *session, const struct visitor *visitor)
{
    if (node->kind == FILTER_CONDITION) {
        enum truth truth = condition_ask(&node->condition, view, session);
        if (visitor)
            tell(&node->condition, view, session, visitor, truth);
        return truth;
    }
    if (node->kind == FILTER_NOT)
        return (enum truth)(TRUTH_YES - ask_node(&node->children[0], view, session, visitor));
    /* The lowest answer of `all`, the highest of `any`. */
    bool all = node->kind == FILTER_ALL;
    enum truth ret = all ? TRUTH_YES : TRUTH_NO;
    for (size_t i = 0; i < node->count; i++) {
        enum truth truth = ask_node(&node->children[i], view, session, visitor);
        if (all ? truth < ret : truth > ret)
            ret = truth;
        if (!visitor && ret == (all ? TRUTH_NO : TRUTH_YES))
            break; /* an explanation tells every condition */
    }
    return ret;
}

enum truth matcher_ask(const struct matcher *matcher, const struct filter_view *view,
                       const struct session *session)
{
    return ask_node(&matcher->root, view, session, NULL);
}

enum truth matcher_explain(const struct matcher *matcher, const struct filter_view *view,
                           const struct session *session,
                           void (*visit)(void *self, const char *condition, const char *value,
                                         enum truth truth),
                           void *self)
{
    struct visitor visitor = {visit, self};
    return ask_node(&matcher->root, view, session, &visitor);
}

const char *truth_label(enum truth truth)
{
    static const char *const labels[] = {"no", "unknown", "yes"};
    CHECK((unsigned)truth <= TRUTH_YES);
    return labels[truth];
}
