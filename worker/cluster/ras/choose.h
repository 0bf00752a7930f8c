/* choose.h - the configured cluster among those that an administration server serves. */
#ifndef CLUSTER_RAS_CHOOSE_H
#define CLUSTER_RAS_CHOOSE_H

#include "cluster/ras/wire.h"

/* `wanted`: UUID or name (without case); NULL or "": the only one. `message` holds cluster records.
 * ERR_CONFIG when several fit, with all their names: the first one is never taken silently;
 * ERR_NOT_FOUND when none does; ERR_UNAVAILABLE when there is none at all. */
enum error_code ras_choose_cluster(const char *wanted, const struct ras_message *message,
                                   struct uuid *ret, struct error *err) MUST_CHECK;

#endif
