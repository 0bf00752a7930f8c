/* admin.h - `curfew topics create | check`: makes the topics, and says which settings are unsafe.
 *
 * These calls block (up to `timeout_ms`) and use a client of their own: for the command line, or on
 * the loop's pool. The embedded development broker is recognised by its cluster id; there exactly
 * the timestamp, retention, replication and size checks are left out, the report says so, and
 * `create` looks whether the topics are there (its host made them). */
#ifndef KAFKA_ADMIN_H
#define KAFKA_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "kafka/settings.h"

enum kafka_severity {
    KAFKA_FINE,    /* as it should be, or made so */
    KAFKA_RELAXED, /* cannot be promised here (embedded broker) */
    KAFKA_WARN,    /* works, with a risk that `why` names */
    KAFKA_UNSAFE,  /* breaks a promise: the worker does not start */
};

struct kafka_finding {
    char *topic;   /* all owned by the report */
    char *setting; /* "retention.ms", "partitions", "replication factor", "exists", ... */
    char *found;
    char *wanted;
    char *why;
    char *fix; /* what mends it, mostly a command to paste; "" where nothing has to be mended */
    enum kafka_severity severity;
};

struct kafka_report {
    bool embedded;
    char *cluster_id;               /* owned */
    struct kafka_finding *findings; /* owned; in topic order; KAFKA_FINE ones say what was done */
    size_t count;
};

struct kafka_plan {
    int32_t partitions;  /* of commands, journal and events, 1..KAFKA_PARTITIONS_MAX; default 12 */
    int16_t replication; /* 0 = 3, or the number of brokers when there are fewer */
};

void kafka_report_release(struct kafka_report *report);
/* The worst severity in it. */
enum kafka_severity kafka_report_worst(const struct kafka_report *report);
const char *kafka_severity_label(enum kafka_severity severity); /* "fine", "relaxed", "warn", ... */
/* Is it that the topic is not there (or hidden from this user)? */
bool kafka_finding_missing(const struct kafka_finding *finding);
/* One sentence for people: "'curfew.journal': retention.ms is 1000, wanted -1: …", or that the
 * topic is not there. */
void kafka_finding_say(const struct kafka_finding *finding, struct buf *ret);

/* Makes what is missing; what exists is left as it is and reported like kafka_topics_check() does.
 * ERR_OK even with findings: look at kafka_report_worst(). ERR_UNAVAILABLE, ERR_AUTH, ERR_CONFIG:
 * nothing could be done; `*ret` is untouched. */
enum error_code kafka_topics_create(const struct kafka_settings *settings, struct kafka_plan plan,
                                    int timeout_ms, struct kafka_report *ret,
                                    struct error *err) MUST_CHECK;
enum error_code kafka_topics_check(const struct kafka_settings *settings, int timeout_ms,
                                   struct kafka_report *ret, struct error *err) MUST_CHECK;

#endif
