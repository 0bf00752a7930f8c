/* How a command ends, and why. CLOSED and REJECTED count when they are read back. */
#include "engine/closing.h"

#include "engine/common.h"
#include "engine/handler.h"
#include "engine/lock.h"
#include "engine/release.h"
#include "engine/verdict.h"

/* Why targets are not gone comes first; that the handler could not be told is said besides. */
static void closing_reason(struct reason *ret, const struct reason *why,
                           const struct error *trouble)
{
    struct error both;
    if (!trouble) {
        if (why)
            reason_copy(ret, why);
    } else if (why && why->code) {
        error_set(&both, why->code, "%s; and %s", why->message ? why->message : "",
                  trouble->message);
        reason_set(ret, &both);
    } else {
        reason_set(ret, trouble);
    }
}

/* Whoever looks for the one who cancelled it finds him in its end, whatever else is said there. */
static void add_who_cancelled(const struct engine *engine, const struct open *open,
                              struct reason *reason)
{
    struct error who;
    struct error both;
    if (!open->cancelled || !reason->code || reason->code == ERR_CANCELLED)
        return; /* the last says it */
    stop_why(engine, open, "and stopped", &who);
    error_set(&both, reason->code, "%s; %s", reason->message ? reason->message : "", who.message);
    reason_set(reason, &both);
}

static void append_closed(struct engine *engine, struct open *open, enum command_outcome outcome,
                          const struct reason *why, struct instant now)
{
    if (open->pending & PENDING_CLOSED)
        return;
    open->pending |= PENDING_CLOSED;
    struct record *record = engine_record_about(open, RECORD_CLOSED);
    record->closed.outcome = outcome;
    closing_reason(&record->reason, why, handler_trouble(open));
    if (outcome != COMMAND_COMPLETED)
        add_who_cancelled(engine, open, &record->reason);
    engine_append(engine, record, now);
}

/* A dry run ends with its list; what was decided before there was one is its end as well. */
static bool is_plan(const struct open *open)
{
    return open->command->options.dry_run && open->round > 0;
}

void command_close(struct engine *engine, struct open *open, struct instant now)
{
    struct verdict verdict = verdict_of(open, NULL);
    struct reason leak = {0};
    if (is_plan(open))
        verdict.outcome = COMMAND_DRY_RUN;
    if (!verdict.why && release_failed(open)) {
        release_reason(open, &leak);
        verdict.why = &leak;
    }
    append_closed(engine, open, verdict.outcome, verdict.why, now);
    reason_release(&leak);
}

void round_failed(struct engine *engine, struct open *open, const struct error *why)
{
    if (lock_given_back_first(engine, open, why))
        return;
    open->gives_up = true;
    reason_set(&open->failure, why);
    engine_touch(engine, open);
}

void command_give_up(struct engine *engine, struct open *open, const struct error *why,
                     struct instant now)
{
    if (lock_given_back_first(engine, open, why))
        return;
    struct reason unfinished = {0};
    reason_set(&unfinished, why);
    struct verdict verdict = verdict_of(open, &unfinished);
    append_closed(engine, open, verdict.outcome, verdict.why, now);
    reason_release(&unfinished);
}

void command_refuse(struct engine *engine, struct open *open, const struct error *why,
                    struct instant now)
{
    if (lock_given_back_first(engine, open, why))
        return;
    if (open->round > 0) { /* what earlier rounds did stands */
        round_failed(engine, open, why);
        return;
    }
    struct record *record = engine_record_about(open, RECORD_REJECTED);
    record->rejected.after_accepted = true;
    reason_set(&record->reason, why);
    open->pending |= PENDING_REJECTED;
    engine_append(engine, record, now);
}
