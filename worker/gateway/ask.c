#include "gateway/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "gateway/connection.h"
#include "model/json.h"

static const char mark_prefix[] = "curfew-gateway:";

/* What is read where; `problem` is filled by whoever finds something. */
struct reading {
    const struct ask *ask;
    struct command *draft;
    struct problem *problem;
    struct {
        const char *cluster;
        const char *infobase;
    } names;
};

static enum problem_kind wrong(struct reading *reading, const char *pointer, const char *what)
{
    problem_set(reading->problem, PROBLEM_INVALID, "%s", what);
    snprintf(reading->problem->pointer, PROBLEM_POINTER_MAX, "%s", pointer);
    return PROBLEM_INVALID;
}

/* ---- members ---- */

/* Every member of `object` is one of the NULL-closed names. */
static enum problem_kind only(struct reading *reading, const char *pointer, const json_t *object,
                              const char *const *names)
{
    const char *name;
    const json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        size_t i = 0;
        while (names[i] && strcmp(names[i], name) != 0)
            i++;
        if (names[i])
            continue;
        char what[PROBLEM_POINTER_MAX];
        snprintf(what, sizeof what, "there is no member '%.40s' here", name);
        return wrong(reading, pointer, what);
    }
    return PROBLEM_NONE;
}

/* A text in the draft's arena, "" when absent or null. */
static enum problem_kind read_text(struct reading *reading, const json_t *object, const char *name,
                                   const char *pointer, const char **ret)
{
    const json_t *value = json_object_get(object, name);
    *ret = "";
    if (!value || json_is_null(value))
        return PROBLEM_NONE;
    if (!json_is_string(value))
        return wrong(reading, pointer, "a text is needed");
    *ret = arena_text(reading->draft->arena, json_text(value));
    return *ret ? PROBLEM_NONE : wrong(reading, pointer, "this is too long");
}

/* ---- target ---- */

static const char *cluster_of_server(const struct config_gateway *config, const char *servers)
{
    for (const char *at = servers; *at;) {
        size_t length = strcspn(at, ",");
        for (size_t i = 0; i < config->servers.count; i++)
            if (connection_same_server(text_of(config->servers.items[i].name),
                                       (struct text){at, length}))
                return config->servers.items[i].value;
        at += length + (at[length] == ',');
    }
    return NULL;
}

static enum problem_kind read_connection(struct reading *reading, const char *string)
{
    struct connection_parts parts;
    if (!connection_read(text_of(string), &parts)) {
        problem_set(reading->problem, PROBLEM_CONNECTION_STRING, "%s", "");
        return PROBLEM_CONNECTION_STRING;
    }
    reading->names.cluster = cluster_of_server(reading->ask->config, parts.server);
    if (!reading->names.cluster)
        return problem_set(reading->problem, PROBLEM_UNKNOWN_SERVER, "%s", parts.server);
    reading->names.infobase = arena_text(reading->draft->arena, text_of(parts.infobase));
    CHECK(reading->names.infobase); /* far below the arena's size */
    return PROBLEM_NONE;
}

static enum problem_kind read_place(struct reading *reading, const json_t *target)
{
    const char *string;
    enum problem_kind kind;
    if ((kind =
             read_text(reading, target, "connectionString", "/target/connectionString", &string)) ||
        (kind =
             read_text(reading, target, "cluster", "/target/cluster", &reading->names.cluster)) ||
        (kind =
             read_text(reading, target, "infobase", "/target/infobase", &reading->names.infobase)))
        return kind;
    if (string[0] && (reading->names.cluster[0] || reading->names.infobase[0]))
        return wrong(reading, "/target",
                     "connectionString, or cluster and infobase are needed, not both");
    if (string[0])
        return read_connection(reading, string);
    return reading->names.cluster[0]
               ? PROBLEM_NONE
               : wrong(reading, "/target", "connectionString or cluster is needed");
}

/* ---- sessions ---- */

static enum problem_kind read_guard(struct reading *reading, const json_t *session,
                                    const char *pointer, struct guard *ret)
{
    const char *started;
    enum problem_kind kind;
    *ret = (struct guard){.user = "", .application = ""};
    if ((kind = read_text(reading, session, "user", pointer, &ret->user)) ||
        (kind = read_text(reading, session, "application", pointer, &ret->application)) ||
        (kind = read_text(reading, session, "startedAt", pointer, &started)))
        return kind;
    if (server_time_read(text_of(started), &ret->started_at, NULL))
        return wrong(reading, pointer,
                     "startedAt is a time of the cluster, like 2026-03-01T12:30:45");
    return PROBLEM_NONE;
}

static enum problem_kind read_number(struct reading *reading, const json_t *session, size_t place)
{
    static const char *const names[] = {"number", "user", "application", "startedAt", NULL};
    struct selector *selector = &reading->draft->selector;
    char pointer[PROBLEM_POINTER_MAX];
    snprintf(pointer, sizeof pointer, "/target/sessions/%zu", place);
    const json_t *number = json_object_get(session, "number");
    enum problem_kind kind = only(reading, pointer, session, names);
    if (kind)
        return kind;
    if (!json_is_integer(number) || json_integer_value(number) < 1 ||
        json_integer_value(number) > UINT32_MAX)
        return wrong(reading, pointer, "number is a session number, 1 to 4294967295");
    selector->numbers[place] = (uint32_t)json_integer_value(number);
    for (size_t i = 0; i < place; i++)
        if (selector->numbers[i] == selector->numbers[place])
            return wrong(reading, pointer, "this number stands there twice");
    return read_guard(reading, session, pointer, &selector->guards[place]);
}

static enum problem_kind read_id(struct reading *reading, const json_t *session, size_t place)
{
    static const char *const names[] = {"id", NULL};
    char pointer[PROBLEM_POINTER_MAX];
    snprintf(pointer, sizeof pointer, "/target/sessions/%zu", place);
    enum problem_kind kind = only(reading, pointer, session, names);
    if (kind)
        return kind;
    struct uuid *uuid = &reading->draft->selector.sessions[place];
    if (uuid_read(json_text(json_object_get(session, "id")), uuid, NULL) || uuid_is_nil(uuid))
        return wrong(reading, pointer, "id is the UUID of a session");
    return PROBLEM_NONE;
}

static enum problem_kind check_infobase(struct reading *reading, bool by_number)
{
    bool named = reading->names.infobase[0];
    if (by_number && !named)
        return wrong(reading, "/target", "a number means a session of one infobase: name it");
    reading->draft->selector.infobase = by_number ? reading->names.infobase : "";
    return PROBLEM_NONE;
}

static enum problem_kind read_sessions(struct reading *reading, const json_t *target)
{
    const json_t *sessions = json_object_get(target, "sessions");
    size_t count = json_array_size(sessions); /* 0 for anything else */
    struct selector *selector = &reading->draft->selector;
    struct arena *arena = reading->draft->arena;
    if (count < 1 || count > LIMIT_TARGETS)
        return wrong(reading, "/target/sessions", "an array of 1 to 10000 sessions is needed");
    bool by_number = !json_object_get(json_array_get(sessions, 0), "id");
    enum problem_kind kind = check_infobase(reading, by_number);
    selector->kind = by_number ? SELECTOR_NUMBERS : SELECTOR_SESSIONS;
    selector->count = count;
    selector->numbers = arena_take(arena, count, sizeof *selector->numbers);
    selector->guards = arena_take(arena, count, sizeof *selector->guards);
    selector->sessions = arena_take(arena, count, sizeof *selector->sessions);
    if (!selector->numbers || !selector->guards || !selector->sessions)
        return wrong(reading, "/target/sessions", "these are too many");
    for (size_t i = 0; i < count && !kind; i++) {
        const json_t *session = json_array_get(sessions, i);
        kind = by_number ? read_number(reading, session, i) : read_id(reading, session, i);
    }
    return kind;
}

/* ---- the whole ---- */

static enum problem_kind read_head(struct reading *reading, const json_t *body)
{
    struct command *draft = reading->draft;
    const char *person;
    enum problem_kind kind;
    if ((kind = read_text(reading, body, "requestedBy", "/requestedBy", &person)) ||
        (kind = read_text(reading, body, "reason", "/reason", &draft->reason)) ||
        (kind = read_text(reading, body, "message", "/message", &draft->options.message)))
        return kind;
    const json_t *dry_run = json_object_get(body, "dryRun");
    if (dry_run && !json_is_boolean(dry_run))
        return wrong(reading, "/dryRun", "true or false is needed");
    draft->options.dry_run = json_is_true(dry_run);
    AUTO_BUF name;
    buf_init(&name, 2 * LIMIT_TEXT_BYTES);
    buf_format(&name, "%s%s%s", reading->ask->asker, person[0] ? "/" : "", person);
    draft->requested_by = arena_text(draft->arena, text_of(buf_text(&name)));
    draft->origin = person[0] ? ORIGIN_USER_REQUEST : ORIGIN_APPLICATION;
    return draft->requested_by && !name.full ? PROBLEM_NONE
                                             : wrong(reading, "/requestedBy", "this is too long");
}

static enum problem_kind read_body(struct reading *reading, const json_t *body)
{
    static const char *const names[] = {"target",  "requestedBy", "reason",
                                        "message", "dryRun",      NULL};
    static const char *const target_names[] = {"connectionString", "cluster", "infobase",
                                               "sessions", NULL};
    const json_t *target = json_object_get(body, "target");
    enum problem_kind kind;
    if ((kind = only(reading, "", body, names)) || (kind = read_head(reading, body)))
        return kind;
    if (!json_is_object(target))
        return wrong(reading, "/target", "an object is needed");
    if ((kind = only(reading, "/target", target, target_names)) ||
        (kind = read_place(reading, target)) || (kind = read_sessions(reading, target)))
        return kind;
    reading->draft->cluster = reading->names.cluster;
    reading->draft->action = ACTION_TERMINATE;
    return PROBLEM_NONE;
}

static struct uuid id_of(const struct ask *ask)
{
    AUTO_BUF name;
    buf_init(&name, 4096);
    buf_format(&name, "%s%s/%.*s", mark_prefix, ask->asker, TEXT_ARGS(ask->key));
    CHECK(!name.full);
    return uuid_derive(name.data, name.length);
}

static struct ask_mark mark_of(const struct command *draft)
{
    struct sha256 digest = command_digest(draft);
    struct ask_mark mark;
    AUTO_BUF text;
    buf_init(&text, sizeof mark.text - 1);
    buf_str(&text, mark_prefix);
    text_hex(&text, digest.bytes, 16);
    CHECK(!text.full);
    memcpy(mark.text, buf_text(&text), text.length + 1);
    return mark;
}

bool ask_is_mark(const char *correlation_id)
{
    return !strncmp(correlation_id, mark_prefix, sizeof mark_prefix - 1) &&
           strlen(correlation_id) < ASK_MARK_SIZE;
}

enum problem_kind ask_read(const struct ask *ask, struct command **ret, struct ask_mark *ret_mark,
                           struct problem *ret_problem)
{
    struct error err;
    AUTO(command) draft = command_create();
    struct reading reading = {ask, draft, ret_problem, {"", ""}};
    json_t *body = json_read(ask->body, &err);
    if (!json_is_object(body)) {
        problem_set(ret_problem, PROBLEM_BAD_JSON, "%s", body ? "no object" : err.message);
        json_decref(body);
        return PROBLEM_BAD_JSON;
    }
    enum problem_kind kind = read_body(&reading, body);
    json_decref(body);
    if (kind)
        return kind;
    draft->id = id_of(ask);
    *ret_mark = mark_of(draft);
    draft->correlation_id = ret_mark->text;
    if (command_settle(draft, ret, &err))
        return problem_set(ret_problem, PROBLEM_INVALID, "%s", err.message);
    return PROBLEM_NONE;
}
