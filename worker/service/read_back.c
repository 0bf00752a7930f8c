#include "service/read_back.h"

#include "base/log.h"
#include "service/note.h"
#include "service/own.h"
#include "service/partition.h"
#include "service/recover.h"
#include "service/remember.h"
#include "service/restore.h"
#include "service/state.h"
#include "service/topics.h"

enum { RECORDS_PER_PASS = 4000 /* of one partition: a pass stays in the milliseconds */ };

/* What we wrote ourselves is there, whether it counts or not. */
static void note_own(struct partition *partition, const struct record *record)
{
    if (uuid_equal(&record->epoch.writer, &partition->chain.epoch.writer))
        acknowledged_read(&partition->acknowledged, engine_append_tag(record));
}

static void read_back(struct partition *partition, struct kafka_message *message,
                      struct instant now)
{
    struct service *service = partition->service;
    struct record *record = echo_take(&partition->echo, message->value);
    struct error err;
    if (!record && record_decode(message->value, &record, &err)) {
        error_wrap(&err, "journal offset %lld", (long long)message->offset);
        partition_stop(partition, &err);
        return;
    }
    if (partition->stage == PARTITION_RUNNING && !topics_stamped(service, message)) {
        record_destroy(record);
        topics_unstamped(partition, message->offset);
        return;
    }
    service->records_read++;
    partition->broker_time = message->timestamp;
    partition->broker_seen = now;
    enum record_kind kind = record->kind;
    struct uuid id = record->command_id;
    bool drains = (kind == RECORD_ACCEPTED && record->accepted.command->action == ACTION_DRAIN) ||
                  kind == RECORD_LOCKED; /* it says the infobase's other names */
    note_read_back(partition, record, now);
    note_own(partition, record);
    if (engine_record(partition->engine, record, message->offset, message->timestamp, now, &err)) {
        partition_stop(partition, &err);
        return;
    }
    if (kind == RECORD_OWNER)
        own_pass(partition, now);
    if (kind == RECORD_ACCEPTED)
        remember_accepted(partition, &id, now);
    if (drains)
        restore_apply(partition, now);
    struct engine_command_view view;
    while (engine_finished(partition->engine, &view))
        note_finished(service, &view);
}

/* On the embedded broker old records vanish by themselves; everywhere else a hole in the journal is
 * for an operator. */
static void gap(struct partition *partition, const struct kafka_item *item)
{
    struct service *service = partition->service;
    struct error err = item->error;
    if (!service->settings.embedded || item->kind == KAFKA_ITEM_TRUNCATED) {
        error_wrap(&err, "the journal of partition %d cannot be trusted", partition->id);
        err.code = ERR_JOURNAL;
        partition_stop(partition, &err);
        return;
    }
    log_line(LOG_LEVEL_WARNING,
             "the embedded broker dropped old journal records, reading what is left",
             log_number("partition", partition->id));
    if (recover_anew(partition, &err))
        partition_stop(partition, &err);
}

/* The journal was read to its end. Waiting for what is not there would never end; and what else is
 * gone with it, nobody knows. */
static void caught_up(struct partition *partition)
{
    struct error err;
    if (!acknowledged_looked(&partition->acknowledged, &err))
        return;
    error_wrap(&err, "the journal of partition %d cannot be trusted", partition->id);
    partition_stop(partition, &err);
}

static void look_for_unread(struct partition *partition, struct instant now)
{
    if (partition->tail && acknowledged_is_late(&partition->acknowledged, now) &&
        kafka_tail_look(partition->tail))
        acknowledged_look(&partition->acknowledged, now);
}

bool read_back_pass(struct partition *partition, struct instant now)
{
    struct kafka_item item;
    look_for_unread(partition, now);
    for (unsigned i = 0; i < RECORDS_PER_PASS; i++) {
        if (partition->stage == PARTITION_STOPPED || !partition->tail ||
            !kafka_tail_take(partition->tail, &item))
            return false;
        switch (item.kind) {
        case KAFKA_ITEM_START:
            recover_started(partition, &item);
            break;
        case KAFKA_ITEM_MESSAGE:
            read_back(partition, item.message, now);
            kafka_message_destroy(item.message);
            break;
        case KAFKA_ITEM_END:
            engine_at_end(partition->engine, now);
            if (partition->stage == PARTITION_RECOVERING)
                partition->stage = PARTITION_RECOVERED;
            break;
        case KAFKA_ITEM_CAUGHT_UP:
            caught_up(partition);
            break;
        case KAFKA_ITEM_WAITING:
            partition_unreadable(partition, &item);
            break;
        case KAFKA_ITEM_GAP:
        case KAFKA_ITEM_TRUNCATED:
            gap(partition, &item);
            break;
        default:
            break;
        }
    }
    return true;
}
