/* world.h - what stands behind a simulated administration server: clusters, infobases, people,
 * sessions, connections. Pure: time is passed in, chance comes from the seed, nothing is logged.
 *
 * Follows the platform: a session has a UUID that is never used again and
 * a small number that is the lowest free one of its infobase; the same user comes back with a new
 * UUID; a terminated session can stay listed for a while and its connection longer; an infobase
 * that denies sessions lets nobody in, one that denies jobs starts none; RAS itself opens a session
 * where somebody reads or writes an infobase record.
 *
 * Built in two ways: world_populate() for a living one, or world_add_*() record by record, for
 * tests that compare bytes. Structs may be read by anybody and are written only here. */
#ifndef SIM_RAS_WORLD_H
#define SIM_RAS_WORLD_H

#include "base/clock.h"
#include "base/mem.h"
#include "cluster/ras/wire.h"
#include "sim/ras/rng.h"
#include "sim/ras/uuid_map.h"

#define WORLD_FOREVER INT64_MAX
enum { WORLD_GRAIN_MS = 50 };
/* As in struct world_options. */
#define WORLD_USUAL (-1)

struct world_options {
    uint64_t seed;
    int64_t zone_minutes;   /* the servers' wall clock minus UTC */
    double churn;           /* logins per second in the whole world, and as many logouts */
    bool activity;          /* counters move, calls run, sessions fall asleep */
    int64_t linger_ms;      /* a terminated session stays listed; 0 = gone at once */
    int64_t connection_ms;  /* its connection stays listed longer by this */
    int64_t relogin_ms;     /* a terminated user comes back after this; 0 = does not */
    int64_t nameless_ms;    /* who logs in has no user name for so long; 0 = has it at once */
    int64_t ras_session_ms; /* life of the session that RAS opens by itself; 0 = opens none */
    bool stress;            /* some texts of 0, 63, 64, 127, 128, 4095 bytes and of 4-byte UTF-8 */
};
/* Seed 1, UTC+3, no churn, activity, ends at once, connections 300 ms, RAS sessions 60 s, stress.
 */
struct world_options world_options_default(void);

enum world_cause {
    WORLD_LOGOUT,     /* by itself */
    WORLD_TERMINATED, /* by message 71 */
    WORLD_EVICTED,    /* by the test */
    WORLD_EXPIRED,    /* the end of RAS's own session */
    WORLD_CAUSE_COUNT
};
const char *world_cause_name(enum world_cause cause);

struct world_records { /* rarely changing records of one layout */
    const struct ras_layout *layout;
    unsigned char *items; /* owned */
    size_t count;
};

struct world_person {
    struct text user;
    struct text app;
    struct text host;
    struct text ip;
    struct world_session *session; /* NULL: not logged in */
    struct wall back_at;           /* 0 = whenever churn says */
};

struct world_infobase {
    struct ras_infobase record; /* db_pwd masked as U+FFFD */
    struct world_cluster *cluster;
    struct text password; /* of the database */
    struct text user;     /* of the infobase administrator; empty: nobody is asked */
    struct text user_password;
    struct world_session **by_number; /* index = number - 1; owned */
    size_t number_count;
    struct world_person *people; /* owned */
    size_t person_count;
    size_t session_count;
    struct world_session *ras; /* the session that RAS opened, or NULL */
    uint64_t updates;          /* that took effect */
};

struct world_connection {
    struct ras_connection record;
    struct world_session *session; /* NULL: none, or it ended */
    struct wall gone_at;           /* 0 = stays */
    size_t place;                  /* in the cluster's array */
};

struct world_session {
    struct ras_session record;
    struct ras_license license;
    struct world_infobase *infobase;
    struct world_connection *link; /* NULL = none */
    struct world_person *person;   /* NULL = none */
    struct text user;              /* the name that shows later */
    struct wall named_at;          /* 0 = it shows already */
    struct wall gone_at;           /* 0 = no end is set; else it leaves the list then */
    enum world_cause cause;        /* of that end */
    size_t place;                  /* in the cluster's array */
};
/* Was it terminated, and is only still listed? */
static inline bool world_session_ending(const struct world_session *session)
{
    return session->gone_at.ms && session->cause == WORLD_TERMINATED;
}

/* What is remembered of an ended session. */
struct world_ghost {
    struct uuid uuid;
    struct world_infobase *infobase;
    struct text user;
    struct text app;
    uint32_t number;
    enum world_cause cause;
    struct wall ended_at;
};

struct world_cluster {
    struct ras_cluster record;
    struct world *world;
    struct text user; /* of the administrator; empty: there is none, anybody may */
    struct text password;
    struct world_infobase **infobases; /* owned */
    size_t infobase_count;
    struct world_session **sessions; /* owned, without order */
    size_t session_count;
    struct world_connection **connections; /* owned, without order */
    size_t connection_count;
    size_t session_room;
    size_t connection_room;
    struct uuid_map session_map;
    struct uuid_map connection_map;
    struct uuid_map ghosts;
    struct world_records processes;
    struct world_records servers;
    struct world_records managers;
    struct world_records services;
    struct world_records locks; /* added; those of living sessions are made when asked */
    struct world_records admins;
    bool lives;      /* made by world_populate() */
    struct wall due; /* nothing leaves the lists before */
};

enum world_event_kind { WORLD_STARTED, WORLD_ENDED };

struct world_event {
    enum world_event_kind kind;
    const struct world_session *session; /* valid during the call */
    enum world_cause cause;              /* of WORLD_ENDED */
    struct wall at;
};
typedef void (*world_watcher)(void *self, const struct world_event *event);

struct world_totals {
    uint64_t started;
    uint64_t ended[WORLD_CAUSE_COUNT];
    size_t sessions;
    size_t connections;
};

struct world;

struct world *world_create(struct world_options options);
void world_destroy(struct world *world);
AUTO_TYPE(world)
/* Called for every session that starts or leaves the lists; at most 4 watchers. */
void world_watch(struct world *world, world_watcher watcher, void *self);
void world_unwatch(struct world *world, world_watcher watcher, void *self);
const struct world_options *world_options(const struct world *world);
/* The seed stays. */
void world_change(struct world *world, struct world_options options);
struct world_totals world_totals(const struct world *world);
/* The servers' wall clock, in whole seconds as RAS sends it. */
struct server_time world_time(const struct world *world, struct wall wall);
/* What has to happen until `now`, happens, at most WORLD_GRAIN_MS later than planned. */
void world_tick(struct world *world, struct wall now);

/* ---- building ---- */

struct world_population {
    unsigned clusters;  /* sim-01, sim-02, ... */
    unsigned infobases; /* of each: ib-01, ib-02, ... */
    unsigned sessions;  /* of each cluster */
    struct text user;   /* the clusters' administrator; empty = none */
    struct text password;
    struct text infobase_user; /* empty = none */
    struct text infobase_password;
};
void world_populate(struct world *world, const struct world_population *population,
                    struct wall now);

/* Records are copied with all their texts. */
struct world_cluster *world_add_cluster(struct world *world, const struct ras_cluster *record,
                                        struct text user, struct text password);
struct world_infobase *world_add_infobase(struct world_cluster *cluster,
                                          const struct ras_infobase *record, struct text user,
                                          struct text password);
/* ERR_INVALID: its infobase is unknown, or the number or UUID is in use. */
enum error_code world_add_session(struct world_cluster *cluster, const struct ras_session *record,
                                  struct world_session **ret, struct error *err);
struct world_connection *world_add_connection(struct world_cluster *cluster,
                                              const struct ras_connection *record);
/* Processes, servers, managers, services, locks, admins: `records` is the cluster's member. */
void world_add_record(struct world *world, struct world_records *records, const void *record);
void world_set_agent(struct world *world, struct text user, struct text password,
                     struct text version);
struct text world_agent_user(const struct world *world);
struct text world_agent_password(const struct world *world);
struct text world_agent_version(const struct world *world);
struct world_records *world_agent_admins(struct world *world);

/* ---- finding ---- */

size_t world_cluster_count(const struct world *world);
struct world_cluster *world_cluster_at(const struct world *world, size_t index);
/* By UUID, in its present form; NULL: none. */
struct world_cluster *world_cluster_find(const struct world *world, const struct uuid *uuid);
/* By name or UUID text. */
struct world_cluster *world_cluster_named(const struct world *world, struct text name);
struct world_infobase *world_infobase_find(const struct world_cluster *cluster,
                                           const struct uuid *uuid);
struct world_infobase *world_infobase_named(const struct world_cluster *cluster, struct text name);
struct world_session *world_session_find(const struct world_cluster *cluster,
                                         const struct uuid *uuid);
struct world_session *world_session_numbered(const struct world_infobase *infobase,
                                             uint32_t number);
struct world_connection *world_connection_find(const struct world_cluster *cluster,
                                               const struct uuid *uuid);
const struct world_ghost *world_ghost_find(const struct world_cluster *cluster,
                                           const struct uuid *uuid);
/* Is a record with this UUID (its first field) there? */
const void *world_record_find(const struct world_records *records, const struct uuid *uuid);
/* Is this the UUID of anything at all, now or formerly? For the check of byte orders. */
bool world_knows(const struct world *world, const struct uuid *uuid);
/* A full connection record, made from the short one and its session. */
struct ras_connection_full world_connection_full(const struct world_connection *connection);

/* ---- what clients and tests do ---- */

enum world_effect {
    WORLD_DONE,     /* and the session has left the list */
    WORLD_ACCEPTED, /* ends; stays listed for a while */
    WORLD_AGAIN,    /* was ending already */
    WORLD_IDLE,     /* nothing to interrupt */
    WORLD_REFUSED,  /* the update */
    WORLD_GONE,     /* ended earlier */
    WORLD_UNKNOWN,  /* never was */
};
const char *world_effect_name(enum world_effect effect);

/* `stay_ms`: how long it stays listed, WORLD_USUAL or WORLD_FOREVER. */
enum world_effect world_terminate(struct world_cluster *cluster, const struct uuid *session,
                                  int64_t stay_ms, struct wall now);
/* Ends the running call; the session lives on. */
enum world_effect world_interrupt(struct world_cluster *cluster, const struct uuid *session,
                                  struct wall now);
/* Breaks the link. The client of a living session builds another at once, with a new UUID. */
enum world_effect world_disconnect(struct world_cluster *cluster, const struct uuid *process,
                                   const struct uuid *connection, struct wall now);
/* Replaces the whole record, as RAS does. db_pwd: U+FFFD or the true one = unchanged; anything else
 * is WORLD_REFUSED, because the database would refuse the logon. */
enum world_effect world_update(struct world_infobase *infobase, const struct ras_infobase *record);
/* Only the description; an empty name leaves the name alone. */
void world_update_short(struct world_infobase *infobase, const struct ras_infobase_short *record);
/* RAS worked in the infobase: its own session appears or lives longer. */
void world_ras_was_here(struct world_infobase *infobase, struct wall now);
/* A user logs in, whatever the lock says. The user may be empty. */
struct world_session *world_login(struct world_infobase *infobase, struct text user,
                                  struct text app, struct text host, struct wall now);
/* The session leaves at once. */
void world_logout(struct world_session *session, enum world_cause cause, struct wall now);
/* Does the infobase let a session of this application in? */
bool world_lets_in(const struct world_infobase *infobase, struct text app, struct wall now);
/* The call in progress: > 0 begins one of that many milliseconds so far, 0 ends it. */
void world_call(struct world_session *session, int32_t ms);
/* Another administrator of the cluster; an empty name: none. */
void world_set_credentials(struct world_cluster *cluster, struct text user, struct text password);
/* The cluster was created anew behind the same address: another UUID. */
void world_cluster_renew(struct world_cluster *cluster);

#endif
