/* How a command ends: CLOSED, REJECTED and DUPLICATE read back. */
#include "engine/fold_end.h"

#include "engine/announce.h"
#include "engine/common.h"
#include "engine/entry.h"
#include "engine/lock.h"
#include "engine/move.h"

static void keep_past(struct entry *entry, const struct open *open)
{
    entry->past = mem_alloc(open->target_count, sizeof entry->past[0]);
    entry->past_count = open->target_count;
    for (uint32_t i = 0; i < open->target_count; i++) {
        const struct target *target = &open->targets[i];
        entry->past[i] = (struct past){
            .session = target->found ? target->identity.uuid : target->asked_session,
            .number = target->found ? target->identity.number : target->asked_number,
            .has_number = target->found || target->asked_by_number,
            .outcome = (uint8_t)target->outcome,
            .attempts = target->attempts,
        };
    }
}

static void note_finished(struct engine *engine, const struct entry *entry,
                          const struct record *record, struct wall broker_time)
{
    if (engine->role != ENGINE_OWNING)
        return;
    const struct open *open = entry ? entry->open : NULL;
    struct finished *finished = mem_new(struct finished);
    finished->view = (struct engine_command_view){
        .id = record->command_id,
        .command = open                              ? open->command
                   : record->kind == RECORD_REJECTED ? record->rejected.command
                                                     : NULL,
        .cluster = open ? open->cluster->name : "",
        .source = open ? open->source : record->source,
        .outcome = record->kind == RECORD_CLOSED ? record->closed.outcome : COMMAND_REJECTED,
        .reason = record->reason.code,
        .targets = open ? open->target_count : 0,
        .gave_back = open && open->drain && open->drain->restored,
        .kept_foreign = open && open->drain && open->drain->kept_foreign,
        .leaked = open ? open->leaked : 0,
        .accepted_at = open ? open->accepted_at : (struct wall){0},
        .closed_at = broker_time,
        .accepted_offset = entry ? entry->first_offset : -1,
    };
    for (uint32_t i = 0; open && i < open->target_count; i++) {
        finished->view.succeeded += target_outcome_is_success(open->targets[i].outcome);
        finished->view.by_outcome[open->targets[i].outcome]++;
    }
    STAILQ_INSERT_TAIL(&engine->finished, finished, in_order);
}

static void end_entry(struct entry *entry, const struct record *record,
                      enum command_outcome outcome, struct wall broker_time)
{
    entry->outcome = outcome;
    entry->closed_at = broker_time;
    reason_copy(&entry->reason, &record->reason);
}

static const enum event_kind closing_event[COMMAND_OUTCOMES] = {
    [COMMAND_COMPLETED] = EVENT_COMPLETED,
    [COMMAND_PARTIALLY_COMPLETED] = EVENT_PARTIALLY_COMPLETED,
    [COMMAND_FAILED] = EVENT_FAILED,
    [COMMAND_REJECTED] = EVENT_REJECTED,
    [COMMAND_EXPIRED] = EVENT_EXPIRED,
    [COMMAND_CANCELLED] = EVENT_CANCELLED,
    [COMMAND_DRY_RUN] = EVENT_DRY_RUN,
};

void fold_closed(struct engine *engine, struct open *open, struct record *record, int64_t offset,
                 struct wall broker_time)
{
    if (open->undecided > 0 && record->closed.outcome != COMMAND_DRY_RUN)
        return; /* only a dry run closes with targets that have no outcome */
    if (open->state == STATE_ACCEPTED && open->target_count > 0)
        return; /* only a command without targets closes without a list */
    open->closed_at = broker_time;
    end_entry(open->entry, record, record->closed.outcome, broker_time);
    keep_past(open->entry, open);
    note_finished(engine, open->entry, record, broker_time);
    open_move(engine, open, RECORD_CLOSED);
    duty_add(engine, closing_event[record->closed.outcome], offset, broker_time, open->entry, NULL,
             0);
}

/* A refusal after acceptance: an infobase that does not exist, say. Takes the record. */
void fold_refused(struct engine *engine, struct record *record, int64_t offset,
                  struct wall broker_time)
{
    struct entry *entry = engine_find(engine, &record->command_id);
    if (entry && entry->open && open_may_move(engine, entry->open, RECORD_REJECTED)) {
        entry->open->closed_at = broker_time;
        end_entry(entry, record, COMMAND_REJECTED, broker_time);
        keep_past(entry, entry->open);
        note_finished(engine, entry, record, broker_time);
        open_move(engine, entry->open, RECORD_REJECTED);
        duty_add(engine, EVENT_REJECTED, offset, broker_time, entry, NULL, 0);
    }
    record_destroy(record);
}

/* Neither depends on whether the reader has seen the first one of that id: a conflict speaks of one
 * that a reader who began behind it does not know, and of a command that came too late the writer
 * itself may have forgotten the first. */
static bool is_remembered(enum error_code why)
{
    return why != ERR_CONFLICT && why != ERR_EXPIRED;
}

/* A refusal at the door. The record goes to its event. */
void fold_rejected(struct engine *engine, struct record *record, int64_t offset,
                   struct wall broker_time)
{
    bool first = record->rejected.command && is_remembered(record->reason.code) &&
                 !engine_known(engine, &record->command_id, record->rejected.first_appended_at);
    struct entry *entry = NULL;
    note_finished(engine, NULL, record, broker_time);
    if (first) {
        entry_outdate(engine, &record->command_id);
        entry = entry_add(engine, record, offset, record->rejected.first_appended_at.ms);
        end_entry(entry, record, COMMAND_REJECTED, broker_time);
    }
    duty_add(engine, EVENT_REJECTED, offset, broker_time, first ? entry : NULL, record, 0);
}

void fold_duplicate(struct engine *engine, struct record *record, int64_t offset,
                    struct wall broker_time)
{
    struct entry *entry = engine_find(engine, &record->command_id);
    if (entry && entry->outcome != COMMAND_NONE &&
        (!entry->open || entry->open->state >= STATE_CLOSED))
        duty_add(engine, closing_event[entry->outcome], offset, broker_time, entry, record, 0);
    else
        record_destroy(record); /* still open: its end answers both */
}
