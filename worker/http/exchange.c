/* One request, from its headers to the end of its answer. */
#include "http/exchange.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "http/connections.h"
#include "http/request.h"

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

struct http_waiting *http_wait(const struct http_request *request)
{
    struct http_waiting *exchange = request->exchange;
    CHECK(!exchange->waiting);
    exchange->waiting = true;
    return exchange;
}

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
    connections_begin_anew(waiting->server, waiting->connection, false);
    MHD_resume_connection(waiting->connection);
    if (!waiting->server->running) /* in a turn of its own: the caller is no handler of ours */
        uv_timer_start(&waiting->server->timer, waiting->server->on_timer, 0, 0);
}

/* ---- from the headers on ---- */

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
        connections_begin_anew(exchange->server, exchange->connection, true);
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

enum MHD_Result exchange_go_on(void *self, struct MHD_Connection *connection, const char *target,
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

void exchange_over(void *self, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code)
{
    (void)code;
    struct http_server *server = self;
    struct http_waiting *exchange = *state;
    *state = NULL;
    connections_begin_anew(server, connection, false);
    if (!exchange)
        return;
    CHECK(!exchange->waiting || exchange->answered); /* somebody still holds it */
    if (exchange->late.body.max)
        buf_release(&exchange->late.body);
    buf_release(&exchange->body);
    free(exchange);
    server->busy--;
}
