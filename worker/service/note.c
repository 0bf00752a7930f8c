/* What is told while a partition works: metrics of the journal, one line per finished command. */
#include "service/note.h"

#include "base/log.h"
#include "service/partition.h"
#include "service/state.h"

/* ---- what goes into the journal and comes back ---- */

/* One record of a partition at a time: its way says how long the others' is. */
void note_append(struct partition *partition, const struct record *record, uint64_t tag,
                 struct instant now)
{
    if (partition->timed.at.ns != 0 && record->kind != RECORD_OWNER)
        return;
    partition->timed.acknowledged = false;
    partition->timed.read = false;
    partition->timed.tag = tag;
    partition->timed.epoch = record->epoch;
    partition->timed.sequence = record->sequence;
    partition->timed.at = now;
}

static void observe_way(struct partition *partition, enum metric metric, bool *arrived,
                        struct instant now)
{
    *arrived = true;
    metrics_observe(partition->service->metrics, metric, NO_LABELS,
                    (double)(now.ns - partition->timed.at.ns) / 1e9);
    if (partition->timed.acknowledged && partition->timed.read)
        partition->timed.at = (struct instant){0};
}

void note_receipt(struct partition *partition, const struct kafka_receipt *receipt,
                  struct instant now)
{
    if (partition->timed.at.ns == 0 || partition->timed.acknowledged ||
        partition->timed.tag != receipt->tag)
        return;
    if (receipt->delivery == KAFKA_PERSISTED)
        observe_way(partition, METRIC_journal_append_duration_seconds,
                    &partition->timed.acknowledged, now);
    else
        partition->timed.at = (struct instant){0};
}

void note_read_back(struct partition *partition, const struct record *record, struct instant now)
{
    struct metrics *metrics = partition->service->metrics;
    metrics_add(metrics, METRIC_journal_records_total, LABELS(record_kind_label(record->kind)), 1);
    if (partition->owning && record->kind == RECORD_DUPLICATE)
        metrics_add(metrics, METRIC_commands_duplicate_total, NO_LABELS, 1);
    if (partition->owning && record->kind == RECORD_FORWARDED)
        metrics_add(metrics, METRIC_commands_forwarded_total, NO_LABELS, 1);
    if (partition->timed.at.ns != 0 && !partition->timed.read &&
        epoch_equal(&record->epoch, &partition->timed.epoch) &&
        record->sequence == partition->timed.sequence)
        observe_way(partition, METRIC_journal_read_back_duration_seconds, &partition->timed.read,
                    now);
}

/* ---- finished commands ---- */

static void count_targets(struct service *service, const struct engine_command_view *view)
{
    for (int i = 1; i < TARGET_OUTCOMES; i++)
        if (view->by_outcome[i])
            metrics_add(service->metrics, METRIC_terminations_total,
                        LABELS(view->cluster, target_outcome_label((enum target_outcome)i)),
                        view->by_outcome[i]);
    if (view->gave_back)
        metrics_add(service->metrics, METRIC_locks_given_back_total,
                    LABELS(view->cluster, view->kept_foreign ? "yes" : "no"), 1);
    if (view->leaked)
        metrics_add(service->metrics, METRIC_connections_leaked_total, LABELS(view->cluster),
                    view->leaked);
    if (view->by_outcome[TARGET_ENDED])
        metrics_observe(service->metrics, METRIC_termination_duration_seconds,
                        LABELS(view->cluster),
                        (double)(view->closed_at.ms - view->accepted_at.ms) / 1000);
}

void note_finished(struct service *service, const struct engine_command_view *view)
{
    const char *outcome = command_outcome_label(view->outcome);
    const char *cluster = view->cluster;
    metrics_add(service->metrics, METRIC_commands_finished_total, LABELS(cluster, outcome), 1);
    if (view->outcome == COMMAND_REJECTED)
        metrics_add(service->metrics, METRIC_commands_rejected_total,
                    LABELS(error_label(view->reason)), 1);
    if (view->accepted_at.ms)
        metrics_observe(service->metrics, METRIC_command_age_seconds, NO_LABELS,
                        (double)(view->closed_at.ms - view->accepted_at.ms) / 1000);
    count_targets(service, view);
    if (service->options.quiet)
        return;
    const char *asked =
        view->command ? view->command->cluster : "-"; /* of a refused command: as it was written */
    log_line(LOG_LEVEL_INFO, "command finished", LOG_TEXT("id", uuid_format(&view->id).text),
             LOG_TEXT("cluster", cluster[0] ? cluster : asked), LOG_TEXT("outcome", outcome),
             log_number("targets", view->targets), log_number("gone", view->succeeded),
             LOG_TEXT("reason", view->reason ? error_label(view->reason) : "-"),
             log_number("partition", view->source.partition),
             log_number("offset", view->source.offset),
             log_number("duration_ms",
                        view->accepted_at.ms ? view->closed_at.ms - view->accepted_at.ms : 0));
}

/* ---- locks that stand where they should not, or do not where they should ---- */

static void note_stray(struct service *service, const struct engine_stray *stray)
{
    static const struct {
        enum metric metric;
        enum log_level level;
        const char *message;
    } rows[] = {
        [ENGINE_STRAY_FOUND] = {METRIC_stray_locks_found_total, LOG_LEVEL_WARNING,
                                "a lock of ours came late, behind the end of its command: what was "
                                "there before is given back"},
        [ENGINE_STRAY_REMOVED] = {METRIC_stray_locks_removed_total, LOG_LEVEL_INFO,
                                  "a lock of ours that came late is removed"},
        [ENGINE_STRAY_UNKNOWN] = {METRIC_stray_locks_unknown_total, LOG_LEVEL_WARNING,
                                  "a lock bears the mark of a command that the journal does not "
                                  "explain, and is not touched: if nobody needs it, change it in "
                                  "the cluster console"},
        [ENGINE_LOCK_LOST] = {METRIC_held_locks_opened_total, LOG_LEVEL_WARNING,
                              "the lock of a held infobase keeps people or jobs out no longer, and "
                              "is not set again: find out who changed it; a new drain sets it"},
        [ENGINE_LOCK_FOUND] = {METRIC_held_locks_closed_total, LOG_LEVEL_INFO,
                               "the lock of a held infobase stands again"},
    };
    metrics_add(service->metrics, rows[stray->kind].metric, LABELS(stray->cluster), 1);
    log_line(rows[stray->kind].level, rows[stray->kind].message,
             LOG_TEXT("cluster", stray->cluster), LOG_TEXT("infobase", stray->infobase),
             LOG_TEXT("id", uuid_format(&stray->command).text));
}

void note_strays(struct partition *partition)
{
    struct engine_stray stray;
    while (engine_stray(partition->engine, &stray))
        note_stray(partition->service, &stray);
}
