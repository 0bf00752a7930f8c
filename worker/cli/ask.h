/* ask.h - a command onto the commands topic, and, if that is wanted, its way and its end on the
 * terminal: what `terminate` and `drain` share. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "cli/common.h"
#include "cli/follow.h"
#include "cli/say.h"

struct ask {
    const char *name; /* of the subcommand, in errors */
    struct cli_common common;
    struct say out;
    struct say talk;
    bool wait;       /* for the end */
    bool until_held; /* or for the begin of the hold, whichever is first */
    /* As in follow.h; `self` is theirs. */
    void (*seen)(void *self, const struct event_view *view);
    void (*waiting)(void *self);
    void *self;
};

/* Sends the command, and waits if it is to; tells whatever there is to tell. Returns the exit
 * status. */
int ask_run(struct ask *ask, const struct command *command);

#endif
