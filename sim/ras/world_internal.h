/* world_internal.h - for the files world*.c only. */
#ifndef SIM_RAS_WORLD_INTERNAL_H
#define SIM_RAS_WORLD_INTERNAL_H

#include "sim/ras/keep.h"
#include "sim/ras/world.h"

enum {
    WORLD_WATCHERS = 4,
    WORLD_KEEP_BYTES = 256 * 1024 * 1024, /* of texts */
    WORLD_GHOSTS_MAX = 200000,            /* ended sessions remembered, of the whole world */
    WORLD_NUMBERS_MAX = 1000000,          /* of one infobase */
};

struct world {
    struct world_options options;
    struct rng rng;
    struct keep *keep;
    struct world_cluster **clusters; /* owned */
    size_t cluster_count;
    struct text agent_user;
    struct text agent_password;
    struct text agent_version;
    struct world_records agent_admins;
    struct {
        world_watcher watcher;
        void *self;
    } watchers[WORLD_WATCHERS];
    struct world_totals totals;
    uint64_t made;     /* UUIDs so far */
    double login_debt; /* parts of a login or logout that churn owes */
    double logout_debt;
    double activity_debt;
    struct wall ticked_at;       /* 0 = never */
    struct world_ghost **ghosts; /* a ring, owned */
    size_t ghost_next;
    size_t ghost_count;
};

/* Derived from the seed and the count of those before. */
struct uuid world_uuid(struct world *world, const char *what);
void world_notify(struct world *world, enum world_event_kind kind,
                  const struct world_session *session, enum world_cause cause, struct wall at);
void *world_grown(void *array, size_t count, size_t *room, size_t size);
/* Puts a session with a record that is filled but for the number into the lists. */
struct world_session *world_enter(struct world_infobase *infobase, const struct ras_session *record,
                                  struct wall now);
uint32_t world_lowest_free(const struct world_infobase *infobase);
/* A connection for the session. */
void world_link(struct world_session *session, struct wall now);
/* The session leaves all lists and is freed. */
void world_leave(struct world_session *session, enum world_cause cause, struct wall now);
void world_connection_leave(struct world_cluster *cluster, struct world_connection *connection);
struct world_session *world_start(struct world_infobase *infobase, struct world_person *person,
                                  struct wall now);

/* From now on lists show whose it is: who logs in may have no name at first (nameless_ms). */
void world_show_name(struct world_session *session);

/* Something leaves or comes at that time. Rounded up, so that many ends close together cost one
 * pass.
 */
void world_due_at(struct world_cluster *cluster, struct wall at);
/* A person who is not logged in logs in. */
void world_enter_person(struct world_infobase *infobase, struct world_person *person,
                        struct wall now);

#endif
