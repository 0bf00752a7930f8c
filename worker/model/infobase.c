#include "model/infobase.h"

#include <stdlib.h>
#include <string.h>

struct infobase_lock infobase_lock_copy(const struct infobase_lock *from)
{
    struct infobase_lock ret = *from;
    ret.denied_message = mem_copy(from->denied_message);
    ret.denied_parameter = mem_copy(from->denied_parameter);
    ret.permission_code = mem_copy(from->permission_code);
    ret.name = mem_copy(from->name);
    return ret;
}

void infobase_lock_release(struct infobase_lock *lock)
{
    free(lock->denied_message);
    free(lock->denied_parameter);
    free(lock->permission_code);
    free(lock->name);
    *lock = (struct infobase_lock){.sessions_deny = false};
}

void infobase_lock_destroy(struct infobase_lock *lock)
{
    if (!lock)
        return;
    infobase_lock_release(lock);
    free(lock);
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

bool infobase_lock_same_sessions(const struct infobase_lock *a, const struct infobase_lock *b)
{
    return a->sessions_deny == b->sessions_deny &&
           server_time_equal(a->denied_from, b->denied_from) &&
           server_time_equal(a->denied_to, b->denied_to) &&
           same_text(a->denied_message, b->denied_message) &&
           same_text(a->denied_parameter, b->denied_parameter) &&
           same_text(a->permission_code, b->permission_code);
}

bool infobase_lock_equal(const struct infobase_lock *a, const struct infobase_lock *b)
{
    return uuid_equal(&a->infobase, &b->infobase) &&
           a->scheduled_jobs_deny == b->scheduled_jobs_deny && infobase_lock_same_sessions(a, b);
}

void connection_list_destroy(struct connection_list *list)
{
    if (!list)
        return;
    arena_destroy(list->arena);
    free(list);
}
