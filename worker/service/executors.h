/* executors.h - the executor that a cluster's configuration asks for: for the worker's lanes,
 * `sessions` and `doctor`. */
#ifndef SERVICE_EXECUTORS_H
#define SERVICE_EXECUTORS_H

#include <uv.h>

#include "cluster/executor.h"
#include "config/config.h"

/* `done(self, reply)` gets every reply, on the loop thread. The configuration is copied, secrets
 * included. ERR_CONFIG. */
enum error_code executor_of_cluster(uv_loop_t *loop, const struct config_cluster *config,
                                    executor_done done, void *self, struct executor **ret,
                                    struct error *err) MUST_CHECK;

#endif
