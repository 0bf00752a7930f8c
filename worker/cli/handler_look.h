/* handler_look.h - could the worker run this handler? It is looked at, and not run. */
#ifndef CLI_HANDLER_LOOK_H
#define CLI_HANDLER_LOOK_H

#include "config/config.h"

/* ERR_CONFIG: it is not there, or this user may not run it. */
enum error_code handler_look(const struct config_handler *handler, struct error *err) MUST_CHECK;

#endif
