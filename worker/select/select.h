/* select.h - selectors over one complete session list. Pure: the same list and command give the
 * same rows, everywhere. */
#ifndef SELECT_SELECT_H
#define SELECT_SELECT_H

#include "model/resolution.h"

/* Fills `*ret` with one row for everything asked for, in the order asked. Twice the same number or
 * UUID is one row. A guard that differs gives NO_LONGER_MATCHES with the reason; nothing found
 * gives ALREADY_GONE. ERR_NOT_FOUND: the list's infobase names do not hold the named one.
 * ERR_UNSUPPORTED: a selector kind not built yet. */
enum error_code select_resolve(const struct command *command, const struct session_list *list,
                               struct resolution *ret, struct error *err) MUST_CHECK;

#endif
