#include "sim/ras/keep.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { SLOTS_FIRST = 1024, FORMAT_MAX = 1024 };

struct keep {
    struct arena *arena;
    struct text *slots; /* open addressing; .at NULL = free */
    size_t slot_count;  /* a power of two */
    size_t used;
};

static uint64_t hash_of(struct text text)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < text.length; i++)
        hash = (hash ^ (uint8_t)text.at[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

struct keep *keep_create(size_t max_bytes)
{
    struct keep *keep = mem_new(struct keep);
    keep->arena = arena_create(max_bytes);
    keep->slot_count = SLOTS_FIRST;
    keep->slots = mem_alloc(keep->slot_count, sizeof *keep->slots);
    return keep;
}

void keep_destroy(struct keep *keep)
{
    if (!keep)
        return;
    arena_destroy(keep->arena);
    free(keep->slots);
    free(keep);
}

static struct text *slot_of(struct text *slots, size_t count, struct text text)
{
    size_t at = hash_of(text) & (count - 1);
    while (slots[at].at && !text_equal(slots[at], text))
        at = (at + 1) & (count - 1);
    return &slots[at];
}

static void grow(struct keep *keep)
{
    size_t count = keep->slot_count * 2;
    struct text *slots = mem_alloc(count, sizeof *slots);
    for (size_t i = 0; i < keep->slot_count; i++)
        if (keep->slots[i].at)
            *slot_of(slots, count, keep->slots[i]) = keep->slots[i];
    free(keep->slots);
    keep->slots = slots;
    keep->slot_count = count;
}

struct text keep_text(struct keep *keep, struct text text)
{
    if (ras_is_null(text) || text.length == 0)
        return ras_is_null(text) ? RAS_NULL : (struct text){0};
    struct text *slot = slot_of(keep->slots, keep->slot_count, text);
    if (slot->at)
        return *slot;
    char *copy = arena_text(keep->arena, text);
    CHECK(copy);
    *slot = (struct text){copy, text.length};
    if (++keep->used * 2 > keep->slot_count)
        grow(keep);
    return (struct text){copy, text.length};
}

struct text keep_format(struct keep *keep, const char *format, ...)
{
    char text[FORMAT_MAX];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    CHECK(length >= 0);
    CHECK((size_t)length < sizeof text);
    return keep_text(keep, (struct text){text, (size_t)length});
}

static void keep_list(struct keep *keep, const struct ras_field *field, unsigned char *record)
{
    void *items;
    uint32_t count;
    memcpy(&items, record + field->offset, sizeof items);
    memcpy(&count, record + field->count_offset, sizeof count);
    unsigned char *copy = arena_take(keep->arena, count, field->element->size);
    CHECK(copy);
    if (count)
        memcpy(copy, items, count * field->element->size);
    for (uint32_t i = 0; i < count; i++)
        keep_record(keep, field->element, copy + i * field->element->size);
    items = copy;
    memcpy(record + field->offset, &items, sizeof items);
}

void keep_record(struct keep *keep, const struct ras_layout *layout, void *record)
{
    unsigned char *bytes = record;
    for (size_t i = 0; i < layout->field_count; i++) {
        const struct ras_field *field = &layout->fields[i];
        if (ras_type_is_text(field->type)) {
            struct text *text = (struct text *)(void *)(bytes + field->offset);
            *text = keep_text(keep, *text);
        } else if (field->type == RAS_TYPE_LIST) {
            keep_list(keep, field, bytes);
        } else if (field->type == RAS_TYPE_NESTED) {
            keep_record(keep, field->element, bytes + field->offset);
        }
    }
}
