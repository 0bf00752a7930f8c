#include "cluster/rac/output.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"

enum { PAIRS_MAX = 256 }; /* keys of one block; 8.5 prints 52 */

/* ---- lines and values ---- */

struct reader {
    const char *at;
    const char *end;
    struct arena *arena;
    uint32_t line; /* from 1 */
    bool crlf;     /* its lines end as on Windows, and so do those inside of a value */
    struct error *err;
};

static enum error_code fail(const struct reader *reader, const char *what)
{
    return error_set(reader->err, ERR_PROTOCOL, "rac's output, line %u: %s", reader->line, what);
}

static enum error_code no_room(const struct reader *reader)
{
    return error_set(reader->err, ERR_TOO_LARGE, "rac's output exceeds the memory for it");
}

static struct text trim(struct text text)
{
    while (text.length && (*text.at == ' ' || *text.at == '\t')) {
        text.at++;
        text.length--;
    }
    while (text.length && strchr(" \t\r", text.at[text.length - 1]))
        text.length--;
    return text;
}

/* The line at `at`, without its end; ERR_PROTOCOL when it has none: the output is cut. */
static enum error_code look(const struct reader *reader, struct text *ret)
{
    const char *end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    if (!end)
        return fail(reader, "it stops in the middle");
    *ret = (struct text){reader->at, (size_t)(end - reader->at)};
    return ERR_OK;
}

static void next_line(struct reader *reader, const char *end)
{
    reader->at = end + 1;
    reader->line++;
}

/* The closing quote: one that is not doubled. NULL: there is none. */
static const char *closing_quote(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at != '"')
            continue;
        if (at + 1 == end || at[1] != '"')
            return at;
        at++;
    }
    return NULL;
}

/* From behind the opening quote, over as many lines as it takes. */
static enum error_code read_quoted(struct reader *reader, const char *from, struct text *ret)
{
    const char *quote = closing_quote(from, reader->end);
    if (!quote)
        return fail(reader, "it stops inside quotes");
    const char *end = memchr(quote, '\n', (size_t)(reader->end - quote));
    if (!end)
        return fail(reader, "it stops in the middle");
    if (trim((struct text){quote + 1, (size_t)(end - quote - 1)}).length)
        return fail(reader, "something stands behind a closing quote");
    char *to = arena_take(reader->arena, (size_t)(quote - from) + 1, 1);
    size_t length = 0;
    if (!to)
        return no_room(reader);
    for (const char *at = from; at < quote; at++) {
        if (reader->crlf && *at == '\r' && at[1] == '\n')
            continue;
        reader->line += *at == '\n';
        to[length++] = *at;
        at += *at == '"'; /* the second of two */
    }
    next_line(reader, end);
    *ret = (struct text){to, length};
    return ERR_OK;
}

/* Texts of people that may have several lines; they stand in no list of sessions. Anywhere else a
 * quote that is not closed on its line is a name's own: two users called `"a` and `b"` must not
 * make one session of two. */
static bool may_have_lines(struct text key)
{
    static const char *const keys[] = {"denied-message", "denied-parameter", "permission-code",
                                       "descr"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (text_equal(key, text_of(keys[i])))
            return true;
    return false;
}

/* Quoted from its first byte to its last? */
static bool is_quoted(struct text value)
{
    const char *end = value.at + value.length;
    return value.length >= 2 && *value.at == '"' && closing_quote(value.at + 1, end) == end - 1;
}

static enum error_code read_value(struct reader *reader, struct text key, struct text line,
                                  const char *colon, struct text *ret)
{
    const char *end = line.at + line.length;
    struct text value = trim((struct text){colon + 1, (size_t)(end - colon - 1)});
    if (is_quoted(value) || (value.length && *value.at == '"' && may_have_lines(key)))
        return read_quoted(reader, value.at + 1, ret);
    next_line(reader, end);
    *ret = text_equal(value, TEXT("''")) ? (struct text){NULL, 0} : value;
    return ERR_OK;
}

static enum error_code read_key(const struct reader *reader, struct text padded, struct text *ret)
{
    struct text key = trim(padded);
    if (!key.length)
        return fail(reader, "there is no key before the colon");
    *ret = key;
    if (!memchr(key.at, ' ', key.length))
        return ERR_OK;
    char *copy = arena_text(reader->arena, key);
    if (!copy)
        return no_room(reader);
    for (char *at = copy; *at; at++)
        if (*at == ' ')
            *at = '-';
    ret->at = copy;
    return ERR_OK;
}

static enum error_code read_pair(struct reader *reader, struct text line, struct rac_pair *ret)
{
    const char *colon = memchr(line.at, ':', line.length);
    if (!colon)
        return fail(reader, "this is no line of the form 'key : value'");
    enum error_code code =
        read_key(reader, (struct text){line.at, (size_t)(colon - line.at)}, &ret->key);
    return code ? code : read_value(reader, ret->key, line, colon, &ret->value);
}

/* ---- blocks ---- */

/* Up to and with the empty line that closes it. */
static enum error_code read_block(struct reader *reader, struct rac_block *ret)
{
    struct rac_pair pairs[PAIRS_MAX];
    size_t count = 0;
    for (;;) {
        struct text line = {NULL, 0};
        enum error_code code = look(reader, &line);
        if (code)
            return code;
        if (!trim(line).length) {
            next_line(reader, line.at + line.length);
            break;
        }
        if (count == PAIRS_MAX)
            return fail(reader, "a block has too many keys");
        code = read_pair(reader, line, &pairs[count]);
        if (code)
            return code;
        count++;
    }
    ret->pairs = arena_take(reader->arena, count, sizeof *pairs);
    if (!ret->pairs)
        return no_room(reader);
    memcpy(ret->pairs, pairs, count * sizeof *pairs);
    ret->count = count;
    return ERR_OK;
}

/* One program prints one list: what the first block has, every block has, in the same order. */
static bool same_keys(const struct rac_block *a, const struct rac_block *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!text_equal(a->pairs[i].key, b->pairs[i].key))
            return false;
    return true;
}

static bool has_a_key_twice(const struct rac_block *block)
{
    for (size_t i = 0; i < block->count; i++)
        if (rac_block_find(block, block->pairs[i].key) != &block->pairs[i].value)
            return true;
    return false;
}

static enum error_code add_block(struct reader *reader, struct rac_output *output, size_t *room,
                                 const struct rac_block *block)
{
    if (output->count == *room) {
        size_t more = *room ? 2 * *room : 64;
        struct rac_block *blocks = arena_take(reader->arena, more, sizeof *blocks);
        if (!blocks)
            return no_room(reader);
        if (output->count)
            memcpy(blocks, output->blocks, output->count * sizeof *blocks);
        output->blocks = blocks;
        *room = more;
    }
    output->blocks[output->count++] = *block;
    return ERR_OK;
}

static void skip_empty_lines(struct reader *reader)
{
    while (reader->at < reader->end) {
        const char *end = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
        size_t length = (size_t)((end ? end : reader->end) - reader->at);
        if (!end || trim((struct text){reader->at, length}).length)
            return;
        next_line(reader, end);
    }
}

enum error_code rac_output_read(struct text text, struct arena *arena, struct rac_output *ret,
                                struct error *err)
{
    struct error unused;
    const char *first = text.length ? memchr(text.at, '\n', text.length) : NULL;
    struct reader reader = {.at = text.at,
                            .end = text.at + text.length,
                            .arena = arena,
                            .line = 1,
                            .crlf = first && first > text.at && first[-1] == '\r',
                            .err = err ? err : &unused};
    struct rac_output output = {NULL, 0};
    size_t room = 0;
    skip_empty_lines(&reader);
    while (reader.at < reader.end) {
        struct rac_block block;
        enum error_code code = read_block(&reader, &block);
        if (!code && output.count && !same_keys(&output.blocks[0], &block))
            code = fail(&reader, "this block has other keys than the first one");
        else if (!code && !output.count && has_a_key_twice(&block))
            code = fail(&reader, "a key stands twice in its block");
        if (!code)
            code = add_block(&reader, &output, &room, &block);
        if (code)
            return code;
        skip_empty_lines(&reader);
    }
    *ret = output;
    return ERR_OK;
}

const struct text *rac_block_find(const struct rac_block *block, struct text key)
{
    for (size_t i = 0; i < block->count; i++)
        if (text_equal(block->pairs[i].key, key))
            return &block->pairs[i].value;
    return NULL;
}
