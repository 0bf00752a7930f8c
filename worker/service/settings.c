/* From the configuration to the Kafka room's settings: used by the worker and by every command that
 * talks to Kafka. */
#include "service/settings.h"

#include <stdlib.h>
#include <string.h>

/* Passwords of the file come from files of their own; the command line's have no line, and were
 * read from one before. */
static enum error_code pass_pair(struct kafka_settings *settings, enum kafka_scope scope,
                                 const struct config_pair *pair, struct error *err)
{
    const char *instead = pair->line ? kafka_key_wants_file(text_of(pair->name)) : NULL;
    if (instead)
        error_set(err, ERR_CONFIG, "'%s' is a secret, and secrets come from files only: %s",
                  pair->name, instead);
    else if (!kafka_settings_set(settings, scope, text_of(pair->name), text_of(pair->value), err))
        return ERR_OK;
    return error_wrap(err, "line %u", pair->line);
}

static enum error_code pass_through(struct kafka_settings *settings, enum kafka_scope scope,
                                    const struct config_map *map, struct error *err)
{
    for (size_t i = 0; i < map->count; i++)
        if (pass_pair(settings, scope, &map->items[i], err))
            return err->code;
    return ERR_OK;
}

static enum error_code set_brokers(struct kafka_settings *settings,
                                   const struct config_list *brokers, struct error *err)
{
    AUTO_BUF text;
    buf_init(&text, KAFKA_VALUE_MAX);
    buf_str(&text, "bootstrap.servers=");
    for (size_t i = 0; i < brokers->count; i++)
        buf_format(&text, "%s%s", i ? "," : "", brokers->items[i]);
    if (brokers->count == 0)
        return ERR_OK; /* the command line may still name them */
    return kafka_settings_override(settings, text_of(buf_text(&text)), err);
}

enum error_code service_kafka_settings(const struct config *config, struct kafka_settings *ret,
                                       struct error *err)
{
    kafka_settings_init(ret);
    ret->group = config->kafka.group;
    ret->instance = config->kafka.instance;
    ret->topics = (struct kafka_topics){config->topics.commands, config->topics.control,
                                        config->topics.events, config->topics.journal,
                                        config->topics.dead_letters};
    ret->fetch_wait_ms = (uint32_t)config->kafka.fetch_wait_ms;
    ret->linger_ms = (uint32_t)config->kafka.linger_ms;
    ret->delivery_ms = (uint32_t)config->kafka.delivery_ms;
    enum error_code code = set_brokers(ret, &config->kafka.brokers, err);
    if (!code)
        code = pass_through(ret, KAFKA_COMMON, &config->kafka.common, err);
    if (!code)
        code = pass_through(ret, KAFKA_CONSUMER, &config->kafka.consumer, err);
    if (!code)
        code = pass_through(ret, KAFKA_PRODUCER, &config->kafka.producer, err);
    if (code)
        kafka_settings_release(ret);
    return code;
}

void service_kafka_problems(const struct config *config, struct buf *out)
{
    const struct config_map *maps[KAFKA_SCOPE_COUNT] = {
        [KAFKA_COMMON] = &config->kafka.common,
        [KAFKA_CONSUMER] = &config->kafka.consumer,
        [KAFKA_PRODUCER] = &config->kafka.producer,
    };
    struct kafka_settings settings;
    struct error err;
    kafka_settings_init(&settings);
    for (int scope = 0; scope < KAFKA_SCOPE_COUNT; scope++)
        for (size_t i = 0; i < maps[scope]->count; i++)
            if (pass_pair(&settings, (enum kafka_scope)scope, &maps[scope]->items[i], &err))
                buf_format(out, "%s\n", err.message);
    kafka_settings_release(&settings);
}
