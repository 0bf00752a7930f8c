/* state.h - the worker as a whole: what its files share, by the file that writes it. Everybody may
 * read; what is not here belongs to one file, or to a partition (partition.h). Loop thread only. No
 * file implements this. */
#ifndef SERVICE_STATE_H
#define SERVICE_STATE_H

#include <sys/queue.h>

#include "base/limits.h"
#include "cluster/rate.h"
#include "engine/engine.h"
#include "event/encode.h"
#include "http/health.h"
#include "kafka/consumer.h"
#include "kafka/journal.h"
#include "kafka/producer.h"
#include "kafka/reader.h"
#include "metrics/metrics.h"
#include "service/service.h"

enum service_phase {
    SERVICE_RUNNING,
    SERVICE_DRAINING, /* no new commands */
    SERVICE_CLOSING,  /* clients and executors close */
    SERVICE_STOPPED
};

struct service {
    /* service.c, stop.c */
    uv_loop_t *loop;
    struct service_options options;
    struct clock clock;
    struct metrics *metrics;
    uv_timer_t timer; /* of the next pass */
    uv_timer_t watchdog;
    bool timers; /* are made */
    int handles; /* of them that still close */
    bool joined; /* the group */
    bool consumer_closed;
    bool journal_failing; /* it took no record: nothing is ended until it does */
    enum service_phase phase;
    struct instant drain_until;
    struct instant close_by; /* clients that are not closed by then are left */
    struct error failure;    /* why it stops; ERR_OK: asked to */

    /* wake.c */
    bool again; /* a queue was left before it was empty */

    /* start.c */
    struct kafka_settings settings; /* no reload changes them */
    struct kafka_hub *hub;
    struct kafka_consumer *consumer;
    struct kafka_journal *journal;
    struct kafka_producer *producer;
    struct kafka_reader *tails;
    struct kafka_reader *control_reader;

    /* reload.c */
    struct config *config;          /* in force */
    struct config *config_at_start; /* `settings` and the clients borrow from it */
    struct event_style style;       /* borrows from `config` */

    /* control.c */
    struct kafka_tail *control;
    bool control_read; /* to its end as of the start */
    struct instant control_opened;
    struct instant control_looked; /* when the look that is out, or the last one, began */
    struct instant control_seen;   /* the control topic was read to its end as it stood then */
    bool control_stale;            /* told: nothing is ended until it is read again */

    /* halt.c */
    bool halted_by_control;
    bool halted_by_signal;
    bool halted;       /* either */
    struct halted_by { /* of the last order that engaged the kill switch */
        char by[LIMIT_NAME_BYTES + 1];
        char why[LIMIT_TEXT_BYTES + 1];
    } halted_by;

    /* remember.c, restore.c, topics.c: read from the control topic, oldest first */
    struct cancel *cancels;
    struct approval *approvals;
    struct restore *restores;
    struct refusals *refusals; /* refusal.c: of orders */
    STAILQ_HEAD(, accept) accepts;
    size_t accept_count;

    /* topics.c */
    int32_t partition_count; /* of the commands topic */
    struct instant counted;  /* asked for then */
    int32_t shared_out;      /* the number for which the group was asked to share out anew */

    /* partition.c, recover.c */
    TAILQ_HEAD(, partition) partitions; /* assigned */
    uint64_t serial;                    /* of the last engine */
    struct engine_budget budget;        /* of all engines */

    /* work.c */
    struct cluster_work *clusters;
    struct cluster_work **clusters_by_name; /* sorted */
    size_t cluster_count;
    struct instant clusters_wake;    /* no cluster's wake is earlier */
    TAILQ_HEAD(, cluster_work) busy; /* lanes to look at */
    struct rate estate;              /* ends of all clusters in a minute: our share */

    /* handlers.c */
    TAILQ_HEAD(, handler_call) handler_calls;
    uint32_t handlers; /* programs that run */

    /* sending.c, outbox.c, letters.c */
    size_t sendings; /* that wait for acknowledgements */
    bool events_failing;
    struct instant event_at;   /* the last one was acknowledged then; zero: none yet */
    struct instant reply_told; /* that a reply topic takes no events; zero: never */
    bool letters_failing;      /* a dead letter or forward was refused: its partition waits */

    /* memory.c; read_back.c counts */
    uint64_t records_read; /* back from the journal, all partitions */
    uint64_t records_seen; /* as of the last memory_pass() */
    uint64_t records_given_back;
    struct instant give_back_at;

    /* health.c */
    struct http_server *http;
    struct http_health health;
    bool ready_told;
    enum engine_bound bound_told; /* in the log; NONE: consumption goes on */
    struct instant bound_at;      /* when one was last reached */
    uint64_t log_dropped;         /* lines, as the metrics were told */
};

#endif
