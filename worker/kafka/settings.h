/* settings.h - how the Kafka clients are configured: our own keys, and librdkafka's passed through.
 *
 * Pass-through keys are librdkafka's own names (`sasl.username`, `ssl.ca.location`, ...) in three
 * lists, `common`, `consumer` and `producer`; the role's list wins over the common one. A key that
 * would break a promise (auto commit, acks, idempotence, offset reset, isolation, assignor,
 * partitioner, ...) is refused with the reason. Every key and value is tried on librdkafka when it
 * is set, so `curfew config check` finds a wrong one without a broker. Values of secret keys are
 * never repeated in an error (I12).
 *
 * Plain data, no client inside; any thread, one at a time. */
#ifndef KAFKA_SETTINGS_H
#define KAFKA_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum {
    KAFKA_PAIRS_MAX = 128,       /* pass-through keys of one list */
    KAFKA_VALUE_MAX = 16 * 1024, /* bytes of one value: a PEM chain fits */
};

enum kafka_scope { KAFKA_COMMON, KAFKA_CONSUMER, KAFKA_PRODUCER, KAFKA_SCOPE_COUNT };

struct kafka_pair {
    char *key;   /* owned */
    char *value; /* owned; wiped when replaced or released if the key is secret */
};

struct kafka_pairs {
    struct kafka_pair *at; /* owned */
    size_t count;
};

/* Topic names, zero-closed, borrowed from the configuration, which outlives every client. */
struct kafka_topics {
    const char *commands;
    const char *control;
    const char *events;
    const char *journal;
    const char *dead_letters;
};

struct kafka_settings {
    const char *brokers;  /* borrowed; "host:port,host:port"; -X bootstrap.servers wins over it */
    const char *group;    /* borrowed; consumer group of the commands */
    const char *instance; /* borrowed; static member id; NULL or "" = dynamic member (tests) */
    struct kafka_topics topics;
    uint32_t fetch_wait_ms; /* 0 = right for the broker: 5 on the embedded one, else 100 */
    uint32_t linger_ms;   /* journal and events; 0 = send at once; above it, wait to fill batches */
    uint32_t delivery_ms; /* an append is answered after at most about this; default 8000 */
    bool embedded; /* the embedded development broker: set it from kafka_probe(), never by hand */
    struct kafka_pairs pairs[KAFKA_SCOPE_COUNT]; /* by kafka_settings_set() only */
    char *brokers_override;                      /* owned; from -X */
    char *group_override;                        /* owned; from -X */
};

/* Defaults: the topic names of the design, group "curfew", delivery 8 s; no brokers. */
void kafka_settings_init(struct kafka_settings *settings);
void kafka_settings_release(struct kafka_settings *settings);

/* Sets one pass-through key, replacing an earlier value. A secret key may be given as
 * `<key>_file`: the value is then the first line of that file. ERR_CONFIG: the key is refused (with
 * the reason), unknown (with librdkafka's version and the nearest name), or the value is wrong. */
enum error_code kafka_settings_set(struct kafka_settings *settings, enum kafka_scope scope,
                                   struct text key, struct text value,
                                   struct error *err) MUST_CHECK;
/* kcat's `-X key=value` ("key" alone is a usage error): as above in the common list, and
 * `bootstrap.servers`, `metadata.broker.list` and `group.id` replace our own keys. ERR_USAGE or
 * ERR_CONFIG. */
enum error_code kafka_settings_override(struct kafka_settings *settings, struct text assignment,
                                        struct error *err) MUST_CHECK;

/* What is in force: the override or the configured text. Never NULL. */
const char *kafka_settings_brokers(const struct kafka_settings *settings);
const char *kafka_settings_group(const struct kafka_settings *settings);

/* Is the value of this key a secret, to be shown as "***"? */
bool kafka_key_is_secret(struct text key);
/* Must it come from a file? A password does, and a private key; what is only shown as "***" because
 * it may hold one, like an address of a token's issuer, need not. NULL: no; else what to write. */
const char *kafka_key_wants_file(struct text key);
/* Why this key is refused, or NULL when it is not. */
const char *kafka_key_refused(struct text key);
/* "2.0.2": the library that runs, not the one built against. */
const char *kafka_library_version(void);

#endif
