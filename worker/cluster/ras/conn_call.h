/* conn_call.h - what becomes of the call under way; ras_conn_call() begins it. */
#ifndef CLUSTER_RAS_CONN_CALL_H
#define CLUSTER_RAS_CONN_CALL_H

#include "cluster/ras/conn_state.h"

/* What answers it, or what it needs first. */
void conn_call_packet(struct ras_conn *conn, const struct ras_packet_value *value);
/* Tells what was noted about it. */
void conn_call_noted(struct ras_conn *conn);

#endif
