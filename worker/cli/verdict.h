/* verdict.h - how one command ended, for people and as an exit status. Complete verdicts only.
 * Pure. */
#ifndef CLI_VERDICT_H
#define CLI_VERDICT_H

#include <stdio.h>

#include "cli/say.h"
#include "event/verdict.h"

/* completed and dry_run 0, partially 3, failed 1 (5 when every target is protected), rejected by
 * its reason, expired 6, cancelled 1. */
int verdict_exit_status(const struct verdict *verdict);
/* A table of what became of each target; nothing when there are none. */
void verdict_table(const struct verdict *verdict, const struct say *say);
/* One sentence: "completed: 5 sessions gone (4 ended, 1 already gone)". */
void verdict_summary(const struct verdict *verdict, struct buf *out);
/* The colour that goes with an outcome. */
enum paint verdict_paint(enum command_outcome outcome);

/* One line for a list of events: time, kind, cluster, command, numbers and reason. Printable. */
void event_line(const struct event_view *view, struct buf *out);

#endif
