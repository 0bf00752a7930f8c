#include "base/mem.h"

#include <malloc.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"

/* glibc keeps small blocks that were freed at hand for malloc() only: calloc() does not look there
 * (before glibc 2.41), and costs several times as much. This file is compiled without the knowledge
 * that malloc() and zeros are calloc(). */
enum { AT_HAND_BYTES = 1032 };

enum { KEPT_BYTES = 16 * 1024 * 1024 }; /* a list of twenty thousand sessions in pieces of 1 MiB */

void *mem_alloc(size_t count, size_t size)
{
    size_t bytes;
    bool absurd = __builtin_mul_overflow(count ? count : 1, size ? size : 1, &bytes);
    CHECK(!absurd);
    if (bytes > AT_HAND_BYTES) { /* the system's fresh pages need no zeros written */
        void *memory = calloc(1, bytes);
        CHECK(memory);
        return memory;
    }
    void *memory = malloc(bytes);
    CHECK(memory);
    return memset(memory, 0, bytes);
}

void *mem_resize(void *memory, size_t count, size_t size)
{
    void *grown = reallocarray(memory, count ? count : 1, size ? size : 1);
    CHECK(grown);
    return grown;
}

char *mem_text(const char *text, size_t length)
{
    char *copy = malloc(length + 1);
    CHECK(copy);
    if (length)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void mem_share_heap(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MXFAST, 0);
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

void mem_give_back(void)
{
    malloc_trim(0);
}

char *mem_copy(const char *text)
{
    return text ? mem_text(text, strlen(text)) : NULL;
}
