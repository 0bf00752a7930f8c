#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "http/listen.h"

enum {
    CONNECTIONS_LARGEST = 1024,
    TIMEOUT_LARGEST_S = 600,
    SWEEP_MS = 500,
    HANDLES = 3,
};

/* One accepted connection: from its start, or from the end of its last request, it has `timeout_s`
 * for a whole request. libmicrohttpd's own timeout is for silence only: a byte now and then holds a
 * connection forever. */
struct connection {
    MHD_socket socket;
    uint64_t since_ms; /* loop time */
    bool used;
};

struct http_server {
    struct MHD_Daemon *daemon;
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_timer_t timer; /* libmicrohttpd's own timeouts */
    uv_timer_t sweep;
    int handles; /* not yet closed */
    uint16_t port;
    struct http_options options;
    struct http_route routes[HTTP_ROUTES_MAX];
    size_t route_count;
    struct connection *connections;
    bool closed_one; /* in the present turn */
};

/* ---- what a handler may ask ---- */

const char *http_query(const struct http_request *request, const char *name)
{
    const char *value =
        MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
    return value ? value : http_has_query(request, name) ? "" : NULL;
}

struct sought {
    const char *name;
    bool found;
};

static enum MHD_Result seek(void *context, enum MHD_ValueKind kind, const char *name,
                            const char *value)
{
    (void)kind;
    (void)value;
    struct sought *sought = context;
    sought->found = sought->found || !strcmp(name, sought->name);
    return MHD_YES;
}

bool http_has_query(const struct http_request *request, const char *name)
{
    struct sought sought = {name, false};
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, seek, &sought);
    return sought.found;
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* ---- one request ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, struct http_response *response)
{
    struct MHD_Response *out;
    if (response->body.full) {
        buf_release(&response->body);
        response->status = 500;
    }
    /* Hands the page over without copying it; libmicrohttpd frees it. */
    out = MHD_create_response_from_buffer(response->body.length, response->body.data,
                                          MHD_RESPMEM_MUST_FREE);
    if (!out)
        return MHD_NO; /* closes the connection; the page is still ours */
    response->body.data = NULL;
    MHD_add_response_header(out, "Content-Type", response->content_type);
    MHD_add_response_header(out, "Cache-Control", "no-store");
    MHD_add_response_header(out, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(out, "Content-Security-Policy",
                            "default-src 'none'; frame-ancestors 'none'");
    if (response->status == 405)
        MHD_add_response_header(out, "Allow", "GET, HEAD");
    enum MHD_Result queued = MHD_queue_response(connection, (unsigned)response->status, out);
    MHD_destroy_response(out);
    return queued;
}

static const struct http_route *find_route(const struct http_server *server, const char *path)
{
    for (size_t i = 0; i < server->route_count; i++)
        if (!strcmp(server->routes[i].path, path))
            return &server->routes[i];
    return NULL;
}

static void not_found(const struct http_server *server, struct http_response *response)
{
    response->status = 404;
    buf_str(&response->body, "not found; there is:\n");
    for (size_t i = 0; i < server->route_count; i++)
        buf_format(&response->body, "%-10s %s\n", server->routes[i].path,
                   server->routes[i].summary);
}

static bool has_body(const struct http_request *request)
{
    const char *length = http_header(request, "Content-Length");
    return http_header(request, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

static void serve(const struct http_server *server, const struct http_request *request,
                  struct http_response *response)
{
    const struct http_route *route = find_route(server, request->path);
    if (!route) {
        not_found(server, response);
    } else if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        response->status = 405;
        buf_str(&response->body, "GET and HEAD only\n");
    } else if (has_body(request)) {
        response->status = 413;
        buf_str(&response->body, "this request has no body\n");
    } else {
        route->handle(route->self, request, response);
    }
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    (void)version;
    (void)upload;
    const struct http_server *server = self;
    if (*state) { /* comes again behind the headers of a request without a body */
        *upload_size = 0;
        return MHD_YES;
    }
    static int begun;
    *state = &begun;
    struct http_request request = {method, path, connection};
    struct http_response response = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    buf_init(&response.body, HTTP_PAGE_MAX);
    serve(server, &request, &response);
    enum MHD_Result ret = answer(connection, &response);
    buf_release(&response.body);
    return ret;
}

/* ---- connections and their time ---- */

static struct connection *find_connection(struct http_server *server, MHD_socket socket)
{
    for (uint32_t i = 0; i < server->options.connections; i++)
        if (server->connections[i].used && server->connections[i].socket == socket)
            return &server->connections[i];
    return NULL;
}

static void on_connection(void *self, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)context;
    struct http_server *server = self;
    MHD_socket socket =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    struct connection *known = find_connection(server, socket);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (known)
            known->used = false;
        server->closed_one = true;
        return;
    }
    for (uint32_t i = 0; i < server->options.connections && !known; i++)
        if (!server->connections[i].used)
            known = &server->connections[i];
    if (known)
        *known = (struct connection){socket, uv_now(server->loop), true};
}

static void on_completed(void *self, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)code;
    struct http_server *server = self;
    *state = NULL;
    struct connection *known = find_connection(
        server, MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
    if (known)
        known->since_ms = uv_now(server->loop);
}

static void run(struct http_server *server);

static void on_sweep(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    uint64_t now = uv_now(server->loop);
    bool cut = false;
    for (uint32_t i = 0; i < server->options.connections; i++) {
        struct connection *connection = &server->connections[i];
        if (!connection->used ||
            now - connection->since_ms < (uint64_t)server->options.timeout_s * 1000)
            continue;
        shutdown(connection->socket, SHUT_RDWR); /* libmicrohttpd sees the end and closes it */
        cut = true;
    }
    if (cut)
        run(server);
}

/* ---- libmicrohttpd inside the loop ---- */

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void run(struct http_server *server)
{
    server->closed_one = false;
    MHD_run(server->daemon);
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
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, server,
                            MHD_OPTION_EXTERNAL_LOGGER, be_silent, NULL, MHD_OPTION_LISTEN_SOCKET,
                            socket, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)server->options.connections, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)server->options.timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)HTTP_MEMORY_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_END);
}

static enum error_code attach(struct http_server *server, struct error *err)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int failed = info ? uv_poll_init(server->loop, &server->poll, info->epoll_fd) : UV_ENOTSUP;
    if (failed)
        return error_set(err, ERR_SYSTEM, "cannot watch the HTTP server: %s", uv_strerror(failed));
    server->handles = HANDLES;
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

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}
