/* Events read back: out of the CloudEvent, JSON or protobuf, into a view of our own. */
#include "curfew/v1/event.pb-c.h"

#include <ctype.h>

#include "base/check.h"
#include "base/limits.h"
#include "event/contract.h"
#include "event/decode.h"
#include "model/cloudevent.h"
#include "model/json.h"
#include "model/pb_json.h"

enum {
    VALUE_MAX = 4 * LIMIT_EVENT_BYTES, /* another worker may be configured for more */
    MEMORY_MAX = 64 * 1024 * 1024,
    TEXT_MAX = 64 * 1024
};

typedef Curfew__V1__Event Pb;

void event_view_destroy(struct event_view *view)
{
    if (!view)
        return;
    arena_destroy(view->arena);
    free(view);
}

/* Copies into the view's arena; the first failure is kept in `code`. */
struct reader {
    struct event_view *view;
    enum error_code code;
    struct error *err;
};

static const char *get_text(struct reader *reader, ProtobufCBinaryData bytes, const char *what)
{
    struct text text = {NULL, 0};
    if (!reader->code)
        reader->code = pb_text(bytes, TEXT_MAX, what, &text, reader->err);
    char *copy = reader->code ? NULL : arena_text(reader->view->arena, text);
    if (!copy && !reader->code)
        reader->code = error_set(reader->err, ERR_TOO_LARGE, "the event is too large");
    return copy ? copy : "";
}

static void get_uuid(struct reader *reader, ProtobufCBinaryData bytes, const char *what,
                     struct uuid *ret)
{
    if (reader->code || !bytes.len)
        return;
    reader->code = uuid_read(pb_raw(bytes), ret, reader->err);
    if (reader->code)
        error_wrap(reader->err, "%s", what);
}

static struct wall get_wall(const Google__Protobuf__Timestamp *at)
{
    const int64_t last_second = 253402300799; /* 9999-12-31T23:59:59Z */
    if (!at || at->seconds < 0 || at->seconds > last_second || at->nanos < 0)
        return (struct wall){0};
    return (struct wall){at->seconds * 1000 + at->nanos / 1000000};
}

static struct event_reason get_reason(struct reader *reader, const Curfew__V1__Reason *from)
{
    if (!from)
        return (struct event_reason){"", ""};
    return (struct event_reason){get_text(reader, from->code, "reason code"),
                                 get_text(reader, from->message, "reason message")};
}

static void get_target(struct reader *reader, const Curfew__V1__TargetVerdict *from,
                       struct event_target_view *to)
{
    get_uuid(reader, from->session, "session", &to->session);
    to->has_number = from->number != NULL;
    to->number = from->number ? from->number->value : 0;
    if (from->outcome > 0 && from->outcome < (int)TARGET_OUTCOMES)
        to->outcome = (enum target_outcome)from->outcome;
    to->reason = get_reason(reader, from->reason);
    to->attempts = from->attempts;
    to->decided_at = get_wall(from->decided_at);
    to->released_at = get_wall(from->released_at);
    char *copy = arena_text(reader->view->arena, pb_raw(from->snapshot));
    if (!copy && !reader->code)
        reader->code = error_set(reader->err, ERR_TOO_LARGE, "the event is too large");
    to->snapshot = (struct text){copy, copy ? from->snapshot.len : 0};
}

static void get_targets(struct reader *reader, const Pb *from)
{
    struct event_view *view = reader->view;
    view->targets = arena_take(view->arena, from->n_targets, sizeof view->targets[0]);
    if (!view->targets && !reader->code)
        reader->code = error_set(reader->err, ERR_TOO_LARGE, "the event is too large");
    for (size_t i = 0; !reader->code && i < from->n_targets; i++) {
        get_target(reader, from->targets[i], &view->targets[i]);
        view->target_count = (uint32_t)i + 1;
    }
    if (from->totals)
        view->totals = (struct event_totals){from->totals->targets, from->totals->ended,
                                             from->totals->already_gone, from->totals->left,
                                             from->totals->not_ended};
}

/* A kind of a newer worker keeps its number as label: the contract's names are not known here. */
static void get_kind(struct event_view *view, int kind)
{
    static const char prefix[] = "EVENT_KIND_";
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&curfew__v1__event_kind__descriptor, kind);
    if (kind > 0 && kind < (int)EVENT_KINDS)
        view->kind = (enum event_kind)kind;
    if (!value) {
        snprintf(view->kind_label, sizeof view->kind_label, "%d", kind);
        return;
    }
    const char *name = value->name + sizeof prefix - 1;
    for (size_t i = 0; name[i] && i + 1 < sizeof view->kind_label; i++)
        view->kind_label[i] = (char)tolower((unsigned char)name[i]);
}

static void get_places(struct reader *reader, const Pb *from)
{
    struct event_view *view = reader->view;
    view->command_partition = view->journal_partition = -1;
    view->commands_topic = view->journal_topic = "";
    if (from->source) {
        view->commands_topic = get_text(reader, from->source->topic, "source topic");
        view->command_partition = from->source->partition;
        view->command_offset = from->source->offset;
    }
    if (from->journal) {
        view->journal_topic = get_text(reader, from->journal->topic, "journal topic");
        view->journal_partition = from->journal->partition;
        view->journal_offset = from->journal->offset;
    }
}

static void get_head(struct reader *reader, const Pb *from)
{
    struct event_view *view = reader->view;
    get_kind(view, (int)from->kind);
    get_uuid(reader, from->command_id, "command_id", &view->command_id);
    view->cluster = get_text(reader, from->cluster, "cluster");
    if (from->outcome > 0 && from->outcome < (int)COMMAND_OUTCOMES)
        view->outcome = (enum command_outcome)from->outcome;
    view->reason = get_reason(reader, from->reason);
    if (from->origin > 0 && from->origin < (int)ORIGIN_COUNT)
        view->origin = (enum origin)from->origin;
    view->requested_by = get_text(reader, from->requested_by, "requested_by");
    view->requested_reason = get_text(reader, from->requested_reason, "requested_reason");
    view->correlation_id = get_text(reader, from->correlation_id, "correlation_id");
    view->requested_at = get_wall(from->requested_at);
    view->accepted_at = get_wall(from->accepted_at);
    view->closed_at = get_wall(from->closed_at);
    view->duplicate = from->duplicate != 0;
    if (from->progress > 0 && from->progress < (int)PROGRESS_COUNT)
        view->progress = (enum progress)from->progress;
    view->until = get_wall(from->until);
    view->resolved_digest = get_text(reader, from->resolved_digest, "resolved_digest");
    view->kept_foreign = from->kept_foreign != 0;
    view->part = from->part ? from->part : 1;
    view->parts = from->parts ? from->parts : 1;
    view->worker = get_text(reader, from->worker, "worker");
    get_places(reader, from);
}

static enum error_code read_data(struct event_view *view, struct text bytes, struct error *err)
{
    struct pb_memory memory;
    Pb *from = (Pb *)pb_unpack(&memory, &curfew__v1__event__descriptor, bytes, MEMORY_MAX);
    if (!from)
        return error_set(err, ERR_UNDECODABLE, "the bytes are not a curfew.v1.Event in protobuf");
    struct reader reader = {view, ERR_OK, err};
    get_head(&reader, from);
    get_targets(&reader, from);
    pb_memory_release(&memory);
    return reader.code;
}

static bool is_json(const struct cloudevent *event)
{
    if (event->content != CONTENT_UNKNOWN)
        return event->content == CONTENT_JSON;
    return json_likely(event->data);
}

static enum error_code read_content(struct event_view *view, const struct cloudevent *event,
                                    struct error *err)
{
    static const struct pb_json how = {&curfew__v1__event__descriptor, event_whole, EVENT_WHOLE,
                                       true};
    AUTO_BUF wire;
    buf_init(&wire, VALUE_MAX);
    if (!event->data.length)
        return error_set(err, ERR_UNDECODABLE, "the event is empty");
    if (!is_json(event))
        return read_data(view, event->data, err);
    enum error_code code = pb_json_read(&how, event->data, &wire, err);
    return code ? code : read_data(view, (struct text){(const char *)wire.data, wire.length}, err);
}

static enum error_code read_envelope(struct event_view *view, const struct cloudevent *event,
                                     struct error *err)
{
    view->id = arena_text(view->arena, event->id);
    view->source = arena_text(view->arena, event->source);
    view->subject = arena_text(view->arena, event->subject);
    if (!view->id || !view->source || !view->subject)
        return error_set(err, ERR_TOO_LARGE, "the event is too large");
    if (event->time.length && wall_read(event->time, &view->time, err))
        return error_wrap(err, "CloudEvents attribute 'time'");
    return ERR_OK;
}

enum error_code event_decode(const struct message *message, struct event_view **ret,
                             struct error *err)
{
    struct error unused;
    if (!err)
        err = &unused;
    if (message->value.length > VALUE_MAX)
        return error_set(err, ERR_TOO_LARGE, "the event has %zu bytes, at most %d are taken",
                         message->value.length, VALUE_MAX);
    AUTO(arena) arena = arena_create(MEMORY_MAX);
    struct cloudevent event;
    enum error_code code = cloudevent_open(message, arena, &event, err);
    if (code)
        return code;
    AUTO(event_view) view = mem_new(struct event_view);
    view->arena = arena_create(MEMORY_MAX);
    code = read_envelope(view, &event, err);
    if (!code)
        code = read_content(view, &event, err);
    if (!code)
        *ret = STEAL(view);
    return code;
}

bool event_view_is_final(const struct event_view *view)
{
    return view->outcome != COMMAND_NONE && view->kind != EVENT_SESSION &&
           view->part == view->parts;
}
