/* consumer_state.h - the data of the group's consumer. Its files call downward only: consumer.c
 * (membership, closing, life), consumer_anew.c (fenced), consumer_commit.c and consumer_ask.c, then
 * consumer_group.c (the group's client), consumer_held.c (partitions and what is read of them) and
 * consumer_events.c (what waits to be polled). Internal to worker/kafka. */
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

/* The group's client is of no use any more. */
static inline bool consumer_is_out(const struct kafka_consumer *consumer)
{
    return consumer->membership == MEMBER_FATAL || consumer->membership == MEMBER_FENCED;
}

#endif
