#include "base/hash.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

struct sha256 sha256_of(const void *bytes, size_t length)
{
    _Static_assert(sizeof(struct sha256) == crypto_hash_sha256_BYTES, "SHA-256 has 32 bytes");
    struct sha256 ret;
    int failed = crypto_hash_sha256(ret.bytes, bytes, length);
    CHECK(!failed);
    return ret;
}

bool sha256_equal(const struct sha256 *a, const struct sha256 *b)
{
    return !memcmp(a->bytes, b->bytes, sizeof a->bytes);
}
