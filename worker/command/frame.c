#include "command/frame.h"

#include "model/json.h"
#include "model/wire.h"

enum { MAGIC_ID = 0, MAGIC_GUID = 1, ID_BYTES = 4, GUID_BYTES = 16, PATH_MAX_SHOWN = 8 };

static enum error_code cut(struct error *err)
{
    return error_set(err, ERR_UNDECODABLE, "the schema registry frame is cut");
}

static bool zigzag(struct text *rest, int64_t *ret)
{
    uint64_t value;
    if (!wire_varint(rest, &value))
        return false;
    *ret = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
    return true;
}

/* Takes the indexes from the front: [0] in its short or its long form. */
static enum error_code take_indexes(struct text *rest, struct error *err)
{
    int64_t count;
    int64_t index = 0;
    if (!zigzag(rest, &count))
        return cut(err);
    if (count < 0 || count > PATH_MAX_SHOWN)
        return error_set(err, ERR_UNDECODABLE,
                         "the schema registry frame names no message: are its indexes zigzag "
                         "varints?");
    if (count > 0 && !zigzag(rest, &index))
        return cut(err);
    if (count > 1 || index != 0)
        return error_set(err, ERR_UNDECODABLE,
                         "the schema registry frame names another message of its file: "
                         "curfew.v1.Command is the first one, [0]");
    return ERR_OK;
}

static enum error_code open_value(struct text bytes, struct frame *ret, struct error *err)
{
    const uint8_t *at = (const uint8_t *)bytes.at;
    if (bytes.length < 1 + ID_BYTES)
        return cut(err);
    struct text rest = {bytes.at + 1 + ID_BYTES, bytes.length - 1 - ID_BYTES};
    bool json = json_likely(rest);
    enum error_code code = json ? ERR_OK : take_indexes(&rest, err);
    if (code)
        return code;
    ret->framed = true;
    ret->json = json;
    ret->schema_id = (uint32_t)at[1] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 8 | at[4];
    ret->payload = rest;
    return ERR_OK;
}

static enum error_code open_header(struct text header, struct text bytes, struct frame *ret,
                                   struct error *err)
{
    if (header.length < 1 + GUID_BYTES || header.at[0] != MAGIC_GUID)
        return error_set(err, ERR_UNDECODABLE,
                         "header '__value_schema_id' is not 01 and a GUID of 16 bytes");
    struct text indexes = {header.at + 1 + GUID_BYTES, header.length - 1 - GUID_BYTES};
    if (indexes.length) { /* JSON Schema clients write none */
        enum error_code code = take_indexes(&indexes, err);
        if (code)
            return code;
    }
    if (indexes.length)
        return error_set(err, ERR_UNDECODABLE, "header '__value_schema_id' is too long");
    ret->framed = true;
    ret->payload = bytes;
    return ERR_OK;
}

enum error_code frame_open(const struct message *message, struct text bytes, struct frame *ret,
                           struct error *err)
{
    struct text header;
    *ret = (struct frame){.payload = bytes};
    enum error_code code = message_header(message, "__value_schema_id", &header, err);
    if (code)
        return code;
    if (bytes.length && bytes.at[0] == MAGIC_ID)
        return open_value(bytes, ret, err);
    return header.length ? open_header(header, bytes, ret, err) : ERR_OK;
}
