/* map.h - from records of the wire to what the rest of Curfew knows. Texts are copied. */
#ifndef CLUSTER_RAS_MAP_H
#define CLUSTER_RAS_MAP_H

#include "cluster/executor.h"
#include "cluster/ras/names.h"
#include "cluster/ras/wire.h"

/* Replaces what was there. ERR_TOO_LARGE: nothing changed. */
enum error_code ras_names_take(struct ras_names *names, const struct ras_message *message,
                               struct instant read_at, struct error *err) MUST_CHECK;
/* The sessions of a list (66, 68) or of one (70). `infobase_name` stays empty until
 * ras_map_names(). ERR_PROTOCOL: one has no UUID, or a text that no journal record could hold, or
 * session_list_unite() refuses them. */
enum error_code ras_map_sessions(const struct ras_message *message, unsigned version,
                                 struct session_list **ret, struct error *err) MUST_CHECK;
/* Copies `names` into the list and names every session's infobase. */
enum error_code ras_map_names(struct session_list *list, const struct ras_names *names,
                              struct error *err) MUST_CHECK;

/* ERR_UNSUPPORTED: it holds a text that could not be given back as it was, so it must not be
 * changed either. */
enum error_code ras_map_lock(const struct ras_infobase *record, struct infobase_lock **ret,
                             struct error *err) MUST_CHECK;
/* Sets the fields of the lock, and nothing else, in `record`; borrows the texts of `lock`. */
void ras_map_set_lock(const struct infobase_lock *lock, struct ras_infobase *record);

/* A new list, owned by the caller, of a connection_list answer (records.def). */
enum error_code ras_map_connections(const struct ras_message *message, struct connection_list **ret,
                                    struct error *err) MUST_CHECK;

#endif
