/* work.h - the clusters: requests wait in their cluster's lane, run in its executor, and their
 * replies go back to the engine that asked. Loop thread only.
 *
 * Whoever asks gets exactly one reply, also when nothing was sent. The licence of what changes a
 * cluster is looked at once more before a byte leaves (I1). */
#ifndef SERVICE_WORK_H
#define SERVICE_WORK_H

#include "cluster/lane.h"
#include "engine/engine.h"
#include "service/crew.h"

struct partition;

/* One configured cluster. */
struct cluster_work {
    struct service *service;
    const struct config_cluster *config; /* in force */
    struct lane *lane;
    struct crews crews;
    TAILQ_ENTRY(cluster_work) of_busy;
    uint32_t handlers; /* programs of it that run; handlers.c counts */
    bool busy;         /* in the queue of lanes to look at */
    struct instant wake;
};

enum error_code clusters_create(struct service *service, struct error *err) MUST_CHECK;
/* After a reload: same clusters in the same order (others need a restart); new limits, credentials
 * and times. */
void clusters_reload(struct service *service);
/* What waits is answered; what runs has its reply before clusters_stopped(). */
void clusters_stop(struct service *service);
bool clusters_stopped(const struct service *service);
void clusters_destroy(struct service *service);
void clusters_pass(struct service *service, struct instant now);
/* No lane has anything to do before it. */
struct instant clusters_next_wake(const struct service *service);
/* The engine asks a cluster for something: LIST to LOCK_WRITE, all but APPEND, HANDLE, PUBLISH. */
void call_start(struct partition *partition, const struct engine_action *action,
                struct instant now);
/* NULL: no longer configured. */
struct cluster_work *cluster_work_find(struct service *service, const char *name);

#endif
