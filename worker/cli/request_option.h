/* request_option.h - the options of the command line that fill a request: what several commands
 * take is spelt, read and refused in one place. */
#ifndef CLI_REQUEST_OPTION_H
#define CLI_REQUEST_OPTION_H

#include <argp.h>

#include "cli/request.h"

enum request_key {
    REQUEST_CLUSTER = 0x3000,
    REQUEST_SESSION,
    REQUEST_INFOBASE,
    REQUEST_NUMBER,
    REQUEST_FILTER,
    REQUEST_EXCLUDE,
    REQUEST_USER,
    REQUEST_APPLICATION,
    REQUEST_STARTED_AT,
    REQUEST_REASON,
    REQUEST_MESSAGE,
    REQUEST_GRACE,
    REQUEST_HOLD,
    REQUEST_DEADLINE,
    REQUEST_EXPIRES_IN,
    REQUEST_KEEP_JOBS,
    REQUEST_DRY_RUN,
    REQUEST_UNTIL_EMPTY,
    REQUEST_DISCONNECT,
    REQUEST_INTERRUPT,
    REQUEST_STANDARD,
    REQUEST_MAX_TARGETS,
    REQUEST_REPLY_TOPIC,
    REQUEST_ID,
    REQUEST_REQUESTED_BY,
    REQUEST_CORRELATION_ID,
};

/* Rows of a command's own table that read the same in every command, in its group of options. */
/* clang-format off */
#define REQUEST_ROW_CLUSTER(group) \
    {"cluster", REQUEST_CLUSTER, "NAME", 0, "The cluster, by its configured name", group}
#define REQUEST_ROW_REASON(group) \
    {"reason", REQUEST_REASON, "TEXT", 0, "Why; kept in the journal", group}
#define REQUEST_ROW_MESSAGE(group) \
    {"message", REQUEST_MESSAGE, "TEXT", 0, "Shown to the users", group}
#define REQUEST_ROW_EXPIRES_IN(group) \
    {"expires-in", REQUEST_EXPIRES_IN, "DURATION", 0, "Do not begin after this time", group}
#define REQUEST_ROW_REQUESTED_BY(group) \
    {"requested-by", REQUEST_REQUESTED_BY, "NAME", 0, "Who asks; default user@host", group}
#define REQUEST_ROW_REPLY_TOPIC(group) \
    {"reply-topic", REQUEST_REPLY_TOPIC, "TOPIC", 0, "Send the events there as well", group}
#define REQUEST_ROW_ID(group) \
    {"id", REQUEST_ID, "UUID", 0, \
     "Id of the command: the same words with the same id do nothing twice", group}
#define REQUEST_ROW_CORRELATION_ID(group) \
    {"correlation-id", REQUEST_CORRELATION_ID, "TEXT", 0, "Travels with every event", group}
/* clang-format on */

/* Takes one option into `request`, which borrows its text from the command line. Ends the program
 * with a usage error that names the option. ARGP_ERR_UNKNOWN: the key is none of these, nothing
 * changed. */
error_t request_option(struct request *request, int key, char *arg, struct argp_state *state);

#endif
