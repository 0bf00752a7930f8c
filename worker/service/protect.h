/* protect.h - the sessions of a list that nobody may end, and those that keep an infobase from
 * being called empty (I14). Reads the configuration that is in force; asks guard/. */
#ifndef SERVICE_PROTECT_H
#define SERVICE_PROTECT_H

#include "config/config.h"
#include "model/resolution.h"

/* Marks the row when its session is protected. */
void service_protect(const struct config *config, const struct config_cluster *cluster,
                     const struct command *command, struct resolved_row *row);
/* For a command that says when nobody is left: rows of sessions that may be protected as long as
 * they have no user are taken out, and `doubt` names the first of them. */
void service_take_undecided(const struct command *command, struct resolution *resolution);
/* For a command that says when nobody is left. ERR_UNSUPPORTED: one of the rows without a verdict
 * is a session that cannot be read (session.h, `unreadable`); the message names it. */
enum error_code service_check_readable(const struct config *config,
                                       const struct resolution *resolution,
                                       struct error *err) MUST_CHECK;

#endif
