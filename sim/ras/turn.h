/* turn.h - one request on its way to an answer: who asks, about whom, whether he may, and how he is
 * answered or refused. Shared by answer.c (what only looks) and change.c (what changes something);
 * each appends one whole answer to conn->reply. */
#ifndef SIM_RAS_TURN_H
#define SIM_RAS_TURN_H

#include "sim/ras/server_internal.h"

struct turn {
    struct sim_conn *conn;
    struct ras_sim *sim;
    struct sim_endpoint *endpoint; /* NULL: nobody will be answered */
    const struct ras_message_row *row;
    const void *record;            /* of the request */
    struct world_cluster *cluster; /* that is asked about; NULL: none, or unknown at this address */
    struct wall now;               /* of the world */
    bool lie;                      /* answer as if it had been done, and do nothing */
};

struct turn turn_of(struct sim_conn *conn, struct sim_endpoint *endpoint);

/* Whom the request names; NULL: none of that kind. */
const struct uuid *turn_asked_cluster(const struct ras_message *message);
const struct uuid *turn_asked_infobase(const struct ras_message *message);

/* Has the endpoint authenticated as the message needs it? False: a violation was noted. */
bool turn_may(struct turn *turn);
/* Did it give the name and password of a user of the infobase, or is there none? */
bool turn_may_use(struct turn *turn, const struct world_infobase *infobase);
/* The first of the list that are for the cluster; NULL: none. */
const struct sim_credentials *turn_credentials(const struct sim_credentials *list,
                                               const struct uuid *cluster);

/* Answers with `count` records of the answer's layout, fewer as the faults say. */
void turn_reply(struct turn *turn, const void *records, size_t count);
void turn_reply_void(struct turn *turn);

/* Answers with an exception: a short name of error.def, with what its text names (NULL: nothing).
 */
void turn_refuse(struct turn *turn, const char *name, const char *detail);
void turn_refuse_rights(struct turn *turn, const struct world_infobase *infobase);
/* Wrong names and passwords: the text has a headline before 8.5 (docs/ras-protocol.md 5.3). */
void turn_refuse_credentials(struct turn *turn, const char *name);
/* The same for a UUID that nobody has, after a look whether its bytes only came in another order.
 */
void turn_unknown(struct turn *turn, const struct uuid *uuid, const char *name);
/* The infobase, or NULL: it was refused as unknown. */
struct world_infobase *turn_infobase(struct turn *turn, const struct uuid *uuid);

#endif
