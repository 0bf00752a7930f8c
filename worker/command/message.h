/* message.h - one command message into a command, whatever its encoding; and back, for producers.
 *
 * Encodings: protobuf, proto3 JSON, either of them framed for a schema registry (00 + id, or the
 * header __value_schema_id), and CloudEvents around them (binary, structured JSON, structured
 * protobuf). The content-type header decides, else the first byte: 00 framed, `{` behind any
 * blanks JSON, else protobuf (whose usual first byte, 0a, is a line feed). Every size, depth and
 * text is checked before it is used. Meaning (limits, policy, empty selectors) is guard/'s. */
#ifndef COMMAND_MESSAGE_H
#define COMMAND_MESSAGE_H

#include "model/cloudevent.h"
#include "model/command.h"
#include "model/message.h"

enum message_encoding { MESSAGE_UNKNOWN, MESSAGE_PROTOBUF, MESSAGE_JSON };

enum { MESSAGE_FIELD_SIZE = 128 }; /* bytes with the closing zero; longer paths are cut */

/* What was seen on the way; filled as far as it was known, also when decoding fails. */
struct message_info {
    enum cloudevent_mode envelope;
    enum message_encoding encoding; /* of the command itself */
    bool framed;                    /* for a schema registry, in the value or by header */
    uint32_t schema_id;             /* of the frame in the value; 0: by header, or not framed */
    struct sha256 digest;           /* as command_digest() says; only when it was decoded */
    uint32_t unknown_fields;        /* protobuf fields that this program does not know: a newer
                                       requester may have asked for more than will be done */
    char unknown_field[MESSAGE_FIELD_SIZE]; /* the first of them, like "terminate.options.14" */
};

/* ERR_UNDECODABLE, ERR_INVALID, ERR_TOO_LARGE, ERR_UNSUPPORTED: the message names the field or the
 * JSON path, and what to do. `info` may be NULL. CloudEvents extensions fill in what the command
 * itself leaves out: correlationid the correlation_id, expirytime the expires_at. */
enum error_code message_decode(const struct message *message, struct command **ret,
                               struct message_info *info, struct error *err) MUST_CHECK;
/* "protobuf", "json"; "unknown". */
const char *message_encoding_label(enum message_encoding encoding);

enum message_form {
    MESSAGE_FORM_BINARY_PROTOBUF, /* CloudEvents binary, content-type application/protobuf */
    MESSAGE_FORM_BINARY_JSON,     /* CloudEvents binary, content-type application/json */
    MESSAGE_FORM_STRUCTURED_JSON,
    MESSAGE_FORM_STRUCTURED_PROTOBUF,
    MESSAGE_FORM_BARE_PROTOBUF, /* no ce_ headers; content-type only */
    MESSAGE_FORM_BARE_JSON
};

struct message_style {
    enum message_form form;
    const char *source;      /* the CloudEvents source, like "curfew/cli"; not empty */
    const char *type_prefix; /* "curfew." unless configured */
};

/* One message for the commands or the control topic, keyed by the command's cluster as it is
 * written in it (no key when it names none). ERR_TOO_LARGE: the value exceeds LIMIT_COMMAND_BYTES.
 */
enum error_code message_encode(const struct command *command, const struct message_style *style,
                               struct outgoing **ret, struct error *err) MUST_CHECK;

/* Appends the command as proto3 JSON, without blanks: for people, handlers and dead letters. */
void command_to_json(const struct command *command, struct buf *out);

#endif
