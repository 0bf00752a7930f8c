#include "base/hash.h"

#include <nettle/sha2.h>
#include <string.h>

struct sha256 sha256_of(const void *bytes, size_t length)
{
    _Static_assert(sizeof(struct sha256) == SHA256_DIGEST_SIZE, "SHA-256 has 32 bytes");
    struct sha256 ret;
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, length, bytes);
    sha256_digest(&context, sizeof ret.bytes, ret.bytes);
    return ret;
}

bool sha256_equal(const struct sha256 *a, const struct sha256 *b)
{
    return !memcmp(a->bytes, b->bytes, sizeof a->bytes);
}
