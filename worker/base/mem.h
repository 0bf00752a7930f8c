/* mem.h - allocation that never returns NULL, and cleanup at the end of a scope.
 *
 * Out of memory stops the process: everything is bounded, and the journal brings the work back. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdlib.h>

/* Zeroed memory; free() releases it. */
void *mem_alloc(size_t count, size_t size) __attribute__((returns_nonnull, malloc));
/* Grown memory is not zeroed. */
void *mem_resize(void *memory, size_t count, size_t size) __attribute__((returns_nonnull));
/* A copy with a closing zero. */
char *mem_text(const char *text, size_t length) __attribute__((returns_nonnull, malloc));
/* A copy of a zero-closed text; NULL stays NULL. */
char *mem_copy(const char *text);

/* All threads of the process take from one heap, instead of one each: those of librdkafka leave 4
 * to 10 MiB of holes in theirs. And small blocks are joined with their neighbours when they are
 * freed: glibc would put that off to the next large one and then do it for all, once for every
 * event. Pages stay until mem_give_back(): each list of a great cluster would take its megabytes
 * from the system and give them back. Call before there is a second thread. */
void mem_share_heap(void);
/* Gives pages that nobody uses back to the system: after a load the heap is full of holes, and
 * glibc keeps them. Takes milliseconds after a great load, less than one otherwise. */
void mem_give_back(void);

#define mem_new(type) ((type *)mem_alloc(1, sizeof(type)))

/* AUTO(lane) x = ...;  calls lane_destroy(x) on every return. Declare the destructor's cleanup with
 * AUTO_TYPE once, beside its prototype. STEAL hands the pointer over and leaves NULL. */
#define AUTO_TYPE(name)                                                                            \
    static inline void name##_auto_(struct name **at)                                              \
    {                                                                                              \
        name##_destroy(*at);                                                                       \
    }
#define AUTO(name) __attribute__((cleanup(name##_auto_))) struct name *
#define STEAL(pointer)                                                                             \
    __extension__({                                                                                \
        __typeof__(pointer) stolen_ = (pointer);                                                   \
        (pointer) = NULL;                                                                          \
        stolen_;                                                                                   \
    })

static inline void mem_free_auto_(void *at)
{
    free(*(void **)at);
}
#define AUTO_FREE __attribute__((cleanup(mem_free_auto_)))

#endif
