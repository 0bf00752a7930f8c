/* guard.h - may this command run, and may this session be ended? Pure: the same configuration and
 * facts give the same answer everywhere.
 *
 * Two questions at two moments. guard_command() is asked before a command is accepted: shape,
 * limits, expiry, policy. guard_session() is asked for each session that its selector found: the
 * protected classes (I14) and the rules that depend on the infobase. */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "model/command.h"
#include "model/resolution.h"
#include "model/session.h"

struct guard_facts {
    struct wall appended_at; /* first append, by the broker's clock; never 0 */
    struct wall broker_now;  /* best estimate of the broker's clock now; 0 = not known */
    bool control;            /* it stood on the control topic */
};

struct guard_verdict {
    const struct config_cluster *cluster; /* NULL for actions that name no cluster */
    struct wall expires_at; /* never 0: min(what the command says, append + longest validity) */
    uint32_t max_targets;   /* ceiling for this command: the lowest that applies, never 0 */
};

/* ERR_OK, or why it is refused: INVALID (shape, missing requester or reason, requested_at in the
 * future), NOT_FOUND (cluster), TOO_LARGE (targets, grace, hold), EXPIRED, UNSUPPORTED (an option
 * or action that this version does not have), DENIED (policy, reply topic). The message names the
 * field and what would be accepted. `*ret` is filled as far as it is known, also when refused.
 * Control actions (cancel, kill switch) do not expire: they take effect when they are read. What
 * stops something (a cancel, the kill switch engaged) needs neither requester nor reason. */
enum error_code guard_command(const struct config *config, const struct command *command,
                              const struct guard_facts *facts, struct guard_verdict *ret,
                              struct error *err) MUST_CHECK;

/* May this session be ended by this command? ERR_OK, or ERR_DENIED with the reason for its verdict
 * `protected`. `named_exactly`: it was selected by UUID, or the selector names this very
 * application (guard_names_exactly()). Application ids are compared without case; an id that
 * Curfew does not know is not protected by class. One with a text that cannot be read (session.h,
 * `unreadable`) is protected. Where the policy protects users, so is a session that has no user
 * name yet (session_awaits_user()): if nothing else protects it, `*ret_undecided` becomes true,
 * else it is untouched. A job without a user is nobody's, and not protected by user. */
enum error_code guard_session(const struct config *config, const struct config_cluster *cluster,
                              const struct command *command, const struct session *session,
                              bool named_exactly, bool *ret_undecided,
                              struct error *err) MUST_CHECK;
/* Does the session belong to an application that is never ended (the cluster's own, consoles, those
 * of policy.protected_applications)? A filter does not mean such sessions: RAS opens one of its own
 * wherever it is asked. */
bool guard_is_never_meant(const struct config *config, const struct session *session);
/* May these sessions be ended by one command? Those of `resolution` without a verdict count.
 * ERR_TOO_LARGE: more than its ceiling. ERR_DENIED: a filter selects more than policy.max_share of
 * an infobase's sessions in `list`, those of always protected applications left out of account.
 * Where policy.approve_above is set, such a share and more sessions than that (those of earlier
 * rounds included) are no refusal: `approval_ms` of the resolution says how long a second person's
 * approval is waited for. */
enum error_code guard_resolution(const struct config *config, const struct command *command,
                                 const struct resolve_context *context,
                                 const struct session_list *list, struct resolution *resolution,
                                 struct error *err) MUST_CHECK;
/* May this drain go on with these sessions? Those of `resolution` without a verdict count, with all
 * of earlier rounds. ERR_TOO_LARGE: more than options.max_targets. Above policy.approve_above
 * `approval_ms` is set, as above; the approval covers the whole list. */
enum error_code guard_drain(const struct config *config, const struct command *command,
                            const struct resolve_context *context, struct resolution *resolution,
                            struct error *err) MUST_CHECK;
/* May this command lock that infobase, by its UUID and name as the cluster says them (nil, NULL:
 * not told)? The command knew only one of them. ERR_DENIED names the rule. */
enum error_code guard_infobase(const struct config *config, const struct config_cluster *cluster,
                               const struct command *command, const struct uuid *infobase,
                               const char *name, struct error *err) MUST_CHECK;
/* Does the command's selector name this session's application, so that `Designer` is meant? By UUID
 * (sessions) or by guard.application (numbers). What a filter names is told by select/. */
bool guard_names_exactly(const struct command *command, const struct session *session);

#endif
