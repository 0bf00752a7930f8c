/* Our packer against protobuf-c's own: the same bytes for any message of any contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/pb.h"
#include "model/pb_field.h"
#include "tests/support/gen.h"

extern const ProtobufCMessageDescriptor curfew__v1__command__descriptor;
extern const ProtobufCMessageDescriptor curfew__v1__record__descriptor;
extern const ProtobufCMessageDescriptor curfew__v1__event__descriptor;
extern const ProtobufCMessageDescriptor curfew__v1__session_snapshot__descriptor;

static const ProtobufCMessageDescriptor *const contracts[] = {
    &curfew__v1__command__descriptor, &curfew__v1__record__descriptor,
    &curfew__v1__event__descriptor, &curfew__v1__session_snapshot__descriptor};

enum { MEMORY_MAX = 64 << 20, DEPTH_MAX = 4, LIST_MAX = 5 };

static ProtobufCMessage *any_message(struct gen *gen, struct arena *arena,
                                     const ProtobufCMessageDescriptor *is, unsigned depth);

/* Numbers of every length, the negative ones of every type. */
static uint64_t any_number(struct gen *gen, ProtobufCType type)
{
    uint64_t value = gen_number(gen, UINT64_MAX);
    if (type == PROTOBUF_C_TYPE_BOOL)
        return value & 1;
    return gen_chance(gen, 30) ? -value : value;
}

static void any_value(struct gen *gen, struct arena *arena, const ProtobufCFieldDescriptor *field,
                      unsigned depth, void *at)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        *(ProtobufCMessage **)at = any_message(gen, arena, field->descriptor, depth + 1);
    } else if (field->type == PROTOBUF_C_TYPE_BYTES) {
        size_t length = gen_chance(gen, 20) ? 100 + gen_below(gen, 200) : gen_below(gen, 20);
        uint8_t *bytes = arena_take(arena, length + 1, 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)gen_next(gen);
        *(ProtobufCBinaryData *)at = (ProtobufCBinaryData){length, bytes};
    } else {
        uint64_t value = any_number(gen, field->type);
        memcpy(at, &value, pb_field_size(field->type)); /* little-endian machines only */
    }
}

static void any_list(struct gen *gen, struct arena *arena, const ProtobufCFieldDescriptor *field,
                     unsigned depth, char *base)
{
    size_t count = gen_below(gen, LIST_MAX);
    size_t size = pb_field_size(field->type);
    char *values = arena_take(arena, count + 1, size);
    for (size_t i = 0; i < count; i++)
        any_value(gen, arena, field, depth, values + i * size);
    *(size_t *)(base + field->quantifier_offset) = count;
    *(char **)(base + field->offset) = values;
}

static ProtobufCMessage *any_message(struct gen *gen, struct arena *arena,
                                     const ProtobufCMessageDescriptor *is, unsigned depth)
{
    ProtobufCMessage *message = arena_take(arena, 1, is->sizeof_message);
    is->message_init(message);
    for (unsigned i = 0; i < is->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &is->fields[i];
        char *base = (char *)message;
        bool too_deep = field->type == PROTOBUF_C_TYPE_MESSAGE && depth == DEPTH_MAX;
        bool of_oneof = field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
        if (too_deep || gen_chance(gen, 40) ||
            (of_oneof && *(uint32_t *)(base + field->quantifier_offset)))
            continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            any_list(gen, arena, field, depth, base);
            continue;
        }
        if (of_oneof)
            *(uint32_t *)(base + field->quantifier_offset) = field->id;
        any_value(gen, arena, field, depth, base + field->offset);
    }
    return message;
}

static void check_packed(const ProtobufCMessage *message, struct arena *arena, uint64_t seed)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *expected = arena_take(arena, size + 1, 1);
    AUTO_BUF out;
    buf_init(&out, size + 2);
    protobuf_c_message_pack(message, expected);
    buf_str(&out, "ab"); /* it appends, and its maximum is exact */
    pb_pack(message, &out);
    if (out.full || out.length != size + 2 || memcmp(out.data + 2, expected, size) != 0)
        fail_msg("seed=%llu: %s packs into other bytes", (unsigned long long)seed,
                 message->descriptor->name);
}

static void messages_pack_into_the_bytes_of_protobuf_c(void **state)
{
    (void)state;
    struct gen_seeds seeds = gen_seeds(1000);
    for (uint64_t seed = seeds.first; seed < seeds.behind; seed++) {
        struct gen gen = {seed};
        AUTO(arena) arena = arena_create(MEMORY_MAX);
        size_t contract = gen_below(&gen, sizeof contracts / sizeof contracts[0]);
        check_packed(any_message(&gen, arena, contracts[contract], 0), arena, seed);
    }
}

static void what_does_not_fit_is_not_appended(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 100; seed++) {
        struct gen gen = {seed};
        AUTO(arena) arena = arena_create(MEMORY_MAX);
        ProtobufCMessage *message = any_message(&gen, arena, contracts[seed % 4], 0);
        size_t size = protobuf_c_message_get_packed_size(message);
        if (size == 0)
            continue;
        AUTO_BUF out;
        buf_init(&out, 1 + gen_below(&gen, size));
        buf_byte(&out, 'x');
        pb_pack(message, &out);
        assert_true(out.full);
        assert_int_equal(out.length, 1);
        assert_int_equal(out.data[0], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_pack_into_the_bytes_of_protobuf_c),
        cmocka_unit_test(what_does_not_fit_is_not_appended),
    };
    return cmocka_run_group_tests_name("pb", tests, NULL, NULL);
}
