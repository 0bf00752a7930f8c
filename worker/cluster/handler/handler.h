/* handler.h - one run of the operator's own program: request in, answer out, and nothing believed
 * that is not quite right.
 *
 * The run is made out when the engine asks for it and started when its turn comes; between the two
 * the configuration may change, and the run keeps what it was made with. The program gets no shell,
 * the environment of its configuration alone, and its request on standard input (cluster/process.h
 * says how it is ended). Loop thread only. */
#ifndef CLUSTER_HANDLER_HANDLER_H
#define CLUSTER_HANDLER_HANDLER_H

#include <uv.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "config/config.h"
#include "model/handler.h"

enum {
    HANDLER_TERM_MS = 1000,       /* from SIGTERM to SIGKILL */
    HANDLER_ERRORS_MAX = 4096,    /* bytes of standard error that are read for its last line */
    HANDLER_ERROR_LINE_MAX = 200, /* bytes of that line in a reason */
};

struct handler_reply {
    /* ERR_OK: the program ended well, and `answer` is what it said (mode AFTER: nothing). Else
     * nothing is known of the targets: ERR_IN_DOUBT its time was over or it was cancelled,
     * ERR_REFUSED it failed, ERR_PROTOCOL its answer is not right. */
    enum error_code code;
    struct error error;           /* filled unless ERR_OK; says what to do */
    struct handler_answer answer; /* the receiver may take it */
};
/* Comes once for every handler_start() that answered ERR_OK, from the loop, never from inside a
 * function of this header. The run is the receiver's to destroy, there or later. */
typedef void (*handler_done)(void *self, struct handler_reply *reply);

struct handler_run;

/* `config` has a program. ERR_TOO_LARGE, ERR_UNDECODABLE: the request cannot be made. */
enum error_code handler_run_create(const struct config_handler *config,
                                   const struct handler_task *task, struct handler_run **ret,
                                   struct error *err) MUST_CHECK;
/* NULL is fine. Not while the program runs. */
void handler_run_destroy(struct handler_run *run);
AUTO_TYPE(handler_run)
/* Once. ERR_CONFIG, ERR_SYSTEM: nothing was started. ERR_IN_DOUBT: it was, and was killed at once.
 */
enum error_code handler_start(struct handler_run *run, uv_loop_t *loop, struct clock clock,
                              handler_done done, void *self, struct error *err) MUST_CHECK;
/* Ends a program that runs; its reply comes (ERR_IN_DOUBT, unless it was over already). */
void handler_cancel(struct handler_run *run);

#endif
