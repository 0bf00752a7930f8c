/* Handlers: what no single key of them can know. */
#include <stdio.h>
#include <string.h>

#include "config/read.h"

/* One handler as it stands in the file. */
struct spot {
    const struct config *config;
    const struct config_handler *handler;
    const void *base;            /* the cluster or infobase */
    const char *prefix;          /* of the rows' paths */
    char path[CONFIG_PATH_SIZE]; /* of this one, for people */
    struct problems *problems;
};

static uint32_t line_of(const struct spot *spot, const char *key)
{
    char path[CONFIG_PATH_SIZE];
    snprintf(path, sizeof path, "%s.%s", spot->prefix, key);
    return config_line_of(spot->config, spot->base, path);
}

bool config_is_variable_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return name[0] && strchr(letters, name[0]) && name[strspn(name, more)] == '\0';
}

static void check(const struct spot *spot)
{
    const struct config_handler *handler = spot->handler;
    bool said = handler->args.count || handler->environment.count ||
                handler->mode != CONFIG_HANDLER_INSTEAD;
    if (!handler->program) /* it was refused while it was read */
        return;
    if (!handler->program[0] && said)
        problem_add(spot->problems, 0, "%s has no program: write %s.program", spot->path,
                    spot->path);
    if (handler->program[0] && handler->program[0] != '/')
        problem_add(spot->problems, line_of(spot, "program"),
                    "%s.program: '%s' is not an absolute path, and no search path is used",
                    spot->path, handler->program);
    for (size_t i = 0; i < handler->environment.count; i++)
        if (!config_is_variable_name(handler->environment.items[i].name))
            problem_add(spot->problems, handler->environment.items[i].line,
                        "%s.environment: '%s' is not the name of a variable", spot->path,
                        handler->environment.items[i].name);
}

static void check_infobase(const struct config *config, const struct config_cluster *cluster,
                           const struct config_infobase *infobase, struct problems *problems)
{
    struct spot spot = {.config = config,
                        .handler = &infobase->handler,
                        .base = infobase,
                        .prefix = "clusters[].infobases.*.handler",
                        .problems = problems};
    snprintf(spot.path, sizeof spot.path, "clusters[%s].infobases.%s.handler", cluster->name,
             infobase->name);
    check(&spot);
}

void config_finish_handlers(const struct config *config, struct problems *problems)
{
    for (size_t c = 0; c < config->cluster_count; c++) {
        const struct config_cluster *cluster = &config->clusters[c];
        struct spot spot = {.config = config,
                            .handler = &cluster->handler,
                            .base = cluster,
                            .prefix = "clusters[].handler",
                            .problems = problems};
        snprintf(spot.path, sizeof spot.path, "clusters[%s].handler", cluster->name);
        check(&spot);
        for (size_t i = 0; i < cluster->infobase_count; i++)
            check_infobase(config, cluster, &cluster->infobases[i], problems);
    }
}
