#include "gateway/access.h"

#include "base/mem.h"

enum { MINUTE_MS = 60000 };

struct access {
    struct asker *askers; /* one for each token; one in all without tokens */
    size_t count;
};

struct access *access_create(const struct config_gateway *config, struct instant now)
{
    struct access *access = mem_new(struct access);
    access->count = config->token_count ? config->token_count : 1;
    access->askers = mem_alloc(access->count, sizeof *access->askers);
    access->askers[0].name = "local";
    for (size_t i = 0; i < config->token_count; i++)
        access->askers[i] = (struct asker){.name = config->tokens[i].name,
                                           .token = &config->tokens[i],
                                           .allowance = config->tokens[i].per_minute,
                                           .counted = now};
    return access;
}

void access_destroy(struct access *access)
{
    if (!access)
        return;
    free(access->askers);
    free(access);
}

struct asker *access_find(struct access *access, struct text token)
{
    struct asker *found = NULL;
    for (size_t i = 0; i < access->count; i++) { /* to the end: time tells nothing */
        struct asker *asker = &access->askers[i];
        if (!asker->token || secret_equal(asker->token->account.password, token))
            found = asker;
    }
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

bool access_count(struct asker *asker, struct instant now)
{
    if (!asker->token)
        return true;
    double most = asker->token->per_minute;
    asker->allowance += (double)instant_ms_between(asker->counted, now) * most / MINUTE_MS;
    asker->counted = now;
    if (asker->allowance > most)
        asker->allowance = most;
    if (asker->allowance < 1)
        return false;
    asker->allowance -= 1;
    return true;
}
