/* rac_look.h - a look at the program of a cluster that is reached through rac. */
#ifndef CLI_RAC_LOOK_H
#define CLI_RAC_LOOK_H

#include "config/config.h"

enum { RAC_LOOK_SIZE = 64 };

/* Runs `rac --version` as the worker would and gives its first line, printable. ERR_CONFIG: it is
 * not there, may not be run, or is no rac; ERR_UNAVAILABLE: it did not end in time. */
enum error_code rac_look(const struct config_cluster *cluster, int64_t timeout_ms,
                         char ret[RAC_LOOK_SIZE], struct error *err) MUST_CHECK;

#endif
