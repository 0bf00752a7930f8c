/* request.h - one request before any handler sees it; inside this room only. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "http/server.h"

/* The path of what the request line names: a proxy may write http://host/path (RFC 9112, 3.2.2). */
const char *http_path(const char *target);
/* Is it clear where the body ends? What this server and the one before it could read differently
 * would let a stranger's bytes pass for another one's request (RFC 9112, 11.2). */
bool http_framing_is_clear(const struct http_request *request, const char *version);
bool http_announces_body(const struct http_request *request);

#endif
