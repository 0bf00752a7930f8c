/* What the engine asks of the pure rooms beside it: select/ finds, guard/ protects. */
#include "service/rules.h"

#include "guard/guard.h"
#include "select/select.h"
#include "service/choose_handler.h"
#include "service/drain.h"
#include "service/protect.h"

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

enum error_code service_resolve(void *self, const struct command *command,
                                const struct resolve_context *context,
                                const struct session_list *list, struct resolution *ret,
                                struct error *err)
{
    const struct config *config = self;
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
    service_take_undecided(command, ret);
    ret->grace_ms = command->options.grace_ms;
    ret->acting_ms = config->policy.acting_ms;
    code = guard_resolution(config, command, context, list, ret, err);
    if (!code)
        code = service_choose_handlers(cluster, command, ret, err);
    if (code)
        resolution_release(ret);
    return code;
}
