/* ask.h - a command onto the commands topic, and, if that is wanted, its way and its end on the
 * terminal: what `terminate` and `drain` share. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "cli/common.h"
#include "cli/follow.h"
#include "cli/request.h"
#include "cli/say.h"

struct ask {
    const char *name; /* of the subcommand, in errors */
    const struct argp *argp;
    enum error_code (*make)(const struct request *request, struct wall now, struct command **ret,
                            struct error *err);
    bool until_held; /* wait for the begin of the hold as well, whichever is first */
    /* As in follow.h; `self` is theirs. */
    void (*seen)(void *self, const struct event_view *view);
    void (*waiting)(void *self);
    void *self;
    /* From here on what the command line says, and ask_main() owns. */
    struct cli_common common;
    struct request request;
    bool wait; /* for the end */
    struct say out;
    struct say talk;
};

enum { ASK_WAIT = 0x3100 }; /* the key of --wait */

/* The parser of a command that asks: the options of request_option.h, and --wait. The input is the
 * struct ask. */
error_t ask_parse(int key, char *arg, struct argp_state *state);
/* For `seen`: what somebody must know, or do, while the command waits. */
void ask_tell_waiting(struct ask *ask, const struct event_view *view);
/* Reads the command line, makes the command, sends it, and waits if it is to; tells whatever there
 * is to tell. Returns the exit status. */
int ask_main(struct ask *ask, int argc, char **argv);

#endif
