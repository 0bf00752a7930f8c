/* health.h - /metrics, /livez, /healthz and /readyz as routes; what they say comes from the
 * service.
 *
 * /livez and /healthz: the loop turns; nothing else is asked. /readyz: 200 when every check passes,
 * else 503; `?verbose` lists the checks, `Accept: application/json` or `?format=json` gives them as
 * JSON. A hung cluster is no check (I10). */
#ifndef HTTP_HEALTH_H
#define HTTP_HEALTH_H

#include "base/error.h"
#include "http/server.h"
#include "metrics/metrics.h"

enum { HTTP_CHECKS_MAX = 32, HTTP_DETAIL_MAX = 160 };

struct http_check {
    const char *name; /* "group", "journal", "events", "control"; static */
    bool passed;
    char detail[HTTP_DETAIL_MAX]; /* for people: what is waited for; "" = nothing to say */
};

struct http_health {
    /* Fills at most `max` checks, answers how many. Empty means ready. */
    size_t (*checks)(void *self, struct http_check *ret, size_t max);
    /* Brings gauges up to date right before a scrape; may be NULL. */
    void (*collect)(void *self);
    void *self;
    struct metrics *metrics;
};

enum { HTTP_HEALTH_ROUTES = 4 };
/* Writes the routes to `ret`; `health` is borrowed while the server lives. */
void http_health_routes(struct http_health *health, struct http_route ret[HTTP_HEALTH_ROUTES]);

#endif
