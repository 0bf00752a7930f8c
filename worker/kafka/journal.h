/* journal.h - appends to the journal topic. Reading back is reader.h with KAFKA_READ_JOURNAL.
 *
 * One idempotent producer, acks=all, explicit partition, no key: within a partition, records stand
 * in the order of append calls, or not at all. Every append is answered by exactly one receipt. An
 * append whose receipt is not KAFKA_PERSISTED may have been overtaken by later ones: the owner goes
 * on under a new OWNER, never by a blind repeat (docs/journal.md, rules 1 and 2).
 *
 * A fatal producer error (epoch, sequence) never leaves this room: the client is replaced, what was
 * in flight is answered KAFKA_POSSIBLY_PERSISTED, and a notice tells. Loop thread only.
 * Measured beside this design: 0.2 ms a durable step idle, 90,000 records a second and more with a
 * hundred in flight, on one real broker. */
#ifndef KAFKA_JOURNAL_H
#define KAFKA_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kafka/hub.h"
#include "kafka/message.h"
#include "kafka/settings.h"

enum {
    KAFKA_APPENDS_MAX = 32768,          /* in flight, receipts not yet taken included */
    KAFKA_APPENDS_KIB_MAX = 128 * 1024, /* queued in librdkafka; as much may wait in the gate */
};

struct kafka_journal;

/* ERR_CONFIG: librdkafka refuses the settings. Connecting goes on in the background. */
enum error_code kafka_journal_create(struct kafka_hub *hub, const struct kafka_settings *settings,
                                     struct kafka_journal **ret, struct error *err) MUST_CHECK;
/* Starts to shut down: what is in flight is still answered, by KAFKA_POSSIBLY_PERSISTED at once
 * unless it was acknowledged. To end in good order wait for in_flight() == 0 first. Never blocks.
 */
void kafka_journal_close(struct kafka_journal *journal);
bool kafka_journal_closed(const struct kafka_journal *journal);
/* Frees it; NULL is fine. Not closed yet: waits (up to seconds), for tests and exits. */
void kafka_journal_destroy(struct kafka_journal *journal);
AUTO_TYPE(kafka_journal)

/* Appends one record (copied; 1..LIMIT_RECORD_BYTES bytes) to a partition of topics.journal. `tag`
 * comes back in the receipt. ERR_FULL: KAFKA_APPENDS_MAX or the byte bound is reached.
 * ERR_TOO_LARGE. ERR_UNAVAILABLE: the client is being replaced (at most seconds) or closed. On
 * error there is no receipt and nothing was written. While earlier appends to the partition are
 * unanswered it may wait here (gate.h): whoever appends must go on polling for receipts. */
enum error_code kafka_journal_append(struct kafka_journal *journal, int32_t partition,
                                     const void *bytes, size_t length, uint64_t tag,
                                     struct error *err) MUST_CHECK;
/* Takes the next receipt; false when there is none. */
bool kafka_journal_poll(struct kafka_journal *journal, struct kafka_receipt *ret);
/* Appends whose receipt has not been taken. */
size_t kafka_journal_in_flight(const struct kafka_journal *journal);
/* How often the client was replaced after a fatal error. For metrics. */
uint64_t kafka_journal_rebuilds(const struct kafka_journal *journal);

#endif
