/* The addresses that the server listens on, and the faults that open and close them. */
#include <stdio.h>

#include "base/check.h"
#include "sim/ras/server_internal.h"

enum { BACKLOG = 1024 };

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

void sim_close_addresses(struct ras_sim *sim)
{
    for (size_t i = 0; i < sim->listener_count; i++)
        listener_close(sim->listeners[i]);
}

/* ---- faults, which open and close addresses ---- */

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
