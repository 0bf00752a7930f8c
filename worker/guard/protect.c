/* Which sessions are never ended (I14). */
#include <string.h>

#include "guard/guard.h"
#include "guard/rules.h"

enum protection { OPEN, NAMED, ALWAYS };

static const struct {
    const char *id;
    enum protection protection;
} applications[] = {
#define APPLICATION(id, class, protection) {id, protection},
#include "model/applications.def"
#undef APPLICATION
};

static bool same(const char *a, const char *b)
{
    return text_same_name(text_of(a), text_of(b));
}

static bool in_list(const struct config_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (same(list->items[i], text))
            return true;
    return false;
}

static enum protection protection_of(const struct config_policy *policy, const char *app_id)
{
    enum protection ret = OPEN;
    if (in_list(&policy->named_only_applications, app_id))
        ret = NAMED;
    if (in_list(&policy->protected_applications, app_id))
        ret = ALWAYS;
    for (size_t i = 0; i < sizeof applications / sizeof applications[0]; i++)
        if (same(applications[i].id, app_id) && applications[i].protection > ret)
            ret = applications[i].protection;
    return ret;
}

bool protect_always(const struct config_policy *policy, const char *app_id)
{
    return protection_of(policy, app_id) == ALWAYS;
}

bool guard_is_never_meant(const struct config *config, const struct session *session)
{
    return protect_always(&config->policy, session->app_id);
}

enum error_code guard_session(const struct config *config, const struct config_cluster *cluster,
                              const struct command *command, const struct session *session,
                              bool named_exactly, bool *ret_undecided, struct error *err)
{
    const struct config_policy *policy = &config->policy;
    enum protection protection = protection_of(policy, session->app_id);
    if (session->unreadable)
        return error_set(err, ERR_DENIED,
                         "a text of the session, or its infobase's name, cannot be read (it is not "
                         "UTF-8): it may be one that is protected");
    if (protection == ALWAYS)
        return error_set(err, ERR_DENIED, "sessions of the application '%s' are never ended",
                         session->app_id);
    if (protection == NAMED && !named_exactly)
        return error_set(err, ERR_DENIED,
                         "sessions of the application '%s' are ended only when the command names "
                         "the session's UUID or this application",
                         session->app_id);
    if (in_list(&policy->protected_users, session->user_name))
        return error_set(err, ERR_DENIED, "the session's user is protected by the policy");
    if (session->host[0] && in_list(&policy->protected_hosts, session->host))
        return error_set(err, ERR_DENIED, "the session's host is protected by the policy");
    if (rules_for_infobase(policy, cluster, command, &session->infobase, session->infobase_name,
                           err))
        return err->code;
    if (!policy->protected_users.count || !session_awaits_user(session))
        return ERR_OK;
    *ret_undecided = true;
    return error_set(err, ERR_DENIED,
                     "the session has no user yet, and the policy protects users: ask again when "
                     "it has one");
}

/* ---- named exactly ---- */

bool guard_names_exactly(const struct command *command, const struct session *session)
{
    const struct selector *selector = &command->selector;
    if (command->action != ACTION_TERMINATE)
        return false;
    switch (selector->kind) {
    case SELECTOR_SESSIONS:
        for (size_t i = 0; i < selector->count; i++)
            if (uuid_equal(&selector->sessions[i], &session->uuid))
                return true;
        return false;
    case SELECTOR_NUMBERS: {
        const struct guard *guard = selector_guard(selector, session->number);
        return guard->application[0] && same(guard->application, session->app_id);
    }
    case SELECTOR_FILTER:
    case SELECTOR_NONE:
        break;
    }
    return false;
}
