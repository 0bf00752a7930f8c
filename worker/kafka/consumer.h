/* consumer.h - the commands topic: membership of the group, and the assigned partitions' records.
 *
 * The group decides who reads which partition; the journal decides from where. So the group's
 * client only joins, heartbeats and commits, and the records come by a reader of their own
 * (reader.h) at offsets that the service names. Static member `kafka.instance`, assignor `range`,
 * no auto commit, no offset reset.
 *
 *   ASSIGNED {p...}  -> recover each p from its journal, then kafka_consumer_start(p, offset)
 *   take(p)             at the service's pace; not taking is the backpressure
 *   commit(p, ...)      when durable; coalesced: one request in flight, the newest offset wins
 *   REVOKED {p...}   -> stop acting, commit what is durable, then kafka_consumer_let_go()
 *   lost             -> the same, but commits would be refused: do not wait for anything
 *   FENCED           -> fenced after a lost session: joins once more by itself (consumer_anew.c)
 *   FATAL            -> stop and say so; nothing comes any more
 *
 * Loop thread only. Invariant: a partition is started only while it is assigned. */
#ifndef KAFKA_CONSUMER_H
#define KAFKA_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kafka/hub.h"
#include "kafka/reader.h"
#include "kafka/settings.h"

enum {
    KAFKA_METADATA_MAX = 4096, /* bytes of commit metadata: the broker's default maximum */
    KAFKA_PARTITIONS_MAX = 4096,
    KAFKA_SESSION_MS = 10000, /* session.timeout.ms unless configured */
};

struct kafka_consumer;

enum kafka_consumer_event_kind {
    KAFKA_CONSUMER_ASSIGNED = 1, /* `partitions`: all that this member holds from now on */
    KAFKA_CONSUMER_REVOKED,   /* `partitions`: held until kafka_consumer_let_go(); the group waits
                                 for that, up to max.poll.interval.ms */
    KAFKA_CONSUMER_COMMITTED, /* answer to a commit of `partition` */
    KAFKA_CONSUMER_COUNT,     /* answer to kafka_consumer_count(): `offset` partitions */
    KAFKA_CONSUMER_POSITION,  /* answer to kafka_consumer_ask() for `partition` */
    KAFKA_CONSUMER_FENCED,    /* out, after REVOKED (lost) if it was in; joins once more by itself.
                                 `error` says why. ASSIGNED or FATAL follows */
    KAFKA_CONSUMER_FATAL,     /* this member is out for good; `error` says what to do:
                                 ERR_CONFLICT: a namesake goes on in its place */
    KAFKA_CONSUMER_CLOSED,    /* kafka_consumer_close() is complete */
};

struct kafka_consumer_event {
    enum kafka_consumer_event_kind kind;
    const int32_t *partitions; /* ASSIGNED, REVOKED: ascending, borrowed until the next poll */
    size_t partition_count;    /* 0 is possible: more members than partitions */
    bool lost;            /* REVOKED: somebody else may own them already; let_go() is implied */
    int32_t partition;    /* COMMITTED, POSITION */
    int64_t offset;       /* COMMITTED: the offset in force or refused. POSITION: the committed
                             offset, -1 when there is none */
    bool current;         /* COMMITTED: taken, and the partition was assigned to this member at
                             one and the same group generation when it was sent and when the
                             broker (which checks the generation) answered. This is the proof
                             of present membership (docs/adr/0002) */
    struct text metadata; /* POSITION: as committed; borrowed until the next poll */
    int64_t low, high;    /* POSITION: watermarks of the partition; -1 when `error` is set */
    struct error error;   /* code ERR_OK when all is well */
};

/* Joins the group of the settings and subscribes to topics.commands. ERR_CONFIG. */
enum error_code kafka_consumer_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                                      struct kafka_consumer **ret, struct error *err) MUST_CHECK;
/* Leaves: commits given before are still sent and answered, new ones are refused, and an assignment
 * still held is given back without waiting for let_go(). Go on polling until KAFKA_CONSUMER_CLOSED.
 * A static member's place is kept for its session timeout. Never blocks. */
void kafka_consumer_close(struct kafka_consumer *consumer);
/* Frees it; NULL is fine. Not closed yet: closes and waits (up to seconds), for tests and exits. */
void kafka_consumer_destroy(struct kafka_consumer *consumer);
AUTO_TYPE(kafka_consumer)

/* Takes the next event; false when there is none. Must be called in every pass (hub.h). */
bool kafka_consumer_poll(struct kafka_consumer *consumer, struct kafka_consumer_event *ret);

/* The answer to REVOKED, once everything of those partitions is at rest. They go back to the group
 * when the commits given before have been answered. No effect otherwise. */
void kafka_consumer_let_go(struct kafka_consumer *consumer);

/* Begins to read an assigned partition at `offset` (>= 0 or KAFKA_FROM_BEGINNING). Started already:
 * starts anew there. ERR_STALE: the partition is not assigned (any more). */
enum error_code kafka_consumer_start(struct kafka_consumer *consumer, int32_t partition,
                                     int64_t offset, struct error *err) MUST_CHECK;
/* Stops reading it; revocation does that by itself. */
void kafka_consumer_stop(struct kafka_consumer *consumer, int32_t partition);
/* The next record or state of one started partition, as kafka_tail_take(); false when none, or not
 * started. After KAFKA_ITEM_GAP or TRUNCATED the partition is stopped: start it where you decide.
 */
bool kafka_consumer_take(struct kafka_consumer *consumer, int32_t partition,
                         struct kafka_item *ret);
/* High watermark less the position of a started partition; -1 when not known. For metrics. */
int64_t kafka_consumer_lag(const struct kafka_consumer *consumer, int32_t partition);

/* Commits `offset` (the next one to read) with `metadata` (<= KAFKA_METADATA_MAX bytes, no NUL).
 * Answered by KAFKA_CONSUMER_COMMITTED; a newer commit of the partition that comes before the
 * request was sent replaces this one and answers for both. ERR_STALE: not assigned. ERR_TOO_LARGE,
 * ERR_INVALID: the metadata. */
enum error_code kafka_consumer_commit(struct kafka_consumer *consumer, int32_t partition,
                                      int64_t offset, struct text metadata,
                                      struct error *err) MUST_CHECK;
/* Asks for the committed offset, its metadata and the watermarks of a partition; answered by
 * KAFKA_CONSUMER_POSITION (also when it fails). ERR_FULL: KAFKA_PARTITIONS_MAX questions wait. */
enum error_code kafka_consumer_ask(struct kafka_consumer *consumer, int32_t partition,
                                   struct error *err) MUST_CHECK;

/* Asks how many partitions the commands topic has; answered by KAFKA_CONSUMER_COUNT when the broker
 * tells (else ask again, later). One question at a time: more are ignored. */
void kafka_consumer_count(struct kafka_consumer *consumer);

/* Subscribes anew, so that the group shares out the partitions that there are now. A group of
 * static members does not do that by itself when partitions were added while its leader was away.
 */
void kafka_consumer_rejoin(struct kafka_consumer *consumer);

/* Is the partition in the present assignment, as far as this member has been told? A member that
 * was paused has not been told yet: for proof see `current` above. */
bool kafka_consumer_holds(const struct kafka_consumer *consumer, int32_t partition);
/* How many assignments there have been: two equal numbers, no rebalance in between. */
uint64_t kafka_consumer_generation(const struct kafka_consumer *consumer);

#endif
