/* follow.h - the events of one command, until its end. */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include "base/uuid.h"
#include "cli/link.h"
#include "cli/verdict.h"

struct follow {
    struct link *link; /* reads the events topic */
    struct uuid id;    /* of the command */
    struct instant until;
    bool until_heard;    /* of a command that `goes_on`, `until` is for its first event only */
    bool goes_on;        /* for minutes or hours; set by an event that waits for an approval */
    bool until_held;     /* a drained infobase that is held is an end as well: completed */
    bool give_up_at_end; /* ERR_NOT_FOUND when all that was there had nothing of this command */
    /* Every event of the command, as it comes; may be NULL. */
    void (*seen)(void *self, const struct event_view *view);
    /* About four times a second while nothing comes; may be NULL. */
    void (*waiting)(void *self);
    void *self;
    struct verdict verdict; /* by follow_command(); released by the caller */
};

/* Reads until the verdict is complete. ERR_DEADLINE, ERR_CANCELLED (Ctrl-C), ERR_NOT_FOUND,
 * ERR_JOURNAL: events cannot be read. */
enum error_code follow_command(struct follow *follow, struct error *err) MUST_CHECK;

#endif
