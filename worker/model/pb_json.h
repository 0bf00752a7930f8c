/* pb_json.h - proto3 JSON for generated messages, by their descriptors: JSON to wire bytes and
 * back.
 *
 * The mapping is the one of the protobuf documentation: lowerCamelCase names out, those or the
 * proto names in; 64-bit integers out as strings; enums by name; Timestamp and Duration as texts;
 * defaults left out; null is absent. Stricter than most: a key twice, also once in each spelling,
 * is refused. Fields that this program holds as bytes are texts in the contract
 * (cmake/strings_as_bytes.cmake); `whole` names those that are messages. Contracts have no field of
 * proper bytes.
 *
 * For decoding and encoding files only; headers of rooms never show generated types. */
#ifndef MODEL_PB_JSON_H
#define MODEL_PB_JSON_H

#include <stdbool.h>

#include "model/pb.h"

/* A message that is stored whole: field `field` of `in` holds the bytes of an `is`. */
struct pb_whole {
    const ProtobufCMessageDescriptor *in;
    const char *field;
    const ProtobufCMessageDescriptor *is; /* of a type that does not hold itself */
};

struct pb_json {
    const ProtobufCMessageDescriptor *descriptor;
    const struct pb_whole *whole; /* may be NULL when whole_count is 0 */
    size_t whole_count;
    bool tolerant; /* reading: skip unknown fields, as readers of a newer program's output must */
};

/* Reads one JSON text (a UTF-8 byte order mark is skipped) and appends the message's wire form.
 * ERR_UNDECODABLE: not JSON, or too deep. ERR_INVALID: JSON of another shape; the message names the
 * path ("terminate.selector.numbers.numbers[2]"). ERR_TOO_LARGE: `out` is full. */
enum error_code pb_json_read(const struct pb_json *how, struct text json, struct buf *out,
                             struct error *err) MUST_CHECK;
/* Appends a message as one JSON object without blanks. ERR_UNDECODABLE when a text is not UTF-8 or
 * a whole message cannot be read; what was appended is then of no use. */
enum error_code pb_json_write(const struct pb_json *how, const ProtobufCMessage *message,
                              struct buf *out, struct error *err) MUST_CHECK;
#endif
