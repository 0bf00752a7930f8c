/* partition.h - one partition of commands and its journal, as this worker has it: what it is, and
 * the small things that may happen to it anywhere. Loop thread only.
 *
 * It comes by partition_add(), recover.c brings it to run, and then each pass works at it (turn.c):
 * records come back (read_back.c, own.c), commands are taken (intake.c), and what its engine asks
 * for is carried out. */
#ifndef SERVICE_PARTITION_H
#define SERVICE_PARTITION_H

#include <sys/queue.h>

#include "audit/chain.h"
#include "kafka/reader.h"
#include "model/echo.h"
#include "service/acknowledged.h"
#include "service/waiting.h"

struct service;

enum partition_stage {
    PARTITION_ASKING,       /* waits for the committed offset's metadata */
    PARTITION_ASKING_FIRST, /* has none: partition 0's tells by how many partitions an empty journal
                               maps clusters */
    PARTITION_RECOVERING,   /* reads the journal */
    PARTITION_RECOVERED,    /* has read it, and waits for the control topic */
    PARTITION_CLAIMING,     /* has asked to own */
    PARTITION_RUNNING,      /* owned it, whoever does now */
    PARTITION_STOPPED,      /* an operator must look; `why` says at what */
};

/* Why no commands are taken, open ones going on to their end; bits of partition.held. */
enum held {
    HELD_MADE_ANEW = 1, /* the topic does not hold the last command that the journal names */
    HELD_RECOUNTED = 2, /* the topic has another number of partitions than the journal says */
    HELD_RELEASING = 4, /* and TOPICS_ACCEPTED is on its way */
};

struct partition {
    TAILQ_ENTRY(partition) of_service;
    struct service *service;
    int32_t id;
    enum partition_stage stage;
    struct error why; /* STOPPED */
    uint64_t serial;  /* of the engine */
    struct engine *engine;
    struct kafka_tail *tail;
    struct chain chain;
    struct echo echo; /* own records that are under way */
    struct acknowledged acknowledged;
    struct instant assigned_at;
    struct instant
        unreadable_told;        /* that a topic cannot be read: not more often than people read */
    struct instant question_at; /* ASKING: the last answer was a failure, ask again then */
    bool owning;                /* as of the last pass */
    uint64_t epochs;            /* of ours, as of the last pass */
    bool proving;               /* a commit is to show that the group still counts us in */
    struct instant prove_at;
    bool reading;      /* the commands topic is being read */
    unsigned held;     /* enum held; 0: commands are taken */
    uint64_t releases; /* that were read back, as of the last look */
    struct {
        bool check; /* the first record read must be this one */
        struct sha256 digest;
        int64_t offset;
    } last; /* command that the journal names */
    struct waiting waiting;
    bool from_first;   /* the journal is read from its first record, not from a saved place */
    int64_t promised;  /* commands below it were journalled, says the commit that was found; -1 */
    int64_t committed; /* the last offset asked to be committed */
    int64_t committed_start;
    struct instant commit_at;
    struct wall broker_time;      /* of the last record read back... */
    struct instant broker_seen;   /* ...and when */
    struct engine_counts counted; /* as metrics were told */
    struct {
        bool acknowledged;
        bool read;
        uint64_t tag;
        struct epoch epoch;
        uint64_t sequence;
        struct instant at; /* zero: none is on its way */
    } timed;               /* one record of ours between producer and journal, for the metrics */
};

/* NULL: not assigned to this worker. */
struct partition *partition_find(struct service *service, int32_t id);
/* The one whose engine has this number and asked for something, so that it may be answered; NULL:
 * the partition was given back, has stopped, or has begun anew: the answer is dropped. */
struct partition *partition_that_asked(struct service *service, int32_t id, uint64_t serial);
/* The broker's time, from the last record read back; never ahead of it. 0: none was read yet. */
struct wall partition_broker_now(const struct partition *partition, struct instant now);

/* Assigned: asks where it stands. */
void partition_add(struct service *service, int32_t id);
/* Nothing is begun on it any more until an operator has looked. Its engine stays until
 * partition_rest(), and does nothing. */
void partition_stop(struct partition *partition, const struct error *why);
/* A stopped one keeps nothing of the worker's bounds and memory. */
void partition_rest(struct partition *partition);
/* Given back. What is under way for it is answered to nobody. */
void partition_remove(struct partition *partition);
void partitions_remove(struct service *service); /* all */

/* Held: no commands are taken; open ones go on to their end. What for, for people; NULL: not held.
 */
const char *partition_hold(const struct partition *partition);
/* Commands are read on from where the journal stands, unless the partition is held: what was
 * offered under an earlier epoch and did not come back in a counting record is read again. */
void partition_read_commands(struct partition *partition);
/* A topic of it cannot be read at present: tells the log, not more often than people read. */
void partition_unreadable(struct partition *partition, const struct kafka_item *item);

#endif
