/* internal.h - the gateway's insides, shared by gateway.c and api.c alone. */
#ifndef GATEWAY_INTERNAL_H
#define GATEWAY_INTERNAL_H

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

/* gateway.c */
bool gateway_is_ready(const struct gateway *gateway);
void gateway_pass(struct gateway *gateway);

/* api.c */
enum { API_ROUTES = 2 };
void api_routes(struct gateway *gateway, struct http_route ret[API_ROUTES]);
/* Words for 400, 404, 405 and 413; `self` is the gateway. */
void api_refuse(void *self, const struct http_request *request, struct http_response *response);
/* Kafka said what became of a command that was sent. */
void api_receipt(struct gateway *gateway, const struct kafka_receipt *receipt);
/* Something is new about a command. */
void api_news(struct gateway *gateway, struct book_entry *entry, enum book_news news);
/* Tells whoever has waited long enough; everybody when the gateway stops. */
void api_expire(struct gateway *gateway, struct instant now);
/* When the next one has waited long enough. */
struct instant api_next(const struct gateway *gateway);

#endif
