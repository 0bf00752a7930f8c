/* verdict.h - how one command ended, gathered from the events about it: for people, for scripts,
 * and as an exit status. Pure. */
#ifndef CLI_VERDICT_H
#define CLI_VERDICT_H

#include <stdio.h>

#include "cli/say.h"
#include "event/decode.h"

enum { VERDICT_PARTS_MAX = 1000 };

struct verdict {
    struct event_view **parts; /* owned, and what they point at; NULL where not seen yet */
    uint32_t count;            /* parts of the final event; 0: not seen yet */
    uint32_t seen;
};

void verdict_release(struct verdict *verdict);
/* Takes one event of the command; others than the final one are dropped. An event that comes twice
 * counts once. True when the end is complete: every part of the final event is there. */
bool verdict_add(struct verdict *verdict, struct event_view *view);
bool verdict_is_complete(const struct verdict *verdict);
/* The first part: outcome, reason, totals. Complete ones only, as all below. */
const struct event_view *verdict_head(const struct verdict *verdict);
/* completed and dry_run 0, partially 3, failed 1 (5 when every target is protected), rejected by
 * its reason, expired 6, cancelled 1. */
int verdict_exit_status(const struct verdict *verdict);
/* A table of what became of each target; nothing when there are none. */
void verdict_table(const struct verdict *verdict, const struct say *say);
/* One object with all targets, as event_to_cli_json() writes it. */
void verdict_json(const struct verdict *verdict, struct buf *out);
/* One sentence: "completed: 5 sessions gone (4 ended, 1 already gone)". */
void verdict_summary(const struct verdict *verdict, struct buf *out);
/* The colour that goes with an outcome. */
enum paint verdict_paint(enum command_outcome outcome);

/* One line for a list of events: time, kind, cluster, command, numbers and reason. Printable. */
void event_line(const struct event_view *view, struct buf *out);

#endif
