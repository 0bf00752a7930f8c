/* spawn.h - starts one program with its three ends and nothing else of ours: what process.c does
 * before there is a process to look after. */
#ifndef CLUSTER_SPAWN_H
#define CLUSTER_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "cluster/process.h"

/* The program's ends of its pipes: descriptors of ours, closed by spawn_ends_close() once it has
 * them or does not run. -1: none. */
struct spawn_ends {
    int input; /* -1: the null device */
    int output;
    int errors;
};

/* Makes one pipe: `*ret` is the program's end, the other becomes `handle` (initialized, not open).
 * 0, or an error of libuv; then `*ret` may be open still. */
int spawn_pipe(uv_pipe_t *handle, bool program_reads, int *ret);
void spawn_ends_close(struct spawn_ends *ends);
/* util-linux's setpriv, by which a program is started. */
#define SPAWN_KEEPER "/usr/bin/setpriv"
/* Starts the program as the leader of a session and group of its own, with no descriptor above 2
 * and all signals as the system sets them; the kernel kills it when the calling thread ends, so
 * that no worker leaves one behind, however it ends. 0, or an errno: nothing was started; ENOSYS:
 * SPAWN_KEEPER is not there. */
int spawn_program(const struct process_spec *spec, const struct spawn_ends *ends, pid_t *ret);

#endif
