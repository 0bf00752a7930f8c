#include "model/json.h"

#include <string.h>

/* jansson recurses; so the depth is bounded before it starts. Brackets in strings do not count. */
static bool depth_is_bounded(struct text json)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < json.length; i++) {
        char c = json.at[i];
        if (quoted) {
            i += c == '\\';
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return false;
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return true;
}

static void set_parse_error(struct error *err, const json_error_t *at)
{
    AUTO_BUF why; /* jansson quotes the input: nothing in it may reach a terminal as it is */
    buf_init(&why, ERROR_MESSAGE_MAX);
    text_printable(&why, text_of(at->text));
    error_set(err, ERR_UNDECODABLE, "not JSON, line %d column %d: %s", at->line, at->column,
              buf_text(&why));
}

static struct text behind_mark(struct text json)
{
    if (json.length >= 3 && !memcmp(json.at, "\xEF\xBB\xBF", 3))
        return (struct text){json.at + 3, json.length - 3};
    return json;
}

bool json_likely(struct text bytes)
{
    static const char blanks[] = " \t\r\n";
    struct text rest = behind_mark(bytes);
    size_t i = 0;
    while (i < rest.length && rest.at[i] && strchr(blanks, rest.at[i]))
        i++;
    return i < rest.length && (rest.at[i] == '{' || rest.at[i] == '[');
}

json_t *json_read(struct text json, struct error *err)
{
    json = behind_mark(json);
    if (!depth_is_bounded(json)) {
        error_set(err, ERR_UNDECODABLE, "the JSON is nested deeper than %d", JSON_DEPTH_MAX);
        return NULL;
    }
    json_error_t at;
    json_t *root = json_loadb(json.length ? json.at : "", json.length, JSON_REJECT_DUPLICATES, &at);
    if (!root)
        set_parse_error(err, &at);
    return root;
}

/* Characters that do not stand for themselves within quotes. */
static const bool is_special[256] = {
    [0 ... 0x1F] = true, ['"'] = true, ['\\'] = true, [0x7F] = true};

void json_quote(struct buf *out, struct text text)
{
    size_t plain = 0; /* where the run of characters that stand for themselves begins */
    buf_byte(out, '"');
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (!is_special[c])
            continue;
        buf_add(out, text.at + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\') {
            buf_byte(out, '\\');
            buf_byte(out, c);
        } else {
            buf_format(out, "\\u%04x", c);
        }
    }
    if (text.length > plain)
        buf_add(out, text.at + plain, text.length - plain);
    buf_byte(out, '"');
}

struct text json_text(const json_t *json)
{
    if (!json_is_string(json))
        return (struct text){NULL, 0};
    return (struct text){json_string_value(json), json_string_length(json)};
}
