/* Life, and libmicrohttpd inside the loop. */
#include "http/server.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "http/connections.h"
#include "http/exchange.h"
#include "http/listen.h"

enum {
    CONNECTIONS_LARGEST = 1024,
    TIMEOUT_LARGEST_S = 600,
    SWEEP_MS = 500,
    HANDLES = 3,
};

static void on_timer(uv_timer_t *timer);

static void run(struct http_server *server)
{
    server->closed_one = false;
    server->running = true;
    MHD_run(server->daemon);
    server->running = false;
    MHD_UNSIGNED_LONG_LONG timeout_ms;
    /* At its limit libmicrohttpd stops watching the listener, and looks again only when it is run.
     */
    if (server->closed_one)
        uv_timer_start(&server->timer, on_timer, 0, 0);
    else if (MHD_get_timeout(server->daemon, &timeout_ms) == MHD_YES)
        uv_timer_start(&server->timer, on_timer, timeout_ms, 0);
    else
        uv_timer_stop(&server->timer);
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_sweep(uv_timer_t *timer)
{
    if (connections_cut(timer->data))
        run(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

static void be_silent(void *self, const char *format, va_list args)
{
    (void)self;
    (void)format;
    (void)args;
}

static struct MHD_Daemon *start(struct http_server *server, int socket)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
                            NULL, exchange_go_on, server, MHD_OPTION_EXTERNAL_LOGGER, be_silent,
                            NULL, MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)server->options.connections, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)server->options.timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)HTTP_MEMORY_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_NOTIFY_CONNECTION, connections_changed, server,
                            MHD_OPTION_NOTIFY_COMPLETED, exchange_over, server, MHD_OPTION_END);
}

static enum error_code attach(struct http_server *server, struct error *err)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int failed = info ? uv_poll_init(server->loop, &server->poll, info->epoll_fd) : UV_ENOTSUP;
    if (failed)
        return error_set(err, ERR_SYSTEM, "cannot watch the HTTP server: %s", uv_strerror(failed));
    server->handles = HANDLES;
    server->on_timer = on_timer;
    server->poll.data = server->timer.data = server->sweep.data = server;
    uv_timer_init(server->loop, &server->timer);
    uv_timer_init(server->loop, &server->sweep);
    uv_timer_start(&server->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    uv_poll_start(&server->poll, UV_READABLE, on_readable);
    return ERR_OK;
}

static void release(struct http_server *server)
{
    free(server->connections);
    free(server);
}

static void on_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;
    if (--server->handles == 0)
        release(server);
}

enum error_code http_server_create(uv_loop_t *loop, const struct http_options *options,
                                   const struct http_route *routes, size_t count,
                                   struct http_server **ret, struct error *err)
{
    CHECK(options->connections >= 1);
    CHECK(options->connections <= CONNECTIONS_LARGEST);
    CHECK(options->timeout_s >= 1);
    CHECK(options->timeout_s <= TIMEOUT_LARGEST_S);
    CHECK(count <= HTTP_ROUTES_MAX);
    int socket;
    uint16_t port;
    if (http_listen(options->host, options->port, &socket, &port, err))
        return err ? err->code : ERR_SYSTEM;
    struct http_server *server = mem_new(struct http_server);
    server->loop = loop;
    server->options = *options;
    server->options.host = NULL; /* borrowed only until here */
    server->port = port;
    memcpy(server->routes, routes, count * sizeof *routes);
    server->route_count = count;
    server->connections = mem_alloc(options->connections, sizeof *server->connections);
    server->daemon = start(server, socket);
    if (!server->daemon) {
        close(socket);
        release(server);
        return error_set(err, ERR_SYSTEM, "cannot start the HTTP server");
    }
    enum error_code code = attach(server, err);
    if (code) {
        MHD_stop_daemon(server->daemon);
        release(server);
        return code;
    }
    *ret = server;
    return ERR_OK;
}

void http_server_destroy(struct http_server *server)
{
    if (!server)
        return;
    uv_poll_stop(&server->poll); /* before its descriptor goes */
    MHD_stop_daemon(server->daemon);
    uv_close((uv_handle_t *)&server->poll, on_closed);
    uv_close((uv_handle_t *)&server->timer, on_closed);
    uv_close((uv_handle_t *)&server->sweep, on_closed);
}

size_t http_server_busy(const struct http_server *server)
{
    return server->busy;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}
