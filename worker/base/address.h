/* address.h - IP addresses, both kinds in one form. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct address {
    uint8_t bytes[16]; /* IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2) */
};

/* An address as people write it, without port and zone. False: it is none. */
bool address_read(struct text text, struct address *ret);

#endif
