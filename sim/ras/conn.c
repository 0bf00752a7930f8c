/* One client's connection: from bytes to requests, from answers to bytes, and what goes wrong on
 * the way. */
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "sim/ras/server_internal.h"

enum {
    PENDING_MAX = 256 * 1024, /* bytes that came too early */
    PIECES_MAX = 3000,        /* written one by one; the rest of a long answer follows at once */
    REPLY_KEEP = 1024 * 1024, /* memory that stays between answers */
    REQUEST_ARENA = 1024 * 1024,
};

static void feed(struct sim_conn *conn, const uint8_t *bytes, size_t length);
static void send_piece(struct sim_conn *conn);

/* ---- closing ---- */

static void conn_free(struct sim_conn *conn)
{
    struct ras_sim *sim = conn->sim;
    while (conn->endpoint_count)
        sim_endpoint_forget(conn, conn->endpoint_count - 1);
    arena_destroy(conn->arena);
    ras_stream_release(&conn->stream);
    buf_release(&conn->pending);
    buf_release(&conn->reply);
    free(conn);
    sim_one_closed(sim);
}

static void on_closed(uv_handle_t *handle)
{
    struct sim_conn *conn = handle->data;
    if (--conn->handles == 0)
        conn_free(conn);
}

static void unlist(struct sim_conn *conn)
{
    struct ras_sim *sim = conn->sim;
    if (conn->previous)
        conn->previous->next = conn->next;
    else
        sim->conns = conn->next;
    if (conn->next)
        conn->next->previous = conn->previous;
    sim->conn_count--;
}

static void close_with(struct sim_conn *conn, bool reset)
{
    if (conn->closing)
        return;
    conn->closing = true;
    unlist(conn);
    if (!reset || uv_tcp_close_reset(&conn->tcp, on_closed))
        uv_close((uv_handle_t *)&conn->tcp, on_closed);
    uv_close((uv_handle_t *)&conn->timer, on_closed);
}

void sim_conn_close(struct sim_conn *conn)
{
    close_with(conn, false);
}

void ras_sim_cut(struct ras_sim *sim, const struct world_cluster *only)
{
    for (struct sim_conn *conn = sim->conns, *next; conn; conn = next) {
        next = conn->next;
        if (!only || conn->listener->only == only)
            sim_conn_close(conn);
    }
}

/* ---- answering ---- */

/* The request has its answer, or never gets one: the next may come. */
static void finish(struct sim_conn *conn)
{
    AUTO_BUF early = conn->pending;
    buf_init(&conn->pending, PENDING_MAX);
    conn->busy = false;
    conn->sent = 0;
    if (conn->reply.capacity > REPLY_KEEP)
        buf_release(&conn->reply);
    buf_clear(&conn->reply);
    if (conn->gone)
        sim_conn_close(conn);
    else
        feed(conn, early.data, early.length);
}

static size_t reply_end(const struct sim_conn *conn)
{
    if (fault_has(&conn->plan, FAULT_CUT) && (size_t)conn->plan.cut < conn->reply.length)
        return (size_t)conn->plan.cut;
    return conn->reply.length;
}

static void on_written(uv_write_t *write, int status)
{
    struct sim_conn *conn = write->data;
    if (conn->closing)
        return;
    if (status < 0) {
        conn->sim->counters.gave_up++;
        sim_conn_close(conn);
        return;
    }
    if (conn->sent < reply_end(conn))
        send_piece(conn);
    else if (fault_has(&conn->plan, FAULT_CUT))
        sim_conn_close(conn);
    else if (!fault_has(&conn->plan, FAULT_HUGE_PACKET))
        finish(conn);
}

/* Type and length of the first packet: RAS sends them apart (docs/ras-protocol.md 2.1). */
static size_t header_length(const struct buf *reply)
{
    size_t length = 2;
    while (length < reply->length && reply->data[length - 1] & 0x80)
        length++;
    return length;
}

static size_t piece_length(struct sim_conn *conn, size_t left)
{
    size_t length = left;
    if (fault_has(&conn->plan, FAULT_PIECES) && conn->pieces < PIECES_MAX)
        length = (size_t)conn->plan.pieces;
    else if (!fault_has(&conn->plan, FAULT_WHOLE) && conn->sent == 0)
        length = header_length(&conn->reply);
    return length < left ? length : left;
}

static void send_piece(struct sim_conn *conn)
{
    size_t length = piece_length(conn, reply_end(conn) - conn->sent);
    uv_buf_t piece = uv_buf_init((char *)conn->reply.data + conn->sent, (unsigned)length);
    conn->sent += length;
    conn->pieces++;
    conn->write.data = conn;
    if (uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &piece, 1, on_written))
        sim_conn_close(conn);
}

static void send_reply(struct sim_conn *conn)
{
    conn->step = SIM_STEP_NONE;
    conn->sent = 0;
    conn->pieces = 0;
    if (reply_end(conn) == 0)
        sim_conn_close(conn);
    else
        send_piece(conn);
}

static void on_timer(uv_timer_t *timer);

static void wait_for(struct sim_conn *conn, int64_t ms, enum sim_step step)
{
    conn->step = step;
    uv_timer_start(&conn->timer, on_timer, (uint64_t)ms, 0);
}

static void answer(struct sim_conn *conn)
{
    const struct fault_plan *plan = &conn->plan;
    if (fault_has(plan, FAULT_SILENT) && !conn->gone)
        return;
    if (fault_has(plan, FAULT_LOST) || conn->gone) {
        sim_conn_close(conn);
        return;
    }
    sim_mangle(conn);
    if (plan->late_ms > 0)
        wait_for(conn, plan->late_ms, SIM_STEP_SEND);
    else
        send_reply(conn);
}

/* ---- packets ---- */

static void answer_connect(struct sim_conn *conn)
{
    struct ras_packet_value ack = {.type = RAS_PACKET_CONNECT_ACK, .connect = {.null = true}};
    conn->connected = true;
    sim_reply_packet(conn, &ack);
}

static int64_t request_endpoint(const struct sim_conn *conn)
{
    return conn->request.type == RAS_PACKET_MESSAGE ? conn->request.message.head.endpoint
                                                    : RAS_NONE;
}

/* Answers without looking at the request, as the rules say. False: they do not. */
static bool spoiled(struct sim_conn *conn)
{
    const struct fault_plan *plan = &conn->plan;
    bool message = conn->request.type == RAS_PACKET_MESSAGE;
    if (fault_has(plan, FAULT_FAILURE))
        sim_endpoint_fail(conn, request_endpoint(conn), "Endpoint is closed");
    else if (message && fault_has(plan, FAULT_CREDENTIALS))
        sim_answer_exception(conn, request_endpoint(conn), TEXT("Failure"), NULL);
    else if (message && fault_has(plan, FAULT_ERROR))
        sim_answer_exception(conn, request_endpoint(conn), plan->error, NULL);
    else
        return false;
    return true;
}

static void answer_message(struct sim_conn *conn)
{
    int64_t id = request_endpoint(conn);
    struct sim_endpoint *endpoint = sim_endpoint_find(conn, id);
    CHECK(endpoint); /* on_message() looked; only one request at a time is under way */
    sim_answer_message(conn, endpoint);
    if (fault_has(&conn->plan, FAULT_ERROR_AFTER)) {
        buf_clear(&conn->reply);
        sim_answer_exception(conn, id, conn->plan.error_after, NULL);
    }
}

static void execute(struct sim_conn *conn)
{
    const struct fault_plan *plan = &conn->plan;
    conn->step = SIM_STEP_NONE;
    if (fault_has(plan, FAULT_HANG)) {
        sim_not_done(conn);
        if (conn->gone)
            sim_conn_close(conn);
        return;
    }
    if (fault_has(plan, FAULT_DROP) || fault_has(plan, FAULT_RESET)) {
        sim_not_done(conn);
        close_with(conn, fault_has(plan, FAULT_RESET));
        return;
    }
    if (spoiled(conn))
        sim_not_done(conn);
    else if (conn->request.type == RAS_PACKET_CONNECT)
        answer_connect(conn);
    else if (conn->request.type == RAS_PACKET_OPEN)
        sim_endpoint_open(conn);
    else
        answer_message(conn);
    answer(conn);
}

static void on_timer(uv_timer_t *timer)
{
    struct sim_conn *conn = timer->data;
    if (conn->step == SIM_STEP_EXECUTE)
        execute(conn);
    else if (conn->step == SIM_STEP_SEND)
        send_reply(conn);
}

/* The rules may change while the answer waits: the plan keeps its own texts. */
static struct text keep_for_request(struct sim_conn *conn, struct text text)
{
    return text.length ? text_of(arena_text(conn->arena, text)) : text;
}

static void begin(struct sim_conn *conn)
{
    struct fault_request request = sim_fault_request(conn);
    conn->busy = true;
    conn->received = sim_wall(conn->sim);
    conn->plan = faults_pick(conn->sim->faults, &request, sim_now(conn->sim));
    conn->plan.error = keep_for_request(conn, conn->plan.error);
    conn->plan.error_after = keep_for_request(conn, conn->plan.error_after);
    conn->sim->counters.faults += conn->plan.kinds != 0;
    if (conn->plan.delay_ms > 0)
        wait_for(conn, conn->plan.delay_ms, SIM_STEP_EXECUTE);
    else
        execute(conn);
}

/* An answer outside of the rules: the request was wrong. */
static void answer_wrong(struct sim_conn *conn, int64_t endpoint, struct text name)
{
    conn->busy = true;
    conn->plan = (struct fault_plan){0};
    sim_answer_exception(conn, endpoint, name, NULL);
    send_reply(conn);
}

static void wrong_endpoint(struct sim_conn *conn, int64_t endpoint)
{
    sim_violation(conn, RAS_VIOLATION_ENDPOINT, "endpoint %lld was not handed out",
                  (long long)endpoint);
    conn->busy = true;
    conn->plan = (struct fault_plan){0};
    sim_endpoint_fail(conn, endpoint, "Endpoint not found");
    send_reply(conn);
}

static bool judge_head(struct sim_conn *conn, struct ras_packet packet, struct ras_head *head)
{
    struct error err;
    if (ras_head_decode(packet, head, &err)) {
        sim_violation(conn, RAS_VIOLATION_MALFORMED, "%s", err.message);
        sim_conn_close(conn);
        return false;
    }
    if (head->format != 0 && head->format != 0x0100)
        sim_violation(conn, RAS_VIOLATION_FORMAT, "format %04x", head->format);
    if (head->kind == RAS_KIND_MESSAGE)
        return true;
    sim_violation(conn, RAS_VIOLATION_KIND, "kind %02x", head->kind);
    sim_conn_close(conn);
    return false;
}

static bool judge_number(struct sim_conn *conn, uint8_t number)
{
    if (ras_message_by_request(number))
        return true;
    if (ras_message_by_answer(number))
        sim_violation(conn, RAS_VIOLATION_ANSWER_MESSAGE, "message %u", number);
    else
        sim_violation(conn, RAS_VIOLATION_UNKNOWN_MESSAGE, "message %u", number);
    return false;
}

static void on_message(struct sim_conn *conn, struct ras_packet packet)
{
    struct ras_head head;
    struct error err;
    if (!judge_head(conn, packet, &head))
        return;
    struct sim_endpoint *endpoint = sim_endpoint_find(conn, head.endpoint);
    if (!endpoint) {
        wrong_endpoint(conn, head.endpoint);
        return;
    }
    if (!judge_number(conn, head.type)) {
        answer_wrong(conn, head.endpoint, TEXT("UnexpectedMessage"));
        return;
    }
    if (ras_packet_decode(packet, endpoint->version, conn->arena, &conn->request, &err)) {
        sim_violation(conn, RAS_VIOLATION_MALFORMED, "message %u: %s", head.type, err.message);
        answer_wrong(conn, head.endpoint, TEXT("Format"));
        return;
    }
    conn->sim->counters.requests++;
    begin(conn);
}

static void on_close_packet(struct sim_conn *conn)
{
    struct sim_endpoint *endpoint = sim_endpoint_find(conn, conn->request.close.endpoint);
    if (endpoint)
        sim_endpoint_forget(conn, (size_t)(endpoint - conn->endpoints));
    else
        sim_violation(conn, RAS_VIOLATION_ENDPOINT, "endpoint %lld is closed and was not open",
                      (long long)conn->request.close.endpoint);
}

static bool expected(const struct sim_conn *conn, uint8_t type)
{
    if (!conn->connected)
        return type == RAS_PACKET_CONNECT;
    return type == RAS_PACKET_MESSAGE || type == RAS_PACKET_CLOSE || type == RAS_PACKET_OPEN ||
           type == RAS_PACKET_DISCONNECT;
}

static void on_packet(struct sim_conn *conn, struct ras_packet packet)
{
    struct error err;
    arena_destroy(conn->arena);
    conn->arena = arena_create(REQUEST_ARENA);
    if (!expected(conn, packet.type)) {
        sim_violation(conn, RAS_VIOLATION_PACKET_TYPE, "packet %u %s the connect packet",
                      packet.type, conn->connected ? "after" : "before");
        sim_conn_close(conn);
        return;
    }
    if (packet.type == RAS_PACKET_MESSAGE) {
        on_message(conn, packet);
        return;
    }
    if (ras_packet_decode(packet, 0, conn->arena, &conn->request, &err)) {
        sim_violation(conn, RAS_VIOLATION_MALFORMED, "packet %u: %s", packet.type, err.message);
        sim_conn_close(conn);
    } else if (packet.type == RAS_PACKET_DISCONNECT) {
        sim_conn_close(conn);
    } else if (packet.type == RAS_PACKET_CLOSE) {
        on_close_packet(conn);
    } else {
        begin(conn);
    }
}

/* ---- bytes ---- */

static bool may_come_early(uint8_t type)
{
    return type == RAS_PACKET_CLOSE || type == RAS_PACKET_DISCONNECT;
}

/* The kernel has the whole answer, only on_written() has not been called yet: the client may have
 * read it, and may go on. */
static bool answer_is_out(const struct sim_conn *conn)
{
    return conn->sent > 0 && conn->sent >= reply_end(conn) &&
           uv_stream_get_write_queue_size((const uv_stream_t *)&conn->tcp) == 0;
}

static void feed_early(struct sim_conn *conn, const uint8_t *bytes, size_t length)
{
    if (conn->pending.length == 0 && !may_come_early(*bytes) && !answer_is_out(conn))
        sim_violation(conn, RAS_VIOLATION_PIPELINING,
                      "packet %u came before the last answer went out", *bytes);
    buf_add(&conn->pending, bytes, length);
    if (conn->pending.full)
        sim_conn_close(conn);
}

static void refuse_stream(struct sim_conn *conn, enum error_code code, const struct error *err)
{
    bool negotiated = conn->connected || conn->stream.header_bytes > 0;
    enum ras_violation violation = negotiated || code == ERR_TOO_LARGE ? RAS_VIOLATION_PACKET_LENGTH
                                                                       : RAS_VIOLATION_NEGOTIATION;
    sim_violation(conn, violation, "%s", err->message);
    sim_conn_close(conn);
}

static void feed(struct sim_conn *conn, const uint8_t *bytes, size_t length)
{
    while (length && !conn->closing && !conn->deaf) {
        struct ras_packet packet;
        struct error err;
        bool ready = false;
        if (conn->busy) {
            feed_early(conn, bytes, length);
            return;
        }
        enum error_code code =
            ras_stream_next(&conn->stream, &bytes, &length, &packet, &ready, &err);
        if (code) {
            refuse_stream(conn, code, &err);
            return;
        }
        if (ready)
            on_packet(conn, packet);
    }
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)handle;
    (void)suggested;
    static char room[64 * 1024]; /* used up before the next read: one loop, one thread */
    *ret = uv_buf_init(room, sizeof room);
}

static void on_end(struct sim_conn *conn)
{
    bool begun = conn->stream.negotiated > 0 && conn->stream.negotiated < RAS_NEGOTIATE_BYTES;
    if (begun || !ras_stream_idle(&conn->stream))
        sim_violation(conn, RAS_VIOLATION_CLOSED_INSIDE, "the client left inside a packet");
    if (conn->busy)
        conn->sim->counters.gave_up++;
    if (conn->busy && conn->step == SIM_STEP_EXECUTE) {
        conn->gone = true; /* the bytes are here: it will be done, whoever is left to hear it */
        uv_read_stop((uv_stream_t *)&conn->tcp);
        return;
    }
    sim_conn_close(conn);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
    struct sim_conn *conn = stream->data;
    if (count > 0)
        feed(conn, (const uint8_t *)bytes->base, (size_t)count);
    else if (count < 0 && !conn->closing)
        on_end(conn);
}

/* ---- accepting ---- */

static int64_t first_endpoint(struct ras_sim *sim)
{
    static const uint16_t often[] = {1, 63, 64, 70, 4095, 5000};
    if (sim->options.first_endpoint)
        return sim->options.first_endpoint;
    return often[rng_below(&sim->rng, sizeof often / sizeof *often)];
}

static struct sim_conn *conn_create(struct sim_listener *listener)
{
    struct ras_sim *sim = listener->sim;
    struct sim_conn *conn = mem_new(struct sim_conn);
    conn->sim = sim;
    conn->listener = listener;
    conn->number = ++sim->counters.connections;
    conn->next_endpoint = first_endpoint(sim);
    conn->handles = 2;
    ras_stream_init(&conn->stream, true, SIM_REQUEST_MAX);
    buf_init(&conn->pending, PENDING_MAX);
    buf_init(&conn->reply, SIM_REPLY_MAX);
    uv_tcp_init(sim->loop, &conn->tcp);
    uv_timer_init(sim->loop, &conn->timer);
    conn->tcp.data = conn;
    conn->timer.data = conn;
    conn->next = sim->conns;
    if (sim->conns)
        sim->conns->previous = conn;
    sim->conns = conn;
    sim->conn_count++;
    sim->open++;
    return conn;
}

void sim_conn_accept(struct sim_listener *listener)
{
    struct sim_conn *conn = conn_create(listener);
    struct fault_request request = {.op = FAULT_OP_ACCEPT, .port = listener->port};
    if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&conn->tcp)) {
        sim_conn_close(conn);
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    if (listener->only) {
        request.cluster = &listener->only->record.uuid;
        request.cluster_name = listener->only->record.name;
    }
    struct fault_plan plan = faults_pick(listener->sim->faults, &request, sim_now(listener->sim));
    listener->sim->counters.faults += plan.kinds != 0;
    conn->deaf = fault_has(&plan, FAULT_HANG) || fault_has(&plan, FAULT_SILENT);
    if (fault_has(&plan, FAULT_DROP) || fault_has(&plan, FAULT_RESET))
        close_with(conn, fault_has(&plan, FAULT_RESET));
    else if (uv_read_start((uv_stream_t *)&conn->tcp, on_allocate, on_read))
        sim_conn_close(conn);
}
