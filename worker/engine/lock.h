/* lock.h - the lock of one infobase, as one drain sees it: requests, answers, licences. */
#ifndef ENGINE_LOCK_H
#define ENGINE_LOCK_H

#include "engine/hold.h"
#include "engine/state.h"

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
    struct instant look_at; /* of a watch, or of a hold: the next look; 0 ns: not planned */
    bool lost;              /* the last look in its hold found the infobase open */
    uint32_t looks;         /* of a watch: so many brought an answer, in this epoch */
    uint32_t removals;      /* writes since the last look was planned */
    struct uuid named;      /* a mark that no record explains, and that was told; nil: none */
    struct error failure;   /* why it cannot be locked; ERR_OK: it may be */
};

/* The one that is locked, or was, or whose list was approved; NULL: as the command names it. */
const struct uuid *lock_known_infobase(const struct open *open);
/* What was read does not serve any more. */
void lock_forget_seen(struct drain *drain);
/* Asks what stands there. */
void lock_read(struct engine *engine, struct open *open, struct instant now);
/* Writes what the licence allows. */
void lock_write(struct engine *engine, struct open *open, const struct infobase_lock *lock,
                enum lock_work work);
/* Takes note of an answer; false: nobody waits for it. */
bool lock_answered(struct engine *engine, struct drain *drain, const struct engine_answer *answer,
                   struct instant now);
/* Does the cluster keep saying that it knows no such infobase? */
bool lock_is_gone(const struct drain *drain, struct instant now);
/* What this command needs, with all that others already need. Owned by the caller. */
enum error_code lock_needed(struct engine *engine, const struct open *open, const struct hold *hold,
                            struct wall grace_until, struct instant now, struct infobase_lock *ret,
                            struct error *err) MUST_CHECK;
/* Is its grace over, and its lock not in force yet by the cluster's own clock? */
bool lock_begins_late(const struct engine *engine, const struct open *open, struct instant now);
/* A drain that fails while it has a share: first that is given back, then it is given up again. */
bool lock_given_back_first(struct engine *engine, struct open *open, const struct error *why);
/* Is there a licence that rests on what was seen, to take the lock or to give it back? */
bool lock_licence_serves(const struct drain *drain, bool restores, struct instant now);
/* Asks for a licence to take it, ... */
void lock_append_locked(struct engine *engine, struct open *open, struct hold *hold,
                        const struct infobase_lock *during, struct wall grace_until,
                        struct instant now);
/* ... for one to give it back; ... */
void lock_append_attempt(struct engine *engine, struct open *open, struct instant now);
/* ... says what stands there now. */
void lock_append_restored(struct engine *engine, struct open *open, bool kept_foreign,
                          const struct error *why, struct instant now);

#endif
