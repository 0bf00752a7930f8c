/* note.h - what log and metrics are told while a partition works. Changes nothing else; loop thread
 * only. Owns `timed` of a partition. */
#ifndef SERVICE_NOTE_H
#define SERVICE_NOTE_H

#include "base/clock.h"
#include "engine/engine.h"
#include "kafka/message.h"
#include "model/record.h"

struct partition;
struct service;

/* A record is on its way to the journal; its receipt; what was read from the journal: before the
 * engine has it. */
void note_append(struct partition *partition, const struct record *record, uint64_t tag,
                 struct instant now);
void note_receipt(struct partition *partition, const struct kafka_receipt *receipt,
                  struct instant now);
void note_read_back(struct partition *partition, const struct record *record, struct instant now);
/* One line for a command that ended, unless the worker is to be quiet. */
void note_finished(struct service *service, const struct engine_command_view *view);
/* What the partition's engine found out about locks. */
void note_strays(struct partition *partition);

#endif
