/* server.h - a small HTTP server on the worker's own loop: pages from a table of routes.
 *
 * libmicrohttpd reads and writes; its epoll descriptor and timeout live in the loop, so there is no
 * thread of its own, and handlers run on the loop thread and must not block. Who cannot answer yet
 * calls http_wait(): the connection rests, costs nothing, and is answered by http_answer().
 * Bounded: connections, time, header memory, and the body by its route (413 above). A request whose
 * end could be read in two ways is refused (400), and its connection closed. Every answer
 * says no-store and nosniff. A route takes GET and HEAD, or POST: 405 names what is allowed, 404
 * what exists. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"

enum {
    HTTP_ROUTES_MAX = 32,
    HTTP_PAGE_MAX = 64 * 1024 * 1024, /* bytes of one answer: metrics of 10,000 clusters */
    HTTP_MEMORY_MAX = 16 * 1024,      /* bytes for one connection's request line and headers */
    HTTP_HEADERS_MAX = 8,             /* of one answer, besides those that every answer has */
    HTTP_HEADER_SIZE = 256,           /* bytes of such a header's value, with the closing zero */
};

struct http_server;

/* Who sent a request: an IPv6 address in network order, one of IPv4 as ::ffff:a.b.c.d. */
struct http_peer {
    unsigned char bytes[16];
};

/* Borrowed while the handler runs. */
struct http_request {
    const char *method; /* "GET" or "HEAD"; "POST" where the route takes it */
    const char *path;   /* without the query */
    const char *rest;   /* what stands behind a prefix route's path, else "" */
    struct text body;   /* whole; empty but for POST */
    void *connection;   /* for the functions below */
    void *exchange;     /* for http_wait() */
};
/* NULL when absent; "" for `?name` without a value. */
const char *http_query(const struct http_request *request, const char *name);
bool http_has_query(const struct http_request *request, const char *name);
const char *http_header(const struct http_request *request, const char *name);
/* Of a header that may come once: NULL when absent, "" when it comes several times, or with a NUL
 * in it: what was meant is anybody's guess. */
const char *http_single_header(const struct http_request *request, const char *name);
/* Appends a header that is a list, its lines joined with commas; false when absent. */
bool http_list_header(const struct http_request *request, const char *name, struct buf *out);
struct http_peer http_peer(const struct http_request *request);

struct http_response {
    int status;               /* 200 unless the handler says otherwise */
    const char *content_type; /* static; text/plain unless the handler says otherwise */
    struct buf body;
    struct {
        const char *name; /* static */
        char value[HTTP_HEADER_SIZE];
    } headers[HTTP_HEADERS_MAX];
    size_t header_count;
};
/* 200, plain text, an empty body. Release `body` when it is not handed over. */
void http_response_init(struct http_response *response);
/* Adds a header; a value that is too long or has control characters is a mistake of ours. */
void http_response_header(struct http_response *response, const char *name, const char *value);

/* A request whose answer comes later. */
struct http_waiting;
/* From inside a handler: what it leaves in `response` is not sent. The request's borrowed parts end
 * with the handler all the same. */
struct http_waiting *http_wait(const struct http_request *request);
/* Once for each http_wait(), before the server is destroyed; takes the response's body. A client
 * that left meanwhile is no error. */
void http_answer(struct http_waiting *waiting, struct http_response *response);

typedef void (*http_handler)(void *self, const struct http_request *request,
                             struct http_response *response);

struct http_route {
    const char *path;    /* static */
    const char *summary; /* for the list that a 404 shows; static */
    http_handler handle;
    void *self;
    bool prefix;       /* everything that begins with `path` and goes on; else exactly it */
    size_t body_bytes; /* above 0: POST with at most so many bytes; 0: GET and HEAD */
};

struct http_options {
    const char *host;     /* numeric address or "localhost" */
    uint16_t port;        /* 0 = any free one: see http_server_port() */
    uint32_t connections; /* at once, 1..1024 */
    uint32_t timeout_s;   /* of an idle or slow connection, 1..600; waiting does not count */
    /* Words for what no handler sees: 400, 404, 405 and 413, the status being set; NULL: plain
     * text. */
    http_handler refuse;
    void *refuse_self;
};

/* Listens and serves `routes` (copied). ERR_CONFIG: the address is not one; ERR_SYSTEM: it cannot
 * be listened on. */
enum error_code http_server_create(uv_loop_t *loop, const struct http_options *options,
                                   const struct http_route *routes, size_t count,
                                   struct http_server **ret, struct error *err) MUST_CHECK;
/* Closes the listener and every connection; the memory goes when the loop has run its close
 * callbacks. NULL is fine. */
void http_server_destroy(struct http_server *server);
/* Requests begun and not yet answered in full. */
size_t http_server_busy(const struct http_server *server);
/* The port that is listened on. */
uint16_t http_server_port(const struct http_server *server);

#endif
