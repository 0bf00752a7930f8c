#include "event/verdict.h"

#include <stdlib.h>

#include "base/check.h"

static void drop(struct verdict *verdict)
{
    for (uint32_t i = 0; i < verdict->count; i++)
        event_view_destroy(verdict->parts[i]);
    free(verdict->parts);
    *verdict = (struct verdict){0};
}

void verdict_release(struct verdict *verdict)
{
    drop(verdict);
}

bool verdict_is_complete(const struct verdict *verdict)
{
    return verdict->count > 0 && verdict->seen == verdict->count;
}

bool verdict_add(struct verdict *verdict, struct event_view *view)
{
    AUTO(event_view) owned = view;
    if (verdict_is_complete(verdict))
        return true;
    if (owned->outcome == COMMAND_NONE || owned->kind == EVENT_SESSION || owned->part < 1 ||
        owned->part > owned->parts || owned->parts > VERDICT_PARTS_MAX)
        return false;
    if (verdict->count != owned->parts) { /* another cut of the same end: begin again */
        drop(verdict);
        verdict->parts = mem_alloc(owned->parts, sizeof(struct event_view *));
        verdict->count = owned->parts;
    }
    struct event_view **place = &verdict->parts[owned->part - 1];
    if (!*place) {
        *place = STEAL(owned);
        verdict->seen++;
    }
    return verdict_is_complete(verdict);
}

const struct event_view *verdict_head(const struct verdict *verdict)
{
    CHECK(verdict_is_complete(verdict));
    return verdict->parts[0];
}

void verdict_json(const struct verdict *verdict, struct buf *out)
{
    struct event_view whole = *verdict_head(verdict); /* borrows everything */
    size_t count = 0;
    for (uint32_t i = 0; i < verdict->count; i++)
        count += verdict->parts[i]->target_count;
    AUTO_FREE struct event_target_view *targets = mem_alloc(count, sizeof *targets);
    whole.targets = targets;
    whole.target_count = 0;
    whole.part = whole.parts = 1;
    for (uint32_t i = 0; i < verdict->count; i++)
        for (uint32_t j = 0; j < verdict->parts[i]->target_count; j++)
            targets[whole.target_count++] = verdict->parts[i]->targets[j];
    event_to_cli_json(&whole, out);
}
