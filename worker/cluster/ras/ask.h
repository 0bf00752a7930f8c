/* ask.h - what is asked on a connection, for the slot's task; one answer follows (conn.h). */
#ifndef CLUSTER_RAS_ASK_H
#define CLUSTER_RAS_ASK_H

#include "cluster/ras/state.h"

void ras_ask_clusters(struct slot *slot);
void ras_ask_names(struct slot *slot);
/* What the request is for; before a lock is written, for the infobase's record. */
void ras_ask_main(struct slot *slot);
/* Writes the record back. */
void ras_ask_update(struct slot *slot, const struct ras_infobase_update *update);

#endif
