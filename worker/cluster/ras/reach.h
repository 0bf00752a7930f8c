/* reach.h - where a RAS is and who we are there: copies of what the executors ras and rac are told,
 * and the order in which addresses are tried. */
#ifndef CLUSTER_RAS_REACH_H
#define CLUSTER_RAS_REACH_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "cluster/ras/conn.h"

struct ras_address {
    const char *host; /* name, IPv4 or IPv6 address */
    uint16_t port;    /* 1545 by custom */
};

struct ras_infobase_login {
    const char *infobase; /* name, compared without case, or UUID */
    struct ras_login login;
};

/* What is to be copied; all borrowed. */
struct ras_reach_source {
    const char *name;                    /* of the cluster in the configuration, for errors */
    const struct ras_address *addresses; /* the preferred one first */
    size_t address_count;                /* 1..LIMIT_ADDRESSES */
    struct ras_login admin;              /* of the cluster; empty where it has none */
    const struct ras_infobase_login *infobases;
    size_t infobase_count;
};

struct ras_reach {
    struct ras_address *addresses; /* owned, in the order of the configuration */
    size_t address_count;
    size_t order[LIMIT_ADDRESSES]; /* indexes of `addresses`: the one to be tried first is first */
    struct ras_login *logins;      /* owned: the administrator's, then those of the infobases */
    struct ras_infobase_login *infobases; /* owned, but for the logins */
    size_t infobase_count;
};

/* ERR_CONFIG: there are too few or too many of something. */
enum error_code ras_reach_check(const struct ras_reach_source *source,
                                struct error *err) MUST_CHECK;
/* Copies all of it, secrets included. */
void ras_reach_init(struct ras_reach *reach, const struct ras_reach_source *source);
void ras_reach_release(struct ras_reach *reach);

/* The first address in order whose bit is not set in `tried`. False: there is none. */
bool ras_reach_next(const struct ras_reach *reach, uint32_t tried, size_t *ret);
/* From now on this address is tried last: it refused, or stayed silent. */
void ras_reach_demote(struct ras_reach *reach, size_t address);

#endif
