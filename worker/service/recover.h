/* recover.h - from a partition assigned to a partition claimed: where reading its journal begins,
 * told by the metadata of the last commit, and whether that journal is the one that was promised.
 */
#ifndef SERVICE_RECOVER_H
#define SERVICE_RECOVER_H

#include "engine/engine.h"
#include "kafka/consumer.h"

struct partition;

/* The partition whose commit it waits to hear of; -1: none. */
int32_t recover_asks_about(const struct partition *partition);
/* What the consumer says of that. */
void recover_position(struct partition *partition, const struct kafka_consumer_event *event);
/* Asks again, when it is time. */
void recover_again(struct partition *partition, struct instant now);
/* Reading has begun: stops the partition if the whole journal was wanted and its beginning is gone.
 */
void recover_started(struct partition *partition, const struct kafka_item *item);
/* Reads the journal again, from its beginning. */
enum error_code recover_anew(struct partition *partition, struct error *err) MUST_CHECK;
/* Claims the partition when all is read, or stops it when the journal lost records. */
void recover_ask_to_own(struct partition *partition, struct instant now);
/* Commits how far commands are journalled (I5), and beside it what recover_position() reads: where
 * the journal is to be read from. An error: not assigned any more, or the client takes nothing. */
enum error_code recover_commit(struct partition *partition,
                               const struct engine_checkpoint *checkpoint,
                               struct error *err) MUST_CHECK;

#endif
