/* The expression, read by recursive descent:
 *
 *     any       = all { "or" all }
 *     all       = one { "and" one }
 *     one       = "not" one | "(" any ")" | condition
 *     condition = field [ comparison value | ["not"] "in" "(" value { "," value } ")"
 *                       | ["not"] "like" value ]
 *
 * A field alone is `field = yes`. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "select/condition.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_MARK };

struct token {
    enum token_kind kind;
    size_t at;        /* byte where it begins */
    struct text text; /* QUOTED: without the quotes, inner ones still doubled */
    char quote;
};

struct parser {
    struct text text;
    size_t at; /* behind `token` */
    struct token token;
    struct arena *arena;   /* the tree */
    struct arena *scratch; /* what only the check needs */
    unsigned depth;
    size_t nodes;
    size_t values;
    struct error *err;
};

/* ---- errors with their place ---- */

static size_t column_of(const struct parser *parser, size_t at)
{
    size_t column = 1;
    for (size_t i = 0; i < at; i++)
        column += ((unsigned char)parser->text.at[i] & 0xc0) != 0x80;
    return column;
}

static enum error_code wrong(const struct parser *parser, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum error_code wrong(const struct parser *parser, size_t at, const char *format, ...)
{
    char message[ERROR_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return error_set(parser->err, ERR_INVALID, "column %zu: %s", column_of(parser, at), message);
}

static enum error_code too_large(const struct parser *parser)
{
    return error_set(parser->err, ERR_TOO_LARGE,
                     "the filter is deeper than %d, or has more than %d parts or %d values",
                     LIMIT_FILTER_DEPTH, LIMIT_FILTER_NODES, LIMIT_FILTER_VALUES);
}

/* The present token, for a message. */
static const char *shown(const struct parser *parser, struct buf *room)
{
    struct text text = parser->token.text;
    buf_init(room, 256);
    if (parser->token.kind == TOKEN_END)
        return "the end";
    if (text.length > 40)
        text.length = 40;
    buf_byte(room, '\'');
    text_printable(room, text);
    buf_byte(room, '\'');
    return buf_text(room);
}

/* ---- tokens ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool ends_word(char c)
{
    return is_blank(c) || strchr("(),=<>!~'\"", c) != NULL;
}

static enum error_code read_quoted(struct parser *parser)
{
    struct text text = parser->text;
    size_t from = parser->at++;
    char quote = text.at[from];
    for (; parser->at < text.length; parser->at++) {
        if (text.at[parser->at] != quote)
            continue;
        if (parser->at + 1 < text.length && text.at[parser->at + 1] == quote) {
            parser->at++; /* doubled: one of it */
            continue;
        }
        parser->token =
            (struct token){TOKEN_QUOTED, from, {text.at + from + 1, parser->at - from - 1}, quote};
        parser->at++;
        return ERR_OK;
    }
    return wrong(parser, from, "the quote is not closed");
}

static enum error_code next(struct parser *parser)
{
    struct text text = parser->text;
    while (parser->at < text.length && is_blank(text.at[parser->at]))
        parser->at++;
    size_t from = parser->at;
    if (from == text.length) {
        parser->token = (struct token){TOKEN_END, from, {NULL, 0}, 0};
        return ERR_OK;
    }
    char c = text.at[from];
    if (c == '\'' || c == '"')
        return read_quoted(parser);
    if (ends_word(c)) {
        bool two = from + 1 < text.length && text.at[from + 1] == '=' && strchr("<>!", c);
        parser->at += two ? 2 : 1;
        parser->token = (struct token){TOKEN_MARK, from, {text.at + from, parser->at - from}, 0};
        return ERR_OK;
    }
    while (parser->at < text.length && !ends_word(text.at[parser->at]))
        parser->at++;
    parser->token = (struct token){TOKEN_WORD, from, {text.at + from, parser->at - from}, 0};
    return ERR_OK;
}

static bool is_mark(const struct parser *parser, const char *mark)
{
    return parser->token.kind == TOKEN_MARK && text_equal(parser->token.text, text_of(mark));
}

static bool is_word(const struct parser *parser, const char *word)
{
    return parser->token.kind == TOKEN_WORD && text_same_name(parser->token.text, text_of(word));
}

static bool is_keyword(const struct parser *parser)
{
    return is_word(parser, "and") || is_word(parser, "or") || is_word(parser, "not") ||
           is_word(parser, "in") || is_word(parser, "like");
}

/* ---- the tree ---- */

static struct filter *make(struct parser *parser, enum filter_kind kind)
{
    struct filter *filter = arena_take(parser->arena, 1, sizeof *filter);
    if (!filter || ++parser->nodes > LIMIT_FILTER_NODES)
        return NULL;
    filter->kind = kind;
    return filter;
}

/* Room for one more, in arrays that double. */
static void *grown(struct parser *parser, void *items, size_t count, size_t size)
{
    if (count & (count - 1))
        return items;
    void *more = arena_take(parser->arena, count ? 2 * count : 1, size);
    if (more && count)
        memcpy(more, items, count * size);
    return more;
}

static bool add_child(struct parser *parser, struct filter *filter, struct filter *child)
{
    filter->children =
        grown(parser, filter->children, filter->child_count, sizeof filter->children[0]);
    if (!filter->children)
        return false;
    filter->children[filter->child_count++] = child;
    return true;
}

/* ---- conditions ---- */

static enum error_code read_value(struct parser *parser, struct filter *filter)
{
    struct token token = parser->token;
    AUTO_BUF room = {0};
    if (token.kind != TOKEN_QUOTED && (token.kind != TOKEN_WORD || is_keyword(parser)))
        return wrong(parser, token.at, "a value is expected and not %s%s", shown(parser, &room),
                     token.kind == TOKEN_WORD ? ": put it in quotes if it is one" : "");
    char *copy = arena_take(parser->arena, token.text.length + 1, 1);
    filter->values = grown(parser, filter->values, filter->value_count, sizeof filter->values[0]);
    if (!copy || !filter->values || ++parser->values > LIMIT_FILTER_VALUES)
        return too_large(parser);
    size_t length = 0;
    for (size_t i = 0; i < token.text.length; i++) {
        copy[length++] = token.text.at[i];
        i += token.kind == TOKEN_QUOTED && token.text.at[i] == token.quote;
    }
    if (length > LIMIT_TEXT_BYTES)
        return wrong(parser, token.at, "a value has %d bytes at most", LIMIT_TEXT_BYTES);
    filter->values[filter->value_count++] = copy;
    return next(parser);
}

/* `places` tells where each value stands. */
static enum error_code read_values(struct parser *parser, struct filter *filter, size_t *places)
{
    AUTO_BUF room = {0};
    if (!is_mark(parser, "("))
        return wrong(parser, parser->token.at, "'(' is expected behind 'in' and not %s",
                     shown(parser, &room));
    do {
        if (next(parser))
            return ERR_INVALID;
        if (filter->value_count < LIMIT_FILTER_VALUES)
            places[filter->value_count] = parser->token.at;
        enum error_code code = read_value(parser, filter);
        if (code)
            return code;
    } while (is_mark(parser, ","));
    if (!is_mark(parser, ")"))
        return wrong(parser, parser->token.at, "',' or ')' is expected and not %s",
                     shown(parser, &room));
    return next(parser);
}

/* What the present token compares by; NONE when it is no comparison. */
static enum comparison comparison_here(const struct parser *parser)
{
    if (is_mark(parser, "~"))
        return COMPARISON_MATCHES;
    for (int i = COMPARISON_EQUAL; i < COMPARISON_COUNT; i++)
        if (is_mark(parser, comparison_label((enum comparison)i)) ||
            is_word(parser, comparison_label((enum comparison)i)))
            return (enum comparison)i;
    return COMPARISON_NONE;
}

/* Behind the field: comparison and values; sets `*ret_not` at `not in` and `not like`. */
static enum error_code read_comparison(struct parser *parser, struct filter *filter,
                                       const struct field *field, size_t *places, bool *ret_not)
{
    AUTO_BUF room = {0};
    *ret_not = is_word(parser, "not");
    if (*ret_not && next(parser))
        return ERR_INVALID;
    filter->comparison = comparison_here(parser);
    bool by_word = is_word(parser, "in") || is_word(parser, "like");
    if (*ret_not && !by_word)
        return wrong(parser, parser->token.at, "'in' or 'like' is expected behind 'not'");
    if (filter->comparison == COMPARISON_NONE &&
        (field->kind == FIELD_FLAG || field->kind == FIELD_BLOCKING)) {
        static const char *yes[] = {"yes"};
        filter->comparison = COMPARISON_EQUAL;
        filter->values = yes;
        filter->value_count = 1;
        return ERR_OK;
    }
    if (filter->comparison == COMPARISON_NONE)
        return wrong(parser, parser->token.at,
                     "a comparison is expected behind '%s' and not %s: =, !=, <, <=, >, >=, in "
                     "(...) or like",
                     field->name, shown(parser, &room));
    if (next(parser))
        return ERR_INVALID;
    if (is_mark(parser, "=") || is_mark(parser, ">"))
        return wrong(parser, parser->token.at, "write = for 'is', and != for 'is not'");
    if (filter->comparison == COMPARISON_IN)
        return read_values(parser, filter, places);
    places[0] = parser->token.at;
    return read_value(parser, filter);
}

static enum error_code check_condition(struct parser *parser, const struct filter *filter,
                                       size_t field_at, const size_t *places)
{
    struct condition condition;
    struct error why;
    size_t value;
    enum error_code code = condition_make(filter, parser->scratch, &condition, &value, &why);
    if (code == ERR_INVALID)
        return wrong(parser, value < filter->value_count ? places[value] : field_at, "%s",
                     why.message);
    return code ? too_large(parser) : ERR_OK;
}

static enum error_code read_condition(struct parser *parser, struct filter **ret)
{
    AUTO_BUF room = {0};
    struct token name = parser->token;
    struct field field;
    struct error why;
    if (name.kind != TOKEN_WORD || is_keyword(parser))
        return wrong(parser, name.at, "a condition is expected and not %s", shown(parser, &room));
    if (field_find(name.text, &field, &why))
        return wrong(parser, name.at, "%s", why.message);
    struct filter *filter = make(parser, FILTER_CONDITION);
    struct filter *not_ = NULL;
    if (filter)
        filter->field = arena_text(parser->arena, name.text);
    if (!filter || !filter->field)
        return too_large(parser);
    AUTO_FREE size_t *places = mem_alloc(LIMIT_FILTER_VALUES, sizeof *places);
    bool negated;
    if (next(parser))
        return ERR_INVALID;
    enum error_code code = read_comparison(parser, filter, &field, places, &negated);
    if (!code)
        code = check_condition(parser, filter, name.at, places);
    if (code)
        return code;
    *ret = filter;
    if (!negated)
        return ERR_OK;
    not_ = make(parser, FILTER_NOT);
    if (!not_ || !add_child(parser, not_, filter))
        return too_large(parser);
    *ret = not_;
    return ERR_OK;
}

/* ---- and, or, not ---- */

static enum error_code read_any(struct parser *parser, struct filter **ret);
static enum error_code read_one(struct parser *parser, struct filter **ret);

static enum error_code read_not(struct parser *parser, struct filter **ret)
{
    struct filter *child;
    if (next(parser))
        return ERR_INVALID;
    struct filter *filter = make(parser, FILTER_NOT);
    if (!filter)
        return too_large(parser);
    enum error_code code = read_one(parser, &child);
    if (code)
        return code;
    *ret = filter;
    return add_child(parser, filter, child) ? ERR_OK : too_large(parser);
}

static enum error_code read_parentheses(struct parser *parser, struct filter **ret)
{
    AUTO_BUF room = {0};
    size_t opened = parser->token.at;
    if (next(parser))
        return ERR_INVALID;
    enum error_code code = read_any(parser, ret);
    if (code)
        return code;
    if (!is_mark(parser, ")"))
        return wrong(parser, parser->token.at,
                     "'and', 'or' or ')' is expected and not %s: a "
                     "parenthesis was opened in column %zu",
                     shown(parser, &room), column_of(parser, opened));
    return next(parser);
}

static enum error_code read_one(struct parser *parser, struct filter **ret)
{
    enum error_code code;
    if (++parser->depth > LIMIT_FILTER_DEPTH)
        return too_large(parser);
    if (is_word(parser, "not"))
        code = read_not(parser, ret);
    else if (is_mark(parser, "("))
        code = read_parentheses(parser, ret);
    else
        code = read_condition(parser, ret);
    parser->depth--;
    return code;
}

/* Parts with `word` between them: one part stays as it is, several become a list. */
static enum error_code read_list(struct parser *parser, const char *word, enum filter_kind kind,
                                 enum error_code (*read_part)(struct parser *, struct filter **),
                                 struct filter **ret)
{
    struct filter *list = NULL;
    struct filter *part;
    enum error_code code = read_part(parser, &part);
    if (code)
        return code;
    *ret = part;
    while (is_word(parser, word)) {
        if (!list) {
            list = make(parser, kind);
            if (!list || !add_child(parser, list, part))
                return too_large(parser);
        }
        code = next(parser);
        if (!code)
            code = read_part(parser, &part);
        if (code)
            return code;
        if (!add_child(parser, list, part))
            return too_large(parser);
        *ret = list;
    }
    return ERR_OK;
}

static enum error_code read_all(struct parser *parser, struct filter **ret)
{
    return read_list(parser, "and", FILTER_ALL, read_one, ret);
}

static enum error_code read_any(struct parser *parser, struct filter **ret)
{
    return read_list(parser, "or", FILTER_ANY, read_all, ret);
}

/* ---- the whole ---- */

static enum error_code read_whole(struct parser *parser, struct filter **ret)
{
    AUTO_BUF room = {0};
    if (next(parser))
        return ERR_INVALID;
    if (parser->token.kind == TOKEN_END)
        return error_set(parser->err, ERR_INVALID,
                         "the filter is empty: that would select every session");
    enum error_code code = read_any(parser, ret);
    if (code)
        return code;
    if (parser->token.kind != TOKEN_END)
        return wrong(parser, parser->token.at, "'and' or 'or' is expected and not %s",
                     shown(parser, &room));
    /* Parentheses and tree may nest differently: the tree's own limits hold for every way in. */
    AUTO(matcher) matcher = NULL;
    return matcher_create(*ret, &matcher, parser->err);
}

enum error_code filter_parse(struct text expression, struct arena *arena, struct filter **ret,
                             struct error *err)
{
    struct error unheard;
    struct filter *filter = NULL;
    if (!text_valid(expression))
        return error_set(err, ERR_INVALID, "the filter is no text in UTF-8");
    if (expression.length > LIMIT_COMMAND_BYTES)
        return error_set(err, ERR_TOO_LARGE, "the filter is longer than %d bytes",
                         LIMIT_COMMAND_BYTES);
    AUTO(arena) scratch = arena_create(8 * LIMIT_COMMAND_DECODE_BYTES);
    struct parser parser = {
        .text = expression, .arena = arena, .scratch = scratch, .err = err ? err : &unheard};
    enum error_code code = read_whole(&parser, &filter);
    if (code)
        return code;
    CHECK(filter);
    *ret = filter;
    return ERR_OK;
}
