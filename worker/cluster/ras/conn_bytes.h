/* conn_bytes.h - what leaves a connection, and what ends it or its call. */
#ifndef CLUSTER_RAS_CONN_BYTES_H
#define CLUSTER_RAS_CONN_BYTES_H

#include "cluster/ras/conn_state.h"

/* Looks at the clock at `at`. */
void conn_arm(struct ras_conn *conn, struct instant at);
/* From now on this is what is awaited until `deadline`. */
void conn_await(struct ras_conn *conn, struct instant deadline);
/* Hands all bytes to the kernel, or closes; returns how many it took (0 and more). */
size_t conn_write(struct ras_conn *conn, const void *bytes, size_t length);
/* Is there something behind an answer that nobody asked for? Keep-alives may stand there. */
bool conn_unasked(const uint8_t *bytes, size_t length);
/* Notes the end of this connection; `err` gets the address in front. Later ones are ignored. */
void conn_fail(struct ras_conn *conn, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Notes the end of the call alone. */
void conn_finish(struct ras_conn *conn, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
