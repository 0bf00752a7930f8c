/* server.h - a small HTTP server on the worker's own loop: pages from a table of routes.
 *
 * libmicrohttpd reads and writes; its epoll descriptor and timeout live in the loop, so there is no
 * thread of its own, and handlers run on the loop thread and must not block. Bounded: connections,
 * time, header memory; request bodies are refused (413) until a route asks for them. Every answer
 * says no-store and nosniff. GET and HEAD only: 405 names what is allowed, 404 what exists. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"

enum {
    HTTP_ROUTES_MAX = 32,
    HTTP_PAGE_MAX = 64 * 1024 * 1024, /* bytes of one answer: metrics of 10,000 clusters */
    HTTP_MEMORY_MAX = 16 * 1024,      /* bytes for one connection's request line and headers */
};

struct http_server;

/* Borrowed while the handler runs. */
struct http_request {
    const char *method; /* "GET" or "HEAD" */
    const char *path;   /* without the query */
    void *connection;   /* for the functions below */
};
/* NULL when absent; "" for `?name` without a value. */
const char *http_query(const struct http_request *request, const char *name);
bool http_has_query(const struct http_request *request, const char *name);
const char *http_header(const struct http_request *request, const char *name);

struct http_response {
    int status;               /* 200 unless the handler says otherwise */
    const char *content_type; /* static; text/plain unless the handler says otherwise */
    struct buf body;
};

typedef void (*http_handler)(void *self, const struct http_request *request,
                             struct http_response *response);

struct http_route {
    const char *path;    /* exact; static */
    const char *summary; /* for the list that a 404 shows; static */
    http_handler handle;
    void *self;
};

struct http_options {
    const char *host;     /* numeric address or "localhost" */
    uint16_t port;        /* 0 = any free one: see http_server_port() */
    uint32_t connections; /* at once, 1..1024 */
    uint32_t timeout_s;   /* of an idle or slow connection, 1..600 */
};

/* Listens and serves `routes` (copied). ERR_CONFIG: the address is not one; ERR_SYSTEM: it cannot
 * be listened on. */
enum error_code http_server_create(uv_loop_t *loop, const struct http_options *options,
                                   const struct http_route *routes, size_t count,
                                   struct http_server **ret, struct error *err) MUST_CHECK;
/* Closes the listener and every connection; the memory goes when the loop has run its close
 * callbacks. NULL is fine. */
void http_server_destroy(struct http_server *server);
/* The port that is listened on. */
uint16_t http_server_port(const struct http_server *server);

#endif
