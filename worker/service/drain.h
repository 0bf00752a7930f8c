/* drain.h - whom a drain ends, and what it writes into the infobase's lock: the engine's second
 * question (engine.h, `deny`). Reads the configuration that is in force. Pure. */
#ifndef SERVICE_DRAIN_H
#define SERVICE_DRAIN_H

#include "config/config.h"
#include "engine/engine.h"

/* Protected sessions are named, and a round holds at most limits.targets_per_command to be ended.
 */
enum error_code service_resolve_drain(const struct config *config,
                                      const struct config_cluster *cluster,
                                      const struct command *command,
                                      const struct resolve_context *context,
                                      const struct session_list *list, struct resolution *ret,
                                      struct error *err) MUST_CHECK;
/* `config` is the struct config; the rest as engine.h says. The caller releases `ret->wanted`. */
enum error_code service_deny(void *config, const struct command *command,
                             const struct infobase_lock *seen, struct wall from, struct wall now,
                             struct deny *ret, struct error *err) MUST_CHECK;

#endif
