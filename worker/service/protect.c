#include "service/protect.h"

#include "guard/guard.h"
#include "select/filter.h"

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
    bool undecided = false;
    if (!row->session || (row->verdict != TARGET_NONE && !row->undecided))
        return;
    bool named = names_exactly(command, row);
    enum error_code code =
        guard_session(config, cluster, command, row->session, named, &undecided, &why);
    if (code == ERR_OK || (undecided && row->undecided))
        return;
    row->verdict = TARGET_PROTECTED;
    row->undecided = undecided;
    row->why = why;
}

/* A plan shows everybody as this list does. */
void service_take_undecided(const struct command *command, struct resolution *resolution)
{
    size_t kept = 0;
    bool repeats = command->action == ACTION_DRAIN || command->options.until_empty;
    if (!repeats || command->options.dry_run)
        return;
    for (size_t i = 0; i < resolution->count; i++) {
        const struct resolved_row *row = &resolution->rows[i];
        if (!row->undecided)
            resolution->rows[kept++] = *row;
        else if (!resolution->doubt.code)
            error_set(&resolution->doubt, row->why.code,
                      "session %s (number %u, %s) has no user yet, and nobody can tell whether it "
                      "may stay; end it with the cluster's own tools, or exclude it by its number",
                      uuid_format(&row->session->uuid).text, row->session->number,
                      row->session->app_id);
    }
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
