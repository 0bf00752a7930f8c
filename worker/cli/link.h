/* link.h - Kafka for commands that go step by step: send, read, wait until something comes.
 *
 * Runs a libuv loop inside its calls. One wake-up serves every client of the link (kafka/hub.h).
 * Ctrl-C ends a wait (LINK_INTERRUPTED); a second one ends the program at once. */
#ifndef CLI_LINK_H
#define CLI_LINK_H

#include <uv.h>

#include "kafka/message.h"
#include "kafka/probe.h"
#include "kafka/reader.h"
#include "kafka/settings.h"
#include "model/message.h"

struct link;

/* Looks at the brokers first (up to `timeout_ms`), and notes in `settings` whether they are the
 * embedded one. `settings` is borrowed. `loop` NULL: one of its own. ERR_UNAVAILABLE, ERR_AUTH,
 * ERR_CONFIG. */
enum error_code link_create(uv_loop_t *loop, struct kafka_settings *settings, int timeout_ms,
                            struct link **ret, struct error *err) MUST_CHECK;
/* Frees it; NULL is fine. A borrowed loop must run on until its handles are closed. */
void link_destroy(struct link *link);
AUTO_TYPE(link)

/* Partitions of a topic. ERR_NOT_FOUND names it and how to make it; ERR_AUTH, ERR_UNAVAILABLE. */
enum error_code link_partitions(const struct link *link, const char *topic, int32_t *ret,
                                struct error *err) MUST_CHECK;

enum link_wake { LINK_READY, LINK_DEADLINE, LINK_INTERRUPTED };
/* Runs the loop until something may have come, until `until`, or until Ctrl-C. May wake for
 * nothing. */
enum link_wake link_wait(struct link *link, struct instant until);
struct instant link_now(const struct link *link);
/* The class and text for a wait that ended without what was waited for. `what` as in "no answer
 * within 60 s". */
enum error_code link_gave_up(const struct link *link, enum link_wake wake, const char *what,
                             struct error *err);

/* Opens all partitions of a topic. Once per link. */
enum error_code link_read(struct link *link, enum kafka_reader_use use, const char *topic,
                          int64_t from, struct error *err) MUST_CHECK;
/* The same from an offset for each partition; a negative one: that partition is not read. What does
 * not exist there (truncated, gone by retention) ends that partition, and is not told as broken. */
enum error_code link_read_at(struct link *link, const char *topic, const int64_t *from,
                             struct error *err) MUST_CHECK;
/* The same for the last record of each partition alone. */
enum error_code link_read_last(struct link *link, const char *topic, struct error *err) MUST_CHECK;
/* Waits until every partition is open: what is written after this will be read. */
enum error_code link_started(struct link *link, struct instant until, struct error *err) MUST_CHECK;
/* Takes the next message of any partition in `*ret`, owned by the caller; false when there is none
 * now. A partition that stopped (gap, truncation) is told by link_broken(). */
bool link_take(struct link *link, struct kafka_message **ret);
/* Everything that was there when reading began has been taken. */
bool link_at_end(const struct link *link);
/* The first partition that cannot be read on: ERR_JOURNAL. ERR_OK: none. */
enum error_code link_broken(const struct link *link, struct error *err) MUST_CHECK;
/* Records below this offset were gone when reading of the partition began. */
int64_t link_low(const struct link *link, int32_t partition);

/* Sends the messages, each to a partition by its key, and waits for the acknowledgement of all. The
 * receipt of the last one goes to `*ret` (may be NULL). Errors say whether it may have been written
 * all the same, and then `repeat`: how to send it again. */
enum error_code link_send(struct link *link, const char *topic, const struct outgoing *outgoing,
                          const char *repeat, struct instant until, struct kafka_receipt *ret,
                          struct error *err) MUST_CHECK;

/* A received message as the pure rooms see it: borrows from it. `headers` has room for
 * KAFKA_HEADERS_MAX. */
struct message link_view(const struct kafka_message *message, struct header *headers);

#endif
