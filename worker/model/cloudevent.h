/* cloudevent.h - CloudEvents 1.0 over Kafka: which mode a message is in, its attributes, its data.
 *
 * Binary mode: attributes are headers `ce_...`, the value is the data, `content-type` is the
 * data's. Structured: the value is the whole event, in JSON or protobuf
 * (io.cloudevents.v1.CloudEvent). A message without any of it is bare: its data is the value. */
#ifndef MODEL_CLOUDEVENT_H
#define MODEL_CLOUDEVENT_H

#include "model/message.h"

enum cloudevent_mode {
    CLOUDEVENT_NONE,    /* a bare message */
    CLOUDEVENT_BINARY,  /* value = data */
    CLOUDEVENT_JSON,    /* structured, application/cloudevents+json */
    CLOUDEVENT_PROTOBUF /* structured, application/cloudevents+protobuf */
};

/* What the bytes of the data are. */
enum content {
    CONTENT_UNKNOWN, /* not said: look at the first byte */
    CONTENT_JSON,
    CONTENT_PROTOBUF
};

/* Borrows from the message and from the arena given to cloudevent_open(). Absent attributes are
 * empty. */
struct cloudevent {
    enum cloudevent_mode mode;
    struct text id;
    struct text source;
    struct text type;
    struct text subject;
    struct text time;
    struct text data_schema;
    struct text correlation_id; /* extension correlationid */
    struct text causation_id;   /* extension causationid */
    struct text expiry_time;    /* extension expirytime */
    enum content content;       /* of the data */
    struct text data_type;      /* the content type as it was written; for messages to people */
    struct text type_url;       /* protobuf mode with an Any: what the data is */
    struct text data;
};

/* Unwraps. Memory comes from `arena`. ERR_UNDECODABLE: a shape that is none of the modes (batches
 * too). ERR_INVALID: a required attribute is missing or not a text. ERR_UNSUPPORTED: another
 * specversion, a content type that nothing here reads. ERR_TOO_LARGE: the arena is full. */
enum error_code cloudevent_open(const struct message *message, struct arena *arena,
                                struct cloudevent *ret, struct error *err) MUST_CHECK;

/* The other way: attributes into headers or into one structured event around `data`, whose content
 * must be JSON or PROTOBUF and fit the mode (JSON mode takes JSON). `*ret` gets value and headers,
 * not the key; everything in it is arena memory or static. `mode` NONE gives only content-type.
 * ERR_TOO_LARGE: the arena is full. */
enum error_code cloudevent_close(const struct cloudevent *event, struct arena *arena,
                                 struct message *ret, struct error *err) MUST_CHECK;

/* Standard or URL-safe base64, padded or not, into arena memory. */
enum error_code base64_read(struct text text, struct arena *arena, struct text *ret,
                            struct error *err) MUST_CHECK;

#endif
