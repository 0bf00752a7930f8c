/* session.h - a session as a cluster lists it, a whole list, and the identity that must not change
 * before the end. */
#ifndef MODEL_SESSION_H
#define MODEL_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "model/server_time.h"

enum session_field {
#define FIELD(type, name) SESSION_##name,
#include "model/session.def"
#undef FIELD
    SESSION_FIELD_COUNT
};

enum session_field_type {
    SESSION_TYPE_UUID,
    SESSION_TYPE_U32,
    SESSION_TYPE_I64,
    SESSION_TYPE_TEXT,
    SESSION_TYPE_TIME,
    SESSION_TYPE_BOOL
};

#define SESSION_C_UUID struct uuid
#define SESSION_C_U32 uint32_t
#define SESSION_C_I64 int64_t
#define SESSION_C_TEXT const char *
#define SESSION_C_TIME struct server_time
#define SESSION_C_BOOL bool

struct session {
#define FIELD(type, name) SESSION_C_##type name;
#include "model/session.def"
#undef FIELD
    uint64_t reported; /* bit 1 << enum session_field: this cluster's version reports the field */
    bool unreadable;   /* a text of it, or its infobase's name, is not UTF-8 and is shown by its
                          bytes: nobody can tell by it whether the session is protected */
};

/* Texts are zero-closed, valid UTF-8 and live in the list's arena. */

struct infobase_name {
    struct uuid uuid;
    const char *name;
    bool unreadable; /* it is not UTF-8; `name` shows its bytes */
};

/* Has it no user name because somebody is just logging in? The user is told by a later list, and
 * may be anybody. Jobs are started for a user, or for none and then for ever: they do not log in.
 * Neither does what belongs to the cluster itself (applications.def). */
bool session_awaits_user(const struct session *session);

struct session_index;

/* One complete, authenticated answer of a cluster. An incomplete one never becomes a session_list
 * (I7). */
struct session_list {
    struct arena *arena; /* owns everything below */
    struct session *sessions;
    size_t count;
    struct infobase_name *infobases; /* as of this list, or read at most `infobase_cache` earlier */
    size_t infobase_count;
    bool has_infobases;
    bool one_infobase;           /* only the sessions of one infobase were asked for */
    struct instant started;      /* boot clock: the request's first byte was handed to the kernel */
    struct instant finished;     /* boot clock: the answer's last byte was read */
    struct session_index *index; /* owned; NULL: the list is searched from its start */
};

/* An empty one, whose sessions and texts are to live in its arena of at most `max_bytes`. */
struct session_list *session_list_create(size_t max_bytes);
void session_list_destroy(struct session_list *list);
AUTO_TYPE(session_list)
/* The first session of this UUID, or NULL. Thousands of targets look into one list of thousands:
 * the first search of a list that session_list_create() made puts it in order by UUID, and
 * `sessions` may not change from then on. */
const struct session *session_list_find(const struct session_list *list, const struct uuid *uuid);
/* A session can stand in a list twice, as when it moves between two processes while the list is
 * made: the entry of its latest activity stays, in the first one's place. ERR_PROTOCOL: two that
 * are not the same session have one UUID, and the end of one would be the end of the other, whoever
 * is protected. Then there is no list. */
enum error_code session_list_unite(struct session_list *list, struct error *err) MUST_CHECK;
/* NULL when the list does not know the infobase, or two of this name. */
const struct infobase_name *session_list_infobase(const struct session_list *list,
                                                  struct text name_or_uuid);

/* What must still be the same when the session is ended: a UUID alone is trusted nowhere. */
struct identity {
    struct uuid uuid;
    struct uuid infobase;
    uint32_t number;
    struct server_time started_at;
    char *user; /* owned */
    char *app;  /* in the same memory */
};

/* A copy, to be released by the caller. */
struct identity identity_of(const struct session *session);
void identity_release(struct identity *identity);
/* An empty user in the identity matches any where a session has no user name for a moment after its
 * start; a job without one never gets one (session_awaits_user()). */
bool identity_matches(const struct identity *identity, const struct session *session);

/* As session.def spells it, which is how filters and JSON do. */
const char *session_field_name(enum session_field field);
enum session_field_type session_field_type(enum session_field field);
/* SESSION_FIELD_COUNT when there is none of that name. `-` and `_` are the same. */
enum session_field session_field_find(struct text name);
/* The field's value as text, as the contract prints it; numbers in decimal, BOOL true/false, none
 * empty. */
void session_field_print(const struct session *session, enum session_field field, struct buf *out);

/* Appends one JSON object without blanks, a member for every field in the order of session.def:
 * numbers and booleans as such, texts quoted, what is not there as null. */
void session_json(const struct session *session, struct buf *out);

/* The snapshot as protobuf (curfew.v1.SessionSnapshot): appended to `out`. */
void session_encode(const struct session *session, struct buf *out);
/* Reads a snapshot; texts go to `arena`. ERR_UNDECODABLE on bad bytes or texts. */
enum error_code session_decode(struct text bytes, struct arena *arena, struct session *ret,
                               struct error *err) MUST_CHECK;

#endif
