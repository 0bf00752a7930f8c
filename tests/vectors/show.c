#include "tests/vectors/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { NAME_MAX_BYTES = 200 };

struct show {
    struct buf *out;
    size_t offset;
    unsigned version;
};

/* Begins a line; the value follows, then end(). */
static void begin(struct show *show, const char *type, const char *name)
{
    buf_format(show->out, "@%-4zu %-9s %s = ", show->offset, type, name);
}

static void end(struct show *show, size_t bytes)
{
    buf_byte(show->out, '\n');
    show->offset += bytes;
}

static void show_number(struct show *show, const char *type, size_t bytes, const char *name,
                        int64_t value)
{
    begin(show, type, name);
    buf_format(show->out, "%lld", (long long)value);
    end(show, bytes);
}

static size_t size_bytes(uint64_t value)
{
    return value < 0x80 ? 1 : 1 + size_bytes(value >> 7);
}

static size_t nsize_bytes(int64_t value)
{
    return value < 64 ? 1 : 1 + size_bytes((uint64_t)value >> 6);
}

static void show_size(struct show *show, const char *name, size_t value)
{
    show_number(show, "size", size_bytes(value), name, (int64_t)value);
}

static void show_nsize(struct show *show, const char *name, int64_t value)
{
    if (value != RAS_NONE) {
        show_number(show, "nsize", nsize_bytes(value), name, value);
        return;
    }
    begin(show, "nsize", name);
    buf_str(show->out, "null");
    end(show, 1);
}

static void show_text(struct show *show, const char *name, struct text text)
{
    begin(show, "string", name);
    if (ras_is_null(text)) {
        buf_str(show->out, "null");
        end(show, 1);
        return;
    }
    buf_byte(show->out, '"');
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] == '\n')
            buf_str(show->out, "\\n");
        else
            buf_byte(show->out, (uint8_t)text.at[i]);
    }
    buf_byte(show->out, '"');
    end(show, nsize_bytes((int64_t)text.length) + text.length);
}

static void show_uuid(struct show *show, const char *name, const struct uuid *uuid)
{
    begin(show, "uuid", name);
    buf_str(show->out, uuid_format(uuid).text);
    end(show, sizeof uuid->bytes);
}

static void show_time(struct show *show, const char *name, struct server_time time)
{
    begin(show, "datetime", name);
    struct server_time_text text = server_time_format(time);
    buf_str(show->out, time.ticks ? text.text : "null (0)");
    if (strchr(text.text, '.'))
        buf_str(show->out, "00"); /* the comments count microseconds */
    buf_format(show->out, "  ticks %lld", (long long)time.ticks);
    end(show, 8);
}

/* The shortest decimal form that reads back as the same number. */
static void show_double(struct show *show, const char *name, double value)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    begin(show, "double", name);
    buf_str(show->out, text);
    if (!strpbrk(text, ".e"))
        buf_str(show->out, ".0");
    end(show, 8);
}

static void show_bool(struct show *show, const char *name, bool value)
{
    begin(show, "bool", name);
    buf_str(show->out, value ? "true" : "false");
    end(show, 1);
}

static void show_record(struct show *show, const char *prefix, const struct ras_layout *layout,
                        const void *record);

static void show_list(struct show *show, const char *name, const struct ras_layout *layout,
                      const void *items, uint32_t count)
{
    char line[NAME_MAX_BYTES];
    snprintf(line, sizeof line, "%s%scount", name, *name ? " " : "");
    show_size(show, line, count);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(line, sizeof line, "%s[%u].", name, i);
        show_record(show, line, layout, (const char *)items + i * layout->size);
    }
}

static void show_field(struct show *show, const char *name, const struct ras_field *field,
                       const char *record)
{
    const void *at = record + field->offset;
    char prefix[NAME_MAX_BYTES];
    switch (field->type) {
    case RAS_TYPE_BOOL:
        show_bool(show, name, *(const bool *)at);
        return;
    case RAS_TYPE_SHORT:
        show_number(show, "short", 2, name, *(const uint16_t *)at);
        return;
    case RAS_TYPE_INT:
        show_number(show, "int", 4, name, *(const int32_t *)at);
        return;
    case RAS_TYPE_LONG:
        show_number(show, "long", 8, name, *(const int64_t *)at);
        return;
    case RAS_TYPE_DOUBLE:
        show_double(show, name, *(const double *)at);
        return;
    case RAS_TYPE_UUID:
        show_uuid(show, name, at);
        return;
    case RAS_TYPE_DATETIME:
        show_time(show, name, *(const struct server_time *)at);
        return;
    case RAS_TYPE_STRING:
    case RAS_TYPE_LABEL:
    case RAS_TYPE_SECRET:
        show_text(show, name, *(const struct text *)at);
        return;
    case RAS_TYPE_LIST: {
        void *items;
        uint32_t count;
        memcpy(&items, at, sizeof items);
        memcpy(&count, record + field->count_offset, sizeof count);
        show_list(show, name, field->element, items, count);
        return;
    }
    case RAS_TYPE_NESTED:
        snprintf(prefix, sizeof prefix, "%s.", name);
        show_record(show, prefix, field->element, at);
        return;
    }
}

static void show_record(struct show *show, const char *prefix, const struct ras_layout *layout,
                        const void *record)
{
    for (size_t i = 0; i < layout->field_count; i++) {
        char name[NAME_MAX_BYTES];
        if (layout->fields[i].since > show->version)
            continue;
        snprintf(name, sizeof name, "%s%s", prefix, layout->fields[i].name);
        show_field(show, name, &layout->fields[i], record);
    }
}

static void show_exception(struct show *show, const char *prefix,
                           const struct ras_exception *exception)
{
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%s.class", prefix);
    if (!exception) {
        show_text(show, name, RAS_NULL);
        return;
    }
    show_text(show, name, exception->class_name);
    if (exception->class_name.length == 0)
        return;
    snprintf(name, sizeof name, "%s.message", prefix);
    show_text(show, name, exception->message);
    snprintf(name, sizeof name, "%s.stack", prefix);
    show_list(show, name, &ras_frame_layout, exception->stack.items, exception->stack.count);
    snprintf(name, sizeof name, "%s.cause", prefix);
    show_exception(show, name, exception->cause);
}

static void show_params(struct show *show, const struct ras_params *params)
{
    show_nsize(show, "params count", params->null ? RAS_NONE : (int64_t)params->count);
    for (uint32_t i = 0; i < params->count; i++) {
        const struct ras_param *param = &params->items[i];
        bool is_long = param->type == RAS_PARAM_LONG;
        CHECK(is_long || param->type == RAS_PARAM_INT);
        char name[NAME_MAX_BYTES];
        snprintf(name, sizeof name, "param[%u].name", i);
        show_text(show, name, param->name);
        snprintf(name, sizeof name, "param[%u].type", i);
        begin(show, "byte", name);
        buf_format(show->out, "%u (%s)", param->type, is_long ? "long" : "int");
        end(show, 1);
        snprintf(name, sizeof name, "param[%u].value", i);
        show_number(show, is_long ? "long" : "int", is_long ? 8 : 4, name, param->number);
    }
}

static void show_type(struct show *show, const struct ras_head *head)
{
    const struct ras_message_row *request = ras_message_by_request(head->type);
    const struct ras_message_row *answer = ras_message_by_answer(head->type);
    begin(show, "byte", "message type");
    buf_format(show->out, "%u (0x%02x) %s%s", head->type, head->type, request ? "" : "answer to ",
               request ? request->label : answer->label);
    end(show, 1);
}

static void show_message(struct show *show, const struct ras_message *message)
{
    const struct ras_head *head = &message->head;
    show_nsize(show, "endpoint id", head->endpoint);
    show_number(show, "short", 2, "format", head->format);
    begin(show, "byte", "kind");
    buf_format(show->out, "%u %s", head->kind,
               head->kind == RAS_KIND_VOID      ? "VOID"
               : head->kind == RAS_KIND_MESSAGE ? "MESSAGE"
                                                : "EXCEPTION");
    end(show, 1);
    if (head->kind == RAS_KIND_EXCEPTION) {
        show_exception(show, "exception", &message->exception);
    } else if (head->kind == RAS_KIND_MESSAGE) {
        show_type(show, head);
        if (message->list)
            show_list(show, "", message->layout, message->records, message->count);
        else if (message->count)
            show_record(show, "", message->layout, message->records);
    }
}

static void show_body(struct show *show, const struct ras_packet_value *value)
{
    switch (value->type) {
    case RAS_PACKET_CONNECT:
    case RAS_PACKET_CONNECT_ACK:
        show_params(show, &value->connect);
        return;
    case RAS_PACKET_OPEN:
    case RAS_PACKET_OPEN_ACK:
        show_text(show, "service", value->open.service);
        show_text(show, "version", value->open.version);
        if (value->type == RAS_PACKET_OPEN_ACK)
            show_nsize(show, "endpoint id", value->open.endpoint);
        show_params(show, &value->open.params);
        return;
    case RAS_PACKET_CLOSE:
        show_nsize(show, "endpoint id", value->close.endpoint);
        return;
    case RAS_PACKET_MESSAGE:
        show_message(show, &value->message);
        return;
    case RAS_PACKET_FAILURE:
        show_text(show, "service", value->failure.service);
        if (value->failure.service.length)
            show_text(show, "version", value->failure.version);
        show_nsize(show, "endpoint id", value->failure.endpoint);
        show_exception(show, "exception", &value->failure.exception);
        return;
    default:
        return;
    }
}

void show_packet(const struct ras_packet_value *value, size_t body_length, unsigned version,
                 struct buf *out)
{
    static const char *const names[] = {
        [RAS_PACKET_CONNECT] = "CONNECT",          [RAS_PACKET_CONNECT_ACK] = "CONNECT_ACK",
        [RAS_PACKET_OPEN] = "ENDPOINT_OPEN",       [RAS_PACKET_OPEN_ACK] = "ENDPOINT_OPEN_ACK",
        [RAS_PACKET_CLOSE] = "ENDPOINT_CLOSE",     [RAS_PACKET_MESSAGE] = "ENDPOINT_MESSAGE",
        [RAS_PACKET_FAILURE] = "ENDPOINT_FAILURE",
    };
    struct show show = {.out = out, .version = version};
    begin(&show, "byte", "packet type");
    buf_format(out, "%u %s", value->type, names[value->type]);
    end(&show, 1);
    show_size(&show, "packet length", body_length);
    show_body(&show, value);
    CHECK(show.offset == 1 + size_bytes(body_length) + body_length);
}

void show_negotiate(struct buf *out)
{
    buf_str(out, "@0    int       magic = 0x1C535750\n"
                 "@4    short     protocol version = 0x0100 (1.0)\n"
                 "@6    short     codec version = 0x0100 (1.0)\n");
}
