/* resolution.h - what a selector found in one complete list: a row for everything that was asked
 * for. */
#ifndef MODEL_RESOLUTION_H
#define MODEL_RESOLUTION_H

#include "base/clock.h"
#include "model/command.h"
#include "model/outcome.h"
#include "model/record.h"
#include "model/session.h"

/* What is known beside the list when a command is resolved. Walls are the broker's clock. */
struct resolve_context {
    struct wall first_append;   /* of the command; never 0 */
    struct wall listed_from;    /* it was not earlier when the list was asked for; 0: not known */
    struct wall listed_until;   /* it was not later when the list was complete; 0: not known */
    struct uuid infobase;       /* DRAIN: the one that is locked; nil: as the command names it */
    uint32_t round;             /* from 1; above it only until_empty and drain */
    const struct uuid *earlier; /* sessions that earlier rounds were to end, each once, sorted by
                                   their bytes; borrowed */
    size_t earlier_count;
    uint32_t unapproved; /* those of them that no approval covers */
};

/* Was it to be ended in an earlier round? Then it counts there, and needs no further approval. */
bool resolve_context_knows(const struct resolve_context *context, const struct uuid *session);

struct resolved_row {
    bool asked_by_number;
    uint32_t asked_number;
    struct uuid asked_session;     /* nil when asked by number or filter */
    const struct session *session; /* borrowed from the list; NULL: nothing found */
    enum target_outcome verdict;   /* NONE: to be ended. NO_LONGER_MATCHES, PROTECTED: left alone.
                                      ALREADY_GONE: absent */
    bool undecided;                /* PROTECTED as long as the session has no user name: a later
                                      list tells (session_awaits_user()) */
    struct error why;              /* for every verdict but NONE; ALREADY_GONE: if another bears
                                      the number now */
    enum handler_mode handler;     /* UNSAID: none */
    const char *handler_of; /* infobase whose handler it is, as configured; NULL: the cluster's.
                               Borrowed from the configuration */
};

/* Filled with zeros before the rule is asked. */
struct resolution {
    struct resolved_row *rows; /* owned; row i is target i of its round */
    size_t count;
    int64_t grace_ms;    /* those selected are waited for so long; 0: not */
    int64_t acting_ms;   /* after a wait, and over all rounds, sessions are ended for so long */
    struct error doubt;  /* ERR_OK: none. Where rounds go on until nobody is left: somebody has no
                            row, because only a later list tells whether he is meant. With nobody to
                            be ended this list does not count then, and another is asked for */
    int64_t approval_ms; /* an approval is waited for so long; 0: none is needed */
};

void resolution_release(struct resolution *resolution);

#endif
