/* outcome.h - the ends that a target and a command can have (outcome.def). */
#ifndef MODEL_OUTCOME_H
#define MODEL_OUTCOME_H

#include <stdbool.h>

#include "base/text.h"

enum target_outcome {
    TARGET_NONE = 0,
#define TARGET(name, number, success) TARGET_##name = number,
#define COMMAND(name, number, exit)
#include "model/outcome.def"
#undef TARGET
#undef COMMAND
    TARGET_OUTCOMES = 11
};

enum command_outcome {
    COMMAND_NONE = 0,
#define TARGET(name, number, success)
#define COMMAND(name, number, exit) COMMAND_##name = number,
#include "model/outcome.def"
#undef TARGET
#undef COMMAND
    COMMAND_OUTCOMES = 8
};

/* "ended", "already_gone", ...; "none" for NONE. */
const char *target_outcome_label(enum target_outcome outcome);
const char *command_outcome_label(enum command_outcome outcome);
/* Is the session gone, as was wanted? Partial is never success. */
bool target_outcome_is_success(enum target_outcome outcome);
int command_outcome_exit_status(enum command_outcome outcome);

#endif
