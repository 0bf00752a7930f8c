/* announce.h - events, in journal order, until they are delivered. */
#ifndef ENGINE_ANNOUNCE_H
#define ENGINE_ANNOUNCE_H

#include "engine/state.h"

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

#endif
