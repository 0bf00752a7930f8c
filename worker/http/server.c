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
#include "base/text.h"
#include "http/listen.h"
#include "http/request.h"

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
    uv_timer_t timer; /* libmicrohttpd's own timeouts */
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

/* ---- answers ---- */

void http_response_init(struct http_response *response)
{
    *response = (struct http_response){.status = 200, .content_type = "text/plain; charset=utf-8"};
    buf_init(&response->body, HTTP_PAGE_MAX);
}

void http_response_header(struct http_response *response, const char *name, const char *value)
{
    CHECK(response->header_count < HTTP_HEADERS_MAX);
    CHECK(strlen(value) < HTTP_HEADER_SIZE);
    CHECK(!value[strcspn(value, "\r\n")]); /* another header would begin there */
    response->headers[response->header_count].name = name;
    memcpy(response->headers[response->header_count++].value, value, strlen(value) + 1);
}

static enum MHD_Result answer(struct http_waiting *exchange, struct http_response *response)
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
    for (size_t i = 0; i < response->header_count; i++)
        MHD_add_response_header(out, response->headers[i].name, response->headers[i].value);
    enum MHD_Result queued =
        MHD_queue_response(exchange->connection, (unsigned)response->status, out);
    MHD_destroy_response(out);
    exchange->queued = true;
    return queued;
}

static struct connection *find_connection(struct http_server *server, MHD_socket socket)
{
    for (uint32_t i = 0; i < server->options.connections; i++)
        if (server->connections[i].used && server->connections[i].socket == socket)
            return &server->connections[i];
    return NULL;
}

static struct connection *connection_of(struct http_server *server,
                                        struct MHD_Connection *connection)
{
    return find_connection(
        server, MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
}

struct http_waiting *http_wait(const struct http_request *request)
{
    struct http_waiting *exchange = request->exchange;
    CHECK(!exchange->waiting);
    exchange->waiting = true;
    return exchange;
}

static void set_waiting(struct http_waiting *exchange, bool waiting)
{
    struct connection *known = connection_of(exchange->server, exchange->connection);
    if (!known)
        return;
    known->waiting = waiting;
    known->since_ms = uv_now(exchange->server->loop);
}

static void on_timer(uv_timer_t *timer);

void http_answer(struct http_waiting *waiting, struct http_response *response)
{
    CHECK(waiting->waiting);
    CHECK(!waiting->answered);
    waiting->late = *response;
    waiting->answered = true;
    buf_init(&response->body, 0);
    if (!waiting->suspended)
        return; /* still inside its handler */
    waiting->suspended = false;
    set_waiting(waiting, false);
    MHD_resume_connection(waiting->connection);
    if (!waiting->server->running) /* in a turn of its own: the caller is no handler of ours */
        uv_timer_start(&waiting->server->timer, on_timer, 0, 0);
}

/* ---- one request ---- */

static bool leads_to(const struct http_route *route, const char *path)
{
    size_t length = strlen(route->path);
    return route->prefix ? !strncmp(path, route->path, length) && path[length]
                         : !strcmp(path, route->path);
}

static const struct http_route *find_route(const struct http_server *server, const char *path)
{
    for (size_t i = 0; i < server->route_count; i++)
        if (leads_to(&server->routes[i], path))
            return &server->routes[i];
    return NULL;
}

static void list_routes(const struct http_server *server, struct buf *out)
{
    buf_str(out, "not found; there is:\n");
    for (size_t i = 0; i < server->route_count; i++)
        buf_format(out, "%-10s %s\n", server->routes[i].path, server->routes[i].summary);
}

/* By what the headers say alone; 0: go on. */
static int refused(const struct http_route *route, const struct http_request *request,
                   const char *version)
{
    bool reads = !strcmp(request->method, "GET") || !strcmp(request->method, "HEAD");
    if (!http_framing_is_clear(request, version))
        return 400;
    if (!route)
        return 404;
    if (route->body_bytes ? strcmp(request->method, "POST") != 0 : !reads)
        return 405;
    if (!route->body_bytes)
        return http_announces_body(request) ? 413 : 0;
    const char *length = http_header(request, "Content-Length");
    uint64_t bytes = 0;
    return length && text_u64(text_of(length), route->body_bytes, &bytes, NULL) ? 413 : 0;
}

static enum MHD_Result refuse(struct http_waiting *exchange, const struct http_request *request,
                              int status)
{
    const struct http_server *server = exchange->server;
    const struct http_route *route = exchange->route;
    struct http_response response;
    http_response_init(&response);
    response.status = status;
    if (status == 400) /* who knows where the next request begins */
        http_response_header(&response, "Connection", "close");
    if (status == 405)
        http_response_header(&response, "Allow", route->body_bytes ? "POST" : "GET, HEAD");
    if (server->options.refuse)
        server->options.refuse(server->options.refuse_self, request, &response);
    else if (status == 404)
        list_routes(server, &response.body);
    else if (status == 405)
        buf_format(&response.body, "%s only\n", route->body_bytes ? "POST" : "GET and HEAD");
    else if (status == 400)
        buf_str(&response.body, "one Content-Length, or Transfer-Encoding: chunked alone\n");
    else if (route->body_bytes)
        buf_format(&response.body, "at most %zu bytes\n", route->body_bytes);
    else
        buf_str(&response.body, "this request has no body\n");
    enum MHD_Result ret = answer(exchange, &response);
    buf_release(&response.body);
    return ret;
}

/* The request is whole. */
static enum MHD_Result serve(struct http_waiting *exchange, struct http_request *request)
{
    struct http_response response;
    const struct http_route *route = exchange->route;
    if (exchange->too_large)
        return refuse(exchange, request, 413);
    http_response_init(&response);
    request->body = (struct text){(const char *)exchange->body.data, exchange->body.length};
    route->handle(route->self, request, &response);
    enum MHD_Result ret = MHD_YES;
    if (!exchange->waiting) {
        ret = answer(exchange, &response);
    } else if (exchange->answered) {
        ret = answer(exchange, &exchange->late);
    } else {
        exchange->suspended = true;
        set_waiting(exchange, true);
        MHD_suspend_connection(exchange->connection);
    }
    buf_release(&response.body);
    return ret;
}

static struct http_waiting *begin(struct http_server *server, struct MHD_Connection *connection,
                                  const char *path)
{
    struct http_waiting *exchange = mem_new(struct http_waiting);
    exchange->server = server;
    exchange->connection = connection;
    exchange->route = find_route(server, path);
    buf_init(&exchange->body, exchange->route ? exchange->route->body_bytes : 0);
    server->busy++;
    return exchange;
}

/* libmicrohttpd calls it with the headers, then with each piece of the body, then with nothing;
 * once more when a resting connection goes on. */
static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *target,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct http_server *server = self;
    struct http_waiting *exchange = *state;
    const char *path = http_path(target);
    struct http_request request = {.method = method, .path = path, .connection = connection};
    if (!exchange) {
        *state = exchange = begin(server, connection, path);
        int status = refused(exchange->route, &request, version);
        return status ? refuse(exchange, &request, status) : MHD_YES;
    }
    request.exchange = exchange;
    request.rest =
        path +
        (exchange->route && exchange->route->prefix ? strlen(exchange->route->path) : strlen(path));
    if (exchange->queued || *upload_size) {
        buf_add(&exchange->body, upload, *upload_size);
        exchange->too_large = exchange->body.full;
        *upload_size = 0;
        return MHD_YES;
    }
    if (exchange->answered)
        return answer(exchange, &exchange->late);
    return serve(exchange, &request);
}

/* ---- connections and their time ---- */

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
        *known = (struct connection){socket, uv_now(server->loop), true, false};
}

static void on_completed(void *self, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)code;
    struct http_server *server = self;
    struct http_waiting *exchange = *state;
    *state = NULL;
    struct connection *known = connection_of(server, connection);
    if (known)
        known->since_ms = uv_now(server->loop);
    if (!exchange)
        return;
    CHECK(!exchange->waiting || exchange->answered); /* somebody still holds it */
    if (exchange->late.body.max)
        buf_release(&exchange->late.body);
    buf_release(&exchange->body);
    free(exchange);
    server->busy--;
}

static void run(struct http_server *server);

static void on_sweep(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    uint64_t now = uv_now(server->loop);
    bool cut = false;
    for (uint32_t i = 0; i < server->options.connections; i++) {
        struct connection *connection = &server->connections[i];
        if (!connection->used || connection->waiting ||
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
                            NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, be_silent, NULL,
                            MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_LIMIT,
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

size_t http_server_busy(const struct http_server *server)
{
    return server->busy;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}
