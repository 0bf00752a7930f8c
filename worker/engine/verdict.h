/* verdict.h - what becomes of each target, and how the command stands by that. */
#ifndef ENGINE_VERDICT_H
#define ENGINE_VERDICT_H

#include "engine/state.h"

/* Only marks it; verdicts_flush() appends the OUTCOME. */
void decide_target(struct open *open, struct target *target, enum target_outcome outcome,
                   const struct error *why);
void decide_with(struct open *open, struct target *target, enum target_outcome outcome,
                 enum error_code code, const char *message);
/* Every one that has neither verdict nor outcome. */
void decide_all(struct open *open, enum target_outcome outcome, const struct error *why);
void verdicts_flush(struct engine *engine, struct open *open, struct instant now);
struct error reason_error(const struct reason *reason);

struct tally {
    uint32_t counted;
    uint32_t success;
    uint32_t expired;
    uint32_t stopped;
    const struct reason *why; /* of the first one that is not gone */
};

struct tally tally_of(const struct open *open);
/* How it stands, or ends, as its targets tell. */
enum command_outcome command_outcome_of(const struct open *open);

#endif
