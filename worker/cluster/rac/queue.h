/* queue.h - who is next, and its process. */
#ifndef CLUSTER_RAC_QUEUE_H
#define CLUSTER_RAC_QUEUE_H

#include "cluster/rac/state.h"

void rac_queue_init(struct rac_executor *executor);
/* Puts a request at the end. Copied; what it borrows stays borrowed until the reply. */
void rac_queue_put(struct rac_executor *executor, const struct executor_request *request);
/* What runs is ended, group by group, and answers; then the rest; then comes `stopped`. */
void rac_queue_stop(struct rac_executor *executor);

#endif
