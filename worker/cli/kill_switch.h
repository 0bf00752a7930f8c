/* kill_switch.h - is the kill switch engaged, since when, by whom and why: as the control topic
 * says it, for `status` and `doctor`. No worker is asked.
 *
 * Every order is judged as a worker judges it, by the policy of the configuration that the command
 * was given: a release that the policy refuses releases nothing. What a signal did to one worker
 * (SIGUSR1) is known to that worker alone: curfew_kill_switch. */
#ifndef CLI_KILL_SWITCH_H
#define CLI_KILL_SWITCH_H

#include "base/clock.h"
#include "base/limits.h"
#include "base/uuid.h"
#include "cli/common.h"
#include "model/message.h"

struct kill_switch {
    bool engaged;
    bool untold; /* the topic's beginning is gone, and what is left says nothing of the switch:
                    a worker that has run since then may have it engaged */
    struct uuid order; /* that brought it to where it stands, and the rest of it; nil: never used */
    struct wall since; /* the order's append time; repeats change nothing. 0: not known */
    char by[LIMIT_NAME_BYTES + 1];     /* as that order claims; empty: it does not say */
    char reason[LIMIT_TEXT_BYTES + 1]; /* the same */
    struct {
        struct uuid order; /* nil: none */
        bool engages;
        struct wall at;
        char by[LIMIT_NAME_BYTES + 1];
        struct error why;
    } refused; /* the last order that the policy refused, unless one was obeyed behind it */
};

/* Takes one message of the control topic, in its order. Start with zeros. What is no order about
 * the kill switch, or cannot be read, changes nothing. */
void kill_switch_take(struct kill_switch *state, const struct config *config,
                      const struct message *message, struct wall at);
/* Reads the control topic from its beginning to its end. ERR_NOT_FOUND, ERR_UNAVAILABLE, ERR_AUTH,
 * ERR_DEADLINE, ERR_CANCELLED. */
enum error_code kill_switch_read(const struct cli_common *common, struct cli_setup *setup,
                                 struct kill_switch *ret, struct error *err) MUST_CHECK;

#endif
