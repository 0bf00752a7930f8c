#include "base/text.h"

#include <string.h>
#include <utf8proc.h>

bool text_equal(struct text a, struct text b)
{
    if (a.length != b.length)
        return false;
    return a.length == 0 || !memcmp(a.at, b.at, a.length);
}

static size_t next_point(struct text text, size_t from, utf8proc_int32_t *point)
{
    utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text.at + from,
                                             (utf8proc_ssize_t)(text.length - from), point);
    return used > 0 ? (size_t)used : 0;
}

static bool is_ascii(char c)
{
    return !(c & 0x80);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool text_same_name(struct text a, struct text b)
{
    if (text_equal(a, b) && text_valid(a)) /* nearly always, and far cheaper */
        return true;
    size_t i = 0;
    size_t j = 0;
    while (i < a.length && j < b.length) {
        utf8proc_int32_t left;
        utf8proc_int32_t right;
        if (is_ascii(a.at[i]) && is_ascii(b.at[j])) { /* nothing to look up */
            if (lower(a.at[i++]) != lower(b.at[j++]))
                return false;
            continue;
        }
        size_t left_used = next_point(a, i, &left);
        size_t right_used = next_point(b, j, &right);
        if (!left_used || !right_used || utf8proc_tolower(left) != utf8proc_tolower(right))
            return false;
        i += left_used;
        j += right_used;
    }
    return i == a.length && j == b.length;
}

void text_fold(struct buf *buf, struct text text)
{
    for (size_t i = 0; i < text.length;) {
        utf8proc_int32_t point;
        utf8proc_uint8_t bytes[4];
        size_t used = next_point(text, i, &point);
        if (!used) { /* not UTF-8: no name, but kept apart from every other */
            buf_byte(buf, (uint8_t)text.at[i++]);
            continue;
        }
        buf_add(buf, bytes, (size_t)utf8proc_encode_char(utf8proc_tolower(point), bytes));
        i += used;
    }
}

/* Bytes from `from` on that are ASCII and not NUL, counted eight at a time. */
static size_t plain_run(struct text text, size_t from)
{
    const uint64_t ones = 0x0101010101010101;
    size_t at = from;
    for (uint64_t word; at + sizeof word <= text.length; at += sizeof word) {
        memcpy(&word, text.at + at, sizeof word);
        if ((word | (word - ones)) & (ones << 7)) /* a high bit, or a zero that borrowed */
            break;
    }
    return at - from;
}

bool text_valid(struct text text)
{
    for (size_t i = plain_run(text, 0); i < text.length;) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte == 0)
            return false;
        if (byte < 0x80) {
            i++;
            continue;
        }
        /* Two bytes, as of Cyrillic: nothing to look up. */
        if (byte >= 0xC2 && byte < 0xE0 && i + 1 < text.length &&
            ((unsigned char)text.at[i + 1] & 0xC0) == 0x80) {
            i += 2;
            continue;
        }
        utf8proc_int32_t point;
        size_t used = next_point(text, i, &point);
        if (!used)
            return false;
        i += used;
    }
    return true;
}

/* Cc, Cf (bidirectional overrides among them), line and paragraph separators. */
static bool point_is_unprintable(utf8proc_int32_t point)
{
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
        return true;
    default:
        return false;
    }
}

/* Bytes from `from` on that are printable ASCII. */
static size_t printable_run(struct text text, size_t from)
{
    size_t at = from;
    while (at < text.length && text.at[at] >= ' ' && text.at[at] <= '~')
        at++;
    return at - from;
}

void text_printable(struct buf *buf, struct text text)
{
    for (size_t i = 0; i < text.length && !buf->full;) {
        size_t plain = printable_run(text, i);
        if (plain) {
            size_t room = buf->max - buf->length;
            plain = plain < room ? plain : room ? room : 1; /* what fits of it is said */
            buf_add(buf, text.at + i, plain);
            i += plain;
            continue;
        }
        utf8proc_int32_t point;
        size_t used = next_point(text, i, &point);
        if (!used) {
            buf_format(buf, "\\x%02x", (unsigned char)text.at[i]);
            i++;
        } else if (point_is_unprintable(point)) {
            buf_format(buf, "\\u{%x}", (unsigned)point);
            i += used;
        } else {
            buf_add(buf, text.at + i, used);
            i += used;
        }
    }
}

void text_hex(struct buf *buf, const void *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++) {
        buf_byte(buf, (uint8_t)digits[at[i] >> 4]);
        buf_byte(buf, (uint8_t)digits[at[i] & 15]);
    }
}

enum error_code text_u64(struct text text, uint64_t max, uint64_t *ret, struct error *err)
{
    uint64_t value = 0;
    if (!text.length)
        return error_set(err, ERR_INVALID, "a number is missing");
    for (size_t i = 0; i < text.length; i++) {
        char c = text.at[i];
        if (c < '0' || c > '9')
            return error_set(err, ERR_INVALID, "'%.*s' is not a number", TEXT_ARGS(text));
        uint64_t digit = (uint64_t)(c - '0');
        if (digit > max || value > (max - digit) / 10)
            return error_set(err, ERR_INVALID, "'%.*s' is above %llu", TEXT_ARGS(text),
                             (unsigned long long)max);
        value = value * 10 + digit;
    }
    *ret = value;
    return ERR_OK;
}

enum error_code text_i64(struct text text, int64_t *ret, struct error *err)
{
    bool negative = text.length > 0 && text.at[0] == '-';
    struct text digits = text;
    if (negative)
        digits = (struct text){text.at + 1, text.length - 1};
    uint64_t value;
    uint64_t max = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    if (text_u64(digits, max, &value, err))
        return ERR_INVALID;
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return ERR_OK;
}

enum error_code text_duration_ms(struct text text, int64_t *ret_ms, struct error *err)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    const int64_t ten_years_ms = 10LL * 366 * 86400000;
    size_t digits = 0;
    while (digits < text.length && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    struct text unit = {text.at + digits, text.length - digits};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!text_equal(unit, text_of(units[i].unit)))
            continue;
        uint64_t value;
        if (text_u64((struct text){text.at, digits}, (uint64_t)(ten_years_ms / units[i].ms), &value,
                     err))
            return ERR_INVALID;
        *ret_ms = (int64_t)value * units[i].ms;
        return ERR_OK;
    }
    return error_set(err, ERR_INVALID, "'%.*s' is not a duration: write it like 90s, 15m or 2h",
                     TEXT_ARGS(text));
}
