/* state.h - the data that the gateway's files share. They call downward only: gateway.c (life, and
 * the pass), api.c (what is asked over HTTP), send.c (a command on its way to Kafka), waiting.c
 * (who waits for one), ready.c and done.c. reload.c stands beside. */
#ifndef GATEWAY_STATE_H
#define GATEWAY_STATE_H

#include "gateway/access.h"
#include "gateway/book.h"
#include "gateway/feed.h"
#include "gateway/gateway.h"
#include "gateway/language.h"
#include "gateway/stranger.h"
#include "http/health.h"
#include "kafka/producer.h"
#include "metrics/metrics.h"

/* A request that waits: first for Kafka, then for the end of its command. */
struct waiter {
    TAILQ_ENTRY(waiter) of_entry;
    TAILQ_ENTRY(waiter) of_gateway;
    struct book_entry *entry;
    struct http_waiting *waiting;
    enum language language;
    uint32_t wait_s;      /* as applied */
    bool prefers;         /* it named a wait */
    struct instant until; /* then it is told what is known */
    struct instant begun;
    struct asker *asker; /* held */
};

struct gateway {
    uv_loop_t *loop;
    uv_timer_t timer;
    struct gateway_options options;
    struct clock clock;
    const struct config *config; /* in force */
    struct config *reloaded;     /* owned: the same, or NULL while it is the one of the start */
    struct kafka_hub *hub;
    struct kafka_producer *producer;
    struct feed *feed;
    struct book *book;
    struct access *access;
    struct strangers *strangers;
    struct metrics *metrics;
    uint64_t log_dropped; /* lines, as the metrics were told */
    struct http_health health;
    struct http_server *http;
    uint32_t connections;   /* that it serves at once */
    struct waiters waiting; /* all of them */
    bool ready_told;
    int64_t watchdog_ms; /* 0: nobody watches */
    struct instant watchdog_at;
    enum { GATEWAY_RUNNING, GATEWAY_STOPPING, GATEWAY_STOPPED } phase;
    struct instant stop_by;
    int handles;
};

#endif
