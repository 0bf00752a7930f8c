/* test_ras_script.h - a RAS that plays a part, on a loopback socket of the test's own loop.
 *
 * It answers connect, open, authentication and the usual questions by itself; a test's hook comes
 * first and can do anything else. Nothing here waits: the loop runs until what the test waits for
 * has come. */
#ifndef TESTS_CLUSTER_RAS_SCRIPT_H
#define TESTS_CLUSTER_RAS_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cluster/ras/conn.h"
#include "cluster/ras/wire.h"

enum { SCRIPT_PEERS_MAX = 64, SCRIPT_BYTES = 1 << 20 };

struct script;

struct script_peer {
    struct script *script;
    uv_tcp_t tcp;
    struct ras_stream stream;
    bool open;
    char input[65536];
};

struct script {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uint16_t port;
    unsigned version; /* that open is answered with */
    int64_t endpoint;
    const char *cluster_name;
    struct uuid cluster;
    /* True: the hook has done all there is to do about this packet. */
    bool (*hook)(struct script_peer *peer, struct ras_packet packet,
                 const struct ras_packet_value *value);
    void *self; /* the hook's */
    unsigned connections;
    unsigned requests[256]; /* by number */
    struct script_peer *peers[SCRIPT_PEERS_MAX];
};

static inline void script_send(struct script_peer *peer, const void *bytes, size_t length)
{
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)length);
    int sent = length ? uv_try_write((uv_stream_t *)&peer->tcp, &out, 1) : 0;
    CHECK(sent < 0 || (size_t)sent == length); /* the other side may be gone */
}

static inline void script_hang_up(struct script_peer *peer)
{
    if (peer->open)
        uv_close((uv_handle_t *)&peer->tcp, NULL);
    peer->open = false;
}

static inline void script_packet(struct script_peer *peer, const struct ras_packet_value *value)
{
    struct buf out;
    buf_init(&out, SCRIPT_BYTES);
    CHECK(ras_packet_encode(value, peer->script->version, &out, NULL) == ERR_OK);
    script_send(peer, out.data, out.length);
    buf_release(&out);
}

static inline void script_answer(struct script_peer *peer, enum ras_request number,
                                 const void *records, uint32_t count)
{
    struct buf out;
    buf_init(&out, SCRIPT_BYTES);
    CHECK(ras_answer_encode(peer->script->endpoint, peer->script->version, number, records, count,
                            &out, NULL) == ERR_OK);
    script_send(peer, out.data, out.length);
    buf_release(&out);
}

static inline void script_refuse(struct script_peer *peer, const char *class_name,
                                 const char *message)
{
    struct buf out;
    buf_init(&out, SCRIPT_BYTES);
    CHECK(ras_exception_encode(peer->script->endpoint, text_of(class_name), text_of(message), &out,
                               NULL) == ERR_OK);
    script_send(peer, out.data, out.length);
    buf_release(&out);
}

static inline void script_usual(struct script_peer *peer, const struct ras_packet_value *value)
{
    struct script *script = peer->script;
    if (value->type == RAS_PACKET_CONNECT) {
        script_packet(peer, &(struct ras_packet_value){.type = RAS_PACKET_CONNECT_ACK,
                                                       .connect = {.null = true}});
    } else if (value->type == RAS_PACKET_OPEN) {
        struct ras_version_text version = ras_version_format(script->version);
        script_packet(peer, &(struct ras_packet_value){.type = RAS_PACKET_OPEN_ACK,
                                                       .open = {.service = value->open.service,
                                                                .version = text_of(version.text),
                                                                .endpoint = script->endpoint,
                                                                .params = {.null = true}}});
    } else if (value->type == RAS_PACKET_MESSAGE) {
        enum ras_request number = value->message.head.type;
        const struct ras_message_row *row = ras_message_by_request((uint8_t)number);
        struct ras_cluster cluster = {.uuid = script->cluster,
                                      .name = text_of(script->cluster_name)};
        if (number == RAS_GET_CLUSTERS)
            script_answer(peer, number, &cluster, 1);
        else if (row->shape == RAS_SHAPE_ONE) {
            void *record = mem_alloc(1, row->answer->size);
            script_answer(peer, number, record, 1);
            free(record);
        } else
            script_answer(peer, number, NULL, 0);
    }
}

static inline void script_on_packet(struct script_peer *peer, struct ras_packet packet)
{
    struct arena *arena = arena_create(SCRIPT_BYTES);
    struct ras_packet_value value;
    struct error err;
    if (ras_packet_decode(packet, peer->script->version, arena, &value, &err))
        fail_msg("the client's packet: %s", err.message);
    if (value.type == RAS_PACKET_MESSAGE)
        peer->script->requests[value.message.head.type]++;
    if (!peer->script->hook || !peer->script->hook(peer, packet, &value))
        script_usual(peer, &value);
    arena_destroy(arena);
}

static inline void script_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct script_peer *peer = stream->data;
    if (got < 0) {
        script_hang_up(peer);
        return;
    }
    const uint8_t *bytes = (const uint8_t *)buf->base;
    size_t length = (size_t)got;
    while (length && peer->open) {
        struct ras_packet packet;
        bool ready;
        assert_int_equal(ras_stream_next(&peer->stream, &bytes, &length, &packet, &ready, NULL),
                         ERR_OK);
        if (ready)
            script_on_packet(peer, packet);
    }
}

static inline void script_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct script_peer *peer = handle->data;
    *ret = uv_buf_init(peer->input, sizeof peer->input);
}

static inline void script_on_connection(uv_stream_t *listener, int status)
{
    struct script *script = listener->data;
    CHECK(status == 0);
    CHECK(script->connections < SCRIPT_PEERS_MAX);
    struct script_peer *peer = mem_new(struct script_peer);
    script->peers[script->connections++] = peer;
    peer->script = script;
    peer->open = true;
    ras_stream_init(&peer->stream, true, LIMIT_RAS_PACKET_BYTES);
    CHECK(uv_tcp_init(script->loop, &peer->tcp) == 0);
    peer->tcp.data = peer;
    CHECK(uv_accept(listener, (uv_stream_t *)&peer->tcp) == 0);
    uv_tcp_nodelay(&peer->tcp, 1);
    uv_read_start((uv_stream_t *)&peer->tcp, script_on_alloc, script_on_read);
}

static inline void script_start(struct script *script, uv_loop_t *loop)
{
    *script = (struct script){.loop = loop,
                              .version = 10,
                              .endpoint = 70,
                              .cluster_name = "main",
                              .cluster = {{0xc1, 2}}};
    struct sockaddr_in address;
    int length = sizeof address;
    CHECK(uv_ip4_addr("127.0.0.1", 0, &address) == 0);
    CHECK(uv_tcp_init(loop, &script->listener) == 0);
    script->listener.data = script;
    CHECK(uv_tcp_bind(&script->listener, (struct sockaddr *)&address, 0) == 0);
    CHECK(uv_listen((uv_stream_t *)&script->listener, 16, script_on_connection) == 0);
    CHECK(uv_tcp_getsockname(&script->listener, (struct sockaddr *)&address, &length) == 0);
    script->port = (uint16_t)(address.sin_port >> 8 | address.sin_port << 8);
}

static inline void script_close(struct script *script)
{
    if (!uv_is_closing((uv_handle_t *)&script->listener))
        uv_close((uv_handle_t *)&script->listener, NULL);
    for (unsigned i = 0; i < script->connections; i++)
        script_hang_up(script->peers[i]);
}

/* After script_close() and a run of the loop to its end. */
static inline void script_release(struct script *script)
{
    for (unsigned i = 0; i < script->connections; i++) {
        ras_stream_release(&script->peers[i]->stream);
        free(script->peers[i]);
    }
}

/* Turns the loop until script_came() has set `*done`; the test's own time limit ends what never
 * comes. */
static inline void script_run_until(struct script *script, const bool *done)
{
    while (!*done)
        uv_run(script->loop, UV_RUN_DEFAULT);
}

static inline void script_came(struct script *script, bool *done)
{
    *done = true;
    uv_stop(script->loop);
}

#endif
