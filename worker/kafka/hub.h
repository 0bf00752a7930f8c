/* hub.h - the one wake-up of every Kafka client in the process.
 *
 * librdkafka's threads never call into Curfew: their queues write to one eventfd, libuv watches it,
 * and `ready` runs on the loop thread. `ready` does not say which queue: the service makes one pass
 * over its clients, taking a bounded number of things from each.
 *
 * The promise: after something is put on a queue that its owner has found empty, `ready` runs at
 * least once; and it runs at least every KAFKA_TICK_MS, which also keeps the group membership alive
 * (`max.poll.interval.ms` counts polls). Whoever stops before a poll or take says "nothing" must
 * come back by himself, in the next turn: nobody wakes him for what he left.
 *
 * Blocking questions (offsets, watermarks, metadata, destroying a client) run on libuv's pool, at
 * most one at a time per client; their answers are ordinary events. Loop thread only. */
#ifndef KAFKA_HUB_H
#define KAFKA_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/error.h"

enum {
    KAFKA_TICK_MS = 250,
    KAFKA_NOTICES_MAX = 256, /* waiting; more are counted and dropped, oldest first */
    KAFKA_NOTICE_TEXT_MAX = 400,
};

struct kafka_hub;

/* What librdkafka says beside the answers: its log lines and its client-wide errors. */
struct kafka_notice {
    const char *client;               /* static: "group", "commands", "journal", "tail", "events" */
    int level;                        /* syslog: 3 error, 4 warning, 6 info, 7 debug */
    enum error_code code;             /* ERR_OK for a plain log line */
    char text[KAFKA_NOTICE_TEXT_MAX]; /* printable; no secrets */
};

/* Watches on `loop`; `ready(context)` runs on its thread. ERR_SYSTEM when there is no descriptor.
 */
enum error_code kafka_hub_create(uv_loop_t *loop, void (*ready)(void *context), void *context,
                                 struct kafka_hub **ret, struct error *err) MUST_CHECK;
/* Every client must be destroyed before. `ready` is not called any more; the memory goes when the
 * loop has run its close callbacks. NULL is fine. */
void kafka_hub_destroy(struct kafka_hub *hub);

/* Calls `ready` in the next loop turn: for whoever stopped before a queue was empty. */
void kafka_hub_again(struct kafka_hub *hub);

/* Takes the oldest notice; false when there is none. `*ret_dropped` (may be NULL) counts the lost
 * ones since the last call. */
bool kafka_hub_notice(struct kafka_hub *hub, struct kafka_notice *ret, size_t *ret_dropped);

#endif
