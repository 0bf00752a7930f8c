/* Apart from uuid.c: a small program that only reads and writes ids does not load a library of
 * hashes for them. */
#include <string.h>

#include "base/hash.h"
#include "base/uuid.h"

struct uuid uuid_derive(const void *name, size_t length)
{
    struct sha256 digest = sha256_of(name, length);
    struct uuid ret;
    memcpy(ret.bytes, digest.bytes, sizeof ret.bytes);
    ret.bytes[6] = (uint8_t)((ret.bytes[6] & 0x0F) | 0x80);
    ret.bytes[8] = (uint8_t)((ret.bytes[8] & 0x3F) | 0x80);
    return ret;
}
