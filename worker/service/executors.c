#include "service/executors.h"

#include <stdlib.h>
#include <string.h>

#include "cluster/rac/rac.h"
#include "cluster/ras/ras.h"

static struct ras_login login_of(const struct config_account *account)
{
    return (struct ras_login){account->user, account->password};
}

/* What both ways to a cluster need in their own form; borrows the configuration. */
struct reach {
    const struct config_cluster *config;
    struct ras_address *addresses;
    struct ras_infobase_login *infobases;
};

static struct reach reach_of(const struct config_cluster *config)
{
    struct reach reach = {
        .config = config,
        .addresses = mem_alloc(config->addresses.count, sizeof *reach.addresses),
        .infobases = mem_alloc(config->infobase_count, sizeof *reach.infobases),
    };
    for (size_t i = 0; i < config->addresses.count; i++)
        reach.addresses[i] =
            (struct ras_address){config->addresses.items[i].host, config->addresses.items[i].port};
    for (size_t i = 0; i < config->infobase_count; i++)
        reach.infobases[i] = (struct ras_infobase_login){config->infobases[i].name,
                                                         login_of(&config->infobases[i].account)};
    return reach;
}

static void reach_release(struct reach *reach)
{
    free(reach->addresses);
    free(reach->infobases);
}

static enum error_code create_ras(uv_loop_t *loop, const struct reach *reach, executor_done done,
                                  void *self, struct executor **ret, struct error *err)
{
    const struct config_cluster *config = reach->config;
    struct ras_settings settings = {
        .name = config->name,
        .addresses = reach->addresses,
        .address_count = config->addresses.count,
        .cluster = config->cluster,
        .admin = login_of(&config->admin),
        .infobases = reach->infobases,
        .infobase_count = config->infobase_count,
        .version_first = config->endpoint_version,
        .connections_max = config->pool,
        .connect_timeout_ms = config->connect_ms,
        .infobase_cache_ms = config->infobase_cache_ms,
    };
    return ras_executor_create(loop, clock_real(), &settings, done, self, ret, err);
}

static enum rac_encoding encoding_of(enum config_encoding encoding)
{
    switch (encoding) {
    case CONFIG_AUTO:
        return RAC_AUTO;
    case CONFIG_UTF8:
        return RAC_UTF8;
    case CONFIG_CP866:
        return RAC_CP866;
    case CONFIG_CP1251:
        return RAC_CP1251;
    }
    return RAC_AUTO;
}

static enum error_code create_rac(uv_loop_t *loop, const struct reach *reach, executor_done done,
                                  void *self, struct executor **ret, struct error *err)
{
    const struct config_cluster *config = reach->config;
    const struct config_map *environment = &config->rac.environment;
    AUTO_FREE struct rac_variable *variables = mem_alloc(environment->count, sizeof *variables);
    struct rac_settings settings = {
        .name = config->name,
        .program = config->rac.program,
        .addresses = reach->addresses,
        .address_count = config->addresses.count,
        .cluster = config->cluster,
        .admin = login_of(&config->admin),
        .infobases = reach->infobases,
        .infobase_count = config->infobase_count,
        .environment = variables,
        .environment_count = environment->count,
        .encoding = encoding_of(config->rac.encoding),
        .passwords_allowed = config->rac.allow_password_on_command_line,
        .infobase_cache_ms = config->infobase_cache_ms,
    };
    for (size_t i = 0; i < environment->count; i++)
        variables[i] =
            (struct rac_variable){environment->items[i].name, environment->items[i].value};
    if (strcmp(config->rac.version, "auto") != 0 &&
        rac_version_read(text_of(config->rac.version), &settings.version, err))
        return error_wrap(err, "clusters[%s].rac.version", config->name);
    return rac_executor_create(loop, clock_real(), &settings, done, self, ret, err);
}

enum error_code executor_of_cluster(uv_loop_t *loop, const struct config_cluster *config,
                                    executor_done done, void *self, struct executor **ret,
                                    struct error *err)
{
    struct reach reach = reach_of(config);
    enum error_code code = config->executor == CONFIG_EXECUTOR_RAC
                               ? create_rac(loop, &reach, done, self, ret, err)
                               : create_ras(loop, &reach, done, self, ret, err);
    reach_release(&reach);
    return code;
}
