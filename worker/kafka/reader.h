/* reader.h - partitions read without a group: each from an explicit offset, in order, each with its
 * own queue.
 *
 * Used for the journal's tail, the control topic, the commands (through consumer.h) and by whatever
 * reads a topic on the command line. A tail that is not taken from is not fetched for either: its
 * queue fills to KAFKA_QUEUE_KIB and rests there. That is the backpressure; there is no pause() (it
 * throws prefetched messages away and fetches them again).
 *
 * One reader is one librdkafka client with any number of tails. It uses librdkafka's simple
 * consumer: no group, no commits, no auto offset reset, so the offset given is the offset read.
 * Loop thread only. */
#ifndef KAFKA_READER_H
#define KAFKA_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kafka/hub.h"
#include "kafka/message.h"
#include "kafka/settings.h"

enum {
    KAFKA_QUEUE_KIB = 16 * 1024, /* prefetched per partition: more than a second of commands */
    KAFKA_TAILS_MAX = 4096,      /* of one reader */
    KAFKA_FROM_BEGINNING = -2,   /* the oldest record there is */
    KAFKA_FROM_END = -1,         /* only what comes after the opening */
};

enum kafka_reader_use {
    KAFKA_READ_SHARED,  /* topics others write to: records of aborted transactions are not shown */
    KAFKA_READ_JOURNAL, /* our own journal: everything is shown, and a hole in the offsets is an
                           error (KAFKA_ITEM_GAP): nothing may be missing there. Its records have
                           no headers, and none are looked for: librdkafka would allocate a buffer
                           for each record to find out */
};

struct kafka_reader;
struct kafka_tail;

/* `name` is static and names the client in notices. ERR_CONFIG: librdkafka refuses the settings. */
enum error_code kafka_reader_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                                    enum kafka_reader_use use, const char *name,
                                    struct kafka_reader **ret, struct error *err) MUST_CHECK;
/* Starts to shut down: tails are closed, the client is destroyed on the pool. Never blocks. */
void kafka_reader_close(struct kafka_reader *reader);
bool kafka_reader_closed(const struct kafka_reader *reader);
/* Frees it; NULL is fine. Not closed yet: waits for that (up to seconds), for tests and exits. */
void kafka_reader_destroy(struct kafka_reader *reader);
AUTO_TYPE(kafka_reader)

/* Opens one partition at `from`: an offset >= 0, KAFKA_FROM_BEGINNING or KAFKA_FROM_END. The topic
 * is copied. Returns at once: what the broker says arrives through kafka_tail_take(). One tail per
 * topic and partition of a reader at a time (ERR_CONFLICT). ERR_FULL above KAFKA_TAILS_MAX. */
enum error_code kafka_tail_open(struct kafka_reader *reader, const char *topic, int32_t partition,
                                int64_t from, struct kafka_tail **ret,
                                struct error *err) MUST_CHECK;
/* Stops reading; what was prefetched is dropped. Immediate. NULL is fine. */
void kafka_tail_close(struct kafka_tail *tail);

enum kafka_item_kind {
    KAFKA_ITEM_NONE = 0, /* nothing at present */
    KAFKA_ITEM_START,    /* once, first: reading begins at `position`; `low` and `high` as of now */
    KAFKA_ITEM_MESSAGE,  /* `message` is yours: kafka_message_destroy() */
    KAFKA_ITEM_END,      /* once: everything below the high watermark of START has been given */
    KAFKA_ITEM_CAUGHT_UP, /* answer to kafka_tail_look(): everything that stood in the log when it
                             was called has been given */
    KAFKA_ITEM_WAITING,   /* not readable at present (`error` says why); retried by itself, told at
                             most once a second. Nothing is lost */
    KAFKA_ITEM_GAP,       /* records are missing: the log begins at `low`, above the wanted
                             `position`, or a journal offset was left out. The tail has stopped */
    KAFKA_ITEM_TRUNCATED, /* the log ends at `high`, below the wanted `position`: topic recreated or
                             an unclean leader. The tail has stopped */
};

struct kafka_item {
    enum kafka_item_kind kind;
    struct kafka_message *message; /* owned by the taker; only with KAFKA_ITEM_MESSAGE */
    int64_t position;              /* the next offset to read */
    int64_t low;                   /* oldest offset in the log; with START, GAP, TRUNCATED */
    int64_t high;                  /* offset behind the newest; with START, GAP, TRUNCATED, END */
    struct error error;            /* with WAITING, GAP, TRUNCATED */
};

/* Takes the next thing of this tail; false (kind NONE) when there is nothing now. */
bool kafka_tail_take(struct kafka_tail *tail, struct kafka_item *ret);
/* Asks the broker where the log ends now; answered by KAFKA_ITEM_CAUGHT_UP when it has been read up
 * to there. An idle topic answers as well, and that is the point: silence alone does not tell an
 * idle topic from one that cannot be read. Costs two small requests. A question that fails
 * is not repeated (KAFKA_ITEM_WAITING says why): look again. False: a look is out already, and its
 * answer will speak of the time at which that one began. */
bool kafka_tail_look(struct kafka_tail *tail);
/* The next offset to be taken; -1 before START. */
int64_t kafka_tail_position(const struct kafka_tail *tail);
/* The high watermark as the last fetch saw it (no question is asked); -1 when not known. For lag.
 */
int64_t kafka_tail_high(const struct kafka_tail *tail);

#endif
