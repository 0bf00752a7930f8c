#include "select/select.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/limits.h"
#include "select/filter.h"

static struct resolved_row *next_row(struct resolution *resolution)
{
    return &resolution->rows[resolution->count++];
}

/* Rows for all that is named, each once, in the order asked. */
static void make_rows(const struct selector *selector, struct resolution *resolution)
{
    bool by_number = selector->kind == SELECTOR_NUMBERS;
    bool *again = selector_repeats(selector);
    for (size_t i = 0; i < selector->count; i++) {
        if (again && again[i])
            continue;
        struct resolved_row *row = next_row(resolution);
        row->verdict = TARGET_ALREADY_GONE;
        row->asked_by_number = by_number;
        if (by_number)
            row->asked_number = selector->numbers[i];
        else
            row->asked_session = selector->sessions[i];
    }
    free(again);
}

static void resolve_sessions(const struct selector *selector, const struct session_list *list,
                             struct resolution *resolution)
{
    make_rows(selector, resolution);
    for (size_t i = 0; i < resolution->count; i++) {
        struct resolved_row *row = &resolution->rows[i];
        row->session = session_list_find(list, &row->asked_session);
        row->verdict = row->session ? TARGET_NONE : TARGET_ALREADY_GONE;
    }
}

/* ---- who bears a number ---- */

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

static struct filter_time time_of(const struct select_rules *rules)
{
    return (struct filter_time){.zone = rules->zone,
                                .from = rules->context->listed_from,
                                .until = rules->context->listed_until,
                                .tolerance_ms = rules->tolerance_ms};
}

/* A session cannot have begun, or been active, after the list that shows it: then the clock or the
 * configured zone is wrong, and nothing may be concluded from any of the list's times. */
static bool is_ahead(const struct filter_time *time, struct server_time moment)
{
    struct session session = {.started_at = moment};
    return time->zone && time->until.ms && moment.ticks &&
           filter_began_before(time, &session, time->until) == TRUTH_NO;
}

/* Did the session begin before the command was given? A list that was made within the tolerance of
 * the command counts as made with it: then the start as it is told, a whole second, is enough.
 * What began in the same second cannot be told apart; a later list leaves it alone. */
static enum truth began_before_command(const struct select_rules *rules,
                                       const struct session *session)
{
    const struct resolve_context *context = rules->context;
    struct filter_time time = time_of(rules);
    enum truth truth = filter_began_before(&time, session, context->first_append);
    bool with_it = context->listed_until.ms > 0 &&
                   context->listed_until.ms - context->first_append.ms <= rules->tolerance_ms;
    if (truth != TRUTH_UNKNOWN || !with_it || !rules->zone || !session->started_at.ticks)
        return truth;
    struct wall_span began = zone_read(rules->zone, server_time_ms(session->started_at));
    return began.from.ms <= context->first_append.ms ? TRUTH_YES : TRUTH_UNKNOWN;
}

/* Numbers are used again. Who bears one now and began after the command is not who was meant; a
 * guard that names the start says it better. Without a time zone nothing can be told. */
static enum target_outcome judge_start(const struct select_rules *rules,
                                       const struct session *session, struct error *why)
{
    struct filter_time time = time_of(rules);
    enum truth before = began_before_command(rules, session);
    if (!rules->zone || !session->started_at.ticks || before == TRUTH_YES)
        return TARGET_NONE;
    if (is_ahead(&time, session->started_at)) {
        error_set(why, ERR_CONFIG,
                  "session %u began at %s, which is yet to come by the configured time zone: set "
                  "clusters[].time_zone, or the cluster's clock, right",
                  session->number, server_time_format(session->started_at).text);
        return TARGET_NO_LONGER_MATCHES;
    }
    if (before == TRUTH_NO) {
        error_set(why, ERR_GONE,
                  "who bears the number %u now began at %s, after the command was given",
                  session->number, server_time_format(session->started_at).text);
        return TARGET_ALREADY_GONE;
    }
    error_set(why, ERR_CONFLICT,
              "session %u began at %s, about when the command was given, and may not be the one "
              "that was meant: name its UUID, or guard.started_at",
              session->number, server_time_format(session->started_at).text);
    return TARGET_NO_LONGER_MATCHES;
}

/* Takes the session into `row` unless there is a better one, who is less surely somebody else.
 * True: it may be the one that was meant. */
static bool judge_bearer(const struct guard *guard, const struct select_rules *rules,
                         const struct session *session, struct resolved_row *row)
{
    struct resolved_row new = {.asked_by_number = true, .asked_number = row->asked_number};
    bool differs = guard_differs(guard, session, &new.why);
    new.session = session;
    new.verdict = differs                   ? TARGET_NO_LONGER_MATCHES
                  : guard->started_at.ticks ? TARGET_NONE
                                            : judge_start(rules, session, &new.why);
    if (!row->session || new.verdict == TARGET_NONE || row->verdict == TARGET_ALREADY_GONE)
        *row = new;
    return !differs && new.verdict != TARGET_ALREADY_GONE;
}

struct asked {
    uint32_t number;
    const struct guard *guard;
    struct resolved_row *row;
    unsigned possible; /* sessions that may be the one that was meant */
};

static int by_number(const void *a, const void *b)
{
    const struct asked *left = a;
    const struct asked *right = b;
    return (left->number > right->number) - (left->number < right->number);
}

/* Who bears each number now. A cluster may list two for a while: one on the way out, and who got
 * the number next. `asked` is sorted: a command may name LIMIT_TARGETS, the list be longer still,
 * and the loop serves no other cluster meanwhile (I10). */
static void find_bearers(const struct select_rules *rules, const struct session_list *list,
                         const struct uuid *infobase, struct asked *asked, size_t count)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct session *session = &list->sessions[i];
        const struct asked like = {.number = session->number};
        if (!uuid_equal(&session->infobase, infobase))
            continue;
        struct asked *found = bsearch(&like, asked, count, sizeof *asked, by_number);
        if (found)
            found->possible += judge_bearer(found->guard, rules, session, found->row);
    }
}

/* Of two that may be meant nobody is guessed. `untrue`: why the list's times say nothing of starts;
 * NULL: they do. */
static void conclude(const struct asked *asked, const struct error *untrue)
{
    struct resolved_row *row = asked->row;
    if (asked->possible > 1) {
        row->verdict = TARGET_NO_LONGER_MATCHES;
        error_set(&row->why, ERR_CONFLICT,
                  "the cluster lists %u sessions under the number %u: name the one that is meant "
                  "by its UUID, or by guard.started_at",
                  asked->possible, asked->number);
    }
    if (row->verdict == TARGET_ALREADY_GONE && row->session && untrue) {
        row->verdict = TARGET_NO_LONGER_MATCHES;
        row->why = *untrue;
    }
    if (row->verdict == TARGET_ALREADY_GONE)
        row->session = NULL; /* nobody's snapshot but his who was meant */
}

static enum error_code check_clock(const struct select_rules *rules,
                                   const struct session_list *list, struct error *err)
{
    struct filter_time time = time_of(rules);
    for (size_t i = 0; i < list->count; i++) {
        const struct session *session = &list->sessions[i];
        bool began = is_ahead(&time, session->started_at);
        if (began || is_ahead(&time, session->last_active_at))
            return error_set(
                err, ERR_CONFIG,
                "the cluster shows a session that was active at %s, which is yet to "
                "come by the configured time zone: set clusters[].time_zone, or the "
                "cluster's clock, right",
                server_time_format(began ? session->started_at : session->last_active_at).text);
    }
    return ERR_OK;
}

static enum error_code resolve_numbers(const struct selector *selector,
                                       const struct select_rules *rules,
                                       const struct session_list *list,
                                       struct resolution *resolution, struct error *err)
{
    const struct infobase_name *infobase = session_list_infobase(list, text_of(selector->infobase));
    if (!infobase)
        return error_set(err, ERR_NOT_FOUND,
                         "the cluster has no infobase '%s', or several of this name; `curfew "
                         "sessions` lists what it has",
                         selector->infobase);
    struct error wrong;
    bool untrue = check_clock(rules, list, &wrong) != ERR_OK;
    make_rows(selector, resolution);
    size_t count = resolution->count;
    struct asked *asked = mem_alloc(count + 1, sizeof *asked);
    for (size_t i = 0, place = 0; i < count; i++) {
        struct resolved_row *row = &resolution->rows[i];
        while (selector->numbers[place] != row->asked_number) /* where it is named first */
            place++;
        asked[i] = (struct asked){.number = row->asked_number, .row = row};
        asked[i].guard = selector->guards ? &selector->guards[place] : &selector->guard;
    }
    qsort(asked, count, sizeof *asked, by_number);
    find_bearers(rules, list, &infobase->uuid, asked, count);
    for (size_t i = 0; i < count; i++)
        conclude(&asked[i], untrue ? &wrong : NULL);
    free(asked);
    return ERR_OK;
}

/* ---- filters ---- */

/* Those that were not yet there when the command was given are not meant. */
static bool is_in_time(const struct command *command, const struct select_rules *rules,
                       const struct session *session)
{
    return command->options.until_empty || began_before_command(rules, session) == TRUTH_YES;
}

/* When nobody is to be left, he who cannot be read and may be meant has a row as well. */
static bool is_meant(const struct command *command, const struct session *session, enum truth truth)
{
    bool in_doubt = command->options.until_empty && session->unreadable;
    return truth == TRUTH_YES || (in_doubt && truth == TRUTH_UNKNOWN);
}

static enum error_code resolve_filter(const struct command *command,
                                      const struct select_rules *rules,
                                      const struct session_list *list,
                                      struct resolution *resolution, struct error *err)
{
    struct filter_time time = time_of(rules);
    AUTO(filter_view) view = filter_view_create(list, &time);
    AUTO(matcher) matcher = NULL;
    enum error_code code = matcher_create(command->selector.filter, &matcher, err);
    if (!code)
        code = matcher_fits(matcher, view, err);
    if (!code)
        code = check_clock(rules, list, err);
    for (size_t i = 0; !code && i < list->count; i++) {
        const struct session *session = &list->sessions[i];
        if (!is_in_time(command, rules, session) ||
            !is_meant(command, session, matcher_ask(matcher, view, session)))
            continue;
        if (resolution->count == LIMIT_TARGETS)
            return error_set(err, ERR_TOO_LARGE, "the filter selects more than %d sessions",
                             LIMIT_TARGETS);
        *next_row(resolution) = (struct resolved_row){.session = session};
    }
    return code;
}

/* When nobody is to be left, he whom only his user name could tell is not called excluded before he
 * has one. */
static bool is_undecided(const struct command *command, const struct session *session)
{
    bool repeats = command->action == ACTION_DRAIN || command->options.until_empty;
    return repeats && !command->options.dry_run && session_awaits_user(session);
}

static void leave_alone(struct resolved_row *row, bool undecided, const char *how)
{
    row->verdict = TARGET_PROTECTED;
    row->undecided = undecided;
    error_set(&row->why, ERR_DENIED, "options.exclude %s this session", how);
}

/* In doubt a session is left alone. One that cannot be read the guard leaves alone anyway; called
 * excluded in doubt, it would not count when nobody is to be left. */
enum error_code select_exclude(const struct command *command, const struct select_rules *rules,
                               const struct session_list *list, struct resolution *resolution,
                               struct error *err)
{
    struct filter_time time = time_of(rules);
    bool by_filter =
        command->action == ACTION_TERMINATE && command->selector.kind == SELECTOR_FILTER;
    if (!command->options.exclude)
        return ERR_OK;
    AUTO(filter_view) view = filter_view_create(list, &time);
    AUTO(matcher) matcher = NULL;
    size_t kept = 0;
    enum error_code code = matcher_create(command->options.exclude, &matcher, err);
    if (!code)
        code = matcher_fits(matcher, view, err);
    if (code)
        return error_wrap(err, "options.exclude");
    for (size_t i = 0; i < resolution->count; i++) {
        struct resolved_row row = resolution->rows[i];
        enum truth truth = row.session && row.verdict == TARGET_NONE
                               ? matcher_ask(matcher, view, row.session)
                               : TRUTH_NO;
        if (truth == TRUTH_UNKNOWN && row.session->unreadable)
            truth = TRUTH_NO;
        bool undecided = truth == TRUTH_UNKNOWN && is_undecided(command, row.session);
        if (truth != TRUTH_NO && by_filter && !undecided)
            continue;
        if (truth != TRUTH_NO)
            leave_alone(&row, undecided, truth == TRUTH_YES ? "names" : "may mean");
        resolution->rows[kept++] = row;
    }
    resolution->count = kept;
    return ERR_OK;
}

/* ---- before acceptance ---- */

static enum error_code check_filter(const struct filter *filter, bool has_zone, bool *ret_ages,
                                    struct error *err)
{
    AUTO(matcher) matcher = NULL;
    enum error_code code = matcher_create(filter, &matcher, err);
    if (!code)
        *ret_ages = matcher_needs_zone(matcher) && !has_zone;
    return code;
}

enum error_code select_check(const struct command *command, bool has_zone, struct error *err)
{
    const struct options *options = &command->options;
    bool by_filter =
        command->action == ACTION_TERMINATE && command->selector.kind == SELECTOR_FILTER;
    bool ages = false;
    enum error_code code = ERR_OK;
    if (by_filter && !command->selector.filter)
        return error_set(err, ERR_INVALID, "the filter is missing");
    if (by_filter)
        code = check_filter(command->selector.filter, has_zone, &ages, err);
    if (!code && !ages && options->exclude) {
        code = check_filter(options->exclude, has_zone, &ages, err);
        if (code)
            return error_wrap(err, "options.exclude");
    }
    if (code)
        return code;
    if (ages)
        return error_set(err, ERR_UNSUPPORTED,
                         "the filter asks for an age, and the cluster tells times without a zone: "
                         "set clusters[].time_zone for '%s'",
                         command->cluster);
    if (by_filter && !options->until_empty && !has_zone)
        return error_set(err, ERR_UNSUPPORTED,
                         "a filter means the sessions that began before the command, which cannot "
                         "be told without the cluster's time zone: set clusters[].time_zone for "
                         "'%s'",
                         command->cluster);
    return ERR_OK;
}

/* ---- the whole ---- */

static enum error_code find_rows(const struct command *command, const struct select_rules *rules,
                                 const struct session_list *list, struct resolution *resolution,
                                 struct error *err)
{
    const struct selector *selector = &command->selector;
    switch (selector->kind) {
    case SELECTOR_SESSIONS:
        resolve_sessions(selector, list, resolution);
        return ERR_OK;
    case SELECTOR_NUMBERS:
        return resolve_numbers(selector, rules, list, resolution, err);
    case SELECTOR_FILTER:
        return resolve_filter(command, rules, list, resolution, err);
    case SELECTOR_NONE:
        break;
    }
    return error_set(err, ERR_INVALID, "the command selects nothing");
}

enum error_code select_resolve(const struct command *command, const struct select_rules *rules,
                               const struct session_list *list, struct resolution *ret,
                               struct error *err)
{
    const struct selector *selector = &command->selector;
    enum error_code code = select_check(command, rules->zone != NULL, err);
    if (code)
        return code;
    size_t most = selector->kind == SELECTOR_FILTER ? list->count : selector->count;
    struct resolution resolution = {.rows = mem_alloc(most, sizeof resolution.rows[0])};
    code = find_rows(command, rules, list, &resolution, err);
    if (!code)
        code = select_exclude(command, rules, list, &resolution, err);
    if (code) {
        free(resolution.rows);
        return code;
    }
    ret->rows = resolution.rows;
    ret->count = resolution.count;
    return ERR_OK;
}
