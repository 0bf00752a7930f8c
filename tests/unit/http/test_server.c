/* The HTTP server on a real loop and real sockets of this machine, port chosen by the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "http/health.h"
#include "http/server.h"

enum { ANSWER_MAX = 1024 * 1024, CLIENTS = 8, BODY_BYTES = 1000 };

/* ---- a client that sends bytes and collects what comes until the end ---- */

struct client {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    const char *request;
    struct buf answer;
    char room[65536];
    bool ended;
};

static void on_client_closed(uv_handle_t *handle)
{
    ((struct client *)handle->data)->ended = true;
}

static void give_room(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    (void)size;
    struct client *client = handle->data;
    *ret = uv_buf_init(client->room, sizeof client->room);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
    struct client *client = stream->data;
    if (got > 0)
        buf_add(&client->answer, bytes->base, (size_t)got);
    else if (got < 0 && !uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, on_client_closed);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct client *client = connect->data;
    assert_int_equal(status, 0);
    uv_buf_t bytes = uv_buf_init((char *)client->request, (unsigned)strlen(client->request));
    uv_write(&client->write, connect->handle, &bytes, 1, NULL);
    uv_read_start(connect->handle, give_room, on_read);
}

static struct client *client_start(uv_loop_t *loop, uint16_t port, const char *request)
{
    struct client *client = calloc(1, sizeof *client);
    assert_non_null(client);
    buf_init(&client->answer, ANSWER_MAX);
    client->request = request;
    client->tcp.data = client->connect.data = client;
    uv_tcp_init(loop, &client->tcp);
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", port, &address);
    uv_tcp_connect(&client->connect, &client->tcp, (const struct sockaddr *)&address, on_connected);
    return client;
}

static void client_free(struct client *client)
{
    buf_release(&client->answer);
    free(client);
}

/* ---- a server with the health routes ---- */

struct world {
    uv_loop_t loop;
    struct http_server *server;
    struct http_health health;
    struct metrics *metrics;
    struct http_check checks[2];
    int collected;
    struct http_waiting *waiting[CLIENTS]; /* of /later, and what they sent */
    struct buf bodies[CLIENTS];
    int waiting_count;
};

static size_t give_checks(void *self, struct http_check *ret, size_t max)
{
    struct world *world = self;
    assert_true(max >= 2);
    memcpy(ret, world->checks, sizeof world->checks);
    return 2;
}

static void collect(void *self)
{
    struct world *world = self;
    world->collected++;
    metrics_set(world->metrics, METRIC_open_commands, NO_LABELS, world->collected);
}

static void on_echo(void *self, const struct http_request *request, struct http_response *response)
{
    (void)self;
    const char *name = http_query(request, "name");
    buf_format(&response->body, "name=%s flag=%d", name ? name : "(none)",
               http_has_query(request, "flag"));
}

/* Answers "now" at once; everything else waits for answer_all(). */
static void on_later(void *self, const struct http_request *request, struct http_response *response)
{
    struct world *world = self;
    struct http_waiting *waiting = http_wait(request);
    buf_str(&response->body, "never sent");
    if (text_equal(request->body, TEXT("now"))) {
        struct http_response now;
        http_response_init(&now);
        buf_str(&now.body, "at once");
        http_answer(waiting, &now);
        return;
    }
    struct buf *body = &world->bodies[world->waiting_count];
    buf_init(body, BODY_BYTES);
    buf_add(body, request->body.at, request->body.length);
    world->waiting[world->waiting_count++] = waiting;
}

static void answer_all(struct world *world)
{
    for (int i = 0; i < world->waiting_count; i++) {
        struct http_response response;
        http_response_init(&response);
        response.status = 202;
        http_response_header(&response, "Location", "/later/1");
        buf_format(&response.body, "%zu bytes: %s", world->bodies[i].length,
                   buf_text(&world->bodies[i]));
        http_answer(world->waiting[i], &response);
        buf_release(&world->bodies[i]);
    }
    world->waiting_count = 0;
}

/* What a header that comes once and one that is a list are read as. */
static void on_headers(void *self, const struct http_request *request,
                       struct http_response *response)
{
    (void)self;
    const char *once = http_single_header(request, "X-Once");
    buf_format(&response->body, "once=%s list=", once ? once : "(none)");
    if (!http_list_header(request, "X-List", &response->body))
        buf_str(&response->body, "(none)");
    struct http_peer peer = http_peer(request);
    buf_format(&response->body, " from=%u.%u.%u.%u/%02x%02x", peer.bytes[12], peer.bytes[13],
               peer.bytes[14], peer.bytes[15], peer.bytes[10], peer.bytes[11]);
}

static void on_below(void *self, const struct http_request *request, struct http_response *response)
{
    (void)self;
    buf_format(&response->body, "rest=%s", request->rest);
}

static void world_start(struct world *world, uint32_t timeout_s)
{
    memset(world, 0, sizeof *world);
    uv_loop_init(&world->loop);
    world->metrics = metrics_create(METRICS_OF_WORKER);
    world->health = (struct http_health){give_checks, collect, world, world->metrics};
    world->checks[0] = (struct http_check){.name = "group", .passed = true};
    world->checks[1] = (struct http_check){.name = "journal", .passed = true};
    struct http_route routes[HTTP_HEALTH_ROUTES + 4];
    http_health_routes(&world->health, routes);
    struct http_route *own = routes + HTTP_HEALTH_ROUTES;
    own[0] = (struct http_route){.path = "/echo", .summary = "a test", .handle = on_echo};
    own[1] = (struct http_route){.path = "/later",
                                 .summary = "a test",
                                 .handle = on_later,
                                 .self = world,
                                 .body_bytes = BODY_BYTES};
    own[2] = (struct http_route){
        .path = "/later/", .summary = "a test", .handle = on_below, .prefix = true};
    own[3] = (struct http_route){.path = "/headers", .summary = "a test", .handle = on_headers};
    struct http_options options = {
        .host = "127.0.0.1", .connections = CLIENTS, .timeout_s = timeout_s};
    struct error err;
    assert_int_equal(http_server_create(&world->loop, &options, routes, HTTP_HEALTH_ROUTES + 4,
                                        &world->server, &err),
                     ERR_OK);
    assert_int_not_equal(http_server_port(world->server), 0);
}

static void world_stop(struct world *world)
{
    http_server_destroy(world->server);
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    metrics_destroy(world->metrics);
}

/* Sends `request` and gives the whole answer; valid until the next one. */
static const char *ask(struct world *world, const char *request)
{
    static struct client *last;
    if (last)
        client_free(last);
    last = NULL;
    if (!request)
        return NULL;
    last = client_start(&world->loop, http_server_port(world->server), request);
    while (!last->ended)
        uv_run(&world->loop, UV_RUN_ONCE);
    return buf_text(&last->answer);
}

static void finish(struct world *world)
{
    ask(world, NULL);
    world_stop(world);
}

#define GET(path, headers)                                                                         \
    "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" headers "\r\n"

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in: %s", part, text);
}

static void a_scrape_gets_fresh_metrics_in_the_form_it_asks_for(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    const char *text = ask(&world, GET("/metrics", ""));
    assert_has(text, "HTTP/1.1 200 ");
    assert_has(text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    assert_has(text, "Cache-Control: no-store\r\n");
    assert_has(text, "X-Content-Type-Options: nosniff\r\n");
    assert_has(text, "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
    assert_has(text, "\ncurfew_open_commands 1\n");
    text = ask(&world, GET("/metrics", "Accept: application/openmetrics-text\r\n"));
    assert_has(text, "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_has(text, "\ncurfew_open_commands 2\n");
    assert_has(text, "# EOF\n");
    finish(&world);
}

static void livez_asks_nothing_and_healthz_is_the_same(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    world.checks[0].passed = false;
    assert_has(ask(&world, GET("/livez", "")), "HTTP/1.1 200 ");
    assert_has(ask(&world, GET("/healthz", "")), "HTTP/1.1 200 ");
    finish(&world);
}

static void readyz_is_503_and_names_what_fails(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    const char *text = ask(&world, GET("/readyz", ""));
    assert_has(text, "HTTP/1.1 200 ");
    assert_has(text, "\r\n\r\nready\n");
    world.checks[1].passed = false;
    strcpy(world.checks[1].detail, "reading back \"p3\"");
    text = ask(&world, GET("/readyz", ""));
    assert_has(text, "HTTP/1.1 503 ");
    assert_has(text, "\r\n\r\n[-] journal: reading back \"p3\"\nnot ready\n");
    text = ask(&world, GET("/readyz?verbose", ""));
    assert_has(text, "\r\n\r\n[+] group\n[-] journal: reading back \"p3\"\nnot ready\n");
    text = ask(&world, GET("/readyz", "Accept: application/json\r\n"));
    assert_has(text, "Content-Type: application/json\r\n");
    assert_has(text, "{\"ready\":false,\"checks\":[{\"name\":\"group\",\"passed\":true,"
                     "\"detail\":\"\"},{\"name\":\"journal\",\"passed\":false,"
                     "\"detail\":\"reading back \\\"p3\\\"\"}]}\n");
    text = ask(&world, GET("/readyz?format=json", ""));
    assert_has(text, "HTTP/1.1 503 ");
    assert_has(text, "{\"ready\":false");
    finish(&world);
}

static void head_answers_without_a_body(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    const char *text = ask(&world, "HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_has(text, "HTTP/1.1 200 ");
    assert_has(text, "Content-Length: 5\r\n");
    assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
    finish(&world);
}

static void unknown_paths_and_other_methods_are_told_what_there_is(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    const char *text = ask(&world, GET("/metric", ""));
    assert_has(text, "HTTP/1.1 404 ");
    assert_has(text, "/metrics ");
    text = ask(&world, "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Content-Length: 2\r\n\r\nhi");
    assert_has(text, "HTTP/1.1 405 ");
    assert_has(text, "Allow: GET, HEAD\r\n");
    text = ask(&world, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Content-Length: 100000000\r\n\r\n");
    assert_has(text, "HTTP/1.1 413 ");
    finish(&world);
}

static void queries_are_decoded_with_and_without_a_value(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    assert_has(ask(&world, GET("/echo?name=a%20b&flag", "")), "name=a b flag=1");
    assert_has(ask(&world, GET("/echo?name", "")), "name= flag=0");
    assert_has(ask(&world, GET("/echo", "")), "name=(none) flag=0");
    finish(&world);
}

static void garbage_and_too_long_headers_end_the_connection_only(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    ask(&world, "\x16\x03\x01 not http\r\n\r\n");
    static char large[64 * 1024];
    int at = snprintf(large, sizeof large, "GET /livez HTTP/1.1\r\nHost: x\r\nX: ");
    memset(large + at, 'a', sizeof large - (size_t)at - 1);
    ask(&world, large);
    assert_has(ask(&world, GET("/livez", "")), "HTTP/1.1 200 ");
    finish(&world);
}

static void a_slow_client_loses_its_connection_however_often_it_sends_a_byte(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 1);
    struct client *slow[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        slow[i] = client_start(&world.loop, http_server_port(world.server), "GET /li");
    uint64_t start = uv_hrtime();
    for (int i = 0; i < CLIENTS; i++)
        while (!slow[i]->ended) {
            uv_buf_t byte = uv_buf_init((char[]){"v"}, 1);
            if (!uv_is_closing((uv_handle_t *)&slow[i]->tcp))
                uv_try_write((uv_stream_t *)&slow[i]->tcp, &byte, 1);
            uv_run(&world.loop, UV_RUN_ONCE);
        }
    assert_true(uv_hrtime() - start < 10ull * 1000000000);
    for (int i = 0; i < CLIENTS; i++)
        client_free(slow[i]);
    assert_has(ask(&world, GET("/livez", "")), "HTTP/1.1 200 ");
    finish(&world);
}

static void many_clients_at_once_are_all_answered(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    struct client *clients[CLIENTS];
    for (int turn = 0; turn < 5; turn++) {
        for (int i = 0; i < CLIENTS; i++)
            clients[i] =
                client_start(&world.loop, http_server_port(world.server), GET("/metrics", ""));
        for (int i = 0; i < CLIENTS; i++) {
            while (!clients[i]->ended)
                uv_run(&world.loop, UV_RUN_ONCE);
            assert_has(buf_text(&clients[i]->answer), "HTTP/1.1 200 ");
            client_free(clients[i]);
        }
    }
    finish(&world);
}

static void an_address_that_cannot_be_listened_on_is_an_error(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    struct http_options options = {.host = "127.0.0.1",
                                   .port = http_server_port(world.server),
                                   .connections = 8,
                                   .timeout_s = 10};
    struct http_server *second = NULL;
    struct error err;
    assert_int_equal(http_server_create(&world.loop, &options, NULL, 0, &second, &err), ERR_SYSTEM);
    assert_has(err.message, "Address already in use");
    options.host = "metrics.example";
    assert_int_equal(http_server_create(&world.loop, &options, NULL, 0, &second, &err), ERR_CONFIG);
    assert_null(second);
    finish(&world);
}

#define POST(length, body)                                                                         \
    "POST /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " length              \
    "\r\n\r\n" body

static void a_post_gets_its_whole_body_and_may_be_answered_at_once(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    const char *text = ask(&world, POST("3", "now"));
    assert_has(text, "HTTP/1.1 200 ");
    assert_has(text, "\r\n\r\nat once");
    text = ask(&world, "POST /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n1\r\nn\r\n2\r\now\r\n0\r\n\r\n");
    assert_has(text, "\r\n\r\nat once");
    assert_int_equal(http_server_busy(world.server), 0);
    finish(&world);
}

static void who_waits_outlives_the_time_limit_and_is_answered_later(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 1);
    struct client *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = client_start(&world.loop, http_server_port(world.server), POST("5", "hello"));
    while (world.waiting_count < CLIENTS)
        uv_run(&world.loop, UV_RUN_ONCE);
    for (uint64_t end = uv_hrtime() + 2500000000ull; uv_hrtime() < end;) /* the limit, twice over */
        uv_run(&world.loop, UV_RUN_ONCE);
    assert_int_equal(http_server_busy(world.server), CLIENTS);
    answer_all(&world);
    for (int i = 0; i < CLIENTS; i++) {
        while (!clients[i]->ended)
            uv_run(&world.loop, UV_RUN_ONCE);
        const char *text = buf_text(&clients[i]->answer);
        assert_has(text, "HTTP/1.1 202 ");
        assert_has(text, "Location: /later/1\r\n");
        assert_has(text, "\r\n\r\n5 bytes: hello");
        client_free(clients[i]);
    }
    assert_int_equal(http_server_busy(world.server), 0);
    finish(&world);
}

static void a_client_that_left_while_it_waited_does_no_harm(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    struct client *client =
        client_start(&world.loop, http_server_port(world.server), POST("5", "hello"));
    while (!world.waiting_count)
        uv_run(&world.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&client->tcp, on_client_closed);
    while (!client->ended)
        uv_run(&world.loop, UV_RUN_ONCE);
    answer_all(&world);
    while (http_server_busy(world.server))
        uv_run(&world.loop, UV_RUN_ONCE);
    client_free(client);
    assert_has(ask(&world, GET("/livez", "")), "HTTP/1.1 200 ");
    finish(&world);
}

static void a_body_over_the_routes_maximum_is_refused_announced_or_not(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    assert_has(ask(&world, POST("1001", "")), "HTTP/1.1 413 ");
    assert_has(ask(&world, POST("99999999999999999999", "")), "HTTP/1.1 4");
    static char chunked[4096];
    int at = snprintf(chunked, sizeof chunked,
                      "POST /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n7d0\r\n");
    memset(chunked + at, 'a', 2000);
    snprintf(chunked + at + 2000, sizeof chunked - (size_t)at - 2000, "\r\n0\r\n\r\n");
    assert_has(ask(&world, chunked), "HTTP/1.1 413 ");
    assert_int_equal(world.waiting_count, 0);
    finish(&world);
}

static void a_route_has_one_kind_of_method_and_a_prefix_tells_the_rest(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    const char *text = ask(&world, GET("/later", ""));
    assert_has(text, "HTTP/1.1 405 ");
    assert_has(text, "Allow: POST\r\n");
    assert_has(ask(&world, GET("/later/7b?x=1", "")), "\r\n\r\nrest=7b");
    assert_has(ask(&world, GET("/later/", "")), "HTTP/1.1 404 ");
    finish(&world);
}

/* Two readings of one request let a stranger's bytes pass for another one's: the connection ends
 * with the refusal, and what stands behind it is never a request. */
static void a_request_whose_end_is_not_clear_is_refused_with_its_connection(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n\r\n",
        "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
        "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\n",
        "POST /later HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST /later HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST /later HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
        "chunked\r\n"
        "\r\n",
        "POST /later HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n",
    };
    struct world world;
    world_start(&world, 10);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char request[512];
        snprintf(request, sizeof request, "%s%s", rows[i], "now" GET("/echo", ""));
        const char *text = ask(&world, request);
        if (!strstr(text, "HTTP/1.1 400 ") || !strstr(text, "Connection: close\r\n") ||
            strstr(text, "flag="))
            fail_msg("'%s' gave '%s'", rows[i], text);
    }
    assert_int_equal(world.waiting_count, 0);
    finish(&world);
}

static void headers_that_come_several_times_are_joined_or_of_no_use(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    const char *text = ask(&world, GET("/headers", ""));
    assert_has(text, "once=(none) list=(none) from=127.0.0.1/ffff");
    text = ask(&world, GET("/headers", "x-once: a b\r\nX-List: 1\r\nX-LIST: 2, 3\r\n"));
    assert_has(text, "once=a b list=1, 2, 3 ");
    text = ask(&world, GET("/headers", "X-Once: a\r\nX-Once: a\r\n"));
    assert_has(text, "once= list=");
    finish(&world);
}

static void a_proxy_may_name_the_whole_address(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    assert_has(ask(&world, GET("http://x:80/echo?name=a", "")), "\r\n\r\nname=a flag=0");
    assert_has(ask(&world, GET("HTTPS://x/later/7b", "")), "\r\n\r\nrest=7b");
    assert_has(ask(&world, GET("http://x", "")), "HTTP/1.1 404 ");
    finish(&world);
}

static void a_server_that_never_served_closes_cleanly(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, 10);
    world_stop(&world);
    http_server_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scrape_gets_fresh_metrics_in_the_form_it_asks_for),
        cmocka_unit_test(livez_asks_nothing_and_healthz_is_the_same),
        cmocka_unit_test(readyz_is_503_and_names_what_fails),
        cmocka_unit_test(head_answers_without_a_body),
        cmocka_unit_test(unknown_paths_and_other_methods_are_told_what_there_is),
        cmocka_unit_test(queries_are_decoded_with_and_without_a_value),
        cmocka_unit_test(garbage_and_too_long_headers_end_the_connection_only),
        cmocka_unit_test(a_slow_client_loses_its_connection_however_often_it_sends_a_byte),
        cmocka_unit_test(many_clients_at_once_are_all_answered),
        cmocka_unit_test(an_address_that_cannot_be_listened_on_is_an_error),
        cmocka_unit_test(a_post_gets_its_whole_body_and_may_be_answered_at_once),
        cmocka_unit_test(who_waits_outlives_the_time_limit_and_is_answered_later),
        cmocka_unit_test(a_client_that_left_while_it_waited_does_no_harm),
        cmocka_unit_test(a_body_over_the_routes_maximum_is_refused_announced_or_not),
        cmocka_unit_test(a_route_has_one_kind_of_method_and_a_prefix_tells_the_rest),
        cmocka_unit_test(a_request_whose_end_is_not_clear_is_refused_with_its_connection),
        cmocka_unit_test(headers_that_come_several_times_are_joined_or_of_no_use),
        cmocka_unit_test(a_proxy_may_name_the_whole_address),
        cmocka_unit_test(a_server_that_never_served_closes_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
