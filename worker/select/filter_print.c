/* A tree as an expression, and what can be told from the tree alone. */
#include <string.h>

#include "base/check.h"
#include "select/field.h"
#include "select/filter.h"

/* Values that the reader takes without quotes: what is no word of the language and no mark. */
static bool is_plain(const char *value)
{
    static const char *const words[] = {"and", "or", "not", "in", "like"};
    if (!value[0])
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (text_same_name(text_of(words[i]), text_of(value)))
            return false;
    for (const char *at = value; *at; at++) {
        unsigned char c = (unsigned char)*at;
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr(".:-_/*?@", c))
            return false;
    }
    return true;
}

static void print_value(const char *value, struct buf *out)
{
    if (is_plain(value)) {
        buf_str(out, value);
        return;
    }
    buf_byte(out, '\'');
    for (const char *at = value; *at; at++) {
        buf_byte(out, (uint8_t)*at);
        if (*at == '\'')
            buf_byte(out, '\'');
    }
    buf_byte(out, '\'');
}

static void print_condition(const struct filter *filter, struct buf *out)
{
    buf_str(out, filter->field);
    buf_format(out, " %s ", comparison_label(filter->comparison));
    if (filter->comparison != COMPARISON_IN) {
        print_value(filter->value_count ? filter->values[0] : "", out);
        return;
    }
    buf_byte(out, '(');
    for (size_t i = 0; i < filter->value_count; i++) {
        buf_str(out, i ? ", " : "");
        print_value(filter->values[i], out);
    }
    buf_byte(out, ')');
}

static const struct filter *without_lists_of_one(const struct filter *filter)
{
    while ((filter->kind == FILTER_ALL || filter->kind == FILTER_ANY) && filter->child_count == 1)
        filter = filter->children[0];
    return filter;
}

static void print_child(const struct filter *filter, struct buf *out)
{
    filter = without_lists_of_one(filter);
    bool closed = filter->kind == FILTER_ALL || filter->kind == FILTER_ANY;
    buf_str(out, closed ? "(" : "");
    filter_print(filter, out);
    buf_str(out, closed ? ")" : "");
}

void filter_print(const struct filter *filter, struct buf *out)
{
    filter = without_lists_of_one(filter);
    switch (filter->kind) {
    case FILTER_CONDITION:
        print_condition(filter, out);
        return;
    case FILTER_NOT:
        buf_str(out, "not ");
        print_child(filter->children[0], out);
        return;
    case FILTER_ALL:
    case FILTER_ANY:
        for (size_t i = 0; i < filter->child_count; i++) {
            if (i)
                buf_str(out, filter->kind == FILTER_ALL ? " and " : " or ");
            print_child(filter->children[i], out);
        }
        return;
    case FILTER_NONE:
        break;
    }
    CHECK(!"a filter that was not checked");
}

static bool condition_names(const struct filter *filter, const char *app_id)
{
    struct field field;
    if (filter->comparison != COMPARISON_EQUAL && filter->comparison != COMPARISON_IN)
        return false;
    if (field_find(text_of(filter->field), &field, NULL) || field.source != SESSION_app_id ||
        field.kind != FIELD_TEXT)
        return false;
    for (size_t i = 0; i < filter->value_count; i++)
        if (text_same_name(text_of(filter->values[i]), text_of(app_id)))
            return true;
    return false;
}

/* Depth is bounded by LIMIT_FILTER_DEPTH when the filter is read. What stands under `not` names
 * nothing. */
bool filter_names_application(const struct filter *filter, const char *app_id)
{
    if (filter->kind == FILTER_CONDITION)
        return condition_names(filter, app_id);
    if (filter->kind != FILTER_ALL && filter->kind != FILTER_ANY)
        return false;
    for (size_t i = 0; i < filter->child_count; i++)
        if (filter_names_application(filter->children[i], app_id))
            return true;
    return false;
}
