#include "kafka/gate.h"

#include <sys/queue.h>

#include "base/check.h"
#include "base/mem.h"

enum {
    FIELDS_MAX = 9,
    BLOCK_BYTES = 32 * 1024 - 64, /* below what makes glibc tidy its heap when it is freed */
    SPARE_MAX = 16,               /* blocks kept for the next burst */
};

/* A message that waits; its headers' list and then all bytes stand behind it. */
struct waiting {
    struct gate_message message;
    void *opaque;
    size_t size; /* with what stands behind it, in the block */
};

/* Messages that wait stand one behind the other: a heap block for each would cost the loop more
 * than librdkafka's looking about did. */
struct block {
    TAILQ_ENTRY(block) link;
    size_t size;
    size_t used;
    size_t taken;
    _Alignas(max_align_t) char bytes[];
};
TAILQ_HEAD(blocks, block);

struct lane {
    struct blocks blocks; /* of messages that wait; never an empty one */
    uint32_t unanswered;  /* given to librdkafka */
    uint64_t since_ms;    /* loop clock: the first of the waiting came */
};

struct gate {
    bool open;
    gate_refused refused;
    void *self;
    size_t bytes; /* of blocks in use, in all lanes */
    struct blocks spare;
    size_t spare_count;
    struct lane lanes[GATE_LANES];
};

struct gate *gate_create(bool open, gate_refused refused, void *self)
{
    struct gate *gate = mem_new(struct gate);
    gate->open = open;
    gate->refused = refused;
    gate->self = self;
    TAILQ_INIT(&gate->spare);
    for (unsigned i = 0; i < GATE_LANES; i++)
        TAILQ_INIT(&gate->lanes[i].blocks);
    return gate;
}

void gate_destroy(struct gate *gate)
{
    if (!gate)
        return;
    gate_forget(gate);
    struct block *block;
    while ((block = TAILQ_FIRST(&gate->spare))) {
        TAILQ_REMOVE(&gate->spare, block, link);
        free(block);
    }
    free(gate);
}

/* ---- to librdkafka ---- */

/* librdkafka's list of variants, filled front to back. */
struct fields {
    rd_kafka_vu_t at[FIELDS_MAX];
    size_t count;
};

static rd_kafka_vu_t *field(struct fields *fields, rd_kafka_vtype_t type)
{
    CHECK(fields->count < FIELDS_MAX);
    rd_kafka_vu_t *added = &fields->at[fields->count++];
    *added = (rd_kafka_vu_t){.vtype = type};
    return added;
}

static void field_bytes(struct fields *fields, rd_kafka_vtype_t type, struct text text)
{
    rd_kafka_vu_t *added = field(fields, type);
    added->u.mem.ptr = (void *)(text.at ? text.at : ""); /* NULL would mean "none", not "empty" */
    added->u.mem.size = text.length;
}

static rd_kafka_headers_t *headers_of(const struct gate_message *message)
{
    if (message->header_count == 0)
        return NULL;
    CHECK(message->header_count <= KAFKA_HEADERS_MAX);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct kafka_header *header = &message->headers[i];
        const char *value = header->null ? NULL : header->value.at ? header->value.at : "";
        rd_kafka_header_add(headers, header->name.at, (ssize_t)header->name.length, value,
                            header->null ? 0 : (ssize_t)header->value.length);
    }
    return headers;
}

static rd_kafka_resp_err_t produce(rd_kafka_t *handle, const struct gate_message *message,
                                   void *opaque)
{
    struct fields fields = {.count = 0};
    rd_kafka_headers_t *headers = headers_of(message);
    field(&fields, RD_KAFKA_VTYPE_RKT)->u.rkt = message->topic;
    field(&fields, RD_KAFKA_VTYPE_PARTITION)->u.i32 = message->partition;
    field(&fields, RD_KAFKA_VTYPE_MSGFLAGS)->u.i = RD_KAFKA_MSG_F_COPY;
    field(&fields, RD_KAFKA_VTYPE_OPAQUE)->u.ptr = opaque;
    if (message->has_value)
        field_bytes(&fields, RD_KAFKA_VTYPE_VALUE, message->value);
    if (message->has_key)
        field_bytes(&fields, RD_KAFKA_VTYPE_KEY, message->key);
    if (message->timestamp.ms)
        field(&fields, RD_KAFKA_VTYPE_TIMESTAMP)->u.i64 = message->timestamp.ms;
    if (headers)
        field(&fields, RD_KAFKA_VTYPE_HEADERS)->u.headers = headers;
    rd_kafka_error_t *error = rd_kafka_produceva(handle, fields.at, fields.count);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    if (code && headers)
        rd_kafka_headers_destroy(headers); /* taken over only on success */
    rd_kafka_error_destroy(error);
    return code;
}

/* ---- waiting ---- */

static size_t size_of(const struct gate_message *message)
{
    size_t size = sizeof(struct waiting) + message->header_count * sizeof(struct kafka_header) +
                  message->key.length + message->value.length;
    for (size_t i = 0; i < message->header_count; i++)
        size += message->headers[i].name.length + message->headers[i].value.length;
    size_t step = _Alignof(max_align_t);
    return (size + step - 1) / step * step;
}

static struct text copy(struct text text, char **at)
{
    struct text copied = {text.at ? *at : NULL, text.length};
    if (text.length > 0)
        memcpy(*at, text.at, text.length);
    *at += text.length;
    return copied;
}

static void fill(struct waiting *waiting, const struct gate_message *message)
{
    struct kafka_header *headers = (struct kafka_header *)(waiting + 1);
    char *at = (char *)(headers + message->header_count);
    waiting->message = *message;
    waiting->message.key = copy(message->key, &at);
    waiting->message.value = copy(message->value, &at);
    waiting->message.headers = headers;
    for (size_t i = 0; i < message->header_count; i++) {
        headers[i].name = copy(message->headers[i].name, &at);
        headers[i].value = copy(message->headers[i].value, &at);
        headers[i].null = message->headers[i].null;
    }
    CHECK(at <= (char *)waiting + waiting->size);
}

/* A block of the lane with room for `size` bytes. */
static struct block *room_in(struct gate *gate, struct lane *lane, size_t size)
{
    struct block *block = TAILQ_LAST(&lane->blocks, blocks);
    if (block && block->size - block->used >= size)
        return block;
    block = size <= BLOCK_BYTES ? TAILQ_FIRST(&gate->spare) : NULL;
    if (block) {
        TAILQ_REMOVE(&gate->spare, block, link);
        gate->spare_count--;
    } else {
        size_t bytes = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block = mem_alloc(1, sizeof *block + bytes);
        block->size = bytes;
    }
    block->used = block->taken = 0;
    TAILQ_INSERT_TAIL(&lane->blocks, block, link);
    gate->bytes += block->size;
    return block;
}

static void put(struct gate *gate, struct lane *lane, const struct gate_message *message,
                void *opaque, uint64_t now_ms)
{
    size_t size = size_of(message);
    if (TAILQ_EMPTY(&lane->blocks))
        lane->since_ms = now_ms;
    struct block *block = room_in(gate, lane, size);
    struct waiting *waiting = (struct waiting *)(void *)(block->bytes + block->used);
    waiting->opaque = opaque;
    waiting->size = size;
    fill(waiting, message);
    block->used += size;
}

static void give_back(struct gate *gate, struct lane *lane)
{
    struct block *block = TAILQ_FIRST(&lane->blocks);
    TAILQ_REMOVE(&lane->blocks, block, link);
    gate->bytes -= block->size;
    if (block->size > BLOCK_BYTES || gate->spare_count == SPARE_MAX) {
        free(block);
        return;
    }
    TAILQ_INSERT_HEAD(&gate->spare, block, link);
    gate->spare_count++;
}

rd_kafka_resp_err_t gate_send(struct gate *gate, rd_kafka_t *handle, uint32_t number,
                              const struct gate_message *message, void *opaque, uint64_t now_ms)
{
    struct lane *lane = &gate->lanes[number % GATE_LANES];
    CHECK(message->header_count <= KAFKA_HEADERS_MAX);
    if (gate->open || (lane->unanswered < GATE_UNANSWERED && TAILQ_EMPTY(&lane->blocks))) {
        rd_kafka_resp_err_t code = produce(handle, message, opaque);
        if (!code)
            lane->unanswered++;
        return code;
    }
    if (gate->bytes >= (size_t)GATE_KIB_MAX * 1024)
        return RD_KAFKA_RESP_ERR__QUEUE_FULL;
    put(gate, lane, message, opaque, now_ms);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void gate_answered(struct gate *gate, uint32_t number)
{
    struct lane *lane = &gate->lanes[number % GATE_LANES];
    CHECK(lane->unanswered > 0);
    lane->unanswered--;
}

/* What librdkafka has no room for goes on waiting: answers make room. */
static void let_through(struct gate *gate, struct lane *lane, rd_kafka_t *handle)
{
    struct block *block;
    while ((block = TAILQ_FIRST(&lane->blocks))) {
        const struct waiting *waiting =
            (const struct waiting *)(void *)(block->bytes + block->taken);
        rd_kafka_resp_err_t code = produce(handle, &waiting->message, waiting->opaque);
        if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return;
        if (code)
            gate->refused(gate->self, waiting->opaque, code);
        else
            lane->unanswered++;
        block->taken += waiting->size;
        if (block->taken == block->used)
            give_back(gate, lane);
    }
}

void gate_serve(struct gate *gate, rd_kafka_t *handle, uint64_t now_ms)
{
    for (unsigned i = 0; i < GATE_LANES && gate->bytes > 0; i++) {
        struct lane *lane = &gate->lanes[i];
        if (TAILQ_EMPTY(&lane->blocks))
            continue;
        if (lane->unanswered < GATE_UNANSWERED || now_ms >= lane->since_ms + GATE_WAIT_MS)
            let_through(gate, lane, handle);
    }
}

void gate_forget(struct gate *gate)
{
    for (unsigned i = 0; i < GATE_LANES; i++) {
        struct lane *lane = &gate->lanes[i];
        while (!TAILQ_EMPTY(&lane->blocks))
            give_back(gate, lane);
        lane->unanswered = 0;
    }
    CHECK(gate->bytes == 0);
}
