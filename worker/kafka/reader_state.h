/* reader_state.h - the insides of readers and tails, shared by reader.c (the client, and what it
 * asks the broker) and tail.c (one partition, from its opening to its end) only. Internal to
 * worker/kafka. */
#ifndef KAFKA_READER_STATE_H
#define KAFKA_READER_STATE_H

#include <librdkafka/rdkafka.h>
#include <sys/queue.h>

#include "kafka/reader.h"
#include "kafka/work.h"

/* What the broker is asked about one tail, on the pool. */
struct question {
    struct kafka_tail *tail; /* loop thread only; NULL: the answer is for nobody */
    char *topic;
    int32_t partition;
    int64_t low, high;
    rd_kafka_resp_err_t code;
};

enum tail_state {
    TAIL_ASKING, /* the watermarks are to be asked, or being asked */
    TAIL_READY,  /* they are known: START is to be given */
    TAIL_READING,
    TAIL_BROKEN, /* GAP or TRUNCATED is to be given */
    TAIL_STOPPED,
};

struct kafka_tail {
    LIST_ENTRY(kafka_tail) link;
    struct kafka_reader *reader;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue; /* while reading */
    char *name;              /* of the topic */
    int32_t partition;
    enum tail_state state;
    bool started; /* START was given: a later asking resumes silently */
    bool ended;   /* END was given */
    bool told;    /* `waiting` is not to be given at present */
    enum {
        LOOK_NONE,
        LOOK_WANTED, /* the end is to be asked, or being asked */
        LOOK_KNOWN,  /* CAUGHT_UP is to be given at `look_end` */
    } look;
    int64_t look_end;
    int64_t from; /* wanted: an offset, or KAFKA_FROM_... before the first answer */
    int64_t low, high;
    enum kafka_item_kind broken; /* GAP or TRUNCATED */
    uint64_t retry_at_ms;        /* loop clock */
    uint64_t told_at_ms;
    struct error waiting;      /* code ERR_OK: nothing to tell */
    struct question *question; /* of the running job; NULL: none */
};

struct kafka_reader {
    struct kafka_hub *hub;
    struct kafka_served served;
    enum kafka_reader_use use;
    const char *name;
    rd_kafka_t *handle; /* NULL once dropped */
    rd_kafka_queue_t *queue;
    struct kafka_job *ask;
    struct kafka_job *drop;
    LIST_HEAD(, kafka_tail) tails;
    size_t tail_count;
    bool closing;
    bool closed;
};

/* Are its watermarks, or its end, to be asked now? Loop clock. */
bool tail_is_due(const struct kafka_tail *tail, uint64_t now_ms);
/* The broker has answered, or did not: `question` is used up. */
void tail_answered(struct kafka_tail *tail, const struct question *question);

#endif
