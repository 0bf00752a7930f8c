/* sending.h - a message for Kafka, beside the journal, that waits for its acknowledgement. It
 * belongs to the producer, as its tag, until outbox_receipt() has all its receipts. */
#ifndef SERVICE_SENDING_H
#define SERVICE_SENDING_H

#include "event/encode.h"

struct partition;
struct service;

enum sending_kind {
    SENDING_EVENT,
    SENDING_REFUSAL, /* of an order: an event that follows from no record */
    SENDING_REPLY,
    SENDING_DEAD_LETTER,
    SENDING_FORWARD
};
struct sending {
    enum sending_kind kind;
    int32_t partition;
    uint64_t engine_serial;
    uint64_t tag; /* EVENT: the engine's; REFUSAL: of service->refusals */
    enum event_kind event_kind;
    uint64_t handed;        /* DEAD_LETTER, FORWARD */
    uint32_t parts;         /* not yet answered */
    enum error_code failed; /* the last one that did not arrive; ERR_OK: all did, so far */
    char *reply_topic;      /* REPLY: owned */
    struct outgoing *reply; /* REPLY: owned; to the dead letters if the reply topic refuses it */
};

/* Counted in service->sendings until it is destroyed: a worker that stops waits for it. */
struct sending *sending_create(struct partition *partition, enum sending_kind kind);
void sending_destroy(struct service *service, struct sending *sending);

#endif
