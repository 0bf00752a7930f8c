/* access.h - who asks: tokens, the clusters they are good for, and how often. Loop thread only. */
#ifndef GATEWAY_ACCESS_H
#define GATEWAY_ACCESS_H

#include "base/clock.h"
#include "config/config.h"

struct access;

/* Who asked; borrowed from the access. */
struct asker {
    const char *name;                 /* of the token; "local" where none is asked for */
    const struct config_token *token; /* NULL: none is asked for */
    double allowance;                 /* terminations that may begin now */
    struct instant counted;
};

/* `config` must outlive it. Without tokens in it everybody is "local": the configuration lets the
 * gateway listen on this machine only. */
struct access *access_create(const struct config_gateway *config, struct instant now);
void access_destroy(struct access *access);
/* NULL: no such token. Takes the same time whichever token it is, or none. */
struct asker *access_find(struct access *access, struct text token);
bool access_allows(const struct asker *asker, struct text cluster);
/* Counts one termination; false: too many in this minute. */
bool access_count(struct asker *asker, struct instant now);

#endif
