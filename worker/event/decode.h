/* decode.h - events as they are read back by `curfew watch` and `--wait`, and their stable JSON.
 *
 * Takes what event/encode.h makes, in every style, and what a newer worker makes: unknown fields
 * and kinds are no error. Lives in an arena of its own; texts are zero-closed and never NULL. */
#ifndef EVENT_DECODE_H
#define EVENT_DECODE_H

#include "model/event.h"
#include "model/message.h"

enum { EVENT_KIND_TEXT_SIZE = 32 };

struct event_reason {
    const char *code; /* an error label (base/error.def); "": none */
    const char *message;
};

struct event_target_view {
    struct uuid session; /* nil: none was found */
    bool has_number;
    uint32_t number;
    enum target_outcome outcome; /* NONE: one that this program does not know */
    struct event_reason reason;
    struct text snapshot; /* SessionSnapshot bytes; empty: none */
    uint32_t attempts;
    struct wall decided_at;
    struct wall released_at;
};

struct event_totals {
    uint32_t targets;
    uint32_t ended;
    uint32_t already_gone;
    uint32_t left;
    uint32_t not_ended;
};

struct event_view {
    struct arena *arena; /* owns everything, this struct apart */
    const char *id;      /* CloudEvents id, source and subject; "" for a bare message */
    const char *source;
    const char *subject;
    struct wall time;
    enum event_kind kind;                  /* NONE: one that this program does not know */
    char kind_label[EVENT_KIND_TEXT_SIZE]; /* as written: "completed", "pending_approval", ... */
    struct uuid command_id;                /* nil for undecodable input */
    const char *cluster;
    enum command_outcome outcome; /* NONE: not the end yet */
    struct event_reason reason;
    struct event_target_view *targets;
    uint32_t target_count;
    struct event_totals totals;
    enum origin origin;
    const char *requested_by;
    const char *requested_reason;
    const char *correlation_id;
    struct wall requested_at;
    struct wall accepted_at;
    struct wall closed_at;
    bool duplicate;
    enum progress progress;      /* NONE: no progress event, or one not known here */
    struct wall until;           /* 0: nothing is waited for */
    const char *resolved_digest; /* "": none */
    bool kept_foreign;
    uint32_t part; /* from 1 */
    uint32_t parts;
    const char *worker;
    const char *commands_topic; /* the command's place; partition -1: not told */
    int32_t command_partition;
    int64_t command_offset;
    const char *journal_topic;
    int32_t journal_partition; /* -1: not told */
    int64_t journal_offset;
};

void event_view_destroy(struct event_view *view);
AUTO_TYPE(event_view)

/* ERR_UNDECODABLE, ERR_INVALID, ERR_TOO_LARGE, ERR_UNSUPPORTED: not an event of ours. */
enum error_code event_decode(const struct message *message, struct event_view **ret,
                             struct error *err) MUST_CHECK;
/* Does this end the command? With parts, the last one comes last (one key, one order). */
bool event_view_is_final(const struct event_view *view);
/* Appends one JSON object without a line break. Names are those of the contract in snake_case,
 * outcomes the labels of model/outcome.h; absent texts and moments are null; fields are added,
 * never renamed. `properties` of a target are printed as `curfew sessions --json` prints them. */
void event_to_cli_json(const struct event_view *view, struct buf *out);

#endif
