/* The executor rac: what no single key of it can know. */
#include <string.h>

#include "config/read.h"

static bool is_rac_version(const char *text)
{
    size_t parts = 0;
    if (!strcmp(text, "auto"))
        return true;
    for (const char *at = text; *at; at++) {
        size_t digits = strspn(at, "0123456789");
        if (!digits || digits > 5)
            return false;
        parts++;
        at += digits;
        if (!*at)
            break;
        if (*at != '.' || !at[1])
            return false;
    }
    return parts == 3 || parts == 4;
}

/* What would stand on a command line that every user of the host can read (I12). */
static const char *password_of(const struct config_cluster *cluster)
{
    if (cluster->admin.password)
        return "admin";
    for (size_t i = 0; i < cluster->infobase_count; i++)
        if (cluster->infobases[i].account.password)
            return "infobases";
    return NULL;
}

static void check_rac(const struct config *config, const struct config_cluster *cluster,
                      struct problems *problems)
{
    const struct config_rac *rac = &cluster->rac;
    const char *owner = password_of(cluster);
    if (rac->program && rac->program[0] != '/')
        problem_add(
            problems,
            config_line_of(config, cluster,
                           rac->program[0] ? "clusters[].rac.program" : "clusters[].executor"),
            "clusters[%s].rac.program: write the whole path of the rac program, like "
            "/opt/1cv8/x86_64/8.3.24.1667/rac",
            cluster->name);
    if (rac->version && !is_rac_version(rac->version))
        problem_add(problems, config_line_of(config, cluster, "clusters[].rac.version"),
                    "clusters[%s].rac.version: write auto, or a version like 8.3.21",
                    cluster->name);
    if (owner && !rac->allow_password_on_command_line)
        problem_add(problems, config_line_of(config, cluster, "clusters[].executor"),
                    "clusters[%s].%s has a password, and rac takes it on its command line alone, "
                    "where every user of this host can read it; use executor: ras, or allow it by "
                    "rac: {allow_password_on_command_line: true}",
                    cluster->name, owner);
    for (size_t i = 0; i < cluster->addresses.count; i++)
        if (strchr(cluster->addresses.items[i].host, ':'))
            problem_add(problems, config_line_of(config, cluster, "clusters[].addresses"),
                        "clusters[%s].addresses: rac cannot take an IPv6 address; write a name or "
                        "an IPv4 address",
                        cluster->name);
    for (size_t i = 0; i < rac->environment.count; i++)
        if (!config_is_variable_name(rac->environment.items[i].name))
            problem_add(problems, rac->environment.items[i].line,
                        "clusters[%s].rac.environment: '%s' is no name of a variable",
                        cluster->name, rac->environment.items[i].name);
}

void config_check_rac(const struct config *config, struct problems *problems)
{
    for (size_t i = 0; i < config->cluster_count; i++)
        if (config->clusters[i].executor == CONFIG_EXECUTOR_RAC)
            check_rac(config, &config->clusters[i], problems);
}
