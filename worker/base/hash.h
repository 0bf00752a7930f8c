/* hash.h - SHA-256, by libsodium. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint8_t bytes[32];
};

struct sha256 sha256_of(const void *bytes, size_t length);
bool sha256_equal(const struct sha256 *a, const struct sha256 *b);

#endif
