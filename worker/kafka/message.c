#include "kafka/message.h"

#include "base/check.h"
#include "kafka/client.h"

struct wall kafka_message_time(const rd_kafka_message_t *from, enum kafka_timestamp *ret_type)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t ms = rd_kafka_message_timestamp(from, &type);
    if (ms < 0 || type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) {
        *ret_type = KAFKA_TIMESTAMP_NONE;
        return (struct wall){0};
    }
    *ret_type = type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? KAFKA_TIMESTAMP_APPEND
                                                           : KAFKA_TIMESTAMP_CREATE;
    return (struct wall){ms};
}

/* One pass counts (at NULL), a second one copies: both through the same function. */
struct packing {
    char *at; /* NULL while counting */
    size_t length;
};

static struct text pack(struct packing *packing, const void *bytes, size_t length)
{
    struct text text = {NULL, length};
    if (packing->at && length > 0) {
        text.at = packing->at + packing->length;
        memcpy(packing->at + packing->length, bytes, length);
    }
    packing->length += length;
    return text;
}

static uint32_t count_headers(rd_kafka_headers_t *headers, uint32_t *ret_cut)
{
    size_t count = headers ? rd_kafka_header_cnt(headers) : 0;
    *ret_cut = count > KAFKA_HEADERS_MAX ? (uint32_t)(count - KAFKA_HEADERS_MAX) : 0;
    return (uint32_t)count - *ret_cut;
}

static void pack_headers(struct packing *packing, rd_kafka_headers_t *headers, uint32_t count,
                         struct kafka_header *to)
{
    for (uint32_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t length;
        CHECK(rd_kafka_header_get_all(headers, i, &name, &value, &length) ==
              RD_KAFKA_RESP_ERR_NO_ERROR);
        struct kafka_header header = {.null = value == NULL};
        header.name = pack(packing, name, strlen(name));
        header.value = pack(packing, value, value ? length : 0);
        if (to)
            to[i] = header;
    }
}

struct kafka_message *kafka_message_copy(const rd_kafka_message_t *from, bool with_headers)
{
    rd_kafka_headers_t *headers = NULL;
    if (!with_headers || rd_kafka_message_headers(from, &headers))
        headers = NULL;
    uint32_t cut;
    uint32_t count = count_headers(headers, &cut);
    struct packing packing = {0};
    pack(&packing, from->key, from->key ? from->key_len : 0);
    pack(&packing, from->payload, from->payload ? from->len : 0);
    pack_headers(&packing, headers, count, NULL);

    struct kafka_message *message;
    size_t fixed = sizeof *message + count * sizeof(struct kafka_header);
    message = mem_alloc(1, fixed + packing.length);
    struct kafka_header *to = (struct kafka_header *)(message + 1);
    packing = (struct packing){.at = (char *)message + fixed};
    message->key = pack(&packing, from->key, from->key ? from->key_len : 0);
    message->value = pack(&packing, from->payload, from->payload ? from->len : 0);
    pack_headers(&packing, headers, count, to);
    message->offset = from->offset;
    message->partition = from->partition;
    message->has_key = from->key != NULL;
    message->has_value = from->payload != NULL;
    message->timestamp = kafka_message_time(from, &message->timestamp_type);
    message->header_count = count;
    message->headers_cut = cut;
    message->headers = to;
    return message;
}

void kafka_message_destroy(struct kafka_message *message)
{
    free(message);
}

const struct kafka_header *kafka_message_header(const struct kafka_message *message,
                                                struct text name)
{
    for (uint32_t i = 0; i < message->header_count; i++)
        if (text_equal(message->headers[i].name, name))
            return &message->headers[i];
    return NULL;
}
