/* listen.h - a listening socket; inside this room only. */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include <stdint.h>

#include "base/error.h"

/* `host` is a numeric address or "localhost" (127.0.0.1); `port` 0 takes any free one and tells it.
 * ERR_CONFIG: not an address; ERR_SYSTEM: in use or not allowed. The socket is non-blocking. */
enum error_code http_listen(const char *host, uint16_t port, int *ret_socket, uint16_t *ret_port,
                            struct error *err) MUST_CHECK;

#endif
