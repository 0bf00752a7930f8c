/* infobase.h - the lock and jobs setting of an infobase, and the connections of one.
 *
 * The platform keeps message, parameter, code and times also while sessions_deny is off, so all of
 * it is what there was before, and all of it is given back. */
#ifndef MODEL_INFOBASE_H
#define MODEL_INFOBASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "model/server_time.h"

struct infobase_lock {
    struct uuid infobase;
    bool sessions_deny;
    bool scheduled_jobs_deny;
    struct server_time denied_from; /* none: at once */
    struct server_time denied_to;   /* none: open end */
    char *denied_message;           /* owned; NULL is the same as empty */
    char *denied_parameter;         /* owned; NULL is the same as empty */
    char *permission_code;          /* owned; NULL is the same as empty */
    char *name; /* owned: of the infobase, as its cluster says; NULL or "": not told, or not UTF-8.
                   No part of the lock: never compared, never written */
};

/* What `from` owns is copied. */
struct infobase_lock infobase_lock_copy(const struct infobase_lock *from);
/* Frees the texts. */
void infobase_lock_release(struct infobase_lock *lock);
/* Frees the struct as well; NULL is allowed. */
void infobase_lock_destroy(struct infobase_lock *lock);
AUTO_TYPE(infobase_lock)
/* Do both deny sessions alike: the switch, the window, message, parameter and code? Jobs apart. */
bool infobase_lock_same_sessions(const struct infobase_lock *a, const struct infobase_lock *b);
bool infobase_lock_equal(const struct infobase_lock *a, const struct infobase_lock *b);

struct connection {
    struct uuid uuid;
    struct uuid process;
    struct uuid infobase;
    const char *application;
    const char *host;
    uint32_t number;
    uint32_t session_number; /* 0 = no session attached */
    struct server_time connected_at;
};

struct connection_list {
    struct arena *arena; /* owns the rest */
    struct connection *connections;
    size_t count;
};

void connection_list_destroy(struct connection_list *list);
AUTO_TYPE(connection_list)

#endif
