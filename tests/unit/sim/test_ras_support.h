/* test_ras_support.h - a simulated server and a client made of raw bytes, in one thread and one
 * loop.
 *
 * The client sends what it is told, right or wrong, and reads packets; while it waits it turns the
 * server's loop. Nothing sleeps: waiting ends with the answer or fails after 10 s. */
#ifndef TEST_RAS_SUPPORT_H
#define TEST_RAS_SUPPORT_H

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "sim/ras/control.h"
#include "sim/ras/server.h"

enum { SUPPORT_WAIT_MS = 10000, SUPPORT_ARENA = 64 * 1024 * 1024 };

/* 2026-03-01T12:00:00Z */
#define SUPPORT_NOON INT64_C(1772366400000)

struct stand { /* a server with its world, and a clock that stands still */
    uv_loop_t loop;
    struct world *world;
    struct ras_sim *sim;
    uint16_t port;
    struct wall wall;
    struct instant instant;
    bool closed;
};

static inline struct instant stand_now(void *self)
{
    return ((struct stand *)self)->instant;
}

static inline struct wall stand_wall(void *self)
{
    return ((struct stand *)self)->wall;
}

/* `options` NULL: endpoint ids from 5000, requests move the world. */
static inline void stand_open(struct stand *stand, struct world_options world,
                              const struct ras_sim_options *options)
{
    struct error err;
    *stand = (struct stand){.wall = {SUPPORT_NOON}, .instant = {1}};
    struct ras_sim_options usual = {.first_endpoint = 5000, .tick_ms = -1};
    if (options)
        usual = *options;
    usual.clock = (struct clock){.now = stand_now, .wall = stand_wall, .self = stand};
    uv_loop_init(&stand->loop);
    stand->world = world_create(world);
    stand->sim = ras_sim_create(&stand->loop, stand->world, &usual);
    assert_int_equal(ras_sim_listen(stand->sim, NULL, 0, NULL, &stand->port, &err), ERR_OK);
}

static inline void stand_pass(struct stand *stand, int64_t ms)
{
    stand->wall.ms += ms;
    stand->instant.ns += ms * 1000000;
    world_tick(stand->world, stand->wall);
}

static inline void stand_closed(void *self)
{
    ((struct stand *)self)->closed = true;
}

static inline void stand_close(struct stand *stand)
{
    ras_sim_close(stand->sim, stand_closed, stand);
    uv_run(&stand->loop, UV_RUN_DEFAULT);
    assert_true(stand->closed);
    ras_sim_destroy(stand->sim);
    world_destroy(stand->world);
    assert_int_equal(uv_loop_close(&stand->loop), 0);
}

static inline uint64_t stand_violations(const struct stand *stand, enum ras_violation violation)
{
    return ras_sim_counters(stand->sim)->violation[violation];
}

/* Prints what was noted when a client that means well is judged wrongly. */
static inline void stand_assert_clean(const struct stand *stand)
{
    const char *note;
    for (size_t i = 0; (note = ras_sim_note(stand->sim, i)); i++)
        print_error("violation: %s\n", note);
    assert_int_equal(ras_sim_counters(stand->sim)->violations, 0);
}

/* ---- the client ---- */

struct peer {
    struct stand *stand;
    int fd;
    struct ras_stream stream;
    uint8_t bytes[65536];
    const uint8_t *at; /* received, not read */
    size_t left;
    bool ended; /* closed or reset by the server */
    struct arena *arena;
    struct ras_packet_value answer; /* the last one */
    int64_t endpoint;
    unsigned version;
};

static inline void stand_turn(struct stand *stand)
{
    uv_run(&stand->loop, UV_RUN_NOWAIT);
}

static inline int peer_try_connect(const struct stand *stand)
{
    struct sockaddr_in at;
    uv_ip4_addr("127.0.0.1", stand->port, &at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

static inline void peer_open(struct peer *peer, struct stand *stand)
{
    memset(peer, 0, sizeof *peer);
    peer->stand = stand;
    peer->fd = peer_try_connect(stand);
    assert_true(peer->fd >= 0);
    ras_stream_init(&peer->stream, false, LIMIT_RAS_PACKET_BYTES);
    peer->arena = arena_create(SUPPORT_ARENA);
    stand_turn(stand);
}

static inline void peer_close(struct peer *peer)
{
    if (peer->fd >= 0)
        close(peer->fd);
    peer->fd = -1;
    ras_stream_release(&peer->stream);
    arena_destroy(peer->arena);
    peer->arena = NULL;
    for (int i = 0; i < 20; i++) /* the server notices */
        stand_turn(peer->stand);
}

static inline void peer_bytes(struct peer *peer, const void *bytes, size_t length)
{
    for (const uint8_t *at = bytes; length;) {
        ssize_t sent = send(peer->fd, at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            return; /* the server closed: the reader will see it */
        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
        }
        stand_turn(peer->stand);
    }
}

static inline void peer_hex(struct peer *peer, const char *hex)
{
    uint8_t bytes[4096];
    size_t length = 0;
    unsigned byte;
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        bytes[length++] = (uint8_t)byte;
    peer_bytes(peer, bytes, length);
}

/* Some bytes of the server, at most `max`; 0: nothing yet, or the end. */
static inline size_t peer_poll(struct peer *peer, void *ret, size_t max)
{
    struct pollfd wait = {.fd = peer->fd, .events = POLLIN};
    stand_turn(peer->stand);
    poll(&wait, 1, 1);
    ssize_t count = recv(peer->fd, ret, max, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN))
        peer->ended = true;
    return count > 0 ? (size_t)count : 0;
}

/* The next packet; false: the connection ended before. */
static inline bool peer_packet(struct peer *peer, struct ras_packet *ret)
{
    uint64_t until = uv_hrtime() / 1000000 + SUPPORT_WAIT_MS;
    for (;;) {
        bool ready = false;
        assert_int_equal(ras_stream_next(&peer->stream, &peer->at, &peer->left, ret, &ready, NULL),
                         ERR_OK);
        if (ready)
            return true;
        if (peer->ended)
            return false;
        peer->at = peer->bytes;
        peer->left = peer_poll(peer, peer->bytes, sizeof peer->bytes);
        assert_true(uv_hrtime() / 1000000 < until);
    }
}

/* The next packet, decoded to `peer->answer`; false: the connection ended. */
static inline bool peer_answer(struct peer *peer)
{
    struct ras_packet packet;
    struct error err;
    if (!peer_packet(peer, &packet))
        return false;
    if (ras_packet_decode(packet, peer->version, peer->arena, &peer->answer, &err))
        fail_msg("%s", err.message);
    return true;
}

/* Nothing comes and nothing ends although the server has turned a while. */
static inline bool peer_silent(struct peer *peer)
{
    uint8_t byte;
    for (int i = 0; i < 30; i++)
        if (peer_poll(peer, &byte, 1) || peer->ended)
            return false;
    return true;
}

static inline bool peer_ends(struct peer *peer)
{
    struct ras_packet packet;
    return !peer_packet(peer, &packet);
}

static inline void peer_value(struct peer *peer, const struct ras_packet_value *value)
{
    AUTO_BUF out = {0};
    buf_init(&out, 1 << 20);
    assert_int_equal(ras_packet_encode(value, peer->version, &out, NULL), ERR_OK);
    peer_bytes(peer, out.data, out.length);
}

static inline void peer_negotiate(struct peer *peer)
{
    peer_bytes(peer, ras_negotiate, RAS_NEGOTIATE_BYTES);
}

static inline void peer_connect(struct peer *peer)
{
    struct ras_param timeout = {
        .name = TEXT("connect.timeout"), .type = RAS_PARAM_INT, .number = 2000};
    peer_negotiate(peer);
    peer_value(peer, &(struct ras_packet_value){.type = RAS_PACKET_CONNECT,
                                                .connect = {.count = 1, .items = &timeout}});
    assert_true(peer_answer(peer));
    assert_int_equal(peer->answer.type, RAS_PACKET_CONNECT_ACK);
}

/* Sends an open; the answer is an ack or a failure. */
static inline void peer_ask_version(struct peer *peer, unsigned version)
{
    struct ras_version_text text = ras_version_format(version);
    peer_value(peer, &(struct ras_packet_value){.type = RAS_PACKET_OPEN,
                                                .open = {.service = TEXT(RAS_SERVICE),
                                                         .version = text_of(text.text),
                                                         .params = {.null = true}}});
    assert_true(peer_answer(peer));
    if (peer->answer.type != RAS_PACKET_OPEN_ACK)
        return;
    peer->endpoint = peer->answer.open.endpoint;
    peer->version = version;
}

/* Up to an open endpoint. */
static inline void peer_ready(struct peer *peer, struct stand *stand, unsigned version)
{
    peer_open(peer, stand);
    peer_connect(peer);
    peer_ask_version(peer, version);
    assert_int_equal(peer->answer.type, RAS_PACKET_OPEN_ACK);
}

static inline void peer_send(struct peer *peer, enum ras_request number, const void *record)
{
    AUTO_BUF out = {0};
    buf_init(&out, 1 << 20);
    assert_int_equal(ras_request_encode(peer->endpoint, peer->version, number, record, &out, NULL),
                     ERR_OK);
    peer_bytes(peer, out.data, out.length);
}

/* One request and its answer; false: the connection ended instead. */
static inline bool peer_ask(struct peer *peer, enum ras_request number, const void *record)
{
    peer_send(peer, number, record);
    return peer_answer(peer);
}

static inline void peer_authenticate(struct peer *peer, const struct world_cluster *cluster)
{
    struct ras_cluster_credentials asked = {
        .cluster = cluster->record.uuid, .user = cluster->user, .password = cluster->password};
    assert_true(peer_ask(peer, RAS_AUTHENTICATE_CLUSTER, &asked));
    assert_int_equal(peer->answer.message.head.kind, RAS_KIND_VOID);
}

static inline bool peer_is_void(const struct peer *peer)
{
    return peer->answer.type == RAS_PACKET_MESSAGE &&
           peer->answer.message.head.kind == RAS_KIND_VOID;
}

/* Is the answer the exception of this name behind '#'? */
static inline bool peer_refused(const struct peer *peer, const char *name)
{
    return peer->answer.type == RAS_PACKET_MESSAGE &&
           peer->answer.message.head.kind == RAS_KIND_EXCEPTION &&
           text_equal(ras_class_name(peer->answer.message.exception.class_name), text_of(name));
}

#endif
