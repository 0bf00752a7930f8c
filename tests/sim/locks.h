/* locks.h - the locks of infobases as the clusters have them, other administrators, and what the
 * oracle says of both (I9, and I1 for locks). */
#ifndef SIM_LOCKS_H
#define SIM_LOCKS_H

#include "fold.h"
#include "worker.h"

/* What an administrator left there, and what has to stand there when every drain is over. */
void locks_begin(struct world *world, int32_t cluster);
void locks_free(struct sim_cluster *cluster);
/* Which infobase is meant; -1: none of that name. */
int32_t lock_infobase(const char *name);
/* Another administrator writes a lock of his own, lets people in, or changes the jobs setting. */
void chaos_lock(struct world *world);
/* Does a LOCKED record allow it, word for word? */
bool lock_is_ours(const struct sim_cluster *cluster, const struct infobase_lock *lock);
/* Does the infobase let a new session in now? */
bool lock_lets_in(const struct world *world, int32_t cluster, uint32_t infobase);
/* The rule that engines ask. */
enum error_code lock_wanted(void *self, const struct command *command,
                            const struct infobase_lock *seen, struct wall from, struct wall now,
                            struct deny *ret, struct error *err);
/* A request about a lock has reached its cluster: what it is answered. */
enum error_code lock_arrives(struct world *world, struct request *request);
/* Its write is carried out, however late. */
void lock_effect(struct world *world, const struct request *request);

/* ---- the oracle ---- */
/* LOCKED, RESTORED, or an ATTEMPT to restore counts. */
void oracle_fold_lock(struct world *world, struct fold *fold, struct fold_command *command,
                      const struct record *record, int64_t handed_ns);
/* A worker hands the first byte of a write to the kernel: is there a licence for it? */
void oracle_lock_sent(struct world *world, const struct worker *worker, int32_t partition,
                      const struct request *request);
/* Is every write carried out, and does no lock of ours stand anywhere? */
bool locks_settled(const struct world *world);
/* Everything is closed: is every lock what it was before, or what a stranger made of it? */
void oracle_locks(struct world *world);

#endif
