/* codec - the worker's own encoders and decoders behind a pipe, for tests written in other
 * languages.
 *
 * One JSON object per line in, one per line out. Messages are {"headers": [[name, base64], ...],
 * "value": base64, "key": base64}.
 *
 *   {"op": "command", "message": {...}}          -> {"json": proto3 JSON, "digest": hex,
 * "encoding":
 *                                                   ..., "framed": ..., "unknown_fields": n}
 *   {"op": "filters", "message": {...}}          -> {}                    could they be asked?
 *   {"op": "encode", "message": {...}, "form": n} -> {"message": {...}}   n: enum message_form
 *   {"op": "event", "style": n}                  -> {"messages": [...]}   n: 1 structured, 2
 * protobuf
 *   {"op": "example", "kind": n}                 -> {"messages": [...]}   n: enum event_kind
 *   {"op": "view", "message": {...}}             -> {"view": stable JSON}
 *   {"op": "handler_request", "mode": n}         -> {"request": JSON}     n: enum handler_mode
 *   {"op": "handler_answer", "mode": n, "count": n, "answer": text} -> {"results": [...],
 *                                                                       "standard_processing": ...}
 *
 * What is refused gives {"error": label, "message": text}. */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "cluster/handler/codec.h"
#include "command/message.h"
#include "event/decode.h"
#include "event/encode.h"
#include "examples.h"
#include "model/session.h"
#include "select/select.h"

enum { LINE_MAX_BYTES = 16 * 1024 * 1024, HEADERS_MAX = 64 };

/* ---- messages in and out of JSON ---- */

static json_t *to_base64(struct text text)
{
    size_t size = sodium_base64_ENCODED_LEN(text.length, sodium_base64_VARIANT_ORIGINAL);
    char *encoded = mem_alloc(size, 1);
    sodium_bin2base64(encoded, size, (const unsigned char *)(text.length ? text.at : ""),
                      text.length, sodium_base64_VARIANT_ORIGINAL);
    json_t *ret = json_string(encoded);
    free(encoded);
    return ret;
}

static struct text from_base64(struct arena *arena, const json_t *json)
{
    struct text ret = {NULL, 0};
    if (!json_is_string(json))
        return ret;
    size_t max = json_string_length(json);
    char *bytes = arena_take(arena, max + 1, 1);
    CHECK(bytes);
    int failed = sodium_base642bin((unsigned char *)bytes, max, json_string_value(json), max, NULL,
                                   &ret.length, NULL, sodium_base64_VARIANT_ORIGINAL);
    CHECK(!failed);
    ret.at = bytes;
    return ret;
}

static struct message read_message(struct arena *arena, const json_t *json)
{
    const json_t *headers = json_object_get(json, "headers");
    size_t count = json_array_size(headers);
    CHECK(count <= HEADERS_MAX);
    struct header *list = arena_take(arena, count, sizeof *list);
    CHECK(list);
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(headers, i);
        list[i].name = text_of(json_string_value(json_array_get(pair, 0)));
        list[i].value = from_base64(arena, json_array_get(pair, 1));
    }
    return (struct message){.key = from_base64(arena, json_object_get(json, "key")),
                            .value = from_base64(arena, json_object_get(json, "value")),
                            .headers = list,
                            .header_count = count};
}

static json_t *write_message(const struct message *message)
{
    json_t *headers = json_array();
    for (size_t i = 0; i < message->header_count; i++)
        json_array_append_new(headers, json_pack("[s,o]", message->headers[i].name.at,
                                                 to_base64(message->headers[i].value)));
    return json_pack("{s:o,s:o,s:o}", "key", to_base64(message->key), "value",
                     to_base64(message->value), "headers", headers);
}

static json_t *refusal(const struct error *err)
{
    return json_pack("{s:s,s:s}", "error", error_label(err->code), "message", err->message);
}

/* Text that is JSON already, as a member. */
static json_t *parsed(struct buf *text)
{
    json_t *ret = json_loads(buf_text(text), JSON_REJECT_DUPLICATES, NULL);
    CHECK(ret);
    return ret;
}

/* ---- operations ---- */

static json_t *op_command(const struct message *message)
{
    AUTO(command) command = NULL;
    struct message_info info;
    struct error err;
    if (message_decode(message, &command, &info, &err))
        return refusal(&err);
    AUTO_BUF json;
    AUTO_BUF hex;
    buf_init(&json, LIMIT_COMMAND_DECODE_BYTES);
    buf_init(&hex, 100);
    struct sha256 digest = command_digest(command);
    command_to_json(command, &json);
    text_hex(&hex, digest.bytes, sizeof digest.bytes);
    return json_pack("{s:o,s:s,s:s,s:b,s:i}", "json", parsed(&json), "digest", buf_text(&hex),
                     "encoding", message_encoding_label(info.encoding), "framed", info.framed,
                     "unknown_fields", (int)info.unknown_fields);
}

/* What a worker would say of its filters before it takes the command. */
static json_t *op_filters(const struct message *message)
{
    AUTO(command) command = NULL;
    struct error err;
    if (message_decode(message, &command, NULL, &err) || select_check(command, true, &err))
        return refusal(&err);
    return json_object();
}

static json_t *op_encode(const struct message *message, int form)
{
    AUTO(command) command = NULL;
    AUTO(outgoing) outgoing = NULL;
    struct error err;
    const struct message_style style = {(enum message_form)form, "curfew/test", "curfew."};
    if (message_decode(message, &command, NULL, &err))
        return refusal(&err);
    if (message_encode(command, &style, &outgoing, &err))
        return refusal(&err);
    return json_pack("{s:o}", "message", write_message(&outgoing->messages[0]));
}

static json_t *op_view(const struct message *message)
{
    AUTO(event_view) view = NULL;
    struct error err;
    if (event_decode(message, &view, &err))
        return refusal(&err);
    AUTO_BUF json;
    buf_init(&json, LINE_MAX_BYTES);
    event_to_cli_json(view, &json);
    return json_pack("{s:o}", "view", parsed(&json));
}

/* A session in which every kind of field is used. */
static void make_snapshot(struct session *ret, struct buf *out)
{
    struct session session = {.number = 7,
                              .infobase_name = "ut",
                              .user_name = "Иванов \"И\"",
                              .app_id = "1CV8C",
                              .host = "pc",
                              .client_ip = "10.0.0.1",
                              .locale = "ru",
                              .db_proc_info = "x",
                              .current_service_name = "y",
                              .data_separation = "''",
                              .hibernate = true,
                              .memory_current = -5,
                              .cpu_time_total = INT64_MAX,
                              .started_at = {639000000000000}};
    session.uuid.bytes[0] = session.infobase.bytes[15] = 1;
    session_encode(&session, out);
    *ret = session;
}

/* An event in which every field is used. */
static struct outgoing *make_event(const struct event_style *style)
{
    struct session session;
    AUTO_BUF snapshot;
    buf_init(&snapshot, LIMIT_RECORD_BYTES);
    make_snapshot(&session, &snapshot);
    const struct reason gone = {ERR_GONE, (char[]){"gone\n"}};
    AUTO(command) command = command_create();
    command->id.bytes[0] = 2;
    command->cluster = "main";
    command->requested_by = "ivan";
    command->reason = "обновление";
    command->correlation_id = "job-1";
    command->origin = ORIGIN_APPLICATION;
    command->requested_at.ms = 1700000000120;
    const struct event_target targets[] = {
        {.session = session.uuid,
         .has_number = true,
         .number = 7,
         .outcome = TARGET_ENDED,
         .snapshot = snapshot.data,
         .snapshot_length = (uint32_t)snapshot.length,
         .attempts = 1,
         .decided_at = {1700000001000}},
        {.has_number = true, .outcome = TARGET_ALREADY_GONE, .reason = &gone}};
    struct event event = {.kind = EVENT_COMPLETED,
                          .command_id = command->id,
                          .command = command,
                          .outcome = COMMAND_COMPLETED,
                          .reason = &gone,
                          .targets = targets,
                          .target_count = 2,
                          .source = {true, 3, INT64_MAX, {{0}}},
                          .journal_partition = 3,
                          .journal_offset = 77,
                          .time = {1700000002000},
                          .accepted_at = {1700000000500},
                          .closed_at = {1700000002001},
                          .duplicate = true};
    event.id.bytes[0] = 3;
    return event_encode(&event, "main", style);
}

static json_t *op_event(int number)
{
    struct event_style style = event_style_default();
    style.mode = number & 1 ? EVENT_MODE_STRUCTURED : EVENT_MODE_BINARY;
    style.format = number & 2 ? EVENT_FORMAT_PROTOBUF : EVENT_FORMAT_JSON;
    style.source = "curfew/test";
    style.data_schema = "urn:curfew:schema:event:v1";
    style.worker = "worker-1";
    style.commands_topic = "curfew.commands";
    style.journal_topic = "curfew.journal";
    AUTO(outgoing) outgoing = make_event(&style);
    json_t *messages = json_array();
    for (size_t i = 0; i < outgoing->count; i++)
        json_array_append_new(messages, write_message(&outgoing->messages[i]));
    return json_pack("{s:o}", "messages", messages);
}

static json_t *op_example(int kind)
{
    AUTO(outgoing) outgoing = example_event((enum event_kind)kind);
    if (!outgoing)
        return json_pack("{s:[]}", "messages");
    return json_pack("{s:[o]}", "messages", write_message(&outgoing->messages[0]));
}

enum { HANDLER_TARGETS = 3 };

static json_t *op_handler_request(enum handler_mode mode)
{
    const struct reason gone = {ERR_GONE, (char[]){"gone\n"}};
    struct session session;
    struct error err;
    AUTO_BUF snapshot;
    AUTO_BUF json;
    buf_init(&snapshot, LIMIT_RECORD_BYTES);
    buf_init(&json, HANDLER_REQUEST_MAX);
    make_snapshot(&session, &snapshot);
    AUTO(command) command = command_create();
    command->id.bytes[0] = 2;
    command->requested_by = "ivan";
    command->origin = ORIGIN_REMOTE;
    struct handler_target targets[] = {
        {.snapshot = snapshot.data,
         .snapshot_length = (uint32_t)snapshot.length,
         .outcome = TARGET_ENDED},
        {.index = 1,
         .asked_by_number = true,
         .asked_number = 5,
         .outcome = TARGET_ALREADY_GONE,
         .reason = &gone},
    };
    struct handler_task task = {.mode = mode,
                                .command = command,
                                .cluster = "main",
                                .place = "",
                                .round = 1,
                                .attempt = 1,
                                .expires_at = {1700000002001},
                                .outcome = COMMAND_COMPLETED,
                                .targets = targets,
                                .count = mode == HANDLER_AFTER ? 2 : 1};
    if (handler_request_write(&task, 30000, &json, &err))
        return refusal(&err);
    return json_pack("{s:o}", "request", parsed(&json));
}

/* For a task about targets 0, 1, ... */
static json_t *op_handler_answer(const json_t *request)
{
    AUTO_HANDLER_ANSWER answer = {0};
    struct handler_target targets[HANDLER_TARGETS];
    struct error err;
    for (uint32_t i = 0; i < HANDLER_TARGETS; i++)
        targets[i].index = i;
    struct handler_task task = {
        .mode = (enum handler_mode)json_integer_value(json_object_get(request, "mode")),
        .targets = targets,
        .count = (uint32_t)json_integer_value(json_object_get(request, "count"))};
    CHECK(task.count <= HANDLER_TARGETS);
    const char *text = json_string_value(json_object_get(request, "answer"));
    if (handler_answer_read(&task, text_of(text), &answer, &err))
        return refusal(&err);
    json_t *results = json_array();
    for (uint32_t i = 0; i < answer.count; i++)
        json_array_append_new(results, json_string(handler_result_label(answer.words[i].result)));
    return json_pack("{s:o,s:b}", "results", results, "standard_processing",
                     answer.standard_processing);
}

static json_t *answer(const json_t *request)
{
    AUTO(arena) arena = arena_create(LINE_MAX_BYTES);
    struct message message = read_message(arena, json_object_get(request, "message"));
    struct text op = text_of(json_string_value(json_object_get(request, "op")));
    if (text_equal(op, TEXT("command")))
        return op_command(&message);
    if (text_equal(op, TEXT("filters")))
        return op_filters(&message);
    if (text_equal(op, TEXT("encode")))
        return op_encode(&message, (int)json_integer_value(json_object_get(request, "form")));
    if (text_equal(op, TEXT("example")))
        return op_example((int)json_integer_value(json_object_get(request, "kind")));
    if (text_equal(op, TEXT("view")))
        return op_view(&message);
    if (text_equal(op, TEXT("handler_request")))
        return op_handler_request(
            (enum handler_mode)json_integer_value(json_object_get(request, "mode")));
    if (text_equal(op, TEXT("handler_answer")))
        return op_handler_answer(request);
    CHECK(text_equal(op, TEXT("event")));
    return op_event((int)json_integer_value(json_object_get(request, "style")));
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    CHECK(sodium_init() >= 0);
    while (getline(&line, &size, stdin) > 0) {
        json_t *request = json_loads(line, 0, NULL);
        CHECK(request);
        json_t *reply = answer(request);
        CHECK(reply);
        json_dumpf(reply, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(reply);
        json_decref(request);
    }
    free(line);
    return 0;
}
