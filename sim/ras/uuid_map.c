#include "sim/ras/uuid_map.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { SLOTS_FIRST = 64 };

struct uuid_map_slot {
    struct uuid uuid;
    void *value; /* NULL = free */
};

/* Bytes in the middle, mixed: derived and real UUIDs are random there except for the marks. */
static size_t home_of(const struct uuid_map *map, const struct uuid *uuid)
{
    uint64_t low, high;
    memcpy(&low, uuid->bytes, sizeof low);
    memcpy(&high, uuid->bytes + 8, sizeof high);
    uint64_t hash = (low ^ high * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    return (size_t)(hash ^ hash >> 32) & (map->slot_count - 1);
}

static size_t next_of(const struct uuid_map *map, size_t at)
{
    return (at + 1) & (map->slot_count - 1);
}

static size_t find(const struct uuid_map *map, const struct uuid *uuid)
{
    size_t at = home_of(map, uuid);
    while (map->slots[at].value && !uuid_equal(&map->slots[at].uuid, uuid))
        at = next_of(map, at);
    return at;
}

void uuid_map_release(struct uuid_map *map)
{
    free(map->slots);
    *map = (struct uuid_map){0};
}

void *uuid_map_get(const struct uuid_map *map, const struct uuid *uuid)
{
    return map->slot_count ? map->slots[find(map, uuid)].value : NULL;
}

static void grow(struct uuid_map *map)
{
    struct uuid_map larger = {.slot_count = map->slot_count ? map->slot_count * 2 : SLOTS_FIRST};
    larger.slots = mem_alloc(larger.slot_count, sizeof *larger.slots);
    for (size_t i = 0; i < map->slot_count; i++)
        if (map->slots[i].value)
            uuid_map_put(&larger, &map->slots[i].uuid, map->slots[i].value);
    uuid_map_release(map);
    *map = larger;
}

void uuid_map_put(struct uuid_map *map, const struct uuid *uuid, void *value)
{
    CHECK(value);
    if ((map->used + 1) * 2 > map->slot_count)
        grow(map);
    size_t at = find(map, uuid);
    if (!map->slots[at].value)
        map->used++;
    map->slots[at] = (struct uuid_map_slot){*uuid, value};
}

/* Closes the gap, so that no chain is broken: whatever stands behind and is not at home moves up.
 */
void uuid_map_remove(struct uuid_map *map, const struct uuid *uuid)
{
    if (!uuid_map_get(map, uuid))
        return;
    size_t gap = find(map, uuid);
    map->used--;
    for (size_t at = next_of(map, gap); map->slots[at].value; at = next_of(map, at)) {
        size_t home = home_of(map, &map->slots[at].uuid);
        size_t mask = map->slot_count - 1;
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        map->slots[gap] = map->slots[at];
        gap = at;
    }
    map->slots[gap] = (struct uuid_map_slot){0};
}
