/* How much one command may end: ceilings, judged when its sessions are known. */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "guard/guard.h"
#include "guard/rules.h"

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

uint32_t ceiling_of(const struct config *config, const struct command *command)
{
    uint32_t ret = least(config->limits.targets_per_command, LIMIT_TARGETS);
    if (config->policy.max_targets)
        ret = least(ret, config->policy.max_targets);
    if (command->options.max_targets)
        ret = least(ret, command->options.max_targets);
    return ret;
}

/* ---- shares of infobases ---- */

struct share {
    struct uuid infobase;
    const char *name;
    size_t all; /* of those that could be ended at all */
    size_t selected;
};

struct shares {
    struct share *items; /* owned */
    size_t count;
};

/* Sessions of one infobase mostly stand together: the last one found is tried first. */
static struct share *share_of(struct shares *shares, const struct session *session, size_t *hint)
{
    if (*hint < shares->count && uuid_equal(&shares->items[*hint].infobase, &session->infobase))
        return &shares->items[*hint];
    for (*hint = 0; *hint < shares->count; ++*hint)
        if (uuid_equal(&shares->items[*hint].infobase, &session->infobase))
            return &shares->items[*hint];
    shares->items = mem_resize(shares->items, shares->count + 1, sizeof shares->items[0]);
    shares->items[shares->count] = (struct share){session->infobase, session->infobase_name, 0, 0};
    return &shares->items[shares->count++];
}

static enum error_code check_share(const struct config_policy *policy, const struct share *share,
                                   struct error *err)
{
    if (share->all < policy->share_from ||
        share->selected * 100 <= share->all * (size_t)policy->max_share)
        return ERR_OK;
    return error_set(err, ERR_DENIED,
                     "the filter selects %zu of the %zu sessions of infobase '%s', the policy "
                     "allows %u percent (policy.max_share): narrow the filter",
                     share->selected, share->all,
                     share->name[0] ? share->name : uuid_format(&share->infobase).text,
                     policy->max_share);
}

static enum error_code check_shares(const struct config *config, const struct session_list *list,
                                    const struct resolution *resolution, struct error *err)
{
    struct shares shares = {NULL, 0};
    size_t hint = 0;
    enum error_code code = ERR_OK;
    for (size_t i = 0; i < list->count; i++)
        if (!protect_always(&config->policy, list->sessions[i].app_id))
            share_of(&shares, &list->sessions[i], &hint)->all++;
    for (size_t i = 0; i < resolution->count; i++)
        if (resolution->rows[i].session && resolution->rows[i].verdict == TARGET_NONE)
            share_of(&shares, resolution->rows[i].session, &hint)->selected++;
    for (size_t i = 0; i < shares.count && !code; i++)
        code = check_share(&config->policy, &shares.items[i], err);
    free(shares.items);
    return code;
}

/* Those that no earlier round was to end. */
static size_t count_fresh(const struct resolve_context *context,
                          const struct resolution *resolution)
{
    size_t count = 0;
    for (size_t i = 0; i < resolution->count; i++) {
        const struct resolved_row *row = &resolution->rows[i];
        count += row->session && row->verdict == TARGET_NONE &&
                 !resolve_context_knows(context, &row->session->uuid);
    }
    return count;
}

/* More than one person may decide alone? */
static bool needs_second(const struct config_policy *policy, const struct resolve_context *context,
                         size_t fresh)
{
    return policy->approve_above > 0 && fresh + context->unapproved > policy->approve_above;
}

/* The share is that of the first list: what later rounds
 * find is few of few. */
static enum error_code check_alone(const struct config *config, const struct command *command,
                                   const struct resolve_context *context,
                                   const struct session_list *list, struct resolution *resolution,
                                   size_t fresh, struct error *err)
{
    const struct config_policy *policy = &config->policy;
    bool by_filter =
        command->action == ACTION_TERMINATE && command->selector.kind == SELECTOR_FILTER;
    bool approvals = policy->approve_above > 0;
    enum error_code code = ERR_OK;
    if (by_filter && context->round == 1 && policy->max_share < 100)
        code = check_shares(config, list, resolution, err);
    if (code && !approvals)
        return code;
    if (fresh > 0 && (code || needs_second(policy, context, fresh)))
        resolution->approval_ms = policy->approval_ms;
    return ERR_OK;
}

enum error_code guard_resolution(const struct config *config, const struct command *command,
                                 const struct resolve_context *context,
                                 const struct session_list *list, struct resolution *resolution,
                                 struct error *err)
{
    uint32_t ceiling = ceiling_of(config, command);
    size_t selected = 0;
    CHECK(ceiling > 0);
    for (size_t i = 0; i < resolution->count; i++)
        selected += resolution->rows[i].session && resolution->rows[i].verdict == TARGET_NONE;
    if (selected > ceiling)
        return error_set(err, ERR_TOO_LARGE,
                         "%zu sessions are selected, at most %u are allowed (options.max_targets, "
                         "policy.max_targets, limits.targets_per_command)",
                         selected, ceiling);
    return check_alone(config, command, context, list, resolution, count_fresh(context, resolution),
                       err);
}

enum error_code guard_drain(const struct config *config, const struct command *command,
                            const struct resolve_context *context, struct resolution *resolution,
                            struct error *err)
{
    size_t fresh = count_fresh(context, resolution);
    size_t all = fresh + context->earlier_count;
    uint32_t max = command->options.max_targets;
    if (max && fresh && all > max)
        return error_set(err, ERR_TOO_LARGE,
                         "%zu sessions would be ended, at most %u are allowed "
                         "(options.max_targets): raise it, or drain when fewer are there",
                         all, max);
    if (fresh && needs_second(&config->policy, context, fresh))
        resolution->approval_ms = config->policy.approval_ms;
    return ERR_OK;
}
