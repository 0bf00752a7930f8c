/* The state machine of an accepted command: which record moves it where. */
#include "engine/move.h"

#include "base/check.h"
#include "engine/common.h"
#include "engine/lock.h"
#include "engine/watch.h"

/* Which record is legal for a command in which state, and where it leads. Two lead elsewhere at
 * times: RESOLVED to PENDING when it waits for an approval, and when no target is left to be
 * decided OUTCOME and RESOLVED lead to BETWEEN or CLOSING. NONE: the record is a repeat or a
 * mistake and does not count. */
static const enum state next_state[STATE_COUNT][RECORD_RELEASED + 1] = {
    [STATE_ACCEPTED] = {[RECORD_PENDING] = STATE_ACCEPTED,
                        [RECORD_RESOLVED] = STATE_ENDING,
                        [RECORD_LOCKED] = STATE_ACCEPTED,
                        [RECORD_ATTEMPT] = STATE_ACCEPTED, /* to restore */
                        [RECORD_RESTORED] = STATE_ACCEPTED,
                        [RECORD_OUTCOME] = STATE_ACCEPTED,
                        [RECORD_CANCELLED] = STATE_ACCEPTED,
                        [RECORD_CLOSED] = STATE_CLOSED,
                        [RECORD_REJECTED] = STATE_REFUSED},
    [STATE_PENDING] = {[RECORD_APPROVED] = STATE_ENDING,
                       [RECORD_OUTCOME] = STATE_PENDING,
                       [RECORD_CANCELLED] = STATE_PENDING},
    [STATE_ENDING] = {[RECORD_LOCKED] = STATE_ENDING, /* of a drain that was approved first */
                      [RECORD_ATTEMPT] = STATE_ENDING,
                      [RECORD_OUTCOME] = STATE_ENDING,
                      [RECORD_CANCELLED] = STATE_ENDING,
                      [RECORD_CLOSED] = STATE_CLOSED},
    [STATE_BETWEEN] = {[RECORD_PENDING] = STATE_BETWEEN,
                       [RECORD_LOCKED] = STATE_BETWEEN, /* that begins at once */
                       [RECORD_RESOLVED] = STATE_ENDING,
                       [RECORD_ATTEMPT] = STATE_BETWEEN,
                       [RECORD_RELEASED] = STATE_BETWEEN,
                       [RECORD_RESTORED] = STATE_BETWEEN,
                       [RECORD_CANCELLED] = STATE_BETWEEN,
                       [RECORD_CLOSED] = STATE_CLOSED},
    [STATE_CLOSING] = {[RECORD_ATTEMPT] = STATE_CLOSING,
                       [RECORD_RELEASED] = STATE_CLOSING,
                       [RECORD_RESTORED] = STATE_CLOSING,
                       [RECORD_CLOSED] = STATE_CLOSED,
                       [RECORD_CANCELLED] = STATE_CLOSING},
    [STATE_CLOSED] = {[RECORD_ATTEMPT] = STATE_CLOSED, /* to restore, what was written late */
                      [RECORD_RESTORED] = STATE_CLOSED},
};

bool open_may_move(const struct engine *engine, const struct open *open, enum record_kind kind)
{
    (void)engine; /* without mutations */
    if (MUTATED(engine, round_too_early) && kind == RECORD_RESOLVED && open_goes_on(open))
        return true;
    if (open->state == STATE_CLOSED && !watch_is_on(open))
        return false;
    return next_state[open->state][kind] != STATE_NONE;
}

void open_move(struct engine *engine, struct open *open, enum record_kind kind)
{
    enum state to = next_state[open->state][kind];
    if (MUTATED(engine, round_too_early) && kind == RECORD_RESOLVED)
        to = STATE_ENDING;
    bool lists = kind == RECORD_RESOLVED || kind == RECORD_OUTCOME;
    CHECK(to != STATE_NONE);
    bool unbegun = open->state == STATE_PENDING || (open->drain && open->drain->list_waits);
    if (unbegun && lists && open->undecided == 0)
        to = STATE_CLOSING; /* not approved, or not locked: no further list is made */
    else if (lists && open->undecided == 0)
        to = open_goes_on(open) ? STATE_BETWEEN : STATE_CLOSING;
    else if (kind == RECORD_RESOLVED && open_awaits_approval(open) &&
             !MUTATED(engine, act_unapproved))
        to = STATE_PENDING;
    if (to != open->state)
        cluster_served(open); /* a list that was wanted before tells nothing of what follows */
    if (to == STATE_BETWEEN && open->state != STATE_BETWEEN)
        open->list_round = 0;
    open->state = to;
    engine_touch(engine, open);
}
