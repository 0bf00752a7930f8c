/* oracle_state.h - the oracle's insides, shared by its own files only. */
#ifndef SIM_ORACLE_STATE_H
#define SIM_ORACLE_STATE_H

#include "fold.h"
#include "oracle.h"

struct act { /* a terminate that left */
    int64_t at_ns;
    int32_t worker;
    uint32_t life;
    int32_t partition;
    int32_t cluster;
    struct uuid session;
    int64_t truth;   /* who had that UUID when it left; -1: nobody */
    int64_t command; /* whose licence it used; -1: residual */
    uint32_t target; /* that the licence names */
    bool residual;
    bool definite; /* it was answered, and not by "perhaps" */
    bool looked;   /* a list or a probe was begun behind it and seen by its worker */
};

struct look { /* the last whole list that reached an engine */
    uint32_t life;
    uint32_t generation;
    uint64_t epochs;
    int64_t started_ns;
    int64_t finished_ns;
};

struct honest_list { /* one that showed who was there */
    int32_t worker;
    uint32_t life;
    int32_t partition;
    int32_t cluster;
    int64_t started_ns;
    int64_t finished_ns;
};

struct event_seen {
    struct uuid id;
    int32_t partition;
    int64_t offset;
    enum event_kind kind;
    struct uuid command;
    struct uuid session; /* of a session event */
    uint32_t number;
    enum command_outcome outcome;
    bool delivered;
};

struct oracle {
    struct fold folds[PARTITIONS_MAX];
    VECTOR(struct act) acts;
    VECTOR(struct event_seen) events;
    struct look looks[WORKERS_MAX][PARTITIONS_MAX][CLUSTERS_MAX];
    VECTOR(struct honest_list) lists;
    uint64_t kills;
    uint64_t residual;
    uint64_t locks;
    uint64_t restores;
    uint64_t strays; /* of those, of locks that came behind the end */
    uint64_t disconnects;
    uint64_t interrupts;
};

/* Does this record owe an event that must not be lost? */
static inline bool oracle_announces(const struct fold_entry *entry)
{
    return entry->counts && (entry->kind == RECORD_CLOSED || entry->kind == RECORD_REJECTED);
}

#endif
