#include "cluster/process.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>

#include "base/check.h"
#include "base/mem.h"
#include "cluster/spawn.h"
#include "cluster/timer.h"

enum {
    READ_BYTES = 64 * 1024,
    GRACE_MAX_MS = 60000,
};

enum stage {
    STAGE_RUNNING,  /* until the deadline */
    STAGE_ENDING,   /* SIGTERM was sent; until SIGKILL */
    STAGE_KILLED,   /* SIGKILL was sent; until it is given up */
    STAGE_DRAINING, /* the program ended; its pipes are open still */
    STAGE_CLOSING
};

struct process {
    process_done done;
    void *self;
    struct clock clock;
    char *program;
    enum stage stage;
    struct instant until; /* of this stage */
    int64_t grace_ms;
    pid_t pid;
    uv_signal_t watch; /* SIGCHLD */
    uv_timer_t timer;
    uv_pipe_t input;
    uv_pipe_t output;
    uv_pipe_t errors;
    unsigned handles; /* open; the memory is free at 0 */
    bool output_open;
    bool errors_open;
    bool group_killed;
    bool forced; /* counted as such, until it is waited for as overdue */
    bool ended;  /* the leader has ended; it may not have been waited for yet */
    uv_write_t writing;
    char *input_bytes; /* owned until the write is over */
    struct buf output_kept;
    struct buf errors_kept;
    struct process_result result;
    char reading[READ_BYTES];
};

static atomic_uint alive;
static atomic_uint overdue;
static atomic_uint forced;
static atomic_uint left_open;

struct process_figures process_figures(void)
{
    return (struct process_figures){.overdue = overdue, .forced = forced, .left_open = left_open};
}

unsigned process_alive(void)
{
    return alive;
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct process *process = handle->data;
    CHECK(process->handles > 0);
    if (--process->handles)
        return;
    struct process_result *result = &process->result;
    result->output = (struct text){(char *)process->output_kept.data, process->output_kept.length};
    result->errors = (struct text){(char *)process->errors_kept.data, process->errors_kept.length};
    process->done(process->self, result);
    free(process->input_bytes);
    free(process->program);
    buf_release(&process->output_kept);
    buf_release(&process->errors_kept);
    free(process);
}

static void close_once(void *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

static void close_all(struct process *process)
{
    process->stage = STAGE_CLOSING;
    close_once(&process->watch);
    close_once(&process->timer);
    close_once(&process->input);
    close_once(&process->output);
    close_once(&process->errors);
}

static void fail(struct process *process, enum error_code code, const char *what)
{
    if (process->result.code)
        return; /* the first reason is the reason */
    process->result.code =
        error_set(&process->result.error, code, "'%s' %s", process->program, what);
}

/* The leader, dead or alive, has not been waited for, so its group's number is nobody else's. */
static void signal_group(const struct process *process, int number)
{
    (void)kill(-process->pid, number);
}

/* Waits for the dead leader, after its group was killed: from here on its number is free. */
static void reap(struct process *process)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(process->pid, &status, WNOHANG)) < 0 && errno == EINTR)
        continue;
    CHECK(pid == process->pid);
    alive--;
    if (process->forced)
        overdue--;
    process->result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    process->result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void finish(struct process *process)
{
    if (!process->group_killed)
        signal_group(process, SIGKILL);
    reap(process);
    close_all(process);
}

static void look_for_end(struct process *process)
{
    if (process->ended && process->stage != STAGE_CLOSING && !process->output_open &&
        !process->errors_open)
        finish(process);
}

/* ---- the clock ---- */

static void on_timer(uv_timer_t *timer);

static void arm(struct process *process, struct instant until)
{
    process->until = until;
    if (until.ns == INT64_MAX)
        return;
    timer_until(&process->timer, on_timer, clock_now(&process->clock), until);
}

static void arm_in(struct process *process, int64_t ms)
{
    arm(process, instant_add_ms(clock_now(&process->clock), ms));
}

static void kill_group(struct process *process)
{
    process->stage = STAGE_KILLED;
    signal_group(process, SIGKILL);
    arm_in(process, PROCESS_KILL_WAIT_MS);
}

static void end_group(struct process *process)
{
    if (process->stage != STAGE_RUNNING)
        return;
    process->stage = STAGE_ENDING;
    process->forced = true;
    forced++;
    overdue++;
    signal_group(process, SIGTERM);
    arm_in(process, process->grace_ms);
}

/* What keeps the pipes of a dead leader open: first it is killed, then it is not waited for. */
static void stop_draining(struct process *process)
{
    left_open += !process->result.left_open;
    process->result.left_open = true;
    if (process->group_killed) {
        finish(process);
        return;
    }
    process->group_killed = true;
    signal_group(process, SIGKILL);
    arm_in(process, PROCESS_LINGER_MS);
}

/* Has the leader ended? Looked up before it is blamed for anything: the loop may have been busy. */
static bool note_end(struct process *process)
{
    siginfo_t info = {0};
    if (process->ended || process->stage == STAGE_CLOSING)
        return process->ended;
    if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
        return false;
    uv_signal_stop(&process->watch);
    process->ended = true;
    process->stage = STAGE_DRAINING;
    arm_in(process, PROCESS_LINGER_MS);
    return true;
}

static void on_timer(uv_timer_t *timer)
{
    struct process *process = timer->data;
    if (!process->ended && note_end(process)) {
        look_for_end(process);
        return;
    }
    if (!instant_passed(clock_now(&process->clock), process->until)) {
        arm(process, process->until);
        return;
    }
    switch (process->stage) {
    case STAGE_RUNNING:
        fail(process, ERR_DEADLINE, "did not end within its time and was ended");
        end_group(process);
        return;
    case STAGE_ENDING:
        kill_group(process);
        return;
    case STAGE_KILLED: /* it stays counted as alive */
        process->result.status = -1;
        close_all(process);
        return;
    case STAGE_DRAINING:
        stop_draining(process);
        return;
    case STAGE_CLOSING:
        return;
    }
}

void process_cancel(struct process *process)
{
    if (note_end(process) || process->stage != STAGE_RUNNING)
        return;
    fail(process, ERR_CANCELLED, "was ended before it was done");
    end_group(process);
}

/* ---- what it says ---- */

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
    struct process *process = handle->data;
    (void)wanted;
    *ret = uv_buf_init(process->reading, READ_BYTES);
}

static void on_output(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
    struct process *process = stream->data;
    if (count > 0)
        buf_add(&process->output_kept, bytes->base, (size_t)count);
    if (process->output_kept.full) {
        fail(process, ERR_TOO_LARGE, "wrote more than it may and was ended");
        end_group(process);
    }
    if (count >= 0)
        return;
    process->output_open = false;
    uv_read_stop(stream);
    look_for_end(process);
}

static void on_errors(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
    struct process *process = stream->data;
    struct buf *kept = &process->errors_kept;
    if (count > 0) {
        size_t room = kept->max - kept->length;
        process->result.errors_cut = process->result.errors_cut || (size_t)count > room;
        buf_add(kept, bytes->base, (size_t)count < room ? (size_t)count : room);
    }
    if (count >= 0)
        return;
    process->errors_open = false;
    uv_read_stop(stream);
    look_for_end(process);
}

/* Somebody's child ended: ours? */
static void on_child(uv_signal_t *watch, int number)
{
    (void)number;
    if (note_end(watch->data))
        look_for_end(watch->data);
}

static void on_written(uv_write_t *request, int status)
{
    struct process *process = request->data;
    process->result.input_taken = status == 0;
    close_once(&process->input);
}

/* ---- the start ---- */

static int make_pipes(struct process *process, const struct process_spec *spec,
                      struct spawn_ends *ends)
{
    int code = spawn_pipe(&process->output, false, &ends->output);
    if (!code)
        code = spawn_pipe(&process->errors, false, &ends->errors);
    if (!code && spec->input.length)
        code = spawn_pipe(&process->input, true, &ends->input);
    return code;
}

static void give_input(struct process *process, struct text input)
{
    if (!input.length) {
        process->result.input_taken = true;
        close_once(&process->input);
        return;
    }
    process->input_bytes = mem_text(input.at, input.length);
    process->writing.data = process;
    uv_buf_t bytes = uv_buf_init(process->input_bytes, (unsigned)input.length);
    if (uv_write(&process->writing, (uv_stream_t *)&process->input, &bytes, 1, on_written))
        close_once(&process->input);
}

static void open_handle(struct process *process, uv_handle_t *handle)
{
    handle->data = process;
    process->handles++;
}

static struct process *process_new(uv_loop_t *loop, struct clock clock,
                                   const struct process_spec *spec)
{
    struct process *process = mem_new(struct process);
    process->clock = clock;
    process->program = mem_text(spec->program, strlen(spec->program));
    process->grace_ms = spec->grace_ms;
    buf_init(&process->output_kept, spec->output_max);
    buf_init(&process->errors_kept, spec->errors_max);
    CHECK(uv_signal_init(loop, &process->watch) == 0);
    CHECK(uv_timer_init(loop, &process->timer) == 0);
    CHECK(uv_pipe_init(loop, &process->input, 0) == 0);
    CHECK(uv_pipe_init(loop, &process->output, 0) == 0);
    CHECK(uv_pipe_init(loop, &process->errors, 0) == 0);
    open_handle(process, (uv_handle_t *)&process->watch);
    open_handle(process, (uv_handle_t *)&process->timer);
    open_handle(process, (uv_handle_t *)&process->input);
    open_handle(process, (uv_handle_t *)&process->output);
    open_handle(process, (uv_handle_t *)&process->errors);
    return process;
}

static void nobody(void *self, const struct process_result *result)
{
    (void)self;
    (void)result;
}

/* Closes what was opened; no callback comes. */
static void abandon(struct process *process)
{
    process->done = nobody;
    close_all(process);
}

static enum error_code cannot_start(const char *program, int number, struct error *err)
{
    if (number == ENOSYS)
        return error_set(err, ERR_CONFIG, "cannot run '%s': %s is missing (package util-linux)",
                         program, SPAWN_KEEPER);
    bool wrong = number == ENOENT || number == EACCES || number == ENOEXEC || number == ENOTDIR ||
                 number == EISDIR || number == ELOOP || number == ENAMETOOLONG || number == EPERM;
    return error_set(err, wrong ? ERR_CONFIG : ERR_SYSTEM, "cannot run '%s': %s%s", program,
                     uv_strerror(uv_translate_sys_error(number)),
                     wrong ? " (check the path and that this user may run it)" : "");
}

static void check_spec(const struct process_spec *spec)
{
    CHECK(spec->program[0] == '/');
    CHECK(spec->arguments[0]);
    CHECK(spec->environment);
    CHECK(spec->output_max > 0);
    CHECK(spec->grace_ms >= 0);
    CHECK(spec->grace_ms <= GRACE_MAX_MS);
}

enum error_code process_start(uv_loop_t *loop, struct clock clock, const struct process_spec *spec,
                              process_done done, void *self, struct process **ret,
                              struct error *err)
{
    check_spec(spec);
    struct spawn_ends ends = {-1, -1, -1};
    struct process *process = process_new(loop, clock, spec);
    int code = make_pipes(process, spec, &ends);
    if (!code) /* before it can end */
        code = uv_signal_start(&process->watch, on_child, SIGCHLD);
    if (code)
        error_set(err, ERR_SYSTEM, "cannot prepare to run '%s': %s", spec->program,
                  uv_strerror(code));
    else if ((code = spawn_program(spec, &ends, &process->pid)))
        cannot_start(spec->program, code, err);
    spawn_ends_close(&ends);
    if (code) {
        abandon(process);
        return err->code;
    }
    alive++;
    process->done = done;
    process->self = self;
    process->output_open = true;
    process->errors_open = true;
    CHECK(uv_read_start((uv_stream_t *)&process->output, on_room, on_output) == 0);
    CHECK(uv_read_start((uv_stream_t *)&process->errors, on_room, on_errors) == 0);
    give_input(process, spec->input);
    arm(process, spec->deadline);
    *ret = process;
    return ERR_OK;
}
