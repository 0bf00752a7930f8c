/* arguments.h - the command line of a step. */
#ifndef CLUSTER_RAC_ARGUMENTS_H
#define CLUSTER_RAC_ARGUMENTS_H

#include "cluster/rac/state.h"

enum { RAC_ARGUMENTS_MAX = 24 };

/* One command line. Passwords may stand in it: release wipes. */
struct rac_arguments {
    char *items[RAC_ARGUMENTS_MAX + 1]; /* owned; closed by NULL */
    size_t count;
};

/* The command line of the task's step. ERR_UNSUPPORTED: this version of rac has no such command;
 * ERR_CONFIG: it would show a secret that is not allowed there. */
enum error_code rac_arguments_of(const struct rac_task *task, struct rac_arguments *ret,
                                 struct error *err) MUST_CHECK;
void rac_arguments_release(struct rac_arguments *arguments);
/* WRITE: is there anything to change? */
bool rac_lock_differs(const struct rac_task *task);

#endif
