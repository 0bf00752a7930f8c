/* Which infobase a request means. */
#include "cluster/ras/names.h"

#include <stdlib.h>
#include <string.h>

static int by_uuid(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid)); /* the first member of infobase_name */
}

void ras_names_set(struct ras_names *names, struct arena *arena, struct infobase_name *items,
                   size_t count, struct instant read_at)
{
    qsort(items, count, sizeof *items, by_uuid);
    ras_names_release(names);
    *names = (struct ras_names){arena, items, count, read_at};
}

void ras_names_release(struct ras_names *names)
{
    arena_destroy(names->arena);
    *names = (struct ras_names){0};
}

const struct infobase_name *ras_names_by_uuid(const struct ras_names *names,
                                              const struct uuid *uuid)
{
    if (!names->count)
        return NULL;
    return bsearch(uuid, names->items, names->count, sizeof *names->items, by_uuid);
}

const struct infobase_name *ras_names_by_name(const struct ras_names *names, struct text name)
{
    const struct infobase_name *found = NULL;
    for (size_t i = 0; i < names->count; i++) {
        if (!text_same_name(text_of(names->items[i].name), name))
            continue;
        if (found && !uuid_equal(&found->uuid, &names->items[i].uuid))
            return NULL;
        found = &names->items[i];
    }
    return found;
}

bool ras_names_are_fresh(const struct ras_names *names, struct instant now, int64_t cache_ms)
{
    return names->arena && instant_before(now, instant_add_ms(names->read_at, cache_ms));
}

/* ---- of a request ---- */

bool ras_names_needed(const struct executor_request *request)
{
    switch (request->op) {
    case EXECUTOR_INFOBASE_READ:
    case EXECUTOR_INFOBASE_WRITE:
    case EXECUTOR_CONNECTIONS:
        return true;
    case EXECUTOR_DISCONNECT:
        return executor_names_infobase(request);
    case EXECUTOR_LIST:
    case EXECUTOR_INFO:
    case EXECUTOR_END:
    case EXECUTOR_INTERRUPT:
    case EXECUTOR_PROCESSES:
        break;
    }
    return false;
}

bool ras_names_find(const struct ras_names *names, const struct executor_request *request,
                    struct uuid *ret)
{
    if (!executor_names_infobase(request)) {
        *ret = request->lock ? request->lock->infobase : (struct uuid){{0}};
        return !uuid_is_nil(ret);
    }
    struct text wanted = text_of(request->infobase);
    if (uuid_read(wanted, ret, NULL) == ERR_OK)
        return true;
    const struct infobase_name *name = ras_names_by_name(names, wanted);
    if (name)
        *ret = name->uuid;
    return name;
}

static bool knows(const struct ras_names *names, struct text wanted)
{
    struct uuid uuid;
    if (uuid_read(wanted, &uuid, NULL) == ERR_OK && ras_names_by_uuid(names, &uuid))
        return true;
    return ras_names_by_name(names, wanted);
}

bool ras_names_cover(const struct ras_names *names, const struct session_list *list,
                     const struct executor_request *request)
{
    for (size_t i = 0; i < list->count; i++)
        if (!uuid_is_nil(&list->sessions[i].infobase) &&
            !ras_names_by_uuid(names, &list->sessions[i].infobase))
            return false;
    return !executor_names_infobase(request) || knows(names, text_of(request->infobase));
}
