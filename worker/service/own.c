#include "service/own.h"

#include "base/log.h"
#include "service/partition.h"
#include "service/recover.h"
#include "service/remember.h"
#include "service/restore.h"
#include "service/state.h"

enum { PROVE_AGAIN_MS = 1000 };

static void owned(struct partition *partition, struct instant now)
{
    struct service *service = partition->service;
    bool first = partition->stage != PARTITION_RUNNING;
    double seconds = (double)instant_ms_between(partition->assigned_at, now) / 1000;
    partition->stage = PARTITION_RUNNING;
    remember_apply(partition, now);
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

void own_pass(struct partition *partition, struct instant now)
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

void own_prove(struct partition *partition, struct instant now)
{
    struct error err;
    struct engine_checkpoint checkpoint = engine_checkpoint(partition->engine);
    if (!partition->proving || !instant_passed(now, partition->prove_at))
        return;
    partition->prove_at = instant_add_ms(now, PROVE_AGAIN_MS);
    if (recover_commit(partition, &checkpoint, &err))
        log_line(LOG_LEVEL_DEBUG, "cannot ask the group yet", LOG_TEXT("reason", err.message));
}

void own_committed(struct partition *partition, const struct kafka_consumer_event *event,
                   struct instant now)
{
    if (!partition->proving || event->error.code || !event->current)
        return;
    partition->proving = false;
    engine_assign(partition->engine, true, now);
}
