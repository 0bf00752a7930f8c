/* Whom a drain ends, and what it writes into the infobase's lock. Clients built on the standard
 * library show the text before the marker to their users, warn them ahead of `denied_from`, and
 * leave by themselves; what stands behind the marker is for administrators. */
#include "service/drain.h"

#include <string.h>

#include "base/check.h"
#include "guard/guard.h"
#include "select/select.h"
#include "service/choose_handler.h"
#include "service/protect.h"

enum {
    MESSAGE_BYTES_MAX = 8 * 1024,
    TICKS_OF_MS = 10,
};
/* 1970-01-01T00:00:00 in the cluster's ticks. */
#define UNIX_TICKS INT64_C(621355968000000)

static struct server_time local_time(const struct zone *zone, struct wall at)
{
    if (!zone || !at.ms)
        return (struct server_time){0};
    int64_t local_ms = at.ms + (int64_t)zone_offset(zone, at) * 1000;
    return (struct server_time){UNIX_TICKS + local_ms * TICKS_OF_MS};
}

/* Where the clocks are set back before the lock begins, they show its begin twice: the larger
 * offset writes the later reading, so that nobody is sent out an hour before his time is over. */
static struct server_time begin_of(const struct zone *zone, struct wall from, struct wall now)
{
    if (!zone || !from.ms)
        return (struct server_time){0};
    int64_t then = zone_offset(zone, from);
    int64_t today = zone_offset(zone, now);
    int64_t local_ms = from.ms + (then > today ? then : today) * 1000;
    return (struct server_time){UNIX_TICKS + local_ms * TICKS_OF_MS};
}

/* The platform's own program prints a text of several lines so that it may not be read back: one
 * line for it, and clients look for the marker alone. */
static char *message_of(const struct config *config, const struct config_cluster *cluster,
                        const struct command *command)
{
    bool one_line = cluster->executor == CONFIG_EXECUTOR_RAC;
    const char *text =
        command->options.message[0] ? command->options.message : config->policy.drain_message;
    AUTO_BUF message;
    buf_init(&message, MESSAGE_BYTES_MAX);
    buf_str(&message, text);
    buf_format(&message,
               "\n\nСообщение для администратора:\nCurfew, команда %s.\ncurfew restore --cluster "
               "'%s' --infobase '%s'",
               uuid_format(&command->id).text, command->cluster, command->infobase);
    CHECK(!message.full);
    for (size_t i = 0; one_line && i < message.length; i++)
        if (message.data[i] == '\n' || message.data[i] == '\r')
            message.data[i] = ' ';
    return mem_text(buf_text(&message), message.length);
}

enum error_code service_deny(void *self, const struct command *command,
                             const struct infobase_lock *seen, struct wall from, struct wall now,
                             struct deny *ret, struct error *err)
{
    const struct config *config = self;
    const struct config_cluster *cluster = config_cluster_find(config, text_of(command->cluster));
    if (!cluster)
        return error_set(err, ERR_CONFIG, "cluster '%s' is no longer configured here",
                         command->cluster);
    if (seen && guard_infobase(config, cluster, command, &seen->infobase, seen->name, err))
        return err->code;
    if (from.ms && !cluster->zone)
        return error_set(err, ERR_CONFIG,
                         "the lock cannot begin later: clusters[].time_zone of '%s' is not set",
                         command->cluster);
    struct uuid_text id = uuid_format(&command->id);
    *ret = (struct deny){
        .wanted = {.sessions_deny = true,
                   .scheduled_jobs_deny = !command->keep_jobs,
                   .denied_from = begin_of(cluster->zone, from, now),
                   .denied_message = message_of(config, cluster, command),
                   .denied_parameter = mem_text(id.text, strlen(id.text)),
                   .permission_code = mem_text(config->policy.permission_code,
                                               strlen(config->policy.permission_code))},
        .now = local_time(cluster->zone, now),
    };
    return ERR_OK;
}

/* A round holds at most so many to be ended; the next one takes the rest. */
static void cut(struct resolution *resolution, uint32_t max)
{
    uint32_t ending = 0;
    size_t kept = 0;
    for (size_t i = 0; i < resolution->count; i++) {
        bool ends = resolution->rows[i].verdict == TARGET_NONE;
        if (ends && ending == max)
            continue;
        ending += ends;
        resolution->rows[kept++] = resolution->rows[i];
    }
    resolution->count = kept;
}

enum error_code
service_resolve_drain(const struct config *config, const struct config_cluster *cluster,
                      const struct command *command, const struct resolve_context *context,
                      const struct session_list *list, struct resolution *ret, struct error *err)
{
    enum error_code code = select_drain(command, &context->infobase, list, ret, err);
    if (code)
        return code;
    struct select_rules rules = {
        .context = context, .zone = cluster->zone, .tolerance_ms = cluster->clock_tolerance_ms};
    code = select_exclude(command, &rules, list, ret, err);
    if (!code)
        code = service_check_readable(config, ret, err);
    if (code) {
        resolution_release(ret);
        return code;
    }
    for (size_t i = 0; i < ret->count; i++)
        service_protect(config, cluster, command, &ret->rows[i]);
    service_take_undecided(command, ret);
    code = guard_drain(config, command, context, ret, err);
    if (code) {
        resolution_release(ret);
        return code;
    }
    if (!ret->approval_ms) /* whoever approves sees all of them */
        cut(ret, config->limits.targets_per_command);
    code = service_choose_handlers(cluster, command, ret, err);
    if (code)
        resolution_release(ret);
    return code;
}
