/* worker.h - a worker process as the world runs it: what service/ does with engines and lanes, in
 * its own order of steps, with a process that can be stopped at any point. */
#ifndef SIM_WORKER_H
#define SIM_WORKER_H

#include "audit/chain.h"
#include "cluster/lane.h"
#include "model/echo.h"
#include "world.h"

struct seat {              /* one partition's engine */
    struct engine *engine; /* NULL: none */
    uint32_t generation;
    bool assigned;
    struct chain chain;
    struct echo echo;
    int64_t read; /* next journal offset */
    int64_t goal; /* the journal's end when reading began */
    bool at_end;
    bool reading;       /* a task will read on */
    uint64_t epochs;    /* of which the position is known */
    int64_t position;   /* next command; -1: not known */
    int64_t forwarding; /* offset of the command being produced to its own partition; -1 */
    bool forwarded;
    int64_t tick_at;
    int64_t owned_ns; /* since when, in this epoch */
};

struct job {     /* a request that a lane holds or runs */
    uint64_t id; /* 0: free */
    int32_t partition;
    uint32_t generation;
    uint64_t tag;
    int kind; /* enum engine_action_kind */
    int32_t cluster;
    struct uuid session;
    uint64_t epochs; /* in which it was asked for */
    const char *message;
    int64_t sent_ns;
    int32_t infobase;                 /* LOCK_*, CONNECTIONS */
    struct connection_ref connection; /* DISCONNECT */
    struct infobase_lock lock;        /* LOCK_WRITE: owned */
    struct infobase_lock expected;    /* the same */
};

struct cancel {
    struct uuid id;
    int64_t taken_ns; /* an engine took it then, and sends nothing for that command any more;
                         -1: none */
};

struct approving { /* an approval on the control topic */
    struct uuid id;
    char by[16];
    char digest[72];
};

struct worker {
    int32_t index;
    bool up;
    bool paused;
    bool doomed; /* dies when the present task ends */
    uint32_t life;
    struct uuid writer;
    int64_t boot_ns; /* boot clock = virtual time + this */
    bool halted;
    bool catching_up;           /* after a pause: control messages may wait among its tasks */
    int64_t stopped_ns;         /* it went on then, after being stopped; 0: it never was */
    int64_t tail_stuck_until;   /* it reads no journal up to then */
    int64_t control_lost_until; /* it cannot read the control topic up to then */
    struct engine_budget budget;
    struct seat seats[PARTITIONS_MAX];
    struct lane *lanes[CLUSTERS_MAX];
    int64_t lane_wake_at;
    VECTOR(struct cancel) cancels;      /* read from the control topic */
    VECTOR(struct approving) approvals; /* the same */
    VECTOR(struct job) jobs;
    uint64_t job_ids;
    VECTOR(struct task) aside; /* tasks that came while it was paused */
    bool sending;              /* paused with a job taken from its lane */
    bool checked;              /* ... and even the last look done */
    struct lane_job held;
    int64_t last_land_ns[PARTITIONS_MAX];
};

void worker_create(struct world *world, int32_t index);
void worker_destroy(struct worker *worker);
void worker_start(struct world *world, struct worker *worker);
void worker_crash(struct world *world, struct worker *worker);
/* Stops at once, in the middle of what it does; goes on after `ns`. */
void worker_pause(struct world *world, struct worker *worker, int64_t ns);
void worker_resume(struct world *world, struct worker *worker);
/* The group tells it, after a while, what it holds now. */
void worker_notice(struct world *world, int32_t worker, int32_t partition, int64_t delay_ns);
/* New records stand in the journal. */
void worker_tail(struct world *world, int32_t partition);
/* Runs a task that is meant for it. */
void worker_run(struct world *world, struct worker *worker, struct task *task);
/* New commands, a control message, ...: look at everything once. */
void worker_poke(struct world *world, struct worker *worker, int64_t delay_ns);
void worker_cancel(struct world *world, struct worker *worker, const struct uuid *id);
void worker_halt(struct world *world, struct worker *worker, bool engaged);
/* How long a control message that is appended now is on its way to this worker. */
int64_t worker_control_delay(struct world *world, const struct worker *worker);
/* Commits the checkpoint of a partition, if it owns it. */
void worker_commit(struct world *world, struct worker *worker, int32_t partition);
void worker_told(struct world *world, struct worker *worker, int32_t partition, uint32_t generation,
                 uint64_t tag, enum engine_append result);
void worker_answered(struct world *world, struct worker *worker, struct request *request);
struct instant worker_now(const struct world *world, const struct worker *worker);
/* Does every engine have nothing left to do? */
bool worker_idle(struct world *world, const struct worker *worker);

bool worker_runs(const struct worker *worker);
void worker_approve(struct world *world, struct worker *worker, const struct approving *approving);
/* Tells the engine every approval, and every cancel, that was read so far. */
void worker_apply_approvals(struct world *world, struct worker *worker, struct engine *engine);
void worker_apply_cancels(struct world *world, struct worker *worker, struct engine *engine);

/* ---- worker_intake.c ---- */
/* In a new epoch of ours commands are read on from where the journal says. */
void worker_find_position(struct world *world, struct worker *worker, int32_t partition);
/* Offers what the engine wants; true when something was taken. */
bool worker_consume(struct world *world, struct worker *worker, int32_t partition);

/* ---- worker_handler.c ---- */
/* The rule: which commands have one, and of which mode. */
void choose_handlers(const struct plan *plan, const struct command *command,
                     struct resolution *ret);
void handler_request(struct world *world, struct worker *worker, const struct seat *seat,
                     int32_t partition, const struct engine_action *action);
/* Ends those that may not go on. */
void handlers_run(struct world *world, struct worker *worker);
void programs_release(struct world *world);

/* ---- worker_lane.c ---- */
void lanes_create(struct world *world, struct worker *worker);
void lanes_destroy(struct worker *worker);
/* False when the lane is full. */
void lane_request(struct world *world, struct worker *worker, struct seat *seat, int32_t partition,
                  const struct engine_action *action);
/* Starts and expires what is due; true when something was. */
bool lanes_run(struct world *world, struct worker *worker);
/* Goes on with a send in which it was paused. */
void lanes_resume(struct world *world, struct worker *worker);

/* The locks of a job that is over. */
void job_release(struct job *job);

#endif
