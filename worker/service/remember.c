#include "service/remember.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/limits.h"
#include "service/partition.h"
#include "service/state.h"

enum { CANCELS_MAX = 10000, APPROVALS_MAX = 10000 };

struct cancel {
    struct uuid id;
    char by[LIMIT_NAME_BYTES + 1];
    char *why;      /* owned */
    struct wall at; /* its append time; 0: not known */
    UT_hash_handle hh;
};

struct approval {
    struct sha256 key; /* of all that follows: several may be about one command */
    struct uuid id;
    char by[LIMIT_NAME_BYTES + 1];
    char digest[LIMIT_NAME_BYTES + 1];
    UT_hash_handle hh;
};

static void forget_cancel(struct service *service, struct cancel *cancel)
{
    HASH_DEL(service->cancels, cancel);
    free(cancel->why);
    free(cancel);
}

void remember_cancel(struct service *service, const struct command *command, struct wall at)
{
    struct cancel *cancel;
    HASH_FIND(hh, service->cancels, &command->other_id, sizeof command->other_id, cancel);
    if (cancel) {
        cancel->at = at; /* the last one stops the longest */
        return;
    }
    if (HASH_COUNT(service->cancels) == CANCELS_MAX)
        forget_cancel(service, service->cancels); /* the oldest: its command expired long ago */
    cancel = mem_new(struct cancel);
    cancel->id = command->other_id;
    cancel->at = at;
    snprintf(cancel->by, sizeof cancel->by, "%s", command->requested_by);
    cancel->why = mem_text(command->reason, strlen(command->reason));
    HASH_ADD(hh, service->cancels, id, sizeof cancel->id, cancel);
}

static void forget_approval(struct service *service, struct approval *approval)
{
    HASH_DEL(service->approvals, approval);
    free(approval);
}

static struct sha256 key_of(const struct command *command)
{
    AUTO_BUF name;
    buf_init(&name, LIMIT_COMMAND_BYTES);
    buf_add(&name, command->other_id.bytes, sizeof command->other_id.bytes);
    buf_add(&name, command->requested_by, strlen(command->requested_by) + 1);
    buf_str(&name, command->resolved_digest);
    return sha256_of(name.data, name.length);
}

/* A successor must learn of an approval that its predecessor had no time for. */
void remember_approval(struct service *service, const struct command *command)
{
    struct sha256 key = key_of(command);
    struct approval *approval;
    HASH_FIND(hh, service->approvals, &key, sizeof key, approval);
    if (approval)
        return;
    if (HASH_COUNT(service->approvals) == APPROVALS_MAX)
        forget_approval(service, service->approvals); /* the oldest: its list is long decided */
    approval = mem_new(struct approval);
    approval->key = key;
    approval->id = command->other_id;
    snprintf(approval->by, sizeof approval->by, "%s", command->requested_by);
    snprintf(approval->digest, sizeof approval->digest, "%s", command->resolved_digest);
    HASH_ADD(hh, service->approvals, key, sizeof approval->key, approval);
}

static void apply_approvals(struct partition *partition, struct instant now)
{
    struct approval *approval;
    struct approval *next;
    HASH_ITER(hh, partition->service->approvals, approval, next)
    {
        struct engine_approval said = {approval->id, approval->by, approval->digest};
        engine_approve(partition->engine, &said, now);
    }
}

static void apply_cancel(struct partition *partition, const struct cancel *cancel,
                         struct instant now)
{
    struct engine_asker asker = {cancel->by, cancel->why};
    engine_cancel(partition->engine, &cancel->id, &asker, cancel->at, now);
}

void remember_apply(struct partition *partition, struct instant now)
{
    struct cancel *cancel;
    struct cancel *next;
    HASH_ITER(hh, partition->service->cancels, cancel, next)
    apply_cancel(partition, cancel, now);
    apply_approvals(partition, now);
}

void remember_accepted(struct partition *partition, const struct uuid *id, struct instant now)
{
    struct cancel *cancel;
    HASH_FIND(hh, partition->service->cancels, id, sizeof *id, cancel);
    if (cancel)
        apply_cancel(partition, cancel, now);
}

void remember_destroy(struct service *service)
{
    while (service->cancels)
        forget_cancel(service, service->cancels);
    while (service->approvals)
        forget_approval(service, service->approvals);
}
