/* topics.h - the rules for Curfew's topics, and judging what a broker says against them.
 * Internal to worker/kafka; no I/O. */
#ifndef KAFKA_TOPICS_H
#define KAFKA_TOPICS_H

#include <stdbool.h>
#include <stdint.h>

#include "kafka/admin.h"
#include "kafka/settings.h"

enum kafka_topic {
    KAFKA_TOPIC_COMMANDS,
    KAFKA_TOPIC_CONTROL,
    KAFKA_TOPIC_EVENTS,
    KAFKA_TOPIC_JOURNAL,
    KAFKA_TOPIC_DEAD_LETTERS,
    KAFKA_TOPIC_COUNT
};

const char *kafka_topic_name(const struct kafka_topics *topics, enum kafka_topic topic);

/* What the broker says of one topic. */
struct kafka_topic_state {
    bool exists;
    int32_t partitions;
    int32_t replication;
    enum error_code code; /* of reading the settings; ERR_OK: `value` can be asked */
    const char *reason;   /* static, with code */
    /* The value of a setting, or NULL when the broker does not name it; borrowed. */
    const char *(*value)(const struct kafka_topic_state *state, const char *key);
    const void *context; /* of `value` */
};

/* One setting for a topic to be made: key and value, static. `at` counts from 0; false at the end.
 */
bool kafka_topic_wanted(enum kafka_topic topic, int32_t replication, size_t at,
                        const char **ret_key, const char **ret_value);

/* Adds a finding; texts are copied. */
struct kafka_told {
    const char *topic, *setting, *found, *wanted, *why, *fix;
    enum kafka_severity severity;
};
void kafka_report_add(struct kafka_report *report, const struct kafka_told *told);

/* Adds every finding about the topics, KAFKA_TOPIC_COUNT of them, to the report. `report->embedded`
 * relaxes what topics.def says. `brokers` is for the commands to paste. */
void kafka_topics_judge(const struct kafka_topics *names,
                        const struct kafka_topic_state states[KAFKA_TOPIC_COUNT],
                        const char *brokers, struct kafka_report *report);

#endif
