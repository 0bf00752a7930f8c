/* What the engine asks of the pure rooms beside it: select/ finds, guard/ protects. */
#include "guard/guard.h"
#include "select/filter.h"
#include "select/select.h"
#include "service/internal.h"

static bool names_exactly(const struct command *command, const struct resolved_row *row)
{
    if (command->selector.kind == SELECTOR_FILTER)
        return filter_names_application(command->selector.filter, row->session->app_id);
    if (!uuid_is_nil(&row->asked_session)) /* there may be thousands: they are not looked through */
        return true;
    return guard_names_exactly(command, row->session);
}

void service_protect(const struct config *config, const struct config_cluster *cluster,
                     const struct command *command, struct resolved_row *row)
{
    struct error why;
    if (row->verdict != TARGET_NONE || !row->session)
        return;
    bool named = names_exactly(command, row);
    if (guard_session(config, cluster, command, row->session, named, &why) == ERR_OK)
        return;
    row->verdict = TARGET_PROTECTED;
    row->why = why;
}

/* With until_empty they are named: the infobase is empty but for them. */
static void drop_never_meant(const struct config *config, const struct command *command,
                             struct resolution *resolution)
{
    size_t kept = 0;
    if (command->selector.kind != SELECTOR_FILTER || command->options.until_empty)
        return;
    for (size_t i = 0; i < resolution->count; i++)
        if (!guard_is_never_meant(config, resolution->rows[i].session))
            resolution->rows[kept++] = resolution->rows[i];
    resolution->count = kept;
}

/* Protected sessions do not count when nobody else is left; who cannot be read is protected because
 * he may be anyone, and so he must count. Not so those that are never ended, whatever they are
 * called, and those that the command excludes. */
enum error_code service_check_readable(const struct config *config,
                                       const struct resolution *resolution, struct error *err)
{
    for (size_t i = 0; i < resolution->count; i++) {
        const struct session *session = resolution->rows[i].session;
        if (resolution->rows[i].verdict != TARGET_NONE || !session || !session->unreadable ||
            guard_is_never_meant(config, session))
            continue;
        return error_set(err, ERR_UNSUPPORTED,
                         "a text of session %s (number %u), or its infobase's name, is not UTF-8: "
                         "nobody can tell whether it may stay, nor that everybody else is gone; "
                         "end it with the cluster's own tools, or exclude it by its number",
                         uuid_format(&session->uuid).text, session->number);
    }
    return ERR_OK;
}

enum error_code service_resolve(void *self, const struct command *command,
                                const struct resolve_context *context,
                                const struct session_list *list, struct resolution *ret,
                                struct error *err)
{
    const struct config *config = ((struct service *)self)->config;
    const struct config_cluster *cluster = config_cluster_find(config, text_of(command->cluster));
    if (!cluster)
        return error_set(err, ERR_NOT_FOUND, "cluster '%s' is no longer configured here",
                         command->cluster);
    if (command->action == ACTION_DRAIN)
        return service_resolve_drain(config, cluster, command, context, list, ret, err);
    struct select_rules rules = {
        .context = context, .zone = cluster->zone, .tolerance_ms = cluster->clock_tolerance_ms};
    enum error_code code = select_resolve(command, &rules, list, ret, err);
    if (code)
        return code;
    if (command->options.until_empty && service_check_readable(config, ret, err)) {
        resolution_release(ret);
        return err->code;
    }
    drop_never_meant(config, command, ret);
    for (size_t i = 0; i < ret->count; i++)
        service_protect(config, cluster, command, &ret->rows[i]);
    ret->grace_ms = command->options.grace_ms;
    ret->acting_ms = config->policy.acting_ms;
    code = guard_resolution(config, command, context, list, ret, err);
    if (!code)
        code = service_choose_handlers(cluster, command, ret, err);
    if (code)
        resolution_release(ret);
    return code;
}
