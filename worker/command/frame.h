/* frame.h - the frame that schema registry clients put around a value.
 *
 * In the value: 00, the schema's id (4 bytes, big-endian), for protobuf the indexes of the message
 * in its file, the payload. By header `__value_schema_id`: 01, a GUID of 16 bytes, the same
 * indexes; the value is bare. The indexes are a count and that many numbers, each a zigzag varint;
 * the path [0] alone is written as one 00. Command is the first message of its file, so only [0] is
 * taken. */
#ifndef COMMAND_FRAME_H
#define COMMAND_FRAME_H

#include <stdbool.h>

#include "model/message.h"

struct frame {
    bool framed;
    bool json;          /* the payload begins like JSON: a JSON Schema client, no indexes */
    uint32_t schema_id; /* 0: by header, or not framed */
    struct text payload;
};

/* Takes the frame off `bytes`; without one the payload is `bytes`. ERR_UNDECODABLE: a frame that is
 * cut, or of another message. */
enum error_code frame_open(const struct message *message, struct text bytes, struct frame *ret,
                           struct error *err) MUST_CHECK;

#endif
