/* ask.h - the body of POST /v1/terminations as a command. Pure.
 *
 * Read strictly: an unknown member is refused, since what is left out silently could end the wrong
 * session. The command's id follows from who asks and the Idempotency-Key, and nothing in it from
 * the time: the same request makes the same command, and the worker does nothing twice. */
#ifndef GATEWAY_ASK_H
#define GATEWAY_ASK_H

#include "config/config.h"
#include "gateway/problem.h"
#include "model/command.h"

enum {
    ASK_BODY_MAX = 256 * 1024, /* bytes; problem.def tells it */
    ASK_MARK_SIZE = 64,
};

struct ask {
    const struct config_gateway *config;
    const char *asker; /* the token's name */
    struct text key;   /* the Idempotency-Key */
    struct text body;
};

/* Which content a command has, apart from its id: travels as its correlation id into every event,
 * so that a gateway that was restarted still tells a repeat from another request. */
struct ask_mark {
    char text[ASK_MARK_SIZE];
};

/* PROBLEM_NONE and the command, or what is wrong in `*ret_problem`. */
enum problem_kind ask_read(const struct ask *ask, struct command **ret, struct ask_mark *ret_mark,
                           struct problem *ret_problem);
/* Is a correlation id a mark of ours? */
bool ask_is_mark(const char *correlation_id);

#endif
