/* arena.h - memory of many small parts that is released at once, with a maximum.
 *
 * An arena begins in one piece of memory, its own or the caller's, and takes blocks from the heap
 * only when that is full. Not to be moved or copied. One thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/text.h"

struct arena_block;

struct arena {
    unsigned char *at; /* what is free of the present block */
    unsigned char *end;
    struct arena_block *blocks; /* owned; without the first */
    size_t used;                /* bytes handed out */
    size_t max;
    size_t next_size; /* of the next block */
    bool lent;        /* the arena itself stands in the caller's memory */
};

/* `max` bytes in all, 1..1 GiB. */
struct arena *arena_create(size_t max);
/* The same with room for about so many bytes in one allocation with the arena itself. */
struct arena *arena_create_for(size_t max, size_t bytes);
void arena_destroy(struct arena *arena);
AUTO_TYPE(arena)

/* The same within the caller's memory, aligned for any type, of more than sizeof(struct arena)
 * bytes: what fits costs no allocation. Destroy before that memory goes. */
struct arena *arena_create_on(size_t max, void *room, size_t size);

/* Over the caller's memory, usually on his stack: what fits into `size` bytes costs no allocation.
 * Release before that memory goes. */
void arena_init(struct arena *arena, size_t max, void *first, size_t size);
void arena_release(struct arena *arena);
#define AUTO_ARENA __attribute__((cleanup(arena_release))) struct arena

/* Zeroed memory aligned for any type, or NULL when the maximum is reached. */
void *arena_take(struct arena *arena, size_t count, size_t size);
/* The same, not zeroed: for who fills it whole. */
void *arena_take_raw(struct arena *arena, size_t bytes);
/* A zero-closed copy, or NULL when the maximum is reached. */
char *arena_text(struct arena *arena, struct text text);
size_t arena_used(const struct arena *arena);

#endif
