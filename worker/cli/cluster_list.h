/* cluster_list.h - questions to configured clusters, waited for: their complete session lists, or
 * the lock of an infobase. */
#ifndef CLI_CLUSTER_LIST_H
#define CLI_CLUSTER_LIST_H

#include "config/config.h"
#include "model/infobase.h"
#include "model/session.h"

/* Connects with the configured addresses and credentials, and blocks up to `timeout_ms`.
 * `infobase` NULL: names of infobases as they come. ERR_UNAVAILABLE, ERR_AUTH, ERR_CONFIG,
 * ERR_REFUSED, ERR_PROTOCOL: never an empty list instead (I7). */
enum error_code cluster_list(const struct config_cluster *cluster, const char *infobase,
                             int64_t timeout_ms, struct session_list **ret,
                             struct error *err) MUST_CHECK;
/* One cluster's answer to cluster_lists(); `list` is NULL and `why` says so where there is none. */
struct cluster_listed {
    const struct config_cluster *cluster;
    struct session_list *list; /* borrowed until the visit is over */
    struct wall at;            /* when the answer came */
    int64_t took_ms;
    struct error why; /* code ERR_OK: listed */
};
typedef void (*cluster_visit)(void *self, const struct cluster_listed *listed);
/* The same of many clusters, CLUSTERS_AT_ONCE of them side by side, so that silent ones are waited
 * for together. `visit` has each of them once, in the order given, as soon as it and all before it
 * have answered. */
enum { CLUSTERS_AT_ONCE = 64 };
void cluster_lists(const struct config_cluster *const *clusters, size_t count, int64_t timeout_ms,
                   cluster_visit visit, void *self);
/* What stands in the lock of an infobase (name or UUID): owned by the caller. Errors as above, and
 * ERR_NOT_FOUND. */
enum error_code cluster_lock(const struct config_cluster *cluster, const char *infobase,
                             int64_t timeout_ms, struct infobase_lock **ret,
                             struct error *err) MUST_CHECK;

#endif
