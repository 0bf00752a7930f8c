/* conn_open.h - from a connected socket to an open endpoint. */
#ifndef CLUSTER_RAS_CONN_OPEN_H
#define CLUSTER_RAS_CONN_OPEN_H

#include "cluster/ras/conn_state.h"

/* Sends connect; GREETING from here on. */
void conn_greet(struct ras_conn *conn);
/* What answers connect and open. */
void conn_opening_packet(struct ras_conn *conn, const struct ras_packet_value *value);

#endif
