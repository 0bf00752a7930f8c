/* trace.h - what the journal says: for `curfew status` and the demo. Reads nothing itself: records
 * go in, in log order per partition, and a picture comes out. Void records change nothing. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "audit/chain.h"
#include "audit/extent.h"
#include "base/limits.h"

enum { TRACE_NAME_MAX = LIMIT_NAME_BYTES + 1 }; /* no name in a record is cut */

/* A command that was accepted and not closed. */
struct trace_command {
    struct uuid id;
    int32_t partition;
    char cluster[TRACE_NAME_MAX];
    char requested_by[TRACE_NAME_MAX];
    const char *reason;    /* the requester's words; lives as long as the command is open */
    enum record_kind last; /* its newest record that counts */
    struct wall accepted_at;
    struct wall expires_at;
    uint32_t targets; /* as resolved; 0 before */
    uint32_t decided; /* of those */
    struct trace_hold {
        bool locked; /* from LOCKED to RESTORED; the rest means nothing otherwise */
        char infobase[TRACE_NAME_MAX]; /* as the command names it */
        char name[TRACE_NAME_MAX];     /* as the cluster does; empty: it did not say */
        struct uuid uuid;
        struct wall since;
        struct wall until; /* given back by then */
        bool empty;        /* verified: it is only held now */
    } holds;
};

/* A lock that bears the mark of a command and should not stand there, as far as the journal says.
 */
struct trace_stray {
    struct uuid mark; /* the command */
    struct uuid uuid; /* of the infobase */
    char infobase[TRACE_NAME_MAX];
    char cluster[TRACE_NAME_MAX];
    struct wall since; /* found then */
    bool removing;     /* the worker is at it; else no record explains it, and it is left alone */
};

struct trace_partition {
    struct chain_reader chain;
    struct extent extent;          /* once trace_at_end() was said */
    struct error damage;           /* the first hole or damage; ERR_OK: none */
    int64_t damage_at;             /* its offset */
    struct epoch owner;            /* number 0: none yet */
    char instance[TRACE_NAME_MAX]; /* of the owner */
    struct wall owner_since;
    uint64_t records;
    uint32_t open;
};

struct trace;

struct trace *trace_create(int32_t partitions);
void trace_destroy(struct trace *trace);
AUTO_TYPE(trace)
/* What the group's offset promises of this partition's journal. Before trace_begin(). */
void trace_promise(struct trace *trace, int32_t partition, const struct extent_promise *promise);
/* Reading of this partition begins at `low`, the lowest offset there is. Once; without it at 0. */
void trace_begin(struct trace *trace, int32_t partition, int64_t low);
/* The next record of a partition; `at` is its time by the broker. Returns what the chain says. */
struct chain_verdict trace_record(struct trace *trace, int32_t partition, int64_t offset,
                                  struct text bytes, struct wall at);
/* What stood in the log when reading began has been read: now trace_partition()'s extent holds. */
void trace_at_end(struct trace *trace);

/* The log's host drops old records by itself: that they are gone is no fault. */
void trace_forgive_beginnings(struct trace *trace);
/* extent_faults() of this partition, without what is forgiven. Behind trace_at_end(), as the next
 * two. */
unsigned trace_faults(const struct trace *trace, int32_t partition);
/* Appends, for people, what keeps this partition's journal from being whole: holes, damage, and
 * what is missing at either end; nothing when it is whole. */
void trace_say_doubt(const struct trace *trace, int32_t partition, struct buf *out);
/* Partitions of which trace_say_doubt() has something to say. */
int32_t trace_doubtful(const struct trace *trace);

int32_t trace_partitions(const struct trace *trace);
const struct trace_partition *trace_partition(const struct trace *trace, int32_t partition);
/* Called with every record that counts, before it changes the picture: `command` is what is known
 * of its command, NULL when that is not open (before its ACCEPTED is folded, or behind its end). */
typedef void (*trace_visit)(void *self, const struct record *record,
                            const struct trace_command *command, int32_t partition, struct wall at);
void trace_on_record(struct trace *trace, trace_visit visit, void *self);
/* Open commands, oldest first, in an array that the caller frees. */
struct trace_command *trace_open(const struct trace *trace, size_t *ret_count);
/* The infobases that drains locked which are over, each once, without those that are held now; in
 * an array that the caller frees. `mark` is one of those drains. */
struct trace_stray *trace_drained(const struct trace *trace, size_t *ret_count);
/* Locks that should not stand, in an array that the caller frees. */
struct trace_stray *trace_strays(const struct trace *trace, size_t *ret_count);

#endif
