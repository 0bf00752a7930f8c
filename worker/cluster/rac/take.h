/* take.h - what a step's output means. */
#ifndef CLUSTER_RAC_TAKE_H
#define CLUSTER_RAC_TAKE_H

#include "cluster/rac/state.h"

/* Takes what the step printed: into the executor, the task or the reply. */
enum error_code rac_take(struct rac_task *task, struct text text, struct arena *arena,
                         struct executor_reply *reply, struct error *err) MUST_CHECK;

#endif
