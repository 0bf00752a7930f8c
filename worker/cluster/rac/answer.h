/* answer.h - what came back from a process, before anybody reads it as a list. */
#ifndef CLUSTER_RAC_ANSWER_H
#define CLUSTER_RAC_ANSWER_H

#include "cluster/rac/state.h"

/* What became of a step's process: ERR_OK, and `*ret` is what it printed as text in `arena`; or why
 * there is nothing to be had. */
enum error_code rac_answer_read(struct rac_task *task, const struct process_result *result,
                                struct arena *arena, struct text *ret,
                                struct error *err) MUST_CHECK;

#endif
