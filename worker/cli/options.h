/* options.h - the options of a command as a table to walk: for completion and for typing errors. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <argp.h>

#include "base/error.h"

enum { OPTIONS_MAX = 128 }; /* of one command, its children's included */

/* Collects every visible long option of a table and its children; how many. */
size_t options_list(const struct argp *argp, const struct argp_option *ret[OPTIONS_MAX]);
/* ERR_USAGE: a long option that the table does not have, nor begins so; with the nearest one. What
 * else may be wrong is argp's business. */
enum error_code options_check(const struct argp *argp, int argc, char **argv,
                              struct error *err) MUST_CHECK;

#endif
