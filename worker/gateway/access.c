#include "gateway/access.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"

struct access {
    TAILQ_HEAD(, asker) askers;
};

struct access *access_create(void)
{
    struct access *access = mem_new(struct access);
    TAILQ_INIT(&access->askers);
    return access;
}

static void forget(struct access *access, struct asker *asker)
{
    CHECK(!asker->held);
    TAILQ_REMOVE(&access->askers, asker, of_access);
    free(asker->name);
    free(asker);
}

void access_destroy(struct access *access)
{
    if (!access)
        return;
    while (!TAILQ_EMPTY(&access->askers))
        forget(access, TAILQ_FIRST(&access->askers));
    free(access);
}

/* Also one that was taken away and comes back. "local" is no token, even if one has that name. */
static struct asker *find_named(struct access *access, const char *name, bool local)
{
    struct asker *asker;
    TAILQ_FOREACH(asker, &access->askers, of_access)
    if (asker->local == local && !strcmp(asker->name, name))
        return asker;
    return NULL;
}

static void take_over(struct access *access, const struct config_token *token, const char *name,
                      struct instant now)
{
    struct asker *asker = find_named(access, name, !token);
    if (!asker) {
        asker = mem_new(struct asker);
        asker->name = mem_text(name, strlen(name));
        asker->local = !token;
        TAILQ_INSERT_TAIL(&access->askers, asker, of_access);
        if (token) {
            asker->terminations = bucket_full(token->per_minute, now);
            asker->reads = bucket_full(token->reads_per_minute, now);
        }
    }
    asker->token = token;
    asker->removed = false;
    /* Not refused: a mounted secret of a container is often like this, and nobody else is there. */
    if (token && token->account.password_file &&
        secret_file_open_to_all(token->account.password_file))
        log_line(LOG_LEVEL_WARNING,
                 "every user of this host can read or write a token's file, chmod o= it",
                 LOG_TEXT("token", name), LOG_TEXT("file", token->account.password_file));
}

void access_configure(struct access *access, const struct config_gateway *config,
                      struct instant now)
{
    struct asker *asker;
    struct asker *next;
    TAILQ_FOREACH(asker, &access->askers, of_access)
    {
        asker->removed = true;
        asker->token = NULL; /* of the configuration before, which goes */
    }
    for (size_t i = 0; i < config->token_count; i++)
        take_over(access, &config->tokens[i], config->tokens[i].name, now);
    if (!config->token_count)
        take_over(access, NULL, "local", now);
    for (asker = TAILQ_FIRST(&access->askers); asker; asker = next) {
        next = TAILQ_NEXT(asker, of_access);
        if (asker->removed && !asker->held)
            forget(access, asker);
    }
}

struct asker *access_find(struct access *access, struct text token)
{
    struct asker *found = NULL;
    struct asker *asker;
    TAILQ_FOREACH(asker, &access->askers, of_access) /* to the end: time tells nothing */
    if (!asker->removed && (asker->local || secret_equal(asker->token->account.password, token)))
        found = asker;
    return found;
}

bool access_allows(const struct asker *asker, struct text cluster)
{
    const struct config_list *clusters = asker->token ? &asker->token->clusters : NULL;
    if (!clusters || !clusters->count)
        return true;
    for (size_t i = 0; i < clusters->count; i++)
        if (text_same_name(text_of(clusters->items[i]), cluster))
            return true;
    return false;
}

uint32_t access_per_minute(const struct asker *asker, enum access_kind kind)
{
    if (asker->local)
        return 0;
    return kind == ACCESS_READ ? asker->token->reads_per_minute : asker->token->per_minute;
}

bool access_count(struct asker *asker, enum access_kind kind, struct instant now, uint32_t *ret_s)
{
    struct bucket *bucket = kind == ACCESS_READ ? &asker->reads : &asker->terminations;
    return asker->local || bucket_take(bucket, access_per_minute(asker, kind), now, ret_s);
}

void access_hold(struct asker *asker)
{
    CHECK(!asker->removed);
    asker->held++;
}

void access_release(struct access *access, struct asker *asker)
{
    CHECK(asker->held > 0);
    asker->held--;
    if (asker->removed && !asker->held)
        forget(access, asker);
}

bool access_may_wait(const struct asker *asker, uint32_t connections)
{
    uint32_t most = connections > 1 ? connections / 2 : 1;
    if (asker->token && asker->token->waiting < most)
        most = asker->token->waiting;
    return asker->held < most;
}
