/* event.h - what is announced: the facts of one notification, before any encoding.
 *
 * Everything is borrowed from whoever made the event, until the next input of the engine: encode at
 * once. */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include "model/command.h"
#include "model/outcome.h"
#include "model/record.h"

/* Values are those of curfew.v1.EventKind. */
enum event_kind {
    EVENT_NONE = 0,
    EVENT_ACCEPTED = 1,
    EVENT_REJECTED = 2,
    EVENT_COMPLETED = 3,
    EVENT_PARTIALLY_COMPLETED = 4,
    EVENT_FAILED = 5,
    EVENT_EXPIRED = 6,
    EVENT_CANCELLED = 7,
    EVENT_DRY_RUN = 8,
    EVENT_SESSION = 9,
    EVENT_PENDING_APPROVAL = 10,
    EVENT_PROGRESS = 11,
    EVENT_RELEASED = 12,
    EVENT_RESTORED = 13,
    EVENT_ORDER_REFUSED = 14, /* command_id: the order's own; no outcome, no journal record */
    EVENT_KINDS = 15
};

/* Values are those of curfew.v1.Progress. */
enum progress {
    PROGRESS_NONE = 0,
    PROGRESS_WARNED = 1,
    PROGRESS_WAITING = 2,
    PROGRESS_LEFT = 3,
    PROGRESS_APPROVED = 4,
    PROGRESS_NOT_APPROVED = 5,
    PROGRESS_ROUND = 6,
    PROGRESS_HOLDING = 7,
    PROGRESS_COUNT = 8
};

struct event_target {
    struct uuid session; /* nil: a number was asked for and nothing was found */
    bool has_number;
    uint32_t number;
    enum target_outcome outcome; /* NONE: not decided yet (accepted events have no targets) */
    const struct reason *reason; /* may be NULL */
    const uint8_t *snapshot;     /* SessionSnapshot bytes; NULL: none */
    uint32_t snapshot_length;
    uint32_t attempts;
    struct wall decided_at;
    struct wall released_at; /* 0: not looked for, or something is left */
};

struct event {
    struct uuid id; /* derived from command and journal place: a re-send has the same */
    enum event_kind kind;
    struct uuid command_id;        /* nil for undecodable input */
    const struct command *command; /* NULL for undecodable input */
    enum command_outcome outcome;  /* NONE for accepted */
    const struct reason *reason;   /* may be NULL */
    const struct event_target *targets;
    uint32_t target_count;
    struct source source; /* the command's place on the commands topic, an order's on control */
    int32_t journal_partition; /* the record that this follows from; -1: none */
    int64_t journal_offset;
    struct wall time;        /* that record's broker time: the event's `time` */
    struct wall accepted_at; /* 0: not accepted */
    struct wall closed_at;   /* 0: not closed */
    bool duplicate;          /* the first result once more, for a repeated command */
    enum progress progress;  /* PROGRESS */
    struct wall until; /* PROGRESS, PENDING_APPROVAL: what is waited for ends then; 0: nothing */
    const char *resolved_digest; /* PENDING_APPROVAL: what an approval must name; NULL: none */
    bool kept_foreign;           /* RESTORED: somebody else's values were kept */
};

/* "warned", "waiting", ...; "none" for NONE. */
const char *progress_label(enum progress progress);

/* "accepted", "rejected", ...: the last part of the CloudEvents type. */
const char *event_kind_label(enum event_kind kind);

#endif
