/* process.h - runs one program, without a shell, to its end or to its deadline.
 *
 * The program leads a session and process group of its own, and the group is what is ended: SIGTERM
 * at the deadline, SIGKILL `grace_ms` later; when the program ends by itself, whatever it left in
 * its group is killed with SIGKILL before its number is given back to the system, so that no signal
 * of ours can reach a stranger. A child that made itself a session of its own is out of reach: its
 * hold on our pipes ends no later than PROCESS_LINGER_MS after the program, and it is told of
 * (`left_open`).
 *
 * When this process ends, be it by SIGKILL, the kernel ends the program as well, but not what the
 * program has started: that is for who runs the worker (systemd ends the whole unit).
 *
 * It inherits nothing: the environment is the given one, every descriptor above 2 is closed, all
 * signals are as the system sets them. The bytes it writes are kept up to a maximum.
 *
 * libuv's own spawning is not used: it neither closes descriptors that others opened (librdkafka's,
 * the HTTP server's) nor leaves the dead leader in place while its group is ended. posix_spawn()
 * and a SIGCHLD watcher of libuv do both.
 *
 * Loop thread only; the process ignores SIGPIPE. */
#ifndef CLUSTER_PROCESS_H
#define CLUSTER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

enum {
    PROCESS_LINGER_MS = 250,    /* pipes that are open after the program's end are waited for */
    PROCESS_KILL_WAIT_MS = 5000 /* after SIGKILL: one that the kernel cannot end is given up */
};

struct process_spec {
    const char *program;            /* absolute path; PATH is never searched */
    const char *const *arguments;   /* argument 0 included, closed by NULL; copied */
    const char *const *environment; /* "NAME=value", closed by NULL: all that it gets */
    const char *directory;          /* to work in; NULL: "/" */
    struct text input;              /* on standard input, copied; empty: the null device */
    size_t output_max;       /* bytes of standard output; more is ERR_TOO_LARGE and the end */
    size_t errors_max;       /* bytes of standard error; what is above is dropped */
    struct instant deadline; /* for all of it */
    int64_t grace_ms;        /* from SIGTERM to SIGKILL, 0..60000 */
};

struct process_result {
    /* ERR_OK: it ended by itself, however it ended. ERR_DEADLINE, ERR_CANCELLED, ERR_TOO_LARGE: it
     * was ended by us; it may have done all, some or nothing of its work. */
    enum error_code code;
    struct error error; /* filled unless ERR_OK; names the program and nothing of its arguments */
    int status;         /* its exit status 0..255; -1: a signal ended it */
    int signal;         /* that ended it; 0: none */
    struct text output; /* raw bytes, borrowed until the callback returns */
    struct text errors;
    bool errors_cut;  /* more was written to standard error than is kept */
    bool input_taken; /* every byte of `input` was read, or at least is in the pipe */
    /* The program ended and others kept its output open: what they would have written is missing.
     */
    bool left_open;
};

/* Comes once for every process_start() that answered ERR_OK, from the loop, never from inside a
 * function of this header, when nothing of the process is left; its pointer is void from then on.
 */
typedef void (*process_done)(void *self, const struct process_result *result);

struct process;

/* Starts it. Answers at once, with nothing started and no callback to come: ERR_CONFIG when the
 * program is not there or may not be run, ERR_SYSTEM when the system has no means (descriptors,
 * memory, processes). */
enum error_code process_start(uv_loop_t *loop, struct clock clock, const struct process_spec *spec,
                              process_done done, void *self, struct process **ret,
                              struct error *err) MUST_CHECK;
/* Ends it as the deadline would; its callback comes with ERR_CANCELLED unless it was over already.
 */
void process_cancel(struct process *process);
/* Programs that run now and have not been waited for, of all loops of this process; those that the
 * kernel could not end included. 0 when nothing was left behind. */
unsigned process_alive(void);

/* What became of the programs of this process, of all of its loops. */
struct process_figures {
    unsigned overdue;   /* told to end (the deadline, a cancel, too much output), and still there */
    unsigned forced;    /* were told to end, so far */
    unsigned left_open; /* ended and left others behind that held their output: those are killed,
                           unless they made themselves a session of their own */
};
struct process_figures process_figures(void);

#endif
