/* task.h - what a request does, process by process.
 *
 * A task that ends has left the queue, was answered and is freed. The reply may change the queue:
 * who goes through it begins anew. */
#ifndef CLUSTER_RAC_TASK_H
#define CLUSTER_RAC_TASK_H

#include "cluster/rac/state.h"

enum rac_next {
    RAC_WAITS, /* for others; nothing was done */
    RAC_RUNS,  /* the process of `task->step` is to be started */
    RAC_ENDED, /* it was answered */
};

/* What is next for a task of the queue. */
enum rac_next rac_task_next(struct rac_task *task);
/* The process of its step has ended, and the task is in the queue again: it ends, or goes on from
 * there. Others may end with it, if it prepared something for them and failed. */
void rac_task_ran(struct rac_task *task, const struct process_result *result);
/* Ends it without its work. `sent`: a change may have been made. */
void rac_task_fail(struct rac_task *task, enum error_code code, bool sent, const struct error *err);

#endif
