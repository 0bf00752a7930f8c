/* verdict.h - how one command ended, gathered from the events about it, which may be in parts.
 * Pure. */
#ifndef EVENT_VERDICT_H
#define EVENT_VERDICT_H

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
/* One object with all targets, as event_to_cli_json() writes it. */
void verdict_json(const struct verdict *verdict, struct buf *out);

#endif
