/* names.h - which infobase a request means: names and UUIDs as the cluster told them. */
#ifndef CLUSTER_RAS_NAMES_H
#define CLUSTER_RAS_NAMES_H

#include "cluster/executor.h"

/* Infobase names by UUID, as read at one moment. */
struct ras_names {
    struct arena *arena;         /* NULL: never read */
    struct infobase_name *items; /* sorted by UUID */
    size_t count;
    struct instant read_at;
};

/* Replaces what was there; takes `arena`, in which `items` stand in any order. */
void ras_names_set(struct ras_names *names, struct arena *arena, struct infobase_name *items,
                   size_t count, struct instant read_at);
void ras_names_release(struct ras_names *names);
const struct infobase_name *ras_names_by_uuid(const struct ras_names *names,
                                              const struct uuid *uuid);
/* Without case; NULL when there is none, or more than one: a name is its cluster's only one,
 * and where it is not, nobody is to be guessed. */
const struct infobase_name *ras_names_by_name(const struct ras_names *names, struct text name);
/* Were they read, and less than `cache_ms` ago? */
bool ras_names_are_fresh(const struct ras_names *names, struct instant now, int64_t cache_ms);

/* Does the operation need the infobase's UUID first? */
bool ras_names_needed(const struct executor_request *request);
/* The infobase that the request means: by UUID at once, by name out of what was read, without
 * either that of its lock. False: not known. */
bool ras_names_find(const struct ras_names *names, const struct executor_request *request,
                    struct uuid *ret);
/* Do they name every infobase of the list, and the one that its request asks about? */
bool ras_names_cover(const struct ras_names *names, const struct session_list *list,
                     const struct executor_request *request);

#endif
