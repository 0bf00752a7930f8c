/* The snapshot as protobuf: one row of session.def is one field of curfew.v1.SessionSnapshot. */
#include "curfew/v1/event.pb-c.h"

#include "base/check.h"
#include "base/limits.h"
#include "model/pb.h"
#include "model/session.h"

/* Texts made while encoding: UUIDs and times. */
struct scratch {
    struct uuid_text uuid[SESSION_FIELD_COUNT];
    struct server_time_text time[SESSION_FIELD_COUNT];
};

static ProtobufCBinaryData put_uuid(struct scratch *scratch, int field, const struct uuid *uuid)
{
    if (uuid_is_nil(uuid))
        return pb_bytes(text_of(""));
    scratch->uuid[field] = uuid_format(uuid);
    return pb_bytes(text_of(scratch->uuid[field].text));
}

static ProtobufCBinaryData put_time(struct scratch *scratch, int field, struct server_time time)
{
    scratch->time[field] = server_time_format(time);
    return pb_bytes(text_of(scratch->time[field].text));
}

#define PUT_UUID(name) message.name = put_uuid(&scratch, SESSION_##name, &session->name);
#define PUT_U32(name) message.name = session->name;
#define PUT_I64(name) message.name = session->name;
#define PUT_TEXT(name) message.name = pb_bytes(text_of(session->name));
#define PUT_TIME(name) message.name = put_time(&scratch, SESSION_##name, session->name);
#define PUT_BOOL(name) message.name = session->name;

void session_encode(const struct session *session, struct buf *out)
{
    struct scratch scratch;
    Curfew__V1__SessionSnapshot message = CURFEW__V1__SESSION_SNAPSHOT__INIT;
#define FIELD(type, name) PUT_##type(name)
#include "model/session.def"
#undef FIELD
    pb_pack(&message.base, out);
}

static enum error_code get_text(ProtobufCBinaryData bytes, struct arena *arena, const char **ret,
                                struct error *err)
{
    struct text text;
    if (pb_text(bytes, LIMIT_RAS_PACKET_BYTES, "session snapshot", &text, err))
        return err ? err->code : ERR_UNDECODABLE;
    *ret = arena_text(arena, text);
    return *ret ? ERR_OK : error_set(err, ERR_TOO_LARGE, "a session snapshot is too large");
}

static enum error_code get_uuid(ProtobufCBinaryData bytes, struct uuid *ret, struct error *err)
{
    if (bytes.len == 0) {
        *ret = (struct uuid){{0}};
        return ERR_OK;
    }
    return uuid_read(pb_raw(bytes), ret, err);
}

#define GET_UUID(name) get_uuid(message->name, &session.name, err)
#define GET_U32(name) (session.name = message->name, ERR_OK)
#define GET_I64(name) (session.name = message->name, ERR_OK)
#define GET_TEXT(name) get_text(message->name, arena, &session.name, err)
#define GET_TIME(name) server_time_read(pb_raw(message->name), &session.name, err)
#define GET_BOOL(name) (session.name = message->name != 0, ERR_OK)

static enum error_code copy_out(const Curfew__V1__SessionSnapshot *message, struct arena *arena,
                                struct session *ret, struct error *err)
{
    struct session session = {.reported = 0};
#define FIELD(type, name)                                                                          \
    if (GET_##type(name))                                                                          \
        return error_set(err, ERR_UNDECODABLE, "session snapshot: bad '" #name "'");
#include "model/session.def"
#undef FIELD
    *ret = session;
    return ERR_OK;
}

enum error_code session_decode(struct text bytes, struct arena *arena, struct session *ret,
                               struct error *err)
{
    struct pb_memory memory;
    Curfew__V1__SessionSnapshot *message = (Curfew__V1__SessionSnapshot *)pb_unpack_finite(
        &memory, &curfew__v1__session_snapshot__descriptor, bytes, LIMIT_COMMAND_DECODE_BYTES);
    if (!message)
        return error_set(err, ERR_UNDECODABLE, "a session snapshot is not valid protobuf");
    enum error_code code = copy_out(message, arena, ret, err);
    pb_memory_release(&memory);
    return code;
}
