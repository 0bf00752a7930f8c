/* fault.h - rules that spoil the simulated server: which requests they hit and what happens then.
 *
 * One rule is one text, `KIND[=VALUE][,KEY=VALUE]...`, for instance
 *     delay=1s..3s,op=get_sessions        every list takes 1 to 3 seconds
 *     lost,op=terminate_session,times=1   the next terminate is done, its answer never comes
 *     error=Rights,cluster=sim-02,p=0.1   every tenth request of that cluster is refused
 *     stay=forever,number=7               session number 7 is terminated and stays listed
 *     refuse                              connections are refused (the port is closed)
 *     chaos=0.05                          every 20th request meets one of many kinds
 * Kinds: fault.def, `refuse` and `chaos`. Keys:
 *     op        a label of messages.def or a short form: terminate, sessions, auth, ...;
 *               accept, connect, open; any
 *     cluster   name or UUID; for accept and refuse: of addresses that serve it alone
 *     port      of the address that the client came to
 *     infobase  name
 *     session   UUID; with it, number and user a rule hits requests about such a session only
 *     number    of the session
 *     user      of the session, exactly
 *     times     stops after so many hits
 *     skip      lets so many pass first
 *     p         probability of a hit
 *     for       the rule ends after this time
 *
 * Without `op` a rule hits what its kind can: lists for empty and partial, authentication for
 * credentials, terminate for stay, changing requests for lie; any message for the others, so
 * that connecting still works. Pure: time is passed in, chance comes from the seed. */
#ifndef SIM_RAS_FAULT_H
#define SIM_RAS_FAULT_H

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/uuid.h"
#include "sim/ras/rng.h"

enum fault_kind {
#define KIND(NAME, name, value, moment, meaning) FAULT_##NAME,
#include "sim/ras/fault.def"
    FAULT_REFUSE,
    FAULT_CHAOS,
    FAULT_KIND_COUNT
};

/* What a request is, for the rules. */
enum {
    FAULT_OP_ACCEPT = 256,  /* a TCP connection */
    FAULT_OP_CONNECT = 257, /* packet 1 */
    FAULT_OP_OPEN = 258,    /* packet 11 */
};

struct fault_request {
    int op; /* number of a message, or FAULT_OP_... */
    uint16_t port;
    const struct uuid *cluster; /* NULL: none */
    struct text cluster_name;
    struct text infobase_name;
    const struct uuid *session; /* NULL: not about a session */
    uint32_t number;
    struct text user;
};

/* All that the rules say about one request. */
struct fault_plan {
    uint64_t kinds; /* bit 1 << enum fault_kind */
    int64_t delay_ms;
    int64_t late_ms;
    int64_t stay_ms; /* WORLD_FOREVER = INT64_MAX */
    int64_t partial;
    int64_t cut;
    int64_t pieces;
    int64_t keep_alive;
    int64_t cut_short;
    int64_t extra;
    int64_t garbage;
    struct text error; /* class as written in the rule; borrowed until the rules change */
    struct text error_after;
};
static inline bool fault_has(const struct fault_plan *plan, enum fault_kind kind)
{
    return plan->kinds >> kind & 1;
}

struct faults;

struct faults *faults_create(uint64_t seed);
void faults_destroy(struct faults *faults);
AUTO_TYPE(faults)
/* Adds a rule; its id is > 0. ERR_INVALID says what is wrong with the text. At most 1000 rules. */
enum error_code faults_add(struct faults *faults, struct text spec, struct instant now,
                           uint32_t *ret_id, struct error *err) MUST_CHECK;
/* False: there is no such rule. */
bool faults_remove(struct faults *faults, uint32_t id);
void faults_clear(struct faults *faults);
/* Counts hits. */
struct fault_plan faults_pick(struct faults *faults, const struct fault_request *request,
                              struct instant now);
/* Does a rule close the port of the addresses of this cluster (NULL: of several clusters)? */
bool faults_refuse(struct faults *faults, const struct fault_request *request, struct instant now);
/* One JSON array of {id, spec, seen, hits, over}. */
void faults_print(const struct faults *faults, struct instant now, struct buf *out);
size_t faults_count(const struct faults *faults);
/* Every kind with its meaning, for help. */
void faults_help(struct buf *out);

/* The names of the plan's kinds, with commas between; nothing for none. */
void fault_plan_print(const struct fault_plan *plan, struct buf *out);

/* The number of an operation by its label or short form; -1: unknown. */
int fault_op_read(struct text name);
/* Its label. */
const char *fault_op_name(int op);

#endif
