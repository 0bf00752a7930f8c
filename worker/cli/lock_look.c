#include "cli/lock_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cluster_list.h"

/* `count` when it is not among them. */
static size_t place_of(const struct config_cluster *const *clusters, size_t count, const char *name)
{
    size_t i = 0;
    while (i < count && strcmp(clusters[i]->name, name) != 0)
        i++;
    return i;
}

/* Somebody's drain may have begun since the journal was read: its mark is not told. */
static bool is_of_open(const struct trace_command *open, size_t count, const struct uuid *mark)
{
    for (size_t i = 0; i < count; i++)
        if (uuid_equal(&open[i].id, mark))
            return true;
    return false;
}

/* False: the cluster says nothing. */
static bool look_at(const struct config_cluster *cluster, const struct trace_stray *place,
                    const struct trace *trace, int64_t wait_ms, struct lock_look *ret)
{
    AUTO(infobase_lock) lock = NULL;
    struct uuid mark;
    struct error err;
    enum error_code code =
        cluster_lock(cluster, uuid_format(&place->uuid).text, wait_ms, &lock, &err);
    if (code == ERR_NOT_FOUND)
        return true; /* it was removed from the cluster, and its lock with it */
    if (code) {
        if (!ret->unseen++)
            snprintf(ret->why, sizeof ret->why, "%s", err.message);
        return code != ERR_UNAVAILABLE && code != ERR_DEADLINE;
    }
    ret->looked++;
    if (!lock->sessions_deny || uuid_read(text_of(lock->denied_parameter), &mark, NULL))
        return true;
    size_t count;
    AUTO_FREE struct trace_command *open = trace_open(trace, &count);
    if (is_of_open(open, count, &mark))
        return true;
    ret->found = mem_resize(ret->found, ret->found_count + 1, sizeof *ret->found);
    ret->found[ret->found_count] = *place;
    ret->found[ret->found_count++].mark = mark;
    return true;
}

void lock_look(const struct config_cluster *const *clusters, size_t cluster_count,
               const struct trace *trace, int64_t wait_ms, struct lock_look *ret)
{
    size_t count;
    AUTO_FREE struct trace_stray *places = trace_drained(trace, &count);
    AUTO_FREE bool *silent = mem_alloc(cluster_count + 1, sizeof *silent);
    *ret = (struct lock_look){0};
    for (size_t i = 0; i < count; i++) {
        size_t at = place_of(clusters, cluster_count, places[i].cluster);
        if (at == cluster_count)
            continue;
        if (silent[at]) /* one wait for it is enough */
            ret->unseen++;
        else if (ret->looked + ret->unseen < LOCK_LOOKS_MAX)
            silent[at] = !look_at(clusters[at], &places[i], trace, wait_ms, ret);
        else if (!ret->unseen++)
            snprintf(ret->why, sizeof ret->why, "more than %d infobases were drained",
                     LOCK_LOOKS_MAX);
    }
}

void lock_look_release(struct lock_look *look)
{
    free(look->found);
    *look = (struct lock_look){0};
}
