/* world.h - everything around the engines of a few workers, modelled, in virtual time, from one
 * seed.
 *
 * The world owns the truth: which sessions live, what stands in the journal, who holds which
 * partition. Workers (worker.h) know only what reaches them. The oracle (oracle.h) sees both and
 * objects. Broker and cluster times are virtual time plus a constant; every worker's boot clock has
 * a constant of its own. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/uuid.h"
#include "draw.h"
#include "engine/engine.h"
#include "model/session.h"
#include "task.h"

enum {
    WORKERS_MAX = 3,
    PARTITIONS_MAX = 4,
    CLUSTERS_MAX = 20,
    INFOBASES = 2,
    LATE_LOCK_MS = 120000,
    RECORD_BYTES_MAX = 64 * 1024,
};
#define MS INT64_C(1000000)
#define BROKER_EPOCH_MS INT64_C(1800000000000)
/* Clusters' clocks are off by so much at most, and are configured to be off by more. */
#define CLUSTER_CLOCK_MS INT64_C(1500)
#define CLOCK_TOLERANCE_MS INT64_C(2000)
#define STOPPER "ops@sim" /* who cancels, and engages the kill switch */
#define NEVER_NS INT64_MAX

/* A growing array; elements move. */
#define VECTOR(type)                                                                               \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t count;                                                                              \
        size_t size;                                                                               \
    }
void *vector_grow(void *at, size_t count, size_t *size, size_t element);
/* A new zeroed last element. */
#define VECTOR_ADD(vector)                                                                         \
    __extension__({                                                                                \
        (vector)->at =                                                                             \
            vector_grow((vector)->at, (vector)->count, &(vector)->size, sizeof *(vector)->at);     \
        &(vector)->at[(vector)->count++];                                                          \
    })

/* ---- what may go wrong, and how often: drawn for each seed ---- */

enum chaos {
    CHAOS_COMMAND, /* a producer asks for something new */
    CHAOS_COPY,    /* an earlier command once more, with the same content or another */
    CHAOS_GARBAGE,
    CHAOS_LOGIN,
    CHAOS_LOGOUT,
    CHAOS_MOVE, /* the group gives a partition to another worker */
    CHAOS_PAUSE,
    CHAOS_CRASH,
    CHAOS_CLUSTER, /* a cluster hangs, refuses, cuts connections, or gets well */
    CHAOS_JOURNAL, /* the journal cannot be written for a while */
    CHAOS_CLIENT,  /* a worker's journal producer is replaced: all in flight is "perhaps" */
    CHAOS_CANCEL,
    CHAOS_APPROVE, /* somebody approves a list that waits, rightly or not */
    CHAOS_HALT,
    CHAOS_CONTROL, /* a worker cannot read the control topic for a while */
    CHAOS_COMMIT,
    CHAOS_LOCK, /* another administrator changes the lock of an infobase */
    CHAOS_TAIL, /* a worker cannot read the journal for a while */
    CHAOS_COUNT
};

struct plan {
    uint32_t workers;
    uint32_t partitions;
    uint32_t clusters;
    uint32_t sessions; /* of one cluster at the start */
    uint32_t ticks;    /* of chaos; then faults stop */
    uint32_t weight[CHAOS_COUNT];
    int64_t validity_ms;
    /* chances in 100,000 */
    uint32_t append_trouble;
    uint32_t crash_at_action;
    uint32_t pause_at_send; /* between taking the job and the last look at `send_by` */
    uint32_t pause_in_send; /* behind that look: the stated residual window */
    uint32_t lying_list;    /* empty, once */
    uint32_t lying_gone;    /* "not found" for a session that is there */
    uint32_t lying_probe;
    uint32_t cut; /* answer lost; effect applied or not */
    uint32_t refuse;
    uint32_t stuck;      /* the end is accepted; the session stays, for a while or for ever */
    uint32_t reuse_uuid; /* a new session with the UUID of one that has just died */
    uint32_t reconnect;  /* the user is back at once with the same number */
    uint32_t event_failure;
    uint32_t lose_metadata;  /* of the committed offset */
    uint32_t destroy_engine; /* when its partition goes to another */
    uint32_t slow;           /* an answer takes seconds */
    /* limits */
    uint32_t open_commands_max;
    uint32_t open_targets_max;
    uint32_t cluster_share;
    uint32_t attempts_max;
    int64_t verify_ms;
    int64_t release_ms;
    int64_t identity_max_age_ms;
    int64_t empty_confirm_ms;
    int64_t request_timeout_ms;
    int64_t list_ms; /* every list takes at least this long, for ever */
    /* filters, rounds, grace, approval: chances in percent of commands */
    uint32_t filters;
    uint32_t until_empty; /* of filters */
    uint32_t drains;      /* percent of the commands */
    uint32_t
        late_locks; /* percent of locks without an answer: carried out up to two minutes later */
    int64_t drain_ms;
    int64_t hold_max_ms;
    uint32_t graces;
    uint32_t disconnects; /* of commands that end sessions, as interrupts */
    uint32_t interrupts;
    int64_t grace_max_ms;
    int64_t acting_ms;
    uint32_t approve_above; /* sessions; 0: never */
    int64_t approval_ms;
    uint32_t lane_in_flight;
    uint32_t lane_per_minute;
    uint32_t breaker_failures;
    bool session_events;
    uint32_t handlers; /* percent of commands with one */
    bool big_commands; /* some select hundreds of sessions: RESOLVED in chunks */
};

/* ---- topics ---- */

struct log_entry {
    uint8_t *bytes; /* owned */
    size_t length;
    struct wall broker_time;
    int64_t handed_ns; /* when its writer called append */
    int32_t worker;
    uint32_t life;
};

struct command_entry {
    uint8_t *bytes; /* owned */
    size_t length;
    struct wall appended_at;
    struct wall first_appended_at; /* a header of forwarded ones; else the same */
    struct uuid id;                /* nil: undecodable */
    struct sha256 digest;          /* of the canonical content */
    int32_t home;                  /* the partition of its cluster; -1: none */
};

struct saved { /* the group's committed offset and its metadata */
    bool known;
    int64_t next_command;
    int64_t journal_start;
    struct epoch journal_owner;
    uint64_t journal_sequence;
};

struct partition {
    VECTOR(struct log_entry) log;
    VECTOR(struct command_entry) commands;
    struct saved saved;
    int32_t holder; /* worker, by the group coordinator */
};

enum fate {
    FATE_GOOD,
    FATE_LOST,       /* not in the log, and told so */
    FATE_MAYBE_IN,   /* in the log; told "perhaps" */
    FATE_MAYBE_LOST, /* not in the log; told "perhaps" */
    FATE_LATE,       /* told "perhaps"; lands much later, out of order */
    FATE_TWICE,      /* a retry was not recognised as one */
    FATE_SLOW,       /* in the log; told so seconds later */
    FATE_COUNT
};

struct append {
    uint8_t *bytes; /* owned until it lands */
    size_t length;
    int32_t worker;
    uint32_t life;
    int32_t partition;
    uint32_t generation; /* of the engine */
    uint64_t tag;
    int64_t handed_ns;
    enum fate fate;
    bool held; /* still inside its stopped process */
    bool told;
    bool done; /* landed or lost */
    uint32_t schedule;
};

/* ---- clusters ---- */

struct truth { /* one session, as it really is */
    struct uuid uuid;
    uint32_t number;
    uint32_t infobase;
    char user[16];
    const char *app;
    struct server_time started_at;
    int64_t born_ns;
    int64_t died_ns;     /* NEVER_NS: it lives */
    int64_t stuck_until; /* an accepted end does nothing before that; 1: at once */
};

/* Of those whose end takes its time, every other one is listed without its user meanwhile. */
static inline bool truth_fades(const struct truth *truth)
{
    return truth->number % 2 && truth->stuck_until > 1 && truth->stuck_until != NEVER_NS;
}

struct sim_connection { /* of one session; it may outlive it */
    struct uuid uuid;
    struct uuid process;
    uint32_t session; /* index into `all` */
    int64_t gone_ns;  /* NEVER_NS: while its session lives */
};

enum mode { MODE_WELL, MODE_HANG, MODE_DOWN, MODE_CUT, MODE_SLOW, MODE_COUNT };

struct sim_cluster {
    char name[16];
    int32_t home;     /* partition */
    int64_t clock_ms; /* ahead of the broker's */
    struct uuid infobase[INFOBASES];
    VECTOR(struct truth) all;
    VECTOR(uint32_t) alive; /* indices into `all` */
    VECTOR(struct sim_connection) connections;
    enum mode mode;
    bool lied[WORKERS_MAX]; /* since the last honest list that reached that worker: no more lies */
    uint32_t users;
    struct infobase_lock lock[INFOBASES];         /* as they are */
    struct infobase_lock meant[INFOBASES];        /* as they would be without any drain */
    VECTOR(struct infobase_lock) ours[INFOBASES]; /* all that LOCKED records ever allowed; owned */
    bool
        jobs_unclear[INFOBASES]; /* a stranger changed the setting: ours and his may be one value */
    bool clobbered[INFOBASES];   /* a write came later than what it rested on: the stated window */
};

/* A request on its way to a cluster and back. */
struct request {
    int32_t worker;
    uint32_t life;
    int32_t cluster;
    uint64_t job;
    int kind; /* enum engine_action_kind */
    struct uuid session;
    bool names;
    int64_t sent_ns;
    int64_t deadline_ns;
    int64_t send; /* the oracle's number of an END */
    /* the answer */
    enum error_code code;
    bool sent;
    struct session_list *list; /* owned */
    bool lies;
    struct connection_ref connection;    /* DISCONNECT */
    struct connection_list *connections; /* CONNECTIONS: owned */
    int32_t infobase;                    /* LOCK_*, CONNECTIONS; -1: there is none of that name */
    struct infobase_lock lock;     /* LOCK_WRITE: to be written; LOCK_READ: what stands there */
    struct infobase_lock expected; /* LOCK_WRITE */
    bool beyond;                   /* LOCK_WRITE: it is carried out far behind every bound */
};

/* Duties of service/ left out one by one, to prove that the oracle notices. */
struct omissions {
    bool last_look;  /* a job taken from its lane is sent without looking at `send_by` again */
    bool asking;     /* ... without asking engine_allows() */
    bool comparing;  /* a lock is written whatever stands there */
    bool reading_on; /* a new epoch goes on with the commands where the old one stopped */
};

struct worker;
struct oracle;
struct program;

enum trace { TRACE_NONE, TRACE_PRINT, TRACE_HASH };

struct world {
    uint64_t seed;
    struct draw draw;
    struct plan plan;
    struct engine_mutations mutations;
    struct omissions omissions;
    int64_t now_ns;
    struct tasks tasks;
    uint64_t steps;
    int64_t same_time_steps;
    struct partition partitions[PARTITIONS_MAX];
    VECTOR(struct append) appends;
    size_t appends_open; /* all before this one are done */
    int64_t journal_down_until;
    uint32_t locks_under_way; /* writes that are still to be carried out */
    struct sim_cluster clusters[CLUSTERS_MAX];
    struct worker *workers[WORKERS_MAX];
    VECTOR(struct program *) programs; /* handlers, also those that are over; owned */
    struct oracle *oracle;
    uint32_t ticks_left;
    bool calm;
    int64_t calm_since;
    int64_t started_ns;   /* when a worker was started last */
    bool halted;          /* the control topic's last word on the kill switch */
    int64_t halted_since; /* appended then */
    uint64_t actions;
    uint64_t crash_at;  /* the number of the action at which its worker dies; 0: none */
    uint64_t strike_at; /* what is struck, counted from 1: a record of partition 0, or an action of
                           whoever; 0: nothing */
    uint32_t strike;    /* by what (strike.c) */
    enum strike_when { AS_IT_LANDS, AS_IT_IS_READ, BEHIND_AN_ACTION, STRIKE_WHENS } strike_when;
    bool struck;
    struct worker *struck_in; /* in the middle of a task of its */
    enum trace trace;
    uint64_t trace_hash;
    bool decodes;        /* every record that is read back, also a worker's own that is at hand */
    char violation[400]; /* the first one; empty: none */
};

struct world *world_create(uint64_t seed, const struct plan *plan,
                           const struct engine_mutations *mutations, enum trace trace);
void world_destroy(struct world *world);
/* Runs what is due next; false when nothing is or something was violated. */
bool world_step(struct world *world);
/* Remembers the first violation; the run ends with it. */
void violate(struct world *world, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void say_(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define say(world, ...)                                                                            \
    do {                                                                                           \
        if ((world)->trace != TRACE_NONE)                                                          \
            say_((world), __VA_ARGS__);                                                            \
    } while (0)
struct brief {
    char text[9];
};
/* The first digits of a UUID, for traces. */
struct brief brief(const struct uuid *uuid);

struct wall world_wall(const struct world *world);
/* Adds a task after `delay_ns`. */
void world_after(struct world *world, int64_t delay_ns, struct task task);
/* A draw between both, in milliseconds, as nanoseconds. */
int64_t world_delay(struct world *world, int64_t low_ms, int64_t high_ms);

/* ---- world_journal.c ---- */

/* Takes `bytes`. The receipt goes to that life of the worker. */
void journal_append(struct world *world, const struct append *append);
/* A worker stops: what it has not yet put on the wire waits. It goes on: that follows. */
void journal_hold(struct world *world, int32_t worker, bool held);
/* Its producer is gone: a part of what was in flight is lost. `alive`: and it is told "perhaps". */
void journal_cut(struct world *world, int32_t worker, bool alive);
/* Everything in flight has landed or is lost. */
bool journal_quiet(const struct world *world);
/* Appends a command to its topic. `entry` without bytes is filled by the caller; returns its
 * offset. */
int64_t commands_append(struct world *world, int32_t partition, const void *bytes, size_t length,
                        struct wall first_appended_at);

/* ---- world_cluster.c ---- */

void cluster_begin(struct world *world, int32_t cluster);
/* The lowest free number of an infobase goes to a newcomer. */
struct truth *session_login(struct world *world, int32_t cluster, uint32_t infobase,
                            const struct uuid *uuid);
void session_die(struct world *world, int32_t cluster, uint32_t index);
/* The living one of that UUID; -1. */
int64_t session_find(const struct world *world, int32_t cluster, const struct uuid *uuid);
bool session_protected(const struct truth *truth);
static inline bool request_changes(int kind)
{
    return kind == ENGINE_END || kind == ENGINE_LOCK_WRITE || kind == ENGINE_DISCONNECT ||
           kind == ENGINE_INTERRUPT;
}
/* Takes `request`; its answer comes to worker_answered(). */
void cluster_request(struct world *world, struct request *request);
/* Somebody ends that session at once, under the oracle's number `send`. */
void cluster_effect(struct world *world, const struct request *request);
int32_t cluster_named(const struct world *world, const char *name);
void request_free(void *request);

/* ---- chaos.c ---- */

/* Draws what may go wrong in this seed. */
struct plan plan_draw(struct draw *draw);
/* A world in which nothing goes wrong. */
struct plan plan_fair(void);
void chaos_begin(struct world *world);
/* Faults stop; whoever is down or paused is brought back. */
void chaos_end(struct world *world);
/* One fault of that kind, now. */
void chaos_do(struct world *world, enum chaos chaos);
/* A producer asks for something; returns false when there was nothing to ask for. */
bool chaos_command(struct world *world, int32_t cluster);
/* Somebody approves a list that waits, if there is one; not always rightly. */
void chaos_approve(struct world *world);

#endif
