/* One partition of commands and its journal: records read back into the engine, the engine's
 * actions carried out, progress committed. How it comes to run: recover.c. */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "service/handlers.h"
#include "service/internal.h"
#include "service/note.h"
#include "service/wake.h"
#include "service/work.h"

enum { PROVE_AGAIN_MS = 1000, WAITING_TOLD_MS = 30000 };

struct partition *partition_find(struct service *service, int32_t id)
{
    struct partition *partition;
    TAILQ_FOREACH(partition, &service->partitions, of_service)
    if (partition->id == id)
        return partition;
    return NULL;
}

struct wall partition_broker_now(const struct partition *partition, struct instant now)
{
    if (partition->broker_time.ms == 0)
        return (struct wall){0};
    return (struct wall){partition->broker_time.ms +
                         instant_ms_between(partition->broker_seen, now)};
}

void partition_stop(struct partition *partition, const struct error *why)
{
    partition->stage = PARTITION_STOPPED;
    partition->why = *why;
    if (partition->engine)
        engine_assign(partition->engine, false, (struct instant){0});
    kafka_consumer_stop(partition->service->consumer, partition->id);
    log_line(LOG_LEVEL_ERROR, "partition stopped, an operator must look",
             log_number("partition", partition->id), LOG_TEXT("reason", why->message));
}

void partition_add(struct service *service, int32_t id)
{
    struct partition *partition = mem_new(struct partition);
    struct error err;
    partition->service = service;
    partition->id = id;
    partition->serial = ++service->serial;
    partition->assigned_at = clock_now(&service->clock);
    partition->promised = -1;
    partition->committed = -1;
    partition->question_at = INSTANT_NEVER;
    TAILQ_INSERT_TAIL(&service->partitions, partition, of_service);
    if (kafka_consumer_ask(service->consumer, id, &err))
        partition_stop(partition, &err);
}

void partition_remove(struct partition *partition)
{
    struct service *service = partition->service;
    char name[16];
    snprintf(name, sizeof name, "%d", partition->id);
    metrics_forget(service->metrics, "partition", name); /* its lag is for the next owner to tell */
    kafka_tail_close(partition->tail);
    engine_destroy(partition->engine);
    echo_clear(&partition->echo);
    intake_drop(partition);
    TAILQ_REMOVE(&service->partitions, partition, of_service);
    free(partition);
}

void partitions_remove(struct service *service)
{
    while (!TAILQ_EMPTY(&service->partitions))
        partition_remove(TAILQ_FIRST(&service->partitions));
}

/* ---- records read back ---- */

/* Commands are read on from where the journal stands: what was offered under an earlier epoch and
 * did not come back in a counting record is read again. */
void partition_read_commands(struct partition *partition)
{
    struct service *service = partition->service;
    if (topics_hold(partition))
        return;
    int64_t next = engine_checkpoint(partition->engine).next_command;
    struct error err;
    intake_drop(partition);
    partition->last.check = next > 0;
    partition->last.offset = next - 1;
    partition->last.digest = engine_checkpoint(partition->engine).last_digest;
    int64_t from = partition->last.check ? partition->last.offset : KAFKA_FROM_BEGINNING;
    partition->reading =
        kafka_consumer_start(service->consumer, partition->id, from, &err) == ERR_OK;
}

static void owned(struct partition *partition, struct instant now)
{
    struct service *service = partition->service;
    bool first = partition->stage != PARTITION_RUNNING;
    double seconds = (double)instant_ms_between(partition->assigned_at, now) / 1000;
    partition->stage = PARTITION_RUNNING;
    control_apply(service, partition, now);
    restore_apply(partition, now);
    partition->releases = engine_checkpoint(partition->engine).releases;
    partition->held &= ~(unsigned)HELD_RELEASING; /* what was on its way is void */
    partition_read_commands(partition);
    if (first)
        metrics_observe(service->metrics, METRIC_journal_recovery_duration_seconds, NO_LABELS,
                        seconds);
    log_line(LOG_LEVEL_INFO, first ? "partition owned" : "partition owned again",
             log_number("partition", partition->id),
             log_number("open_commands", engine_counts(partition->engine).open_commands),
             log_number("next_command", engine_checkpoint(partition->engine).next_command),
             log_number("recovery_ms", (int64_t)(seconds * 1000)));
}

/* Another worker's OWNER stands behind ours. Before asking again the group must say that we are
 * still counted in: a commit that it takes at an unchanged generation shows it. */
static void lost(struct partition *partition, struct instant now)
{
    log_line(LOG_LEVEL_WARNING, "another worker took the journal partition, asking the group",
             log_number("partition", partition->id));
    engine_assign(partition->engine, false, now);
    partition->proving = true;
    partition->prove_at = now;
}

static void prove(struct partition *partition, struct instant now)
{
    struct error err;
    struct engine_checkpoint checkpoint = engine_checkpoint(partition->engine);
    char metadata[POSITION_TEXT_SIZE];
    if (!partition->proving || !instant_passed(now, partition->prove_at))
        return;
    partition->prove_at = instant_add_ms(now, PROVE_AGAIN_MS);
    recover_write(&checkpoint, metadata);
    int64_t offset = checkpoint.next_command < 0 ? 0 : checkpoint.next_command;
    if (kafka_consumer_commit(partition->service->consumer, partition->id, offset,
                              text_of(metadata), &err))
        log_line(LOG_LEVEL_DEBUG, "cannot ask the group yet", LOG_TEXT("reason", err.message));
}

void partition_committed(struct partition *partition, const struct kafka_consumer_event *event,
                         struct instant now)
{
    if (!partition->proving || event->error.code || !event->current)
        return;
    partition->proving = false;
    engine_assign(partition->engine, true, now);
}

static void note_ownership(struct partition *partition, struct instant now)
{
    bool owning = engine_role(partition->engine) == ENGINE_OWNING;
    if (partition->epochs != engine_epochs(partition->engine)) {
        partition->epochs = engine_epochs(partition->engine);
        owned(partition, now);
    }
    bool foreign = partition->owning && !owning && engine_was_overtaken(partition->engine);
    if (foreign && partition->stage == PARTITION_RUNNING && !partition->proving)
        lost(partition, now);
    partition->owning = owning;
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
    if (engine_record(partition->engine, record, message->offset, message->timestamp, now, &err)) {
        partition_stop(partition, &err);
        return;
    }
    if (kind == RECORD_OWNER)
        note_ownership(partition, now);
    if (kind == RECORD_ACCEPTED)
        control_accepted(partition, &id, now);
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

void partition_waiting(struct partition *partition, const struct kafka_item *item)
{
    struct instant now = clock_now(&partition->service->clock);
    if (partition->waiting_told.ns &&
        !instant_passed(now, instant_add_ms(partition->waiting_told, WAITING_TOLD_MS)))
        return;
    partition->waiting_told = now;
    log_line(LOG_LEVEL_WARNING, "a topic cannot be read at present",
             log_number("partition", partition->id), LOG_TEXT("reason", item->error.message));
}

static bool read_journal(struct partition *partition, struct instant now)
{
    struct kafka_item item;
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
        case KAFKA_ITEM_WAITING:
            partition_waiting(partition, &item);
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

/* ---- actions ---- */

static void append(struct partition *partition, struct engine_action *action, struct instant now)
{
    struct service *service = partition->service;
    struct error err;
    struct record *record = action->record;
    unsigned char first[2048];
    AUTO_BUF bytes;
    buf_init_on(&bytes, LIMIT_RECORD_BYTES, first, sizeof first);
    record->written_at = clock_wall(&service->clock);
    chain_stamp(&partition->chain, record);
    record_encode(record, &bytes);
    CHECK(!bytes.full);
    struct text sealed = {(const char *)bytes.data, bytes.length};
    chain_sealed(&partition->chain, sealed);
    note_append(partition, record, action->tag, now);
    echo_keep(&partition->echo, record, sealed);
    if (kafka_journal_append(service->journal, partition->id, bytes.data, bytes.length, action->tag,
                             &err) == ERR_OK)
        return;
    service->journal_failing = true;
    engine_appended(partition->engine, action->tag, ENGINE_NOT_PERSISTED, now);
}

static bool act(struct partition *partition, struct instant now)
{
    struct engine_action action;
    for (unsigned i = 0; i < ACTIONS_PER_PASS; i++) {
        if (!engine_next(partition->engine, &action, now))
            return false;
        switch (action.kind) {
        case ENGINE_APPEND:
            append(partition, &action, now);
            break;
        case ENGINE_PUBLISH:
            publish(partition, &action, now);
            break;
        case ENGINE_LIST:
        case ENGINE_PROBE:
        case ENGINE_END:
        case ENGINE_CONNECTIONS:
        case ENGINE_DISCONNECT:
        case ENGINE_INTERRUPT:
        case ENGINE_LOCK_READ:
        case ENGINE_LOCK_WRITE:
            call_start(partition, &action, now);
            break;
        case ENGINE_HANDLE:
            handler_call_start(partition, &action, now);
            break;
        }
    }
    return true;
}

/* ---- progress ---- */

static void commit(struct partition *partition, struct instant now)
{
    struct engine_checkpoint checkpoint = engine_checkpoint(partition->engine);
    struct error err;
    char metadata[POSITION_TEXT_SIZE];
    bool moved = checkpoint.next_command != partition->committed ||
                 checkpoint.journal_start != partition->committed_start;
    if (!moved || !partition->owning)
        return;
    int64_t offset = checkpoint.next_command < 0 ? 0 : checkpoint.next_command;
    recover_write(&checkpoint, metadata);
    partition->commit_at = instant_add_ms(now, COMMIT_EVERY_MS);
    if (kafka_consumer_commit(partition->service->consumer, partition->id, offset,
                              text_of(metadata), &err))
        return; /* not assigned any more: the journal knows where to go on */
    partition->committed = checkpoint.next_command;
    partition->committed_start = checkpoint.journal_start;
}

void partition_leave(struct partition *partition)
{
    if (partition->engine)
        commit(partition, clock_now(&partition->service->clock));
}

/* A stopped partition keeps nothing of the worker's bounds and memory. */
static void rest(struct partition *partition)
{
    kafka_tail_close(partition->tail);
    partition->tail = NULL;
    engine_destroy(partition->engine);
    partition->engine = NULL;
    echo_clear(&partition->echo);
    partition->owning = false;
    intake_drop(partition);
}

void partition_pass(struct partition *partition, struct instant now)
{
    recover_again(partition, now);
    if (partition->stage == PARTITION_STOPPED)
        rest(partition);
    if (!partition->engine)
        return;
    bool more = read_journal(partition, now);
    if (partition->stage == PARTITION_STOPPED)
        return;
    recover_ask_to_own(partition, now);
    if (partition->stage == PARTITION_STOPPED)
        return;
    note_ownership(partition, now);
    topics_pass(partition, now);
    prove(partition, now);
    if (partition->reading || partition->intake.message)
        intake(partition, now);
    if (instant_passed(now, engine_wake(partition->engine)))
        engine_tick(partition->engine, now);
    more = act(partition, now) || more;
    note_strays(partition);
    if (instant_passed(now, partition->commit_at))
        commit(partition, now);
    if (more)
        service_again(partition->service);
}

struct instant partition_wake(const struct partition *partition)
{
    if (recover_asks_about(partition) >= 0)
        return partition->question_at;
    if (!partition->engine || partition->stage == PARTITION_STOPPED)
        return INSTANT_NEVER;
    struct instant wake = engine_wake(partition->engine);
    if (partition->proving)
        wake = instant_min(wake, partition->prove_at);
    if (partition->intake.message && partition->intake.send_again.ns)
        wake = instant_min(wake, partition->intake.send_again);
    return wake;
}

bool partition_is_idle(const struct partition *partition)
{
    if (!partition->engine || partition->stage != PARTITION_RUNNING)
        return true;
    struct engine_counts counts = engine_counts(partition->engine);
    return counts.open_commands == 0 && counts.appends_waiting == 0 && counts.events_waiting == 0 &&
           !partition->intake.sending;
}
