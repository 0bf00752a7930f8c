/* One command in every encoding; what a message may not be; hostile bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "command/message.h"
#include "tests/support/gen.h"

enum { RANDOM_COMMANDS = 300, FORMS = MESSAGE_FORM_BARE_JSON + 1, BYTES_MAX = 1 << 20 };

static const char id_text[] = "0188a6c2-7f3e-7b1a-9c4d-5e6f708192a3";
static const struct message_style style = {MESSAGE_FORM_BINARY_PROTOBUF, "curfew/test", "curfew."};

/* ---- helpers ---- */

static struct error err;
static struct message_info info;

static struct command *decode_as(const char *content_type, struct text value)
{
    struct header header = {TEXT("content-type"), text_of(content_type)};
    struct message message = {
        .value = value, .headers = &header, .header_count = content_type != 0};
    struct command *command = NULL;
    err.code = ERR_OK;
    err.message[0] = '\0';
    enum error_code code = message_decode(&message, &command, &info, &err);
    assert_int_equal(code, err.code);
    assert_true(!command == (code != ERR_OK));
    return command;
}

static struct command *decode_json(const char *json)
{
    return decode_as("application/json", text_of(json));
}

static void refuses(const char *json, enum error_code code, const char *part_of_message)
{
    struct command *command = decode_json(json);
    if (command)
        fail_msg("taken: %s", json);
    if (err.code != code || !strstr(err.message, part_of_message))
        fail_msg("%s\n  gave %d '%s', wanted %d '%s'", json, (int)err.code, err.message, (int)code,
                 part_of_message);
}

/* {"id":"...", <members>} */
static const char *with_id(const char *members)
{
    static char json[4096];
    snprintf(json, sizeof json, "{\"id\":\"%s\"%s%s}", id_text, members[0] ? "," : "", members);
    return json;
}

static void refuses_member(const char *members, enum error_code code, const char *part)
{
    refuses(with_id(members), code, part);
}

static struct command *sample(void)
{
    struct command *command = decode_json(
        with_id("\"cluster\":\"main\",\"requestedBy\":\"ivan\",\"origin\":\"ORIGIN_USER_REQUEST\","
                "\"terminate\":{\"selector\":{\"numbers\":{\"infobase\":\"ut\",\"numbers\":[7,9]}},"
                "\"options\":{\"grace\":\"300s\"}}"));
    assert_non_null(command);
    return command;
}

static struct buf canonical(const struct command *command)
{
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    command_encode(command, &bytes);
    assert_false(bytes.full);
    return bytes;
}

static struct text as_text(const struct buf *buf)
{
    return (struct text){(const char *)buf->data, buf->length};
}

/* Wraps `inner` once more as field `number`. */
static void wrap(struct buf *inner, uint8_t number)
{
    struct buf outer;
    buf_init(&outer, BYTES_MAX);
    buf_byte(&outer, (uint8_t)(number << 3 | 2));
    size_t length = inner->length;
    for (; length >= 0x80; length >>= 7)
        buf_byte(&outer, (uint8_t)(length | 0x80));
    buf_byte(&outer, (uint8_t)length);
    buf_add(&outer, inner->data, inner->length);
    buf_release(inner);
    *inner = outer;
}

static void assert_same(const struct command *a, const struct command *b)
{
    struct sha256 left = command_digest(a);
    struct sha256 right = command_digest(b);
    assert_memory_equal(left.bytes, right.bytes, sizeof left.bytes);
}

/* ---- every encoding ---- */

static void every_field_comes_through_json(void **state)
{
    (void)state;
    AUTO(command)
    command = decode_json(
        "{\"id\":\"0188A6C2-7F3E-7B1A-9C4D-5E6F708192A3\",\"requestedAt\":\"2026-11-21T21:30:00.25+"
        "03:00\","
        "\"expires_at\":\"2026-11-21T19:00:00Z\",\"requestedBy\":\"Иван\",\"origin\":3,"
        "\"reason\":\"a "
        "\\\"b\\\"\\n\",\"correlationId\":\"c-1\",\"replyTopic\":\"r\",\"cluster\":\"main\","
        "\"terminate\":{\"selector\":{\"numbers\":{\"infobase\":\"ut\",\"numbers\":[0,\"7\","
        "4294967295,1e2],"
        "\"guard\":{\"user\":\"u\",\"application\":\"1CV8C\",\"startedAt\":\"2026-11-21T18:30:00\"}"
        "}},"
        "\"options\":{\"grace\":\"1.5s\",\"message\":\"m\",\"dryRun\":true,\"untilEmpty\":true,"
        "\"disconnectConnections\":true,\"interruptCalls\":true,\"maxTargets\":5,"
        "\"standardProcessing\":\"STANDARD_PROCESSING_OFF\",\"exclude\":{\"not\":{\"condition\":"
        "{\"field\":\"user_name\",\"comparison\":\"COMPARISON_IN\",\"values\":[\"a\",\"\"]}}}}}}");
    assert_non_null(command);
    assert_string_equal(uuid_format(&command->id).text, id_text);
    assert_string_equal(wall_format(command->requested_at).text, "2026-11-21T18:30:00.250Z");
    assert_string_equal(wall_format(command->expires_at).text, "2026-11-21T19:00:00.000Z");
    assert_string_equal(command->requested_by, "Иван");
    assert_int_equal(command->origin, ORIGIN_APPLICATION);
    assert_string_equal(command->reason, "a \"b\"\n");
    assert_string_equal(command->correlation_id, "c-1");
    assert_string_equal(command->reply_topic, "r");
    assert_int_equal(command->action, ACTION_TERMINATE);
    const struct selector *selector = &command->selector;
    assert_int_equal(selector->kind, SELECTOR_NUMBERS);
    assert_int_equal(selector->count, 4);
    assert_int_equal(selector->numbers[0], 0);
    assert_int_equal(selector->numbers[1], 7);
    assert_true(selector->numbers[2] == UINT32_MAX);
    assert_int_equal(selector->numbers[3], 100);
    assert_string_equal(selector->guard.application, "1CV8C");
    assert_string_equal(server_time_format(selector->guard.started_at).text, "2026-11-21T18:30:00");
    const struct options *options = &command->options;
    assert_int_equal(options->grace_ms, 1500);
    assert_true(options->dry_run && options->until_empty);
    assert_true(options->disconnect_connections && options->interrupt_calls);
    assert_int_equal(options->max_targets, 5);
    assert_int_equal(options->standard_processing, STANDARD_PROCESSING_OFF);
    assert_int_equal(options->exclude->kind, FILTER_NOT);
    assert_int_equal(options->exclude->children[0]->comparison, COMPARISON_IN);
    assert_int_equal(options->exclude->children[0]->value_count, 2);
    assert_int_equal(info.encoding, MESSAGE_JSON);
    assert_int_equal(info.envelope, CLOUDEVENT_NONE);
}

static void json_is_written_as_other_runtimes_write_it(void **state)
{
    (void)state;
    AUTO(command)
    command = decode_json(with_id(
        "\"requested_at\":\"2026-11-21T18:30:00.250Z\",\"expires_at\":\"2026-11-21T18:30:01Z\","
        "\"cluster\":\"main\",\"drain\":{\"infobase\":\"ut\",\"hold\":\"7200s\",\"deadline\":\"0."
        "5s\","
        "\"keep_jobs\":true,\"options\":{\"message\":\"a\\\\b\"}}"));
    assert_non_null(command);
    AUTO_BUF json;
    buf_init(&json, BYTES_MAX);
    command_to_json(command, &json);
    assert_string_equal(buf_text(&json), "{\"id\":\"0188a6c2-7f3e-7b1a-9c4d-5e6f708192a3\","
                                         "\"requestedAt\":\"2026-11-21T18:30:00.250Z\","
                                         "\"expiresAt\":\"2026-11-21T18:30:01Z\",\"cluster\":"
                                         "\"main\",\"drain\":{\"infobase\":\"ut\","
                                         "\"hold\":\"7200s\",\"deadline\":\"0.500s\",\"keepJobs\":"
                                         "true,\"options\":{\"message\":\"a\\\\b\"}}}");
}

static void one_form(const struct command *command, int form, uint64_t seed)
{
    struct message_style how = style;
    how.form = (enum message_form)form;
    AUTO(outgoing) outgoing = NULL;
    AUTO(command) back = NULL;
    enum error_code code = message_encode(command, &how, &outgoing, &err);
    if (!code)
        code = message_decode(&outgoing->messages[0], &back, &info, &err);
    if (code)
        fail_msg("seed=%llu form %d: %s", (unsigned long long)seed, form, err.message);
    struct sha256 wanted = command_digest(command);
    struct sha256 got = command_digest(back);
    if (!sha256_equal(&wanted, &got) || !sha256_equal(&wanted, &info.digest))
        fail_msg("seed=%llu form %d: another digest", (unsigned long long)seed, form);
    assert_int_equal(info.unknown_fields, 0);
    assert_true(text_equal(outgoing->messages[0].key, text_of(command->cluster)));
}

static void any_command_has_one_digest_in_every_form(void **state)
{
    (void)state;
    struct gen_seeds seeds = gen_seeds(RANDOM_COMMANDS);
    for (uint64_t seed = seeds.first; seed < seeds.behind; seed++) {
        struct gen gen = {seed};
        AUTO(command) command = gen_command(&gen);
        /* Binary mode carries it as an attribute too; there a reader could not tell absent from
         * empty. */
        for (int form = 0; form < FORMS; form++)
            one_form(command, form, seed);
    }
}

static void the_first_byte_decides_when_no_header_does(void **state)
{
    (void)state;
    AUTO(command) command = sample();
    AUTO_BUF bytes = canonical(command);
    AUTO(command) bare = decode_as(NULL, as_text(&bytes));
    assert_non_null(bare);
    assert_int_equal(info.encoding, MESSAGE_PROTOBUF);
    static const char *const before[] = {"", " ", "\r\n\t", "\xEF\xBB\xBF"};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        AUTO_BUF json;
        buf_init(&json, BYTES_MAX);
        buf_str(&json, before[i]);
        command_to_json(command, &json);
        AUTO(command) again = decode_as(NULL, as_text(&json));
        assert_non_null(again);
        assert_int_equal(info.encoding, MESSAGE_JSON);
        assert_same(again, command);
    }
}

static void content_types_are_compared_without_case_and_parameters(void **state)
{
    (void)state;
    AUTO(command) command = sample();
    AUTO_BUF bytes = canonical(command);
    static const char *const protobuf[] = {"application/protobuf", "Application/X-Protobuf",
                                           "application/vnd.google.protobuf; messageType=Command",
                                           " application/octet-stream ", ""};
    for (size_t i = 0; i < sizeof protobuf / sizeof protobuf[0]; i++) {
        AUTO(command) again = decode_as(protobuf[i], as_text(&bytes));
        if (!again)
            fail_msg("'%s': %s", protobuf[i], err.message);
    }
    AUTO(command)
    json = decode_as("APPLICATION/JSON ; charset=utf-8", text_of(with_id("\"cluster\":\"main\"")));
    assert_non_null(json);
    assert_null(decode_as("application/avro", as_text(&bytes)));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_null(decode_as("application/json", as_text(&bytes)));
    assert_int_equal(err.code, ERR_UNDECODABLE);
}

/* ---- registry frames: the exact bytes that registry clients write ---- */

static struct command *decode_framed(const char *frame, size_t frame_length,
                                     const struct command *command)
{
    AUTO_BUF value;
    buf_init(&value, BYTES_MAX);
    buf_add(&value, frame, frame_length);
    command_encode(command, &value);
    return decode_as(NULL, as_text(&value));
}

#define FRAME(literal) literal, sizeof(literal) - 1

static void a_registry_frame_of_the_first_message_is_taken(void **state)
{
    (void)state;
    AUTO(command) command = sample();
    AUTO(command) one = decode_framed(FRAME("\x00\x00\x00\x01\x02\x00"), command);
    assert_non_null(one);
    assert_true(info.framed);
    assert_int_equal(info.schema_id, 258);
    AUTO(command) far = decode_framed(FRAME("\x00\x01\x02\x03\x04\x00"), command);
    assert_non_null(far);
    assert_int_equal(info.schema_id, 0x01020304);
    assert_same(one, command);
    AUTO(command) written_out = decode_framed(FRAME("\x00\x00\x00\x01\x02\x02\x00"), command);
    assert_non_null(written_out);
}

static void a_registry_frame_of_another_message_is_refused(void **state)
{
    (void)state;
    AUTO(command) command = sample();
    assert_null(decode_framed(FRAME("\x00\x00\x00\x01\x02\x02\x02"), command)); /* [1] */
    assert_non_null(strstr(err.message, "another message"));
    assert_null(decode_framed(FRAME("\x00\x00\x00\x01\x02\x04\x02\x00"), command)); /* [1,0] */
    assert_null(decode_framed(FRAME("\x00\x00\x00\x01\x02\x04\x00\x00"), command)); /* [0,0] */
    assert_non_null(strstr(err.message, "another message"));
    assert_null(decode_framed(FRAME("\x00\x00\x00\x01\x02\x06\x02\x00\x00"), command));
    assert_null(decode_framed(FRAME("\x00\x00\x00\x01\x02\x01"), command)); /* plain varint 1 */
    assert_non_null(strstr(err.message, "zigzag"));
    assert_null(decode_as(NULL, TEXT("\x00\x00\x00\x01")));
    assert_null(decode_as(NULL, TEXT("\x00\x00\x00\x01\x02")));
    assert_null(decode_as(NULL, TEXT("\x00\x00\x00\x01\x02\x00")));
    assert_int_equal(err.code, ERR_UNDECODABLE);
}

static void a_framed_json_value_is_taken(void **state)
{
    (void)state;
    AUTO_BUF value;
    buf_init(&value, BYTES_MAX);
    buf_add(&value, "\x00\x00\x00\x00\x05", 5);
    buf_str(&value, with_id("\"cluster\":\"main\""));
    AUTO(command) guessed = decode_as(NULL, as_text(&value));
    assert_non_null(guessed);
    assert_int_equal(info.schema_id, 5);
    AUTO(command) told = decode_as("application/json", as_text(&value));
    assert_non_null(told);
}

static struct command *decode_with_schema_header(struct text header, struct text value)
{
    const struct header headers[] = {{TEXT("__value_schema_id"), header}};
    const struct message message = {.value = value, .headers = headers, .header_count = 1};
    struct command *command = NULL;
    err.code = ERR_OK;
    (void)!message_decode(&message, &command, &info, &err);
    return command;
}

static void a_schema_id_in_a_header_leaves_the_value_bare(void **state)
{
    (void)state;
    AUTO(command) command = sample();
    AUTO_BUF bytes = canonical(command);
    AUTO(command)
    taken = decode_with_schema_header(TEXT("\x01"
                                           "0123456789abcdef"
                                           "\x00"),
                                      as_text(&bytes));
    assert_non_null(taken);
    assert_true(info.framed);
    assert_int_equal(info.schema_id, 0);
    assert_same(taken, command);
    assert_null(decode_with_schema_header(TEXT("\x01"
                                               "0123456789abcdef"
                                               "\x02\x02"),
                                          as_text(&bytes)));
    assert_null(decode_with_schema_header(TEXT("\x01"
                                               "0123456789abcdef"
                                               "\x00\x00"),
                                          as_text(&bytes)));
    assert_null(decode_with_schema_header(TEXT("\x01"
                                               "0123"),
                                          as_text(&bytes)));
    assert_null(decode_with_schema_header(TEXT("\x07"
                                               "0123456789abcdef"
                                               "\x00"),
                                          as_text(&bytes)));
}

/* ---- CloudEvents ---- */

static void an_envelope_fills_in_what_the_command_leaves_out(void **state)
{
    (void)state;
    const struct header headers[] = {
        {TEXT("ce_specversion"), TEXT("1.0")},
        {TEXT("ce_id"), TEXT("not-the-command-id")},
        {TEXT("ce_source"), TEXT("/shop")},
        {TEXT("ce_type"), TEXT("shop.end-session")},
        {TEXT("ce_correlationid"), TEXT("job-7")},
        {TEXT("ce_expirytime"), TEXT("2026-11-21T18:30:00+03:00")},
        {TEXT("content-type"), TEXT("application/json")},
    };
    struct message message = {.value = text_of(with_id("\"cluster\":\"main\"")),
                              .headers = headers,
                              .header_count = sizeof headers / sizeof headers[0]};
    AUTO(command) command = NULL;
    assert_int_equal(message_decode(&message, &command, &info, &err), ERR_OK);
    assert_int_equal(info.envelope, CLOUDEVENT_BINARY);
    assert_string_equal(uuid_format(&command->id).text, id_text);
    assert_string_equal(command->correlation_id, "job-7");
    assert_string_equal(wall_format(command->expires_at).text, "2026-11-21T15:30:00.000Z");
    message.value =
        text_of(with_id("\"correlationId\":\"own\",\"expiresAt\":\"2026-11-21T00:00:00Z\""));
    AUTO(command) own = NULL;
    assert_int_equal(message_decode(&message, &own, &info, &err), ERR_OK);
    assert_string_equal(own->correlation_id, "own");
    message.value = text_of(with_id("\"cluster\":\"main\""));
    struct header long_one[sizeof headers / sizeof headers[0]];
    char name[LIMIT_NAME_BYTES + 2];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memcpy(long_one, headers, sizeof headers);
    long_one[4].value = text_of(name);
    message.headers = long_one;
    AUTO(command) refused = NULL;
    assert_int_equal(message_decode(&message, &refused, &info, &err), ERR_TOO_LARGE);
    assert_non_null(strstr(err.message, "correlationid has 257 bytes"));
    assert_string_equal(wall_format(own->expires_at).text, "2026-11-21T00:00:00.000Z");
}

static void a_structured_event_carries_json_or_base64(void **state)
{
    (void)state;
    AUTO(command)
    command = decode_as(
        "Application/CloudEvents+JSON; charset=UTF-8",
        TEXT("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/"
             "s\",\"type\":\"t\",\"correlationid\":\"c\","
             "\"data\":{\"id\":\"0188a6c2-7f3e-7b1a-9c4d-5e6f708192a3\",\"cluster\":\"main\"}}"));
    assert_non_null(command);
    assert_int_equal(info.envelope, CLOUDEVENT_JSON);
    assert_string_equal(command->correlation_id, "c");
    /* 0a 24 "0188..." : field 1, 36 bytes */
    AUTO(command)
    binary =
        decode_as("application/cloudevents+json",
                  TEXT("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\","
                       "\"datacontenttype\":\"application/protobuf\",\"data_base64\":"
                       "\"CiQwMTg4YTZjMi03ZjNlLTdiMWEtOWM0ZC01ZTZmNzA4MTkyYTM=\"}"));
    if (!binary)
        fail_msg("%s", err.message);
    assert_int_equal(info.encoding, MESSAGE_PROTOBUF);
    AUTO(command)
    without_header = decode_as(
        NULL, TEXT("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\","
                   "\"data\":{\"id\":\"0188a6c2-7f3e-7b1a-9c4d-5e6f708192a3\"}}"));
    assert_non_null(without_header);
    assert_int_equal(info.envelope, CLOUDEVENT_JSON);
}

static void envelopes_that_lack_something_are_refused(void **state)
{
    (void)state;
    static const char type[] = "application/cloudevents+json";
    static const struct {
        const char *json;
        enum error_code code;
    } cases[] = {
        {"{\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"data\":{}}", ERR_INVALID},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\",\"data\":"
         "{\"id\":\"0188a6c2-7f3e-7b1a-9c4d-5e6f708192a3\"}}",
         ERR_INVALID}, /* no source, and a command that is whole */
        {"{\"specversion\":\"0.3\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"data\":{}}",
         ERR_UNSUPPORTED},
        {"{\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"t\",\"data\":{}}", ERR_INVALID},
        {"{\"specversion\":\"1.0\",\"id\":1,\"source\":\"/s\",\"type\":\"t\",\"data\":{}}",
         ERR_INVALID},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}", ERR_INVALID},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"data\":{},"
         "\"data_base64\":\"\"}",
         ERR_INVALID},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/"
         "s\",\"type\":\"t\",\"data_base64\":\"*\"}",
         ERR_UNDECODABLE},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/"
         "s\",\"type\":\"t\",\"data\":\"text\"}",
         ERR_UNDECODABLE},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"data\":{},"
         "\"datacontenttype\":\"image/png\"}",
         ERR_UNSUPPORTED},
        {"[]", ERR_UNDECODABLE},
        {"{", ERR_UNDECODABLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_null(decode_as(type, text_of(cases[i].json)));
        if (err.code != cases[i].code)
            fail_msg("%s: %s", cases[i].json, err.message);
    }
    assert_null(decode_as("application/cloudevents-batch+json", TEXT("[]")));
    assert_int_equal(err.code, ERR_UNSUPPORTED);
    assert_null(decode_as("application/cloudevents+avro", TEXT("x")));
}

static void a_structured_event_in_protobuf_carries_a_command_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum error_code code;
    } cases[] = {{"type.googleapis.com/curfew.v1.Command", ERR_OK},
                 {"", ERR_OK},
                 {"type.googleapis.com/curfew.v1.Event", ERR_UNDECODABLE},
                 {"type.googleapis.com/other.v1.Command", ERR_UNDECODABLE},
                 {"curfew.v1.Command", ERR_UNDECODABLE}};
    AUTO(command) command = sample();
    AUTO_BUF data = canonical(command);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf any;
        AUTO_BUF event;
        buf_init(&any, BYTES_MAX);
        buf_init(&event, BYTES_MAX);
        buf_str(&event, "\x0a\x01"
                        "1"
                        "\x12\x02/s"
                        "\x1a\x03"
                        "1.0"
                        "\x22\x01t");
        struct buf part;
        buf_init(&part, BYTES_MAX);
        buf_str(&part, cases[i].type);
        wrap(&part, 1); /* Any.type_url */
        buf_add(&any, part.data, part.length);
        buf_clear(&part);
        buf_add(&part, data.data, data.length);
        wrap(&part, 2); /* Any.value */
        buf_add(&any, part.data, part.length);
        buf_release(&part);
        wrap(&any, 8); /* CloudEvent.proto_data */
        buf_add(&event, any.data, any.length);
        buf_release(&any);
        AUTO(command) taken = decode_as("application/cloudevents+protobuf", as_text(&event));
        if (err.code != cases[i].code)
            fail_msg("'%s': %s", cases[i].type, err.message);
        if (taken)
            assert_same(taken, command);
    }
}

static void two_different_headers_of_one_name_are_refused(void **state)
{
    (void)state;
    const struct header headers[] = {{TEXT("content-type"), TEXT("application/json")},
                                     {TEXT("Content-Type"), TEXT("application/protobuf")}};
    const struct message message = {
        .value = text_of(with_id("")), .headers = headers, .header_count = 2};
    struct command *command = NULL;
    assert_int_equal(message_decode(&message, &command, NULL, &err), ERR_INVALID);
    assert_null(command);
}

/* ---- what JSON may not be ---- */

static void json_errors_name_the_path(void **state)
{
    (void)state;
    refuses_member("\"clustr\":\"main\"", ERR_INVALID, "there is no field 'clustr'");
    refuses_member("\"cluster\":5", ERR_INVALID, "cluster: expected a text");
    refuses_member("\"terminate\":{\"selector\":{\"numbers\":{\"numbers\":[1,2],\"guards\":[{}]}}}",
                   ERR_INVALID, "1 guards for 2 numbers");
    refuses_member("\"terminate\":{\"selector\":{\"numbers\":{\"numbers\":[1],\"guards\":[{}],"
                   "\"guard\":{}}}}",
                   ERR_INVALID, "1 guards for 1 numbers and one for all");
    refuses_member("\"terminate\":[]", ERR_INVALID, "terminate: expected an object");
    refuses_member("\"terminate\":{\"selector\":{\"numbers\":{\"numbers\":[1,-1]}}}", ERR_INVALID,
                   "terminate.selector.numbers.numbers[1]");
    refuses_member("\"terminate\":{\"selector\":{\"numbers\":{\"numbers\":[4294967296]}}}",
                   ERR_INVALID, "numbers[0]");
    refuses_member("\"terminate\":{\"selector\":{\"numbers\":{\"numbers\":[1.5]}}}", ERR_INVALID,
                   "numbers[0]");
    refuses_member("\"terminate\":{\"selector\":{\"numbers\":{\"numbers\":[null]}}}", ERR_INVALID,
                   "not null");
    refuses_member("\"terminate\":{\"selector\":{\"numbers\":{\"numbers\":7}}}", ERR_INVALID,
                   "expected a list");
    refuses_member("\"terminate\":{\"options\":{\"dryRun\":\"true\"}}", ERR_INVALID,
                   "terminate.options.dryRun: expected true or false");
    refuses_member("\"origin\":\"ORIGIN_MARS\"", ERR_INVALID, "no value 'ORIGIN_MARS'");
    refuses_member("\"origin\":77", ERR_INVALID, "origin has the unknown value 77");
    refuses_member("\"origin\":5", ERR_INVALID, "origin has the unknown value 5");
    refuses_member("\"terminate\":{\"options\":{\"standardProcessing\":9}}", ERR_INVALID,
                   "standard_processing has the unknown value 9");
    refuses_member("\"terminate\":{\"selector\":{\"filter\":{\"condition\":{\"field\":\"user\","
                   "\"comparison\":99,\"values\":[\"a\"]}}}}",
                   ERR_INVALID, "no known comparison");
    refuses_member("\"requestedAt\":\"2026-11-21\"", ERR_INVALID, "requestedAt: expected a time");
    refuses_member("\"requestedAt\":1700000000", ERR_INVALID, "requestedAt: expected a time");
    refuses_member("\"requestedAt\":\"1969-12-31T23:59:59Z\"", ERR_INVALID, "requestedAt");
    refuses_member("\"terminate\":{\"options\":{\"grace\":\"PT1S\"}}", ERR_INVALID,
                   "terminate.options.grace: expected a duration");
    refuses_member("\"terminate\":{\"options\":{\"grace\":\"-1s\"}}", ERR_INVALID, "grace");
    refuses_member("\"terminate\":{\"options\":{\"grace\":\"5m\"}}", ERR_INVALID, "grace");
    refuses_member("\"terminate\":{},\"drain\":{}", ERR_INVALID, "only one of");
    refuses("[]", ERR_INVALID, "expected an object");
    refuses("{\"cluster\":\"main\"}", ERR_INVALID, "id is missing");
    refuses("{\"id\":\"00000000-0000-0000-0000-000000000000\"}", ERR_INVALID, "nil UUID");
}

static void a_key_twice_is_refused_in_either_spelling(void **state)
{
    (void)state;
    refuses_member("\"cluster\":\"a\",\"cluster\":\"b\"", ERR_UNDECODABLE, "duplicate");
    refuses_member("\"requestedBy\":\"a\",\"requested_by\":\"b\"", ERR_INVALID, "given twice");
    refuses_member("\"requested_by\":null,\"requestedBy\":\"b\"", ERR_INVALID, "given twice");
}

static void null_is_absent(void **state)
{
    (void)state;
    AUTO(command)
    command = decode_json(with_id("\"cluster\":null,\"drain\":null,\"terminate\":{}"));
    assert_non_null(command);
    assert_int_equal(command->action, ACTION_TERMINATE);
    assert_string_equal(command->cluster, "");
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    refuses_member("\"cluster\":\"a\\u0000b\"", ERR_UNDECODABLE, "not JSON");
    refuses_member("\"cluster\":\"\xff\"", ERR_UNDECODABLE, "not JSON");
    refuses_member("\"cluster\":\"\\ud800\"", ERR_UNDECODABLE, "not JSON");
    assert_null(decode_as("application/json", TEXT("{\"id\":\"a\0b\"}")));
    /* The same by protobuf: field 9 (cluster). */
    AUTO(command) command = sample();
    static const struct {
        const char *at;
        size_t length;
    } bad[] = {{FRAME("\x4a\x03"
                      "a\0b")},
               {FRAME("\x4a\x02\xc3\x28")},
               {FRAME("\x4a\x03\xed\xa0\x80")}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO_BUF bytes = canonical(command);
        buf_add(&bytes, bad[i].at, bad[i].length);
        assert_null(decode_as("application/protobuf", as_text(&bytes)));
        assert_int_equal(err.code, ERR_INVALID);
        assert_non_null(strstr(err.message, "cluster"));
    }
}

static void errors_hold_nothing_that_a_terminal_obeys(void **state)
{
    (void)state;
    assert_null(decode_json("{\"\\u001b[31m\\u202e\":1}"));
    for (const char *at = err.message; *at; at++)
        assert_true((unsigned char)*at >= 0x20);
    assert_null(strstr(err.message, "\u202e"));
    assert_null(decode_json("{\"id\":\x1b[31m}"));
    assert_null(strchr(err.message, '\x1b'));
}

/* The same by protobuf: JSON has its own reader of times. */
static void times_beyond_the_contract_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *at;
        size_t length;
        const char *what;
    } bad[] = {
        {FRAME("\x12\x07\x08\x80\x83\xd1\xff\xaf\x07"), "requested_at"}, /* the year 10000 */
        {FRAME("\x1a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "expires_at"},
        {FRAME("\x1a\x06\x10\x80\x94\xeb\xdc\x03"), "expires_at"}, /* a second of nanoseconds */
        {FRAME("\x5a\x0d\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "hold"},
        {FRAME("\x5a\x07\x1a\x05\x08\x81\x8a\x8a\x0f"), "deadline"}, /* a year and a second */
    };
    AUTO(command) command = sample();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUTO_BUF bytes = canonical(command);
        buf_add(&bytes, bad[i].at, bad[i].length);
        assert_null(decode_as("application/protobuf", as_text(&bytes)));
        assert_int_equal(err.code, ERR_INVALID);
        if (!strstr(err.message, bad[i].what))
            fail_msg("case %zu: %s", i, err.message);
    }
}

/* ---- size, depth, memory ---- */

/* `each` so many times between brackets. */
static enum error_code many(const char *before, const char *each, size_t count, const char *after)
{
    AUTO_BUF json;
    buf_init(&json, LIMIT_COMMAND_BYTES);
    buf_format(&json, "{\"id\":\"%s\",\"terminate\":{\"selector\":{%s", id_text, before);
    for (size_t i = 0; i < count; i++)
        buf_format(&json, "%s%s", i ? "," : "", each);
    buf_format(&json, "%s}}}", after);
    assert_false(json.full);
    AUTO(command) command = decode_json(buf_text(&json));
    return command ? ERR_OK : err.code;
}

static void lists_have_their_maxima(void **state) /* I13 */
{
    (void)state;
    static const struct {
        const char *before;
        const char *each;
        size_t max;
        const char *after;
    } cases[] = {
        {"\"numbers\":{\"numbers\":[", "7", LIMIT_TARGETS, "]}"},
        {"\"filter\":{\"condition\":{\"field\":\"user\",\"comparison\":\"COMPARISON_IN\","
         "\"values\":[",
         "\"\"", LIMIT_FILTER_VALUES, "]}}"},
        {"\"filter\":{\"all\":{\"filters\":[", "{}", LIMIT_FILTER_NODES - 1, "]}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(many(cases[i].before, cases[i].each, cases[i].max, cases[i].after),
                         ERR_OK);
        assert_int_equal(many(cases[i].before, cases[i].each, cases[i].max + 1, cases[i].after),
                         ERR_TOO_LARGE);
    }
}

static void size_is_judged_before_anything_else(void **state)
{
    (void)state;
    AUTO_BUF json;
    buf_init(&json, BYTES_MAX);
    buf_str(&json, "{\"id\":\"");
    while (json.length <= LIMIT_COMMAND_BYTES)
        buf_byte(&json, 'x');
    assert_null(decode_as("application/json", as_text(&json)));
    assert_int_equal(err.code, ERR_TOO_LARGE);
    assert_null(decode_as(NULL, TEXT("")));
    assert_int_equal(err.code, ERR_UNDECODABLE);
}

static void deep_json_is_refused(void **state)
{
    (void)state;
    AUTO_BUF json;
    buf_init(&json, LIMIT_COMMAND_BYTES);
    for (int i = 0; i < 20000; i++)
        buf_byte(&json, '[');
    assert_null(decode_as("application/json", as_text(&json)));
    assert_non_null(strstr(err.message, "nested deeper"));
    buf_clear(&json);
    buf_format(&json, "{\"id\":\"%s\",\"terminate\":{\"selector\":{\"filter\":", id_text);
    for (int i = 0; i < 30; i++)
        buf_str(&json, "{\"not\":");
    buf_str(&json, "{}");
    for (int i = 0; i < 33; i++)
        buf_byte(&json, '}');
    assert_null(decode_as("application/json", as_text(&json)));
    assert_int_equal(err.code, ERR_TOO_LARGE);
    assert_non_null(strstr(err.message, "deeper than"));
}

static void deep_protobuf_is_refused(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    for (int i = 0; i < 5000; i++)
        wrap(&bytes, 3); /* Filter.not */
    wrap(&bytes, 3);     /* Selector.filter */
    wrap(&bytes, 1);     /* Terminate.selector */
    wrap(&bytes, 10);    /* Command.terminate */
    assert_true(bytes.length < LIMIT_COMMAND_BYTES);
    assert_null(decode_as("application/protobuf", as_text(&bytes)));
    assert_int_equal(err.code, ERR_UNDECODABLE);
    buf_release(&bytes);
}

static void a_small_message_cannot_take_much_memory(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    for (int i = 0; i < 24000; i++)
        buf_add(&bytes, "\x0a\x00", 2); /* FilterList.filters: empty messages, 49 times as large */
    wrap(&bytes, 1);
    wrap(&bytes, 3);
    wrap(&bytes, 1);
    wrap(&bytes, 10);
    assert_true(bytes.length < LIMIT_COMMAND_BYTES);
    assert_null(decode_as("application/protobuf", as_text(&bytes)));
    buf_release(&bytes);
}

static void unknown_protobuf_fields_are_noted(void **state)
{
    (void)state;
    AUTO(command) command = sample();
    AUTO_BUF bytes = canonical(command);
    buf_add(&bytes, "\x52\x05\x12\x03\x72\x01x", 7); /* terminate.options.14 = "x" */
    buf_add(&bytes, "\xf8\x07\x01", 3);              /* field 127 */
    AUTO(command) taken = decode_as("application/protobuf", as_text(&bytes));
    if (!taken)
        fail_msg("%s", err.message);
    assert_int_equal(info.unknown_fields, 2);
    assert_string_equal(info.unknown_field, "terminate.options.14");
}

/* ---- corruption: never a crash, never a command that cannot be encoded again ---- */

static void try_bytes(const struct message *like, struct text value)
{
    struct message message = *like;
    struct command *command = NULL;
    message.value = value;
    if (message_decode(&message, &command, &info, &err))
        return;
    AUTO_BUF bytes = canonical(command);
    AUTO(command) again = NULL;
    assert_int_equal(command_decode(as_text(&bytes), &again, &err), ERR_OK);
    assert_same(command, again);
    command_destroy(command);
}

static void corrupt(const struct message *message)
{
    static const uint8_t masks[] = {0x01, 0x80, 0x20, 0xFF};
    AUTO_BUF copy;
    buf_init(&copy, BYTES_MAX);
    for (size_t at = 0; at < message->value.length; at++) {
        try_bytes(message, (struct text){message->value.at, at});
        for (size_t i = 0; i < sizeof masks; i++) {
            buf_clear(&copy);
            buf_add(&copy, message->value.at, message->value.length);
            copy.data[at] ^= masks[i];
            try_bytes(message, as_text(&copy));
        }
    }
}

static void any_corrupt_byte_is_survived(void **state)
{
    (void)state;
    AUTO(command) command = sample();
    for (int form = 0; form < FORMS; form++) {
        struct message_style how = style;
        how.form = (enum message_form)form;
        AUTO(outgoing) outgoing = NULL;
        assert_int_equal(message_encode(command, &how, &outgoing, &err), ERR_OK);
        corrupt(&outgoing->messages[0]);
        const struct message bare = {.value = outgoing->messages[0].value};
        corrupt(&bare);
    }
}

static void random_bytes_are_survived(void **state)
{
    (void)state;
    struct gen_seeds seeds = gen_seeds(2000);
    const struct message bare = {.header_count = 0};
    for (uint64_t seed = seeds.first; seed < seeds.behind; seed++) {
        struct gen gen = {seed};
        char bytes[64];
        size_t length = gen_below(&gen, sizeof bytes);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)gen_next(&gen);
        try_bytes(&bare, (struct text){bytes, length});
    }
}

static void a_command_for_producers_has_the_headers_of_a_cloudevent(void **state)
{
    (void)state;
    AUTO(command) command = sample();
    AUTO(outgoing) outgoing = NULL;
    command->expires_at.ms = 1790000000123;
    assert_int_equal(message_encode(command, &style, &outgoing, &err), ERR_OK);
    assert_int_equal(outgoing->count, 1);
    const struct message *message = &outgoing->messages[0];
    static const char *const wanted[][2] = {{"content-type", "application/protobuf"},
                                            {"ce_specversion", "1.0"},
                                            {"ce_id", id_text},
                                            {"ce_source", "curfew/test"},
                                            {"ce_type", "curfew.command.terminate.v1"},
                                            {"ce_expirytime", "2026-09-21T14:13:20.123Z"}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct text value;
        assert_int_equal(message_header(message, wanted[i][0], &value, &err), ERR_OK);
        assert_string_equal(value.at, wanted[i][1]);
    }
    assert_string_equal(message->key.at, "main");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_comes_through_json),
        cmocka_unit_test(json_is_written_as_other_runtimes_write_it),
        cmocka_unit_test(any_command_has_one_digest_in_every_form),
        cmocka_unit_test(the_first_byte_decides_when_no_header_does),
        cmocka_unit_test(content_types_are_compared_without_case_and_parameters),
        cmocka_unit_test(a_registry_frame_of_the_first_message_is_taken),
        cmocka_unit_test(a_registry_frame_of_another_message_is_refused),
        cmocka_unit_test(a_framed_json_value_is_taken),
        cmocka_unit_test(a_schema_id_in_a_header_leaves_the_value_bare),
        cmocka_unit_test(an_envelope_fills_in_what_the_command_leaves_out),
        cmocka_unit_test(a_structured_event_carries_json_or_base64),
        cmocka_unit_test(envelopes_that_lack_something_are_refused),
        cmocka_unit_test(a_structured_event_in_protobuf_carries_a_command_and_nothing_else),
        cmocka_unit_test(two_different_headers_of_one_name_are_refused),
        cmocka_unit_test(json_errors_name_the_path),
        cmocka_unit_test(a_key_twice_is_refused_in_either_spelling),
        cmocka_unit_test(null_is_absent),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(errors_hold_nothing_that_a_terminal_obeys),
        cmocka_unit_test(times_beyond_the_contract_are_refused),
        cmocka_unit_test(lists_have_their_maxima),
        cmocka_unit_test(size_is_judged_before_anything_else),
        cmocka_unit_test(deep_json_is_refused),
        cmocka_unit_test(deep_protobuf_is_refused),
        cmocka_unit_test(a_small_message_cannot_take_much_memory),
        cmocka_unit_test(unknown_protobuf_fields_are_noted),
        cmocka_unit_test(any_corrupt_byte_is_survived),
        cmocka_unit_test(random_bytes_are_survived),
        cmocka_unit_test(a_command_for_producers_has_the_headers_of_a_cloudevent),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
