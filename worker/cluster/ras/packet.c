/* Packets, endpoint messages and exceptions (docs/ras-protocol.md 2 to 5). */
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "cluster/ras/codec.h"

enum { FORMAT_COMPRESSED = 0x0001, PARAM_BYTES_MIN = 2 };

const uint8_t ras_negotiate[RAS_NEGOTIATE_BYTES] = {0x1c, 'S', 'W', 'P', 0x01, 0x00, 0x01, 0x00};

/* Bytes of a parameter's value where they are fixed, else 0. */
static size_t param_bytes(uint8_t type)
{
    switch (type) {
    case RAS_PARAM_BOOL:
    case RAS_PARAM_BYTE:
    case RAS_PARAM_TYPE:
        return 1;
    case RAS_PARAM_SHORT:
        return 2;
    case RAS_PARAM_INT:
    case RAS_PARAM_FLOAT:
        return 4;
    case RAS_PARAM_LONG:
    case RAS_PARAM_DOUBLE:
        return 8;
    default:
        return 0;
    }
}

static void in_param(struct ras_in *in, struct ras_param *param)
{
    *param = (struct ras_param){.name = ras_in_text(in, true)};
    param->type = (uint8_t)ras_in_fixed(in, 1);
    switch (param->type) {
    case RAS_PARAM_BOOL:
        param->number = ras_in_bool(in);
        break;
    case RAS_PARAM_INT:
        param->number = (int32_t)ras_in_fixed(in, 4);
        break;
    case RAS_PARAM_BYTE:
    case RAS_PARAM_SHORT:
    case RAS_PARAM_LONG:
    case RAS_PARAM_TYPE:
        param->number = (int64_t)ras_in_fixed(in, param_bytes(param->type));
        break;
    case RAS_PARAM_FLOAT:
    case RAS_PARAM_DOUBLE:
        param->bits = ras_in_fixed(in, param_bytes(param->type));
        break;
    case RAS_PARAM_SIZE:
        param->number = ras_in_size(in);
        break;
    case RAS_PARAM_NSIZE:
    case RAS_PARAM_ENDPOINT:
        param->number = ras_in_nsize(in);
        break;
    case RAS_PARAM_STRING:
        param->string = ras_in_text(in, true);
        break;
    case RAS_PARAM_UUID:
        param->uuid = ras_in_uuid(in);
        break;
    case RAS_PARAM_NULL:
        break;
    default:
        ras_in_fail(in, "a parameter has an unknown type");
    }
}

static void out_param(struct ras_out *out, const struct ras_param *param)
{
    ras_out_text(out, param->name);
    buf_byte(out->buf, param->type);
    switch (param->type) {
    case RAS_PARAM_FLOAT:
    case RAS_PARAM_DOUBLE:
        ras_out_fixed(out, param->bits, param_bytes(param->type));
        break;
    case RAS_PARAM_SIZE:
        ras_out_size(out, (uint32_t)param->number);
        break;
    case RAS_PARAM_NSIZE:
    case RAS_PARAM_ENDPOINT:
        ras_out_nsize(out, param->number);
        break;
    case RAS_PARAM_STRING:
        ras_out_text(out, param->string);
        break;
    case RAS_PARAM_UUID:
        buf_add(out->buf, param->uuid.bytes, sizeof param->uuid.bytes);
        break;
    default:
        ras_out_fixed(out, (uint64_t)param->number, param_bytes(param->type));
    }
}

static void in_params(struct ras_in *in, struct ras_params *ret)
{
    in->field = "params";
    *ret = (struct ras_params){0};
    int64_t count = ras_in_nsize(in);
    if (count == RAS_NONE) {
        ret->null = true;
        return;
    }
    if ((size_t)count > ras_in_left(in) / PARAM_BYTES_MIN) {
        ras_in_fail(in, "a list announces more elements than there are bytes");
        return;
    }
    ret->items = ras_in_take(in, (size_t)count, sizeof *ret->items);
    for (int64_t i = 0; i < count && !in->code; i++)
        in_param(in, &ret->items[i]);
    ret->count = in->code ? 0 : (uint32_t)count;
}

static void out_params(struct ras_out *out, const struct ras_params *params)
{
    CHECK(!params->null || params->count == 0);
    ras_out_nsize(out, params->null ? RAS_NONE : (int64_t)params->count);
    for (uint32_t i = 0; i < params->count; i++)
        out_param(out, &params->items[i]);
}

/* A message can hold what the server's system said, in whatever encoding: shown, never judged.
 * The chain ends with a null class (`cause` stays NULL) or with an empty one (a last, empty cause).
 */
static void in_exception(struct ras_in *in, struct ras_exception *ret)
{
    in->record = "exception";
    for (unsigned depth = 0;; depth++) {
        *ret = (struct ras_exception){0};
        in->field = "class";
        ret->class_name = ras_in_text(in, true);
        if (in->code || ret->class_name.length == 0)
            return;
        if (depth == LIMIT_EXCEPTION_DEPTH) {
            ras_in_fail(in, "causes are nested too deep");
            return;
        }
        in->field = "message";
        ret->message = ras_in_text(in, false); /* for people: what counts is the class */
        in->field = "stack";
        ret->stack.items = ras_in_list(in, &ras_frame_layout, &ret->stack.count);
        if (!in->code && ras_in_left(in) && *in->at == 0x80) {
            in->at++;
            return;
        }
        ret->cause = ras_in_take(in, 1, sizeof *ret);
        if (!ret->cause)
            return;
        ret = ret->cause;
    }
}

static void out_exception(struct ras_out *out, const struct ras_exception *exception)
{
    for (; exception; exception = exception->cause) {
        out->field = "class";
        ras_out_text(out, exception->class_name);
        if (exception->class_name.length == 0)
            return;
        out->field = "message";
        ras_out_text(out, exception->message);
        ras_out_list(out, &ras_frame_layout, exception->stack.items, exception->stack.count);
    }
    ras_out_text(out, RAS_NULL);
}

static struct ras_head in_head(struct ras_in *in)
{
    struct ras_head head = {0};
    in->record = "message";
    in->field = "endpoint";
    head.endpoint = ras_in_nsize(in);
    if (head.endpoint == RAS_NONE)
        ras_in_fail(in, "a null endpoint");
    in->field = "format";
    head.format = (uint16_t)ras_in_fixed(in, 2);
    if (head.format & FORMAT_COMPRESSED)
        ras_in_fail(in, "compression, which was not negotiated,");
    in->field = "kind";
    head.kind = (uint8_t)ras_in_fixed(in, 1);
    if (head.kind == RAS_KIND_MESSAGE) {
        in->field = "type";
        head.type = (uint8_t)ras_in_fixed(in, 1);
    } else if (head.kind != RAS_KIND_VOID && head.kind != RAS_KIND_EXCEPTION) {
        ras_in_fail(in, "an unknown kind");
    }
    return head;
}

/* What the number of a message says about its body; false: unknown number. */
static bool message_shape(struct ras_message *message)
{
    const struct ras_message_row *row = ras_message_by_request(message->head.type);
    if (row) {
        message->layout = row->request;
        return true;
    }
    row = ras_message_by_answer(message->head.type);
    if (!row)
        return false;
    message->layout = row->answer;
    message->list = row->shape == RAS_SHAPE_LIST;
    return true;
}

static void in_message(struct ras_in *in, struct ras_message *ret)
{
    *ret = (struct ras_message){.head = in_head(in), .layout = &ras_nothing_layout};
    if (in->code || ret->head.kind == RAS_KIND_VOID)
        return;
    if (ret->head.kind == RAS_KIND_EXCEPTION) {
        in_exception(in, &ret->exception);
        return;
    }
    if (!message_shape(ret)) {
        in->code = error_set(in->err, ERR_UNSUPPORTED, "unknown message %u", ret->head.type);
        return;
    }
    if (ret->list) {
        ret->records = ras_in_list(in, ret->layout, &ret->count);
    } else if (ret->layout->size) {
        ret->count = 1;
        ret->records = ras_in_take(in, 1, ret->layout->size);
        if (ret->records)
            ras_in_record(in, ret->layout, ret->records);
    }
}

static void out_message(struct ras_out *out, const struct ras_message *message)
{
    ras_out_nsize(out, message->head.endpoint);
    ras_out_fixed(out, message->head.format, 2);
    buf_byte(out->buf, message->head.kind);
    if (message->head.kind == RAS_KIND_EXCEPTION) {
        out_exception(out, &message->exception);
    } else if (message->head.kind == RAS_KIND_MESSAGE) {
        buf_byte(out->buf, message->head.type);
        if (message->list)
            ras_out_list(out, message->layout, message->records, message->count);
        else if (message->layout->size)
            ras_out_record(out, message->layout, message->records);
    }
}

static void in_open(struct ras_in *in, struct ras_packet_value *ret)
{
    in->field = "service";
    ret->open.service = ras_in_text(in, true);
    in->field = "version";
    ret->open.version = ras_in_text(in, true);
    if (ret->type == RAS_PACKET_OPEN_ACK) {
        in->field = "endpoint";
        ret->open.endpoint = ras_in_nsize(in);
        if (ret->open.endpoint == RAS_NONE)
            ras_in_fail(in, "a null endpoint");
    }
    in_params(in, &ret->open.params);
}

static void out_open(struct ras_out *out, const struct ras_packet_value *value)
{
    ras_out_text(out, value->open.service);
    ras_out_text(out, value->open.version);
    if (value->type == RAS_PACKET_OPEN_ACK)
        ras_out_nsize(out, value->open.endpoint);
    out_params(out, &value->open.params);
}

static void in_failure(struct ras_in *in, struct ras_packet_value *ret)
{
    in->field = "service";
    ret->failure.service = ras_in_text(in, true);
    if (ret->failure.service.length) {
        in->field = "version";
        ret->failure.version = ras_in_text(in, true);
    }
    in->field = "endpoint";
    ret->failure.endpoint = ras_in_nsize(in);
    in_exception(in, &ret->failure.exception);
}

static void out_failure(struct ras_out *out, const struct ras_packet_value *value)
{
    ras_out_text(out, value->failure.service);
    if (value->failure.service.length)
        ras_out_text(out, value->failure.version);
    ras_out_nsize(out, value->failure.endpoint);
    out_exception(out, &value->failure.exception);
}

static void in_body(struct ras_in *in, struct ras_packet_value *ret)
{
    switch (ret->type) {
    case RAS_PACKET_CONNECT:
    case RAS_PACKET_CONNECT_ACK:
        in_params(in, &ret->connect);
        return;
    case RAS_PACKET_OPEN:
    case RAS_PACKET_OPEN_ACK:
        in_open(in, ret);
        return;
    case RAS_PACKET_CLOSE:
        in->field = "endpoint";
        ret->close.endpoint = ras_in_nsize(in);
        return;
    case RAS_PACKET_MESSAGE:
        in_message(in, &ret->message);
        return;
    case RAS_PACKET_FAILURE:
        in_failure(in, ret);
        return;
    case RAS_PACKET_DISCONNECT:
    case RAS_PACKET_KEEP_ALIVE:
        ret->raw = (struct text){(const char *)in->at, ras_in_left(in)};
        in->at = in->end;
        return;
    default:
        ras_in_fail(in, "an unknown packet type");
    }
}

enum error_code ras_packet_decode(struct ras_packet packet, unsigned version, struct arena *arena,
                                  struct ras_packet_value *ret, struct error *err)
{
    struct ras_in in = ras_in_of(packet.body, packet.length, version, arena, err);
    struct ras_packet_value value = {.type = packet.type};
    in_body(&in, &value);
    if (ras_in_done(&in))
        return in.code;
    *ret = value;
    return ERR_OK;
}

enum error_code ras_head_decode(struct ras_packet packet, struct ras_head *ret, struct error *err)
{
    if (packet.type != RAS_PACKET_MESSAGE)
        return error_set(err, ERR_PROTOCOL, "packet type %u where a message is due", packet.type);
    struct ras_in in = ras_in_of(packet.body, packet.length, 0, NULL, err);
    struct ras_head head = in_head(&in);
    if (in.code)
        return in.code;
    *ret = head;
    return ERR_OK;
}

static void out_body(struct ras_out *out, const struct ras_packet_value *value)
{
    switch (value->type) {
    case RAS_PACKET_CONNECT:
    case RAS_PACKET_CONNECT_ACK:
        out_params(out, &value->connect);
        return;
    case RAS_PACKET_OPEN:
    case RAS_PACKET_OPEN_ACK:
        out_open(out, value);
        return;
    case RAS_PACKET_CLOSE:
        ras_out_nsize(out, value->close.endpoint);
        return;
    case RAS_PACKET_MESSAGE:
        out_message(out, &value->message);
        return;
    case RAS_PACKET_FAILURE:
        out_failure(out, value);
        return;
    default:
        buf_add(out->buf, value->raw.at, value->raw.length);
    }
}

/* The length stands before the body and is known after it: one byte is kept for it, and a longer
 * one moves the body. */
static void put_length(struct buf *out, size_t at)
{
    size_t length = out->length - at - 1;
    CHECK(length <= INT32_MAX);
    size_t more = ras_size_bytes((uint32_t)length) - 1;
    if (!buf_room(out, more))
        return;
    memmove(out->data + at + 1 + more, out->data + at + 1, length);
    if (more)
        buf_grown(out, more);
    for (size_t i = 0; i <= more; i++, length >>= 7)
        out->data[at + i] = (uint8_t)(length & 0x7f) | (i < more ? 0x80 : 0);
}

enum error_code ras_packet_encode(const struct ras_packet_value *value, unsigned version,
                                  struct buf *out, struct error *err)
{
    size_t start = out->length;
    if (out->full)
        return error_set(err, ERR_TOO_LARGE, "no room for a packet");
    struct ras_out writer = {.buf = out, .version = version, .field = "", .err = err};
    buf_byte(out, value->type);
    buf_byte(out, 0);
    out_body(&writer, value);
    if (!out->full && !writer.code)
        put_length(out, start + 1);
    if (out->full && !writer.code)
        writer.code = error_set(err, ERR_TOO_LARGE, "a packet exceeds %zu bytes", out->max);
    if (writer.code) {
        out->length = start;
        out->full = false;
    }
    return writer.code;
}

enum error_code ras_request_encode(int64_t endpoint, unsigned version, enum ras_request number,
                                   const void *record, struct buf *out, struct error *err)
{
    const struct ras_message_row *row = ras_message_by_request((uint8_t)number);
    CHECK(row);
    CHECK(record || row->request->size == 0);
    struct ras_packet_value value = {
        .type = RAS_PACKET_MESSAGE,
        .message = {.head = {endpoint, 0, RAS_KIND_MESSAGE, row->number},
                    .layout = row->request,
                    .count = 1,
                    .records = (void *)record},
    };
    return ras_packet_encode(&value, version, out, err);
}

enum error_code ras_answer_encode(int64_t endpoint, unsigned version, enum ras_request number,
                                  const void *records, uint32_t count, struct buf *out,
                                  struct error *err)
{
    const struct ras_message_row *row = ras_message_by_request((uint8_t)number);
    CHECK(row);
    struct ras_packet_value value = {
        .type = RAS_PACKET_MESSAGE,
        .message = {.head = {endpoint, 0, RAS_KIND_VOID, 0}, .layout = row->answer},
    };
    if (row->shape != RAS_SHAPE_VOID) {
        CHECK(records || count == 0);
        CHECK(row->shape == RAS_SHAPE_LIST || count == 1);
        value.message.head.kind = RAS_KIND_MESSAGE;
        value.message.head.type = row->number + 1;
        value.message.list = row->shape == RAS_SHAPE_LIST;
        value.message.records = (void *)records;
        value.message.count = count;
    }
    return ras_packet_encode(&value, version, out, err);
}

enum error_code ras_exception_encode(int64_t endpoint, struct text class_name, struct text message,
                                     struct buf *out, struct error *err)
{
    struct ras_packet_value value = {
        .type = RAS_PACKET_MESSAGE,
        .message = {.head = {endpoint, 0, RAS_KIND_EXCEPTION, 0},
                    .layout = &ras_nothing_layout,
                    .exception = {.class_name = class_name, .message = message}},
    };
    return ras_packet_encode(&value, 0, out, err);
}
