/* The operator's own program, before and after the end of sessions (docs/handler.md, ADR 5).
 *
 * Its targets are licensed, fresh and sent like any other; only who is asked to end them differs.
 * One run is out for a command at a time, about targets that share one program. What it says is
 * never a verdict: *ended* and *left* are verified by lists, everything else is looked at again,
 * and then ended by the worker (STANDARD), asked again (DUE), or failed with its words (REFUSED).
 */
#include "engine/handler.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/common.h"
#include "engine/heap.h"
#include "engine/verdict.h"

enum {
    PUT_OFF_MS = 250,      /* nobody had a place for the run: later */
    PUT_OFF_DOUBLINGS = 3, /* 2 s at most */
    STARTS_MAX = 10,       /* in a row, of a program that the system does not start */
};

/* One run. Volatile: a new OWNER of ours forgets it. */
struct handling {
    enum handler_mode mode;
    bool out;          /* handed out, or about to be */
    uint32_t *indices; /* owned: targets of this run */
    uint32_t count;
    uint32_t bytes;    /* of their snapshots */
    const char *place; /* of its first target; "": the cluster's */
    struct instant send_by;
    struct handler_target *told; /* owned: what the action borrows */
    struct handler_task task;
    struct instant not_before;
    uint32_t put_off;           /* in a row */
    struct instant after_until; /* AFTER: no run at or after */
    struct error trouble;       /* AFTER: the first run that failed */
};

void handling_free(struct open *open)
{
    if (!open->handling)
        return;
    free(open->handling->indices);
    free(open->handling->told);
    free(open->handling);
    open->handling = NULL;
}

void handler_restart(struct target *target)
{
    target->handling = HANDLING_DUE;
    target->standard_after = false;
    target->left_alone = false;
    target->told = false;
    reason_release(&target->said);
}

static struct handling *handling_of(struct open *open)
{
    if (!open->handling) {
        open->handling = mem_new(struct handling);
        open->handling->indices = mem_alloc(HANDLER_TARGETS_MAX, sizeof(uint32_t));
        open->handling->told = mem_alloc(HANDLER_TARGETS_MAX, sizeof(struct handler_target));
    }
    return open->handling;
}

static const char *place_of(const struct target *target)
{
    return target->handler_of ? target->handler_of : "";
}

/* Does this target go with those that the run has? */
static bool fits(const struct handling *handling, const struct target *target)
{
    return handling->count == 0 ||
           (handling->count < HANDLER_TARGETS_MAX &&
            handling->bytes + target->snapshot_length <= HANDLER_SNAPSHOTS_MAX &&
            handling->mode == target->handler && !strcmp(handling->place, place_of(target)));
}

static void add(struct handling *handling, const struct target *target, uint32_t index)
{
    if (handling->count == 0) {
        handling->mode = target->handler;
        handling->place = place_of(target);
        handling->bytes = 0;
        handling->send_by = INSTANT_NEVER;
    }
    handling->indices[handling->count++] = index;
    handling->bytes += target->snapshot_length;
}

static void hand_out(struct engine *engine, struct open *open)
{
    struct engine_action *action = engine_act(engine, ENGINE_HANDLE);
    action->tag = open->serial << TARGET_BITS;
    action->cluster = open->cluster->name;
    action->send_by = open->handling->send_by;
    open->handling->out = true;
}

/* ---- before and instead of the end ---- */

bool handler_is_due(const struct target *target)
{
    return target->handling == HANDLING_DUE &&
           (target->handler == HANDLER_INSTEAD || target->handler == HANDLER_BEFORE);
}

bool handler_makes_wait(const struct engine *engine, const struct open *open, struct target *target,
                        struct instant now, struct instant *ret_wake)
{
    const struct handling *handling = open->handling;
    if (!handling || !handler_is_due(target))
        return false;
    if (!handling->out && instant_passed(now, handling->not_before))
        return false;
    /* Its time for verification does not run while others have their turn. */
    target->verify_by =
        instant_max(target->verify_by, instant_add_ms(now, engine->config.verify_ms));
    *ret_wake = handling->out ? INSTANT_NEVER : handling->not_before;
    return true;
}

void handler_take(struct open *open, uint32_t index, struct instant send_by)
{
    struct target *target = &open->targets[index];
    struct handling *handling = handling_of(open);
    CHECK(!handling->out);
    if (!fits(handling, target))
        return; /* in a later run */
    add(handling, target, index);
    handling->send_by = instant_min(handling->send_by, send_by);
    target->work = WORK_SENDING;
    open->sending++;
}

void handler_flush(struct engine *engine, struct open *open)
{
    if (open->handling && open->handling->count && !open->handling->out)
        hand_out(engine, open);
}

bool handler_takes_over(struct target *target)
{
    if (!target->standard_after)
        return false;
    target->standard_after = false;
    target->handling = HANDLING_STANDARD;
    target->present_late = false;
    target->left_alone = false;
    target->work = WORK_IDLE;
    return true;
}

/* ---- after the end ---- */

static bool wants_to_be_told(const struct target *target)
{
    return target->handler == HANDLER_AFTER && !target->told;
}

/* The next run's targets: the same ones until they were told, whoever asks. */
static bool gather_untold(struct open *open)
{
    for (uint32_t i = 0; i < open->target_count; i++) {
        const struct target *target = &open->targets[i];
        if (!wants_to_be_told(target))
            continue;
        struct handling *handling = handling_of(open);
        if (handling->count == 0 || fits(handling, target))
            add(handling, target, i);
    }
    return open->handling && open->handling->count;
}

static void append_attempt(struct engine *engine, struct open *open, struct instant now)
{
    const struct handling *handling = open->handling;
    struct record *record = engine_record_about(open, RECORD_ATTEMPT);
    record->attempt.act = ACT_HANDLE;
    record->attempt.round = open->round;
    record->attempt.attempt = open->attempt + 1;
    record->attempt.targets = mem_alloc(handling->count, sizeof record->attempt.targets[0]);
    record->attempt.count = handling->count;
    memcpy(record->attempt.targets, handling->indices,
           handling->count * sizeof handling->indices[0]);
    open->pending |= PENDING_ATTEMPT;
    engine_append(engine, record, now);
}

bool handler_after_step(struct engine *engine, struct open *open, struct instant now)
{
    if (open->pending & PENDING_CLOSED)
        return true; /* the kill switch may be released behind it: too late */
    if (open->handling && open->handling->out)
        return false;
    if (open->handling)
        open->handling->count = 0;
    if (!gather_untold(open))
        return true;
    struct handling *handling = open->handling;
    if (engine->halted) {
        error_set(&handling->trouble, ERR_CANCELLED,
                  "the kill switch is engaged: the handler was not told of the end");
        return true;
    }
    if (open->pending & PENDING_ATTEMPT)
        return false;
    if (!instant_passed(now, handling->not_before)) {
        heap_set(engine, open, handling->not_before);
    } else if (instant_before(now, handling->after_until)) {
        handling->send_by = handling->after_until;
        hand_out(engine, open);
    } else {
        append_attempt(engine, open, now);
    }
    return false;
}

void handler_licensed(struct open *open, struct instant until)
{
    handling_of(open)->after_until = until;
}

const struct error *handler_trouble(const struct open *open)
{
    return open->handling && open->handling->trouble.code ? &open->handling->trouble : NULL;
}

/* ---- handing out ---- */

bool handler_fill(struct engine *engine, struct engine_action *action)
{
    uint32_t index;
    struct open *open = engine_open(engine, action->tag, &index);
    struct handling *handling = open ? open->handling : NULL;
    if (!handling || !handling->out)
        return false; /* of an earlier epoch */
    const struct reason *unfinished = open->failure.code ? &open->failure : NULL;
    for (uint32_t i = 0; i < handling->count; i++) {
        const struct target *target = &open->targets[handling->indices[i]];
        handling->told[i] = (struct handler_target){
            .index = handling->indices[i],
            .snapshot = target->snapshot,
            .snapshot_length = target->snapshot_length,
            .asked_by_number = target->asked_by_number,
            .asked_number = target->asked_number,
            .asked_session = target->asked_session,
            .outcome = target->outcome,
            .reason = &target->reason,
        };
    }
    handling->task = (struct handler_task){
        .mode = handling->mode,
        .command = open->command,
        .cluster = open->cluster->name,
        .place = handling->place,
        .round = open->round,
        .attempt = open->attempt + 1, /* the first licence is RESOLVED */
        .expires_at = open_end(open),
        .outcome =
            handling->mode == HANDLER_AFTER ? verdict_of(open, unfinished).outcome : COMMAND_NONE,
        .targets = handling->told,
        .count = handling->count,
    };
    action->task = &handling->task;
    return true;
}

static bool goes_on(const struct engine *engine, const struct open *open)
{
    const struct handling *handling = open->handling;
    if (!handling || !handling->out || !engine_may_act(engine))
        return false;
    return handling->mode == HANDLER_AFTER || (!engine->halted && !open_holds_fire(engine, open));
}

/* A list that no longer shows one of them as it was makes the whole run wait for another look. */
bool handler_allows(const struct engine *engine, const struct open *open)
{
    const struct handling *handling = open->handling;
    if (!goes_on(engine, open) || engine->halted)
        return false;
    for (uint32_t i = 0; handling->mode != HANDLER_AFTER && i < handling->count; i++) {
        const struct target *target = &open->targets[handling->indices[i]];
        bool as_seen = target->seen.ns > 0 || MUTATED(engine, skip_identity_check);
        if (target->work != WORK_SENDING || !as_seen)
            return false;
    }
    return true;
}

bool engine_handler_goes_on(const struct engine *engine, uint64_t tag)
{
    uint32_t index;
    const struct open *open = engine_open(engine, tag, &index);
    return open && goes_on(engine, open);
}

/* ---- what became of it ---- */

static void look_again(struct target *target, struct instant now)
{
    target->work = WORK_IDLE;
    target->seen = (struct instant){0};
    target->since = now;
}

static void keep_words(struct target *target, const struct error *why)
{
    reason_release(&target->said);
    reason_set(&target->said, why);
}

static void not_run(struct target *target, const struct error *failure, struct instant now)
{
    look_again(target, now);
    if (!engine_is_final(failure->code) && failure->code != ERR_TOO_LARGE)
        return; /* a fresh list and licence, and once more */
    keep_words(target, failure);
    target->handling = target->handler == HANDLER_BEFORE ? HANDLING_STANDARD : HANDLING_REFUSED;
}

static void was_run(const struct engine *engine, struct target *target, struct instant now)
{
    target->sends++;
    target->handled++;
    target->since = now;
    target->look = LOOK_NONE;
    target->verify_by = instant_add_ms(now, engine->config.verify_ms);
    target->licence_until = (struct instant){0}; /* it was good for this one run */
}

static void ran_badly(const struct engine *engine, struct target *target,
                      const struct error *failure, struct instant now)
{
    was_run(engine, target, now);
    keep_words(target, failure);
    target->work = WORK_DOUBT;
    if (target->handler == HANDLER_BEFORE)
        target->handling = HANDLING_STANDARD;
}

static void set_words(struct target *target, const struct handler_word *word)
{
    struct error why;
    error_set(&why, ERR_REFUSED, "the handler %s it%s%s",
              word->result == HANDLER_SAYS_SKIPPED ? "skipped" : "could not end",
              word->message ? ": " : "", word->message ? word->message : "");
    keep_words(target, &why);
}

static void take_word(struct engine *engine, struct open *open, struct target *target,
                      const struct handler_word *word, bool standard, struct instant now)
{
    was_run(engine, target, now);
    bool gone = word->result == HANDLER_SAYS_ENDED || word->result == HANDLER_SAYS_LEFT;
    if (gone) {
        target->work = WORK_SENT;
        target->left_alone = word->result == HANDLER_SAYS_LEFT;
        target->standard_after = standard;
        if (MUTATED(engine, believe_handler))
            decide_target(open, target, TARGET_ENDED, NULL);
        return;
    }
    look_again(target, now);
    set_words(target, word);
    target->handling = standard ? HANDLING_STANDARD : HANDLING_REFUSED;
}

static void told_of_end(struct open *open, const struct engine_handled *reply, struct instant now)
{
    struct handling *handling = open->handling;
    bool cannot_start = reply->code == ERR_SYSTEM && handling->put_off > STARTS_MAX;
    bool again = !reply->sent && !engine_is_final(reply->code) && reply->code != ERR_TOO_LARGE &&
                 !cannot_start;
    if (reply->sent)
        handling->after_until = now;
    if (again)
        return;
    for (uint32_t i = 0; i < handling->count; i++)
        open->targets[handling->indices[i]].told = true;
    if (reply->code && !handling->trouble.code)
        error_set(&handling->trouble, reply->code, "after the end: %s", reply->failure->message);
}

static void put_off(struct handling *handling, const struct engine_handled *reply,
                    struct instant now)
{
    if (reply->sent || reply->code == ERR_STALE) {
        handling->put_off = 0;
        return;
    }
    uint32_t doublings =
        handling->put_off < PUT_OFF_DOUBLINGS ? handling->put_off : PUT_OFF_DOUBLINGS;
    handling->put_off++;
    handling->not_before = instant_add_ms(now, (int64_t)PUT_OFF_MS << doublings);
}

void engine_handled(struct engine *engine, const struct engine_handled *reply, struct instant now)
{
    uint32_t index;
    struct open *open = engine_open(engine, reply->tag, &index);
    struct handling *handling = open ? open->handling : NULL;
    if (!handling || !handling->out)
        return; /* of an earlier epoch */
    handling->out = false;
    put_off(handling, reply, now);
    if (handling->mode == HANDLER_AFTER)
        told_of_end(open, reply, now);
    for (uint32_t i = 0; handling->mode != HANDLER_AFTER && i < handling->count; i++) {
        struct target *target = &open->targets[handling->indices[i]];
        if (target->work != WORK_SENDING)
            continue; /* its verdict was given meanwhile */
        CHECK(open->sending > 0);
        open->sending--;
        target->work = WORK_IDLE;
        if (!reply->sent)
            not_run(target, reply->failure, now);
        else if (reply->code)
            ran_badly(engine, target, reply->failure, now);
        else
            take_word(engine, open, target, &reply->answer->words[i],
                      reply->answer->standard_processing, now);
    }
    engine->stale += reply->code == ERR_STALE;
    handling->count = 0;
    engine_touch(engine, open);
}
