/* topics_state.h - is the commands topic the one that the journal speaks of? For `topics accept`,
 * `status` and `doctor`: notes what the journal says, then looks at the topic. */
#ifndef CLI_TOPICS_STATE_H
#define CLI_TOPICS_STATE_H

#include "cli/common.h"
#include "cli/trace.h"

/* What the journal of one partition says last of the commands topic. */
struct topics_last {
    bool known; /* a command was read since the last release */
    int64_t offset;
    struct sha256 digest;
    int32_t partitions; /* 0: not said */
    bool gone;          /* the topic does not hold that command: it was made anew */
    bool looked;        /* while comparing */
};

struct topics_state {
    struct topics_last *at; /* owned; one for each partition of the journal */
    int32_t count;
    int32_t partitions_before; /* as the journal says; 0: not said */
    int32_t partitions;        /* that the topic has */
    int32_t gone;              /* partitions with `gone` */
};

/* A trace_visit: notes one record. */
void topics_state_visit(void *self, const struct record *record,
                        const struct trace_command *command, int32_t partition, struct wall at);
/* Looks at the commands topic. ERR_NOT_FOUND, ERR_UNAVAILABLE, ERR_AUTH, ERR_DEADLINE. */
enum error_code topics_state_compare(struct topics_state *state, const struct cli_common *common,
                                     struct cli_setup *setup, struct error *err) MUST_CHECK;
bool topics_state_recounted(const struct topics_state *state);
void topics_state_release(struct topics_state *state);

#endif
