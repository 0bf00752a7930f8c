/* The server's life: addresses, the ticker, counters, closing. */
#include "sim/ras/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "sim/ras/server_internal.h"

enum { TICK_MS = 50, BACKLOG = 1024, NOTE_MAX = 400 };

static const struct {
    const char *name;
    const char *meaning;
} violations[RAS_VIOLATION_COUNT] = {
#define ROW(NAME, name, meaning) [RAS_VIOLATION_##NAME] = {name, meaning},
#include "sim/ras/violation.def"
};

const char *ras_violation_name(enum ras_violation violation)
{
    CHECK(violation < RAS_VIOLATION_COUNT);
    return violations[violation].name;
}

const char *ras_violation_meaning(enum ras_violation violation)
{
    CHECK(violation < RAS_VIOLATION_COUNT);
    return violations[violation].meaning;
}

struct instant sim_now(const struct ras_sim *sim)
{
    return clock_now(&sim->options.clock);
}

struct wall sim_wall(const struct ras_sim *sim)
{
    return clock_wall(&sim->options.clock);
}

bool sim_serves(const struct sim_conn *conn, const struct world_cluster *cluster)
{
    return !conn->listener->only || conn->listener->only == cluster;
}

struct world_cluster *sim_cluster(const struct sim_conn *conn, const struct uuid *uuid)
{
    struct world_cluster *cluster = world_cluster_find(conn->sim->world, uuid);
    return cluster && sim_serves(conn, cluster) ? cluster : NULL;
}

void sim_violation(struct sim_conn *conn, enum ras_violation violation, const char *format, ...)
{
    struct ras_sim *sim = conn->sim;
    char what[NOTE_MAX], note[NOTE_MAX + 64];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    int length = snprintf(note, sizeof note, "%s: connection %llu: %s",
                          ras_violation_name(violation), (unsigned long long)conn->number, what);
    sim->counters.violations++;
    sim->counters.violation[violation]++;
    char **place = &sim->notes[sim->note_count++ % RAS_SIM_NOTES_MAX];
    free(*place);
    *place = mem_text(note, (size_t)length);
}

const char *ras_sim_note(const struct ras_sim *sim, size_t index)
{
    size_t kept = sim->note_count < RAS_SIM_NOTES_MAX ? sim->note_count : RAS_SIM_NOTES_MAX;
    if (index >= kept)
        return NULL;
    return sim->notes[(sim->note_count - kept + index) % RAS_SIM_NOTES_MAX];
}

const struct ras_sim_counters *ras_sim_counters(const struct ras_sim *sim)
{
    return &sim->counters;
}

struct faults *ras_sim_faults(struct ras_sim *sim)
{
    return sim->faults;
}

struct world *ras_sim_world(struct ras_sim *sim)
{
    return sim->world;
}

size_t ras_sim_connections(const struct ras_sim *sim)
{
    return sim->conn_count;
}

uint16_t ras_sim_port(const struct ras_sim *sim, size_t index)
{
    return index < sim->listener_count ? sim->listeners[index]->port : 0;
}

/* ---- addresses ---- */

static void on_connection(uv_stream_t *stream, int status)
{
    struct sim_listener *listener = stream->data;
    if (status == 0)
        sim_conn_accept(listener);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct sim_listener *listener = handle->data;
    listener->closing = false;
    sim_one_closed(listener->sim);
    if (!listener->sim->closing)
        sim_review_addresses(listener->sim);
}

static enum error_code listener_open(struct sim_listener *listener, struct error *err)
{
    struct sockaddr_in at;
    int status = uv_ip4_addr(listener->host, listener->port, &at);
    if (status)
        return error_set(err, ERR_SYSTEM, "'%s' is not an IPv4 address", listener->host);
    uv_tcp_init(listener->sim->loop, &listener->tcp);
    listener->tcp.data = listener;
    listener->sim->open++;
    listener->open = true;
    status = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)&at, 0);
    if (!status)
        status = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, on_connection);
    if (!status)
        return ERR_OK;
    listener->open = false;
    listener->closing = true;
    uv_close((uv_handle_t *)&listener->tcp, on_listener_closed);
    return error_set(err, ERR_SYSTEM, "cannot listen on %s:%u: %s", listener->host, listener->port,
                     uv_strerror(status));
}

static void listener_close(struct sim_listener *listener)
{
    if (!listener->open)
        return;
    listener->open = false;
    listener->closing = true;
    uv_close((uv_handle_t *)&listener->tcp, on_listener_closed);
}

static void read_port(struct sim_listener *listener)
{
    struct sockaddr_in at;
    int length = sizeof at;
    int status = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&at, &length);
    CHECK(status == 0);
    listener->port = ntohs(at.sin_port);
}

enum error_code ras_sim_listen(struct ras_sim *sim, const char *host, uint16_t port,
                               struct world_cluster *only, uint16_t *ret_port, struct error *err)
{
    struct sim_listener *listener = mem_new(struct sim_listener);
    listener->sim = sim;
    listener->only = only;
    listener->port = port;
    snprintf(listener->host, sizeof listener->host, "%s", host ? host : "127.0.0.1");
    sim->listeners = mem_resize(sim->listeners, sim->listener_count + 1, sizeof listener);
    sim->listeners[sim->listener_count++] = listener; /* also when it fails: its handle closes */
    enum error_code code = listener_open(listener, err);
    if (code) {
        listener->port = 0;
        return code;
    }
    read_port(listener);
    if (ret_port)
        *ret_port = listener->port;
    sim_review_addresses(sim);
    return ERR_OK;
}

static bool refused(const struct sim_listener *listener)
{
    struct fault_request request = {.op = FAULT_OP_ACCEPT, .port = listener->port};
    if (listener->only) {
        request.cluster = &listener->only->record.uuid;
        request.cluster_name = listener->only->record.name;
    }
    return faults_refuse(listener->sim->faults, &request, sim_now(listener->sim));
}

void sim_review_addresses(struct ras_sim *sim)
{
    for (size_t i = 0; i < sim->listener_count && !sim->closing; i++) {
        struct sim_listener *listener = sim->listeners[i];
        if (!listener->port)
            continue;
        bool closed = refused(listener);
        if (closed)
            listener_close(listener);
        else if (!listener->open && !listener->closing && listener_open(listener, NULL))
            continue; /* somebody else has the port for the moment: the next tick tries again */
    }
}

/* ---- life ---- */

static void on_tick(uv_timer_t *timer)
{
    struct ras_sim *sim = timer->data;
    world_tick(sim->world, sim_wall(sim));
    sim_review_addresses(sim);
}

static void on_world(void *self, const struct world_event *event)
{
    sim_log_life(self, event);
}

static size_t known_versions(uint8_t *ret)
{
    size_t count = 0;
    while (ras_versions[count] && count < RAS_SIM_VERSIONS_MAX) {
        ret[count] = ras_versions[count];
        count++;
    }
    return count;
}

struct ras_sim *ras_sim_create(uv_loop_t *loop, struct world *world,
                               const struct ras_sim_options *options)
{
    struct ras_sim *sim = mem_new(struct ras_sim);
    sim->loop = loop;
    sim->world = world;
    sim->options = *options;
    if (!sim->options.clock.now)
        sim->options.clock = clock_real();
    if (!sim->options.versions[0])
        known_versions(sim->options.versions);
    sim->rng.state = options->seed ^ 0x5e55;
    sim->faults = faults_create(options->seed);
    sim->log.fd = -1;
    world_watch(world, on_world, sim);
    uv_timer_init(loop, &sim->ticker);
    sim->ticker.data = sim;
    sim->open = 1;
    if (options->tick_ms >= 0) {
        uint64_t every = options->tick_ms ? (uint64_t)options->tick_ms : TICK_MS;
        uv_timer_start(&sim->ticker, on_tick, every, every);
    }
    return sim;
}

void sim_one_closed(struct ras_sim *sim)
{
    CHECK(sim->open > 0);
    if (--sim->open == 0 && sim->closing && sim->closed)
        sim->closed(sim->self);
}

static void on_ticker_closed(uv_handle_t *handle)
{
    sim_one_closed(handle->data);
}

void ras_sim_cut(struct ras_sim *sim, const struct world_cluster *only)
{
    for (struct sim_conn *conn = sim->conns, *next; conn; conn = next) {
        next = conn->next;
        if (!only || conn->listener->only == only)
            sim_conn_close(conn);
    }
}

void ras_sim_close(struct ras_sim *sim, void (*closed)(void *self), void *self)
{
    CHECK(!sim->closing);
    sim->closing = true;
    sim->closed = closed;
    sim->self = self;
    for (size_t i = 0; i < sim->listener_count; i++)
        listener_close(sim->listeners[i]);
    ras_sim_cut(sim, NULL);
    sim_control_close(sim);
    world_unwatch(sim->world, on_world, sim);
    uv_close((uv_handle_t *)&sim->ticker, on_ticker_closed);
}

void ras_sim_destroy(struct ras_sim *sim)
{
    if (!sim)
        return;
    CHECK(sim->closing);
    CHECK(sim->open == 0);
    for (size_t i = 0; i < sim->listener_count; i++)
        free(sim->listeners[i]);
    for (size_t i = 0; i < RAS_SIM_NOTES_MAX; i++)
        free(sim->notes[i]);
    if (sim->log.fd >= 0)
        close(sim->log.fd);
    faults_destroy(sim->faults);
    free(sim->listeners);
    free(sim);
}

enum error_code ras_sim_fault(struct ras_sim *sim, const char *spec, uint32_t *ret_id,
                              struct error *err)
{
    enum error_code code = faults_add(sim->faults, text_of(spec), sim_now(sim), ret_id, err);
    if (!code)
        sim_review_addresses(sim);
    return code;
}

bool ras_sim_unfault(struct ras_sim *sim, uint32_t id)
{
    bool found = faults_remove(sim->faults, id);
    sim_review_addresses(sim);
    return found;
}

void ras_sim_clear_faults(struct ras_sim *sim)
{
    faults_clear(sim->faults);
    sim_review_addresses(sim);
}
