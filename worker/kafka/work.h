/* work.h - what the clients of this room ask of their hub: watched queues, notices, pool jobs.
 * Internal to worker/kafka. */
#ifndef KAFKA_WORK_H
#define KAFKA_WORK_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "kafka/hub.h"

/* A blocking question on libuv's pool. Embed it first in a struct that owns everything `run` reads
 * and writes: `run` works on another thread and may touch nothing else but thread-safe librdkafka
 * calls on a client that is destroyed only after the job. */
struct kafka_job {
    uv_work_t request;
    struct kafka_hub *hub;
    void *owner;   /* NULL once abandoned: then only `release` runs */
    bool must_run; /* `run` releases something: it runs even when abandoned early */
    void (*run)(struct kafka_job *job);     /* pool thread */
    void (*done)(struct kafka_job *job);    /* loop thread, owner still there */
    void (*release)(struct kafka_job *job); /* loop thread, always, last: frees it */
    uv_sem_t finished;
};

/* Hands `job` over; it is freed through `release`. */
void kafka_job_start(struct kafka_hub *hub, struct kafka_job *job);
/* Waits for `run` to end and makes sure that `done` is not called. */
void kafka_job_abandon(struct kafka_job *job);

/* A client that is served by the hub itself before every `ready` (its own log lines and errors). */
struct kafka_served {
    LIST_ENTRY(kafka_served) link;
    void (*serve)(void *self);
    void *self;
};
void kafka_hub_serve(struct kafka_hub *hub, struct kafka_served *served);
void kafka_hub_unserve(struct kafka_served *served);

/* From now on an enqueue on the empty `queue` wakes the hub. */
void kafka_hub_watch(struct kafka_hub *hub, rd_kafka_queue_t *queue);
/* Milliseconds of the loop's own clock: for retry times inside the room. */
uint64_t kafka_hub_ms(const struct kafka_hub *hub);
/* `text` is made printable and cut. */
void kafka_hub_note(struct kafka_hub *hub, const char *client, int level, enum error_code code,
                    const char *text);

#endif
