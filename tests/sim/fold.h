/* fold.h - the oracle's own reading of one partition's journal, from docs/journal.md. */
#ifndef SIM_FOLD_H
#define SIM_FOLD_H

#include "audit/chain.h"
#include "world.h"

struct fold_target {
    struct uuid session; /* found, or asked for */
    bool found;
    int64_t truth; /* index into the cluster's sessions; -1: nothing was found */
    bool by_number;
    uint32_t number;
    enum target_outcome verdict; /* left alone from the start */
    enum target_outcome outcome;
    int64_t outcome_offset; /* -1: none yet */
    bool handled;           /* it has a handler before or instead of the worker */
    bool licensed;          /* a RESOLVED that does not wait, or an ATTEMPT, names it */
    bool ended_by_us;       /* an act of this command took effect, and not belatedly */
};

struct fold_command {
    struct uuid id;
    struct sha256 digest;
    int32_t cluster;
    bool accepted; /* else refused at once: only its id is remembered */
    bool dry_run;
    int64_t source;
    int64_t accepted_offset;
    int64_t accepted_ns;
    struct wall first_appended;
    struct wall expires;
    struct command *command; /* owned; NULL unless accepted */
    int64_t resolved_offset; /* of the last chunk of the last list; -1 */
    uint32_t round;          /* lists so far */
    uint32_t round_first;    /* the last one's first target */
    bool nobody_left;        /* it ends nobody */
    int64_t open_ns;         /* since then a list may count for the next round */
    struct wall resolved_at;
    struct wall grace_until; /* 0: none */
    struct wall lock_from;   /* of a drain: its lock lets people in until then; 0: at once */
    struct wall end_by;      /* 0: `expires` */
    struct epoch withheld;   /* whose next list waits for an approval; number 0: none */
    uint32_t approved;       /* lists */
    bool waits;              /* the last list waits for its approval */
    char list_digest[72];
    struct wall approve_until;
    struct fold_target *targets; /* owned */
    uint32_t count;
    struct {
        struct epoch epoch;
        uint32_t chunks;
        struct record **parts; /* owned */
    } gathering;
    bool released;           /* RELEASED says what became of the connections */
    bool leaks;              /* and that some are left, or could not be seen */
    bool gives_back;         /* an ATTEMPT to restore counts: no further list */
    bool locked;             /* from LOCKED to RESTORED */
    int64_t restored_offset; /* 0: not yet; an earlier owner may not have read it */
    bool stray; /* ... one of its locks was found behind its end, and is being removed */
    int64_t cancelled_offset; /* -1 */
    VECTOR(struct told {
        int64_t offset;
        int64_t handed_ns;
        struct epoch epoch;
    })
    told; /* licences to tell the handler how it ended: an earlier owner may not know the last */
    int64_t ended_offset; /* CLOSED, or REJECTED; -1 */
    int64_t ended_ns;
    enum command_outcome outcome;
};

struct licence {
    uint32_t command;
    uint32_t target;
    struct epoch epoch;
    int64_t offset;
    int64_t handed_ns; /* the oldest append call of its records */
    bool used;
};

struct lock_licence { /* for one write of a lock */
    int32_t cluster;
    bool locks; /* else it gives back */
    bool stray; /* ... behind the end of its command */
    struct epoch epoch;
    int64_t offset;
    int64_t handed_ns;
    bool used;
};

struct leftover_licence { /* to disconnect, or to interrupt */
    enum act_kind act;
    struct uuid what; /* the connection, or the session */
    struct epoch epoch;
    int64_t offset;
    int64_t handed_ns;
};

struct fold_entry { /* one record of the log */
    enum record_kind kind;
    bool counts;
    int64_t command;   /* -1 */
    struct uuid event; /* of CLOSED and REJECTED: delivered under this id; nil: not yet */
};

struct fold_owner {
    struct epoch epoch;
    int64_t offset;
    int32_t worker;
    uint32_t life;
    VECTOR(struct sha256) digests; /* of its records, by sequence */
    bool broken;                   /* one is missing: nothing of it counts any more */
};

struct fold {
    int32_t partition;
    VECTOR(struct fold_entry) entries;
    VECTOR(struct fold_owner) owners;
    VECTOR(struct fold_command) commands;
    VECTOR(struct licence) licences;
    VECTOR(struct lock_licence) locks;
    VECTOR(struct leftover_licence) leftovers;
    VECTOR(struct answer {
        enum record_kind kind; /* RECORD_NONE: not yet */
        int64_t offset;
    })
    answers;                   /* by offset of the command */
    struct chain_reader chain; /* what an auditor makes of the same records */
    int64_t through;           /* events below are said to be delivered */
    uint64_t voided;
    uint32_t calm_owners;
};

/* Is it listed again until nobody is left? */
static inline bool fold_repeats(const struct fold_command *command)
{
    return command->command->options.until_empty ||
           (command->command->action == ACTION_DRAIN && !command->dry_run);
}

void fold_release(struct fold *fold);
/* The next record of the log. Takes it. */
void fold_record(struct world *world, struct fold *fold, struct record *record);
/* The owner as somebody knows it who has read everything below `offset`; NULL: none. */
const struct fold_owner *fold_owner_at(const struct fold *fold, int64_t offset);
/* The command of that id that is remembered at `appended_at`; -1. */
int64_t fold_find(const struct world *world, const struct fold *fold, const struct uuid *id,
                  struct wall appended_at);

/* ---- judge.c: what may stand in a journal at all ---- */
void judge_answer(struct world *world, struct fold *fold, const struct record *record,
                  int64_t known);
void judge_resolved(struct world *world, const struct fold *fold, struct fold_command *command);
void judge_outcome(struct world *world, const struct fold *fold, const struct fold_command *command,
                   const struct fold_target *target);
void judge_closed(struct world *world, const struct fold *fold, const struct fold_command *command);

#endif
