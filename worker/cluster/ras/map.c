#include "cluster/ras/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"

/* The most memory that one list may take: the wire's packet limit and the room for pointers. */
#define LIST_BYTES ((size_t)256 * 1024 * 1024)
#define NAMES_BYTES ((size_t)64 * 1024 * 1024)

static enum error_code too_large(struct error *err, const char *what)
{
    return error_set(err, ERR_TOO_LARGE, "the list of %s exceeds the memory for it", what);
}

/* A session travels whole in a journal record (LIMIT_RECORD_BYTES): one that could not would stop
 * its partition, and with it the clusters beside this one. */
static enum error_code too_long(struct error *err, const char *what)
{
    return error_set(err, ERR_PROTOCOL, "a text of a %s is longer than %d bytes", what,
                     LIMIT_RAS_STRING_BYTES);
}

/* Valid UTF-8 in any case: what is not shows its bytes (\xNN), and is told in `*unreadable`. */
static const char *copy(struct arena *arena, struct text text, bool *unreadable)
{
    if (!text.length)
        return "";
    if (text_valid(text))
        return arena_text(arena, text);
    *unreadable = true;
    AUTO_BUF shown;
    buf_init(&shown, LIMIT_RAS_STRING_BYTES);
    text_printable(&shown, text);
    return arena_text(arena, (struct text){buf_text(&shown), shown.length});
}

/* ---- names ---- */

enum error_code ras_names_take(struct ras_names *names, const struct ras_message *message,
                               struct instant read_at, struct error *err)
{
    CHECK(message->layout == &ras_infobase_short_layout);
    const struct ras_infobase_short *records = message->records;
    struct arena *arena = arena_create(NAMES_BYTES);
    struct infobase_name *items = arena_take(arena, message->count + 1, sizeof *items);
    bool fits = items;
    for (uint32_t i = 0; fits && i < message->count; i++) {
        if (records[i].name.length > LIMIT_RAS_STRING_BYTES) {
            arena_destroy(arena);
            return too_long(err, "infobase");
        }
        items[i].uuid = records[i].uuid;
        items[i].name = copy(arena, records[i].name, &items[i].unreadable);
        fits = items[i].name;
    }
    if (!fits) {
        arena_destroy(arena);
        return too_large(err, "infobases");
    }
    ras_names_set(names, arena, items, message->count, read_at);
    return ERR_OK;
}

/* ---- sessions ---- */

/* Counters and numbers that are never negative in the model; on the wire they are signed. */
static uint32_t natural(int32_t value)
{
    return value > 0 ? (uint32_t)value : 0;
}

/* The fields that an endpoint of this version has, as bits of `reported`. */
static uint64_t reported(unsigned version)
{
    uint64_t bits = 1ull << SESSION_number; /* session_id on the wire */
    for (size_t i = 0; i < ras_session_layout.field_count; i++) {
        const struct ras_field *field = &ras_session_layout.fields[i];
        enum session_field known = session_field_find(text_of(field->name));
        if (field->since <= version && known != SESSION_FIELD_COUNT)
            bits |= 1ull << known;
    }
    return bits;
}

#define SAME(name) .name = record->name
#define TEXT_OF(name) .name = copy(arena, record->name, &unreadable)
#define NATURAL(name) .name = natural(record->name)

static void map_session(const struct ras_session *record, struct arena *arena, struct session *ret)
{
    bool unreadable = false;
    *ret = (struct session){
        SAME(uuid),
        .number = natural(record->session_id),
        SAME(infobase),
        .infobase_name = "",
        TEXT_OF(user_name),
        TEXT_OF(app_id),
        TEXT_OF(host),
        TEXT_OF(client_ip),
        TEXT_OF(locale),
        SAME(started_at),
        SAME(last_active_at),
        SAME(hibernate),
        SAME(connection),
        SAME(process),
        NATURAL(blocked_by_dbms),
        NATURAL(blocked_by_ls),
        SAME(bytes_all),
        SAME(bytes_last_5min),
        SAME(calls_all),
        SAME(calls_last_5min),
        SAME(dbms_bytes_all),
        SAME(dbms_bytes_last_5min),
        TEXT_OF(db_proc_info),
        SAME(db_proc_took),
        SAME(db_proc_took_at),
        SAME(duration_all),
        SAME(duration_all_dbms),
        SAME(duration_current),
        SAME(duration_current_dbms),
        SAME(duration_last_5min),
        SAME(duration_last_5min_dbms),
        SAME(passive_session_hibernate_time),
        SAME(hibernate_session_terminate_time),
        SAME(memory_current),
        SAME(memory_last_5min),
        SAME(memory_total),
        SAME(read_current),
        SAME(read_last_5min),
        SAME(read_total),
        SAME(write_current),
        SAME(write_last_5min),
        SAME(write_total),
        SAME(duration_current_service),
        SAME(duration_last_5min_service),
        SAME(duration_all_service),
        TEXT_OF(current_service_name),
        SAME(cpu_time_current),
        SAME(cpu_time_last_5min),
        SAME(cpu_time_total),
        TEXT_OF(data_separation),
    };
    ret->unreadable = unreadable;
}

/* An arena that is full gave a NULL text somewhere. */
static bool is_whole(const struct session *session)
{
    return session->user_name && session->app_id && session->host && session->client_ip &&
           session->locale && session->db_proc_info && session->current_service_name &&
           session->data_separation;
}

static bool texts_fit(const struct ras_session *record)
{
    const struct text texts[] = {record->user_name,
                                 record->app_id,
                                 record->host,
                                 record->client_ip,
                                 record->locale,
                                 record->db_proc_info,
                                 record->current_service_name,
                                 record->data_separation};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].length > LIMIT_RAS_STRING_BYTES)
            return false;
    return true;
}

enum error_code ras_map_sessions(const struct ras_message *message, unsigned version,
                                 struct session_list **ret, struct error *err)
{
    CHECK(message->layout == &ras_session_layout);
    AUTO(session_list) list = session_list_create(LIST_BYTES);
    const struct ras_session *records = message->records;
    uint64_t bits = reported(version);
    list->sessions = arena_take_raw(list->arena, (message->count + 1) * sizeof *list->sessions);
    if (!list->sessions)
        return too_large(err, "sessions");
    for (uint32_t i = 0; i < message->count; i++) {
        if (!texts_fit(&records[i]))
            return too_long(err, "session");
        map_session(&records[i], list->arena, &list->sessions[i]);
        list->sessions[i].reported = bits;
        if (!is_whole(&list->sessions[i]))
            return too_large(err, "sessions");
        if (uuid_is_nil(&list->sessions[i].uuid)) /* there is no ending it, nor seeing it gone */
            return error_set(err, ERR_PROTOCOL, "a session without a UUID stands in the list");
    }
    list->count = message->count;
    if (session_list_unite(list, err))
        return ERR_PROTOCOL;
    *ret = STEAL(list);
    return ERR_OK;
}

enum error_code ras_map_names(struct session_list *list, const struct ras_names *names,
                              struct error *err)
{
    struct infobase_name *items = arena_take(list->arena, names->count + 1, sizeof *items);
    if (!items)
        return too_large(err, "infobases");
    for (size_t i = 0; i < names->count; i++) {
        items[i] = names->items[i];
        items[i].name = arena_text(list->arena, text_of(names->items[i].name));
        if (!items[i].name)
            return too_large(err, "infobases");
    }
    list->infobases = items;
    list->infobase_count = names->count;
    list->has_infobases = true;
    const struct ras_names own = {.items = items, .count = names->count};
    for (size_t i = 0; i < list->count; i++) {
        const struct infobase_name *name = ras_names_by_uuid(&own, &list->sessions[i].infobase);
        if (name) {
            list->sessions[i].infobase_name = name->name;
            list->sessions[i].unreadable |= name->unreadable;
        }
        list->sessions[i].reported |= 1ull << SESSION_infobase_name;
    }
    return ERR_OK;
}

/* ---- the infobase's lock ---- */

static char *own(struct text text)
{
    return mem_text(text.length ? text.at : "", text.length);
}

/* Can it be kept in the journal, and written again (outgoing texts have a limit)? */
static enum error_code check_lock_text(const char *field, struct text text, struct error *err)
{
    const char *todo = "nothing was changed: correct it with the cluster's own tools";
    if (text.length > LIMIT_RAS_STRING_BYTES)
        return error_set(err, ERR_UNSUPPORTED, "the infobase's '%s' is longer than %d bytes; %s",
                         field, LIMIT_RAS_STRING_BYTES, todo);
    if (text.length && !text_valid(text))
        return error_set(err, ERR_UNSUPPORTED, "the infobase's '%s' is not UTF-8 text; %s", field,
                         todo);
    return ERR_OK;
}

enum error_code ras_map_lock(const struct ras_infobase *record, struct infobase_lock **ret,
                             struct error *err)
{
    if (check_lock_text("denied_message", record->denied_message, err) ||
        check_lock_text("denied_parameter", record->denied_parameter, err) ||
        check_lock_text("permission_code", record->permission_code, err))
        return ERR_UNSUPPORTED;
    struct infobase_lock *lock = mem_new(struct infobase_lock);
    *lock = (struct infobase_lock){
        .infobase = record->uuid,
        SAME(sessions_deny),
        SAME(scheduled_jobs_deny),
        SAME(denied_from),
        SAME(denied_to),
        .denied_message = own(record->denied_message),
        .denied_parameter = own(record->denied_parameter),
        .permission_code = own(record->permission_code),
        /* what cannot be read is not told: its bytes would match no rule that denies it by name */
        .name = own(text_valid(record->name) ? record->name : (struct text){NULL, 0}),
    };
    *ret = lock;
    return ERR_OK;
}

static struct text borrow(const char *text)
{
    return text ? text_of(text) : (struct text){NULL, 0};
}

void ras_map_set_lock(const struct infobase_lock *lock, struct ras_infobase *record)
{
    record->sessions_deny = lock->sessions_deny;
    record->scheduled_jobs_deny = lock->scheduled_jobs_deny;
    record->denied_from = lock->denied_from;
    record->denied_to = lock->denied_to;
    record->denied_message = borrow(lock->denied_message);
    record->denied_parameter = borrow(lock->denied_parameter);
    record->permission_code = borrow(lock->permission_code);
}

/* ---- connections ---- */

static void map_connection(const struct ras_connection *record, struct arena *arena,
                           struct connection *ret)
{
    bool unreadable = false; /* nobody judges by its texts */
    *ret = (struct connection){
        SAME(uuid),
        SAME(process),
        SAME(infobase),
        TEXT_OF(application),
        TEXT_OF(host),
        .number = natural(record->conn_id),
        NATURAL(session_number),
        SAME(connected_at),
    };
}

enum error_code ras_map_connections(const struct ras_message *message, struct connection_list **ret,
                                    struct error *err)
{
    CHECK(message->layout == &ras_connection_layout);
    const struct ras_connection *records = message->records;
    struct arena *arena = arena_create(LIST_BYTES);
    struct connection *connections = arena_take(arena, message->count + 1, sizeof *connections);
    bool fits = connections;
    for (uint32_t i = 0; fits && i < message->count; i++) {
        if (records[i].application.length > LIMIT_RAS_STRING_BYTES ||
            records[i].host.length > LIMIT_RAS_STRING_BYTES) {
            arena_destroy(arena);
            return too_long(err, "connection");
        }
        map_connection(&records[i], arena, &connections[i]);
        fits = connections[i].application && connections[i].host;
    }
    if (!fits) {
        arena_destroy(arena);
        return too_large(err, "connections");
    }
    struct connection_list *list = mem_new(struct connection_list);
    *list = (struct connection_list){arena, connections, message->count};
    *ret = list;
    return ERR_OK;
}
