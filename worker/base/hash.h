/* hash.h - SHA-256, by libnettle: it uses the processor's own instructions where there are any
 * (docs/adr/0005). `bytes` may be NULL when `length` is 0. */
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
