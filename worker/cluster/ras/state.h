/* state.h - the data that the files of the executor share. They call downward only: ras.c (life),
 * pool.c (queue and connections), task.c (what a request does), ask.c (what is asked); conn.h.
 *
 * A slot is a place for one connection. Slot free: no connection, no task. Opening or busy: both.
 * Idle: a connection alone. A task is in the queue (no slot) or in a slot; it ends with its reply.
 */
#ifndef CLUSTER_RAS_STATE_H
#define CLUSTER_RAS_STATE_H

#include "base/limits.h"
#include "cluster/ras/map.h"
#include "cluster/ras/ras.h"

struct ras_executor;

enum task_step {
    STEP_CLUSTERS, /* which cluster this connection is for */
    STEP_NAMES,    /* infobase names, before or after the main question */
    STEP_RECORD,   /* the infobase record that is to be written back changed */
    STEP_MAIN
};

/* A RAS may hang up behind every list: the cluster's, the sessions', the names'. */
enum { TASK_RESTARTS_MAX = 4 };

struct task {
    struct task *next; /* in the queue */
    struct executor_request request;
    enum task_step step;
    uint32_t tried;    /* bit i: address i was tried for this task */
    bool restarted;    /* on another connection, and nothing was got out of that one yet */
    unsigned restarts; /* up to TASK_RESTARTS_MAX */
    bool renewed;      /* the cluster was chosen again because RAS did not know it */
    bool chosen;       /* `cluster` was, at the address `chosen_at` */
    size_t chosen_at;
    struct uuid cluster;
    bool names_read;
    struct uuid infobase;
    struct session_list *list; /* LIST: waiting for its names */
    struct error error;        /* of the last address */
    enum error_code code;
};

struct slot {
    struct ras_executor *executor;
    struct ras_conn *conn;
    struct task *task;
    size_t address;
    struct uuid cluster;     /* chosen at this connection */
    struct instant used_at;  /* idle since */
    struct instant ready_by; /* opening: until the cluster is chosen */
};

struct ras_executor {
    struct executor base;
    uv_loop_t *loop;
    struct clock clock;
    struct ras_reach reach;
    unsigned version_left[LIMIT_ADDRESSES]; /* 0, or what is asked for first there: this RAS closes
                                               the connection on which it refused a version */
    struct ras_settings settings; /* owned copy; what `reach` has too is borrowed from there */
    struct slot slots[RAS_CONNECTIONS_MAX];
    struct task *queue;
    /* The RAS turned one more connection away: until then these are all that it bears. */
    unsigned room;
    struct instant room_until;
    struct ras_names names;
    uv_timer_t wake;
    size_t open_connections; /* until their memory is gone */
    bool stopping;
    bool wake_closed;
    void (*stopped)(void *self);
    void *stopped_self;
};

/* The slot's connection is of no use any more. */
static inline void slot_drop(struct slot *slot)
{
    ras_conn_close(slot->conn);
    slot->conn = NULL;
}

#endif
