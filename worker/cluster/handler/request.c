/* The request, as JSON. Members are written in a fixed order. */
#include <inttypes.h>

#include "base/check.h"
#include "base/limits.h"
#include "cluster/handler/codec.h"
#include "model/json.h"
#include "model/session.h"

static void put_name(struct buf *out, const char *name)
{
    bool first = out->length && out->data[out->length - 1] == '{';
    buf_format(out, "%s\"%s\":", first ? "" : ",", name);
}

static void put_text(struct buf *out, const char *name, const char *value)
{
    put_name(out, name);
    if (value && value[0])
        json_quote(out, text_of(value));
    else
        buf_str(out, "null");
}

static void put_number(struct buf *out, const char *name, int64_t value)
{
    put_name(out, name);
    buf_format(out, "%" PRId64, value);
}

static void put_wall(struct buf *out, const char *name, struct wall value)
{
    put_text(out, name, value.ms ? wall_format(value).text : NULL);
}

static void put_uuid(struct buf *out, const char *name, const struct uuid *value)
{
    put_text(out, name, uuid_is_nil(value) ? NULL : uuid_format(value).text);
}

static void put_command(struct buf *out, const struct handler_task *task)
{
    const struct command *command = task->command;
    put_name(out, "command");
    buf_byte(out, '{');
    put_uuid(out, "id", &command->id);
    put_text(out, "requested_by", command->requested_by);
    put_wall(out, "requested_at", command->requested_at);
    put_wall(out, "expires_at", task->expires_at);
    put_text(out, "reason", command->reason);
    put_text(out, "origin", origin_label(command->origin));
    put_text(out, "correlation_id", command->correlation_id);
    put_text(out, "message", command->options.message);
    if (task->mode == HANDLER_AFTER)
        put_text(out, "outcome", command_outcome_label(task->outcome));
    buf_byte(out, '}');
}

static void put_session(struct buf *out, const struct session *session)
{
    put_uuid(out, "session", &session->uuid);
    put_number(out, "number", session->number);
    put_uuid(out, "infobase", &session->infobase);
    put_text(out, "infobase_name", session->infobase_name);
    put_name(out, "properties");
    session_json(session, out);
}

static void put_nothing_found(struct buf *out, const struct handler_target *target)
{
    put_uuid(out, "session", &target->asked_session);
    if (target->asked_by_number)
        put_number(out, "number", target->asked_number);
    else
        put_text(out, "number", NULL);
    put_text(out, "infobase", NULL);
    put_text(out, "infobase_name", NULL);
    put_text(out, "properties", NULL);
}

static void put_outcome(struct buf *out, const struct handler_target *target)
{
    put_text(out, "outcome", target_outcome_label(target->outcome));
    put_name(out, "reason");
    if (!target->reason || !target->reason->code) {
        buf_str(out, "null");
        return;
    }
    buf_byte(out, '{');
    put_text(out, "code", error_label(target->reason->code));
    put_text(out, "message", target->reason->message);
    buf_byte(out, '}');
}

static enum error_code put_target(struct buf *out, const struct handler_task *task,
                                  const struct handler_target *target, struct error *err)
{
    AUTO(arena) arena = arena_create(LIMIT_COMMAND_DECODE_BYTES);
    struct session session;
    struct text bytes = {(const char *)target->snapshot, target->snapshot_length};
    if (bytes.length && session_decode(bytes, arena, &session, err))
        return err ? err->code : ERR_UNDECODABLE;
    buf_byte(out, '{');
    put_number(out, "index", target->index);
    if (bytes.length)
        put_session(out, &session);
    else
        put_nothing_found(out, target);
    if (task->mode == HANDLER_AFTER)
        put_outcome(out, target);
    buf_byte(out, '}');
    return ERR_OK;
}

enum error_code handler_request_write(const struct handler_task *task, int64_t time_limit_ms,
                                      struct buf *out, struct error *err)
{
    CHECK(task->mode > HANDLER_NONE);
    CHECK(task->count >= 1);
    CHECK(task->count <= HANDLER_TARGETS_MAX);
    buf_byte(out, '{');
    put_number(out, "version", HANDLER_VERSION);
    put_text(out, "mode", handler_mode_label(task->mode));
    put_text(out, "cluster", task->cluster);
    put_number(out, "round", task->round);
    put_number(out, "attempt", task->attempt);
    put_number(out, "time_limit_ms", time_limit_ms);
    put_command(out, task);
    put_name(out, "targets");
    for (uint32_t i = 0; i < task->count; i++) {
        buf_byte(out, i ? ',' : '[');
        if (put_target(out, task, &task->targets[i], err))
            return err ? err->code : ERR_UNDECODABLE;
    }
    buf_str(out, "]}\n");
    return out->full ? error_set(err, ERR_TOO_LARGE,
                                 "the request to the handler is larger than %zu bytes", out->max)
                     : ERR_OK;
}
