/* Whom a drain ends: everybody in one infobase, in the order in which it hurts least. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "select/select.h"

enum rank { RANK_PERSON, RANK_OTHER, RANK_JOB };

/* Jobs come last: they may be what the people were waiting for, and they do not come back once the
 * infobase denies them. */
static enum rank rank_of(const struct session *session)
{
    static const struct {
        const char *app_id;
        enum rank rank;
    } known[] = {{"1CV8", RANK_PERSON},       {"1CV8C", RANK_PERSON},
                 {"WebClient", RANK_PERSON},  {"Designer", RANK_PERSON},
                 {"BackgroundJob", RANK_JOB}, {"SystemBackgroundJob", RANK_JOB}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcasecmp(known[i].app_id, session->app_id))
            return known[i].rank;
    return RANK_OTHER;
}

static int sign(int64_t difference)
{
    return (difference > 0) - (difference < 0);
}

/* Of one rank the longest idle one first; the UUID makes the order the same everywhere. */
static int in_order(const void *left, const void *right)
{
    const struct session *a = ((const struct resolved_row *)left)->session;
    const struct session *b = ((const struct resolved_row *)right)->session;
    int by_rank = (int)rank_of(a) - (int)rank_of(b);
    int by_time = sign(a->last_active_at.ticks - b->last_active_at.ticks);
    return by_rank ? by_rank : by_time ? by_time : memcmp(&a->uuid, &b->uuid, sizeof a->uuid);
}

enum error_code select_drain(const struct command *command, const struct uuid *infobase,
                             const struct session_list *list, struct resolution *ret,
                             struct error *err)
{
    struct uuid meant = *infobase;
    if (uuid_is_nil(&meant)) {
        const struct infobase_name *name = session_list_infobase(list, text_of(command->infobase));
        if (!name)
            return error_set(err, ERR_NOT_FOUND,
                             "the cluster has no infobase '%s', or several of this name",
                             command->infobase);
        meant = name->uuid;
    }
    ret->rows = mem_alloc(list->count, sizeof ret->rows[0]);
    ret->count = 0;
    for (size_t i = 0; i < list->count; i++)
        if (uuid_equal(&list->sessions[i].infobase, &meant))
            ret->rows[ret->count++].session = &list->sessions[i];
    qsort(ret->rows, ret->count, sizeof ret->rows[0], in_order);
    return ERR_OK;
}
