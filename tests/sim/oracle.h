/* oracle.h - holds the journal against the truth after every step.
 *
 * Its fold of the journal is its own, written from docs/journal.md and not from the engine. What it
 * checks is named by invariant (I1 ...) in each message. */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "worker.h"
#include "world.h"

struct oracle *oracle_create(void);
void oracle_destroy(struct oracle *oracle);

/* The last record of that partition's log has just landed. */
void oracle_landed(struct world *world, int32_t partition);
/* A worker hands the first byte of a terminate to the kernel. `residual`: it was stopped between
 * its last look and now. `message` begins with the command's id. Returns the act's number. */
int64_t oracle_sent(struct world *world, const struct worker *worker, int32_t partition,
                    int32_t cluster, const struct uuid *session, const char *message,
                    bool residual);
/* The answer reached the process that had sent it. */
void oracle_answered(struct world *world, int64_t act, enum error_code code);
/* A handler's run is over for the process that had asked it: only what is looked at from now on
 * says what it did. */
void oracle_handled(struct world *world, int64_t act, enum error_code code);
/* A handler is told of the end of a command. */
void oracle_told(struct world *world, const struct worker *worker, int32_t partition,
                 const struct uuid *command);
/* A whole list, or a probe of one session, reached a worker's engine. `lies`: it shows nothing of
 * the truth. */
void oracle_looked(struct world *world, const struct worker *worker, int32_t partition,
                   int32_t cluster, int64_t started_ns, bool lies, const struct uuid *probed);
/* An END takes effect in a cluster. */
void oracle_effect(struct world *world, const struct request *request, int32_t cluster,
                   uint32_t truth);
void oracle_published(struct world *world, const struct worker *worker, int32_t partition,
                      const struct event *event);
void oracle_delivered(struct world *world, int32_t partition, const struct uuid *event);
void oracle_committed(struct world *world, int32_t partition,
                      const struct engine_checkpoint *checkpoint);
/* Holds what an owning engine thinks is open against the fold. */
void oracle_compare(struct world *world, const struct worker *worker, int32_t partition);
/* Is everything answered, closed and announced? Says what is not when `complain`. */
bool oracle_finished(struct world *world, bool complain);

struct closed_time { /* of one command, for scenarios that measure */
    int32_t cluster;
    int64_t ns; /* from its append to its CLOSED */
    enum command_outcome outcome;
};
size_t oracle_closed(const struct world *world, struct closed_time *ret, size_t max);
/* A command that is accepted and not closed; false when there is none. */
/* A list that waits for its approval: whose it is, and its digest; false when there is none. */
bool oracle_waiting_list(struct world *world, struct approving *ret);
bool oracle_open_command(struct world *world, struct uuid *ret, int32_t *partition);

struct figures { /* what happened, over all seeds */
    uint64_t records;
    uint64_t voided;
    uint64_t commands;
    uint64_t closed;
    uint64_t acts;
    uint64_t residual;
    uint64_t locks; /* written */
    uint64_t restores;
    uint64_t strays;
    uint64_t disconnects;
    uint64_t interrupts;
    uint64_t kills;
    uint64_t events;
    uint64_t owners;
    uint64_t rounds;   /* lists after the first of a command */
    uint64_t approved; /* lists */
    uint64_t programs; /* runs of handlers */
    uint64_t outcomes[TARGET_OUTCOMES];
};
void oracle_figures(const struct world *world, struct figures *sum);

#endif
