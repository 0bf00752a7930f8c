#include "base/mem.h"

#include <malloc.h>
#include <string.h>

#include "base/check.h"

void *mem_alloc(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    CHECK(memory);
    return memory;
}

void *mem_resize(void *memory, size_t count, size_t size)
{
    void *grown = reallocarray(memory, count ? count : 1, size ? size : 1);
    CHECK(grown);
    return grown;
}

char *mem_text(const char *text, size_t length)
{
    char *copy = mem_alloc(length + 1, 1);
    if (length)
        memcpy(copy, text, length);
    return copy;
}

void mem_share_heap(void)
{
    mallopt(M_ARENA_MAX, 1);
}

void mem_give_back(void)
{
    malloc_trim(0);
}

char *mem_copy(const char *text)
{
    return text ? mem_text(text, strlen(text)) : NULL;
}
