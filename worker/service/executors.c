#include "service/executors.h"

#include <stdlib.h>

#include "cluster/ras/ras.h"

static struct ras_login login_of(const struct config_account *account)
{
    return (struct ras_login){account->user, account->password};
}

enum error_code executor_of_cluster(uv_loop_t *loop, const struct config_cluster *config,
                                    executor_done done, void *self, struct executor **ret,
                                    struct error *err)
{
    AUTO_FREE struct ras_address *addresses = mem_alloc(config->addresses.count, sizeof *addresses);
    AUTO_FREE struct ras_infobase_login *infobases =
        mem_alloc(config->infobase_count, sizeof *infobases);
    for (size_t i = 0; i < config->addresses.count; i++)
        addresses[i] =
            (struct ras_address){config->addresses.items[i].host, config->addresses.items[i].port};
    for (size_t i = 0; i < config->infobase_count; i++)
        infobases[i] = (struct ras_infobase_login){config->infobases[i].name,
                                                   login_of(&config->infobases[i].account)};
    struct ras_settings settings = {
        .name = config->name,
        .addresses = addresses,
        .address_count = config->addresses.count,
        .cluster = config->cluster,
        .admin = login_of(&config->admin),
        .infobases = infobases,
        .infobase_count = config->infobase_count,
        .version_first = config->endpoint_version,
        .connections_max = config->pool,
        .connect_timeout_ms = config->connect_ms,
        .infobase_cache_ms = config->infobase_cache_ms,
    };
    return ras_executor_create(loop, clock_real(), &settings, done, self, ret, err);
}
