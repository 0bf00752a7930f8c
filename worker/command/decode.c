/* A message taken apart, layer by layer: CloudEvent, registry frame, JSON, protobuf, command. */
#include "curfew/v1/command.pb-c.h"

#include "base/check.h"
#include "base/limits.h"
#include "command/frame.h"
#include "command/message.h"
#include "model/json.h"
#include "model/pb_json.h"
#include "model/wire.h"

_Static_assert((int)LIMIT_COMMAND_BYTES < (int)LIMIT_RECORD_BYTES,
               "ACCEPTED holds the command whole, inside one record");

static const struct pb_json command_json = {.descriptor = &curfew__v1__command__descriptor};

const char *message_encoding_label(enum message_encoding encoding)
{
    static const char *const labels[] = {"unknown", "protobuf", "json"};
    CHECK((unsigned)encoding < sizeof labels / sizeof labels[0]);
    return labels[encoding];
}

/* ---- protobuf fields that this program does not know ---- */

/* The messages around the field that is looked at. */
struct level {
    const struct level *above; /* NULL: the command itself */
    const char *name;          /* of the field that holds this message */
};

static const ProtobufCFieldDescriptor *known_field(const ProtobufCMessageDescriptor *is,
                                                   uint32_t number)
{
    for (unsigned i = 0; i < is->n_fields; i++)
        if (is->fields[i].id == number)
            return &is->fields[i];
    return NULL;
}

static void add_path(struct buf *out, const struct level *level)
{
    if (!level->above)
        return;
    add_path(out, level->above);
    buf_str(out, level->name);
    buf_byte(out, '.');
}

static void note_unknown(struct message_info *info, const struct level *level, uint32_t number)
{
    if (info->unknown_fields++ > 0)
        return;
    AUTO_BUF path;
    buf_init(&path, LIMIT_COMMAND_BYTES);
    add_path(&path, level);
    snprintf(info->unknown_field, sizeof info->unknown_field, "%s%u", buf_text(&path), number);
}

/* The bytes have been unpacked before: they are well formed, and nested no deeper than pb.c takes.
 */
static void scan_unknown(struct message_info *info, const ProtobufCMessageDescriptor *is,
                         struct text bytes, const struct level *level)
{
    struct wire_field field;
    while (wire_next(&bytes, &field)) {
        const ProtobufCFieldDescriptor *known = known_field(is, field.number);
        if (!known)
            note_unknown(info, level, field.number);
        else if (known->type == PROTOBUF_C_TYPE_MESSAGE && field.type == WIRE_BYTES)
            scan_unknown(info, known->descriptor, field.bytes, &(struct level){level, known->name});
    }
}

/* ---- the command itself ---- */

static enum error_code decode_protobuf(struct text bytes, struct command **ret,
                                       struct message_info *info, struct error *err)
{
    enum error_code code = command_decode(bytes, ret, err);
    if (code)
        return code;
    scan_unknown(info, &curfew__v1__command__descriptor, bytes, &(struct level){0});
    return ERR_OK;
}

static enum error_code decode_json(struct text json, struct command **ret, struct error *err)
{
    AUTO_BUF wire;
    buf_init(&wire, LIMIT_COMMAND_DECODE_BYTES);
    enum error_code code = pb_json_read(&command_json, json, &wire, err);
    return code ? code
                : command_decode((struct text){(const char *)wire.data, wire.length}, ret, err);
}

/* `content` is what the headers say, if they say anything. */
static enum error_code decode_content(const struct frame *frame, enum content content,
                                      struct command **ret, struct message_info *info,
                                      struct error *err)
{
    if (!frame->payload.length)
        return error_set(err, ERR_UNDECODABLE, "the message is empty: a command needs a value");
    bool json = content == CONTENT_JSON;
    if (content == CONTENT_UNKNOWN)
        json = frame->json || json_likely(frame->payload);
    info->framed = frame->framed;
    info->schema_id = frame->schema_id;
    info->encoding = json ? MESSAGE_JSON : MESSAGE_PROTOBUF;
    return json ? decode_json(frame->payload, ret, err)
                : decode_protobuf(frame->payload, ret, info, err);
}

/* ---- CloudEvents ---- */

static enum error_code check_type_url(struct text url, struct error *err)
{
    static const char wanted[] = "/curfew.v1.Command";
    const size_t length = sizeof wanted - 1;
    if (!url.length)
        return ERR_OK;
    if (url.length > length && !memcmp(url.at + url.length - length, wanted, length))
        return ERR_OK;
    return error_set(err, ERR_UNDECODABLE,
                     "the CloudEvent's proto_data is not a curfew.v1.Command");
}

/* What the envelope knows and the command leaves out. */
static enum error_code fill_in(const struct cloudevent *event, struct command *command,
                               struct error *err)
{
    if (event->correlation_id.length && !command->correlation_id[0]) {
        if (event->correlation_id.length > LIMIT_NAME_BYTES)
            return error_set(err, ERR_TOO_LARGE,
                             "correlationid has %zu bytes, at most %d are taken",
                             event->correlation_id.length, LIMIT_NAME_BYTES);
        char *copy = arena_text(command->arena, event->correlation_id);
        if (!copy)
            return error_set(err, ERR_TOO_LARGE, "the command is too large");
        command->correlation_id = copy;
    }
    if (event->expiry_time.length && !command->expires_at.ms &&
        wall_read(event->expiry_time, &command->expires_at, err))
        return error_wrap(err, "expirytime");
    return command->expires_at.ms < 0 ? error_set(err, ERR_INVALID, "expirytime is before 1970")
                                      : ERR_OK;
}

/* The canonical form must fit where it is journalled; a default written out may add a few bytes. */
static enum error_code check_canonical(const struct command *command, struct message_info *info,
                                       struct error *err)
{
    unsigned char first[1024];
    AUTO_BUF bytes;
    buf_init_on(&bytes, LIMIT_COMMAND_BYTES + LIMIT_NAME_BYTES, first, sizeof first);
    command_encode(command, &bytes);
    if (bytes.full)
        return error_set(err, ERR_TOO_LARGE, "the command exceeds %d bytes in protobuf",
                         LIMIT_COMMAND_BYTES);
    info->digest = sha256_of(bytes.data, bytes.length);
    return ERR_OK;
}

static enum error_code decode_event(const struct message *message, const struct cloudevent *event,
                                    struct command **ret, struct message_info *info,
                                    struct error *err)
{
    AUTO(command) command = NULL;
    struct frame frame;
    info->envelope = event->mode;
    enum error_code code = check_type_url(event->type_url, err);
    if (!code)
        code = frame_open(message, event->data, &frame, err);
    if (!code)
        code = decode_content(&frame, event->content, &command, info, err);
    if (!code)
        code = fill_in(event, command, err);
    if (!code)
        code = check_canonical(command, info, err);
    if (!code)
        *ret = STEAL(command);
    return code;
}

enum error_code message_decode(const struct message *message, struct command **ret,
                               struct message_info *info, struct error *err)
{
    struct message_info local;
    struct error unused;
    if (!info)
        info = &local;
    if (!err) /* model/ passes classes on by way of the error */
        err = &unused;
    *info = (struct message_info){.envelope = CLOUDEVENT_NONE};
    if (message->value.length > LIMIT_COMMAND_BYTES)
        return error_set(err, ERR_TOO_LARGE, "the message has %zu bytes, at most %d are taken",
                         message->value.length, LIMIT_COMMAND_BYTES);
    if (!message->value.length)
        return error_set(err, ERR_UNDECODABLE, "the message is empty: a command needs a value");
    unsigned char first[1024];
    AUTO_ARENA arena;
    arena_init(&arena, LIMIT_COMMAND_DECODE_BYTES, first, sizeof first);
    struct cloudevent event;
    enum error_code code = cloudevent_open(message, &arena, &event, err);
    return code ? code : decode_event(message, &event, ret, info, err);
}
