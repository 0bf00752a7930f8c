/* pool.h - who is next, and on which connection. */
#ifndef CLUSTER_RAS_POOL_H
#define CLUSTER_RAS_POOL_H

#include "cluster/ras/state.h"

void pool_init(struct ras_executor *executor);
/* Puts a request at the end of the queue. Copied; what it borrows stays borrowed until the reply.
 */
void pool_put(struct ras_executor *executor, const struct executor_request *request);
/* Every open request gets its reply, every connection is closed; then comes `stopped`. */
void pool_stop(struct ras_executor *executor);

#endif
