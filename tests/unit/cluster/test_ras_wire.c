/* What the recordings do not hold: limits, refusals and hostile bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "cluster/ras/wire.h"

enum { ARENA_BYTES = 1 << 20, OUT_BYTES = 1 << 20 };

static struct arena *arena;
static struct buf out;

static int setup(void **state)
{
    (void)state;
    arena = arena_create(ARENA_BYTES);
    buf_init(&out, OUT_BYTES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_destroy(arena);
    buf_release(&out);
    return 0;
}

/* Cuts the one packet in `out`. */
static struct ras_packet only_packet(struct ras_stream *stream)
{
    const uint8_t *bytes = out.data;
    size_t length = out.length;
    struct ras_packet packet = {0};
    bool ready = false;
    assert_int_equal(ras_stream_next(stream, &bytes, &length, &packet, &ready, NULL), ERR_OK);
    assert_true(ready);
    assert_int_equal(length, 0);
    return packet;
}

static enum error_code decode_body(const void *body, size_t length, uint8_t type,
                                   struct ras_packet_value *ret)
{
    struct ras_packet_value value;
    return ras_packet_decode((struct ras_packet){type, body, length}, 10, arena, ret ? ret : &value,
                             NULL);
}

static void strings_of_all_length_forms_survive(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 62, 63, 64, 65, 127, 128, 4094, 4095};
    static char text[5000];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct ras_terminate wanted = {.message = {text, lengths[i]}};
        buf_clear(&out);
        assert_int_equal(ras_request_encode(70, 10, RAS_TERMINATE_SESSION, &wanted, &out, NULL),
                         ERR_OK);
        struct ras_stream stream;
        ras_stream_init(&stream, false, LIMIT_RAS_PACKET_BYTES);
        struct ras_packet_value value;
        assert_int_equal(ras_packet_decode(only_packet(&stream), 10, arena, &value, NULL), ERR_OK);
        struct ras_terminate *got = value.message.records;
        assert_int_equal(value.message.head.endpoint, 70);
        assert_int_equal(got->message.length, lengths[i]);
        ras_stream_release(&stream);
    }
}

static void a_string_above_the_limit_is_not_written(void **state)
{
    (void)state;
    static char text[LIMIT_RAS_STRING_BYTES + 1];
    memset(text, 'x', sizeof text);
    struct ras_terminate record = {.message = {text, sizeof text}};
    struct error err;
    assert_int_equal(ras_request_encode(1, 10, RAS_TERMINATE_SESSION, &record, &out, &err),
                     ERR_TOO_LARGE);
    assert_int_equal(out.length, 0);
    assert_non_null(strstr(err.message, "message"));
}

static void numbers_of_variable_length_have_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        int64_t value; /* -2: refused */
    } rows[] = {
        {"\x01", 1, 1},
        {"\x3f", 1, 63},
        {"\x40\x01", 2, 64},
        {"\x46\x01", 2, 70},
        {"\x7f\x3f", 2, 4095},
        {"\x48\x4e", 2, 5000},
        {"\x7f\x7f", 2, 8191},
        {"\x40\x80\x01", 3, 8192},
        {"\x7f\xff\xff\xff\x0f", 5, INT32_MAX},
        {"\x40\x00", 2, -2},             /* zero in two bytes */
        {"\x41\x80\x00", 3, -2},         /* one byte too many */
        {"\x81", 1, -2},                 /* a null other than 80 */
        {"\x40\xff\xff\xff\x1f", 5, -2}, /* above 2^31-1 */
        {"\x40\xff\xff\xff\xff", 5, -2}, /* longer than five bytes */
        {"\x40", 1, -2},
        {"\x80", 1, RAS_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ras_packet_value value = {0};
        enum error_code code = decode_body(rows[i].bytes, rows[i].length, RAS_PACKET_CLOSE, &value);
        assert_int_equal(code, rows[i].value == -2 ? ERR_PROTOCOL : ERR_OK);
        if (code)
            continue;
        assert_int_equal(value.close.endpoint, rows[i].value);
        buf_clear(&out);
        assert_int_equal(ras_packet_encode(&value, 10, &out, NULL), ERR_OK);
        assert_int_equal(out.length, rows[i].length + 2);
        assert_memory_equal(out.data + 2, rows[i].bytes, rows[i].length);
    }
}

static void two_gibibytes_announced_take_no_memory(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[6];
        enum error_code code;
    } rows[] = {
        {{0x0e, 0xff, 0xff, 0xff, 0xff, 0x07}, ERR_TOO_LARGE}, /* 2^31-1 */
        {{0x0e, 0x80, 0x80, 0x80, 0x80, 0x08}, ERR_PROTOCOL},  /* 2^31 */
        {{0x0e, 0x80, 0x80, 0x80, 0x80, 0x80}, ERR_PROTOCOL},
        {{0x0e, 0x81, 0x80, 0x80, 0x20, 0x00}, ERR_TOO_LARGE}, /* 64 MiB and one */
        {{0x0e, 0x81, 0x00, 0x00, 0x00, 0x00}, ERR_PROTOCOL},  /* not the shortest form */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ras_stream stream;
        ras_stream_init(&stream, false, LIMIT_RAS_PACKET_BYTES);
        const uint8_t *bytes = rows[i].bytes;
        size_t length = sizeof rows[i].bytes;
        struct ras_packet packet;
        bool ready;
        assert_int_equal(ras_stream_next(&stream, &bytes, &length, &packet, &ready, NULL),
                         rows[i].code);
        assert_int_equal(stream.body.capacity, 0);
        assert_int_equal(ras_stream_next(&stream, &bytes, &length, &packet, &ready, NULL),
                         ERR_PROTOCOL); /* final */
        ras_stream_release(&stream);
    }
}

static void memory_grows_with_what_arrived(void **state)
{
    (void)state;
    uint8_t head[] = {0x0e, 0x80, 0x80, 0x80, 0x20}; /* 64 MiB */
    struct ras_stream stream;
    ras_stream_init(&stream, false, LIMIT_RAS_PACKET_BYTES);
    const uint8_t *bytes = head;
    size_t length = sizeof head;
    struct ras_packet packet;
    bool ready = true;
    assert_int_equal(ras_stream_next(&stream, &bytes, &length, &packet, &ready, NULL), ERR_OK);
    assert_false(ready);
    assert_false(ras_stream_idle(&stream));
    assert_true(stream.body.capacity < 1024);
    ras_stream_release(&stream);
}

static void a_wrong_first_byte_is_refused_at_once(void **state)
{
    (void)state;
    for (size_t at = 0; at < RAS_NEGOTIATE_BYTES; at++) {
        uint8_t wrong[RAS_NEGOTIATE_BYTES];
        memcpy(wrong, ras_negotiate, sizeof wrong);
        wrong[at] ^= 0x01;
        struct ras_stream stream;
        ras_stream_init(&stream, true, 1024);
        const uint8_t *bytes = wrong;
        size_t length = at + 1;
        struct ras_packet packet;
        bool ready;
        assert_int_equal(ras_stream_next(&stream, &bytes, &length, &packet, &ready, NULL),
                         ERR_PROTOCOL);
        ras_stream_release(&stream);
    }
}

static void a_flipped_count_is_refused_before_memory_is_taken(void **state)
{
    (void)state;
    /* clusters: 2^31-1 of them in 20 bytes */
    uint8_t body[5 + 5 + 20] = {0x01, 0, 0, 1, 12, 0xff, 0xff, 0xff, 0xff, 0x07};
    assert_int_equal(decode_body(body, sizeof body, RAS_PACKET_MESSAGE, NULL), ERR_PROTOCOL);
    assert_int_equal(arena_used(arena), 0);
    uint8_t params[] = {0x7f, 0xff, 0xff, 0xff, 0x0f, 0, 0x80};
    assert_int_equal(decode_body(params, sizeof params, RAS_PACKET_CONNECT, NULL), ERR_PROTOCOL);
    assert_int_equal(arena_used(arena), 0);
}

static void a_list_stops_at_the_memory_for_it(void **state)
{
    (void)state;
    enum { COUNT = 60000 };
    struct ras_infobase_short *records = mem_alloc(COUNT, sizeof *records);
    struct buf large;
    buf_init(&large, 8 << 20);
    assert_int_equal(
        ras_answer_encode(1, 10, RAS_GET_INFOBASES_SHORT, records, COUNT, &large, NULL), ERR_OK);
    struct ras_packet packet = {RAS_PACKET_MESSAGE, large.data + 4, large.length - 4};
    assert_int_equal(large.data[3] & 0x80, 0);
    struct ras_packet_value value;
    assert_int_equal(ras_packet_decode(packet, 10, arena, &value, NULL), ERR_TOO_LARGE);
    buf_release(&large);
    free(records);
}

static void bad_text_is_refused_but_a_masked_password_passes(void **state)
{
    (void)state;
    static const char *const bad[] = {"\xc3", "\xed\xa0\x80", "\xff", "\xf4\x90\x80\x80",
                                      "\xc0\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ras_terminate record = {.message = text_of(bad[i])};
        buf_clear(&out);
        assert_int_equal(ras_request_encode(1, 10, RAS_TERMINATE_SESSION, &record, &out, NULL),
                         ERR_OK);
        assert_int_equal(decode_body(out.data + 2, out.length - 2, RAS_PACKET_MESSAGE, NULL),
                         ERR_PROTOCOL);
    }
    struct ras_terminate with_zero = {.message = {"a\0b", 3}};
    buf_clear(&out);
    assert_int_equal(ras_request_encode(1, 10, RAS_TERMINATE_SESSION, &with_zero, &out, NULL),
                     ERR_OK);
    assert_int_equal(decode_body(out.data + 2, out.length - 2, RAS_PACKET_MESSAGE, NULL),
                     ERR_PROTOCOL);
    struct ras_infobase infobase = {.db_pwd = TEXT("\xef\xbf\xbd"),
                                    .permission_code = TEXT("\xff")};
    buf_clear(&out);
    assert_int_equal(ras_record_encode(&ras_infobase_layout, 10, &infobase, &out, NULL), ERR_OK);
    struct ras_infobase got;
    assert_int_equal(
        ras_record_decode(&ras_infobase_layout, 10, out.data, out.length, arena, &got, NULL),
        ERR_OK);
    assert_true(text_equal(got.db_pwd, TEXT("\xef\xbf\xbd")));
}

static void a_date_that_no_calendar_has_is_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t ticks;
        enum error_code code;
    } rows[] = {
        {0, ERR_OK},
        {1, ERR_OK},
        {SERVER_TIME_LAST, ERR_OK},
        {SERVER_TIME_LAST + 1, ERR_PROTOCOL},
        {-1, ERR_PROTOCOL},
        {INT64_MIN, ERR_PROTOCOL},
        {INT64_MAX, ERR_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ras_infobase infobase = {.denied_to = {rows[i].ticks}};
        struct ras_infobase got;
        buf_clear(&out);
        assert_int_equal(ras_record_encode(&ras_infobase_layout, 10, &infobase, &out, NULL),
                         ERR_OK);
        assert_int_equal(
            ras_record_decode(&ras_infobase_layout, 10, out.data, out.length, arena, &got, NULL),
            rows[i].code);
    }
}

static struct ras_exception *chain(unsigned depth)
{
    struct ras_exception *top = NULL;
    for (unsigned i = 0; i < depth; i++) {
        struct ras_exception *one = arena_take(arena, 1, sizeof *one);
        one->class_name = TEXT("a#B");
        one->cause = top;
        top = one;
    }
    return top;
}

static void causes_are_read_to_a_depth_of_eight(void **state)
{
    (void)state;
    for (unsigned depth = 1; depth <= LIMIT_EXCEPTION_DEPTH + 2; depth++) {
        struct ras_packet_value value = {
            .type = RAS_PACKET_MESSAGE,
            .message = {.head = {1, 0, RAS_KIND_EXCEPTION, 0}, .exception = *chain(depth)}};
        buf_clear(&out);
        assert_int_equal(ras_packet_encode(&value, 10, &out, NULL), ERR_OK);
        assert_int_equal(decode_body(out.data + 2, out.length - 2, RAS_PACKET_MESSAGE, NULL),
                         depth <= LIMIT_EXCEPTION_DEPTH ? ERR_OK : ERR_PROTOCOL);
    }
}

static void null_and_empty_stay_apart(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "\x80\x80\x03"
        "a#B\x01x\x00\x80", /* failure: null service, cause null */
        "\x00\x80\x03"
        "a#B\x80\x00\x00", /* empty service, null message, cause empty */
    };
    static const size_t lengths[] = {2 + 4 + 2 + 1 + 1, 2 + 4 + 1 + 1 + 1};
    for (size_t i = 0; i < 2; i++) {
        struct ras_packet_value value;
        assert_int_equal(decode_body(bodies[i], lengths[i], RAS_PACKET_FAILURE, &value), ERR_OK);
        assert_int_equal(ras_is_null(value.failure.service), i == 0);
        buf_clear(&out);
        assert_int_equal(ras_packet_encode(&value, 10, &out, NULL), ERR_OK);
        assert_int_equal(out.length, lengths[i] + 2);
        assert_memory_equal(out.data + 2, bodies[i], lengths[i]);
    }
}

static void heads_that_break_the_protocol_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        enum error_code code;
    } rows[] = {
        {"\x01\x00\x00\x00", 4, ERR_OK},
        {"\x01\x01\x00\x00", 4, ERR_OK},           /* the format word of one generated client */
        {"\x01\x00\x01\x00", 4, ERR_PROTOCOL},     /* compressed */
        {"\x80\x00\x00\x00", 4, ERR_PROTOCOL},     /* no endpoint */
        {"\x01\x00\x00\x02", 4, ERR_PROTOCOL},     /* kind 2 */
        {"\x01\x00\x00\x00\x00", 5, ERR_PROTOCOL}, /* a void message with a byte behind it */
        {"\x01\x00\x00\x01\xc8", 5, ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(decode_body(rows[i].bytes, rows[i].length, RAS_PACKET_MESSAGE, NULL),
                         rows[i].code);
    assert_int_equal(decode_body("", 0, 99, NULL), ERR_PROTOCOL);
}

static void every_parameter_type_survives(void **state)
{
    (void)state;
    struct ras_param items[] = {
        {.name = TEXT("a"), .type = RAS_PARAM_BOOL, .number = 1},
        {.name = TEXT("b"), .type = RAS_PARAM_BYTE, .number = 255},
        {.name = TEXT("c"), .type = RAS_PARAM_SHORT, .number = 65535},
        {.name = TEXT("d"), .type = RAS_PARAM_INT, .number = -5},
        {.name = TEXT("e"), .type = RAS_PARAM_LONG, .number = INT64_MIN},
        {.name = TEXT("f"), .type = RAS_PARAM_FLOAT, .bits = 0x3f800000},
        {.name = TEXT("g"), .type = RAS_PARAM_DOUBLE, .bits = 0x3ff0000000000000},
        {.name = TEXT("h"), .type = RAS_PARAM_SIZE, .number = 300},
        {.name = TEXT("i"), .type = RAS_PARAM_NSIZE, .number = RAS_NONE},
        {.name = TEXT("j"), .type = RAS_PARAM_STRING, .string = TEXT("x")},
        {.name = TEXT("k"), .type = RAS_PARAM_UUID, .uuid = {{1, 2, 3}}},
        {.name = TEXT("l"), .type = RAS_PARAM_TYPE, .number = 4},
        {.name = TEXT("m"), .type = RAS_PARAM_ENDPOINT, .number = 70},
        {.name = TEXT("n"), .type = RAS_PARAM_NULL},
    };
    enum { COUNT = sizeof items / sizeof items[0] };
    struct ras_packet_value value = {.type = RAS_PACKET_CONNECT,
                                     .connect = {.count = COUNT, .items = items}};
    assert_int_equal(ras_packet_encode(&value, 10, &out, NULL), ERR_OK);
    struct ras_packet_value got;
    assert_int_equal(decode_body(out.data + 2, out.length - 2, RAS_PACKET_CONNECT, &got), ERR_OK);
    assert_int_equal(got.connect.count, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(got.connect.items[i].type, items[i].type);
        assert_int_equal(got.connect.items[i].number, items[i].number);
        assert_int_equal(got.connect.items[i].bits, items[i].bits);
    }
}

static void versions_are_read_as_numbers(void **state)
{
    (void)state;
    struct ras_exception cause = {
        .message = TEXT("service=x version=11.0 supported=[16.0,9.0, 3.0, x, 10.1, ] tail 6.0")};
    struct ras_exception top = {.message = TEXT("refused"), .cause = &cause};
    uint8_t versions[8];
    assert_int_equal(ras_supported_versions(&top, versions, 8), 3);
    assert_int_equal(versions[0], 16);
    assert_int_equal(versions[1], 9);
    assert_int_equal(versions[2], 3);
    assert_int_equal(ras_supported_versions(&top, versions, 1), 1);
    cause.message = TEXT("supported=[");
    assert_int_equal(ras_supported_versions(&top, versions, 8), 0);
    cause.message = TEXT("no list");
    assert_int_equal(ras_supported_versions(&top, versions, 8), 0);
    unsigned version;
    assert_int_equal(ras_version_read(TEXT("10.0"), &version, NULL), ERR_OK);
    assert_int_equal(version, 10);
    static const char *const wrong[] = {"", "10", "10.1", ".0", "0.0", "256.0", "-1.0", "1a.0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(ras_version_read(text_of(wrong[i]), &version, NULL), ERR_PROTOCOL);
    assert_false(ras_version_known(8));
    assert_false(ras_version_known(12));
    assert_true(ras_version_known(16));
}

static void the_class_is_what_stands_behind_the_hash(void **state)
{
    (void)state;
    assert_true(text_equal(ras_class_name(TEXT("v8.service.Admin.Cluster#SessionNotFound")),
                           TEXT("SessionNotFound")));
    assert_true(
        text_equal(ras_class_name(TEXT("swp.UnknownThrowable")), TEXT("swp.UnknownThrowable")));
    assert_int_equal(ras_class_name(TEXT("x#")).length, 0);
}

static void the_tables_name_each_number_once(void **state)
{
    (void)state;
    for (unsigned number = 0; number <= UINT8_MAX; number++)
        assert_false(ras_message_by_request((uint8_t)number) &&
                     ras_message_by_answer((uint8_t)number));
    assert_true(ras_message_by_request(RAS_TERMINATE_SESSION)->changes);
    assert_true(ras_message_by_request(RAS_UPDATE_INFOBASE)->secret);
    assert_null(ras_message_by_request(200));
}

static void wiping_leaves_nothing(void **state)
{
    (void)state;
    struct ras_cluster_credentials record = {.user = TEXT("u"), .password = TEXT("hidden")};
    buf_room(&out, 1024);
    assert_int_equal(ras_request_encode(1, 10, RAS_AUTHENTICATE_CLUSTER, &record, &out, NULL),
                     ERR_OK);
    ras_wipe(&out);
    assert_int_equal(out.length, 0);
    assert_null(memmem(out.data, out.capacity, "hidden", 6));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(strings_of_all_length_forms_survive),
        TEST(a_string_above_the_limit_is_not_written),
        TEST(numbers_of_variable_length_have_one_form),
        TEST(two_gibibytes_announced_take_no_memory),
        TEST(memory_grows_with_what_arrived),
        TEST(a_wrong_first_byte_is_refused_at_once),
        TEST(a_flipped_count_is_refused_before_memory_is_taken),
        TEST(a_list_stops_at_the_memory_for_it),
        TEST(bad_text_is_refused_but_a_masked_password_passes),
        TEST(a_date_that_no_calendar_has_is_refused),
        TEST(causes_are_read_to_a_depth_of_eight),
        TEST(null_and_empty_stay_apart),
        TEST(heads_that_break_the_protocol_are_refused),
        TEST(every_parameter_type_survives),
        TEST(versions_are_read_as_numbers),
        TEST(the_class_is_what_stands_behind_the_hash),
        TEST(the_tables_name_each_number_once),
        TEST(wiping_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
