/* state.h - the engine as a whole: what it knows of a partition, and what is to be handed out. */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include "engine/open.h"

#ifdef CURFEW_MUTATIONS
#define MUTATED(engine, guard) ((engine)->config.mutations.guard)
#else
#define MUTATED(engine, guard) false
#endif

struct cluster {
    char *name; /* owned key */
    UT_hash_handle hh;
    TAILQ_HEAD(, open) opens;
    uint32_t open_count;
    /* volatile */
    TAILQ_HEAD(, open) wanting; /* commands that wait for a list */
    TAILQ_ENTRY(cluster) of_asking;
    bool asking;         /* in the engine's queue of clusters to list */
    struct instant wake; /* the earliest moment that one of `wanting` allows */
    uint64_t listing;    /* tag of the list in flight; 0: none */
    UT_hash_handle by_listing;
    struct instant not_before;
    uint32_t failures;       /* lists failed in a row */
    struct instant occupied; /* when the last list that was not empty was read */
};

enum { ACTIONS_AHEAD = 64 /* so many wait to be handed out before more are decided */ };

struct queued {
    STAILQ_ENTRY(queued) in_order;
    struct engine_action action; /* PUBLISH: the event is filled in when it is handed out */
};

struct finished {
    STAILQ_ENTRY(finished) in_order;
    struct engine_command_view view;
};

/* The id of a command whose ACCEPTED or REJECTED is in flight: a copy of it waits until that is
 * read back. */
struct flying {
    struct uuid id;
    UT_hash_handle hh;
};

struct strange { /* for the service */
    STAILQ_ENTRY(strange) in_order;
    struct engine_stray stray;
};

struct appending { /* own records in flight, in order of sequence */
    uint64_t sequence;
    struct instant at; /* handed out: licence age and the broker's clock are counted from here */
};

struct engine {
    struct engine_config config;
    char *instance;
    struct engine_budget *budget;
    struct engine_budget mine;
    bool charged; /* `mine` is part of `budget` */
    /* fold */
    struct epoch owner;
    uint64_t owner_sequence; /* of the last counting record of the owner's epoch */
    bool owner_broken;       /* a record of that epoch is missing: what follows of it is void */
    int64_t position;        /* offset after the last record read */
    struct entry *entries;
    TAILQ_HEAD(, entry) order;
    struct cluster *clusters;
    struct hold *holds;
    int64_t next_command;
    struct sha256 last_digest;
    int32_t partitions; /* of the commands topic, as accepted; 0: not known */
    uint64_t releases;
    int64_t last_source_offset; /* journal offset of the last record that names a source */
    struct epoch last_source_epoch;
    uint64_t last_source_sequence;
    TAILQ_HEAD(, duty) duties;
    struct duty *duty_by_tag;
    struct duty *duty_next; /* the first that was never handed out */
    uint32_t duties_out;    /* handed out, not answered */
    int64_t events_through;
    uint64_t voided;
    /* ownership, volatile */
    enum engine_role role;
    bool assigned;
    bool asked; /* an OWNER of ours is in flight */
    bool want_owner;
    uint64_t epoch; /* number of our last OWNER */
    struct instant ask_at;
    uint32_t lost_in_a_row;
    uint64_t sequence; /* of the last record handed out in the present epoch */
    struct appending *appending;
    size_t appending_count;
    size_t appending_first;
    size_t appending_size;
    struct flying *flying;
    bool halted;
    char *halted_by;  /* owned; NULL: nobody was named yet. Of the last time that it was engaged */
    char *halted_why; /* the same */
    struct instant control_seen; /* the control topic stood at its end */
    /* the broker's clock: at `anchor_at` it was not later than `anchor_wall`, at `anchor_read` not
     * earlier */
    struct wall anchor_wall;
    struct instant anchor_at;
    struct instant anchor_read;
    /* work, volatile */
    TAILQ_HEAD(, open) dirty;
    TAILQ_HEAD(, cluster) asking;
    struct cluster *by_listing; /* those with a list in flight, by its tag */
    struct open *by_serial;
    uint64_t serial;
    struct open **heap;
    size_t heap_count;
    size_t heap_size;
    STAILQ_HEAD(, queued) actions;
    uint32_t action_count;
    STAILQ_HEAD(, queued) spare; /* at most ACTIONS_AHEAD, for the next ones */
    uint32_t spare_count;
    STAILQ_HEAD(, finished) finished;
    struct finished *handed_finished;
    STAILQ_HEAD(, strange) strays;
    struct strange *handed_stray;
    struct event_target *event_targets; /* of the event handed out last */
    uint32_t event_room;                /* for so many */
    char event_digest[2 * sizeof(struct sha256) + 1];
    uint64_t tags;
    uint64_t epochs;
    uint64_t stale;
    struct instant retry_events_at;
};

static inline bool engine_may_act(const struct engine *engine)
{
    return engine->role == ENGINE_OWNING && engine->assigned && !engine->want_owner;
}

/* From reading a cancel on nothing is sent, before CANCELLED is read back (ADR 2, rule 10). */
static inline bool open_holds_fire(const struct engine *engine, const struct open *open)
{
    (void)engine;
    return open->cancelled ||
           (open->pending & PENDING_CANCELLED && !MUTATED(engine, fire_after_cancel));
}

/* Until when an act may rest on what is known of the control topic (ADR 2, rule 9). */
static inline struct instant engine_control_until(const struct engine *engine)
{
    if (MUTATED(engine, ignore_control))
        return INSTANT_NEVER;
    return engine->control_seen.ns ? instant_add_ms(engine->control_seen, LICENCE_AGE_MS)
                                   : (struct instant){0};
}

static inline bool engine_control_is_fresh(const struct engine *engine, struct instant now)
{
    return instant_before(now, engine_control_until(engine));
}

/* The same request would get the same answer again. */
static inline bool engine_is_final(enum error_code code)
{
    return code == ERR_AUTH || code == ERR_CONFIG || code == ERR_UNSUPPORTED;
}

/* For ending, behind the grace. */
static inline int64_t drain_time_ms(const struct engine *engine, const struct open *open)
{
    return open->command->drain_deadline_ms ? open->command->drain_deadline_ms
                                            : engine->config.drain_ms;
}

enum { TARGET_BITS = 14 };
_Static_assert((1 << TARGET_BITS) > 10000 + 1, "a target's index fits into a tag (LIMIT_TARGETS)");
enum { LOCK_INDEX = (1 << TARGET_BITS) - 1 }; /* in the tag of a request about a lock */

#endif
