/* fuzz.h - what every fuzzer shares: the entry point, and how bytes become a Kafka message.
 *
 * A fuzzer looks for more than crashes: what was taken is written out and taken again, and must be
 * the same. CHECK() ends the program when it is not. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/error.h"
#include "model/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { FUZZ_HEADERS_MAX = 12, FUZZ_HEADER_BYTES_MAX = 255, FUZZ_OUT_BYTES = 16 * 1024 * 1024 };

/* The headers that decoders look at, one in other letters, and one that nobody knows. */
static const char *const fuzz_header_names[] = {
    "content-type",     "ce_specversion", "ce_type",          "ce_source",
    "ce_id",            "ce_time",        "ce_subject",       "ce_dataschema",
    "ce_correlationid", "ce_causationid", "ce_expirytime",    "__value_schema_id",
    "Content-Type",     "ce_data_base64", "ce_datacontenttype", "x-other"};
enum { FUZZ_HEADER_NAMES = sizeof fuzz_header_names / sizeof fuzz_header_names[0] };

/* One byte: how many headers. Each: a byte for the name, a byte for the length, the value. The rest
 * is the message's value. */
struct fuzz_message {
    struct header headers[FUZZ_HEADERS_MAX];
    struct message message;
};

static inline uint8_t fuzz_byte(struct text *rest)
{
    if (!rest->length)
        return 0;
    uint8_t byte = (uint8_t)*rest->at;
    *rest = (struct text){rest->at + 1, rest->length - 1};
    return byte;
}

static inline struct text fuzz_take(struct text *rest, size_t length)
{
    if (length > rest->length)
        length = rest->length;
    struct text ret = {rest->at, length};
    *rest = (struct text){rest->at + length, rest->length - length};
    return ret;
}

static inline void fuzz_message_read(struct text input, struct fuzz_message *ret)
{
    size_t count = fuzz_byte(&input) % (FUZZ_HEADERS_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        ret->headers[i].name = text_of(fuzz_header_names[fuzz_byte(&input) % FUZZ_HEADER_NAMES]);
        ret->headers[i].value = fuzz_take(&input, fuzz_byte(&input));
    }
    ret->message = (struct message){.value = input, .headers = ret->headers, .header_count = count};
}

static inline size_t fuzz_header_place(struct text name)
{
    size_t place = 0;
    while (place < FUZZ_HEADER_NAMES && !text_equal(name, text_of(fuzz_header_names[place])))
        place++;
    return place;
}

/* The other way, for seeds. Headers that have no place in the form are left out. */
static inline void fuzz_message_write(const struct message *message, struct buf *out)
{
    size_t count_at = out->length;
    buf_byte(out, 0);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct header *header = &message->headers[i];
        size_t place = fuzz_header_place(header->name);
        if (place == FUZZ_HEADER_NAMES || header->value.length > FUZZ_HEADER_BYTES_MAX)
            continue;
        out->data[count_at]++;
        buf_byte(out, (uint8_t)place);
        buf_byte(out, (uint8_t)header->value.length);
        buf_add(out, header->value.at, header->value.length);
    }
    buf_add(out, message->value.at, message->value.length);
}

/* Every refusal says something that may stand in a log line. */
static inline void fuzz_check_error(const struct error *err, enum error_code code)
{
    CHECK(err->code == code);
    CHECK(err->message[0]);
    CHECK(text_valid(text_of(err->message)));
}

#endif
