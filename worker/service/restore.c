#include "service/restore.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "service/partition.h"
#include "service/state.h"

enum { RESTORES_MAX = 1000 };

struct restore {
    char *key; /* owned */
    char cluster[LIMIT_NAME_BYTES + 1];
    char infobase[LIMIT_NAME_BYTES + 1];
    char by[LIMIT_NAME_BYTES + 1];
    char *why;            /* owned */
    struct wall asked_at; /* what was asked for later is not meant */
    UT_hash_handle hh;
};

static void forget(struct service *service, struct restore *restore)
{
    HASH_DEL(service->restores, restore);
    free(restore->key);
    free(restore->why);
    free(restore);
}

static char *key_of(const char *cluster, const char *infobase)
{
    AUTO_BUF key;
    buf_init(&key, LIMIT_COMMAND_BYTES);
    buf_str(&key, cluster);
    buf_byte(&key, '\n');
    text_fold(&key, text_of(infobase));
    return mem_text(buf_text(&key), key.length);
}

static void apply(struct partition *partition, const struct restore *restore, struct instant now)
{
    struct engine_asker asker = {restore->by, restore->why};
    uint32_t ended = engine_give_back(partition->engine, restore->cluster, restore->infobase,
                                      restore->asked_at, &asker, now);
    if (ended)
        log_line(LOG_LEVEL_INFO, "hold ended by restore", LOG_TEXT("cluster", restore->cluster),
                 LOG_TEXT("infobase", restore->infobase), log_number("commands", ended));
}

/* Only the last one counts: it ends whatever an earlier one did. */
void restore_asked(struct service *service, const struct command *command, const char *cluster,
                   struct wall asked_at, struct instant now)
{
    struct partition *partition;
    struct restore *restore;
    char *key = key_of(cluster, command->infobase);
    HASH_FIND_STR(service->restores, key, restore);
    if (restore)
        forget(service, restore);
    else if (HASH_COUNT(service->restores) == RESTORES_MAX)
        forget(service, service->restores); /* the oldest */
    restore = mem_new(struct restore);
    restore->key = key;
    restore->asked_at = asked_at;
    snprintf(restore->cluster, sizeof restore->cluster, "%s", cluster);
    snprintf(restore->infobase, sizeof restore->infobase, "%s", command->infobase);
    snprintf(restore->by, sizeof restore->by, "%s", command->requested_by);
    restore->why = mem_text(command->reason, strlen(command->reason));
    HASH_ADD_KEYPTR(hh, service->restores, restore->key, strlen(restore->key), restore);
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (partition->engine && partition->owning)
        apply(partition, restore, now);
}

void restore_apply(struct partition *partition, struct instant now)
{
    struct restore *restore;
    struct restore *next;
    HASH_ITER(hh, partition->service->restores, restore, next)
    apply(partition, restore, now);
}

void restore_destroy(struct service *service)
{
    while (service->restores)
        forget(service, service->restores);
}
