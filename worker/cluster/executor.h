/* executor.h - how a cluster is reached, whatever the way: ras/ now, rac/ and handler/ beside it.
 *
 * One executor serves one configured cluster. Requests run concurrently up to what the lane lets in
 * (lane.h); every request gets exactly one reply, also after executor_stop(). Loop thread only.
 * Nothing here decides anything: what a reply means is the engine's business.
 *
 * `sent` is the truth that I6 rests on: false means that no byte of this request reached the
 * kernel. */
#ifndef CLUSTER_EXECUTOR_H
#define CLUSTER_EXECUTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/infobase.h"
#include "model/session.h"

enum executor_op {
    EXECUTOR_LIST, /* all sessions of the cluster; infobase names when `infobase` is given or the
                      cache is old */
    EXECUTOR_INFO, /* one session by UUID: ERR_GONE when the cluster says that it does not exist */
    EXECUTOR_END,  /* terminate one session by UUID */
    EXECUTOR_INFOBASE_READ, /* lock and jobs setting of an infobase */
    EXECUTOR_INFOBASE_WRITE,
    EXECUTOR_CONNECTIONS, /* of one infobase */
    EXECUTOR_DISCONNECT,  /* one connection of one process */
    EXECUTOR_INTERRUPT,   /* the session's running server call */
    EXECUTOR_PROCESSES,
};

struct executor_request {
    enum executor_op op;
    uint64_t tag;           /* the caller's, given back */
    struct uuid session;    /* INFO, END, INTERRUPT */
    struct uuid connection; /* DISCONNECT */
    struct uuid process;    /* DISCONNECT */
    const char *infobase; /* borrowed until the reply; name or UUID. LIST: refresh the names if this
                             one is unknown */
    const char *message;  /* borrowed until the reply; END, INTERRUPT: shown to the user, at most
                             4095 bytes */
    const struct infobase_lock
        *lock; /* INFOBASE_WRITE: only these fields change; borrowed until the reply */
    /* INFOBASE_WRITE: what stood there when the caller decided. The executor reads right before it
     * writes; anything else there is ERR_CONFLICT, and nothing is sent. NULL: whatever stands
     * there. */
    const struct infobase_lock *expected;
    /* END, WRITE, DISCONNECT, INTERRUPT: no byte is handed to the kernel at or after this instant
     * (ERR_STALE). */
    struct instant send_by;
    /* The same: asked right before the first byte (a request may wait here for a connection and its
     * logins); false: nothing is sent, ERR_STALE. NULL: allowed. */
    bool (*allowed)(uint64_t tag);
    struct instant deadline; /* the whole request; ERR_UNAVAILABLE or, once bytes of a changing
                                request went out, ERR_IN_DOUBT */
};

struct executor_reply {
    enum executor_op op;
    uint64_t tag;
    enum error_code code;  /* ERR_OK, GONE, AUTH, REFUSED, NOT_FOUND, UNAVAILABLE, IN_DOUBT, STALE,
                              PROTOCOL, CONFIG, CONFLICT */
    bool sent;             /* a byte of the changing request may have reached the kernel */
    struct error error;    /* filled unless ERR_OK; names cluster and address */
    char remote_class[80]; /* the class that RAS sent, whole; empty when none */
    struct session_list *list; /* LIST: owned by the receiver. INFO: one session in it */
    struct infobase_lock *lock;
    struct connection_list *connections;
};

/* Called on the loop thread, never from inside executor_start(). The receiver takes what the reply
 * owns: session_list_destroy(), infobase_lock_destroy(), connection_list_destroy(). */
typedef void (*executor_done)(void *self, struct executor_reply *reply);

struct executor; /* opaque; the kinds fill the table below */

struct executor_kind {
    const char *name; /* "ras" */
    void (*start)(struct executor *executor, const struct executor_request *request);
    /* Answers everything open with ERR_UNAVAILABLE or ERR_IN_DOUBT and closes connections;
     * `stopped` comes last. */
    void (*stop)(struct executor *executor, void (*stopped)(void *self), void *self);
    void (*destroy)(struct executor *executor); /* only after `stopped` */
};

/* First member of every kind's own struct. */
struct executor {
    const struct executor_kind *kind;
    executor_done done;
    void *self; /* for `done` */
};

static inline void executor_start(struct executor *executor, const struct executor_request *request)
{
    executor->kind->start(executor, request);
}
static inline void executor_stop(struct executor *executor, void (*stopped)(void *self), void *self)
{
    executor->kind->stop(executor, stopped, self);
}
static inline void executor_destroy(struct executor *executor)
{
    if (executor)
        executor->kind->destroy(executor);
}
/* Does this operation change the cluster? */
static inline bool executor_op_changes(enum executor_op op)
{
    return op == EXECUTOR_END || op == EXECUTOR_INFOBASE_WRITE || op == EXECUTOR_DISCONNECT ||
           op == EXECUTOR_INTERRUPT;
}
/* Does the request name its infobase? */
static inline bool executor_names_infobase(const struct executor_request *request)
{
    return request->infobase && *request->infobase;
}
/* When a request that waits cannot be done any more: its deadline, or the last moment to send it.
 */
static inline struct instant executor_request_until(const struct executor_request *request)
{
    return executor_op_changes(request->op) ? instant_min(request->deadline, request->send_by)
                                            : request->deadline;
}

#endif
