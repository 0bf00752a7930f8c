/* task.h - what a request does on a connection, answer by answer. */
#ifndef CLUSTER_RAS_TASK_H
#define CLUSTER_RAS_TASK_H

#include "cluster/ras/state.h"

/* What became of the task of a slot. */
enum task_next {
    TASK_ASKED, /* it waits for an answer */
    TASK_MOVES, /* it goes on at the next address that it has not tried; the connection is gone */
    TASK_ENDED, /* it was answered; the slot is idle or free */
};

/* Starts or starts again what the slot's task has to do on the slot's open connection. */
enum task_next task_begin(struct slot *slot);
/* A connection is open: which cluster? */
enum task_next task_choose(struct slot *slot);
enum task_next task_answered(struct slot *slot, const struct ras_answer *answer);

/* Replies and frees. The slot, if any, becomes idle or free. Takes `reply->code` and what it owns.
 */
void task_end(struct ras_executor *executor, struct slot *slot, struct task *task,
              struct executor_reply *reply);
void task_fail(struct ras_executor *executor, struct slot *slot, struct task *task,
               enum error_code code, const struct error *err);

#endif
