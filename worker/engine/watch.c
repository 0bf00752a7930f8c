/* A lock of ours that is written after everything was given back: an earlier owner's process stood
 * still inside the system call, or the cluster did, for longer than every bound says (I9). So the
 * infobase of a drain that is over is looked at again: by whoever owns the partition at once, then
 * one licence age and one request later, then at growing distances for as long as the journal
 * remembers the hold. What is recognised as ours, word for word, gives way to what RESTORED said,
 * under a licence of its own, and RESTORED is said again. Everything else is left alone. */
#include "engine/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/common.h"
#include "engine/heap.h"
#include "engine/hold.h"
#include "engine/holds.h"
#include "engine/lock.h"

enum {
    LOOKS_AT_LEAST = 4,   /* while it is remembered: the distance between two grows no further */
    DISTANCE_MS = 300000, /* ... and never beyond this */
    DOUBLINGS_MAX = 10,
    LAST_LOOK_MS = 1000, /* before the end of the memory */
    REMOVALS_MAX = 3,    /* writes in a row that changed nothing; then it waits for the next look */
    STRAYS_MAX = 100,    /* told, and not yet taken by the service */
};

/* ---- what the service hears of ---- */

void strays_free(struct engine *engine)
{
    while (!STAILQ_EMPTY(&engine->strays)) {
        struct strange *strange = STAILQ_FIRST(&engine->strays);
        STAILQ_REMOVE_HEAD(&engine->strays, in_order);
        free(strange->stray.infobase);
        free(strange);
    }
    if (engine->handed_stray)
        free(engine->handed_stray->stray.infobase);
    free(engine->handed_stray);
    engine->handed_stray = NULL;
}

void stray_tell(struct engine *engine, const struct open *open, enum engine_stray_kind kind,
                const struct uuid *command)
{
    const struct strange *each;
    uint32_t count = 0;
    STAILQ_FOREACH(each, &engine->strays, in_order)
    count++;
    if (engine->role != ENGINE_OWNING || count == STRAYS_MAX)
        return;
    const char *name = open->command->infobase;
    struct strange *strange = mem_new(struct strange);
    strange->stray = (struct engine_stray){.kind = kind,
                                           .command = *command,
                                           .cluster = open->cluster->name,
                                           .infobase = mem_text(name, strlen(name))};
    STAILQ_INSERT_TAIL(&engine->strays, strange, in_order);
}

bool engine_stray(struct engine *engine, struct engine_stray *ret)
{
    struct strange *next = STAILQ_FIRST(&engine->strays);
    if (engine->handed_stray)
        free(engine->handed_stray->stray.infobase);
    free(engine->handed_stray);
    engine->handed_stray = next;
    if (!next)
        return false;
    STAILQ_REMOVE_HEAD(&engine->strays, in_order);
    *ret = next->stray;
    return true;
}

/* ---- begin and end ---- */

static void note_what_stands(struct hold *hold, const struct record *record)
{
    infobase_lock_release(&hold->before);
    hold->before = infobase_lock_copy(&record->restored.now);
    hold_found(hold, &hold->before);
}

void watch_begin(struct open *open, struct hold *hold, const struct record *record,
                 struct wall until)
{
    struct drain *drain = open->drain;
    CHECK(!hold->watcher);
    CHECK(!drain->watch);
    note_what_stands(hold, record);
    hold->watcher = open;
    drain->watch = hold;
    drain->watch_until = until;
    drain->look_at = (struct instant){0};
    drain->looks = 0;
}

void watch_leave(struct engine *engine, struct drain *drain)
{
    struct hold *hold = drain->watch;
    if (!hold)
        return;
    hold->watcher = NULL;
    drain->watch = NULL;
    drain->stray = false;
    if (drain->busy)
        hold_leave(engine, drain);
    else
        hold_drop_unused(engine, hold);
}

void watch_restart(struct drain *drain, struct instant now)
{
    drain->look_at = now;
    drain->looks = 0;
    drain->removals = 0;
}

/* ---- records behind the end ---- */

void watch_fold_attempt(struct engine *engine, struct open *open)
{
    if (!open->drain->stray)
        stray_tell(engine, open, ENGINE_STRAY_FOUND, &open->entry->id);
    open->drain->stray = true;
    engine_touch(engine, open);
}

void watch_fold_restored(struct engine *engine, struct open *open, const struct record *record,
                         struct wall broker_time)
{
    struct drain *drain = open->drain;
    open->pending &= ~(unsigned)PENDING_LOCK;
    if (drain->stray)
        stray_tell(engine, open, ENGINE_STRAY_REMOVED, &open->entry->id);
    drain->stray = false;
    note_what_stands(drain->watch, record);
    drain->watch_until.ms = broker_time.ms + engine->config.remember_ms;
    drain->look_at = (struct instant){0};
    drain->looks = 0;
    hold_leave(engine, drain);
    engine_touch(engine, open);
}

/* ---- looking ---- */

/* No write of ours is expected later than this. */
static int64_t bound_ms(const struct engine *engine)
{
    return LICENCE_AGE_MS + engine->config.settle_ms;
}

static int64_t distance_ms(const struct engine *engine, const struct drain *drain)
{
    int64_t most = engine->config.remember_ms / LOOKS_AT_LEAST;
    unsigned doublings = drain->looks ? drain->looks - 1 : 0; /* of the next look's number */
    if (doublings > DOUBLINGS_MAX)
        doublings = DOUBLINGS_MAX;
    int64_t ret = bound_ms(engine) << doublings;
    if (most > DISTANCE_MS)
        most = DISTANCE_MS;
    if (ret > most)
        ret = most;
    return ret > bound_ms(engine) ? ret : bound_ms(engine);
}

/* The last look is one just before the memory ends. */
static struct instant next_look(const struct engine *engine, const struct drain *drain,
                                struct instant now)
{
    struct instant ret = instant_add_ms(now, distance_ms(engine, drain));
    struct instant last =
        instant_add_ms(engine_instant_of(engine, drain->watch_until), -LAST_LOOK_MS);
    return instant_before(now, last) ? instant_min(ret, last) : ret;
}

static void plan(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    drain->look_at = next_look(engine, drain, now);
    drain->removals = 0;
    lock_forget_seen(drain);
    hold_leave(engine, drain);
    heap_set(engine, open, drain->look_at);
}

void watch_answered(struct engine *engine, struct open *open, const struct engine_answer *answer,
                    struct instant now)
{
    bool reading = answer->kind == ENGINE_LOCK_READ;
    if (answer->code && !(reading && answer->code == ERR_NOT_FOUND))
        plan(engine, open, now); /* later once more, at the same distance */
    else if (answer->code) {
        open->drain->looks++; /* it is not there, nor is a lock of ours */
        plan(engine, open, now);
    }
}

/* A lock of ours stands there again. */
static void remove_stray(struct engine *engine, struct open *open, const struct infobase_lock *back,
                         struct instant now)
{
    struct drain *drain = open->drain;
    if (!hold_enter(open, drain->watch)) {
        lock_forget_seen(drain); /* hold_leave() of the other one calls */
        return;
    }
    if (drain->removals == REMOVALS_MAX) {
        plan(engine, open, now);
        return;
    }
    if (!lock_licence_serves(drain, true, now)) {
        lock_append_attempt(engine, open, now);
        return;
    }
    drain->removals++;
    lock_write(engine, open, back, LOCK_GIVING_BACK);
}

static void say_removed(struct engine *engine, struct open *open, struct instant now)
{
    const struct drain *drain = open->drain;
    struct error why;
    error_set(&why, ERR_IN_DOUBT,
              "a lock of this command was written after its end, and was removed again");
    lock_append_restored(engine, open, hold_kept_foreign(drain->watch, &drain->seen), &why, now);
}

static void look(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    struct infobase_lock back = hold_back(drain->watch, &drain->seen);
    if (!infobase_lock_equal(&back, &drain->seen)) {
        remove_stray(engine, open, &back, now);
    } else if (drain->stray) {
        say_removed(engine, open, now);
    } else {
        drain->looks++;
        plan(engine, open, now);
    }
    infobase_lock_release(&back);
}

void watch_step(struct engine *engine, struct open *open, struct instant now)
{
    struct drain *drain = open->drain;
    const struct open *busy = drain->watch->busy;
    if (drain->work != LOCK_IDLE || open->pending & PENDING_LOCK || MUTATED(engine, search_nothing))
        return;
    if (drain->look_at.ns == 0)
        plan(engine, open, now);
    if (!drain->stray && engine_broker_now(engine, now).ms >= drain->watch_until.ms) {
        heap_set(engine, open, INSTANT_NEVER); /* what is found now would not count */
        return;
    }
    if (!instant_passed(now, drain->look_at)) {
        heap_set(engine, open, drain->look_at);
        return;
    }
    heap_set(engine, open, INSTANT_NEVER);
    if (busy && busy != open)
        return; /* its hold_leave() calls */
    if (drain->known)
        look(engine, open, now);
    else
        lock_read(engine, open, now);
}

/* ---- marks that nothing explains ---- */

static bool explains(const struct infobase_lock *ours, uint32_t count,
                     const struct infobase_lock *seen)
{
    for (uint32_t i = 0; i < count; i++)
        if (infobase_lock_same_sessions(&ours[i], seen))
            return true;
    return false;
}

void watch_name(struct engine *engine, struct open *open)
{
    struct drain *drain = open->drain;
    const struct infobase_lock *seen = &drain->seen;
    const struct hold *hold = hold_known(engine, open->cluster, &seen->infobase);
    struct uuid mark;
    if (!seen->sessions_deny || uuid_read(text_of(seen->denied_parameter), &mark, NULL) ||
        uuid_equal(&mark, &drain->named))
        return;
    const struct entry *of = engine_find(engine, &mark);
    bool held = of && of->open && of->open->drain && of->open->drain->share;
    if (held || (hold && explains(hold->ours, hold->ours_count, seen)))
        return;
    drain->named = mark;
    stray_tell(engine, open, ENGINE_STRAY_UNKNOWN, &mark);
}
