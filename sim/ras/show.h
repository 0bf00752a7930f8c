/* show.h - the simulated world as JSON, for the answers of the control port. Every object is the
 * caller's. Internal to sim/ras. */
#ifndef SIM_RAS_SHOW_H
#define SIM_RAS_SHOW_H

#include <jansson.h>

#include "sim/ras/server_internal.h"

/* Takes `value`. */
void show_put(json_t *object, const char *key, json_t *value);
void show_put_text(json_t *object, const char *key, struct text text);

json_t *show_session(const struct world_session *session);
json_t *show_infobase(const struct world_infobase *infobase);
json_t *show_connection(const struct world_connection *connection);
json_t *show_cluster(const struct ras_sim *sim, const struct world_cluster *cluster);
json_t *show_counters(const struct ras_sim *sim);

#endif
