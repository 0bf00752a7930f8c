/* ras.h - the executor that speaks to RAS itself: several addresses, a small pool of connections.
 *
 * Every connection chooses the configured cluster anew from what its RAS serves (a restarted one
 * may serve another UUID under the same name): by UUID, or by name without case, or the only one.
 * Several and none configured is ERR_CONFIG with all their names; the first one is never taken
 * silently. An address that refused or stayed silent is tried last from then on.
 *
 * A request waits for a connection in order of arrival, also where the RAS bears fewer connections
 * than the pool may have. Lost connections: what only reads is done again once on a new connection,
 * and so is a change of which no byte had left; what the lost one had answered before counts, so
 * that a RAS may hang up behind every list. A change that had left is ERR_IN_DOUBT and is never
 * repeated here.
 *
 * EXECUTOR_PROCESSES asks for the working processes and answers ERR_OK without carrying them: a
 * deep probe. */
#ifndef CLUSTER_RAS_RAS_H
#define CLUSTER_RAS_RAS_H

#include <uv.h>

#include "cluster/executor.h"
#include "cluster/ras/reach.h"

/* All of it is copied, secrets included. */
struct ras_settings {
    const char *name;                    /* of the cluster in the configuration, for errors */
    const struct ras_address *addresses; /* the preferred one first */
    size_t address_count;                /* 1..LIMIT_ADDRESSES */
    const char *cluster;    /* UUID or name of the cluster at the RAS; NULL or "" = the only one */
    struct ras_login admin; /* of the cluster; empty where it has none */
    const struct ras_infobase_login *infobases;
    size_t infobase_count;
    unsigned version_first;     /* endpoint version asked for first; 0 = RAS_VERSION_FIRST */
    unsigned connections_max;   /* 1..RAS_CONNECTIONS_MAX; 0 = 4 */
    int64_t idle_ms;            /* an unused connection is closed after it; 0 = 60 s */
    int64_t connect_timeout_ms; /* of one address, until the cluster is chosen; 0 = 5 s */
    int64_t infobase_cache_ms;  /* names of infobases are read again after it; 0 = 60 s */
};

enum { RAS_CONNECTIONS_MAX = 64 };

/* ERR_CONFIG names the setting out of range. `done` gets every reply, on the loop thread. */
enum error_code ras_executor_create(uv_loop_t *loop, struct clock clock,
                                    const struct ras_settings *settings, executor_done done,
                                    void *self, struct executor **ret,
                                    struct error *err) MUST_CHECK;

#endif
