/* open.h - one command from its acceptance to its end, and what is remembered of every id. Inside
 * this room only, like every header here but engine.h.
 *
 * Two kinds of fields stand apart: what counting records say ("fold"), and what is merely under way
 * ("volatile"), which a new OWNER of ours wipes. */
#ifndef ENGINE_OPEN_H
#define ENGINE_OPEN_H

#include <sys/queue.h>
#include <uthash.h>

#include "base/limits.h"
#include "engine/engine.h"

struct cluster;
struct drain;    /* lock.h */
struct release;  /* release.c */
struct handling; /* handler.c */

enum state {
    STATE_NONE,     /* not legal */
    STATE_ACCEPTED, /* waiting for a complete list */
    STATE_PENDING,  /* RESOLVED counts, and waits for an approval */
    STATE_ENDING,   /* RESOLVED counts: targets are frozen */
    STATE_BETWEEN,  /* every target of this round has its outcome; a further list decides */
    STATE_CLOSING,  /* every target has its outcome, and no further round follows */
    STATE_CLOSED,
    STATE_REFUSED, /* REJECTED after acceptance */
    STATE_COUNT
};

/* Who is to end a target that has a handler before or instead of the worker. Volatile. */
enum handling_of {
    HANDLING_DUE,      /* the handler */
    HANDLING_STANDARD, /* the worker: the handler had its turn */
    HANDLING_REFUSED,  /* nobody: the handler did not, and the worker may not */
};

/* How far the end of one target has come. Volatile. */
enum work {
    WORK_IDLE,    /* nothing is out; wants a fresh list, a licence, and then to be sent */
    WORK_SENDING, /* END was handed out; no answer yet */
    WORK_SENT,    /* the cluster took it: a list must show the session gone */
    WORK_DOUBT,   /* bytes may have gone out, no answer: a list decides */
    WORK_DECIDED, /* the verdict is known; its OUTCOME is being appended */
};

/* What was last seen of a target since an end of it may have been sent. Volatile. */
enum look {
    LOOK_NONE,    /* no list so far */
    LOOK_LISTED,  /* as it was */
    LOOK_CHANGED, /* under its UUID, and not as it was */
    LOOK_EMPTY    /* a list without any session, which proves nothing: it is asked for alone */
};

struct target {
    /* what was asked, and fold: RESOLVED */
    bool asked_by_number;
    bool found;
    bool approved; /* fold: stood in a list that was approved */
    uint32_t asked_number;
    struct uuid asked_session;
    struct identity identity; /* of the session found */
    uint8_t *snapshot;        /* owned */
    uint32_t snapshot_length;
    enum target_outcome verdict; /* left alone from the start */
    struct reason reason;        /* of verdict, then of outcome */
    char *handler_of;            /* owned: infobase whose handler it is; NULL: the cluster's */
    enum handler_mode handler;
    uint32_t licensed; /* counting licences so far; RESOLVED is the first one, unless it waits */
    /* fold: OUTCOME */
    enum target_outcome outcome;
    uint32_t attempts;
    struct wall decided_at;
    /* volatile */
    enum work work;
    enum target_outcome decision; /* WORK_DECIDED */
    bool appended;                /* its OUTCOME is in flight */
    bool earlier_licence;         /* a licence of an earlier epoch may have been acted on */
    bool answered_gone;           /* RAS said that it does not know the session */
    bool present_late;            /* a list after `verify_by` still showed it */
    bool probing;
    bool probed_gone;
    enum look look;
    enum error_code probed;  /* the last answer when it was asked for alone; of LOOK_EMPTY */
    bool interrupt_licensed; /* an ATTEMPT(INTERRUPT) of ours names it */
    bool interrupted;        /* and it was sent */
    bool leaks;              /* fold: RELEASED says that connections of it are still there */
    bool standard_after;     /* if the handler's word proves wrong, the worker ends it */
    bool left_alone;         /* the handler says that the user left by himself */
    bool told;               /* the handler was told of its end */
    uint32_t sends;          /* requests to end it that went out, runs of the handler included */
    uint32_t handled;        /* those runs */
    enum handling_of handling;
    struct reason said;           /* why the handler did not end it, or the cluster the last time */
    struct instant licence_until; /* no byte at or after */
    struct instant seen;          /* when the last list that showed it unchanged was complete */
    struct instant since; /* work began to wait for a list: only lists started later count */
    struct instant verify_by;
    struct instant
        settled; /* until then an earlier owner may still act: no verdict that says "not ended" */
};

enum pending {
    PENDING_RESOLVED = 1,
    PENDING_REJECTED = 2,
    PENDING_ATTEMPT = 4,
    PENDING_CLOSED = 8,
    PENDING_CANCELLED = 16,
    PENDING_RELEASED = 32,
    PENDING_APPROVED = 64,
    PENDING_LOCK = 128 /* LOCKED, ATTEMPT to restore, RESTORED */
};

enum { REFUSED_APPROVALS_MAX = 8 /* journalled for one list; more are not worth the room */ };

/* Of a command one of whose lists has to be approved. */
struct approval {
    struct epoch epoch;   /* whose next RESOLVED waits; number 0: none */
    struct sha256 digest; /* of the list that waits, or waited */
    struct wall until;
    uint32_t refused_count;
    struct sha256 refused[REFUSED_APPROVALS_MAX]; /* of who and what */
};

/* Chunks of RESOLVED that all stand within one epoch. */
struct gathering {
    struct epoch epoch;
    uint32_t chunks;
    uint32_t got;
    struct record *parts[]; /* `chunks` of them, owned; NULL: not read yet */
};

/* An accepted command until it is closed and announced. */
struct open {
    struct entry *entry;
    TAILQ_ENTRY(open) of_cluster;
    TAILQ_ENTRY(open) of_dirty;
    TAILQ_ENTRY(open) of_wanting;
    struct cluster *cluster;
    struct command *command;
    struct source source;
    struct wall expires_at;
    struct wall first_append; /* of the command, by the broker's clock */
    struct wall accepted_at;
    struct wall closed_at;
    struct reason reason;
    struct target *targets;
    uint32_t target_count;
    uint32_t undecided; /* targets without a counting outcome */
    uint32_t attempt;   /* counting ATTEMPTs */
    enum state state;
    bool cancelled;
    char *cancelled_by;  /* owned, fold; NULL: it is not */
    char *cancelled_why; /* owned, fold; NULL: not said */
    bool released;       /* RELEASED counts, the last of them */
    bool release_unknown;
    bool nobody_left; /* the last list ends nobody */
    bool retired;     /* closed and announced, and only its watch goes on: counts as open nowhere */
    uint32_t leaked;  /* connections of ended sessions that are still there */
    uint32_t round;   /* counting RESOLVED lists; 0: none */
    uint32_t round_first; /* the first target of the last one */
    struct wall released_at;
    struct wall resolved_at;
    struct wall grace_until;     /* 0: no grace */
    struct wall end_by;          /* 0: `expires_at` bounds the first act */
    struct wall hold_until;      /* 0: no hold */
    struct approval *approval;   /* fold: PENDING, APPROVED; owned; NULL: no PENDING so far */
    struct drain *drain;         /* owned; NULL: it is none */
    struct gathering *gathering; /* owned; NULL: no chunk of a RESOLVED waits for the others */
    /* volatile */
    struct instant resolved_seen; /* the list behind the RESOLVED in flight was complete then */
    struct reason failure;        /* owned: why its rounds end before nobody is left; ERR_OK: not */
    struct reason doubt;          /* owned: whom the last list left in doubt; ERR_OK: nobody */
    struct instant grace_list_at; /* during a grace no list is asked for before */
    uint64_t serial;
    UT_hash_handle by_serial;
    unsigned pending;
    bool dirty;
    bool gives_up; /* between two rounds: no further list is resolved */
    bool wants_list;
    bool needs_hint;     /* its infobase was not among the names of the last list: ask by name */
    bool hinted;         /* the list in flight asks for its infobase by name */
    bool empty_twice;    /* see `empty_since`; another one, long enough after the first */
    uint32_t list_round; /* lists since an end was last taken: backoff */
    uint32_t sending;    /* targets in WORK_SENDING */
    int heap_index;      /* -1: not in the heap */
    struct instant list_after; /* only a list that started at or after this serves */
    struct instant list_not_before;
    struct instant empty_since; /* since then every list that served this command was empty; 0 ns:
                                   the last one was not */
    struct release *release;    /* owned; NULL: not begun */
    struct handling *handling;  /* owned; NULL: no run of a handler yet */
    struct instant interrupt_until; /* no interrupt at or after */
    struct instant wake;
};

/* What is remembered of every id seen within the longest validity. */
struct entry {
    struct uuid id;
    UT_hash_handle hh;
    TAILQ_ENTRY(entry) in_order;
    struct sha256 digest;
    int64_t first_offset; /* of the record that brought it */
    struct epoch first_epoch;
    uint64_t first_sequence;
    struct wall forget_at;
    struct wall accepted_at;
    struct wall closed_at;
    enum command_outcome outcome; /* NONE: open */
    struct reason reason;
    struct past { /* verdicts, for the answer to repeats */
        struct uuid session;
        uint32_t number;
        uint32_t attempts;
        uint8_t has_number;
        uint8_t outcome;
    } * past;
    uint32_t past_count;
    uint32_t duties;   /* events not yet delivered */
    bool outdated;     /* its id came again as a new command: no longer found by id */
    struct open *open; /* NULL once closed and announced */
};

/* Before RESOLVED all targets are decided together (expired, stopped, failed). */
static inline bool open_is_decided(const struct open *open)
{
    return open->pending & PENDING_CLOSED ||
           (open->target_count > 0 &&
            (open->undecided == 0 || open->targets[0].work == WORK_DECIDED));
}

/* A PENDING counts, and no approval of its list. */
static inline bool open_awaits_approval(const struct open *open)
{
    return open->approval && open->approval->epoch.number > 0;
}

static inline bool open_is_probing(const struct open *open)
{
    for (uint32_t i = 0; i < open->target_count; i++)
        if (open->targets[i].probing)
            return true;
    return false;
}

/* Is it listed again until nobody is left? */
static inline bool open_repeats(const struct open *open)
{
    return open->command->options.until_empty || open->drain;
}

#endif
