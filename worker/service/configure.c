#include "service/configure.h"

#include "service/drain.h"
#include "service/rules.h"
#include "service/state.h"

static int64_t longest_request_ms(const struct config *config)
{
    int64_t longest = 0;
    for (size_t i = 0; i < config->cluster_count; i++)
        if (config->clusters[i].request_ms > longest)
            longest = config->clusters[i].request_ms;
    return longest;
}

struct engine_config service_engine_config(const struct service *service, int32_t partition)
{
    const struct config *config = service->config;
    return (struct engine_config){
        .partition = partition,
        .partitions = service->partition_count,
        .writer = uuid_random(), /* per engine: an epoch is never used twice, also when a partition
                                    comes back */
        .instance = config->kafka.instance,
        .open_commands_max = config->limits.open_commands,
        .open_targets_max = config->limits.open_targets,
        .kept_targets_max = config->limits.kept_targets,
        .remembered_max = config->limits.remembered_ids,
        .cluster_share = config->limits.cluster_share,
        .attempts_max = config->limits.attempts,
        .remember_ms = config->policy.validity_max_ms,
        .verify_ms = config->timing.verify_ms,
        .release_ms = config->timing.release_ms,
        .identity_max_age_ms = config->timing.identity_max_age_ms,
        .empty_confirm_ms = config->timing.empty_confirm_ms,
        .session_events = config->events.per_session,
        .resolve = service_resolve,
        .deny = service_deny,
        .resolve_self = service->config, /* a reload gives the engine its own */
        .settle_ms = longest_request_ms(config),
        .drain_ms = config->policy.drain_ms,
        .drains_ask = config->policy.approve_above > 0,
    };
}

struct event_style service_event_style(const struct service *service)
{
    const struct config *config = service->config;
    struct event_style style = event_style_default();
    style.mode =
        config->events.mode == CONFIG_EVENT_STRUCTURED ? EVENT_MODE_STRUCTURED : EVENT_MODE_BINARY;
    style.format =
        config->events.format == CONFIG_EVENT_PROTOBUF ? EVENT_FORMAT_PROTOBUF : EVENT_FORMAT_JSON;
    style.type_prefix = config->events.type_prefix;
    style.source = config->events.source;
    style.data_schema = config->events.data_schema;
    style.worker = config->kafka.instance;
    style.commands_topic = config->topics.commands;
    style.journal_topic = config->topics.journal;
    style.include_snapshots = config->events.include_snapshots;
    style.max_bytes =
        config->events.max_bytes > EVENT_BYTES_MIN ? config->events.max_bytes : EVENT_BYTES_MIN;
    return style;
}
