#include "task.h"

#include <stdlib.h>

#include "base/mem.h"

static bool earlier(const struct task *a, const struct task *b)
{
    if (a->at_ns != b->at_ns)
        return a->at_ns < b->at_ns;
    return a->order < b->order;
}

void tasks_add(struct tasks *tasks, struct task task)
{
    if (tasks->count == tasks->size) {
        tasks->size = tasks->size ? 2 * tasks->size : 256;
        tasks->heap = mem_resize(tasks->heap, tasks->size, sizeof tasks->heap[0]);
    }
    task.order = ++tasks->orders;
    size_t at = tasks->count++;
    while (at > 0 && earlier(&task, &tasks->heap[(at - 1) / 2])) {
        tasks->heap[at] = tasks->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    tasks->heap[at] = task;
}

bool tasks_take(struct tasks *tasks, struct task *ret)
{
    if (tasks->count == 0)
        return false;
    *ret = tasks->heap[0];
    struct task last = tasks->heap[--tasks->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= tasks->count)
            break;
        if (child + 1 < tasks->count && earlier(&tasks->heap[child + 1], &tasks->heap[child]))
            child++;
        if (!earlier(&tasks->heap[child], &last))
            break;
        tasks->heap[at] = tasks->heap[child];
        at = child;
    }
    if (tasks->count)
        tasks->heap[at] = last;
    return true;
}

void task_drop(struct task *task)
{
    if (task->release && task->data)
        task->release(task->data);
    task->data = NULL;
}

void tasks_release(struct tasks *tasks)
{
    for (size_t i = 0; i < tasks->count; i++)
        task_drop(&tasks->heap[i]);
    free(tasks->heap);
    *tasks = (struct tasks){0};
}
