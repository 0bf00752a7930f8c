#include "cluster/handler/handler.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cluster/handler/codec.h"
#include "cluster/process.h"

struct handler_run {
    char **arguments; /* owned, closed by NULL; the first is the program */
    char **environment;
    int64_t timeout_ms;
    size_t output_max;
    struct buf request;
    /* of the task: what the answer is checked against */
    enum handler_mode mode;
    struct handler_target *targets; /* owned; only their index */
    uint32_t count;
    /* while it runs */
    struct process *process;
    handler_done done;
    void *self;
};

/* ---- making it out ---- */

static char **copy_arguments(const struct config_handler *config)
{
    char **ret = mem_alloc(config->args.count + 2, sizeof *ret);
    ret[0] = mem_text(config->program, strlen(config->program));
    for (size_t i = 0; i < config->args.count; i++)
        ret[i + 1] = mem_text(config->args.items[i], strlen(config->args.items[i]));
    return ret;
}

static char **copy_environment(const struct config_map *map)
{
    char **ret = mem_alloc(map->count + 1, sizeof *ret);
    for (size_t i = 0; i < map->count; i++) {
        size_t name = strlen(map->items[i].name);
        size_t value = strlen(map->items[i].value);
        ret[i] = mem_alloc(name + value + 2, 1);
        memcpy(ret[i], map->items[i].name, name);
        ret[i][name] = '=';
        memcpy(ret[i] + name + 1, map->items[i].value, value);
    }
    return ret;
}

enum error_code handler_run_create(const struct config_handler *config,
                                   const struct handler_task *task, struct handler_run **ret,
                                   struct error *err)
{
    CHECK(config->program);
    CHECK(config->program[0]);
    AUTO(handler_run) run = mem_new(struct handler_run);
    run->arguments = copy_arguments(config);
    run->environment = copy_environment(&config->environment);
    run->timeout_ms = config->timeout_ms;
    run->output_max = config->output_max;
    run->mode = task->mode;
    run->count = task->count;
    run->targets = mem_alloc(task->count, sizeof run->targets[0]);
    for (uint32_t i = 0; i < task->count; i++)
        run->targets[i].index = task->targets[i].index;
    buf_init(&run->request, HANDLER_REQUEST_MAX);
    enum error_code code = handler_request_write(task, config->timeout_ms, &run->request, err);
    if (!code)
        *ret = STEAL(run);
    return code;
}

static void free_texts(char **texts)
{
    for (size_t i = 0; texts && texts[i]; i++)
        free(texts[i]);
    free(texts);
}

void handler_run_destroy(struct handler_run *run)
{
    if (!run)
        return;
    CHECK(!run->process);
    free_texts(run->arguments);
    free_texts(run->environment);
    free(run->targets);
    buf_release(&run->request);
    free(run);
}

/* ---- the answer ---- */

/* The last line that the program wrote to standard error, for people: ": cannot reach the tool". */
static void put_last_line(struct buf *out, struct text errors)
{
    struct text line = errors;
    while (line.length && strchr("\r\n \t", line.at[line.length - 1]))
        line.length--;
    const char *feed = line.length ? memrchr(line.at, '\n', line.length) : NULL;
    if (feed) {
        line.length -= (size_t)(feed + 1 - line.at);
        line.at = feed + 1;
    }
    AUTO_BUF shown;
    buf_init(&shown, HANDLER_ERROR_LINE_MAX);
    text_printable(&shown, line);
    if (shown.length)
        buf_format(out, ": %s", buf_text(&shown));
}

static enum error_code judge_end(const struct handler_run *run, const struct process_result *result,
                                 struct error *err)
{
    const char *program = run->arguments[0];
    AUTO_BUF said;
    buf_init(&said, ERROR_MESSAGE_MAX);
    put_last_line(&said, result->errors);
    switch (result->code) {
    case ERR_OK:
        break;
    case ERR_DEADLINE:
        return error_set(err, ERR_IN_DOUBT,
                         "handler '%s' did not end within %lld ms and was stopped; what it did is "
                         "not known%s",
                         program, (long long)run->timeout_ms, buf_text(&said));
    case ERR_CANCELLED:
        return error_set(err, ERR_IN_DOUBT,
                         "handler '%s' was stopped while it ran; what it did is not known",
                         program);
    case ERR_TOO_LARGE:
        return error_set(err, ERR_PROTOCOL,
                         "handler '%s' wrote more than handler.output_max (%zu bytes)", program,
                         run->output_max);
    default:
        return error_set(err, result->code, "%s", result->error.message);
    }
    if (result->signal)
        return error_set(err, ERR_REFUSED, "handler '%s' was ended by signal %d%s", program,
                         result->signal, buf_text(&said));
    if (result->status)
        return error_set(err, ERR_REFUSED, "handler '%s' failed with exit status %d%s", program,
                         result->status, buf_text(&said));
    return ERR_OK;
}

static void on_end(void *self, const struct process_result *result)
{
    struct handler_run *run = self;
    struct handler_reply reply = {.code = ERR_OK};
    run->process = NULL;
    reply.code = judge_end(run, result, &reply.error);
    if (!reply.code && run->mode != HANDLER_AFTER) {
        const struct handler_task asked = {
            .mode = run->mode, .targets = run->targets, .count = run->count};
        reply.code = handler_answer_read(&asked, result->output, &reply.answer, &reply.error);
        if (reply.code)
            error_wrap(&reply.error, "handler '%s'", run->arguments[0]);
    }
    run->done(run->self, &reply);
    handler_answer_release(&reply.answer);
}

/* ---- the run ---- */

enum error_code handler_start(struct handler_run *run, uv_loop_t *loop, struct clock clock,
                              handler_done done, void *self, struct error *err)
{
    CHECK(!run->process);
    CHECK(!run->done);
    run->done = done;
    run->self = self;
    struct process_spec spec = {
        .program = run->arguments[0],
        .arguments = (const char *const *)run->arguments,
        .environment = (const char *const *)run->environment,
        .input = {(const char *)run->request.data, run->request.length},
        .output_max = run->output_max,
        .errors_max = HANDLER_ERRORS_MAX,
        .deadline = instant_add_ms(clock_now(&clock), run->timeout_ms),
        .grace_ms = HANDLER_TERM_MS,
    };
    if (process_start(loop, clock, &spec, on_end, run, &run->process, err))
        return error_wrap(err, "handler");
    return ERR_OK;
}

void handler_cancel(struct handler_run *run)
{
    if (run->process)
        process_cancel(run->process);
}
