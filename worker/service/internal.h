/* internal.h - the service's insides, shared by its own files only. */
#ifndef SERVICE_INTERNAL_H
#define SERVICE_INTERNAL_H

#include <sys/queue.h>

#include "base/clock.h"
#include "base/limits.h"
#include "cluster/rate.h"
#include "command/message.h"
#include "engine/engine.h"
#include "event/encode.h"
#include "http/health.h"
#include "kafka/admin.h"
#include "kafka/consumer.h"
#include "kafka/journal.h"
#include "kafka/producer.h"
#include "kafka/reader.h"
#include "metrics/metrics.h"
#include "service/refusal.h"
#include "service/service.h"
#include "service/settings.h"

struct service {
    uv_loop_t *loop;
    struct service_options options;
    struct clock clock;
    struct config *config;
    struct config *config_at_start; /* `settings` and the clients borrow from it */
    struct kafka_settings settings; /* no reload changes them */
    struct kafka_hub *hub;
    struct kafka_consumer *consumer;
    struct kafka_journal *journal;
    struct kafka_producer *producer;
    struct kafka_reader *tails;
    struct kafka_reader *control_reader;
    struct kafka_tail *control;
    bool control_read; /* to its end as of the start */
    struct instant control_opened;
    struct instant control_looked; /* when the look that is out, or the last one, began */
    struct instant control_seen;   /* the control topic was read to its end as it stood then */
    bool control_stale;            /* told: nothing is ended until it is read again */
    bool halted_by_control;
    bool halted_by_signal;
    bool halted;       /* either */
    struct halted_by { /* of the last order that engaged the kill switch */
        char by[LIMIT_NAME_BYTES + 1];
        char why[LIMIT_TEXT_BYTES + 1];
    } halted_by;
    struct cancel *cancels; /* from the control topic, oldest first */
    struct approval *approvals;
    struct restore *restores;
    struct refusals *refusals;     /* of orders */
    int32_t partition_count;       /* of the commands topic */
    struct instant counted;        /* asked for then */
    int32_t shared_out;            /* the number for which the group was asked to share out anew */
    STAILQ_HEAD(, accept) accepts; /* from the control topic, oldest first */
    size_t accept_count;
    struct rate estate; /* ends of all clusters in a minute: this worker's share */
    struct engine_budget budget;
    struct cluster_work *clusters;
    struct cluster_work **clusters_by_name; /* sorted */
    size_t cluster_count;
    struct instant clusters_wake; /* no cluster's wake is earlier */
    TAILQ_HEAD(, cluster_work) busy;
    TAILQ_HEAD(, partition) partitions;
    uint64_t serial;
    size_t calls; /* in lanes and executors */
    TAILQ_HEAD(, handler_call) handler_calls;
    uint32_t handlers; /* programs that run */
    size_t sendings;
    struct event_style style;
    uv_timer_t timer;
    uv_timer_t watchdog;
    bool again;            /* a queue was left before it was empty */
    uint64_t records_read; /* back from the journal, all partitions */
    uint64_t records_seen; /* as of the last memory_pass() */
    uint64_t records_given_back;
    struct instant give_back_at;
    bool joined;
    bool consumer_closed;

    bool journal_failing;
    bool events_failing;
    struct instant event_at;   /* the last one was acknowledged then; zero: none yet */
    struct instant reply_told; /* that a reply topic takes no events; zero: never */
    bool letters_failing;      /* a dead letter or forward was refused: its partition waits */
    enum {
        SERVICE_RUNNING,
        SERVICE_DRAINING, /* no new commands */
        SERVICE_CLOSING,  /* clients and executors close */
        SERVICE_STOPPED
    } phase;
    struct instant drain_until;
    struct instant close_by; /* clients that are not closed by then are left */
    struct error failure;    /* why it stops; ERR_OK: asked to */
    bool ready_told;
    uint64_t log_dropped; /* lines, as the metrics were told */
    struct metrics *metrics;
    struct http_server *http;
    struct http_health health;
    bool timers;
    int handles;
};

/* service.c */
/* One pass over every queue, and the timer set for the next; `service` is the struct service. */
void service_pass(void *service);
/* Sets the timer for the next thing that is due, a second from now at the latest. */
void service_arm(struct service *service, struct instant now);

#endif
