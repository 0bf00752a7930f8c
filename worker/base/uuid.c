#include "base/uuid.h"

#include <string.h>
#include <uuid/uuid.h>

#include "base/hash.h"

struct uuid_text uuid_format(const struct uuid *uuid)
{
    struct uuid_text ret;
    uuid_unparse_lower(uuid->bytes, ret.text);
    return ret;
}

enum error_code uuid_read(struct text text, struct uuid *ret, struct error *err)
{
    char copy[UUID_TEXT_SIZE];
    if (text.length != UUID_TEXT_SIZE - 1)
        return error_set(err, ERR_INVALID, "a UUID has 36 characters, this has %zu", text.length);
    memcpy(copy, text.at, sizeof copy - 1);
    copy[sizeof copy - 1] = '\0';
    uuid_t parsed;
    if (uuid_parse_range(copy, copy + sizeof copy - 1, parsed))
        return error_set(err, ERR_INVALID, "not a UUID (8-4-4-4-12 hexadecimal digits)");
    memcpy(ret->bytes, parsed, sizeof ret->bytes);
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

struct uuid uuid_derive(const void *name, size_t length)
{
    struct sha256 digest = sha256_of(name, length);
    struct uuid ret;
    memcpy(ret.bytes, digest.bytes, sizeof ret.bytes);
    ret.bytes[6] = (uint8_t)((ret.bytes[6] & 0x0F) | 0x80);
    ret.bytes[8] = (uint8_t)((ret.bytes[8] & 0x3F) | 0x80);
    return ret;
}
