#include "base/uuid.h"

#include <string.h>
#include <uuid/uuid.h>

/* Ids are read and written several times for every command: libuuid's own functions go through
 * strtoul() and a table of formats. */
static const uint8_t places[] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

struct uuid_text uuid_format(const struct uuid *uuid)
{
    static const char hex[] = "0123456789abcdef";
    struct uuid_text ret = {"........-....-....-....-............"};
    for (size_t i = 0; i < sizeof uuid->bytes; i++) {
        ret.text[places[i]] = hex[uuid->bytes[i] >> 4];
        ret.text[places[i] + 1] = hex[uuid->bytes[i] & 15];
    }
    return ret;
}

/* Hexadecimal digits and DIGIT beside; 0 for anything else. */
enum { DIGIT = 16 };
static const uint8_t digits[256] = {
    ['0'] = DIGIT,      ['1'] = DIGIT + 1,  ['2'] = DIGIT + 2,  ['3'] = DIGIT + 3,
    ['4'] = DIGIT + 4,  ['5'] = DIGIT + 5,  ['6'] = DIGIT + 6,  ['7'] = DIGIT + 7,
    ['8'] = DIGIT + 8,  ['9'] = DIGIT + 9,  ['A'] = DIGIT + 10, ['B'] = DIGIT + 11,
    ['C'] = DIGIT + 12, ['D'] = DIGIT + 13, ['E'] = DIGIT + 14, ['F'] = DIGIT + 15,
    ['a'] = DIGIT + 10, ['b'] = DIGIT + 11, ['c'] = DIGIT + 12, ['d'] = DIGIT + 13,
    ['e'] = DIGIT + 14, ['f'] = DIGIT + 15};

enum error_code uuid_read(struct text text, struct uuid *ret, struct error *err)
{
    struct uuid parsed;
    unsigned good = DIGIT;
    if (text.length != UUID_TEXT_SIZE - 1)
        return error_set(err, ERR_INVALID, "a UUID has 36 characters, this has %zu", text.length);
    for (size_t i = 0; i < sizeof parsed.bytes; i++) {
        unsigned high = digits[(uint8_t)text.at[places[i]]];
        unsigned low = digits[(uint8_t)text.at[places[i] + 1]];
        good &= high & low;
        parsed.bytes[i] = (uint8_t)(high << 4 | (low & 15));
    }
    if (!good || text.at[8] != '-' || text.at[13] != '-' || text.at[18] != '-' ||
        text.at[23] != '-')
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
