/* verdict.h - what becomes of each target, and how the command stands by that. */
#ifndef ENGINE_VERDICT_H
#define ENGINE_VERDICT_H

#include "engine/state.h"

/* Only marks it; verdicts_flush() appends the OUTCOME. */
void decide_target(struct open *open, struct target *target, enum target_outcome outcome,
                   const struct error *why);
void decide_with(struct open *open, struct target *target, enum target_outcome outcome,
                 enum error_code code, const char *message);
/* An end was sent, or may have been, and what came of it could not be seen in time: says why not.
 */
void decide_unknown(struct open *open, struct target *target);
/* Every one that has neither verdict nor outcome. */
void decide_all(struct open *open, enum target_outcome outcome, const struct error *why);
void verdicts_flush(struct engine *engine, struct open *open, struct instant now);
struct error reason_error(const struct reason *reason);

/* How a command stands, or ends. */
struct verdict {
    enum command_outcome outcome;
    const struct reason *why; /* borrowed; NULL: nothing to say */
};

/* The one rule: from the outcomes of the targets in account (a session that a later round saw again
 * counts there; protected ones do not where nobody is left but they), and from `unfinished`: why
 * the command ends before a list could show that nobody is left (NULL: it does not), which says as
 * much as a target that ended for the same reason.
 *  - All are gone (ended, already_gone, left): completed; partially_completed if connections of
 *    theirs are left.
 *  - Some are: partially_completed.
 *  - None is. Failed if one survived, failed or is unknown: somebody has to look. Otherwise
 *    cancelled if one was stopped, otherwise expired if one has expired, otherwise failed: all were
 *    protected, or did not match any more.
 * So a protected session does not turn a cancel into a failure, and a cancel hides no target whose
 * end is not known. Of several reasons the first of the heaviest is told, in the same order. A plan
 * (dry run) and a refusal are none of this: closing.c. event.proto says it to others. */
struct verdict verdict_of(const struct open *open, const struct reason *unfinished);

#endif
