/* choose_handler.h - who ends each session of a list: the worker, or the operator's own program
 * (docs/handler.md). Pure. */
#ifndef SERVICE_CHOOSE_HANDLER_H
#define SERVICE_CHOOSE_HANDLER_H

#include "config/config.h"
#include "model/resolution.h"

/* Fills in the handler of each row; its place is borrowed from the configuration. ERR_UNSUPPORTED:
 * standard processing is off for a session that has none. */
enum error_code service_choose_handlers(const struct config_cluster *cluster,
                                        const struct command *command,
                                        struct resolution *resolution,
                                        struct error *err) MUST_CHECK;

#endif
