/* feed.h - the events topic, all partitions, from some way back and on and on. Loop thread only. */
#ifndef GATEWAY_FEED_H
#define GATEWAY_FEED_H

#include "base/clock.h"
#include "kafka/reader.h"

struct feed;

struct feed_options {
    const char *topic; /* borrowed */
    int32_t partitions;
    int64_t look_back; /* records of each partition that are read again at the start */
};

/* `hub` and `settings` outlive it. ERR_CONFIG: librdkafka refuses the settings. A broker that is
 * away is no error: feed_ready() tells. */
enum error_code feed_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                            const struct feed_options *options, struct feed **ret,
                            struct error *err) MUST_CHECK;
/* NULL is fine. */
void feed_destroy(struct feed *feed);
/* The next message of any partition, owned by the caller; false when there is none now. */
bool feed_take(struct feed *feed, struct instant now, struct kafka_message **ret);
/* Asks where the partitions end when it is time to: call it at least every second. */
void feed_look(struct feed *feed, struct instant now);
/* Was everything read that was there at the start, and could it be read a moment ago? If not, `why`
 * (of `size` bytes) says what is waited for. */
bool feed_ready(const struct feed *feed, struct instant now, char *why, size_t size);

#endif
