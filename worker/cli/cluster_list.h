/* cluster_list.h - one question to a configured cluster, waited for: its complete session list, or
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
/* What stands in the lock of an infobase (name or UUID): owned by the caller. Errors as above, and
 * ERR_NOT_FOUND. */
enum error_code cluster_lock(const struct config_cluster *cluster, const char *infobase,
                             int64_t timeout_ms, struct infobase_lock **ret,
                             struct error *err) MUST_CHECK;

#endif
