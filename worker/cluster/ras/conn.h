/* conn.h - one TCP connection with one endpoint at a RAS, and one call at a time.
 *
 * Connects (every address the name has), greets, opens the service in a version that both sides
 * know, then carries calls. What a call needs is authenticated first, once per connection: message
 * 9 for its cluster, message 10 for its infobase (docs/ras-protocol.md 4, 6). The protocol has no
 * request number: an answer belongs to the only call under way, so anything unexpected (wrong
 * endpoint, wrong type, a byte too many, silence until the deadline) closes the connection for
 * good; no late answer is ever taken for another call's.
 *
 * Whole packets or nothing: bytes go to the kernel in one non-blocking write. If the kernel does
 * not take all of a packet, the connection is closed, so nothing waits in a queue of ours and
 * leaves after its time.
 *
 * Loop thread only; the process ignores SIGPIPE. Callbacks come from the loop, never from inside a
 * function of this header. */
#ifndef CLUSTER_RAS_CONN_H
#define CLUSTER_RAS_CONN_H

#include <uv.h>

#include "base/clock.h"
#include "base/secret.h"
#include "cluster/ras/wire.h"

enum { RAS_CLASS_MAX = 80, RAS_HOST_MAX = 256 };

struct ras_login {
    const char *user;              /* UTF-8; NULL or "" = none */
    const struct secret *password; /* NULL = empty */
};

struct ras_conn_config {
    const char *host; /* name or address, borrowed until the connection is closed */
    uint16_t port;
    unsigned version_first;   /* endpoint version asked for first, one of ras_versions[] */
    struct ras_login cluster; /* the cluster's administrator; empty where there is none */
    /* Infobase administrators, chosen by a call's `login`; borrowed. May be NULL with count 0. */
    const struct ras_login *infobases;
    size_t infobase_count;
    struct clock clock;
};

struct ras_conn;

/* What became of a call. Everything is borrowed until the callback returns. */
struct ras_answer {
    enum error_code code; /* ERR_OK, or the class of `error` */
    struct error error;
    char remote_class[RAS_CLASS_MAX];  /* as RAS sent it, cut; "" when it sent none */
    bool sent;                         /* a byte of the request itself reached the kernel */
    bool lost;                         /* the connection is closed: drop the pointer */
    bool silent;                       /* lost without one byte of an answer */
    bool timed_out;                    /* the deadline came */
    const struct ras_message *message; /* ERR_OK only */
    unsigned version;                  /* of the endpoint */
    struct instant started;            /* just before the request was handed to the kernel */
    struct instant finished;           /* just after its answer was read */
};

struct ras_conn_owner {
    /* After ras_conn_create(): ready, or why not; then the pointer must be dropped. */
    void (*opened)(void *self, enum error_code code, const struct error *err);
    void (*answered)(void *self, const struct ras_answer *answer);
    /* An idle connection died: drop the pointer. */
    void (*lost)(void *self);
    void *self;
    /* The memory of the connection is gone; comes once for each connection, after anything else. */
    void (*closed)(void *closed_self);
    void *closed_self;
};

/* Starts to connect; `deadline` is for all of it, until the endpoint is open. */
struct ras_conn *ras_conn_create(uv_loop_t *loop, const struct ras_conn_config *config,
                                 const struct ras_conn_owner *owner, struct instant deadline);
/* Says farewell if it can and closes; no callback but `closed` comes any more. */
void ras_conn_close(struct ras_conn *conn);
struct ras_call {
    enum ras_request number;
    const void *record;  /* the request's struct; encoded before ras_conn_call() returns */
    struct uuid cluster; /* for message 9, where the call needs it */
    size_t login;        /* index in config.infobases for message 10; RAS_LOGIN_NONE = empty */
    bool (*allowed)(uint64_t tag); /* as in executor.h; NULL: yes */
    uint64_t tag;                  /* for it */
    struct instant
        send_by; /* calls that change the cluster: ERR_STALE at or after it, nothing sent */
    struct instant deadline; /* for the whole, authentication included */
};
#define RAS_LOGIN_NONE SIZE_MAX

/* Starts a call on an idle, open connection; exactly one `answered` follows. Errors by class:
 * what class.def says for an exception of RAS (the connection lives on); ERR_IN_DOUBT when the
 * request can change the cluster, a byte of it went out and no valid answer came; else
 * ERR_UNAVAILABLE (closed, silent) or ERR_PROTOCOL; ERR_STALE; ERR_TOO_LARGE. */
void ras_conn_call(struct ras_conn *conn, const struct ras_call *call);
/* Are bytes of a changing request out, and no answer in? Then closing now leaves it in doubt. */
bool ras_conn_in_doubt(const struct ras_conn *conn);
/* The version that the endpoint speaks; 0 before it is open. */
unsigned ras_conn_version(const struct ras_conn *conn);
/* For `opened` with an error: the version that a refusal left to ask for, where RAS closed the
 * connection instead of answering that; the next connection may begin with it. 0: none. */
unsigned ras_conn_version_left(const struct ras_conn *conn);

/* The code for a class that RAS sent in answer to `request`; NULL: to the opening of the service.
 */
enum error_code ras_class_code(struct text class_name, const struct ras_message_row *request);
/* "RAS refuses 'terminate_session': SessionNotFound: <text>", printable, by class. `request` NULL:
 * the opening of the service. */
enum error_code ras_exception_error(const struct ras_exception *exception,
                                    const struct ras_message_row *request, struct error *err);
/* The class as it travels in replies: printable, cut to its size. */
void ras_class_copy(struct text class_name, char ret[RAS_CLASS_MAX]);

#endif
