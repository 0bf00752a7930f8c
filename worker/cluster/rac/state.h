/* state.h - the data that the files of this folder share. They call downward only: rac.c (life),
 * queue.c (who is next, and its process), task.c (what a request does), answer.c (what came back),
 * take.c (what it means) and arguments.c (what is asked).
 *
 * A task waits (in `queue`) or has one process. Steps that serve all requests, the version and the
 * cluster's UUID, are done by one task at a time, `preparing`; the others wait for it. */
#ifndef CLUSTER_RAC_STATE_H
#define CLUSTER_RAC_STATE_H

#include <sys/queue.h>

#include "base/limits.h"
#include "cluster/process.h"
#include "cluster/rac/rac.h"
#include "cluster/ras/map.h"

enum {
    RAC_ERRORS_BYTES = 64 * 1024,
    /* rac prints about 2 KiB for a session: some 30,000 of them */
    RAC_OUTPUT_BYTES = 64 * 1024 * 1024,
};
#define RAC_ARENA_BYTES ((size_t)256 * 1024 * 1024)

enum rac_step {
    RAC_STEP_VERSION,
    RAC_STEP_CLUSTERS,
    RAC_STEP_NAMES,  /* infobase names, before or after the main question */
    RAC_STEP_RECORD, /* the infobase record that is to be changed */
    RAC_STEP_MAIN
};

struct rac_executor;

struct rac_task {
    TAILQ_ENTRY(rac_task) link; /* in `queue` or `running` */
    struct rac_executor *executor;
    struct executor_request request;
    enum rac_step step;
    size_t address;
    uint32_t tried; /* bit i: address i was tried for this task */
    bool names_read;
    bool cluster_renewed; /* once is enough */
    struct uuid infobase;
    struct infobase_lock *found; /* WRITE: as it is now */
    struct session_list *list;   /* LIST: waiting for its names */
    struct process *process;     /* NULL: none runs */
    struct instant started;      /* of the process */
};
TAILQ_HEAD(rac_tasks, rac_task);

struct rac_cluster {
    bool known;
    struct uuid uuid;
    struct instant read_at;
};

struct rac_executor {
    struct executor base;
    uv_loop_t *loop;
    struct clock clock;
    struct ras_reach reach;
    struct rac_settings settings; /* owned copy; what `reach` has too is borrowed from there */
    char **environment;           /* owned, closed by NULL */
    struct rac_cluster clusters[LIMIT_ADDRESSES];
    struct rac_version version;
    enum rac_encoding encoding; /* configured, or seen without doubt; RAC_AUTO: not yet */
    struct ras_names names;
    struct rac_tasks queue;
    struct rac_tasks running;
    unsigned running_count;
    struct rac_task *preparing;
    uv_timer_t wake;
    bool stopping;
    void (*stopped)(void *self);
    void *stopped_self;
};

/* Is this step the change itself? It prints nothing when it does its work. */
static inline bool rac_is_change(const struct rac_task *task)
{
    return task->step == RAC_STEP_MAIN && executor_op_changes(task->request.op);
}
/* Is this a step that serves all requests? */
static inline bool rac_is_preparing(enum rac_step step)
{
    return step == RAC_STEP_VERSION || step == RAC_STEP_CLUSTERS;
}

#endif
