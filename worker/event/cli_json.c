/* The stable JSON of `curfew watch --json` and `--wait --json`. */
#include <inttypes.h>

#include "base/limits.h"
#include "event/decode.h"
#include "model/json.h"
#include "model/session.h"

/* Members are written in a fixed order; `first` of an object leaves the comma out. */

static void put_name(struct buf *out, const char *name, bool first)
{
    buf_format(out, "%s\"%s\":", first ? "" : ",", name);
}

static void put_text(struct buf *out, const char *name, const char *value)
{
    put_name(out, name, false);
    if (value[0])
        json_quote(out, text_of(value));
    else
        buf_str(out, "null");
}

static void put_uuid(struct buf *out, const char *name, const struct uuid *value)
{
    put_text(out, name, uuid_is_nil(value) ? "" : uuid_format(value).text);
}

static void put_wall(struct buf *out, const char *name, struct wall value)
{
    put_text(out, name, value.ms ? wall_format(value).text : "");
}

static void put_number(struct buf *out, const char *name, int64_t value)
{
    put_name(out, name, false);
    buf_format(out, "%" PRId64, value);
}

static void put_reason(struct buf *out, const struct event_reason *reason)
{
    put_name(out, "reason", false);
    if (!reason->code[0]) {
        buf_str(out, "null");
        return;
    }
    buf_str(out, "{\"code\":");
    json_quote(out, text_of(reason->code));
    buf_str(out, ",\"message\":");
    json_quote(out, text_of(reason->message));
    buf_byte(out, '}');
}

static void put_properties(struct buf *out, struct text snapshot)
{
    put_name(out, "properties", false);
    AUTO(arena) arena = arena_create(LIMIT_COMMAND_DECODE_BYTES);
    struct session session;
    if (!snapshot.length || session_decode(snapshot, arena, &session, NULL)) {
        buf_str(out, "null");
        return;
    }
    session_json(&session, out);
}

static void put_target(struct buf *out, const struct event_target_view *target)
{
    put_name(out, "session", true);
    if (uuid_is_nil(&target->session))
        buf_str(out, "null");
    else
        json_quote(out, text_of(uuid_format(&target->session).text));
    if (target->has_number)
        put_number(out, "number", target->number);
    else
        put_text(out, "number", "");
    put_text(out, "outcome",
             target->outcome == TARGET_NONE ? "" : target_outcome_label(target->outcome));
    put_reason(out, &target->reason);
    put_number(out, "attempts", target->attempts);
    put_wall(out, "decided_at", target->decided_at);
    put_wall(out, "released_at", target->released_at);
    put_properties(out, target->snapshot);
}

static void put_totals(struct buf *out, const struct event_totals *totals)
{
    put_name(out, "totals", false);
    buf_format(out,
               "{\"targets\":%" PRIu32 ",\"ended\":%" PRIu32 ",\"already_gone\":%" PRIu32
               ",\"left\":%" PRIu32 ",\"not_ended\":%" PRIu32 "}",
               totals->targets, totals->ended, totals->already_gone, totals->left,
               totals->not_ended);
}

static void put_place(struct buf *out, const char *name, const char *topic, int32_t partition,
                      int64_t offset)
{
    put_name(out, name, false);
    if (partition < 0) {
        buf_str(out, "null");
        return;
    }
    buf_str(out, "{\"topic\":");
    json_quote(out, text_of(topic));
    buf_format(out, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 "}", partition, offset);
}

static void put_requester(struct buf *out, const struct event_view *view)
{
    put_text(out, "origin", origin_label(view->origin));
    put_text(out, "requested_by", view->requested_by);
    put_text(out, "requested_reason", view->requested_reason);
    put_text(out, "correlation_id", view->correlation_id);
    put_wall(out, "requested_at", view->requested_at);
    put_wall(out, "accepted_at", view->accepted_at);
    put_wall(out, "closed_at", view->closed_at);
}

void event_to_cli_json(const struct event_view *view, struct buf *out)
{
    buf_byte(out, '{');
    put_name(out, "event", true);
    json_quote(out, text_of(view->kind_label));
    put_text(out, "id", view->id);
    put_wall(out, "time", view->time);
    put_uuid(out, "command_id", &view->command_id);
    put_text(out, "cluster", view->cluster);
    put_text(out, "outcome",
             view->outcome == COMMAND_NONE ? "" : command_outcome_label(view->outcome));
    put_reason(out, &view->reason);
    put_totals(out, &view->totals);
    put_name(out, "targets", false);
    for (uint32_t i = 0; i < view->target_count; i++) {
        buf_str(out, i ? ",{" : "[{");
        put_target(out, &view->targets[i]);
        buf_byte(out, '}');
    }
    buf_str(out, view->target_count ? "]" : "[]");
    put_name(out, "duplicate", false);
    buf_str(out, view->duplicate ? "true" : "false");
    put_text(out, "progress", view->progress ? progress_label(view->progress) : "");
    put_wall(out, "until", view->until);
    put_text(out, "resolved_digest", view->resolved_digest);
    put_name(out, "kept_foreign", false);
    buf_str(out, view->kept_foreign ? "true" : "false");
    put_number(out, "part", view->part);
    put_number(out, "parts", view->parts);
    put_requester(out, view);
    put_text(out, "worker", view->worker);
    put_place(out, "source", view->commands_topic, view->command_partition, view->command_offset);
    put_place(out, "journal", view->journal_topic, view->journal_partition, view->journal_offset);
    buf_byte(out, '}');
}
