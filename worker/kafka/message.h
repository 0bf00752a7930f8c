/* message.h - a record as it came (copied out of librdkafka), and the receipt for one that went.
 *
 * Bytes in, bytes out: nothing here is validated as text. A received message is one heap block of
 * our own; librdkafka's is given back at once, because holding one pins its whole fetch buffer (200
 * kept messages of 39 KB in all held 95 MB). */
#ifndef KAFKA_MESSAGE_H
#define KAFKA_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"

enum { KAFKA_HEADERS_MAX = 64 }; /* of one message; more in a received one are cut and counted */

enum kafka_timestamp {
    KAFKA_TIMESTAMP_NONE,
    KAFKA_TIMESTAMP_CREATE, /* the producer's clock: proves nothing */
    KAFKA_TIMESTAMP_APPEND, /* the broker's clock (message.timestamp.type=LogAppendTime). The
                               embedded broker claims it with a meaningless time in receipts */
};

struct kafka_header {
    struct text name;
    struct text value;
    bool null; /* the value is absent, which is not the same as empty */
};

struct kafka_message {
    int64_t offset;
    int32_t partition;
    bool has_key;   /* false: no key, which is not the same as an empty one */
    bool has_value; /* false: a tombstone */
    struct text key;
    struct text value;
    struct wall timestamp; /* ms 0 when KAFKA_TIMESTAMP_NONE */
    enum kafka_timestamp timestamp_type;
    uint32_t header_count;
    uint32_t headers_cut; /* how many above KAFKA_HEADERS_MAX were left out */
    const struct kafka_header *headers;
};

/* Frees a message taken from a reader or consumer; NULL is fine. */
void kafka_message_destroy(struct kafka_message *message);
AUTO_TYPE(kafka_message)
/* The first header of that name (exact bytes), or NULL. */
const struct kafka_header *kafka_message_header(const struct kafka_message *message,
                                                struct text name);

/* What happened to one append or one produced message. */
enum kafka_delivery {
    KAFKA_PERSISTED = 1,      /* acknowledged by all in-sync replicas */
    KAFKA_NOT_PERSISTED,      /* surely not in the log */
    KAFKA_POSSIBLY_PERSISTED, /* it may or may not be in the log: read back before anything else */
};

struct kafka_receipt {
    uint64_t tag; /* as given */
    enum kafka_delivery delivery;
    int32_t partition;                   /* -1 when none was chosen yet */
    int64_t offset;                      /* when persisted; -1 = not told (a retry that the broker
                                            recognised as a duplicate) */
    struct wall timestamp;               /* when persisted */
    enum kafka_timestamp timestamp_type; /* KAFKA_TIMESTAMP_APPEND on the topics that need it */
    enum error_code code;                /* ERR_OK when persisted; else UNAVAILABLE, AUTH, ... */
    const char *reason;                  /* static text, librdkafka's; "" when persisted */
};

#endif
