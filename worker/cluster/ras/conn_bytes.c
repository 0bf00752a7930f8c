/* What leaves, and what has failed. */
#include "cluster/ras/conn_bytes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "cluster/timer.h"

enum { PEEK_BYTES = 512 }; /* of what came unasked, keep-alives first */

void conn_arm(struct ras_conn *conn, struct instant at)
{
    timer_until(&conn->timer, conn->on_timer, clock_now(&conn->config.clock), at);
}

void conn_await(struct ras_conn *conn, struct instant deadline)
{
    if (conn->noted)
        return; /* the timer is already set to tell it */
    conn->deadline = deadline;
    conn_arm(conn, deadline);
}

__attribute__((format(printf, 4, 0))) static void note(struct ras_conn *conn, enum error_code code,
                                                       bool lost, const char *format, va_list args)
{
    if (conn->noted || conn->state == CONN_CLOSED)
        return;
    char text[ERROR_MESSAGE_MAX];
    vsnprintf(text, sizeof text, format, args);
    conn->noted = true;
    conn->noted_lost = lost;
    conn->noted_code = error_set(&conn->noted_error, code, "RAS '%s:%u': %s", conn->config.host,
                                 conn->config.port, text);
    if (lost && conn->tcp_open)
        uv_read_stop((uv_stream_t *)&conn->tcp);
    uv_timer_start(&conn->timer, conn->on_timer, 0, 0);
}

void conn_fail(struct ras_conn *conn, enum error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(conn, code, true, format, args);
    va_end(args);
}

void conn_finish(struct ras_conn *conn, enum error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(conn, code, false, format, args);
    va_end(args);
}

/* Only one answer is due. Behind it may stand keep-alives (their length is below 128 or they are
 * not what they seem), nothing else: not even later, when the next request has left. */
bool conn_unasked(const uint8_t *bytes, size_t length)
{
    while (length && bytes[0] == RAS_PACKET_KEEP_ALIVE) {
        size_t whole = length > 1 ? 2 + (size_t)bytes[1] : 2;
        if (length > 1 && bytes[1] & 0x80)
            return true;
        if (whole >= length)
            return false;
        bytes += whole;
        length -= whole;
    }
    return length > 0;
}

/* A request may leave only while nothing has come that nobody asked for: without request numbers
 * it would be taken for the answer. */
static bool quiet(struct ras_conn *conn)
{
    uv_os_fd_t file;
    uint8_t bytes[PEEK_BYTES];
    if (uv_fileno((const uv_handle_t *)&conn->tcp, &file) < 0)
        return false;
    bool begun = !ras_stream_idle(&conn->stream) && conn->stream.type != RAS_PACKET_KEEP_ALIVE;
    if (begun) { /* of something that nobody asked for the beginning is here already */
        conn_fail(conn, ERR_PROTOCOL, "bytes that nobody asked for");
        return false;
    }
    ssize_t got = recv(file, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return true;
    if (got > 0 && !conn_unasked(bytes, (size_t)got))
        return true;
    if (got > 0)
        conn_fail(conn, ERR_PROTOCOL, "bytes that nobody asked for");
    else
        conn_fail(conn, ERR_UNAVAILABLE, "%s", got ? strerror(errno) : "closed the connection");
    return false;
}

size_t conn_write(struct ras_conn *conn, const void *bytes, size_t length)
{
    if (!quiet(conn))
        return 0;
    conn->heard = false;
    conn->keep_alives = 0;
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)length);
    int taken = uv_try_write((uv_stream_t *)&conn->tcp, &out, 1);
    if (taken < 0 && taken != UV_EAGAIN)
        conn_fail(conn, ERR_UNAVAILABLE, "cannot write: %s", uv_strerror(taken));
    else if (taken < 0 || (size_t)taken < length)
        conn_fail(conn, ERR_UNAVAILABLE, "the connection takes no more bytes");
    return taken > 0 ? (size_t)taken : 0;
}
