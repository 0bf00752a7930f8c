/* server.h - a simulated 1C:Enterprise administration server (RAS) in front of a world, for tests,
 * for `curfew demo` and alone as a program.
 *
 * Speaks the wire of cluster/ras/wire.h from the other side, judges its clients (violation.def),
 * spoils its answers on demand (fault.h), and writes down every request that was to change
 * something and whether it did. Loop thread only. The world is borrowed and must outlive it;
 * several servers can stand before one world, and one server can listen on several addresses.
 *
 *     struct world *world = world_create(world_options_default());
 *     world_populate(world, &population, wall_now);
 *     struct ras_sim *sim = ras_sim_create(loop, world, &options);
 *     ras_sim_listen(sim, "127.0.0.1", 0, NULL, &port, &err);
 *     ... run the loop ...
 *     ras_sim_close(sim, closed, self);    // in `closed`: ras_sim_destroy(sim) */
#ifndef SIM_RAS_SERVER_H
#define SIM_RAS_SERVER_H

#include <uv.h>

#include "sim/ras/fault.h"
#include "sim/ras/world.h"

enum ras_violation {
#define ROW(NAME, name, meaning) RAS_VIOLATION_##NAME,
#include "sim/ras/violation.def"
    RAS_VIOLATION_COUNT
};
const char *ras_violation_name(enum ras_violation violation);
const char *ras_violation_meaning(enum ras_violation violation);

enum { RAS_SIM_VERSIONS_MAX = 16, RAS_SIM_NOTES_MAX = 200 };

struct ras_sim_options {
    struct clock clock;                     /* zeroed: the real one */
    uint64_t seed;                          /* of faults and endpoint ids */
    uint8_t versions[RAS_SIM_VERSIONS_MAX]; /* offered, any order; the first 0 ends them; none: all
                                               that are known */
    uint32_t
        first_endpoint; /* of every connection; 0: one of 1, 63, 64, 70, 4095, 5000 by chance */
    int64_t tick_ms;    /* 0: the world moves every 50 ms; negative: only with requests */
    bool english;       /* texts of errors */
};

struct ras_sim_counters {
    uint64_t connections; /* accepted */
    uint64_t requests;    /* messages that could be read */
    uint64_t terminates;  /* received */
    uint64_t terminated;  /* that took effect */
    uint64_t disconnects;
    uint64_t updates;
    uint64_t updated;
    uint64_t interrupts;
    uint64_t faults;     /* requests that met one */
    uint64_t gave_up;    /* clients that left while they waited for an answer */
    uint64_t violations; /* all kinds */
    uint64_t violation[RAS_VIOLATION_COUNT];
};

struct ras_sim;

struct ras_sim *ras_sim_create(uv_loop_t *loop, struct world *world,
                               const struct ras_sim_options *options);
/* Listens on `host` (NULL: 127.0.0.1) and `port` (0: any; the one taken goes to `*ret_port`). With
 * `only` the address serves this cluster and hides the others. ERR_SYSTEM names the address. */
enum error_code ras_sim_listen(struct ras_sim *sim, const char *host, uint16_t port,
                               struct world_cluster *only, uint16_t *ret_port,
                               struct error *err) MUST_CHECK;
/* Appends one JSON line per changing request to `path`, and per start and end of a session with
 * `life`. */
enum error_code ras_sim_log(struct ras_sim *sim, const char *path, bool life,
                            struct error *err) MUST_CHECK;
/* The control protocol (control.h) on 127.0.0.1. */
enum error_code ras_sim_control(struct ras_sim *sim, uint16_t port, uint16_t *ret_port,
                                struct error *err) MUST_CHECK;
/* Closes everything; `closed` comes once, later, from the loop. */
void ras_sim_close(struct ras_sim *sim, void (*closed)(void *self), void *self);
/* Only after `closed`. NULL is fine. */
void ras_sim_destroy(struct ras_sim *sim);

/* Adds a rule of fault.h. */
enum error_code ras_sim_fault(struct ras_sim *sim, const char *spec, uint32_t *ret_id,
                              struct error *err) MUST_CHECK;
bool ras_sim_unfault(struct ras_sim *sim, uint32_t id);
void ras_sim_clear_faults(struct ras_sim *sim);
/* Cuts all client connections, as a restart does; of one cluster's own addresses, or NULL: of all.
 */
void ras_sim_cut(struct ras_sim *sim, const struct world_cluster *only);

const struct ras_sim_counters *ras_sim_counters(const struct ras_sim *sim);
struct faults *ras_sim_faults(struct ras_sim *sim);
struct world *ras_sim_world(struct ras_sim *sim);
size_t ras_sim_connections(const struct ras_sim *sim); /* open now */
/* The i-th of the last RAS_SIM_NOTES_MAX violations as "name: what"; NULL: there are fewer. */
const char *ras_sim_note(const struct ras_sim *sim, size_t index);
/* The port of the i-th address, 0: there are fewer. */
uint16_t ras_sim_port(const struct ras_sim *sim, size_t index);

#endif
