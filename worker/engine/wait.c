/* Commands that wait: for their first list, for a further one, for an approval. Nothing has been
 * sent, or everything that was sent has its verdict. */
#include "engine/wait.h"

#include "engine/closing.h"
#include "engine/common.h"
#include "engine/handler.h"
#include "engine/heap.h"
#include "engine/lock.h"
#include "engine/release.h"
#include "engine/verdict.h"

enum {
    ROUND_PAUSE_MS = 1000, /* between an outcome and the next round's list */
    ROUND_DOUBLINGS = 4,   /* 16 s at most */
};

/* Why nothing more is begun for this command; ERR_OK: it may go on. */
static enum error_code stopped_by(const struct engine *engine, const struct open *open,
                                  struct instant now)
{
    if (open->cancelled || engine->halted)
        return ERR_CANCELLED;
    return open_is_over(engine, open, now) ? ERR_EXPIRED : ERR_OK;
}

/* Before anything was sent one decision is for all targets, also when an earlier epoch recorded a
 * part only. */
static const struct target *first_recorded(const struct open *open)
{
    for (uint32_t i = open->round_first; i < open->target_count; i++)
        if (open->targets[i].outcome != TARGET_NONE && open->targets[i].verdict == TARGET_NONE)
            return &open->targets[i];
    return NULL;
}

/* Targets that were left alone from the start keep that verdict. */
static void decide_rest(struct open *open, enum target_outcome outcome, const struct error *why)
{
    for (uint32_t i = open->round_first; i < open->target_count; i++) {
        struct target *target = &open->targets[i];
        if (target->outcome != TARGET_NONE || target->work == WORK_DECIDED ||
            target->verdict == TARGET_NONE)
            continue;
        struct error own = reason_error(&target->reason);
        decide_target(open, target, target->verdict, &own);
    }
    decide_all(open, outcome, why);
}

static void stop_all(struct open *open, const struct error *why)
{
    bool over = why->code == ERR_EXPIRED || why->code == ERR_DEADLINE;
    decide_rest(open,
                why->code == ERR_CANCELLED ? TARGET_STOPPED
                : over                     ? TARGET_EXPIRED
                                           : TARGET_FAILED,
                why);
}

/* A part that an earlier epoch recorded is the decision for the rest. */
static bool follow_recorded(struct open *open)
{
    const struct target *recorded = first_recorded(open);
    if (!recorded)
        return false;
    struct error why = reason_error(&recorded->reason);
    decide_rest(open, recorded->outcome, &why);
    return true;
}

void wait_accepted(struct engine *engine, struct open *open, struct instant now)
{
    struct error why;
    enum error_code stopped = stopped_by(engine, open, now);
    if (open->pending)
        return;
    if (!follow_recorded(open) && stopped) {
        if (stopped == ERR_CANCELLED)
            stop_why(engine, open, "stopped before anything was sent for it", &why);
        else
            error_set(&why, stopped,
                      open->doubt.code ? "the validity ended before nobody was left"
                                       : "the validity ended before the cluster could be listed");
        if (stopped == ERR_EXPIRED)
            open_tell_doubt(open, &why);
        if (open->target_count)
            stop_all(open, &why);
        else
            command_give_up(engine, open, &why, now);
    }
    verdicts_flush(engine, open, now);
    if (open_is_decided(open)) {
        cluster_served(open); /* no list is asked for on its behalf any more */
        return;
    }
    if (!open->wants_list && !open_is_probing(open))
        cluster_want(engine, open, open->list_after, (struct instant){0});
    heap_set(engine, open, engine_instant_of(engine, open_end(open)));
}

void wait_pending(struct engine *engine, struct open *open, struct instant now)
{
    struct error why;
    if (open->pending)
        return; /* a cancel or an approval is on its way */
    struct instant until = engine_instant_of(engine, open->approval->until);
    if (follow_recorded(open)) {
        /* decided above */
    } else if (open->cancelled || engine->halted) {
        stop_why(engine, open, "stopped before it was approved", &why);
        stop_all(open, &why);
    } else if (instant_passed(now, until)) {
        error_set(&why, ERR_EXPIRED, "not approved in time");
        stop_all(open, &why);
    } else {
        heap_set(engine, open, until);
        return;
    }
    verdicts_flush(engine, open, now);
}

static bool is_decided(const struct open *open)
{
    for (uint32_t i = open->round_first; i < open->target_count; i++)
        if (open->targets[i].verdict == TARGET_NONE && open->targets[i].work == WORK_DECIDED)
            return true;
    return false;
}

bool wait_decides(struct engine *engine, struct open *open, const struct error *why,
                  struct instant now)
{
    if (!is_decided(open) && !follow_recorded(open)) {
        if (!why)
            return false;
        stop_all(open, why);
    }
    verdicts_flush(engine, open, now);
    return true;
}

static int64_t pause_ms(const struct open *open)
{
    uint32_t doublings = open->round - 1 < ROUND_DOUBLINGS ? open->round - 1 : ROUND_DOUBLINGS;
    return (int64_t)ROUND_PAUSE_MS << doublings;
}

/* When all have left early, those who come while a drain's lock has not begun have its grace too.
 */
static void want_next_round(struct engine *engine, struct open *open, struct instant now)
{
    struct instant after = now;
    if (open->drain)
        after = instant_max(now, engine_instant_past(engine, open->drain->grace_until));
    cluster_want(engine, open, after, instant_max(after, instant_add_ms(now, pause_ms(open))));
}

/* The first reason stays, also when a kill switch is released behind it: a handler may have been
 * told of it. */
static bool gives_up(const struct engine *engine, struct open *open, struct instant now)
{
    if (open->failure.code)
        return true;
    enum error_code stopped = stopped_by(engine, open, now);
    if (!stopped && !open->gives_up)
        return false;
    struct error why;
    if (stopped == ERR_EXPIRED) {
        error_set(&why, ERR_EXPIRED, "the time for this command ended before nobody was left");
        open_tell_doubt(open, &why);
    } else { /* a drain, by a switch released since, too */
        stop_why(engine, open, "stopped between two rounds", &why);
    }
    if (!open->gives_up)
        cluster_served(open); /* what it waited for was the next round's list */
    reason_set(&open->failure, &why);
    open->gives_up = true;
    return true;
}

void wait_between(struct engine *engine, struct open *open, struct instant now)
{
    if (open->pending)
        return;
    if (gives_up(engine, open, now)) {
        if (release_step(engine, open, now) && handler_after_step(engine, open, now)) {
            struct error why = reason_error(&open->failure);
            command_give_up(engine, open, &why, now);
        }
        return;
    }
    if (!open->wants_list)
        want_next_round(engine, open, now);
    heap_set(engine, open, engine_instant_of(engine, open_end(open)));
}
