/* history.h - what the journal says about one session: every time that it was to be ended, as it
 * was then, and what became of it. Pure: records go in (trace.h), a list comes out. */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "cli/trace.h"

/* One command that selected the session. */
struct history_entry {
    struct uuid command;
    int32_t partition; /* of the journal */
    char cluster[TRACE_NAME_MAX];
    char requested_by[TRACE_NAME_MAX];
    char *requested_reason; /* owned, never NULL */
    uint32_t index;
    uint8_t *snapshot; /* owned: SessionSnapshot bytes as journalled before the end */
    uint32_t snapshot_length;
    struct wall resolved_at;     /* the list was frozen; by the broker, as all times here */
    enum target_outcome outcome; /* NONE: not decided yet, or a dry run */
    struct reason reason;        /* of the outcome, or of the verdict it was left alone with */
    uint32_t attempts;
    struct wall decided_at;  /* 0: not yet */
    struct wall released_at; /* 0: not looked for, not known, or it left connections that stayed */
    uint32_t leaked;         /* connections that stayed */
    bool closed;
    enum command_outcome closed_as;
};

struct history {
    struct uuid session;
    struct history_entry *entries; /* owned; oldest first within a partition */
    size_t count;
};

void history_release(struct history *history);
/* A trace_visit; `self` is a struct history with `session` set. */
void history_note(void *self, const struct record *record, const struct trace_command *command,
                  int32_t partition, struct wall at);

#endif
