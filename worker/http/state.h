/* state.h - the data that the server's files share. They call downward only: server.c (life, and
 * libmicrohttpd inside the loop), exchange.c (one request), connections.c (their time) and
 * request.c; inside this room only. */
#ifndef HTTP_STATE_H
#define HTTP_STATE_H

#include <microhttpd.h>

#include "http/server.h"

/* One accepted connection: from its start, or from the end of its last request, it has `timeout_s`
 * for a whole request. libmicrohttpd's own timeout is for silence only: a byte now and then holds a
 * connection forever. */
struct connection {
    MHD_socket socket;
    uint64_t since_ms; /* loop time */
    bool used;
    bool waiting; /* its handler has not answered: not the client's slowness */
};

/* One request, from its headers to the end of its answer. */
struct http_waiting {
    struct http_server *server;
    struct MHD_Connection *connection;
    const struct http_route *route; /* NULL: none */
    struct buf body;
    struct http_response late; /* from http_answer() */
    bool too_large;            /* the rest of the body is read and dropped */
    bool waiting;              /* http_wait() was called */
    bool suspended;
    bool answered; /* `late` is there */
    bool queued;   /* libmicrohttpd has the answer */
};

struct http_server {
    struct MHD_Daemon *daemon;
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_timer_t timer;     /* libmicrohttpd's own timeouts */
    uv_timer_cb on_timer; /* of server.c: runs libmicrohttpd */
    uv_timer_t sweep;
    int handles; /* not yet closed */
    uint16_t port;
    struct http_options options;
    struct http_route routes[HTTP_ROUTES_MAX];
    size_t route_count;
    struct connection *connections;
    size_t busy;     /* requests */
    bool closed_one; /* in the present turn */
    bool running;    /* inside libmicrohttpd */
};

#endif
