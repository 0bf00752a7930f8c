/* task.h - what will happen and when: a heap of tasks in virtual time, ties in order of creation.
 *
 * A task meant for a worker is dropped when that process is gone, and put aside while it is paused.
 */
#ifndef SIM_TASK_H
#define SIM_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct world;
struct task;

struct task {
    int64_t at_ns;  /* virtual time */
    uint64_t order; /* breaks ties; set by tasks_add() */
    void (*run)(struct world *world, struct task *task);
    int32_t worker; /* -1: the world's own */
    uint32_t life;  /* of that worker */
    int32_t index;  /* partition, cluster: whatever `run` makes of it */
    uint32_t generation;
    uint64_t number;
    void *data; /* owned by the task until `run` takes it; `release` frees it */
    void (*release)(void *data);
};

struct tasks {
    struct task *heap;
    size_t count;
    size_t size;
    uint64_t orders;
};

void tasks_add(struct tasks *tasks, struct task task);
/* False when there is none. */
bool tasks_take(struct tasks *tasks, struct task *ret);
void task_drop(struct task *task);
void tasks_release(struct tasks *tasks);

#endif
