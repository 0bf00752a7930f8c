/* state.h - the engine's insides, shared by its own files only.
 *
 * Two kinds of fields stand apart everywhere: what counting records say ("fold"), and what is
 * merely under way
 * ("volatile"), which a new OWNER of ours wipes. */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include <sys/queue.h>
#include <uthash.h>

#include "base/limits.h"
#include "engine/engine.h"
#include "engine/hold.h"

#ifdef CURFEW_MUTATIONS
#define MUTATED(engine, guard) ((engine)->config.mutations.guard)
#else
#define MUTATED(engine, guard) false
#endif

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
    bool interrupt_licensed; /* an ATTEMPT(INTERRUPT) of ours names it */
    bool interrupted;        /* and it was sent */
    bool leaks;              /* fold: RELEASED says that connections of it are still there */
    bool standard_after;     /* if the handler's word proves wrong, the worker ends it */
    bool left_alone;         /* the handler says that the user left by himself */
    bool told;               /* the handler was told of its end */
    uint32_t sends;          /* requests to end it that went out, runs of the handler included */
    uint32_t handled;        /* those runs */
    enum handling_of handling;
    struct reason said;           /* why the handler did not end it */
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

/* What a request about an infobase's lock is for; at most one is out for a command. */
enum lock_work { LOCK_IDLE, LOCK_READING, LOCK_WRITING, LOCK_GIVING_BACK };

/* What a drain has besides: its share of an infobase's lock. */
struct drain {
    /* fold */
    struct hold *share;          /* from its first LOCKED to its RESTORED */
    uint32_t locks;              /* counting LOCKED */
    struct infobase_lock during; /* of the last one */
    char *title;                 /* owned: the cluster's name of its infobase; NULL: not told */
    struct wall locked_at;
    struct wall grace_until; /* 0: no grace */
    struct wall until;       /* given back by then */
    bool gives_back;         /* an ATTEMPT(ACT_RESTORE) counts: no further round */
    bool list_waits; /* its first list stood before its lock, for an approval, and nothing follows
                        from that list before the lock is in force */
    bool restored;
    bool kept_foreign;
    struct hold *watch;      /* behind its end: late writes of this hold are looked for; NULL: no */
    struct wall watch_until; /* at the least; records of later times end it */
    bool stray;              /* one was found: an ATTEMPT says so, and no RESTORED behind it */
    /* volatile */
    enum lock_work work;
    bool looked;           /* a list showed that nobody has to approve its lock */
    struct hold *busy;     /* the hold on which it works */
    struct uuid_text name; /* of `share`, for requests */
    bool in_force;         /* read back */
    bool begins_again; /* ... and by the cluster's clock its begin is ahead: it is written anew */
    bool known;        /* `seen` serves */
    struct infobase_lock seen;
    struct instant asked; /* when the reading of `seen` was asked for */
    struct instant licence_until;
    bool licence_restores;         /* ATTEMPT, not LOCKED */
    struct infobase_lock licensed; /* what stood there when the licence was appended */
    struct infobase_lock writing;  /* borrowed by the request that is out */
    uint32_t failures;             /* in a row */
    struct instant not_before;
    struct instant settled; /* until then a late write may still arrive: RESTORED waits */
    struct instant missing; /* since then the cluster does not know the infobase; 0 ns: it does */
    struct instant look_at; /* of a watch: the next look; 0 ns: not planned */
    uint32_t looks;         /* of a watch: so many brought an answer, in this epoch */
    uint32_t removals;      /* writes since the last look was planned */
    struct uuid named;      /* a mark that no record explains, and that was told; nil: none */
    struct error failure;   /* why it cannot be locked; ERR_OK: it may be */
};

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
    bool released; /* RELEASED counts, the last of them */
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
    struct reason failure;        /* owned: why a further list could not be had */
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
    uint32_t list_round; /* verification lists so far: backoff */
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

/* An event to be delivered, in journal order. */
struct duty {
    TAILQ_ENTRY(duty) in_order;
    UT_hash_handle hh;
    uint64_t tag;
    enum event_kind kind;
    int64_t offset;
    struct epoch epoch; /* of the record: where a successor may begin to read */
    uint64_t sequence;
    struct wall time;
    struct entry *entry;   /* may be NULL: undecodable input, conflicts */
    struct record *record; /* owned; REJECTED and DUPLICATE bring what the entry does not hold */
    uint32_t target;       /* SESSION; the first one of PENDING_APPROVAL */
    uint32_t count;        /* targets of PENDING_APPROVAL */
    enum progress progress;
    struct wall until;
    struct sha256 digest; /* PENDING_APPROVAL */
    bool done;
    bool out; /* handed to service/ */
    struct instant not_before;
};

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
    STAILQ_HEAD(, finished) finished;
    struct finished *handed_finished;
    STAILQ_HEAD(, strange) strays;
    struct strange *handed_stray;
    struct event_target *event_targets; /* of the event handed out last */
    char event_digest[2 * sizeof(struct sha256) + 1];
    uint64_t tags;
    uint64_t epochs;
    uint64_t stale;
    struct instant retry_events_at;
};

/* ---- heap.c ---- */
void heap_set(struct engine *engine, struct open *open, struct instant wake);

/* ---- common.c: the parts everybody uses ---- */
/* The entry that a record or offer with this first append time repeats; NULL: there is none, or it
 * is so much older that this is a new command under an old id. Depends on records alone, so that
 * every reader says the same. */
struct entry *engine_known(struct engine *engine, const struct uuid *id, struct wall first_append);
struct entry *engine_find(struct engine *engine, const struct uuid *id);
void flying_clear(struct engine *engine);
void flying_landed(struct engine *engine, const struct uuid *id);
/* No byte of an act on a session, or on what it left, at or after: its licence, the list that it
 * rests on (complete at `seen`) and what is known of the control topic all grow old while it waits
 * in a lane. */
struct instant engine_send_by(const struct engine *engine, struct instant licence_until,
                              struct instant seen);
/* The command that a tag of an END, PROBE, CONNECTIONS, DISCONNECT or INTERRUPT is about; NULL: of
 * an earlier epoch. */
struct open *engine_open(const struct engine *engine, uint64_t tag, uint32_t *ret_index);
struct cluster *engine_cluster(struct engine *engine, const char *name);
void engine_touch(struct engine *engine, struct open *open); /* decide() will look at it */
struct engine_action *engine_act(struct engine *engine, enum engine_action_kind kind);
/* Stamps epoch and sequence and hands the record out. The engine must be the owner, or the record
 * its OWNER. */
void engine_append(struct engine *engine, struct record *record, struct instant now);
/* A record about this command, head filled in. */
struct record *engine_record_about(const struct open *open, enum record_kind kind);
/* The broker's time is at most this; 0 while it is not known. */
struct wall engine_broker_now(const struct engine *engine, struct instant now);
/* ... and at least this; 0 while it is not known. */
struct wall engine_broker_then(const struct engine *engine, struct instant at);
/* When the broker's clock shows `wall`, at the earliest. */
struct instant engine_instant_of(const struct engine *engine, struct wall wall);
/* ... and when it surely does. */
struct instant engine_instant_past(const struct engine *engine, struct wall wall);
/* No first act at or after it: the command's expiry, or what its list says. */
struct wall open_end(const struct open *open);
/* Has that moment come, as far as can be told? Errs on the early side. */
bool open_is_over(const struct engine *engine, const struct open *open, struct instant now);
/* Do those selected still have time to leave? Errs on the late side. */
bool open_in_grace(const struct engine *engine, const struct open *open, struct instant now);
/* Does a further round follow when every target has its outcome? */
bool open_goes_on(const struct open *open);
void engine_charge(struct engine *engine, int64_t commands, int64_t targets, int64_t ids);
void engine_set_role(struct engine *engine, enum engine_role role);
/* The command waits for a list that starts at or after `after`, not asked for before `not_before`.
 */
void cluster_want(struct engine *engine, struct open *open, struct instant after,
                  struct instant not_before);
void cluster_served(struct open *open);
/* Somebody waits and no list is under way: clusters_step() will look at it. */
void cluster_ask(struct engine *engine, struct cluster *cluster);
void target_release(struct target *target);
/* Closed, and all of its events are delivered: nothing of it stays, but for a watch. */
void open_announced(struct engine *engine, struct open *open);
void open_free(struct engine *engine, struct open *open);
void entry_free(struct engine *engine, struct entry *entry);
/* Frees what is announced and over its time. */
void engine_forget(struct engine *engine, struct wall broker_time);

/* ---- owner.c ---- */
void owner_read(struct engine *engine, const struct record *record, struct instant now);
/* Does this record (not an OWNER) count by its epoch and sequence? */
bool owner_counts(struct engine *engine, const struct record *record, struct instant now);
void owner_step(struct engine *engine, struct instant now);
struct instant owner_wake(const struct engine *engine);

/* ---- verdict.c ---- */
/* Only marks it; verdicts_flush() appends the OUTCOME. */
void decide_target(struct open *open, struct target *target, enum target_outcome outcome,
                   const struct error *why);
void decide_with(struct open *open, struct target *target, enum target_outcome outcome,
                 enum error_code code, const char *message);
/* Every one that has neither verdict nor outcome. */
void decide_all(struct open *open, enum target_outcome outcome, const struct error *why);
void verdicts_flush(struct engine *engine, struct open *open, struct instant now);
/* Ends a command whose targets all have their outcome. */
/* How it stands, or ends, as its targets tell. */
enum command_outcome command_outcome_of(const struct open *open);
void command_close(struct engine *engine, struct open *open, struct instant now);
/* No further list can be had: what earlier rounds left is looked for, and told, before the end. */
void round_failed(struct engine *engine, struct open *open, const struct error *why);
/* ... or that ends before a list says that nobody is left, and why. */
void command_give_up(struct engine *engine, struct open *open, const struct error *why,
                     struct instant now);
struct error reason_error(const struct reason *reason);

/* ---- resolve.c: from a complete list to RESOLVED ---- */
void command_resolve(struct engine *engine, struct open *open, const struct session_list *list,
                     struct instant now);
/* What it names is not there, or it asks for too much: REJECTED, unless earlier rounds did
 * something, or a lock has to be given back first. */
void command_refuse(struct engine *engine, struct open *open, const struct error *why,
                    struct instant now);
/* Asks for one session by UUID: an empty list proves nothing. */
void target_probe(struct engine *engine, struct open *open, uint32_t target);
/* What an approval must name: SHA-256 over those to be ended, from target `first` on. */
struct sha256 open_digest(const struct open *open, uint32_t first);

/* ---- wait.c: commands before their list, between two, and before an approval ---- */
void wait_accepted(struct engine *engine, struct open *open, struct instant now);
void wait_pending(struct engine *engine, struct open *open, struct instant now);
void wait_between(struct engine *engine, struct open *open, struct instant now);
/* Before anything was sent for its round: one verdict for all, `why` unless it was decided before.
 * False: it goes on (`why` is NULL, and nothing was decided). */
bool wait_decides(struct engine *engine, struct open *open, const struct error *why,
                  struct instant now);

/* ---- fold_list.c: RESOLVED, PENDING, APPROVED ---- */
/* Takes the record. `licence`: what it gives ends then. */
enum error_code fold_resolved(struct engine *engine, struct open *open, struct record *record,
                              int64_t offset, struct wall broker_time, struct instant licence,
                              struct error *err) MUST_CHECK;
void gathering_free(struct open *open);
enum error_code fold_pending(struct open *open, const struct record *record,
                             struct error *err) MUST_CHECK;
enum error_code fold_approved(struct engine *engine, struct open *open, struct record *record,
                              int64_t offset, struct wall broker_time,
                              struct error *err) MUST_CHECK;
/* Who approved what, as one value. */
struct sha256 approval_key(const char *by, const char *digest);

/* ---- fold.c ---- */
/* The only place where a state moves. */
void open_move(struct engine *engine, struct open *open, enum record_kind kind);

/* ---- decide.c ---- */
void decide(struct engine *engine, struct open *open, struct instant now);
/* After a new OWNER of ours: what was under way is forgotten. */
void open_restart(struct engine *engine, struct open *open, struct instant now);

/* ---- cluster.c ---- */
void clusters_restart(struct engine *engine);
/* A complete list, or the cluster's own word, says that the session is gone. */
void target_absent(struct open *open, struct target *target);
/* ... or that another one lives under its UUID. */
void target_changed(struct open *open, struct target *target);
void clusters_step(struct engine *engine, struct instant now);
struct instant clusters_wake(const struct engine *engine);

/* ---- release.c ---- */
struct release;
/* True: nothing of the ended sessions is left, or that was not asked for, or RELEASED tells it. */
bool release_step(struct engine *engine, struct open *open, struct instant now);
/* A complete list that started after the connections were looked at. */
void release_listed(struct engine *engine, struct open *open, const struct session_list *list,
                    struct instant now);
void release_licensed(struct open *open, struct instant until);
bool release_allows(const struct engine *engine, const struct open *open);
void release_answered(struct engine *engine, struct open *open, const struct engine_answer *answer,
                      struct instant now);
void release_free(struct open *open);
/* Something is left, or it could not be seen: no success, and why. */
bool release_failed(const struct open *open);
void release_reason(const struct open *open, struct reason *reason);
void fold_released(struct open *open, const struct record *record, struct wall broker_time);

/* ---- handler.c ---- */
struct handling;
void handling_free(struct open *open);
/* A new OWNER of ours: the handler may be asked again. */
void handler_restart(struct target *target);
/* Is the handler to end it? */
bool handler_is_due(const struct target *target);
/* Its handler is busy with others, or has no place now: until when, in `*ret_wake`. */
bool handler_makes_wait(const struct engine *engine, const struct open *open, struct target *target,
                        struct instant now, struct instant *ret_wake);
/* A target that may be sent joins the next run, or waits for a later one. */
void handler_take(struct open *open, uint32_t index, struct instant send_by);
/* Hands out the run that has come together. */
void handler_flush(struct engine *engine, struct open *open);
/* It said that it ended it, and the session is listed too late: may the worker end it now? */
bool handler_takes_over(struct target *target);
/* True: nobody is to be told of the end any more. */
bool handler_after_step(struct engine *engine, struct open *open, struct instant now);
void handler_licensed(struct open *open, struct instant until);
/* Why somebody could not be told; NULL: nothing to say. */
const struct error *handler_trouble(const struct open *open);
/* Fills in the task; false when it is not wanted any more. */
bool handler_fill(struct engine *engine, struct engine_action *action);
bool handler_allows(const struct engine *engine, const struct open *open);

/* ---- interrupt.c ---- */
void interrupt_step(struct engine *engine, struct open *open, struct instant now);
void interrupt_licensed(struct open *open, const struct record *record, struct instant until);
bool interrupt_allows(const struct engine *engine, const struct open *open, uint32_t index);

/* ---- announce.c ---- */
void duty_add(struct engine *engine, enum event_kind kind, int64_t offset, struct wall time,
              struct entry *entry, struct record *record, uint32_t target);
struct journal_place { /* of a record */
    int64_t offset;
    struct wall time; /* the broker's */
};
/* `until`: what is waited for ends then; 0: nothing. Takes `record`, which tells whom it is about,
 * or why; NULL: neither. */
void duty_progress(struct engine *engine, struct open *open, enum progress progress,
                   const struct journal_place *place, struct wall until, struct record *record);
/* The list that has just been frozen waits for its approval. */
void duty_pending(struct engine *engine, struct open *open, const struct journal_place *place);
/* Events of records below `offset` are known to be delivered. */
void duties_through(struct engine *engine, int64_t offset);
void duties_step(struct engine *engine, struct instant now);
void duties_restart(struct engine *engine);
/* Fills in the event; false when it needs no delivery any more. */
bool duty_fill(struct engine *engine, struct engine_action *action);
struct instant duties_wake(const struct engine *engine);
void duties_free(struct engine *engine);

/* ---- share.c: shares in the lock of an infobase ---- */
/* That of an infobase; NULL: there is none. */
struct hold *hold_known(const struct engine *engine, struct cluster *cluster,
                        const struct uuid *infobase);
/* ... or a new one. */
struct hold *hold_find(struct engine *engine, struct cluster *cluster, const struct uuid *infobase);
/* One command at a time works on a lock. False: another one does; its hold_leave() touches this
 * one. */
bool hold_enter(struct open *open, struct hold *hold);
/* The work on it is over for now; the next one may begin. */
void hold_leave(struct engine *engine, struct drain *drain);
/* Frees it when nobody has to do with it any more. */
void hold_drop_unused(struct engine *engine, struct hold *hold);
/* What was read does not serve any more. */
void drain_forget_seen(struct drain *drain);
void drain_begin(struct open *open);
/* The command's end; a share that it still has goes with it. */
void drain_free(struct engine *engine, struct open *open);
void holds_free(struct engine *engine);
void drain_fold_locked(struct engine *engine, struct open *open, const struct record *record,
                       struct wall broker_time, struct instant licence);
/* Its first list; then an ATTEMPT to end, or a verdict that rests on a list: its lock is in force.
 */
void drain_fold_list(struct open *open);
void drain_fold_begun(struct open *open);
/* An ATTEMPT(ACT_RESTORE). */
void drain_fold_attempt(struct open *open, struct instant licence);
/* False: a repeat. */
bool drain_fold_restored(struct engine *engine, struct open *open, const struct record *record,
                         struct wall broker_time);
/* After a new OWNER of ours. Every drain is restarted before one of them goes on. */
void drain_restart(struct engine *engine, struct open *open, struct instant now);

/* ---- drain.c: what a drain does before its rounds and after them ---- */
/* True: the main line has nothing to do for this drain now (it is not locked yet, holds, or is
 * being given back). */
bool drain_decides(struct engine *engine, struct open *open, struct instant now);
/* Does it look first whom it would end, because that may need an approval, or may be too many? */
bool drain_looks(const struct engine *engine, const struct open *open);
/* Is its grace over, and its lock not in force yet by the cluster's own clock? */
bool drain_begins_late(const struct engine *engine, const struct open *open, struct instant now);
/* It looked, and nobody has to approve anything. */
void drain_has_looked(struct engine *engine, struct open *open);
/* A drain that fails while it has a share: first that is given back, then it is given up again. */
bool drain_gives_back_first(struct engine *engine, struct open *open, const struct error *why);
/* What the cluster said of the lock. */
void drain_answered(struct engine *engine, struct open *open, const struct engine_answer *answer,
                    struct instant now);
/* May the write that is out leave? */
bool drain_allows(const struct engine *engine, const struct open *open);
/* The parts of giving back, for watch.c as well: asks for what stands there; ... */
void drain_read_lock(struct engine *engine, struct open *open, struct instant now);
/* ... writes what the licence allows; ... */
void drain_write_lock(struct engine *engine, struct open *open, const struct infobase_lock *lock,
                      enum lock_work work);
/* ... is there a licence that rests on what was seen, to take the lock or to give it back? ... */
bool drain_licence_serves(const struct drain *drain, bool restores, struct instant now);
/* ... asks for one to give back; ... */
void drain_append_attempt(struct engine *engine, struct open *open, struct instant now);
/* ... says what stands there now. */
void drain_append_restored(struct engine *engine, struct open *open, bool kept_foreign,
                           const struct error *why, struct instant now);

/* ---- watch.c: a lock of ours that is written after everything was given back ---- */
/* The last RESTORED of a hold counts, and says what stands there. */
void watch_begin(struct open *open, struct hold *hold, const struct record *record,
                 struct wall until);
/* Nothing is looked for any more. */
void watch_leave(struct engine *engine, struct drain *drain);
/* ... because somebody takes the lock again, or the time is over. May free `open`. */
void watch_end(struct engine *engine, struct open *open);
static inline bool watch_is_on(const struct open *open)
{
    return open->drain && open->drain->watch;
}
/* A late write that was found is seen to; one that the last look finds still gets its licence. */
static inline bool watch_is_over(const struct engine *engine, const struct open *open,
                                 struct wall broker_time)
{
    if (!watch_is_on(open) || open->drain->stray)
        return false;
    return open->drain->watch_until.ms + LICENCE_AGE_MS + engine->config.settle_ms <=
           broker_time.ms;
}
/* An ATTEMPT(ACT_RESTORE) and a RESTORED behind the end. */
void watch_fold_attempt(struct engine *engine, struct open *open);
void watch_fold_restored(struct engine *engine, struct open *open, const struct record *record,
                         struct wall broker_time);
void watch_restart(struct drain *drain, struct instant now);
void watch_step(struct engine *engine, struct open *open, struct instant now);
void watch_answered(struct engine *engine, struct open *open, const struct engine_answer *answer,
                    struct instant now);
/* A lock was read: does it bear the mark of a command that no record here explains? */
void watch_name(struct engine *engine, struct open *open);
void strays_free(struct engine *engine);

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

/* For ending, behind the grace. */
static inline int64_t drain_time_ms(const struct engine *engine, const struct open *open)
{
    return open->command->drain_deadline_ms ? open->command->drain_deadline_ms
                                            : engine->config.drain_ms;
}

static inline bool engine_may_act(const struct engine *engine)
{
    return engine->role == ENGINE_OWNING && engine->assigned && !engine->want_owner;
}

enum { TARGET_BITS = 14 };
_Static_assert((1 << TARGET_BITS) > 10000 + 1, "a target's index fits into a tag (LIMIT_TARGETS)");
enum { LOCK_INDEX = (1 << TARGET_BITS) - 1 }; /* in the tag of a request about a lock */

#endif
