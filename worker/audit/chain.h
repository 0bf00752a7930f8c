/* chain.h - the hash chain of the journal: written with each record, and checked by any reader.
 *
 * Within one epoch the records count 1, 2, 3, ... and each carries the SHA-256 of the bytes of the
 * one before; the chain starts anew with each epoch. A reader follows who owns the partition
 * (OWNER records) and says of every record whether it counts, and whether the chain of its epoch is
 * whole. Records of an epoch that does not own the partition at their place are void, for every
 * reader, forever: that is no damage. Behind a hole in the owner's epoch the rest of that epoch is
 * void too, so that no record can be missing in the middle. A hole or a repeat may be an append
 * that was lost or came twice; only checkpoints of the whole log tell that from a removal. Another
 * hash is damage. */
#ifndef AUDIT_CHAIN_H
#define AUDIT_CHAIN_H

#include "model/record.h"

/* ---- writing ---- */

/* The chain of one writer on one partition. Zeroed is empty. */
struct chain {
    struct epoch epoch;
    uint64_t sequence;  /* of the last record stamped; 0: none in this epoch */
    struct sha256 head; /* of its bytes */
    bool open;          /* stamped and not yet sealed */
};

/* Sets `sequence` and `previous` of a record whose epoch is set. Another epoch than the last one
 * starts anew; it must be an OWNER. Encode it, then seal: one record at a time. */
void chain_stamp(struct chain *chain, struct record *record);
/* The bytes that will be appended. */
void chain_sealed(struct chain *chain, struct text bytes);

/* ---- reading ---- */

/* How many epochs' chains a reader follows at once: the owner's and the latest others. */
enum { CHAIN_EPOCHS = 16 };

struct chain_link {
    struct epoch epoch; /* number 0: unused place */
    uint64_t sequence;
    struct sha256 head;
};

struct chain_reader {
    struct epoch owner;                    /* number 0: none yet */
    uint64_t owner_next;                   /* sequence of its next record; 0: not known */
    bool owner_broken;                     /* a hole: nothing of it counts any more */
    uint64_t highest;                      /* epoch number seen in any OWNER */
    bool from_middle;                      /* chains may be under way whose beginnings were not
                                              read, or were forgotten */
    struct chain_link links[CHAIN_EPOCHS]; /* latest first */
    uint64_t counted;
    uint64_t voided;
    uint64_t holes;   /* CHAIN_GAP */
    uint64_t repeats; /* CHAIN_REORDERED */
    uint64_t damaged; /* CHAIN_BROKEN, CHAIN_UNREADABLE */
};

enum chain_state {
    CHAIN_WHOLE,     /* follows the epoch's record before it */
    CHAIN_TAKEN,     /* not known: the epoch's earlier records stand before the start of reading, or
                        too many epochs lie between */
    CHAIN_BROKEN,    /* the hash of the record before is another one: edited; or another record
                        bears the number of the last one */
    CHAIN_GAP,       /* records are missing before this one */
    CHAIN_REORDERED, /* comes after a later one, or once more */
    CHAIN_UNREADABLE /* not a record, or of a newer program: nothing behind it can be judged */
};

struct chain_verdict {
    enum chain_state state;
    bool counts; /* by ownership and sequence: repeats of a step are the engine's business */
    enum record_kind kind;
    struct epoch epoch;
    uint64_t sequence;  /* as the record says */
    uint64_t expected;  /* 0: not known */
    struct error error; /* code ERR_OK when whole or taken; else a sentence for people */
};

/* Where reading begins, as saved with an offset. */
struct chain_start {
    struct epoch owner; /* of the partition there; number 0: none */
    uint64_t next;      /* sequence of its next record from there on; 0: not known */
};

/* NULL: at the partition's first record. */
void chain_reader_init(struct chain_reader *reader, const struct chain_start *start);
/* Takes over from somebody who knows: the partition is owned so from here on, whatever was read. */
void chain_reader_resume(struct chain_reader *reader, const struct chain_start *start);
/* Judges the next record in log order. After damage the reader goes on from what it found. */
struct chain_verdict chain_read(struct chain_reader *reader, struct text bytes);
/* The same with a record decoded already (`bytes` are still hashed). */
struct chain_verdict chain_read_record(struct chain_reader *reader, const struct record *record,
                                       struct text bytes);
/* "whole", "gap", ... */
const char *chain_state_label(enum chain_state state);

#endif
