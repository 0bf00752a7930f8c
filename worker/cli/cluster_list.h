/* cluster_list.h - one complete session list of a configured cluster, waited for. */
#ifndef CLI_CLUSTER_LIST_H
#define CLI_CLUSTER_LIST_H

#include "config/config.h"
#include "model/session.h"

/* Connects with the configured addresses and credentials, and blocks up to `timeout_ms`.
 * `infobase` NULL: names of infobases as they come. ERR_UNAVAILABLE, ERR_AUTH, ERR_CONFIG,
 * ERR_REFUSED, ERR_PROTOCOL: never an empty list instead (I7). */
enum error_code cluster_list(const struct config_cluster *cluster, const char *infobase,
                             int64_t timeout_ms, struct session_list **ret,
                             struct error *err) MUST_CHECK;

#endif
