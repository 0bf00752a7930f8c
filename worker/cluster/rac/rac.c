/* Life and queue of the executor. */
#include "cluster/rac/rac.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "cluster/rac/rac_private.h"
#include "cluster/timer.h"

enum {
    INFOBASE_CACHE_DEFAULT_MS = 60000,
    VARIABLES_MAX = 100,
};

static struct rac_executor *of(struct executor *executor)
{
    return (struct rac_executor *)executor; /* its first member */
}

/* ---- the queue ---- */

static void fail_queued(struct rac_task *task, struct instant now)
{
    struct error err;
    if (task->executor->stopping)
        error_set(&err, ERR_UNAVAILABLE, "the worker stops");
    else if (instant_passed(now, task->request.deadline))
        error_set(&err, ERR_UNAVAILABLE, "its time was over before rac was asked");
    else
        error_set(&err, ERR_STALE, "the time to send it is over, nothing was sent");
    rac_task_fail(task, err.code, false, &err);
}

/* A reply can change the queue: after each, the look begins anew. */
static bool expire_one(struct rac_executor *executor, struct instant now)
{
    struct rac_task *task;
    TAILQ_FOREACH(task, &executor->queue, link)
    {
        if (!executor->stopping && !instant_passed(now, executor_request_until(&task->request)))
            continue;
        fail_queued(task, now);
        return true;
    }
    return false;
}

static bool go_on_with_one(struct rac_executor *executor)
{
    struct rac_task *task;
    TAILQ_FOREACH(task, &executor->queue, link)
    if (task_go_on(task))
        return true;
    return false;
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct rac_executor *executor = handle->data;
    executor->stopped(executor->stopped_self);
}

static void on_wake(uv_timer_t *timer)
{
    struct rac_executor *executor = timer->data;
    struct instant now = clock_now(&executor->clock);
    while (expire_one(executor, now))
        continue;
    while (!executor->stopping && go_on_with_one(executor))
        continue;
    if (executor->stopping) {
        if (TAILQ_EMPTY(&executor->queue) && !executor->running_count &&
            !uv_is_closing((uv_handle_t *)timer))
            uv_close((uv_handle_t *)timer, on_wake_closed);
        return;
    }
    struct instant at = INSTANT_NEVER;
    struct rac_task *task;
    TAILQ_FOREACH(task, &executor->queue, link)
    at = instant_min(at, executor_request_until(&task->request));
    if (at.ns == INT64_MAX || uv_is_active((uv_handle_t *)timer))
        return;
    timer_until(timer, on_wake, now, at);
}

void rac_wake(struct rac_executor *executor)
{
    if (!uv_is_closing((uv_handle_t *)&executor->wake))
        uv_timer_start(&executor->wake, on_wake, 0, 0);
}

static void start(struct executor *base, const struct executor_request *request)
{
    struct rac_executor *executor = of(base);
    CHECK(!uv_is_closing((uv_handle_t *)&executor->wake)); /* not after the last reply of a stop */
    struct rac_task *task = mem_new(struct rac_task);
    task->executor = executor;
    task->request = *request;
    TAILQ_INSERT_TAIL(&executor->queue, task, link);
    rac_wake(executor);
}

/* ---- the end ---- */

/* What runs is ended, group by group, and answers; then the rest. */
static void stop(struct executor *base, void (*stopped)(void *self), void *self)
{
    struct rac_executor *executor = of(base);
    CHECK(!executor->stopping);
    executor->stopping = true;
    executor->stopped = stopped;
    executor->stopped_self = self;
    struct rac_task *task;
    TAILQ_FOREACH(task, &executor->running, link)
    process_cancel(task->process);
    rac_wake(executor);
}

static void destroy(struct executor *base)
{
    struct rac_executor *executor = of(base);
    struct rac_settings *settings = &executor->settings;
    CHECK(executor->running_count == 0);
    for (char **at = executor->environment; *at; at++) {
        explicit_bzero(*at, strlen(*at));
        free(*at);
    }
    free((void *)(uintptr_t)settings->name);
    free((void *)(uintptr_t)settings->program);
    free((void *)(uintptr_t)settings->cluster);
    free(executor->environment);
    ras_reach_release(&executor->reach);
    ras_names_release(&executor->names);
    free(executor);
}

/* ---- the beginning ---- */

static const struct executor_kind rac_kind = {"rac", start, stop, destroy};

static char *variable(const char *name, const char *value)
{
    size_t size = strlen(name) + 1 + strlen(value) + 1;
    char *at = mem_alloc(size, 1);
    snprintf(at, size, "%s=%s", name, value);
    return at;
}

/* rac gets what it needs to be found, to speak UTF-8, and what the operator names. */
static char **make_environment(const struct rac_settings *settings)
{
    static const struct rac_variable usual[] = {{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C.UTF-8"}};
    char **environment = mem_alloc(settings->environment_count + 3, sizeof *environment);
    size_t count = 0;
    for (size_t i = 0; i < settings->environment_count; i++)
        environment[count++] =
            variable(settings->environment[i].name, settings->environment[i].value);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        bool given = false;
        for (size_t j = 0; j < settings->environment_count; j++)
            given = given || !strcmp(settings->environment[j].name, usual[i].name);
        if (!given)
            environment[count++] = variable(usual[i].name, usual[i].value);
    }
    return environment;
}

static struct ras_reach_source reach_of(const struct rac_settings *settings)
{
    return (struct ras_reach_source){settings->name,          settings->addresses,
                                     settings->address_count, settings->admin,
                                     settings->infobases,     settings->infobase_count};
}

static void copy_settings(struct rac_executor *executor, const struct rac_settings *settings)
{
    const struct ras_reach_source source = reach_of(settings);
    struct ras_reach *reach = &executor->reach;
    ras_reach_init(reach, &source);
    executor->environment = make_environment(settings);
    executor->settings = (struct rac_settings){
        .name = mem_copy(settings->name),
        .program = mem_copy(settings->program),
        .addresses = reach->addresses,
        .address_count = reach->address_count,
        .cluster = mem_copy(settings->cluster),
        .admin = reach->logins[0],
        .infobases = reach->infobases,
        .infobase_count = reach->infobase_count,
        .version = settings->version,
        .encoding = settings->encoding,
        .passwords_allowed = settings->passwords_allowed,
        .infobase_cache_ms =
            settings->infobase_cache_ms ? settings->infobase_cache_ms : INFOBASE_CACHE_DEFAULT_MS,
    };
    executor->version = settings->version;
    executor->encoding = settings->encoding;
}

static bool has_password(const struct rac_settings *settings)
{
    if (secret_reveal(settings->admin.password).length)
        return true;
    for (size_t i = 0; i < settings->infobase_count; i++)
        if (secret_reveal(settings->infobases[i].login.password).length)
            return true;
    return false;
}

static enum error_code check_addresses(const struct rac_settings *settings, struct error *err)
{
    for (size_t i = 0; i < settings->address_count; i++)
        if (strchr(settings->addresses[i].host, ':') || settings->addresses[i].host[0] == '-' ||
            strlen(settings->addresses[i].host) >= RAS_HOST_MAX)
            return error_set(err, ERR_CONFIG,
                             "cluster '%s': rac cannot take the address '%s'; write a name or an "
                             "IPv4 address",
                             settings->name, settings->addresses[i].host);
    return ERR_OK;
}

static enum error_code check_settings(const struct rac_settings *settings, struct error *err)
{
    const struct ras_reach_source source = reach_of(settings);
    if (ras_reach_check(&source, err))
        return err->code;
    if (!settings->program || settings->program[0] != '/')
        return error_set(err, ERR_CONFIG,
                         "cluster '%s': rac.program must be the whole path of the rac program",
                         settings->name);
    if (settings->environment_count > VARIABLES_MAX)
        return error_set(err, ERR_CONFIG,
                         "cluster '%s': rac.environment has more than %d variables", settings->name,
                         VARIABLES_MAX);
    if (has_password(settings) && !settings->passwords_allowed)
        return error_set(
            err, ERR_CONFIG,
            "cluster '%s': the password would stand on rac's command line, where every "
            "user of this host can read it; use the executor ras, or allow it by "
            "rac.allow_password_on_command_line: true",
            settings->name);
    return check_addresses(settings, err);
}

enum error_code rac_executor_create(uv_loop_t *loop, struct clock clock,
                                    const struct rac_settings *settings, executor_done done,
                                    void *self, struct executor **ret, struct error *err)
{
    CHECK(settings->name);
    CHECK(done);
    enum error_code code = check_settings(settings, err);
    if (code)
        return code;
    struct rac_executor *executor = mem_new(struct rac_executor);
    executor->base = (struct executor){&rac_kind, done, self};
    executor->loop = loop;
    executor->clock = clock;
    TAILQ_INIT(&executor->queue);
    TAILQ_INIT(&executor->running);
    copy_settings(executor, settings);
    CHECK(uv_timer_init(loop, &executor->wake) == 0);
    executor->wake.data = executor;
    *ret = &executor->base;
    return ERR_OK;
}
