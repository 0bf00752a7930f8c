#include "config/config.h"

#include <string.h>

#include "base/uuid.h"

static bool is_uuid(struct text text, const struct uuid *uuid)
{
    struct uuid other;
    return !uuid_read(text, &other, NULL) && uuid_equal(&other, uuid);
}

const struct config_cluster *config_cluster_find(const struct config *config, struct text name)
{
    struct uuid uuid;
    for (size_t i = 0; i < config->cluster_count;
         i++) /* exactly as written: nearly always, and cheap */
        if (text_equal(text_of(config->clusters[i].name), name))
            return &config->clusters[i];
    bool by_uuid = !uuid_read(name, &uuid, NULL);
    for (size_t i = 0; i < config->cluster_count; i++) {
        const struct config_cluster *cluster = &config->clusters[i];
        if (by_uuid ? is_uuid(text_of(cluster->cluster), &uuid)
                    : text_same_name(text_of(cluster->name), name))
            return cluster;
    }
    return NULL;
}

static bool has_program(const struct config_handler *handler)
{
    return handler->program && handler->program[0];
}

const struct config_handler *config_handler_for(const struct config_cluster *cluster,
                                                const struct uuid *infobase, struct text name,
                                                const char **ret_place)
{
    for (size_t i = 0; i < cluster->infobase_count; i++) {
        const struct config_infobase *known = &cluster->infobases[i];
        if (!has_program(&known->handler))
            continue;
        if (is_uuid(text_of(known->name), infobase) ||
            (name.length && text_same_name(text_of(known->name), name))) {
            *ret_place = known->name;
            return &known->handler;
        }
    }
    *ret_place = "";
    return has_program(&cluster->handler) ? &cluster->handler : NULL;
}

const struct config_handler *config_handler_at(const struct config_cluster *cluster,
                                               const char *place)
{
    if (!place[0])
        return has_program(&cluster->handler) ? &cluster->handler : NULL;
    for (size_t i = 0; i < cluster->infobase_count; i++)
        if (!strcmp(cluster->infobases[i].name, place) &&
            has_program(&cluster->infobases[i].handler))
            return &cluster->infobases[i].handler;
    return NULL;
}
