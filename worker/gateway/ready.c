/* May commands be taken? */
#include "gateway/ready.h"

#include <string.h>

#include "base/check.h"

size_t ready_checks(void *self, struct http_check *ret, size_t max)
{
    const struct gateway *gateway = self;
    struct instant now = clock_now(&gateway->clock);
    CHECK(max >= READY_CHECKS);
    ret[0] = (struct http_check){.name = "running", .passed = gateway->phase == GATEWAY_RUNNING};
    if (!ret[0].passed)
        memcpy(ret[0].detail, "stopping", sizeof "stopping");
    ret[1] = (struct http_check){.name = "events"};
    ret[1].passed = feed_ready(gateway->feed, now, ret[1].detail, sizeof ret[1].detail);
    return READY_CHECKS;
}

bool gateway_is_ready(const struct gateway *gateway)
{
    struct http_check all[READY_CHECKS];
    size_t count = ready_checks((void *)(uintptr_t)gateway, all, READY_CHECKS);
    for (size_t i = 0; i < count; i++)
        if (!all[i].passed)
            return false;
    return true;
}
