/* Every recorded exchange, every packet, every field, every cut. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cluster/ras/wire.h"
#include "tests/vectors/show.h"
#include "tests/vectors/vector.h"

enum { ARENA_BYTES = 1 << 20, FILES_MIN = 68 };

static struct vector vector; /* the file of the running test */

static int load(void **state)
{
    vector_load(&vector, *state);
    return 0;
}

static bool is_negotiate(const struct vector_packet *packet)
{
    return packet->length == RAS_NEGOTIATE_BYTES && memcmp(packet->bytes, ras_negotiate, 8) == 0;
}

/* The packet of one line, by its own header. */
static struct ras_packet packet_of(const struct vector_packet *line)
{
    size_t header = 2;
    while (line->bytes[header - 1] & 0x80)
        header++;
    return (struct ras_packet){line->bytes[0], line->bytes + header, line->length - header};
}

static struct ras_packet_value decode(const struct vector_packet *line, struct arena *arena)
{
    struct ras_packet_value value;
    struct error err = {0};
    enum error_code code = ras_packet_decode(packet_of(line), vector.version, arena, &value, &err);
    if (code)
        fail_msg("%s", err.message);
    return value;
}

static void assert_comment(const struct vector_packet *line, const char *comment, const char *shown)
{
    const char *hex = memrchr(comment, '[', strlen(comment));
    size_t length = (size_t)(hex - comment);
    while (length && comment[length - 1] == ' ')
        length--;
    if (strlen(shown) != length || memcmp(shown, comment, length) != 0)
        fail_msg("decoded '%s', recorded '%.*s'", shown, (int)length, comment);
    uint8_t bytes[64];
    size_t count = vector_hex(hex + 1, bytes);
    unsigned offset = 0;
    assert_int_equal(sscanf(comment, "@%u", &offset), 1);
    assert_true(offset + count <= line->length);
    assert_memory_equal(line->bytes + offset, bytes, count);
}

static void assert_comments(const struct vector_packet *line, struct buf *shown)
{
    char *rest = (char *)(uintptr_t)buf_text(shown);
    for (size_t i = 0; i < line->comment_count; i++) {
        char *one = strsep(&rest, "\n");
        assert_non_null(one);
        assert_comment(line, line->comments[i], one);
    }
    assert_string_equal(rest, "");
}

static void every_field_is_decoded_as_recorded(void **state)
{
    (void)state;
    for (size_t i = 0; i < vector.count; i++) {
        const struct vector_packet *line = &vector.packets[i];
        AUTO_BUF shown;
        buf_init(&shown, 1 << 20);
        struct arena *arena = arena_create(ARENA_BYTES);
        if (is_negotiate(line)) {
            show_negotiate(&shown);
        } else {
            struct ras_packet_value value = decode(line, arena);
            show_packet(&value, packet_of(line).length, vector.version, &shown);
        }
        assert_comments(line, &shown);
        arena_destroy(arena);
    }
}

static void assert_bytes(const struct vector_packet *line, const struct buf *out)
{
    assert_int_equal(out->length, line->length);
    assert_memory_equal(out->data, line->bytes, line->length);
}

/* The same bytes by the calls that a client and a server make. */
static void encode_by_message(const struct vector_packet *line, const struct ras_message *message)
{
    AUTO_BUF out;
    buf_init(&out, VECTOR_BYTES_MAX);
    const struct ras_head *head = &message->head;
    enum error_code code;
    if (line->from_client)
        code = ras_request_encode(head->endpoint, vector.version, head->type, message->records,
                                  &out, NULL);
    else if (head->kind == RAS_KIND_EXCEPTION)
        code = ras_exception_encode(head->endpoint, message->exception.class_name,
                                    message->exception.message, &out, NULL);
    else if (head->kind == RAS_KIND_VOID)
        code = ras_answer_encode(head->endpoint, vector.version, RAS_TERMINATE_SESSION, NULL, 0,
                                 &out, NULL);
    else
        code = ras_answer_encode(head->endpoint, vector.version,
                                 ras_message_by_answer(head->type)->number, message->records,
                                 message->count, &out, NULL);
    assert_int_equal(code, ERR_OK);
    assert_bytes(line, &out);
}

static void encoding_again_gives_the_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < vector.count; i++) {
        const struct vector_packet *line = &vector.packets[i];
        if (is_negotiate(line))
            continue;
        struct arena *arena = arena_create(ARENA_BYTES);
        struct ras_packet_value value = decode(line, arena);
        AUTO_BUF out;
        buf_init(&out, VECTOR_BYTES_MAX);
        assert_int_equal(ras_packet_encode(&value, vector.version, &out, NULL), ERR_OK);
        assert_bytes(line, &out);
        if (value.type == RAS_PACKET_MESSAGE && value.message.head.format == 0)
            encode_by_message(line, &value.message);
        arena_destroy(arena);
    }
}

/* One direction of the exchange as one stream. */
struct flow {
    const struct vector_packet *lines[VECTOR_PACKETS_MAX];
    size_t count;
    uint8_t bytes[VECTOR_BYTES_MAX];
    size_t length;
    bool negotiates;
};

static struct flow flow_of(bool from_client)
{
    struct flow flow = {0};
    for (size_t i = 0; i < vector.count; i++) {
        const struct vector_packet *line = &vector.packets[i];
        if (line->from_client != from_client)
            continue;
        memcpy(flow.bytes + flow.length, line->bytes, line->length);
        flow.length += line->length;
        if (is_negotiate(line))
            flow.negotiates = true;
        else
            flow.lines[flow.count++] = line;
    }
    return flow;
}

static void feed(struct ras_stream *stream, const uint8_t *bytes, size_t length,
                 const struct flow *flow, size_t *seen)
{
    bool ready = true;
    while (ready) {
        struct ras_packet packet;
        assert_int_equal(ras_stream_next(stream, &bytes, &length, &packet, &ready, NULL), ERR_OK);
        if (!ready)
            break;
        struct ras_packet wanted = packet_of(flow->lines[(*seen)++]);
        assert_int_equal(packet.type, wanted.type);
        assert_int_equal(packet.length, wanted.length);
        assert_memory_equal(packet.body, wanted.body, wanted.length);
    }
    assert_int_equal(length, 0);
}

static void feed_in_pieces(const struct flow *flow, size_t first, size_t piece)
{
    struct ras_stream stream;
    ras_stream_init(&stream, flow->negotiates, LIMIT_RAS_PACKET_BYTES);
    size_t seen = 0;
    feed(&stream, flow->bytes, first, flow, &seen);
    for (size_t at = first; at < flow->length; at += piece) {
        size_t left = flow->length - at;
        feed(&stream, flow->bytes + at, left < piece ? left : piece, flow, &seen);
    }
    assert_int_equal(seen, flow->count);
    assert_true(ras_stream_idle(&stream));
    ras_stream_release(&stream);
}

static void any_cut_of_the_stream_gives_the_same_packets(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct flow flow = flow_of(side);
        for (size_t cut = 0; cut <= flow.length; cut++)
            feed_in_pieces(&flow, cut, SIZE_MAX / 2);
        feed_in_pieces(&flow, 0, 1);
        feed_in_pieces(&flow, 0, 7);
    }
}

/* A copy of exactly this size, so that a sanitizer sees every read behind it. */
static enum error_code try_decode(const uint8_t *body, size_t length, uint8_t type)
{
    uint8_t *exact = mem_alloc(length ? length : 1, 1);
    memcpy(exact, body, length);
    struct arena *arena = arena_create(ARENA_BYTES);
    struct ras_packet_value value;
    enum error_code code = ras_packet_decode((struct ras_packet){type, exact, length},
                                             vector.version, arena, &value, NULL);
    if (code == ERR_OK && type == RAS_PACKET_MESSAGE) { /* what is read can be written: the same */
        AUTO_BUF out;
        buf_init(&out, VECTOR_BYTES_MAX);
        assert_int_equal(ras_packet_encode(&value, vector.version, &out, NULL), ERR_OK);
        assert_memory_equal(out.data + out.length - length, exact, length);
    }
    arena_destroy(arena);
    free(exact);
    return code;
}

static void a_packet_cut_short_or_too_long_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < vector.count; i++) {
        if (is_negotiate(&vector.packets[i]))
            continue;
        struct ras_packet packet = packet_of(&vector.packets[i]);
        for (size_t length = 0; length < packet.length; length++)
            assert_int_equal(try_decode(packet.body, length, packet.type), ERR_PROTOCOL);
        uint8_t *longer = mem_alloc(packet.length + 1, 1);
        memcpy(longer, packet.body, packet.length);
        assert_int_equal(try_decode(longer, packet.length + 1, packet.type), ERR_PROTOCOL);
        free(longer);
    }
}

static void no_flipped_byte_crashes_or_reads_as_something_else(void **state)
{
    (void)state;
    static const uint8_t flips[] = {0x01, 0x40, 0x80, 0xff};
    for (size_t i = 0; i < vector.count; i++) {
        if (is_negotiate(&vector.packets[i]))
            continue;
        struct ras_packet packet = packet_of(&vector.packets[i]);
        uint8_t *copy = mem_alloc(packet.length, 1);
        memcpy(copy, packet.body, packet.length);
        for (size_t at = 0; at < packet.length; at++)
            for (size_t flip = 0; flip < sizeof flips; flip++) {
                copy[at] ^= flips[flip];
                (void)try_decode(copy, packet.length, packet.type);
                copy[at] ^= flips[flip];
            }
        free(copy);
    }
}

static const struct {
    const char *name;
    CMUnitTestFunction function;
} checks[] = {
    {"every field is decoded as recorded", every_field_is_decoded_as_recorded},
    {"encoding again gives the same bytes", encoding_again_gives_the_same_bytes},
    {"any cut of the stream gives the same packets", any_cut_of_the_stream_gives_the_same_packets},
    {"a packet cut short or too long is refused", a_packet_cut_short_or_too_long_is_refused},
    {"no flipped byte crashes", no_flipped_byte_crashes_or_reads_as_something_else},
};

enum { CHECK_COUNT = sizeof checks / sizeof checks[0] };

int main(void)
{
    glob_t files;
    CHECK(glob(CURFEW_SOURCE_DIR "/tests/vectors/*.hex", 0, NULL, &files) == 0);
    CHECK(files.gl_pathc >= FILES_MIN);
    size_t count = files.gl_pathc * CHECK_COUNT;
    struct CMUnitTest *tests = mem_alloc(count, sizeof *tests);
    char(*names)[160] = mem_alloc(count, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        char *path = files.gl_pathv[i / CHECK_COUNT];
        snprintf(names[i], sizeof names[i], "%s: %s", strrchr(path, '/') + 1,
                 checks[i % CHECK_COUNT].name);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = checks[i % CHECK_COUNT].function,
                                       .setup_func = load,
                                       .initial_state = path};
    }
    int failed = _cmocka_run_group_tests("ras vectors", tests, count, NULL, NULL);
    free(names);
    free(tests);
    globfree(&files);
    return failed;
}
