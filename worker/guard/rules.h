/* rules.h - the ordered allow and deny rules of the policy. Inside this room only.
 *
 * No rules: everything is allowed. Any rule: the first that matches decides, and what matches none
 * is denied. A command that selects by UUID or filter does not say which infobase it means, and one
 * that names an infobase gives its name or its UUID: before the cluster has told both, a rule about
 * infobases may or may not match; then the session decides, or the infobase that is to be locked.
 */
#ifndef GUARD_RULES_H
#define GUARD_RULES_H

#include "config/config.h"
#include "model/command.h"
#include "model/session.h"

/* ERR_DENIED when no session or infobase could be allowed. `cluster` may be NULL. */
enum error_code rules_for_command(const struct config_policy *policy,
                                  const struct config_cluster *cluster,
                                  const struct command *command, struct error *err) MUST_CHECK;
/* As the cluster names it; nil and NULL or "": not told, and in doubt denied. */
enum error_code rules_for_infobase(const struct config_policy *policy,
                                   const struct config_cluster *cluster,
                                   const struct command *command, const struct uuid *infobase,
                                   const char *name, struct error *err) MUST_CHECK;

/* ceiling.c: targets that this command may have, never 0 */
uint32_t ceiling_of(const struct config *config, const struct command *command);
/* protect.c: is no session of this application ever ended? */
bool protect_always(const struct config_policy *policy, const char *app_id);

#endif
