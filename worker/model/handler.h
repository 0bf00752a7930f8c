/* handler.h - the words of the operator's own program ("handler") that may stand before the end of
 * sessions: what it is asked, and what it answers. docs/handler.md is its contract.
 *
 * Its word is never proof: a session is gone when a list says so. */
#ifndef MODEL_HANDLER_H
#define MODEL_HANDLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "model/command.h"
#include "model/outcome.h"
#include "model/record.h"

/* "instead", "before", "after"; "none" for what is no handler. */
const char *handler_mode_label(enum handler_mode mode);

/* What the program says of one target. */
enum handler_result {
    HANDLER_SAYS_NOTHING,
    HANDLER_SAYS_ENDED,   /* it asked for the end: a list must show the session gone */
    HANDLER_SAYS_LEFT,    /* the user left by himself: a list must show that too */
    HANDLER_SAYS_FAILED,  /* it tried */
    HANDLER_SAYS_SKIPPED, /* it did not try */
    HANDLER_RESULTS
};

/* "nothing", "ended", "left", "failed", "skipped". */
const char *handler_result_label(enum handler_result result);

enum {
    HANDLER_TARGETS_MAX = 500, /* of one run: its request stays in the low megabytes */
    /* Bytes of their snapshots, unless one alone is larger: as JSON they grow up to sixfold. */
    HANDLER_SNAPSHOTS_MAX = 512 * 1024,
    HANDLER_MESSAGE_MAX = 300, /* bytes of the program's words that are kept */
};

/* One target as the program is told of it. Borrowed. */
struct handler_target {
    uint32_t index;          /* in the command's resolved list */
    const uint8_t *snapshot; /* SessionSnapshot bytes; NULL: nothing was found (AFTER only) */
    uint32_t snapshot_length;
    bool asked_by_number;
    uint32_t asked_number;
    struct uuid asked_session;
    enum target_outcome outcome; /* AFTER */
    const struct reason *reason; /* AFTER */
};

/* One run of the program. Borrowed. */
struct handler_task {
    enum handler_mode mode; /* INSTEAD, BEFORE or AFTER */
    const struct command *command;
    const char *cluster;    /* configured name */
    const char *place;      /* infobase whose handler it is, as configured; "": the cluster's */
    uint32_t round;         /* from 1 */
    uint32_t attempt;       /* from 1; greater in every later run about the same targets */
    struct wall expires_at; /* no session may be ended afterwards */
    enum command_outcome outcome; /* AFTER */
    const struct handler_target *targets;
    uint32_t count; /* 1..HANDLER_TARGETS_MAX */
};

struct handler_word {
    enum handler_result result;
    char *message; /* owned; NULL: none. Printable, at most HANDLER_MESSAGE_MAX bytes */
};

/* What it answered. `words` is in the order of the task's targets; every one has a result. */
struct handler_answer {
    struct handler_word *words; /* owned */
    uint32_t count;
    bool standard_processing; /* the worker ends what is not ended */
};

void handler_answer_release(struct handler_answer *answer);
#define AUTO_HANDLER_ANSWER __attribute__((cleanup(handler_answer_release))) struct handler_answer

#endif
