#include "guard/guard.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "guard/rules.h"

/* One question; the answers are collected in order of cost and kindness: shape first, policy last.
 */
struct inquiry {
    const struct config *config;
    const struct command *command;
    const struct guard_facts *facts;
    struct guard_verdict *verdict;
    struct error *err;
};

static bool belongs_on_control(enum action action)
{
    return action == ACTION_CANCEL || action == ACTION_APPROVE || action == ACTION_RESTORE ||
           action == ACTION_KILL_SWITCH || action == ACTION_ACCEPT_TOPICS;
}

static bool has_cluster(enum action action)
{
    return action == ACTION_TERMINATE || action == ACTION_DRAIN || action == ACTION_RESTORE;
}

/* Whoever stops something is in a hurry, and nobody tells him of a refusal: no policy asks him for
 * words. To let go on again is no stop. */
static bool stops(const struct command *command)
{
    return command->action == ACTION_CANCEL ||
           (command->action == ACTION_KILL_SWITCH && command->kill_switch_engaged);
}

/* ---- what is filled in whatever the answer ---- */

static struct wall expiry(const struct config_policy *policy, const struct command *command,
                          struct wall appended_at)
{
    int64_t latest = appended_at.ms + policy->validity_max_ms;
    int64_t at =
        command->expires_at.ms ? command->expires_at.ms : appended_at.ms + policy->validity_ms;
    return (struct wall){at < latest ? at : latest};
}

/* ---- shape ---- */

static enum error_code check_selector(const struct inquiry *inquiry)
{
    const struct selector *selector = &inquiry->command->selector;
    struct error *err = inquiry->err;
    if (selector->kind == SELECTOR_NONE)
        return error_set(err, ERR_INVALID,
                         "terminate.selector is missing: name sessions, numbers or a filter");
    if (selector->kind == SELECTOR_FILTER)
        return selector->filter && selector->filter->kind != FILTER_NONE
                   ? ERR_OK
                   : error_set(err, ERR_INVALID, "an empty filter selects nothing on purpose");
    if (selector->kind == SELECTOR_NUMBERS && !selector->infobase[0])
        return error_set(err, ERR_INVALID,
                         "terminate.selector.numbers.infobase is missing: numbers are unique only "
                         "within one infobase");
    if (!selector->count)
        return error_set(err, ERR_INVALID, "terminate.selector names no session");
    for (size_t i = 0; i < selector->count; i++) {
        if (selector->kind == SELECTOR_SESSIONS && uuid_is_nil(&selector->sessions[i]))
            return error_set(err, ERR_INVALID, "terminate.selector: session %zu is the nil UUID",
                             i);
        if (selector->kind == SELECTOR_NUMBERS && !selector->numbers[i])
            return error_set(err, ERR_INVALID, "terminate.selector: no session has the number 0");
    }
    return ERR_OK;
}

static enum error_code check_other_id(const struct inquiry *inquiry)
{
    const struct command *command = inquiry->command;
    if (uuid_is_nil(&command->other_id))
        return error_set(inquiry->err, ERR_INVALID, "%s.command_id is missing",
                         action_label(command->action));
    if (uuid_equal(&command->other_id, &command->id))
        return error_set(inquiry->err, ERR_INVALID, "%s.command_id is the command's own id",
                         action_label(command->action));
    return ERR_OK;
}

/* As the pending event names it: 64 lower-case hex digits. */
static enum error_code check_digest(const struct inquiry *inquiry)
{
    const char *digest = inquiry->command->resolved_digest;
    if (strlen(digest) == 64 && strspn(digest, "0123456789abcdef") == 64)
        return ERR_OK;
    return error_set(inquiry->err, ERR_INVALID,
                     "approve.resolved_digest is not the SHA-256 that the pending event names, in "
                     "lower-case hex");
}

static enum error_code check_terminate(const struct inquiry *inquiry)
{
    const struct command *command = inquiry->command;
    if (command->options.until_empty && command->selector.kind != SELECTOR_FILTER &&
        command->selector.kind != SELECTOR_NONE)
        return error_set(
            inquiry->err, ERR_INVALID,
            "options.until_empty needs a filter: sessions that are named are gone when "
            "they are gone");
    return check_selector(inquiry);
}

static enum error_code check_approve(const struct inquiry *inquiry)
{
    enum error_code code = check_other_id(inquiry);
    return code ? code : check_digest(inquiry);
}

static enum error_code check_action(const struct inquiry *inquiry)
{
    const struct command *command = inquiry->command;
    switch (command->action) {
    case ACTION_TERMINATE:
        return check_terminate(inquiry);
    case ACTION_DRAIN:
        if (command->options.until_empty)
            return error_set(inquiry->err, ERR_INVALID,
                             "options.until_empty is for terminate: a drain goes on until its "
                             "infobase is empty anyway");
        /* fall through */
    case ACTION_RESTORE:
        if (!command->infobase[0])
            return error_set(inquiry->err, ERR_INVALID, "%s.infobase is missing",
                             action_label(command->action));
        return ERR_OK;
    case ACTION_CANCEL:
        return check_other_id(inquiry);
    case ACTION_APPROVE:
        return check_approve(inquiry);
    case ACTION_KILL_SWITCH:
        return ERR_OK;
    case ACTION_ACCEPT_TOPICS:
        return command->accept_topics.partitions || command->accept_topics.digest_count
                   ? ERR_OK
                   : error_set(inquiry->err, ERR_INVALID, "accept_topics names nothing to release");
    default:
        return error_set(inquiry->err, ERR_INVALID,
                         "the command has no action, or one that this version does not know");
    }
}

static enum error_code check_shape(const struct inquiry *inquiry)
{
    const struct command *command = inquiry->command;
    const struct config_policy *policy = &inquiry->config->policy;
    struct error *err = inquiry->err;
    if (uuid_is_nil(&command->id))
        return error_set(err, ERR_INVALID, "id is missing or the nil UUID");
    bool stop = stops(command);
    if (policy->require_requester && !command->requested_by[0] && !stop)
        return error_set(err, ERR_INVALID, "requested_by is missing, and the policy requires it");
    if (policy->require_reason && !command->reason[0] && !stop)
        return error_set(err, ERR_INVALID, "reason is missing, and the policy requires it");
    enum error_code code = check_action(inquiry);
    if (code)
        return code;
    if (belongs_on_control(command->action) != inquiry->facts->control)
        return error_set(err, ERR_INVALID, "'%s' belongs on the %s topic",
                         action_label(command->action),
                         inquiry->facts->control ? "commands" : "control");
    return ERR_OK;
}

/* ---- cluster, time, size ---- */

static enum error_code check_cluster(const struct inquiry *inquiry)
{
    const struct command *command = inquiry->command;
    if (!has_cluster(command->action) || inquiry->verdict->cluster)
        return ERR_OK;
    if (!command->cluster[0])
        return error_set(inquiry->err, ERR_INVALID, "cluster is missing");
    return error_set(inquiry->err, ERR_NOT_FOUND, "no cluster '%s' is configured here",
                     command->cluster);
}

/* Cancel and the kill switch take effect when they are read, and must not be lost to a clock. */
static enum error_code check_time(const struct inquiry *inquiry)
{
    const struct guard_facts *facts = inquiry->facts;
    const struct command *command = inquiry->command;
    int64_t skew_ms = inquiry->config->policy.future_skew_ms;
    int64_t ahead_ms = command->requested_at.ms - facts->appended_at.ms;
    int64_t expires = inquiry->verdict->expires_at.ms;
    if (facts->control)
        return ERR_OK;
    if (command->requested_at.ms && ahead_ms > skew_ms)
        return error_set(inquiry->err, ERR_INVALID,
                         "requested_at is %" PRId64 " s after the broker took the message; at most "
                         "%" PRId64 " s are allowed: set the requester's clock",
                         ahead_ms / 1000, skew_ms / 1000);
    if (expires <= facts->appended_at.ms)
        return error_set(inquiry->err, ERR_EXPIRED,
                         "expires_at had passed when the broker took the message");
    if (facts->broker_now.ms && expires <= facts->broker_now.ms)
        return error_set(inquiry->err, ERR_EXPIRED,
                         "the validity ended %" PRId64 " s before the command was read",
                         (facts->broker_now.ms - expires) / 1000);
    return ERR_OK;
}

static enum error_code check_duration(const struct inquiry *inquiry, const char *what, int64_t ms,
                                      int64_t max_ms)
{
    if (ms < 0)
        return error_set(inquiry->err, ERR_INVALID, "%s is negative", what);
    if (ms > max_ms)
        return error_set(inquiry->err, ERR_TOO_LARGE,
                         "%s is %" PRId64 " s; the policy allows %" PRId64 " s", what, ms / 1000,
                         max_ms / 1000);
    return ERR_OK;
}

static enum error_code check_size(const struct inquiry *inquiry)
{
    const struct command *command = inquiry->command;
    const struct config_policy *policy = &inquiry->config->policy;
    const struct selector *selector = &command->selector;
    uint32_t ceiling = inquiry->verdict->max_targets;
    bool counted = command->action == ACTION_TERMINATE && selector->kind != SELECTOR_FILTER;
    if (counted && selector->count > ceiling)
        return error_set(inquiry->err, ERR_TOO_LARGE,
                         "%zu sessions are named, at most %u are allowed: send several commands",
                         selector->count, ceiling);
    enum error_code code =
        check_duration(inquiry, "options.grace", command->options.grace_ms, policy->grace_max_ms);
    if (!code)
        code = check_duration(inquiry, "drain.hold", command->hold_ms, policy->hold_max_ms);
    if (!code)
        code = check_duration(inquiry, "drain.deadline", command->drain_deadline_ms,
                              policy->hold_max_ms);
    return code;
}

static enum error_code check_reply_topic(const struct inquiry *inquiry)
{
    const struct config_list *allowed = &inquiry->config->topics.replies;
    const char *topic = inquiry->command->reply_topic;
    if (!topic[0])
        return ERR_OK;
    for (size_t i = 0; i < allowed->count; i++)
        if (!strcmp(allowed->items[i], topic))
            return ERR_OK;
    return error_set(inquiry->err, ERR_DENIED,
                     "reply_topic '%s' is not among the worker's reply_topics", topic);
}

/* The lock that warns users begins later, by the cluster's own clock. */
static enum error_code check_drain(const struct inquiry *inquiry)
{
    const struct command *command = inquiry->command;
    const struct config_cluster *cluster = inquiry->verdict->cluster;
    if (command->action != ACTION_DRAIN || !command->options.grace_ms || cluster->zone)
        return ERR_OK;
    return error_set(
        inquiry->err, ERR_UNSUPPORTED,
        "options.grace of a drain needs clusters[].time_zone of '%s': set it, or drain "
        "without a grace",
        cluster->name);
}

static enum error_code check_rules(const struct inquiry *inquiry)
{
    return rules_for_command(&inquiry->config->policy, inquiry->verdict->cluster, inquiry->command,
                             inquiry->err);
}

enum error_code guard_infobase(const struct config *config, const struct config_cluster *cluster,
                               const struct command *command, const struct uuid *infobase,
                               const char *name, struct error *err)
{
    return rules_for_infobase(&config->policy, cluster, command, infobase, name, err);
}

enum error_code guard_command(const struct config *config, const struct command *command,
                              const struct guard_facts *facts, struct guard_verdict *ret,
                              struct error *err)
{
    static enum error_code (*const checks[])(const struct inquiry *) = {
        check_shape,       check_cluster, check_time,  check_size,
        check_reply_topic, check_drain,   check_rules,
    };
    CHECK(facts->appended_at.ms > 0);
    *ret = (struct guard_verdict){
        .expires_at = expiry(&config->policy, command, facts->appended_at),
        .max_targets = ceiling_of(config, command),
    };
    if (command->cluster[0])
        ret->cluster = config_cluster_find(config, text_of(command->cluster));
    struct inquiry inquiry = {config, command, facts, ret, err};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        enum error_code code = checks[i](&inquiry);
        if (code)
            return code;
    }
    CHECK(ret->expires_at.ms > 0);
    CHECK(ret->max_targets > 0);
    return ERR_OK;
}
