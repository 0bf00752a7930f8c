/* arena.h - memory of many small parts that is released at once, with a maximum. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/mem.h"
#include "base/text.h"

struct arena;

/* `max` bytes in all, 1..1 GiB. */
struct arena *arena_create(size_t max);
/* The first block is to hold about this much: saves the small ones that it would grow through. Only
 * before anything was taken. */
void arena_expect(struct arena *arena, size_t bytes);
void arena_destroy(struct arena *arena);
AUTO_TYPE(arena)
/* Zeroed memory aligned for any type, or NULL when the maximum is reached. */
void *arena_take(struct arena *arena, size_t count, size_t size);
/* A zero-closed copy, or NULL when the maximum is reached. */
char *arena_text(struct arena *arena, struct text text);
size_t arena_used(const struct arena *arena);

#endif
