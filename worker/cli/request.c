#include "cli/request.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "select/filter.h"

enum { REQUESTER_MAX = 2 * LIMIT_NAME_BYTES };

/* ---- lists of numbers ---- */

static bool has_number(const struct numbers *numbers, uint32_t number)
{
    for (size_t i = 0; i < numbers->count; i++)
        if (numbers->at[i] == number)
            return true;
    return false;
}

static enum error_code add_range(struct numbers *numbers, uint64_t first, uint64_t last,
                                 struct error *err)
{
    if (last - first >= LIMIT_TARGETS)
        return error_set(err, ERR_USAGE, "--number: at most %d sessions in one command",
                         LIMIT_TARGETS);
    for (uint64_t number = first; number <= last; number++) {
        if (has_number(numbers, (uint32_t)number))
            continue;
        if (numbers->count == LIMIT_TARGETS)
            return error_set(err, ERR_USAGE, "--number: at most %d sessions in one command",
                             LIMIT_TARGETS);
        numbers->at = mem_resize(numbers->at, numbers->count + 1, sizeof *numbers->at);
        numbers->at[numbers->count++] = (uint32_t)number;
    }
    return ERR_OK;
}

/* "7" or "9-11". */
static enum error_code add_item(struct numbers *numbers, struct text item, struct error *err)
{
    const char *dash = item.length ? memchr(item.at, '-', item.length) : NULL;
    struct text low = {item.at, dash ? (size_t)(dash - item.at) : item.length};
    struct text high = dash ? (struct text){dash + 1, item.length - low.length - 1} : low;
    uint64_t first = 0, last = 0;
    if (text_u64(low, UINT32_MAX, &first, NULL) || text_u64(high, UINT32_MAX, &last, NULL) ||
        first == 0)
        return error_set(err, ERR_USAGE,
                         "--number: '%.*s' is no session number; write for instance 7 or 7,9-11",
                         TEXT_ARGS(item));
    if (last < first)
        return error_set(err, ERR_USAGE, "--number: '%.*s' runs backwards", TEXT_ARGS(item));
    return add_range(numbers, first, last, err);
}

enum error_code numbers_add(struct numbers *numbers, const char *list, struct error *err)
{
    for (;;) {
        const char *comma = strchrnul(list, ',');
        if (add_item(numbers, (struct text){list, (size_t)(comma - list)}, err))
            return err->code;
        if (!*comma)
            return ERR_OK;
        list = comma + 1;
    }
}

void numbers_release(struct numbers *numbers)
{
    free(numbers->at);
    *numbers = (struct numbers){0};
}

/* ---- the request ---- */

enum error_code request_session(struct request *request, const char *text, struct error *err)
{
    struct uuid uuid;
    if (uuid_read(text_of(text), &uuid, NULL) || uuid_is_nil(&uuid))
        return error_set(err, ERR_USAGE,
                         "--session: '%s' is no UUID; for session numbers use --infobase and "
                         "--number",
                         text);
    if (request->session_count == LIMIT_TARGETS)
        return error_set(err, ERR_USAGE, "--session: at most %d sessions in one command",
                         LIMIT_TARGETS);
    request->sessions =
        mem_resize(request->sessions, request->session_count + 1, sizeof *request->sessions);
    request->sessions[request->session_count++] = uuid;
    return ERR_OK;
}

void request_release(struct request *request)
{
    free(request->sessions);
    numbers_release(&request->numbers);
}

static const char *given(const char *text)
{
    return text ? text : "";
}

static bool has_guard(const struct request *request)
{
    return request->user || request->application || request->started_at;
}

static enum error_code check_selection(const struct request *request, struct error *err)
{
    bool by_number = request->numbers.count > 0;
    if (!request->cluster || !request->cluster[0])
        return error_set(err, ERR_USAGE, "--cluster is missing: the name of a configured cluster");
    if (request->filter && !request->filter[0])
        return error_set(err, ERR_USAGE, "--filter is empty: that would select every session");
    if (request->filter && (request->session_count || by_number || request->infobase))
        return error_set(err, ERR_USAGE,
                         "either --filter, or --session, or --infobase with --number; in a filter "
                         "write infobase = ... and number = ...");
    if (request->filter && has_guard(request))
        return error_set(err, ERR_USAGE,
                         "--user, --application and --started-at guard numbers: write user = ... "
                         "in the filter");
    if (request->until_empty && !request->filter)
        return error_set(err, ERR_USAGE, "--until-empty needs a --filter");
    if (request->filter)
        return ERR_OK;
    if (request->session_count && (by_number || request->infobase))
        return error_set(err, ERR_USAGE, "either --session, or --infobase with --number: not both");
    if (!request->session_count && !by_number)
        return error_set(err, ERR_USAGE,
                         "no session is named: use --session UUID, or --infobase IB --number N, or "
                         "--filter EXPR");
    if (by_number && !(request->infobase && request->infobase[0]))
        return error_set(err, ERR_USAGE,
                         "--number needs --infobase: a number means a session of one infobase");
    if (request->session_count && has_guard(request))
        return error_set(err, ERR_USAGE,
                         "--user, --application and --started-at guard numbers: a UUID needs none");
    return ERR_OK;
}

/* An expression as a tree in the command's memory; NULL when it is not given. */
static enum error_code fill_filter(const char *option, const char *expression,
                                   struct command *command, struct filter **ret, struct error *err)
{
    struct error why;
    if (!expression)
        return ERR_OK;
    if (!expression[0])
        return error_set(err, ERR_USAGE, "%s is empty: leave it out to mean nobody by it", option);
    if (filter_parse(text_of(expression), command->arena, ret, &why))
        return error_set(err, ERR_USAGE, "%s: %s", option, why.message);
    return ERR_OK;
}

static enum error_code fill_selector(const struct request *request, struct command *command,
                                     struct error *err)
{
    struct selector *selector = &command->selector;
    if (request->filter) {
        selector->kind = SELECTOR_FILTER;
        return fill_filter("--filter", request->filter, command, &selector->filter, err);
    }
    if (request->session_count) {
        *selector = (struct selector){.kind = SELECTOR_SESSIONS,
                                      .sessions = request->sessions,
                                      .count = request->session_count};
        selector->infobase = "";
        selector->guard = (struct guard){.user = "", .application = ""};
        return ERR_OK;
    }
    selector->kind = SELECTOR_NUMBERS;
    selector->infobase = request->infobase;
    selector->numbers = request->numbers.at;
    selector->count = request->numbers.count;
    selector->guard.user = given(request->user);
    selector->guard.application = given(request->application);
    if (server_time_read(text_of(given(request->started_at)), &selector->guard.started_at, err))
        return error_set(err, ERR_USAGE,
                         "--started-at: '%s' is no time of the cluster; write for instance "
                         "2026-03-01T12:30:45",
                         request->started_at);
    return ERR_OK;
}

/* user@host, as far as they are known. */
static void own_name(char *ret, size_t size)
{
    char host[LIMIT_NAME_BYTES / 2] = "";
    const struct passwd *user = getpwuid(getuid());
    if (gethostname(host, sizeof host - 1))
        host[0] = 0;
    if (user && user->pw_name)
        snprintf(ret, size, "%.100s@%s", user->pw_name, host[0] ? host : "localhost");
    else
        snprintf(ret, size, "%ld@%s", (long)getuid(), host[0] ? host : "localhost");
}

static enum error_code fill_head(const struct request *request, struct wall now,
                                 struct command *command, struct error *err)
{
    char name[REQUESTER_MAX];
    command->id = uuid_random();
    if (request->id &&
        (uuid_read(text_of(request->id), &command->id, NULL) || uuid_is_nil(&command->id)))
        return error_set(err, ERR_USAGE, "--id: '%s' is no UUID", request->id);
    own_name(name, sizeof name);
    command->requested_by =
        arena_text(command->arena, text_of(request->requested_by ? request->requested_by : name));
    command->origin = ORIGIN_USER_REQUEST;
    /* With an id of the caller's the same words must make the same command: it is then a repeat. */
    if (!request->id)
        command->requested_at = now;
    if (request->expires_in_ms)
        command->expires_at.ms = now.ms + request->expires_in_ms;
    command->reason = given(request->reason);
    command->correlation_id = given(request->correlation_id);
    command->reply_topic = given(request->reply_topic);
    command->cluster = given(request->cluster);
    return command->requested_by ? ERR_OK : error_set(err, ERR_USAGE, "--requested-by is too long");
}

static enum error_code settle(const struct command *draft, struct command **ret, struct error *err)
{
    struct error why;
    if (command_settle(draft, ret, &why))
        return error_set(err, ERR_USAGE, "%s", why.message);
    return ERR_OK;
}

enum error_code request_terminate(const struct request *request, struct wall now,
                                  struct command **ret, struct error *err)
{
    AUTO(command) draft = command_create();
    if (check_selection(request, err) || fill_head(request, now, draft, err) ||
        fill_selector(request, draft, err) ||
        fill_filter("--exclude", request->exclude, draft, &draft->options.exclude, err))
        return err->code;
    draft->action = ACTION_TERMINATE;
    draft->options.grace_ms = request->grace_ms;
    draft->options.message = given(request->message);
    draft->options.dry_run = request->dry_run;
    draft->options.until_empty = request->until_empty;
    draft->options.disconnect_connections = request->disconnect_connections;
    draft->options.interrupt_calls = request->interrupt_calls;
    draft->options.standard_processing = request->standard_processing;
    draft->options.max_targets = request->max_targets;
    if (settle(draft, ret, err))
        return err->code;
    CHECK((*ret)->action == ACTION_TERMINATE);
    return ERR_OK;
}

enum error_code request_cancel(const struct request *request, const struct uuid *meant,
                               struct wall now, struct command **ret, struct error *err)
{
    AUTO(command) draft = command_create();
    if (fill_head(request, now, draft, err))
        return err->code;
    draft->action = ACTION_CANCEL;
    draft->other_id = *meant;
    if (settle(draft, ret, err))
        return err->code;
    return ERR_OK;
}

enum error_code request_kill_switch(const struct request *request, bool engaged, struct wall now,
                                    struct command **ret, struct error *err)
{
    AUTO(command) draft = command_create();
    if (fill_head(request, now, draft, err))
        return err->code;
    draft->action = ACTION_KILL_SWITCH;
    draft->kill_switch_engaged = engaged;
    return settle(draft, ret, err);
}

static enum error_code check_infobase(const struct request *request, struct error *err)
{
    if (!given(request->cluster)[0])
        return error_set(err, ERR_USAGE, "which cluster? Give --cluster NAME");
    if (!given(request->infobase)[0])
        return error_set(err, ERR_USAGE, "which infobase? Give --infobase NAME");
    return ERR_OK;
}

enum error_code request_drain(const struct request *request, struct wall now, struct command **ret,
                              struct error *err)
{
    AUTO(command) draft = command_create();
    if (check_infobase(request, err) || fill_head(request, now, draft, err))
        return err->code;
    draft->action = ACTION_DRAIN;
    draft->infobase = request->infobase;
    draft->hold_ms = request->hold_ms;
    draft->drain_deadline_ms = request->deadline_ms;
    draft->keep_jobs = request->keep_jobs;
    draft->options.grace_ms = request->grace_ms;
    draft->options.message = given(request->message);
    draft->options.dry_run = request->dry_run;
    draft->options.disconnect_connections = request->disconnect_connections;
    draft->options.interrupt_calls = request->interrupt_calls;
    draft->options.max_targets = request->max_targets;
    if (fill_filter("--exclude", request->exclude, draft, &draft->options.exclude, err))
        return err->code;
    return settle(draft, ret, err);
}

enum error_code request_restore(const struct request *request, struct wall now,
                                struct command **ret, struct error *err)
{
    AUTO(command) draft = command_create();
    if (check_infobase(request, err) || fill_head(request, now, draft, err))
        return err->code;
    draft->action = ACTION_RESTORE;
    draft->infobase = request->infobase;
    return settle(draft, ret, err);
}

enum error_code request_accept_topics(const struct request *request,
                                      const struct accept_topics *what, struct wall now,
                                      struct command **ret, struct error *err)
{
    AUTO(command) draft = command_create();
    if (fill_head(request, now, draft, err))
        return err->code;
    draft->action = ACTION_ACCEPT_TOPICS;
    draft->accept_topics = *what;
    return settle(draft, ret, err);
}

enum error_code request_approve(const struct request *request, const struct uuid *meant,
                                const char *digest, struct wall now, struct command **ret,
                                struct error *err)
{
    AUTO(command) draft = command_create();
    if (strlen(digest) != 64 || strspn(digest, "0123456789abcdef") != 64)
        return error_set(err, ERR_USAGE,
                         "--digest: '%s' is no SHA-256 in lower-case hex: take it from the event "
                         "that the command waits (curfew watch)",
                         digest);
    if (fill_head(request, now, draft, err))
        return err->code;
    draft->action = ACTION_APPROVE;
    draft->other_id = *meant;
    draft->resolved_digest = digest;
    if (settle(draft, ret, err))
        return err->code;
    return ERR_OK;
}
