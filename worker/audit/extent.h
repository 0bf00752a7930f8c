/* extent.h - is all of a partition's journal there?
 *
 * A chain tells that nothing is missing between two records. It does not tell whether the log
 * begins where the journal began, nor whether it goes on as far as it once did. The first is told
 * by the log's lowest offset: Kafka never uses an offset again, so a journal that is whole begins
 * at 0. The second is told by a witness outside the journal: what a worker committed beside its
 * place on the commands topic (docs/journal.md, rule 7). That witness speaks of the time of the
 * last commit; of records that were appended later and taken away, nothing speaks.
 *
 * Plain data; goes beside a chain_reader of the same partition. */
#ifndef AUDIT_EXTENT_H
#define AUDIT_EXTENT_H

#include "audit/chain.h"
#include "base/buf.h"

/* What was committed. */
struct extent_promise {
    bool known;
    int64_t commands;   /* offset: the commands below it were journalled; >= 0 */
    int64_t journal;    /* offset: the records below it stood in the journal... */
    struct epoch owner; /* ...and this epoch owned the partition there */
    uint64_t next;      /* sequence of its next record from there on */
};

struct extent {
    struct extent_promise promise;
    int64_t low;        /* records below it are gone; 0: none */
    int64_t end;        /* offset behind the last record that was read; `low` when there is none */
    struct epoch first; /* of the first record that is there; number 0: none, or unreadable */
    uint64_t first_number; /* its sequence */
    int64_t counted_from;  /* offset: from here on it is known what counts; -1: nowhere */
    int64_t commands;      /* offset: counting records name those below it; 0: none */
    bool released;         /* a TOPICS_ACCEPTED counts behind the promised place */
    bool compared;         /* the promised place was reached... */
    bool stranger;         /* ...and something else stands there */
    int64_t foreign_at;    /* offset of the first counting record that names a command of another
                              partition, which no worker writes here; -1: none */
};

enum extent_fault {
    EXTENT_BEGINNING = 1, /* records at the beginning are gone */
    EXTENT_NEEDED = 2,    /* ...and a worker that starts needs some of them: it will stop */
    EXTENT_END = 4,       /* records at the end are gone */
    EXTENT_STRANGER = 8,  /* cut or made anew, and written on */
    EXTENT_FOREIGN = 16,  /* records of another partition's journal stand here */
    EXTENT_LAST = EXTENT_FOREIGN,
};

/* Reading begins at offset `low`, the lowest there is; `promise` NULL: not known. Tells `chain`. */
void extent_begin(struct extent *extent, struct chain_reader *chain, int64_t low,
                  const struct extent_promise *promise);
/* Every record below `offset` was read: before each record, and at the end once more. Where the
 * beginning is gone, `chain` takes over from the promised place as a worker does. */
void extent_reach(struct extent *extent, struct chain_reader *chain, int64_t offset);
/* The record at `offset` was judged; `record` NULL: it cannot be read. `partition` is the
 * journal's. */
void extent_note(struct extent *extent, const struct chain_verdict *verdict,
                 const struct record *record, int32_t partition, int64_t offset);

/* The faults, as bits; 0: it begins at its beginning, and nothing speaks against its end. Behind
 * the last extent_reach(). */
unsigned extent_faults(const struct extent *extent);
/* "beginning", "needed", "end", "stranger", "foreign". */
const char *extent_fault_label(enum extent_fault fault);
/* Appends one sentence for each of `faults`: what is missing, and what can be said of the rest. */
void extent_say(const struct extent *extent, unsigned faults, struct buf *out);

#endif
