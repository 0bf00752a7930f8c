#include "config/config.h"

static enum error_code open_password(const char *cluster, struct config_account *account,
                                     struct error *err)
{
    const char *path = account->password_file;
    if (account->password || !path || !path[0] || !secret_load(path, &account->password, err))
        return ERR_OK;
    return error_wrap(err, "clusters[%s]", cluster);
}

enum error_code config_open_passwords(struct config_cluster *cluster, struct error *err)
{
    struct error other;
    enum error_code code = open_password(cluster->name, &cluster->admin, err);
    for (size_t i = 0; i < cluster->infobase_count; i++)
        if (code)
            (void)open_password(cluster->name, &cluster->infobases[i].account, &other);
        else
            code = open_password(cluster->name, &cluster->infobases[i].account, err);
    return code;
}
