/* engine.h - one partition of commands and its journal: the state machine, and nothing but that.
 *
 * In: records read back in log order, commands offered, replies of clusters, the time. Out: actions
 * for service/ to carry out. The engine never calls out, does no I/O, owns no clock and logs
 * nothing, so the real loop and the simulation run the same code. State moves only by counting
 * records; what is merely under way (appends, requests) is forgotten when a new OWNER is read back,
 * and begun again from the state.
 *
 * Fold rules: docs/journal.md. Ownership: docs/adr/0002. Invariants held here: I1 I2 I3 I4 I6 I7 I8
 * I11 I14. Not thread-safe; one engine per partition. `now` never goes back. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "model/command.h"
#include "model/event.h"
#include "model/handler.h"
#include "model/record.h"
#include "model/resolution.h"
#include "model/session.h"

struct engine;

/* Shared by the engines of one worker: the total bounds. Zero it once. */
struct engine_budget {
    uint32_t open_commands; /* accepted, and not yet closed with its events delivered */
    uint32_t open_targets;  /* of them, without an outcome */
    uint32_t kept_targets;  /* of them, with one: kept for the end's event */
    uint32_t remembered_ids;
};

/* Guards that a test build switches off one by one, to prove that the simulation notices. All false
 * in the product; without CURFEW_MUTATIONS the engine does not even look. */
struct engine_mutations {
    bool act_without_licence;  /* acts when RESOLVED was appended, not when it was read back */
    bool ignore_foreign_owner; /* goes on acting behind another's OWNER */
    bool skip_identity_check;
    bool trust_empty_list;
    bool resolve_again; /* a redelivered or recovered command is resolved anew */
    bool accept_void;   /* records of other epochs count */
    bool ignore_licence_age;
    bool blind_retry;       /* an end in doubt is repeated without listing */
    bool ignore_gap;        /* records behind a lost one of the same epoch count */
    bool ignore_uncertain;  /* an append that was lost, or perhaps lost, is taken for landed */
    bool fire_after_cancel; /* sends on until CANCELLED is read back */
    bool speak_early; /* "not ended" is said while an earlier owner's licence may still be used */
    bool hurry_grace; /* ends before the grace is over */
    bool act_unapproved;  /* a list that waits for an approval is acted on */
    bool round_too_early; /* a round is listed, and counts, before the last has its outcomes */
    bool restore_blindly; /* gives back what was there, whatever stands there now */
    bool restored_early;  /* ... and says so while an earlier owner's write may still arrive */
    bool forget_hold;     /* a new owner does not know what its predecessor holds */
    bool forget_nothing;  /* a new OWNER of ours leaves what was under way as it is */
    bool believe_handler; /* its word "ended" is a verdict */
    bool cut_unconfirmed; /* a connection is taken for left over by its session number alone */
    bool ignore_control;  /* acts however long ago the control topic was read to its end */
    bool search_nothing;  /* nobody looks for late writes behind the end of a drain */
};

/* What a drain writes, and by which clock. The texts are the engine's. */
struct deny {
    struct infobase_lock wanted; /* without infobase; jobs as the command says */
    struct server_time now;      /* none: not known */
};

struct engine_config {
    int32_t partition;
    int32_t partitions;         /* of the commands topic, as it is; 0: not known */
    struct uuid writer;         /* random at process start */
    const char *instance;       /* copied: who owns, for people */
    uint32_t open_commands_max; /* over all engines of the budget */
    uint32_t open_targets_max;
    uint32_t kept_targets_max;
    uint32_t remembered_max;
    uint32_t cluster_share; /* open commands of one cluster */
    uint32_t attempts_max;  /* terminate requests sent for one target, 1..10 */
    int64_t remember_ms;    /* ids are remembered this long after their first append: the longest
                               validity */
    int64_t verify_ms;      /* a sent end is verified for this long */
    int64_t release_ms;     /* connections of an ended session are waited for so long */
    int64_t identity_max_age_ms; /* an end rests on a list that was complete at most this long ago;
                                    from its start, or a slow list could never serve */
    int64_t empty_confirm_ms;    /* an empty list is believed when a second one, this much later, is
                                    empty too */
    bool session_events;         /* one event for each target besides */
    struct engine_mutations mutations;

    /* Pure rule given by service/: finds what a command selects in a complete list, protected
     * sessions marked. ERR_NOT_FOUND (the infobase does not exist), ERR_TOO_LARGE and ERR_DENIED
     * refuse the command. */
    enum error_code (*resolve)(void *self, const struct command *command,
                               const struct resolve_context *context,
                               const struct session_list *list, struct resolution *ret,
                               struct error *err);
    /* Pure rule given by service/: the lock that this drain wants for itself, users being kept out
     * from `from` on (0: at once), and the cluster's own clock now (none: not known). `seen`: what
     * stands there, with the infobase's UUID and name (NULL: only the times are wanted).
     * ERR_CONFIG: `from` is given, and the cluster's time zone is not known. ERR_DENIED: this
     * infobase may not be locked. NULL: this worker drains nothing. */
    enum error_code (*deny)(void *self, const struct command *command,
                            const struct infobase_lock *seen, struct wall from, struct wall now,
                            struct deny *ret, struct error *err);
    void *resolve_self; /* for both */
    int64_t settle_ms;  /* no request to a cluster takes longer: after its licence has ended an
                           earlier owner's write may still arrive that much later */
    int64_t drain_ms;   /* a drain without a deadline goes on this long after its grace */
    bool drains_ask;    /* a drain may need an approval: it looks before it locks */
};

enum engine_action_kind {
    ENGINE_APPEND, /* encode `record` (epoch and sequence are set), append it; answer with
                      engine_appended() */
    ENGINE_LIST,   /* list the cluster; answer with engine_listed() */
    ENGINE_PROBE,  /* session info by UUID; answer with engine_probed() */
    ENGINE_END,    /* terminate; not one byte at or after `send_by`; answer with engine_ended() */
    ENGINE_CONNECTIONS, /* of an infobase; answer this and the next two with engine_answered() */
    ENGINE_DISCONNECT,  /* one connection; not one byte at or after `send_by` */
    ENGINE_INTERRUPT,   /* the running call of a session; not one byte at or after `send_by` */
    ENGINE_HANDLE,      /* run the handler of `task`; it must not start at or after `send_by`;
                           answer with engine_handled() */
    ENGINE_LOCK_READ,   /* of an infobase, by name or UUID; answer with engine_answered() */
    ENGINE_LOCK_WRITE,  /* `lock` over `expected` and nothing else; not one byte at or after
                           `send_by`; answer with engine_answered() */
    ENGINE_PUBLISH,     /* encode `event` at once, produce it; answer with engine_published() */
};

/* `config` is copied. `budget` is shared by the engines of a worker, borrowed, and outlives them.
 */
struct engine *engine_create(const struct engine_config *config, struct engine_budget *budget);
void engine_destroy(struct engine *engine);
AUTO_TYPE(engine)
/* New limits after a reload, and what the rules look into; partition and writer stay. */
void engine_configure(struct engine *engine, const struct engine_config *config);

/* ---- inputs ---- */

/* Where to begin reading the journal, from the metadata of the committed offset: the epoch that
 * owned the partition there, and the sequence that its next record has. Without it the whole
 * partition is read. Before the first record only. */
void engine_begin_at(struct engine *engine, int64_t offset, const struct epoch *owner,
                     uint64_t sequence);
/* The number of partitions by which the journal before that place, or an empty one, maps clusters:
 * from the same metadata, or partition 0's. Records that say it count more. */
void engine_presume(struct engine *engine, int32_t partitions);
/* The next record of the journal, in log order, counting or void. `broker_time` is its append time.
 * Takes the record. ERR_JOURNAL: the log contradicts itself; the partition must stop until an
 * operator looks. */
enum error_code engine_record(struct engine *engine, struct record *record, int64_t offset,
                              struct wall broker_time, struct instant now,
                              struct error *err) MUST_CHECK;
/* The tail has come to the end that the journal had when reading began: ownership may now be asked
 * for. */
void engine_at_end(struct engine *engine, struct instant now);
/* The group gave or took this partition. While not assigned nothing new is begun. */
void engine_assign(struct engine *engine, bool assigned, struct instant now);
/* The tag of a record's append: tags grow from epoch to epoch, and within one. */
static inline uint64_t engine_append_tag(const struct record *record)
{
    return record->epoch.number << 32 | (uint32_t)record->sequence;
}
/* What became of an append. Anything but persisted ends in a new OWNER, never in a blind repeat. */
enum engine_append { ENGINE_PERSISTED, ENGINE_NOT_PERSISTED, ENGINE_MAYBE_PERSISTED };
void engine_appended(struct engine *engine, uint64_t tag, enum engine_append result,
                     struct instant now);

struct engine_offer {
    struct command
        *command; /* taken on ERR_OK; NULL: undecodable (its dead letter is already acknowledged) */
    struct sha256 digest;     /* of the canonical content; zero when undecodable */
    const char *cluster;      /* configured name; NULL when refused before it was known. Copied */
    struct error refusal;     /* ERR_OK: guards pass. Otherwise REJECTED is journalled */
    struct place dead_letter; /* of undecodable input */
    int32_t forwarded_to; /* -1; or the partition to which it was produced again, acknowledged */
    struct source source;
    struct wall appended_at; /* first append, by the broker's clock */
    struct wall
        expires_at; /* never 0 for an accepted command; already bounded by the longest validity */
};
/* The next command of the partition, in offset order. ERR_FULL: not now (not the owner, or a bound
 * is reached); offer the same one again after engine_wants() has become true. Nothing was taken
 * then. */
enum error_code engine_offer(struct engine *engine, struct engine_offer *offer, struct instant now,
                             struct error *err) MUST_CHECK;
/* Would an offer be taken now? */
bool engine_wants(const struct engine *engine);
/* Which total bound of the budget holds offers back; the first in this order. */
enum engine_bound {
    ENGINE_BOUND_NONE,
    ENGINE_BOUND_COMMANDS,
    ENGINE_BOUND_TARGETS,
    ENGINE_BOUND_KEPT,
    ENGINE_BOUND_IDS,
    ENGINE_BOUNDS
};
enum engine_bound engine_bound_reached(const struct engine *engine);

/* Replies. `tag` is the action's. Late ones of an earlier epoch are known by it and dropped. A list
 * is borrowed. */
void engine_listed(struct engine *engine, uint64_t tag, const struct session_list *list,
                   const struct error *failure, struct instant now);
/* OK: present, as `shown` says (borrowed; NULL: not told); GONE; other: not known. */
void engine_probed(struct engine *engine, uint64_t tag, enum error_code code,
                   const struct session *shown, struct instant now);
void engine_ended(struct engine *engine, uint64_t tag, enum error_code code, bool sent,
                  const struct error *failure, struct instant now);
void engine_published(struct engine *engine, uint64_t tag, bool delivered, struct instant now);
/* Who says a thing on the control topic, and why, as he claims. Told in the ends of what he stops.
 */
struct engine_asker { /* borrowed */
    const char *by;   /* "": he does not say */
    const char *why;  /* the same */
};
/* A cancel from the control topic: journalled if the command is open here; false when it is not
 * known here. `asked_at`: its append time; it does not stop a command that came so much later that
 * it only has the same id. 0: not known, it counts. */
bool engine_cancel(struct engine *engine, const struct uuid *command_id,
                   const struct engine_asker *asker, struct wall asked_at, struct instant now);
struct engine_approval { /* borrowed */
    struct uuid command_id;
    const char *by;
    const char *digest; /* lower-case hex */
};
/* An approval from the control topic: journalled if a list of that command waits here, also when it
 * is refused (somebody else must approve, and name that very list); false when none waits here. */
bool engine_approve(struct engine *engine, const struct engine_approval *approval,
                    struct instant now);
/* The control topic was read to its end as it stood at `seen` (never goes back). No end leaves at
 * or after LICENCE_AGE_MS from there, so that a cancel or the kill switch is in force everywhere
 * one licence age after it was appended, however far a reader lags (ADR 2, rule 9). Targets wait
 * meanwhile. An engine that was never told sends nothing. */
void engine_control_seen(struct engine *engine, struct instant seen, struct instant now);
/* Ends every drain of that infobase (by name, or UUID) that was first appended at or before
 * `asked_at`: it is cancelled, which in its hold means that the lock is given back now. How many.
 */
uint32_t engine_give_back(struct engine *engine, const char *cluster, const char *infobase,
                          struct wall asked_at, const struct engine_asker *asker,
                          struct instant now);
/* An operator releases the partition, whose commands topic was made anew (`from_beginning`) or has
 * `partitions` partitions now: journalled, and in force when read back. False: not the owner. */
bool engine_accept_topics(struct engine *engine, int32_t partitions, bool from_beginning,
                          const char *by, struct instant now);
/* Who engages the kill switch: before engine_halt(). Copied, and remembered until the next one. */
void engine_halted_by(struct engine *engine, const struct engine_asker *asker);
/* The kill switch: while engaged no end leaves and what was not sent is stopped. */
void engine_halt(struct engine *engine, bool engaged, struct instant now);
/* What a cluster answered to any other request. */
struct engine_answer {
    enum engine_action_kind kind;
    uint64_t tag;
    enum error_code code;
    bool sent;                   /* a byte of a changing request may have reached the kernel */
    const struct error *failure; /* unless ERR_OK */
    const struct connection_list *connections; /* CONNECTIONS, borrowed; NULL unless ERR_OK */
    const struct infobase_lock *lock;          /* LOCK_READ, borrowed; NULL unless ERR_OK */
};
void engine_answered(struct engine *engine, const struct engine_answer *answer, struct instant now);
/* What became of a run of the operator's own program (ENGINE_HANDLE). */
struct engine_handled {
    uint64_t tag;
    enum error_code code;                /* of the run */
    bool sent;                           /* it was started */
    const struct error *failure;         /* unless ERR_OK */
    const struct handler_answer *answer; /* ERR_OK of INSTEAD and BEFORE; borrowed */
};
void engine_handled(struct engine *engine, const struct engine_handled *reply, struct instant now);
/* Asked while it runs: false after the loss of ownership, a cancel or the kill switch. End it then,
 * and answer as soon as it has ended. */
bool engine_handler_goes_on(const struct engine *engine, uint64_t tag);
/* Asked right before a byte of a changing request leaves: may it still? False after the loss of
 * ownership, a cancel, the kill switch, or a list that no longer shows the session: answer the
 * action with ERR_STALE, not sent. */
bool engine_allows(const struct engine *engine, enum engine_action_kind kind, uint64_t tag);
/* Something that engine_wake() asked for. */
void engine_tick(struct engine *engine, struct instant now);

/* ---- outputs ---- */

struct engine_action {
    enum engine_action_kind kind;
    uint64_t tag;
    struct record *record; /* APPEND: owned by the receiver */
    const char *cluster;   /* LIST, PROBE, END: lives as long as the engine */
    const char *infobase;  /* LIST: a name that the list must be able to tell; NULL: none.
                              CONNECTIONS, DISCONNECT: its UUID, LOCK_READ, LOCK_WRITE: name or
                              UUID; borrowed until the next input */
    struct uuid session;   /* PROBE, END, INTERRUPT */
    const char *message;   /* END, INTERRUPT: for the user; borrowed until the answer */
    struct connection_ref connection;     /* DISCONNECT */
    const struct handler_task *task;      /* HANDLE: borrowed until the next input */
    struct instant send_by;               /* END, DISCONNECT, INTERRUPT, HANDLE, LOCK_WRITE */
    const struct infobase_lock *lock;     /* LOCK_WRITE: borrowed until the next input */
    const struct infobase_lock *expected; /* LOCK_WRITE: the same */
    struct event event;                   /* PUBLISH: borrowed until the next input */
    const char *reply_topic;              /* PUBLISH: besides the events topic; empty: none */
};

/* The next action; false when there is none. Drain after every input. */
bool engine_next(struct engine *engine, struct engine_action *ret, struct instant now);
/* When engine_tick() is due; INSTANT_NEVER: only an input can move anything. */
struct instant engine_wake(const struct engine *engine);

/* ---- looking in ---- */

enum engine_role {
    ENGINE_READING, /* the journal is being read */
    ENGINE_WAITING, /* read, not assigned or not (yet) the owner */
    ENGINE_OWNING,  /* own OWNER read back, nobody else's behind it */
};
enum engine_role engine_role(const struct engine *engine);
/* OWNERs of ours that were read back. With each new one what was offered before and did not come
 * back in a counting record is forgotten: offer again from engine_checkpoint().next_command. */
uint64_t engine_epochs(const struct engine *engine);
/* Does the last OWNER read belong to another process? */
bool engine_was_overtaken(const struct engine *engine);
/* What the commit of the commands topic says: where to go on reading commands (-1: the journal has
 * none yet), the digest of the last one read, and where a successor begins in the journal. */
struct engine_checkpoint {
    int64_t next_command;       /* offset; -1 */
    struct sha256 last_digest;  /* of the bytes at next_command - 1 */
    int64_t journal_start;      /* offset */
    struct epoch journal_owner; /* that owned it there; number 0: none */
    uint64_t journal_sequence;  /* that the owner's next record from there on has */
    int32_t partitions;         /* of the commands topic, as accepted; 0: not known */
    uint64_t releases;          /* TOPICS_ACCEPTED that counted: each may have moved next_command */
};
struct engine_checkpoint engine_checkpoint(const struct engine *engine);

struct engine_counts {
    uint32_t open_commands;
    uint32_t open_targets;
    uint32_t kept_targets;
    uint32_t locks_held;     /* infobases */
    uint32_t locks_lost;     /* of those: that a look in a hold found open */
    uint32_t locks_watched;  /* given back, and looked at again for writes that come late */
    uint32_t locks_stray;    /* of those: a lock of ours stands there again and is being removed */
    uint32_t events_waiting; /* made and not yet delivered */
    uint32_t appends_waiting;
    uint64_t voided; /* records read that did not count */
    uint64_t epochs; /* OWNERs of ours that were read back */
    uint64_t stale;  /* licences that grew too old before the act */
};
struct engine_counts engine_counts(const struct engine *engine);

/* One line of a finished command for the log, or of an open one for `status`. */
struct engine_command_view {
    struct uuid id;
    const struct command *command;
    const char *cluster;
    struct source source;
    enum command_outcome outcome; /* NONE: open */
    enum error_code reason;       /* why it ended so; ERR_OK: nothing to say */
    uint32_t targets;
    uint32_t succeeded;
    bool gave_back;                       /* a share of a lock */
    bool kept_foreign;                    /* ... and somebody else's values stayed */
    uint32_t leaked;                      /* connections of ended sessions that are still there */
    uint32_t by_outcome[TARGET_OUTCOMES]; /* targets, by their outcome */
    struct wall accepted_at;
    struct wall closed_at;
    int64_t accepted_offset;
};
/* Calls `visit` for each open command, in order of acceptance; `visit` must not touch the engine.
 */
void engine_visit_open(const struct engine *engine,
                       void (*visit)(void *self, const struct engine_command_view *view),
                       void *self);
/* Pops commands whose CLOSED or REJECTED was counted while owning, for the log line; false when
 * there is none. Borrowed until the next input. */
bool engine_finished(struct engine *engine, struct engine_command_view *ret);

/* A lock of a command of ours that stands where it should not, or does not where it should. */
enum engine_stray_kind {
    ENGINE_STRAY_FOUND,   /* the journal knows what was there before: it is being removed */
    ENGINE_STRAY_REMOVED, /* read back: what was there before stands there again */
    ENGINE_STRAY_UNKNOWN, /* no record that is remembered explains it: it is not touched */
    ENGINE_LOCK_LOST,  /* its drain holds the infobase, and it keeps people or jobs out no longer;
                          it is not written again: somebody may have wanted that (I9) */
    ENGINE_LOCK_FOUND, /* ... and again it does, whoever saw to it */
};
struct engine_stray {
    enum engine_stray_kind kind;
    struct uuid command; /* whose mark it bears, or whose lock it was */
    const char *cluster; /* lives as long as the engine */
    char *infobase;      /* as the command named it */
};
/* Pops what was found while owning, for the log; false when there is none. Borrowed until the next
 * call. */
bool engine_stray(struct engine *engine, struct engine_stray *ret);

#endif
