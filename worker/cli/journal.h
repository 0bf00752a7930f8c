/* journal.h - the whole journal read into a trace, with progress on a terminal. */
#ifndef CLI_JOURNAL_H
#define CLI_JOURNAL_H

#include "cli/common.h"
#include "cli/link.h"
#include "cli/say.h"
#include "cli/trace.h"

/* Takes what has come of the journal, which `link` reads from its beginning, into the trace. */
void journal_take(struct link *link, struct trace *trace);
/* Reads on until everything that was there at the start is in the trace, with progress. The time of
 * `common` counts from the last record. ERR_JOURNAL, ERR_DEADLINE, ERR_CANCELLED. */
enum error_code journal_read_all(const struct cli_common *common, struct say *talk,
                                 struct link *link, struct trace *trace,
                                 struct error *err) MUST_CHECK;
/* Reads every partition from its first record to its end into a new trace; `visit` (may be NULL) as
 * in trace_on_record(). ERR_NOT_FOUND, ERR_UNAVAILABLE, ERR_AUTH, ERR_JOURNAL, ERR_TIMEOUT. */
enum error_code journal_read(const struct cli_common *common, struct cli_setup *setup,
                             struct say *talk, trace_visit visit, void *self, struct trace **ret,
                             struct error *err) MUST_CHECK;

#endif
