#include "service/turn.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "service/handlers.h"
#include "service/intake.h"
#include "service/note.h"
#include "service/outbox.h"
#include "service/own.h"
#include "service/partition.h"
#include "service/read_back.h"
#include "service/recover.h"
#include "service/state.h"
#include "service/topics.h"
#include "service/wake.h"
#include "service/work.h"

enum { ACTIONS_PER_PASS = 8000, COMMIT_EVERY_MS = 200 };

/* ---- what the engine asks for ---- */

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
    bool moved = checkpoint.next_command != partition->committed ||
                 checkpoint.journal_start != partition->committed_start;
    if (!moved || !partition->owning)
        return;
    partition->commit_at = instant_add_ms(now, COMMIT_EVERY_MS);
    if (recover_commit(partition, &checkpoint, &err))
        return; /* not assigned any more: the journal knows where to go on */
    partition->committed = checkpoint.next_command;
    partition->committed_start = checkpoint.journal_start;
}

void partition_leave(struct partition *partition)
{
    if (partition->engine)
        commit(partition, clock_now(&partition->service->clock));
}

/* ---- the turn ---- */

void partition_pass(struct partition *partition, struct instant now)
{
    recover_again(partition, now);
    if (partition->stage == PARTITION_STOPPED)
        partition_rest(partition);
    if (!partition->engine)
        return;
    bool more = read_back_pass(partition, now);
    if (partition->stage == PARTITION_STOPPED)
        return;
    recover_ask_to_own(partition, now);
    if (partition->stage == PARTITION_STOPPED)
        return;
    own_pass(partition, now);
    topics_pass(partition, now);
    own_prove(partition, now);
    if (partition->reading || partition->waiting.message)
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
    if (partition->waiting.message && partition->waiting.send_again.ns)
        wake = instant_min(wake, partition->waiting.send_again);
    return wake;
}

bool partition_is_idle(const struct partition *partition)
{
    if (!partition->engine || partition->stage != PARTITION_RUNNING)
        return true;
    struct engine_counts counts = engine_counts(partition->engine);
    return counts.open_commands == 0 && counts.appends_waiting == 0 && counts.events_waiting == 0 &&
           !partition->waiting.sending;
}
