/* rac_private.h - what rac.c (life and queue), task.c (what a request does), answer.c (what
 * came back), take.c (what it means) and arguments.c share.
 *
 * A task waits (in `queue`) or has one process. Steps that serve all requests, the version and the
 * cluster's UUID, are done by one task at a time, `preparing`; the others wait for it. */
#ifndef CLUSTER_RAC_RAC_PRIVATE_H
#define CLUSTER_RAC_RAC_PRIVATE_H

#include <sys/queue.h>

#include "base/limits.h"
#include "cluster/process.h"
#include "cluster/rac/rac.h"
#include "cluster/rac/record.h"
#include "cluster/ras/map.h"

enum {
    RAC_ARGUMENTS_MAX = 24,
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

/* One command line. Passwords may stand in it: release wipes. */
struct rac_arguments {
    char *items[RAC_ARGUMENTS_MAX + 1]; /* owned; closed by NULL */
    size_t count;
};

/* ---- arguments.c ---- */

/* The command line of the task's step. ERR_UNSUPPORTED: this version of rac has no such command;
 * ERR_CONFIG: it would show a secret that is not allowed there. */
enum error_code rac_arguments_of(const struct rac_task *task, struct rac_arguments *ret,
                                 struct error *err) MUST_CHECK;
void rac_arguments_release(struct rac_arguments *arguments);
/* WRITE: is there anything to change? */
bool rac_lock_differs(const struct rac_task *task);

/* ---- rac.c ---- */

void rac_wake(struct rac_executor *executor);

/* ---- task.c ---- */

/* Does what is next for a task of the queue. False: it waits for others, nothing was done. */
bool task_go_on(struct rac_task *task);
/* Replies and frees; takes what the reply owns. */
void rac_task_end(struct rac_task *task, struct executor_reply *reply);
void rac_task_fail(struct rac_task *task, enum error_code code, bool sent, const struct error *err);

/* ---- answer.c ---- */

/* What became of a step's process: ERR_OK, and `*ret` is what it printed as text in `arena`; or why
 * there is nothing to be had. */
enum error_code rac_answer_read(struct rac_task *task, const struct process_result *result,
                                struct arena *arena, struct text *ret,
                                struct error *err) MUST_CHECK;

/* ---- take.c ---- */

/* Takes what the step printed: into the executor, the task or the reply. */
enum error_code rac_take(struct rac_task *task, struct text text, struct arena *arena,
                         struct executor_reply *reply, struct error *err) MUST_CHECK;

#endif
