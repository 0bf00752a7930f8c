/* ready.h - may commands be taken? */
#ifndef GATEWAY_READY_H
#define GATEWAY_READY_H

#include "gateway/state.h"

enum { READY_CHECKS = 2 };
/* As http_health wants it; `self` is the gateway. */
size_t ready_checks(void *self, struct http_check *ret, size_t max);
bool gateway_is_ready(const struct gateway *gateway);

#endif
