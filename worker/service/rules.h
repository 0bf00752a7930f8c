/* rules.h - whom a command means: the engine's question (engine.h, `resolve`), answered from one
 * complete list and the configuration that is in force. Pure. */
#ifndef SERVICE_RULES_H
#define SERVICE_RULES_H

#include "model/resolution.h"

/* `config` is the struct config; rows borrow from it, from the command and from the list. What the
 * errors mean to the command: engine.h. */
enum error_code service_resolve(void *config, const struct command *command,
                                const struct resolve_context *context,
                                const struct session_list *list, struct resolution *ret,
                                struct error *err) MUST_CHECK;

#endif
