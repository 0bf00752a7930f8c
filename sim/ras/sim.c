/* What every file of the simulated server asks: the time, the clusters, and the judge's notes. */
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "sim/ras/server_internal.h"

enum { NOTE_MAX = 400 };

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

void sim_one_closed(struct ras_sim *sim)
{
    CHECK(sim->open > 0);
    if (--sim->open == 0 && sim->closing && sim->closed)
        sim->closed(sim->self);
}
