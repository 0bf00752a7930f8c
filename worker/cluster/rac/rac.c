/* Life of the executor. */
#include "cluster/rac/rac.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "cluster/rac/queue.h"

enum {
    INFOBASE_CACHE_DEFAULT_MS = 60000,
    VARIABLES_MAX = 100,
};

static struct rac_executor *of(struct executor *executor)
{
    return (struct rac_executor *)executor; /* its first member */
}

static void start(struct executor *base, const struct executor_request *request)
{
    rac_queue_put(of(base), request);
}

/* ---- the end ---- */

static void stop(struct executor *base, void (*stopped)(void *self), void *self)
{
    struct rac_executor *executor = of(base);
    CHECK(!executor->stopping);
    executor->stopping = true;
    executor->stopped = stopped;
    executor->stopped_self = self;
    rac_queue_stop(executor);
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
    copy_settings(executor, settings);
    rac_queue_init(executor);
    *ret = &executor->base;
    return ERR_OK;
}
