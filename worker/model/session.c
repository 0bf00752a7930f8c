#include "model/session.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "model/application.h"

struct field_row {
    const char *name;
    enum session_field_type type;
    size_t offset;
};

static const struct field_row fields[SESSION_FIELD_COUNT] = {
#define FIELD(type, name)                                                                          \
    [SESSION_##name] = {#name, SESSION_TYPE_##type, offsetof(struct session, name)},
#include "model/session.def"
#undef FIELD
};

_Static_assert((int)SESSION_FIELD_COUNT <= 64, "`reported` is one 64-bit mask");

/* Open addressing; no slot is ever taken away. */
struct session_index {
    const struct session **slots; /* owned; NULL until the first search */
    size_t mask;
};

enum { WORTH_AN_INDEX = 16 }; /* sessions; fewer are looked through faster */

struct session_list *session_list_create(size_t max_bytes)
{
    struct session_list *list = mem_new(struct session_list);
    list->arena = arena_create(max_bytes);
    list->index = mem_new(struct session_index);
    return list;
}

void session_list_destroy(struct session_list *list)
{
    if (!list)
        return;
    arena_destroy(list->arena);
    if (list->index)
        free(list->index->slots);
    free(list->index);
    free(list);
}

/* Of all its bytes: somebody may count his UUIDs up in a few of them, wherever these stand. */
static size_t slot_of(const struct uuid *uuid, size_t mask)
{
    uint64_t halves[2];
    memcpy(halves, uuid->bytes, sizeof halves);
    uint64_t hash = halves[0] ^ (halves[1] >> 32 | halves[1] << 32);
    hash = (hash ^ hash >> 32) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ hash >> 29) * 0xBF58476D1CE4E5B9u;
    return (hash ^ hash >> 32) & mask;
}

static void index_fill(struct session_index *index, const struct session_list *list)
{
    size_t size = 2 * WORTH_AN_INDEX;
    while (size < 2 * list->count)
        size *= 2;
    index->mask = size - 1;
    index->slots = mem_alloc(size, sizeof index->slots[0]);
    for (size_t i = 0; i < list->count; i++) {
        size_t slot = slot_of(&list->sessions[i].uuid, index->mask);
        while (index->slots[slot])
            slot = (slot + 1) & index->mask;
        index->slots[slot] = &list->sessions[i];
    }
}

static const struct session *index_find(const struct session_index *index, const struct uuid *uuid)
{
    for (size_t slot = slot_of(uuid, index->mask); index->slots[slot];
         slot = (slot + 1) & index->mask)
        if (uuid_equal(&index->slots[slot]->uuid, uuid))
            return index->slots[slot];
    return NULL;
}

const struct session *session_list_find(const struct session_list *list, const struct uuid *uuid)
{
    if (list->index && list->count >= WORTH_AN_INDEX) {
        if (!list->index->slots)
            index_fill(list->index, list);
        return index_find(list->index, uuid);
    }
    for (size_t i = 0; i < list->count; i++)
        if (uuid_equal(&list->sessions[i].uuid, uuid))
            return &list->sessions[i];
    return NULL;
}

/* Everything that tells one session from another; counters and states may differ. */
static bool is_the_same(const struct session *a, const struct session *b)
{
    return uuid_equal(&a->infobase, &b->infobase) && a->number == b->number &&
           server_time_equal(a->started_at, b->started_at) && !strcmp(a->user_name, b->user_name) &&
           !strcmp(a->app_id, b->app_id) && !strcmp(a->host, b->host);
}

/* Of two entries the one made later knows when the user was last there. */
static void take_later(struct session *first, const struct session *other)
{
    bool unreadable = first->unreadable || other->unreadable;
    if (first->last_active_at.ticks < other->last_active_at.ticks)
        *first = *other;
    first->unreadable = unreadable;
}

/* `again` is told of each entry whether one of its UUID stands before it. */
static enum error_code find_again(struct session_list *list, bool *again, struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct session *session = &list->sessions[i];
        struct session *first =
            &list->sessions[session_list_find(list, &session->uuid) - list->sessions];
        again[i] = first != session;
        if (again[i] && is_the_same(first, session))
            take_later(first, session);
        else if (again[i])
            return error_set(err, ERR_PROTOCOL,
                             "two sessions of one UUID, %s, stand in the list: look at them with "
                             "the cluster's own console",
                             uuid_format(&session->uuid).text);
    }
    return ERR_OK;
}

enum error_code session_list_unite(struct session_list *list, struct error *err)
{
    bool *again = mem_alloc(list->count + 1, sizeof *again);
    size_t kept = 0;
    enum error_code code = find_again(list, again, err);
    for (size_t i = 0; i < list->count && !code; i++)
        if (!again[i])
            list->sessions[kept++] = list->sessions[i];
    free(again);
    if (code || kept == list->count)
        return code;
    list->count = kept;
    if (list->index) { /* it knows the places of before */
        free(list->index->slots);
        list->index->slots = NULL;
    }
    return ERR_OK;
}

const struct infobase_name *session_list_infobase(const struct session_list *list,
                                                  struct text name_or_uuid)
{
    struct uuid uuid;
    bool by_uuid = uuid_read(name_or_uuid, &uuid, NULL) == ERR_OK;
    const struct infobase_name *found = NULL;
    for (size_t i = 0; i < list->infobase_count; i++) {
        const struct infobase_name *infobase = &list->infobases[i];
        if (by_uuid && uuid_equal(&infobase->uuid, &uuid))
            return infobase;
        if (!text_same_name(text_of(infobase->name), name_or_uuid))
            continue;
        if (found && !uuid_equal(&found->uuid, &infobase->uuid))
            return NULL;
        found = infobase;
    }
    return found;
}

struct identity identity_of(const struct session *session)
{
    size_t user = strlen(session->user_name) + 1;
    size_t app = strlen(session->app_id) + 1;
    char *texts = mem_alloc(user + app, 1);
    memcpy(texts, session->user_name, user);
    memcpy(texts + user, session->app_id, app);
    return (struct identity){
        .uuid = session->uuid,
        .infobase = session->infobase,
        .number = session->number,
        .started_at = session->started_at,
        .user = texts,
        .app = texts + user,
    };
}

void identity_release(struct identity *identity)
{
    free(identity->user);
    identity->user = NULL;
    identity->app = NULL;
}

static bool logs_in(const char *app_id)
{
    switch (application_class_of(text_of(app_id))) {
    case APPLICATION_JOB:
    case APPLICATION_CONSOLE:
    case APPLICATION_ADMINISTRATION:
    case APPLICATION_SYSTEM:
        return false;
    default:
        return true;
    }
}

bool session_awaits_user(const struct session *session)
{
    return !session->user_name[0] && logs_in(session->app_id);
}

bool identity_matches(const struct identity *identity, const struct session *session)
{
    if (!uuid_equal(&identity->uuid, &session->uuid))
        return false;
    if (!server_time_equal(identity->started_at, session->started_at))
        return false;
    if (strcasecmp(identity->app, session->app_id))
        return false;
    if (!identity->user[0] && logs_in(session->app_id))
        return true;
    return text_same_name(text_of(identity->user), text_of(session->user_name));
}

const char *session_field_name(enum session_field field)
{
    CHECK((unsigned)field < SESSION_FIELD_COUNT);
    return fields[field].name;
}

enum session_field_type session_field_type(enum session_field field)
{
    CHECK((unsigned)field < SESSION_FIELD_COUNT);
    return fields[field].type;
}

enum session_field session_field_find(struct text name)
{
    for (int field = 0; field < SESSION_FIELD_COUNT; field++) {
        const char *at = fields[field].name;
        size_t i = 0;
        while (i < name.length && at[i] &&
               (at[i] == name.at[i] || (at[i] == '_' && name.at[i] == '-')))
            i++;
        if (i == name.length && !at[i])
            return (enum session_field)field;
    }
    return SESSION_FIELD_COUNT;
}

void session_field_print(const struct session *session, enum session_field field, struct buf *out)
{
    CHECK((unsigned)field < SESSION_FIELD_COUNT);
    const void *at = (const char *)session + fields[field].offset;
    switch (fields[field].type) {
    case SESSION_TYPE_UUID:
        if (!uuid_is_nil(at))
            buf_str(out, uuid_format(at).text);
        break;
    case SESSION_TYPE_U32:
        buf_format(out, "%u", *(const uint32_t *)at);
        break;
    case SESSION_TYPE_I64:
        buf_format(out, "%lld", (long long)*(const int64_t *)at);
        break;
    case SESSION_TYPE_TEXT:
        buf_str(out, *(const char *const *)at);
        break;
    case SESSION_TYPE_TIME:
        buf_str(out, server_time_format(*(const struct server_time *)at).text);
        break;
    case SESSION_TYPE_BOOL:
        buf_str(out, *(const bool *)at ? "true" : "false");
        break;
    }
}
