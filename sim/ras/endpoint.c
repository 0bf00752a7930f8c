/* The endpoints of one connection: opened with a version, found, failed, forgotten. */
#include <stdio.h>

#include "base/check.h"
#include "sim/ras/server_internal.h"

void sim_endpoint_forget(struct sim_conn *conn, size_t index)
{
    arena_destroy(conn->endpoints[index].arena);
    conn->endpoints[index] = conn->endpoints[--conn->endpoint_count];
}

void sim_reply_packet(struct sim_conn *conn, const struct ras_packet_value *value)
{
    enum error_code code = ras_packet_encode(value, 0, &conn->reply, NULL);
    CHECK(code == ERR_OK);
}

static bool offers(const struct ras_sim *sim, unsigned version)
{
    for (size_t i = 0; i < RAS_SIM_VERSIONS_MAX && sim->options.versions[i]; i++)
        if (sim->options.versions[i] == version)
            return true;
    return false;
}

static void print_versions(const struct ras_sim *sim, struct buf *out)
{
    const char *between = "";
    for (unsigned version = 1; version <= RAS_VERSION_MAX; version++) {
        if (!offers(sim, version))
            continue;
        buf_format(out, "%s%s", between, ras_version_format(version).text);
        between = ", ";
    }
}

static void refuse_open(struct sim_conn *conn)
{
    const struct ras_packet_value *open = &conn->request;
    char why[512];
    AUTO_BUF versions;
    buf_init(&versions, 256);
    print_versions(conn->sim, &versions);
    snprintf(why, sizeof why, "service=%.*s version=%.*s supported=[%s]",
             open->open.service.length > 100 ? 100 : (int)open->open.service.length,
             open->open.service.at ? open->open.service.at : "",
             open->open.version.length > 20 ? 20 : (int)open->open.version.length,
             open->open.version.at ? open->open.version.at : "", buf_text(&versions));
    struct ras_exception cause = {.class_name = TEXT("v8.service.UnsupportedService"),
                                  .message = text_of(why)};
    struct ras_packet_value failure = {
        .type = RAS_PACKET_FAILURE,
        .failure = {.service = open->open.service,
                    .version = open->open.version,
                    .endpoint = RAS_NONE,
                    .exception = {.class_name = TEXT("swp.Endpoint"),
                                  .message = TEXT("Service not started"),
                                  .cause = &cause}},
    };
    sim_reply_packet(conn, &failure);
}

void sim_endpoint_open(struct sim_conn *conn)
{
    const struct ras_packet_value *open = &conn->request;
    unsigned version = 0;
    if (!text_equal(open->open.service, TEXT(RAS_SERVICE)))
        sim_violation(conn, RAS_VIOLATION_SERVICE, "'%.*s'", TEXT_ARGS(open->open.service));
    else if (ras_version_read(open->open.version, &version, NULL))
        sim_violation(conn, RAS_VIOLATION_MALFORMED, "version '%.*s'",
                      TEXT_ARGS(open->open.version));
    if (!offers(conn->sim, version) || conn->endpoint_count == SIM_ENDPOINTS_MAX) {
        refuse_open(conn);
        return;
    }
    struct sim_endpoint *endpoint = &conn->endpoints[conn->endpoint_count++];
    *endpoint = (struct sim_endpoint){
        .id = conn->next_endpoint++, .version = version, .arena = arena_create(SIM_ENDPOINT_BYTES)};
    struct ras_packet_value ack = {
        .type = RAS_PACKET_OPEN_ACK,
        .open = {.service = open->open.service,
                 .version = open->open.version,
                 .endpoint = endpoint->id,
                 .params = {.null = true}},
    };
    sim_reply_packet(conn, &ack);
}

struct sim_endpoint *sim_endpoint_find(struct sim_conn *conn, int64_t id)
{
    for (size_t i = 0; i < conn->endpoint_count; i++)
        if (conn->endpoints[i].id == id)
            return &conn->endpoints[i];
    return NULL;
}

void sim_endpoint_fail(struct sim_conn *conn, int64_t endpoint, const char *why)
{
    struct ras_packet_value failure = {
        .type = RAS_PACKET_FAILURE,
        .failure = {.service = TEXT(RAS_SERVICE),
                    .version = TEXT("0.0"),
                    .endpoint = endpoint,
                    .exception = {.class_name = TEXT("swp.Endpoint"), .message = text_of(why)}},
    };
    struct sim_endpoint *known = sim_endpoint_find(conn, endpoint);
    struct ras_version_text version = {{0}};
    if (known) {
        version = ras_version_format(known->version);
        failure.failure.version = text_of(version.text);
    }
    sim_reply_packet(conn, &failure);
    if (known)
        sim_endpoint_forget(conn, (size_t)(known - conn->endpoints));
}
