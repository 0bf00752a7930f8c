#include "model/event.h"

#include "base/check.h"

const char *event_kind_label(enum event_kind kind)
{
    static const char *const labels[EVENT_KINDS] = {
        "none",   "accepted", "rejected",  "completed", "partially_completed",
        "failed", "expired",  "cancelled", "dry_run",   "session"};
    CHECK((unsigned)kind < EVENT_KINDS);
    return labels[kind];
}
