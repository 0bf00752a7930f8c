/* server_internal.h - for the files of the simulated server only. */
#ifndef SIM_RAS_SERVER_INTERNAL_H
#define SIM_RAS_SERVER_INTERNAL_H

#include "base/limits.h"
#include "sim/ras/server.h"

enum {
    SIM_REQUEST_MAX = 256 * 1024,           /* bytes of one packet from a client */
    SIM_REPLY_MAX = LIMIT_RAS_PACKET_BYTES, /* bytes of one answer */
    SIM_ENDPOINTS_MAX = 64,                 /* of one connection */
    SIM_ENDPOINT_BYTES = 1024 * 1024,       /* of credentials remembered */
};

struct sim_listener {
    uv_tcp_t tcp;
    struct ras_sim *sim;
    struct world_cluster *only; /* NULL: all clusters */
    char host[64];
    uint16_t port;
    bool open;
    bool closing;
};

struct sim_credentials {
    struct uuid cluster;
    struct text user;
    struct text password;
    struct sim_credentials *next;
};

struct sim_endpoint {
    int64_t id;
    unsigned version;
    bool agent;                        /* message 8 succeeded */
    struct arena *arena;               /* owns what follows */
    struct sim_credentials *clusters;  /* message 9 succeeded */
    struct sim_credentials *infobases; /* message 10 */
};

/* What is to be done with the request when the timer fires. */
enum sim_step { SIM_STEP_NONE, SIM_STEP_EXECUTE, SIM_STEP_SEND };

struct sim_conn {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    struct ras_sim *sim;
    struct sim_listener *listener;
    struct sim_conn *next;
    struct sim_conn *previous;
    uint64_t number;
    struct ras_stream stream;
    struct sim_endpoint endpoints[SIM_ENDPOINTS_MAX];
    size_t endpoint_count;
    int64_t next_endpoint;
    bool connected; /* packet 1 was there */
    bool deaf;      /* reads and never answers */
    bool busy;      /* a request has no answer yet */
    bool gone;      /* the client left; what was asked is still done */
    bool closing;
    unsigned handles; /* of the two that are still open */
    enum sim_step step;
    struct buf pending; /* came while busy */

    /* the request under way */
    struct arena *arena;
    struct ras_packet_value request;
    struct fault_plan plan;
    struct wall received;
    struct buf reply;
    size_t sent;
    size_t pieces; /* sent so far */
};

struct sim_log {
    int fd; /* -1 = none */
    bool life;
    uint64_t lines;
};

struct sim_control;

struct ras_sim {
    uv_loop_t *loop;
    struct world *world;
    struct ras_sim_options options;
    struct rng rng;
    struct faults *faults;
    uv_timer_t ticker;
    struct sim_listener **listeners; /* owned */
    size_t listener_count;
    struct sim_conn *conns;
    size_t conn_count;
    struct sim_log log;
    struct sim_control *control; /* NULL = none */
    struct ras_sim_counters counters;
    char *notes[RAS_SIM_NOTES_MAX]; /* a ring, owned */
    size_t note_count;
    size_t open; /* handles and control that are not closed yet */
    bool closing;
    void (*closed)(void *self);
    void *self;
};

/* ---- sim.c ---- */
/* Counts and keeps what a client did wrong. */
void sim_violation(struct sim_conn *conn, enum ras_violation violation, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One of `sim->open` is closed. */
void sim_one_closed(struct ras_sim *sim);
struct instant sim_now(const struct ras_sim *sim);
struct wall sim_wall(const struct ras_sim *sim);
/* The cluster by UUID, if this connection's address serves it. */
struct world_cluster *sim_cluster(const struct sim_conn *conn, const struct uuid *uuid);
bool sim_serves(const struct sim_conn *conn, const struct world_cluster *cluster);

/* ---- address.c ---- */
/* Opens and closes addresses as the faults say. */
void sim_review_addresses(struct ras_sim *sim);
void sim_close_addresses(struct ras_sim *sim);

/* ---- conn.c ---- */
void sim_conn_accept(struct sim_listener *listener);
void sim_conn_close(struct sim_conn *conn);

/* ---- endpoint.c: appends the whole answer to conn->reply ---- */
void sim_reply_packet(struct sim_conn *conn, const struct ras_packet_value *value);
/* Answers the packet that opens one: with an endpoint, or with why not. */
void sim_endpoint_open(struct sim_conn *conn);
/* NULL: none of that id is open. */
struct sim_endpoint *sim_endpoint_find(struct sim_conn *conn, int64_t id);
/* The endpoint is over, with what it remembers. */
void sim_endpoint_forget(struct sim_conn *conn, size_t index);
/* Answers that an endpoint has failed, be it open or not; it is forgotten. */
void sim_endpoint_fail(struct sim_conn *conn, int64_t endpoint, const char *why);

/* ---- answer.c: appends the whole answer to conn->reply ---- */
void sim_answer_message(struct sim_conn *conn, struct sim_endpoint *endpoint);

/* ---- turn.c ---- */
/* Appends the whole answer: `name` is a short name of error.def, or any class as it stands. */
void sim_answer_exception(struct sim_conn *conn, int64_t endpoint, struct text name,
                          const char *detail);
/* What the rules look at. */
struct fault_request sim_fault_request(struct sim_conn *conn);

/* ---- change.c ---- */
/* The request changes something and is not carried out: it is written down as such. */
void sim_not_done(struct sim_conn *conn);

/* ---- update.c ---- */
enum world_effect sim_update_infobase(struct sim_conn *conn, struct sim_endpoint *endpoint,
                                      struct world_infobase *infobase,
                                      const struct ras_infobase *record, bool lie);

/* ---- mangle.c: spoils conn->reply as the plan says. */
void sim_mangle(struct sim_conn *conn);

/* ---- log.c ---- */
struct sim_action {
    const char *what; /* "terminate" and so on */
    const struct world_cluster *cluster;
    struct uuid cluster_uuid; /* as asked */
    const struct world_infobase *infobase;
    struct uuid session;
    struct uuid connection;
    uint32_t number;
    struct text user;
    struct text app;
    const char *effect;
    bool applied;
    struct text message;
    const struct ras_infobase *lock; /* of updates */
};
void sim_log_action(struct sim_conn *conn, const struct sim_action *action);
void sim_log_life(struct ras_sim *sim, const struct world_event *event);

/* ---- control.c ---- */
void sim_control_close(struct ras_sim *sim);

#endif
