/* client.h - one librdkafka handle of a given role, made from the settings. Internal to
 * worker/kafka. */
#ifndef KAFKA_CLIENT_H
#define KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "kafka/message.h"
#include "kafka/settings.h"
#include "kafka/work.h"

enum kafka_role {
    KAFKA_ROLE_GROUP,   /* membership and commits of the commands topic; fetches nothing */
    KAFKA_ROLE_READER,  /* simple consumer, read committed */
    KAFKA_ROLE_TAIL,    /* simple consumer of the journal, reads everything */
    KAFKA_ROLE_JOURNAL, /* idempotent producer */
    KAFKA_ROLE_EVENTS,  /* idempotent producer, partitions by key */
    KAFKA_ROLE_ADMIN,   /* metadata and administration only */
};

/* The configuration of a role: our values, then the operator's, then what nobody may change.
 * ERR_CONFIG. `*ret` is for rd_kafka_conf_destroy(). */
enum error_code kafka_conf(const struct kafka_settings *settings, enum kafka_role role,
                           rd_kafka_conf_t **ret, struct error *err) MUST_CHECK;
/* Makes the handle; consumes `conf`. Log lines go to the handle's main queue. ERR_CONFIG. */
enum error_code kafka_handle(enum kafka_role role, rd_kafka_conf_t *conf, rd_kafka_t **ret,
                             struct error *err) MUST_CHECK;

/* The class of librdkafka's error codes. */
enum error_code kafka_class(rd_kafka_resp_err_t code);
/* error_set() with librdkafka's text: "<what>: <text>". */
enum error_code kafka_fail(struct error *err, rd_kafka_resp_err_t code, const char *what);

/* A log or error event as a notice; everything else is left alone (false). */
bool kafka_note_event(struct kafka_hub *hub, const char *client, rd_kafka_event_t *event);

/* Purges and destroys a handle on the pool; `done(owner)` runs on the loop thread afterwards unless
 * the returned job is abandoned. */
struct kafka_job *kafka_handle_drop(struct kafka_hub *hub, rd_kafka_t *handle, void *owner,
                                    void (*done)(void *owner));

/* A copy in one heap block; looking for headers costs a buffer even where there are none. */
struct kafka_message *kafka_message_copy(const rd_kafka_message_t *from, bool with_headers);
/* When and by whose clock. */
struct wall kafka_message_time(const rd_kafka_message_t *from, enum kafka_timestamp *ret_type);

#endif
