/* conn_state.h - the data of a connection. Its files call downward only: conn.c (connecting,
 * reading, the clock), conn_open.c (the endpoint) and conn_call.c (calls), conn_bytes.c (what
 * leaves, and what ends it).
 *
 * One state at a time, moved by the upper three only:
 *   CONNECTING -> GREETING -> OPENING -> IDLE <-> AUTH_CLUSTER, AUTH_INFOBASE, ASKED; from
 * everywhere -> CLOSED. A failure is noted by conn_fail() or conn_finish() and told from the timer,
 * so that no callback comes from inside a call. */
#ifndef CLUSTER_RAS_CONN_STATE_H
#define CLUSTER_RAS_CONN_STATE_H

#include "cluster/ras/conn.h"

enum {
    RAS_CANDIDATES_MAX = 16,        /* addresses of one name that are tried */
    RAS_INPUT_BYTES = 64 * 1024,    /* read at once */
    RAS_AUTH_BYTES = 8 * 1024,      /* a message 9 or 10: two strings below 4096 bytes */
    RAS_REQUEST_BYTES = 128 * 1024, /* an infobase record: 16 strings below 4096 bytes */
};
/* What decoding one answer may allocate: a packet of LIMIT_RAS_PACKET_BYTES of the densest records.
 */
#define RAS_DECODE_BYTES ((size_t)256 * 1024 * 1024)

enum conn_state {
    CONN_CONNECTING,
    CONN_GREETING, /* connect was sent */
    CONN_OPENING,  /* open was sent */
    CONN_IDLE,
    CONN_AUTH_CLUSTER,  /* message 9 was sent for the call under way */
    CONN_AUTH_INFOBASE, /* message 10 was */
    CONN_ASKED,         /* the call's own request was */
    CONN_CLOSED
};

struct ras_conn {
    uv_loop_t *loop;
    struct ras_conn_config config;
    struct ras_conn_owner owner;
    enum conn_state state;
    uv_tcp_t tcp;
    uv_timer_t timer;     /* the deadline, and the telling of what was noted */
    uv_timer_cb on_timer; /* of conn.c; the files below set it going */
    uv_getaddrinfo_t resolve;
    uv_connect_t connecting;
    unsigned open_handles; /* and requests: the memory is free at 0 */
    bool tcp_open;
    bool resolving;
    struct sockaddr_storage candidates[RAS_CANDIDATES_MAX];
    size_t candidate_count;
    size_t candidate_next;
    struct instant deadline; /* of what is awaited now */
    struct instant attempt;  /* CONNECTING: of the candidate under way */

    struct ras_stream stream;
    int64_t endpoint;
    unsigned version;    /* asked for or opened; 0 before */
    uint32_t tried;      /* bit v: version v was asked for */
    struct uuid cluster; /* message 9 was accepted for it */
    bool cluster_accepted;
    bool *login_added; /* by login index; the last is RAS_LOGIN_NONE */

    struct ras_call call; /* `record` is gone: `request` holds its bytes */
    const struct ras_message_row *row;
    struct buf request;
    struct buf auth; /* messages 9 and 10; wiped after each */
    bool logged_in;  /* 9 or 10 was sent for this very call */
    bool sent;
    bool heard;           /* a byte came since the last write */
    unsigned keep_alives; /* that came since the last write */
    bool timed_out;
    struct instant started;

    bool noted; /* to be told from the timer: */
    bool noted_lost;
    enum error_code noted_code;
    struct error noted_error;
    char remote_class[RAS_CLASS_MAX];

    char input[RAS_INPUT_BYTES];
};

#endif
