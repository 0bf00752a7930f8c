#include "base/uuid.h"

#include <string.h>
#include <uuid/uuid.h>

/* Ids are read and written several times for every command: libuuid's own functions go through
 * strtoul() and a table of formats. */
static bool is_dash(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

struct uuid_text uuid_format(const struct uuid *uuid)
{
    static const char hex[] = "0123456789abcdef";
    struct uuid_text ret;
    size_t at = 0;
    for (size_t i = 0; i < sizeof uuid->bytes; i++) {
        if (is_dash(at))
            ret.text[at++] = '-';
        ret.text[at++] = hex[uuid->bytes[i] >> 4];
        ret.text[at++] = hex[uuid->bytes[i] & 15];
    }
    ret.text[at] = '\0';
    return ret;
}

/* 0..15; 16 for anything but a hexadecimal digit. */
static unsigned nibble(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

enum error_code uuid_read(struct text text, struct uuid *ret, struct error *err)
{
    struct uuid parsed;
    unsigned wrong = 0;
    size_t at = 0;
    if (text.length != UUID_TEXT_SIZE - 1)
        return error_set(err, ERR_INVALID, "a UUID has 36 characters, this has %zu", text.length);
    for (size_t i = 0; i < sizeof parsed.bytes; i++) {
        if (is_dash(at))
            wrong |= text.at[at++] != '-' ? 16 : 0;
        unsigned high = nibble(text.at[at++]);
        unsigned low = nibble(text.at[at++]);
        wrong |= (high | low) & 16;
        parsed.bytes[i] = (uint8_t)(high << 4 | (low & 15));
    }
    if (wrong)
        return error_set(err, ERR_INVALID, "not a UUID (8-4-4-4-12 hexadecimal digits)");
    *ret = parsed;
    return ERR_OK;
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return !memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool uuid_is_nil(const struct uuid *uuid)
{
    static const struct uuid nil;
    return uuid_equal(uuid, &nil);
}

struct uuid uuid_random(void)
{
    struct uuid ret;
    uuid_generate_random(ret.bytes);
    return ret;
}
