/* filter.h - conditions on sessions: read from an expression, checked, printed, and asked of a
 * session. The command line, the worker and `curfew sessions --explain` use this one code.
 *
 *     app in (1CV8, 1CV8C) and idle >= 2h and not user like 'robot*'
 *
 * The language is docs/filters.md; the fields are fields.def and, by their own names, those of
 * model/session.def. Answers have three values: what the cluster does not tell is neither yes nor
 * no, `not` leaves it so, and only a clear yes selects a session. Pure. */
#ifndef SELECT_FILTER_H
#define SELECT_FILTER_H

#include "base/zone.h"
#include "model/command.h"
#include "model/session.h"

/* ---- the expression ---- */

/* Reads an expression into a tree in `arena`, with every field, comparison and value checked.
 * ERR_INVALID: "column 7: ...", counted in characters from 1, with what to write instead.
 * ERR_TOO_LARGE: above LIMIT_FILTER_DEPTH, _NODES or _VALUES. */
enum error_code filter_parse(struct text expression, struct arena *arena, struct filter **ret,
                             struct error *err) MUST_CHECK;
/* Appends the tree as an expression; filter_parse() makes the same tree of it, except that a list
 * of one is printed as its only child. The tree must be checked. */
void filter_print(const struct filter *filter, struct buf *out);
/* Does the filter name this very application, not merely match it: by `app =` or `app in` that is
 * not under `not`? */
bool filter_names_application(const struct filter *filter, const char *app_id);

/* ---- the matcher: a filter made ready ---- */

struct matcher;

/* ERR_INVALID: an empty filter or list, an unknown field, a comparison that the field does not
 * have, a value of another type: the message names the field and what to write.
 * ERR_TOO_LARGE: more than the limits. The filter is not needed afterwards. */
enum error_code matcher_create(const struct filter *filter, struct matcher **ret,
                               struct error *err) MUST_CHECK;
void matcher_destroy(struct matcher *matcher);
AUTO_TYPE(matcher)
/* Does it ask for an age? That needs the cluster's time zone. */
bool matcher_needs_zone(const struct matcher *matcher);

/* ---- a list to ask it of ---- */

/* When and where a list was made. */
struct filter_time {
    const struct zone *zone; /* of the cluster's clock; NULL: not known, and ages with it */
    struct wall from;        /* the list was made between these two */
    struct wall until;
    int64_t tolerance_ms; /* how far the cluster's clock may be off */
};

/* A list made ready; borrows it and the zone. */
struct filter_view;
struct filter_view *filter_view_create(const struct session_list *list,
                                       const struct filter_time *time);
void filter_view_destroy(struct filter_view *view);
AUTO_TYPE(filter_view)

/* ERR_UNSUPPORTED: the cluster's version does not report a field that is asked for.
 * ERR_INVALID: an infobase named exactly is not among the list's names.
 * ERR_UNSUPPORTED as well: an age, and no time zone. */
enum error_code matcher_fits(const struct matcher *matcher, const struct filter_view *view,
                             struct error *err) MUST_CHECK;

enum truth { TRUTH_NO, TRUTH_UNKNOWN, TRUTH_YES };
/* "no", "unknown", "yes" */
const char *truth_label(enum truth truth);

enum truth matcher_ask(const struct matcher *matcher, const struct filter_view *view,
                       const struct session *session);
/* The same condition by condition: its expression, what the session has there, and the answer. The
 * texts are valid until `visit` returns. Gives the answer as a whole. */
enum truth matcher_explain(const struct matcher *matcher, const struct filter_view *view,
                           const struct session *session,
                           void (*visit)(void *self, const char *condition, const char *value,
                                         enum truth truth),
                           void *self);

/* Did the session begin before `moment`, by the cluster's clock? Unknown within the tolerance, in
 * an hour that comes twice, and without a zone. */
enum truth filter_began_before(const struct filter_time *time, const struct session *session,
                               struct wall moment);

#endif
