/* Connecting, reading, and the clock. */
#include "cluster/ras/conn.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cluster/ras/conn_bytes.h"
#include "cluster/ras/conn_call.h"
#include "cluster/ras/conn_open.h"

enum {
    TCP_KEEPALIVE_SECONDS = 60, /* finds silently dead idle connections */
    /* From one request to the next: ten in each second of an idle connection's life, and more. A
     * server that sends them as fast as it can would keep the loop from the other clusters. */
    KEEP_ALIVES_MAX = 1000,
};

/* ---- the end ---- */

static void conn_free(struct ras_conn *conn)
{
    struct ras_conn_owner owner = conn->owner;
    ras_stream_release(&conn->stream);
    ras_wipe(&conn->request);
    buf_release(&conn->request);
    ras_wipe(&conn->auth);
    buf_release(&conn->auth);
    free(conn->login_added);
    explicit_bzero(conn->input, sizeof conn->input);
    free(conn);
    if (owner.closed)
        owner.closed(owner.closed_self);
}

static void handle_gone(struct ras_conn *conn)
{
    CHECK(conn->open_handles > 0);
    if (--conn->open_handles == 0)
        conn_free(conn);
}

static void on_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

static void conn_shut(struct ras_conn *conn)
{
    conn->state = CONN_CLOSED;
    uv_close((uv_handle_t *)&conn->timer, on_closed);
    if (conn->resolving)
        uv_cancel((uv_req_t *)&conn->resolve); /* its callback comes in any case */
    if (conn->tcp_open)
        uv_close((uv_handle_t *)&conn->tcp, on_closed);
    conn->tcp_open = false;
}

void ras_conn_close(struct ras_conn *conn)
{
    if (!conn || conn->state == CONN_CLOSED)
        return;
    if (conn->state == CONN_IDLE && !conn->noted) {
        AUTO_BUF farewell; /* best effort; RAS does not answer it */
        buf_init(&farewell, 64);
        struct ras_packet_value value = {.type = RAS_PACKET_CLOSE, .close = {conn->endpoint}};
        if (!ras_packet_encode(&value, conn->version, &farewell, NULL)) {
            uv_buf_t bytes = uv_buf_init((char *)farewell.data, (unsigned)farewell.length);
            (void)uv_try_write((uv_stream_t *)&conn->tcp, &bytes, 1);
        }
    }
    conn_shut(conn);
}

/* ---- reading ---- */

static void packet_came(struct ras_conn *conn, struct ras_packet packet, bool more)
{
    if (packet.type == RAS_PACKET_KEEP_ALIVE) {
        if (++conn->keep_alives > KEEP_ALIVES_MAX)
            conn_fail(conn, ERR_PROTOCOL, "more than %d keep-alives in a row", KEEP_ALIVES_MAX);
        return;
    }
    if (conn->state == CONN_IDLE || more) {
        conn_fail(conn, ERR_PROTOCOL, "a packet of type %u that nobody asked for", packet.type);
        return;
    }
    struct arena *arena = arena_create(RAS_DECODE_BYTES);
    struct ras_packet_value value;
    struct error err;
    if (ras_packet_decode(packet, conn->version, arena, &value, &err))
        conn_fail(conn, ERR_PROTOCOL, "%s", err.message);
    else if (conn->state == CONN_GREETING || conn->state == CONN_OPENING)
        conn_opening_packet(conn, &value);
    else
        conn_call_packet(conn, &value);
    arena_destroy(arena);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct ras_conn *conn = stream->data;
    if (conn->noted && got != 0) {
        conn->noted_lost = true; /* bytes or an end between the noting and the telling */
        return;
    }
    if (got < 0) {
        conn_fail(conn, ERR_UNAVAILABLE, "%s",
                  got == UV_EOF ? "closed the connection" : uv_strerror((int)got));
        return;
    }
    const uint8_t *bytes = (const uint8_t *)buf->base;
    size_t length = (size_t)got;
    conn->heard = conn->heard || length;
    while (length && !conn->noted && conn->state != CONN_CLOSED) {
        struct ras_packet packet;
        bool ready;
        struct error err;
        if (ras_stream_next(&conn->stream, &bytes, &length, &packet, &ready, &err))
            conn_fail(conn, ERR_PROTOCOL, "%s", err.message);
        else if (ready)
            packet_came(conn, packet, conn_unasked(bytes, length));
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct ras_conn *conn = handle->data;
    *ret = uv_buf_init(conn->input, sizeof conn->input);
}

/* ---- connecting ---- */

static void connect_next(struct ras_conn *conn);

static void on_attempt_closed(uv_handle_t *handle)
{
    struct ras_conn *conn = handle->data;
    bool go_on = conn->state == CONN_CONNECTING && !conn->noted;
    if (go_on)
        connect_next(conn);
    handle_gone(conn);
}

/* The handle cannot be used for another candidate: it is closed first. */
static void attempt_failed(struct ras_conn *conn, const char *reason)
{
    CHECK(conn->tcp_open);
    conn->tcp_open = false;
    if (conn->candidate_next == conn->candidate_count)
        conn_fail(conn, ERR_UNAVAILABLE, "cannot connect: %s", reason);
    uv_close((uv_handle_t *)&conn->tcp, on_attempt_closed);
}

static void attempt_timed_out(struct ras_conn *conn)
{
    if (conn->tcp_open)
        attempt_failed(conn, "no answer");
}

static void on_connected(uv_connect_t *request, int status)
{
    struct ras_conn *conn = request->data;
    if (status == UV_ECANCELED || conn->state != CONN_CONNECTING || !conn->tcp_open)
        return; /* its handle is being closed */
    if (status < 0) {
        attempt_failed(conn, uv_strerror(status));
        return;
    }
    uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    conn_greet(conn);
}

/* What is left of the time is shared by the candidates that are left. */
static struct instant attempt_deadline(const struct ras_conn *conn)
{
    struct instant now = clock_now(&conn->config.clock);
    if (conn->deadline.ns == INT64_MAX || instant_passed(now, conn->deadline))
        return conn->deadline;
    int64_t left = (int64_t)(conn->candidate_count - conn->candidate_next) + 1;
    return (struct instant){now.ns + (conn->deadline.ns - now.ns) / left};
}

static void connect_next(struct ras_conn *conn)
{
    const struct sockaddr *address = (struct sockaddr *)&conn->candidates[conn->candidate_next++];
    conn->attempt = attempt_deadline(conn);
    CHECK(uv_tcp_init(conn->loop, &conn->tcp) == 0);
    conn->tcp.data = conn;
    conn->tcp_open = true;
    conn->open_handles++;
    int status = uv_tcp_connect(&conn->connecting, &conn->tcp, address, on_connected);
    if (status < 0) {
        attempt_failed(conn, uv_strerror(status));
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    uv_tcp_keepalive(&conn->tcp, 1, TCP_KEEPALIVE_SECONDS);
    conn_arm(conn, conn->attempt);
}

static void add_candidate(struct ras_conn *conn, const struct sockaddr *address, size_t length)
{
    if (conn->candidate_count < RAS_CANDIDATES_MAX &&
        (address->sa_family == AF_INET || address->sa_family == AF_INET6))
        memcpy(&conn->candidates[conn->candidate_count++], address, length);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct ras_conn *conn = request->data;
    if (conn->state == CONN_CONNECTING && !conn->noted) {
        for (const struct addrinfo *at = found; at; at = at->ai_next)
            add_candidate(conn, at->ai_addr, at->ai_addrlen);
        if (status < 0 || !conn->candidate_count)
            conn_fail(conn, ERR_UNAVAILABLE, "the name cannot be resolved: %s",
                      status < 0 ? uv_strerror(status) : "no address");
        else
            connect_next(conn);
    }
    uv_freeaddrinfo(found);
    conn->resolving = false;
    handle_gone(conn);
}

/* An address needs no resolver and no thread. */
static bool is_address(struct ras_conn *conn)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(conn->config.host, conn->config.port, &v4) == 0)
        add_candidate(conn, (struct sockaddr *)&v4, sizeof v4);
    else if (uv_ip6_addr(conn->config.host, conn->config.port, &v6) == 0)
        add_candidate(conn, (struct sockaddr *)&v6, sizeof v6);
    return conn->candidate_count == 1;
}

static void resolve(struct ras_conn *conn)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    char port[8];
    snprintf(port, sizeof port, "%u", conn->config.port);
    conn->resolve.data = conn;
    int status =
        uv_getaddrinfo(conn->loop, &conn->resolve, on_resolved, conn->config.host, port, &hints);
    conn->resolving = status == 0;
    conn->open_handles += conn->resolving;
    if (status)
        conn_fail(conn, ERR_UNAVAILABLE, "the name cannot be resolved: %s", uv_strerror(status));
}

/* ---- the clock, and what was noted ---- */

static void tell(struct ras_conn *conn)
{
    enum conn_state state = conn->state;
    struct ras_conn_owner owner = conn->owner;
    switch (state) {
    case CONN_CONNECTING:
    case CONN_GREETING:
    case CONN_OPENING:
        conn_shut(conn);
        owner.opened(owner.self, conn->noted_code, &conn->noted_error);
        return;
    case CONN_IDLE:
        conn_shut(conn);
        owner.lost(owner.self);
        return;
    case CONN_AUTH_CLUSTER:
    case CONN_AUTH_INFOBASE:
    case CONN_ASKED:
        if (conn->noted_lost)
            conn_shut(conn);
        conn_call_noted(conn);
        return;
    case CONN_CLOSED:
        return;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct ras_conn *conn = timer->data;
    if (conn->noted) {
        tell(conn);
        return;
    }
    struct instant now = clock_now(&conn->config.clock);
    struct instant until = conn->state == CONN_CONNECTING
                               ? instant_min(conn->attempt, conn->deadline)
                               : conn->deadline;
    if (conn->state == CONN_IDLE) {
        return;
    } else if (!instant_passed(now, until)) {
        conn_arm(conn, until);
    } else if (!instant_passed(now, conn->deadline)) {
        attempt_timed_out(conn);
    } else {
        conn->timed_out = true;
        conn_fail(conn, ERR_UNAVAILABLE, "no answer within the time");
    }
}

struct ras_conn *ras_conn_create(uv_loop_t *loop, const struct ras_conn_config *config,
                                 const struct ras_conn_owner *owner, struct instant deadline)
{
    CHECK(ras_version_known(config->version_first));
    CHECK(owner->opened && owner->answered && owner->lost);
    struct ras_conn *conn = mem_new(struct ras_conn);
    conn->loop = loop;
    conn->config = *config;
    conn->owner = *owner;
    conn->login_added = mem_alloc(config->infobase_count + 1, sizeof *conn->login_added);
    ras_stream_init(&conn->stream, false, LIMIT_RAS_PACKET_BYTES);
    buf_init(&conn->request, RAS_REQUEST_BYTES);
    buf_init(&conn->auth, RAS_AUTH_BYTES * 2);
    buf_room(&conn->auth, RAS_AUTH_BYTES); /* at once: what a buffer outgrew cannot be wiped */
    CHECK(uv_timer_init(loop, &conn->timer) == 0);
    conn->timer.data = conn;
    conn->on_timer = on_timer;
    conn->connecting.data = conn;
    conn->open_handles = 1;
    conn->attempt = INSTANT_NEVER;
    conn_await(conn, deadline);
    if (is_address(conn))
        connect_next(conn);
    else
        resolve(conn);
    return conn;
}

bool ras_conn_in_doubt(const struct ras_conn *conn)
{
    return conn->state == CONN_ASKED && conn->sent && conn->row->changes;
}

unsigned ras_conn_version(const struct ras_conn *conn)
{
    return conn->state >= CONN_IDLE ? conn->version : 0;
}

unsigned ras_conn_version_left(const struct ras_conn *conn)
{
    bool asked_again = (conn->tried & (conn->tried - 1)) != 0;
    bool closed = conn->noted_code == ERR_UNAVAILABLE && !conn->timed_out;
    return asked_again && closed ? conn->version : 0;
}
