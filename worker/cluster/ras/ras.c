/* Life of the executor. */
#include "cluster/ras/ras.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "cluster/ras/pool.h"

enum {
    CONNECTIONS_DEFAULT = 4,
    IDLE_DEFAULT_MS = 60000,
    CONNECT_DEFAULT_MS = 5000,
    INFOBASE_CACHE_DEFAULT_MS = 60000,
};

static struct ras_executor *of(struct executor *executor)
{
    return (struct ras_executor *)executor; /* its first member */
}

static void start(struct executor *base, const struct executor_request *request)
{
    pool_put(of(base), request);
}

/* ---- the end ---- */

static void stop(struct executor *base, void (*stopped)(void *self), void *self)
{
    struct ras_executor *executor = of(base);
    CHECK(!executor->stopping);
    executor->stopping = true;
    executor->stopped = stopped;
    executor->stopped_self = self;
    pool_stop(executor);
}

static void destroy(struct executor *base)
{
    struct ras_executor *executor = of(base);
    struct ras_settings *settings = &executor->settings;
    CHECK(executor->wake_closed);
    CHECK(executor->open_connections == 0);
    free((void *)(uintptr_t)settings->name);
    free((void *)(uintptr_t)settings->cluster);
    ras_reach_release(&executor->reach);
    ras_names_release(&executor->names);
    free(executor);
}

/* ---- the beginning ---- */

static const struct executor_kind ras_kind = {"ras", start, stop, destroy};

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value ? value : otherwise;
}

static struct ras_reach_source reach_of(const struct ras_settings *settings)
{
    return (struct ras_reach_source){settings->name,          settings->addresses,
                                     settings->address_count, settings->admin,
                                     settings->infobases,     settings->infobase_count};
}

static void copy_settings(struct ras_executor *executor, const struct ras_settings *settings)
{
    const struct ras_reach_source source = reach_of(settings);
    struct ras_reach *reach = &executor->reach;
    ras_reach_init(reach, &source);
    executor->settings = (struct ras_settings){
        .name = mem_copy(settings->name),
        .addresses = reach->addresses,
        .address_count = reach->address_count,
        .cluster = mem_copy(settings->cluster),
        .admin = reach->logins[0],
        .infobases = reach->infobases,
        .infobase_count = reach->infobase_count,
        .version_first = settings->version_first ? settings->version_first : RAS_VERSION_FIRST,
        .connections_max =
            settings->connections_max ? settings->connections_max : CONNECTIONS_DEFAULT,
        .idle_ms = or_default(settings->idle_ms, IDLE_DEFAULT_MS),
        .connect_timeout_ms = or_default(settings->connect_timeout_ms, CONNECT_DEFAULT_MS),
        .infobase_cache_ms = or_default(settings->infobase_cache_ms, INFOBASE_CACHE_DEFAULT_MS),
    };
}

static enum error_code check_settings(const struct ras_settings *settings, struct error *err)
{
    const struct ras_reach_source source = reach_of(settings);
    if (ras_reach_check(&source, err))
        return err->code;
    if (settings->connections_max > RAS_CONNECTIONS_MAX)
        return error_set(err, ERR_CONFIG,
                         "cluster '%s' may have %u connections, at most %d are possible",
                         settings->name, settings->connections_max, RAS_CONNECTIONS_MAX);
    if (settings->version_first && !ras_version_known(settings->version_first))
        return error_set(
            err, ERR_CONFIG,
            "cluster '%s': endpoint version %u.0 is not known (3, 4, 5, 6, 7, 9, 10, 11, 16)",
            settings->name, settings->version_first);
    return ERR_OK;
}

enum error_code ras_executor_create(uv_loop_t *loop, struct clock clock,
                                    const struct ras_settings *settings, executor_done done,
                                    void *self, struct executor **ret, struct error *err)
{
    CHECK(settings->name);
    CHECK(done);
    enum error_code code = check_settings(settings, err);
    if (code)
        return code;
    struct ras_executor *executor = mem_new(struct ras_executor);
    executor->base = (struct executor){&ras_kind, done, self};
    executor->loop = loop;
    executor->clock = clock;
    copy_settings(executor, settings);
    pool_init(executor);
    *ret = &executor->base;
    return ERR_OK;
}
