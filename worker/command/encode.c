/* A command into a message, for producers: the command line, and forwarding. */
#include "curfew/v1/command.pb-c.h"

#include "base/check.h"
#include "base/limits.h"
#include "command/message.h"
#include "model/pb_json.h"

static const struct pb_json command_json = {.descriptor = &curfew__v1__command__descriptor};

enum { ENVELOPE_BYTES = 16 * 1024 };

void command_to_json(const struct command *command, struct buf *out)
{
    AUTO_BUF wire;
    struct pb_memory memory;
    buf_init(&wire, LIMIT_COMMAND_DECODE_BYTES);
    command_encode(command, &wire);
    if (wire.full) {
        out->full = true;
        return;
    }
    ProtobufCMessage *message = pb_unpack(&memory, command_json.descriptor,
                                          (struct text){(const char *)wire.data, wire.length},
                                          16 * LIMIT_COMMAND_DECODE_BYTES);
    CHECK(message); /* our own encoding */
    struct error err;
    enum error_code code = pb_json_write(&command_json, message, out, &err);
    pb_memory_release(&memory);
    CHECK(code == ERR_OK);
}

struct form_row {
    enum cloudevent_mode mode;
    enum content content;
};

static const struct form_row forms[] = {
    [MESSAGE_FORM_BINARY_PROTOBUF] = {CLOUDEVENT_BINARY, CONTENT_PROTOBUF},
    [MESSAGE_FORM_BINARY_JSON] = {CLOUDEVENT_BINARY, CONTENT_JSON},
    [MESSAGE_FORM_STRUCTURED_JSON] = {CLOUDEVENT_JSON, CONTENT_JSON},
    [MESSAGE_FORM_STRUCTURED_PROTOBUF] = {CLOUDEVENT_PROTOBUF, CONTENT_PROTOBUF},
    [MESSAGE_FORM_BARE_PROTOBUF] = {CLOUDEVENT_NONE, CONTENT_PROTOBUF},
    [MESSAGE_FORM_BARE_JSON] = {CLOUDEVENT_NONE, CONTENT_JSON},
};

/* The attributes: the command's id is the event's, so that a repeat is recognised by anyone. */
static enum error_code close_message(const struct command *command,
                                     const struct message_style *style, struct text data,
                                     struct outgoing *outgoing, struct error *err)
{
    const struct form_row *form = &forms[style->form];
    struct uuid_text id = uuid_format(&command->id);
    struct wall_text requested = wall_format(command->requested_at);
    struct wall_text expires = wall_format(command->expires_at);
    AUTO_BUF type;
    buf_init(&type, LIMIT_NAME_BYTES);
    buf_format(&type, "%scommand.%s.v1", style->type_prefix, action_label(command->action));
    struct cloudevent event = {
        .mode = form->mode,
        .id = text_of(id.text),
        .source = text_of(style->source),
        .type = text_of(buf_text(&type)),
        .time = command->requested_at.ms ? text_of(requested.text) : (struct text){NULL, 0},
        .correlation_id = text_of(command->correlation_id),
        .expiry_time = command->expires_at.ms ? text_of(expires.text) : (struct text){NULL, 0},
        .content = form->content,
        .type_url = TEXT("type.googleapis.com/curfew.v1.Command"),
        .data = data,
    };
    struct message *message = &outgoing->messages[0];
    message->key = text_of(arena_text(outgoing->arena, text_of(command->cluster)));
    return cloudevent_close(&event, outgoing->arena, message, err);
}

enum error_code message_encode(const struct command *command, const struct message_style *style,
                               struct outgoing **ret, struct error *err)
{
    CHECK((unsigned)style->form < sizeof forms / sizeof forms[0]);
    CHECK(style->source[0]);
    AUTO(outgoing) outgoing = outgoing_create(4 * LIMIT_COMMAND_BYTES + ENVELOPE_BYTES, 1024);
    AUTO_BUF data;
    buf_init(&data, LIMIT_COMMAND_BYTES);
    if (forms[style->form].content == CONTENT_JSON)
        command_to_json(command, &data);
    else
        command_encode(command, &data);
    outgoing->messages = arena_take(outgoing->arena, 1, sizeof outgoing->messages[0]);
    outgoing->count = 1;
    CHECK(outgoing->messages);
    char *copy = data.full ? NULL
                           : arena_text(outgoing->arena,
                                        (struct text){(const char *)data.data, data.length});
    enum error_code code = ERR_TOO_LARGE;
    if (copy)
        code = close_message(command, style, (struct text){copy, data.length}, outgoing, err);
    if (code || outgoing->messages[0].value.length > LIMIT_COMMAND_BYTES)
        return error_set(err, ERR_TOO_LARGE, "the command exceeds %d bytes: name fewer sessions",
                         LIMIT_COMMAND_BYTES);
    *ret = STEAL(outgoing);
    return ERR_OK;
}
