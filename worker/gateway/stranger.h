/* stranger.h - how often those ask who show no valid token, by their address.
 *
 * A table of fixed size: of several addresses that fall into one place, the one that was quiet for
 * longest is forgotten. It bounds what strangers cost and write to the log. It never stands in the
 * way of a valid token: behind a reverse proxy everybody comes from one address. Loop thread only.
 */
#ifndef GATEWAY_STRANGER_H
#define GATEWAY_STRANGER_H

#include "base/clock.h"
#include "http/server.h"

struct strangers;

struct strangers *strangers_create(void);
void strangers_destroy(struct strangers *strangers);
/* Counts one. False: more than `per_minute`; `*ret_s` is after how many seconds the next counts.
 * One machine may have 2^64 addresses of IPv6: the first 64 bits count. */
bool strangers_count(struct strangers *strangers, const struct http_peer *peer, uint32_t per_minute,
                     struct instant now, uint32_t *ret_s);

#endif
