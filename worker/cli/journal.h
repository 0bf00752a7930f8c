/* journal.h - the whole journal read into a trace, with progress on a terminal. */
#ifndef CLI_JOURNAL_H
#define CLI_JOURNAL_H

#include "cli/common.h"
#include "cli/link.h"
#include "cli/say.h"
#include "cli/trace.h"

/* Opens the journal at its beginning, with a new trace for it that knows what the group's offsets
 * promise of it, as far as they tell. Once per link. ERR_NOT_FOUND,
 * ERR_UNAVAILABLE, ERR_AUTH, ERR_CONFIG. */
enum error_code journal_open(const struct cli_common *common, struct cli_setup *setup,
                             struct link *link, struct trace **ret, struct error *err) MUST_CHECK;
/* Takes what has come of the journal, which `link` reads from its beginning, into the trace. */
void journal_take(struct link *link, struct trace *trace);
/* Reads on until everything that was there at the start is in the trace, with progress; says
 * trace_at_end(). The time of
 * `common` counts from the last record. ERR_JOURNAL, ERR_DEADLINE, ERR_CANCELLED. */
enum error_code journal_read_all(const struct cli_common *common, struct say *talk,
                                 struct link *link, struct trace *trace,
                                 struct error *err) MUST_CHECK;
/* Reads every partition from its first record to its end into a new trace; `visit` (may be NULL) as
 * in trace_on_record(). ERR_NOT_FOUND, ERR_UNAVAILABLE, ERR_AUTH, ERR_JOURNAL, ERR_TIMEOUT. */
enum error_code journal_read(const struct cli_common *common, struct cli_setup *setup,
                             struct say *talk, trace_visit visit, void *self, struct trace **ret,
                             struct error *err) MUST_CHECK;

/* One line for each partition that is not whole, and what that means for what was printed. Returns
 * 0, or the exit status of ERR_JOURNAL when there is one: whatever else was found, it may not be
 * all. */
int journal_tell_doubts(const struct trace *trace, struct say *talk);
/* ERR_JOURNAL when some partition is not whole, so that `cannot`, which rests on the whole journal,
 * cannot be said. */
enum error_code journal_vouch(const struct trace *trace, const char *cannot,
                              struct error *err) MUST_CHECK;

#endif
