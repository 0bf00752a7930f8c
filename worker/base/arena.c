#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { BLOCK_FIRST = 256, BLOCK_LARGEST = 1 << 20 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *blocks;
    size_t used;
    size_t max;
    size_t next_size;
};

struct arena *arena_create(size_t max)
{
    CHECK(max > 0);
    struct arena *arena = mem_new(struct arena);
    arena->max = max;
    arena->next_size = BLOCK_FIRST;
    return arena;
}

void arena_expect(struct arena *arena, size_t bytes)
{
    CHECK(!arena->blocks);
    if (bytes > arena->next_size)
        arena->next_size = bytes < BLOCK_LARGEST ? bytes : BLOCK_LARGEST;
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    for (struct block *block = arena->blocks; block;) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(arena);
}

void *arena_take(struct arena *arena, size_t count, size_t size)
{
    if (size && count > arena->max / size)
        return NULL;
    size_t want = (count * size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (want > arena->max - arena->used)
        return NULL;
    struct block *block = arena->blocks;
    if (!block || block->size - block->used < want) {
        size_t room = arena->next_size > want ? arena->next_size : want;
        if (arena->next_size < BLOCK_LARGEST)
            arena->next_size *= 2;
        block = mem_alloc(1, sizeof *block + room);
        block->size = room;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *ret = block->bytes + block->used;
    block->used += want;
    arena->used += want;
    return ret;
}

char *arena_text(struct arena *arena, struct text text)
{
    char *copy = arena_take(arena, text.length + 1, 1);
    if (copy && text.length)
        memcpy(copy, text.at, text.length);
    return copy;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
