/* What no single key can know: defaults that follow from others, and contradictions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "base/check.h"
#include "base/limits.h"
#include "config/read.h"

enum { HOST_MAX = 200, SHARE_LEAST = 100, TOKEN_LEAST_BYTES = 16 };

static bool is_auto(const char *text)
{
    return !strcmp(text, "auto");
}

/* Host name and HTTP port: two workers of one machine have two ports. */
static void finish_instance(struct config *config)
{
    if (!is_auto(config->kafka.instance))
        return;
    char host[HOST_MAX] = "worker";
    if (gethostname(host, sizeof host - 1))
        snprintf(host, sizeof host, "worker");
    host[sizeof host - 1] = '\0';
    for (char *at = host; *at; at++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", *at))
            *at = '-';
    char whole[HOST_MAX + 8];
    if (config->http.listen.host[0] && config->http.listen.port)
        snprintf(whole, sizeof whole, "%s-%u", host, config->http.listen.port);
    else
        snprintf(whole, sizeof whole, "%s", host);
    free(config->kafka.instance);
    config->kafka.instance = mem_text(whole, strlen(whole));
}

static void finish_limits(struct config *config, struct problems *problems)
{
    struct config_limits *limits = &config->limits;
    if (!limits->cluster_share) {
        limits->cluster_share = limits->open_commands / 4;
        if (limits->cluster_share < SHARE_LEAST)
            limits->cluster_share = SHARE_LEAST;
        if (limits->cluster_share > limits->open_commands)
            limits->cluster_share = limits->open_commands;
    }
    if (limits->cluster_share > limits->open_commands)
        problem_add(problems, 0, "limits.cluster_share (%u) is above limits.open_commands (%u)",
                    limits->cluster_share, limits->open_commands);
    if (limits->targets_per_command > limits->open_targets)
        problem_add(problems, 0,
                    "limits.targets_per_command (%u) is above limits.open_targets (%u)",
                    limits->targets_per_command, limits->open_targets);
    if (config->policy.validity_ms > config->policy.validity_max_ms)
        problem_add(problems, config_line_of(config, config, "policy.validity"),
                    "policy.validity is longer than policy.validity_max");
}

/* Names that differ in nothing but case are one name, in Cyrillic too. A table finds them: ten
 * thousand clusters compared each with each would take seconds. */
struct known_name {
    UT_hash_handle hh;
    const void *base; /* the entry that has it */
    char folded[];
};

struct names {
    struct known_name *known;
};

/* The entry that has this name already, or NULL after remembering it. */
static const void *names_add(struct names *names, const char *text, const void *base)
{
    AUTO_BUF folded;
    buf_init(&folded, 4 * LIMIT_NAME_BYTES);
    text_fold(&folded, text_of(text));
    const char *key = buf_text(&folded);
    struct known_name *name;
    HASH_FIND(hh, names->known, key, folded.length, name);
    if (name)
        return name->base;
    name = mem_alloc(1, sizeof *name + folded.length + 1);
    name->base = base;
    memcpy(name->folded, key, folded.length);
    HASH_ADD(hh, names->known, folded, folded.length, name);
    return NULL;
}

static void names_release(struct names *names)
{
    struct known_name *name;
    struct known_name *next;
    HASH_ITER(hh, names->known, name, next)
    {
        HASH_DEL(names->known, name);
        free(name);
    }
}

static void check_cluster_names(const struct config *config, struct problems *problems)
{
    struct names names = {NULL};
    for (size_t i = 0; i < config->cluster_count; i++) {
        const struct config_cluster *cluster = &config->clusters[i];
        const struct config_cluster *before = names_add(&names, cluster->name, cluster);
        if (before)
            problem_add(problems, config_line_of(config, cluster, "clusters[].name"),
                        "clusters[%s].name: line %u has this name already", cluster->name,
                        config_line_of(config, before, "clusters[].name"));
    }
    names_release(&names);
}

static void check_rule_names(const struct config *config, struct problems *problems)
{
    struct names names = {NULL};
    for (size_t i = 0; i < config->policy.rule_count; i++) {
        const struct config_rule *rule = &config->policy.rules[i];
        const struct config_rule *before = names_add(&names, rule->name, rule);
        if (before)
            problem_add(problems, config_line_of(config, rule, "policy.rules[].name"),
                        "policy.rules[%s].name: line %u has this name already", rule->name,
                        config_line_of(config, before, "policy.rules[].name"));
    }
    names_release(&names);
}

static void check_infobase_names(const struct config_cluster *cluster, struct problems *problems)
{
    struct names names = {NULL};
    for (size_t i = 0; i < cluster->infobase_count; i++)
        if (names_add(&names, cluster->infobases[i].name, cluster))
            problem_add(problems, 0, "clusters[%s].infobases has '%s' twice", cluster->name,
                        cluster->infobases[i].name);
    names_release(&names);
}

static void check_addresses(const struct config *config, struct problems *problems)
{
    for (size_t i = 0; i < config->cluster_count; i++) {
        const struct config_cluster *cluster = &config->clusters[i];
        if (!cluster->addresses.count)
            problem_add(problems, config_line_of(config, cluster, "clusters[].addresses"),
                        "clusters[%s].addresses is empty: write host:port of its administration "
                        "servers (RAS)",
                        cluster->name);
    }
}

static bool is_empty(const struct config_account *account)
{
    return account->password && !secret_reveal(account->password).length;
}

/* A login with an empty password is refused, and some clusters count those. */
static void check_passwords(const struct config *config, struct problems *problems)
{
    for (size_t c = 0; c < config->cluster_count; c++) {
        const struct config_account *admin = &config->clusters[c].admin;
        if (admin->password && !admin->user[0])
            problem_add(
                problems,
                config_line_of(config, &config->clusters[c], "clusters[].admin.password_file"),
                "clusters[%s].admin has a password and no user", config->clusters[c].name);
        if (is_empty(admin))
            problem_add(
                problems,
                config_line_of(config, &config->clusters[c], "clusters[].admin.password_file"),
                "clusters[%s].admin.password_file: '%s' is empty", config->clusters[c].name,
                admin->password_file);
    }
}

static bool is_this_machine(const char *host)
{
    return !strcmp(host, "localhost") || !strcmp(host, "::1") || !strncmp(host, "127.", 4);
}

static bool is_plain(const char *name)
{
    return name[0] && !name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                         "0123456789._-")];
}

/* Which of two tokens asked must be told apart, or nobody knows who ended a session. */
static bool is_earlier_token(const struct config_gateway *gateway, size_t place)
{
    struct text token = secret_reveal(gateway->tokens[place].account.password);
    for (size_t i = 0; i < place; i++)
        if (secret_equal(gateway->tokens[i].account.password, token))
            return true;
    return false;
}

static void check_token(const struct config *config, size_t place, struct problems *problems)
{
    const struct config_token *token = &config->gateway.tokens[place];
    uint32_t line = config_line_of(config, token, "gateway.tokens.*.file");
    if (!is_plain(token->name))
        problem_add(problems, line,
                    "gateway.tokens: '%s' is no name: letters, digits, '.', '_' and '-'",
                    token->name);
    if (!token->account.password && token->account.password_file[0])
        return; /* loaded without passwords */
    if (secret_reveal(token->account.password).length < TOKEN_LEAST_BYTES)
        problem_add(problems, line,
                    "gateway.tokens.%s.file: a token has %d bytes or more: make one with "
                    "`openssl rand -hex 32`",
                    token->name, TOKEN_LEAST_BYTES);
    else if (is_earlier_token(&config->gateway, place))
        problem_add(problems, line,
                    "gateway.tokens.%s.file: another entry has the same token, and who asked could "
                    "not be told",
                    token->name);
}

/* Whoever reaches the gateway can end sessions. */
static void check_gateway(const struct config *config, struct problems *problems)
{
    const struct config_gateway *gateway = &config->gateway;
    const char *host = gateway->listen.host;
    struct names names = {NULL};
    if (host[0] && !gateway->token_count && !is_this_machine(host))
        problem_add(problems, config_line_of(config, config, "gateway.listen"),
                    "gateway.listen: '%s' can be reached from elsewhere, and no token is asked "
                    "for: write gateway.tokens, or listen on 127.0.0.1",
                    host);
    for (size_t i = 0; i < gateway->token_count; i++) {
        const struct config_token *token = &gateway->tokens[i];
        uint32_t line = config_line_of(config, token, "gateway.tokens.*.file");
        check_token(config, i, problems);
        if (names_add(&names, token->name, token))
            problem_add(problems, line, "gateway.tokens has '%s' twice", token->name);
    }
    names_release(&names);
}

static void check_topics(const struct config *config, struct problems *problems)
{
    const struct config_topics *topics = &config->topics;
    const char *names[] = {topics->commands, topics->control, topics->events, topics->journal,
                           topics->dead_letters};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (size_t j = 0; j < i; j++)
            if (!strcmp(names[i], names[j]))
                problem_add(problems, 0, "topics: '%s' is used for two things", names[i]);
    for (size_t i = 0; i < topics->replies.count; i++)
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++)
            if (strcmp(names[j], topics->events) != 0 &&
                !strcmp(topics->replies.items[i], names[j]))
                problem_add(problems, config_line_of(config, config, "reply_topics"),
                            "reply_topics: answers on '%s' would be read as something else",
                            names[j]);
}

/* ---- time zones: read once, however many clusters stand in them ---- */

static struct zone *find_zone(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->zone_count; i++)
        if (!strcmp(config->zones[i].name, name))
            return config->zones[i].zone;
    return NULL;
}

static struct zone *add_zone(struct config *config, const char *name, struct error *err)
{
    struct zone *zone;
    if (zone_load(text_of(name), &zone, err))
        return NULL;
    config->zones = mem_resize(config->zones, config->zone_count + 1, sizeof *config->zones);
    config->zones[config->zone_count++] = (struct config_zone){name, zone};
    return zone;
}

static void finish_zones(struct config *config, struct problems *problems)
{
    for (size_t i = 0; i < config->cluster_count; i++) {
        struct config_cluster *cluster = &config->clusters[i];
        struct error err;
        if (!cluster->time_zone || !cluster->time_zone[0])
            continue; /* not set, or refused while it was read */
        cluster->zone = find_zone(config, cluster->time_zone);
        if (!cluster->zone)
            cluster->zone = add_zone(config, cluster->time_zone, &err);
        if (!cluster->zone)
            problem_add(problems, config_line_of(config, cluster, "clusters[].time_zone"),
                        "clusters[%s].time_zone: %s", cluster->name, err.message);
    }
}

void config_finish(struct config *config, struct problems *problems)
{
    finish_instance(config);
    finish_limits(config, problems);
    check_cluster_names(config, problems);
    check_rule_names(config, problems);
    for (size_t i = 0; i < config->cluster_count; i++)
        check_infobase_names(&config->clusters[i], problems);
    config_check_rac(config, problems);
    finish_zones(config, problems);
    check_addresses(config, problems);
    check_passwords(config, problems);
    check_topics(config, problems);
    config_finish_handlers(config, problems);
    check_gateway(config, problems);
}

enum error_code config_for_worker(const struct config *config, struct error *err)
{
    if (!config->kafka.brokers.count)
        return error_set(err, ERR_CONFIG,
                         "kafka.brokers is missing: write the addresses of the Kafka brokers, like "
                         "kafka: {brokers: [kafka1:9092]}, or give --brokers host:port");
    if (!config->cluster_count)
        return error_set(err, ERR_CONFIG,
                         "clusters is missing: write at least one, with its name and the addresses "
                         "of its administration servers");
    return ERR_OK;
}
