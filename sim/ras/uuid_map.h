/* uuid_map.h - finds things by UUID. Values are borrowed and never NULL. */
#ifndef SIM_RAS_UUID_MAP_H
#define SIM_RAS_UUID_MAP_H

#include <stddef.h>

#include "base/uuid.h"

struct uuid_map {
    struct uuid_map_slot *slots; /* owned; open addressing */
    size_t slot_count;           /* 0 or a power of two */
    size_t used;
};

/* A zeroed map is an empty one. */
void uuid_map_release(struct uuid_map *map);
void *uuid_map_get(const struct uuid_map *map, const struct uuid *uuid);
/* Replaces the value of a UUID that is there already. */
void uuid_map_put(struct uuid_map *map, const struct uuid *uuid, void *value);
/* Nothing happens when it is not there. */
void uuid_map_remove(struct uuid_map *map, const struct uuid *uuid);

#endif
