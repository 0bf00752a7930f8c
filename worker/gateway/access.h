/* access.h - who asks: tokens, the clusters they are good for, and how often. Loop thread only. */
#ifndef GATEWAY_ACCESS_H
#define GATEWAY_ACCESS_H

#include <sys/queue.h>

#include "config/config.h"
#include "gateway/bucket.h"

struct access;

/* Who asked; borrowed from the access. One whose token a reload took away is not found any more,
 * and stays for as long as requests of his are held. */
struct asker {
    TAILQ_ENTRY(asker) of_access;
    char *name;                       /* of the token; "local" where none is asked for */
    bool local;                       /* none is asked for */
    const struct config_token *token; /* NULL: local, or removed */
    struct bucket terminations;       /* that may begin */
    struct bucket reads;
    uint32_t held; /* requests that are not answered yet */
    bool removed;
};

/* Knows nobody yet: access_configure() comes next. */
struct access *access_create(void);
/* Nobody may be held any more. NULL is fine. */
void access_destroy(struct access *access);
/* Takes over the tokens of `config`, which must live until the next one is taken over. Without
 * tokens in it everybody is "local": the configuration lets the gateway listen on this machine
 * only. A token of the same name keeps what it has used up. */
void access_configure(struct access *access, const struct config_gateway *config,
                      struct instant now);
/* NULL: no such token. Takes the same time whichever token it is, or none. */
struct asker *access_find(struct access *access, struct text token);
bool access_allows(const struct asker *asker, struct text cluster);

enum access_kind { ACCESS_TERMINATION, ACCESS_READ };
/* How many of these the token may send in a minute; 0: any number. */
uint32_t access_per_minute(const struct asker *asker, enum access_kind kind);
/* Counts one; false: too many in this minute, the next may come in `*ret_s` seconds. */
bool access_count(struct asker *asker, enum access_kind kind, struct instant now, uint32_t *ret_s);

/* A request of his is held back until there is more to say, and given back. */
void access_hold(struct asker *asker);
void access_release(struct access *access, struct asker *asker);
/* May one more of his requests wait, with so many connections in all? Nobody gets more than half of
 * them, so that others are heard. */
bool access_may_wait(const struct asker *asker, uint32_t connections);

#endif
