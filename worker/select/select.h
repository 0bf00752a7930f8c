/* select.h - selectors over one complete session list. Pure: the same list, command and rules give
 * the same rows, everywhere. */
#ifndef SELECT_SELECT_H
#define SELECT_SELECT_H

#include "base/zone.h"
#include "model/resolution.h"

/* What is known of the list and its cluster beside what the list says. */
struct select_rules {
    const struct resolve_context *context;
    const struct zone *zone; /* of the cluster's clock; NULL: not configured */
    int64_t tolerance_ms;    /* between that clock and the broker's */
};

/* Can this command's filters be asked at all? Before it is accepted. ERR_INVALID, ERR_TOO_LARGE:
 * what is wrong with its filter or its exclude. ERR_UNSUPPORTED: they need a time zone, and the
 * cluster has none (`has_zone`). */
enum error_code select_check(const struct command *command, bool has_zone,
                             struct error *err) MUST_CHECK;

/* Fills `*ret`. By UUID and by number: one row for everything asked for, in the order asked; twice
 * the same is one row. A guard that differs gives NO_LONGER_MATCHES with the reason; nothing found
 * gives ALREADY_GONE, and so does a number whose bearer surely began after the command; one that
 * may have begun after it gives NO_LONGER_MATCHES. By filter: one row for every session that it
 * clearly matches and that began before the command (with until_empty: whenever it began); in doubt
 * there is none, but with until_empty one for a session that cannot be read (session.h,
 * `unreadable`). "Before" is strict by the tolerance, unless the list was made within it.
 * What the command's exclude matches, or may match, is PROTECTED, and no row of a filter; of what
 * cannot be read only what it clearly matches. Where nobody is to be left, whom it may match and
 * who has no user yet is `undecided`, also in a filter's rows.
 *
 * ERR_NOT_FOUND: the list's infobase names do not hold one that is named. ERR_UNSUPPORTED: the
 * cluster does not report what a filter asks for. ERR_CONFIG: its times cannot be right.
 * ERR_TOO_LARGE: above LIMIT_TARGETS. */
enum error_code select_resolve(const struct command *command, const struct select_rules *rules,
                               const struct session_list *list, struct resolution *ret,
                               struct error *err) MUST_CHECK;

/* What the command's exclude matches, or may match (above), of `*resolution`: PROTECTED, and taken
 * out of a filter's. Nothing without an exclude. ERR_INVALID, ERR_UNSUPPORTED as above; then it is
 * as it was. */
enum error_code select_exclude(const struct command *command, const struct select_rules *rules,
                               const struct session_list *list, struct resolution *resolution,
                               struct error *err) MUST_CHECK;

/* Fills `*ret` with every session of the infobase (nil: the one that the command names),
 * interactive and idle ones first, jobs last. ERR_NOT_FOUND: the list's infobase names do not hold
 * it. */
enum error_code select_drain(const struct command *command, const struct uuid *infobase,
                             const struct session_list *list, struct resolution *ret,
                             struct error *err) MUST_CHECK;

#endif
