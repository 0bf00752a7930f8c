/* leftovers.h - what sessions leave behind: connections that outlive them, calls that keep them;
 * and what the oracle says of whoever touches them (I1, I2). */
#ifndef SIM_LEFTOVERS_H
#define SIM_LEFTOVERS_H

#include "fold.h"
#include "worker.h"

/* A session comes with a connection of its own, and leaves it behind for a while. */
void connection_begin(struct world *world, int32_t cluster, uint32_t session);
void connection_outlive(struct world *world, int32_t cluster, uint32_t session);
/* The infobase of that UUID, as requests name it; -1. */
int32_t connection_infobase(const struct sim_cluster *cluster, const char *uuid);
/* CONNECTIONS, DISCONNECT and INTERRUPT have reached the cluster: what they are answered. */
enum error_code leftovers_arrive(struct world *world, struct request *request);
/* DISCONNECT and INTERRUPT are carried out, however late. */
void leftovers_effect(struct world *world, const struct request *request);

/* ---- the oracle ---- */
/* An ATTEMPT to do so counts. */
void oracle_fold_leftovers(struct fold *fold, const struct fold_command *command,
                           const struct record *record, int64_t handed_ns);
/* The first byte of a DISCONNECT or INTERRUPT is handed to the kernel: is there a licence for it?
 */
void oracle_leftovers_sent(struct world *world, const struct worker *worker, int32_t partition,
                           const struct request *request);

#endif
