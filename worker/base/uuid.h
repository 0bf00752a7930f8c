/* uuid.h - 16 bytes in the order they are printed (RFC 9562). */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct uuid {
    uint8_t bytes[16];
};

enum { UUID_TEXT_SIZE = 37 }; /* with the closing zero */

struct uuid_text {
    char text[UUID_TEXT_SIZE];
};

/* Lower-case 8-4-4-4-12. Use as `uuid_format(&id).text`. */
struct uuid_text uuid_format(const struct uuid *uuid);
/* Reads 8-4-4-4-12 in any case; anything else is ERR_INVALID. The nil UUID is read: callers refuse
 * it where it has no meaning. */
enum error_code uuid_read(struct text text, struct uuid *ret, struct error *err) MUST_CHECK;
bool uuid_equal(const struct uuid *a, const struct uuid *b);
bool uuid_is_nil(const struct uuid *uuid);
/* Version 4, from the kernel. */
struct uuid uuid_random(void);
/* A version 8 UUID that depends on `name` alone: ids of events, so that a repeat is recognisable.
 */
struct uuid uuid_derive(const void *name, size_t length);

#endif
