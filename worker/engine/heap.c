/* The wake-up times of open commands, earliest first. */
#include "engine/heap.h"

static void heap_place(struct engine *engine, size_t index, struct open *open)
{
    engine->heap[index] = open;
    open->heap_index = (int)index;
}

static void heap_up(struct engine *engine, size_t index)
{
    struct open *open = engine->heap[index];
    while (index > 0 && instant_before(open->wake, engine->heap[(index - 1) / 2]->wake)) {
        heap_place(engine, index, engine->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    heap_place(engine, index, open);
}

static void heap_down(struct engine *engine, size_t index)
{
    struct open *open = engine->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= engine->heap_count)
            break;
        if (child + 1 < engine->heap_count &&
            instant_before(engine->heap[child + 1]->wake, engine->heap[child]->wake))
            child++;
        if (!instant_before(engine->heap[child]->wake, open->wake))
            break;
        heap_place(engine, index, engine->heap[child]);
        index = child;
    }
    heap_place(engine, index, open);
}

static void heap_remove(struct engine *engine, struct open *open)
{
    size_t index = (size_t)open->heap_index;
    open->heap_index = -1;
    struct open *last = engine->heap[--engine->heap_count];
    if (last == open)
        return;
    heap_place(engine, index, last);
    heap_up(engine, index);
    heap_down(engine, (size_t)last->heap_index);
}

void heap_set(struct engine *engine, struct open *open, struct instant wake)
{
    if (open->heap_index >= 0)
        heap_remove(engine, open);
    open->wake = wake;
    if (wake.ns == INSTANT_NEVER.ns)
        return;
    if (engine->heap_count == engine->heap_size) {
        engine->heap_size = engine->heap_size ? 2 * engine->heap_size : 64;
        engine->heap = mem_resize(engine->heap, engine->heap_size, sizeof engine->heap[0]);
    }
    heap_place(engine, engine->heap_count, open);
    heap_up(engine, engine->heap_count++);
}
