#include "guard/rules.h"

#include <string.h>

#include "base/limits.h"

enum match { NO, MAYBE, YES };

/* What is known of a command, or of one of its sessions. NULL: not known. */
struct asked {
    const char *requester;
    const char *cluster;
    const char *action;
    const char *infobase;
    const char *infobase_uuid;
};

/* Linear in practice: on a mismatch only the last star takes one character more. */
static bool glob(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

/* `*` stands for any run of characters; without case. */
static bool rules_pattern_matches(const char *pattern, const char *text)
{
    AUTO_BUF folded_pattern;
    AUTO_BUF folded_text;
    buf_init(&folded_pattern, 4 * LIMIT_TEXT_BYTES);
    buf_init(&folded_text, 4 * LIMIT_TEXT_BYTES);
    text_fold(&folded_pattern, text_of(pattern));
    text_fold(&folded_text, text_of(text));
    return !folded_pattern.full && !folded_text.full &&
           glob(buf_text(&folded_pattern), buf_text(&folded_text));
}

static enum match match_list(const struct config_list *patterns, const char *text)
{
    if (!patterns->count)
        return YES;
    if (!text)
        return MAYBE;
    for (size_t i = 0; i < patterns->count; i++)
        if (rules_pattern_matches(patterns->items[i], text))
            return YES;
    return NO;
}

static bool any_may_be_uuid(const struct config_list *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (!patterns->items[i][strspn(patterns->items[i], "0123456789abcdefABCDEF-*")])
            return true;
    return false;
}

static enum match match_infobase(const struct config_list *patterns, const struct asked *asked)
{
    enum match by_name = match_list(patterns, asked->infobase);
    if (by_name == YES)
        return YES;
    if (!asked->infobase_uuid)
        return any_may_be_uuid(patterns) ? MAYBE : by_name;
    enum match by_uuid = match_list(patterns, asked->infobase_uuid);
    return by_uuid == YES ? YES : by_name;
}

static enum match least(enum match a, enum match b)
{
    return a < b ? a : b;
}

static enum match match_rule(const struct config_rule *rule, const struct asked *asked)
{
    enum match match = match_list(&rule->requesters, asked->requester);
    match = least(match, match_list(&rule->clusters, asked->cluster));
    match = least(match, match_list(&rule->actions, asked->action));
    return least(match, match_infobase(&rule->infobases, asked));
}

static enum error_code denied_by(const struct config_rule *rule, struct error *err)
{
    return error_set(err, ERR_DENIED, "the policy's rule '%s' denies this", rule->name);
}

static enum error_code denied_by_none(struct error *err)
{
    return error_set(err, ERR_DENIED, "no rule of the policy allows this");
}

static struct asked asked_of(const struct config_cluster *cluster, const struct command *command)
{
    return (struct asked){.requester = command->requested_by,
                          .cluster = cluster ? cluster->name : NULL,
                          .action = action_label(command->action)};
}

enum error_code rules_for_command(const struct config_policy *policy,
                                  const struct config_cluster *cluster,
                                  const struct command *command, struct error *err)
{
    struct asked asked = asked_of(cluster, command);
    const char *infobase =
        command->action == ACTION_TERMINATE ? command->selector.infobase : command->infobase;
    struct uuid uuid;
    if (infobase && infobase[0]) {
        if (uuid_read(text_of(infobase), &uuid, NULL))
            asked.infobase = infobase;
        else
            asked.infobase_uuid = infobase; /* its name is not known yet */
    }
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct config_rule *rule = &policy->rules[i];
        enum match match = match_rule(rule, &asked);
        if (match == YES && rule->effect == CONFIG_DENY)
            return denied_by(rule, err);
        if (match == MAYBE && command->action == ACTION_RESTORE) /* nothing later decides it */
            return error_set(err, ERR_DENIED,
                             "the policy's rule '%s' is about infobases: name it by its %s",
                             rule->name, asked.infobase ? "UUID" : "name");
        if (match != NO && rule->effect == CONFIG_ALLOW)
            return ERR_OK;
    }
    return policy->rule_count ? denied_by_none(err) : ERR_OK;
}

enum error_code rules_for_infobase(const struct config_policy *policy,
                                   const struct config_cluster *cluster,
                                   const struct command *command, const struct uuid *infobase,
                                   const char *name, struct error *err)
{
    struct asked asked = asked_of(cluster, command);
    struct uuid_text uuid = uuid_format(infobase);
    if (!uuid_is_nil(infobase))
        asked.infobase_uuid = uuid.text;
    if (name && name[0])
        asked.infobase = name;
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct config_rule *rule = &policy->rules[i];
        enum match match = match_rule(rule, &asked);
        if (match != NO && rule->effect == CONFIG_DENY) /* in doubt on the safe side */
            return denied_by(rule, err);
        if (match == YES && rule->effect == CONFIG_ALLOW)
            return ERR_OK;
    }
    return policy->rule_count ? denied_by_none(err) : ERR_OK;
}
