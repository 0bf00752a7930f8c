/* consumer_state.h - the insides of the group's consumer, shared by consumer.c (membership,
 * reading, life), consumer_anew.c, consumer_commit.c and consumer_ask.c only. Internal to
 * worker/kafka. */
#ifndef KAFKA_CONSUMER_STATE_H
#define KAFKA_CONSUMER_STATE_H

#include <librdkafka/rdkafka.h>
#include <sys/queue.h>

#include "kafka/consumer.h"
#include "kafka/work.h"

/* An event that waits to be polled, with what it borrows out. */
struct waiting {
    STAILQ_ENTRY(waiting) link;
    struct kafka_consumer_event event;
    int32_t *partitions; /* owned */
    char *metadata;      /* owned */
};

/* One partition of the assignment. */
struct held {
    int32_t partition;
    struct kafka_tail *tail; /* NULL while not started */
};

/* The newest commit of one partition that has not been sent. */
struct commit {
    STAILQ_ENTRY(commit) link;
    int32_t partition;
    int64_t offset;
    char *metadata; /* owned; NULL = none */
    size_t metadata_length;
};

STAILQ_HEAD(waiting_list, waiting);
STAILQ_HEAD(commit_list, commit);

enum membership {
    MEMBER_OUT,     /* nothing assigned */
    MEMBER_IN,      /* assigned: partitions may be started */
    MEMBER_REVOKED, /* to be let go by the service; commits are still possible */
    MEMBER_LEAVING, /* let go: given back when the last commit is answered */
    MEMBER_FENCED,  /* out; another client of the group takes the place of this one */
    MEMBER_FATAL,
};

/* May being fenced be this member's own doing (consumer_anew.c)? */
enum trouble {
    TROUBLE_NONE,
    TROUBLE_LOST, /* the session or the connection was lost while a join may have been under way */
    TROUBLE_ANEW, /* it was fenced since then, and has joined once more */
};

enum closing {
    OPEN,
    FLUSHING, /* commits given before are sent and answered */
    CLOSING,  /* librdkafka leaves the group */
    DROPPING, /* its client is destroyed on the pool */
    CLOSED,
    TOLD,
};

struct kafka_consumer {
    struct kafka_hub *hub;
    rd_kafka_t *group;       /* NULL once dropped */
    rd_kafka_queue_t *queue; /* of the group's client: everything comes here */
    rd_kafka_queue_t *close_queue;
    struct kafka_reader *reader;
    char *topic;
    char *instance;    /* for messages */
    char *name;        /* of the group, for messages */
    struct held *held; /* ascending */
    size_t held_count;
    enum membership membership;
    enum closing closing;
    enum trouble trouble;
    uint64_t in_since_ms;       /* the hub's time of the last assignment */
    uint64_t session_ms;        /* session.timeout.ms in force */
    rd_kafka_conf_t *anew_conf; /* what another client of the group is made of */
    uint64_t generation;        /* assignments and revocations so far */
    struct waiting_list events;
    struct waiting *given; /* the event polled last: its borrowed parts live until the next poll */
    struct commit_list commits; /* not sent */
    size_t commit_count;
    bool commit_out;            /* one request is with the broker */
    uint64_t commit_generation; /* when it was sent */
    int32_t *asked;             /* partitions to ask about */
    size_t asked_count;
    struct kafka_job *ask;
    struct kafka_job *count;
    struct kafka_job *drop;
};

/* ---- consumer.c ---- */
/* Puts an event of this kind at the end of the queue, nothing in it yet. */
struct waiting *consumer_tell(struct kafka_consumer *consumer, enum kafka_consumer_event_kind kind);
/* NULL: the partition is not assigned. */
struct held *consumer_find(const struct kafka_consumer *consumer, int32_t partition);

/* Destroys the group's client on the pool; `drop` is NULL again when that is done. */
void consumer_drop_group(struct kafka_consumer *consumer);
/* Makes a client and subscribes; consumes `conf`. ERR_CONFIG. */
enum error_code consumer_open_group(struct kafka_consumer *consumer, rd_kafka_conf_t *conf,
                                    struct error *err) MUST_CHECK;

/* ---- consumer_anew.c ---- */
void anew_init(struct kafka_consumer *consumer, const rd_kafka_conf_t *conf);
void anew_release(struct kafka_consumer *consumer);
/* An assignment came. */
void anew_joined(struct kafka_consumer *consumer);
/* Before the membership changes: a session's length in the group is the end of all trouble. */
void anew_settle(struct kafka_consumer *consumer);
/* The session was lost. */
void anew_trouble(struct kafka_consumer *consumer);
/* The group's client tells of an error. */
void anew_note(struct kafka_consumer *consumer, rd_kafka_resp_err_t code);
/* Fenced: true when the member joins once more, false when this is its end. */
bool anew_begin(struct kafka_consumer *consumer);
/* The next step of a member that joins once more. */
void anew_serve(struct kafka_consumer *consumer);

/* ---- consumer_commit.c ---- */
/* Sends what was given, one request at a time. */
void commits_send(struct kafka_consumer *consumer);
/* Nothing waits and nothing is with the broker. */
bool commits_done(const struct kafka_consumer *consumer);
void commits_answered(struct kafka_consumer *consumer, rd_kafka_event_t *event);
void commits_forget(struct kafka_consumer *consumer);

/* ---- consumer_ask.c ---- */
/* Sends the questions that wait, all in one job, one job at a time. */
void asks_send(struct kafka_consumer *consumer);

#endif
