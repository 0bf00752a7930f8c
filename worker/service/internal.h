/* internal.h - the service's insides, shared by its own files only. */
#ifndef SERVICE_INTERNAL_H
#define SERVICE_INTERNAL_H

#include <sys/queue.h>
#include <uthash.h>

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

enum {
    OFFERS_PER_PASS = 2000,
    CANCELS_MAX = 10000, /* remembered from the control topic */
};

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
    struct cancel { /* from the control topic, oldest first */
        struct uuid id;
        char by[LIMIT_NAME_BYTES + 1];
        char *why;      /* owned */
        struct wall at; /* its append time; 0: not known */
        UT_hash_handle hh;
    } * cancels;
    struct approval {      /* the same */
        struct sha256 key; /* of all that follows: several may be about one command */
        struct uuid id;
        char by[LIMIT_NAME_BYTES + 1];
        char digest[LIMIT_NAME_BYTES + 1];
        UT_hash_handle hh;
    } * approvals;
    struct restore { /* from the control topic, oldest first */
        char *key;   /* owned */
        char cluster[LIMIT_NAME_BYTES + 1];
        char infobase[LIMIT_NAME_BYTES + 1];
        char by[LIMIT_NAME_BYTES + 1];
        char *why;            /* owned */
        struct wall asked_at; /* what was asked for later is not meant */
        UT_hash_handle hh;
    } * restores;
    struct refusals *refusals;     /* of orders on the control topic */
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

/* control.c */
enum error_code control_open(struct service *service, struct error *err) MUST_CHECK;
/* An error: the topic can be read no more, and nothing may be ended without it. */
enum error_code control_pass(struct service *service, struct instant now,
                             struct error *err) MUST_CHECK;
/* All cancels that are remembered, to a partition that is owned anew. */
void control_apply(struct service *service, struct partition *partition, struct instant now);
/* A command was accepted: its cancel may have come before it. */
void control_accepted(struct partition *partition, const struct uuid *id, struct instant now);
/* How long ago the control topic was known to be read to its end; INT64_MAX: never was. */
int64_t control_age_ms(const struct service *service, struct instant now);

/* Tells a new engine whether the kill switch is engaged. */
void control_halts(const struct service *service, struct engine *engine, struct instant now);

void control_destroy(struct service *service);

/* memory.c */
void memory_pass(struct service *service, struct instant now);

/* restore.c: the holds that are to end, by the control topic */
void restore_asked(struct service *service, const struct command *command, const char *cluster,
                   struct wall asked_at, struct instant now);
/* All that are remembered: a partition is owned anew, or a drain was accepted. */
void restore_apply(struct partition *partition, struct instant now);
void restore_destroy(struct service *service);

/* health.c */
enum error_code health_create(struct service *service, struct error *err);
/* Tells log, metrics and the service manager when readiness changes. */
void health_pass(struct service *service);

#endif
