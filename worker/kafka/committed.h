/* committed.h - what the group has committed for the commands topic, asked from outside the group.
 *
 * Blocks up to `timeout_ms`: for the command line. Joins nothing and changes nothing; needs Read on
 * the group and Describe on the topic. */
#ifndef KAFKA_COMMITTED_H
#define KAFKA_COMMITTED_H

#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "kafka/settings.h"

struct kafka_committed {
    int64_t offset;       /* the next one to read; -1: none, or it has expired */
    struct text metadata; /* owned; as it was committed, "" for none */
};

/* One row for each of the partitions 0..`partitions`-1, in an array that kafka_committed_release()
 * frees. ERR_UNAVAILABLE, ERR_AUTH, ERR_CONFIG: nothing is told of any. */
enum error_code kafka_committed_ask(const struct kafka_settings *settings, int32_t partitions,
                                    int timeout_ms, struct kafka_committed **ret,
                                    struct error *err) MUST_CHECK;
/* NULL is fine. */
void kafka_committed_release(struct kafka_committed *committed, int32_t partitions);

#endif
