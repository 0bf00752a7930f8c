#include "select/select.h"

#include <string.h>
#include <strings.h>

#include "base/check.h"

static struct resolved_row *next_row(struct resolution *resolution)
{
    return &resolution->rows[resolution->count++];
}

static bool asked_before(const struct resolution *resolution, const struct resolved_row *like)
{
    for (size_t i = 0; i < resolution->count; i++) {
        const struct resolved_row *row = &resolution->rows[i];
        if (row->asked_by_number && like->asked_by_number &&
            row->asked_number == like->asked_number)
            return true;
        if (!row->asked_by_number && !like->asked_by_number &&
            uuid_equal(&row->asked_session, &like->asked_session))
            return true;
    }
    return false;
}

static void resolve_sessions(const struct selector *selector, const struct session_list *list,
                             struct resolution *resolution)
{
    for (size_t i = 0; i < selector->count; i++) {
        struct resolved_row row = {.asked_session = selector->sessions[i]};
        if (asked_before(resolution, &row))
            continue;
        row.session = session_list_find(list, &selector->sessions[i]);
        row.verdict = row.session ? TARGET_NONE : TARGET_ALREADY_GONE;
        *next_row(resolution) = row;
    }
}

static const struct session *find_number(const struct session_list *list,
                                         const struct uuid *infobase, uint32_t number)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->sessions[i].number == number && uuid_equal(&list->sessions[i].infobase, infobase))
            return &list->sessions[i];
    return NULL;
}

/* Says which part of the guard the session does not meet; false when it meets all of it. */
static bool guard_differs(const struct guard *guard, const struct session *session,
                          struct error *why)
{
    if (guard->user[0] && !text_same_name(text_of(guard->user), text_of(session->user_name))) {
        error_set(why, ERR_CONFLICT, "session %u belongs to another user than the guard names",
                  session->number);
        return true;
    }
    if (guard->application[0] && strcasecmp(guard->application, session->app_id)) {
        error_set(why, ERR_CONFLICT, "session %u is of application '%s', the guard names '%s'",
                  session->number, session->app_id, guard->application);
        return true;
    }
    if (guard->started_at.ticks && !server_time_equal(guard->started_at, session->started_at)) {
        error_set(why, ERR_CONFLICT, "session %u started at %s, the guard names %s",
                  session->number, server_time_format(session->started_at).text,
                  server_time_format(guard->started_at).text);
        return true;
    }
    return false;
}

static enum error_code resolve_numbers(const struct selector *selector,
                                       const struct session_list *list,
                                       struct resolution *resolution, struct error *err)
{
    const struct infobase_name *infobase = session_list_infobase(list, text_of(selector->infobase));
    if (!infobase)
        return error_set(err, ERR_NOT_FOUND,
                         "the cluster has no infobase '%s'; `curfew sessions` lists what it has",
                         selector->infobase);
    for (size_t i = 0; i < selector->count; i++) {
        struct resolved_row row = {.asked_by_number = true, .asked_number = selector->numbers[i]};
        if (asked_before(resolution, &row))
            continue;
        row.session = find_number(list, &infobase->uuid, row.asked_number);
        if (!row.session)
            row.verdict = TARGET_ALREADY_GONE;
        else if (guard_differs(selector->guards ? &selector->guards[i] : &selector->guard,
                               row.session, &row.why))
            row.verdict = TARGET_NO_LONGER_MATCHES;
        *next_row(resolution) = row;
    }
    return ERR_OK;
}

enum error_code select_resolve(const struct command *command, const struct session_list *list,
                               struct resolution *ret, struct error *err)
{
    const struct selector *selector = &command->selector;
    struct resolution resolution = {.rows = mem_alloc(selector->count, sizeof resolution.rows[0])};
    enum error_code code = ERR_OK;
    switch (selector->kind) {
    case SELECTOR_SESSIONS:
        resolve_sessions(selector, list, &resolution);
        break;
    case SELECTOR_NUMBERS:
        code = resolve_numbers(selector, list, &resolution, err);
        break;
    case SELECTOR_FILTER:
    case SELECTOR_NONE:
        code = error_set(err, ERR_UNSUPPORTED,
                         "this version selects by session UUIDs or by infobase and numbers");
        break;
    }
    if (code) {
        resolution_release(&resolution);
        return code;
    }
    *ret = resolution;
    return ERR_OK;
}
