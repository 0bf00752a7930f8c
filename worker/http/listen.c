#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* The length of the address, 0 when `host` is none. */
static socklen_t read_address(const char *host, uint16_t port, union address *ret)
{
    memset(ret, 0, sizeof *ret);
    if (!strcmp(host, "localhost"))
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons(port);
        return sizeof ret->v4;
    }
    if (inet_pton(AF_INET6, host, &ret->v6.sin6_addr) == 1) {
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons(port);
        return sizeof ret->v6;
    }
    return 0;
}

static bool listen_on(int file, const union address *address, socklen_t length)
{
    int on = 1;
    return !setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) &&
           !bind(file, &address->any, length) && !listen(file, BACKLOG);
}

static bool read_port(int file, uint16_t *ret)
{
    union address address;
    socklen_t length = sizeof address;
    if (getsockname(file, &address.any, &length))
        return false;
    *ret = ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
    return true;
}

enum error_code http_listen(const char *host, uint16_t port, int *ret_socket, uint16_t *ret_port,
                            struct error *err)
{
    union address address;
    socklen_t length = read_address(host, port, &address);
    if (!length)
        return error_set(err, ERR_CONFIG,
                         "cannot listen on '%s': write a numeric address like 127.0.0.1 or ::1",
                         host);
    int file = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (file < 0)
        return error_set(err, ERR_SYSTEM, "cannot open a socket: %s", strerror(errno));
    if (!listen_on(file, &address, length) || !read_port(file, ret_port)) {
        enum error_code code = error_set(err, ERR_SYSTEM, "cannot listen on %s port %u: %s", host,
                                         port, strerror(errno));
        close(file);
        return code;
    }
    *ret_socket = file;
    return ERR_OK;
}
