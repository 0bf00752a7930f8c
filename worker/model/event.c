#include "model/event.h"

#include "base/check.h"

const char *event_kind_label(enum event_kind kind)
{
    static const char *const labels[EVENT_KINDS] = {
        "none",     "accepted",  "rejected",     "completed", "partially_completed", "failed",
        "expired",  "cancelled", "dry_run",      "session",   "pending_approval",    "progress",
        "released", "restored",  "order_refused"};
    CHECK((unsigned)kind < EVENT_KINDS);
    return labels[kind];
}

const char *progress_label(enum progress progress)
{
    static const char *const labels[PROGRESS_COUNT] = {
        "none", "warned", "waiting", "left", "approved", "not_approved", "round", "holding"};
    CHECK((unsigned)progress < PROGRESS_COUNT);
    return labels[progress];
}
