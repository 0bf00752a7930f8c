#include "base/address.h"

#include <arpa/inet.h>
#include <string.h>

bool address_read(struct text text, struct address *ret)
{
    static const struct address mapped = {{[10] = 0xff, [11] = 0xff}};
    char zero_closed[INET6_ADDRSTRLEN];
    uint8_t four[4];
    if (!text.length || text.length >= sizeof zero_closed)
        return false;
    memcpy(zero_closed, text.at, text.length);
    zero_closed[text.length] = 0;
    if (inet_pton(AF_INET, zero_closed, four) == 1) {
        *ret = mapped;
        memcpy(ret->bytes + 12, four, sizeof four);
        return true;
    }
    return inet_pton(AF_INET6, zero_closed, ret->bytes) == 1;
}
