/* settings.h - from the configuration to the Kafka room's settings: for the worker and for every
 * command that talks to Kafka. */
#ifndef SERVICE_SETTINGS_H
#define SERVICE_SETTINGS_H

#include "config/config.h"
#include "kafka/settings.h"

/* `config` must outlive `*ret`, which the caller releases. ERR_CONFIG names the line of the
 * first librdkafka key that is refused: unknown, breaks a promise, or a secret that stands here and
 * not in a file of its own. */
enum error_code service_kafka_settings(const struct config *config, struct kafka_settings *ret,
                                       struct error *err) MUST_CHECK;
/* Appends what is wrong with each of its librdkafka keys, "line 3: ..." and a line feed. */
void service_kafka_problems(const struct config *config, struct buf *out);

#endif
