#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { BLOCK_FIRST = 256, BLOCK_LARGEST = 1 << 20 };

struct arena_block {
    struct arena_block *next;
    alignas(max_align_t) unsigned char bytes[];
};

/* An arena on the heap, and its first piece. */
struct whole {
    struct arena arena;
    alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *arena, size_t max, void *first, size_t size)
{
    CHECK(max > 0);
    *arena = (struct arena){
        .at = first, .end = (unsigned char *)first + size, .max = max, .next_size = BLOCK_FIRST};
    while (arena->next_size < size && arena->next_size < BLOCK_LARGEST)
        arena->next_size *= 2;
}

void arena_release(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks; block;) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->blocks = NULL;
}

struct arena *arena_create_for(size_t max, size_t bytes)
{
    size_t size = bytes < max ? bytes : max;
    struct whole *whole = malloc(sizeof *whole + size);
    CHECK(whole);
    arena_init(&whole->arena, max, whole->bytes, size);
    return &whole->arena;
}

struct arena *arena_create(size_t max)
{
    return arena_create_for(max, BLOCK_FIRST);
}

struct arena *arena_create_on(size_t max, void *room, size_t size)
{
    struct whole *whole = room;
    CHECK(size > sizeof *whole);
    arena_init(&whole->arena, max, whole->bytes, size - sizeof *whole);
    whole->arena.lent = true;
    return &whole->arena;
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    arena_release(arena);
    if (!arena->lent)
        free(arena);
}

static void add_block(struct arena *arena, size_t want)
{
    size_t size = arena->next_size > want ? arena->next_size : want;
    if (arena->next_size < BLOCK_LARGEST)
        arena->next_size *= 2;
    struct arena_block *block = malloc(sizeof *block + size);
    CHECK(block);
    block->next = arena->blocks;
    arena->blocks = block;
    arena->at = block->bytes;
    arena->end = block->bytes + size;
}

/* `at` moves to the alignment first; in a new block it stands there already. */
static inline void *take(struct arena *arena, size_t want, size_t alignment)
{
    size_t skip = -(uintptr_t)arena->at & (alignment - 1);
    if (want > arena->max - arena->used)
        return NULL;
    if (skip > (size_t)(arena->end - arena->at) || want > (size_t)(arena->end - arena->at) - skip) {
        add_block(arena, want);
        skip = 0;
    }
    void *ret = arena->at + skip;
    arena->at += skip + want;
    arena->used += want;
    return ret;
}

void *arena_take_raw(struct arena *arena, size_t bytes)
{
    const size_t alignment = alignof(max_align_t);
    if (bytes > arena->max)
        return NULL;
    return take(arena, (bytes + alignment - 1) & ~(alignment - 1), alignment);
}

void *arena_take(struct arena *arena, size_t count, size_t size)
{
    if (size && count > arena->max / size)
        return NULL;
    void *ret = arena_take_raw(arena, count * size);
    if (ret)
        memset(ret, 0, count * size);
    return ret;
}

char *arena_text(struct arena *arena, struct text text)
{
    char *copy = take(arena, text.length + 1, 1);
    if (!copy)
        return NULL;
    if (text.length)
        memcpy(copy, text.at, text.length);
    copy[text.length] = '\0';
    return copy;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
