/* The arithmetic of locks: what is ours, what was there before, what somebody else did. Pure
 * values; who reads and writes them when stands in drain.c. */
#include "engine/hold.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void hold_release(struct hold *hold)
{
    infobase_lock_release(&hold->found);
    infobase_lock_release(&hold->before);
    for (uint32_t i = 0; i < hold->ours_count; i++)
        infobase_lock_release(&hold->ours[i]);
    free(hold->ours);
    hold->ours = NULL;
    hold->ours_count = 0;
}

static bool is_empty(const char *text)
{
    return !text || !text[0];
}

static void take_sessions(struct infobase_lock *to, const struct infobase_lock *from)
{
    bool jobs = to->scheduled_jobs_deny;
    struct uuid infobase = to->infobase;
    infobase_lock_release(to);
    *to = infobase_lock_copy(from);
    to->scheduled_jobs_deny = jobs;
    to->infobase = infobase;
}

static bool sessions_are_ours(const struct hold *hold, const struct infobase_lock *seen)
{
    for (uint32_t i = 0; i < hold->ours_count; i++)
        if (infobase_lock_same_sessions(&hold->ours[i], seen))
            return true;
    return false;
}

/* Ours in everything but the switch: somebody let people in again. */
static bool sessions_were_ours(const struct hold *hold, const struct infobase_lock *seen)
{
    struct infobase_lock on = *seen;
    on.sessions_deny = true;
    return !seen->sessions_deny && sessions_are_ours(hold, &on);
}

/* While the hold lasts, "denied by us" and "denied by somebody else as well" are one value. After
 * its end only what came with a lock of ours is ours. */
static bool jobs_are_ours(const struct hold *hold, const struct infobase_lock *seen)
{
    for (uint32_t i = 0; i < hold->ours_count; i++)
        if (hold->ours[i].scheduled_jobs_deny &&
            (hold->shares > 0 || infobase_lock_same_sessions(&hold->ours[i], seen)))
            return true;
    return false;
}

static void forget_oldest(struct hold *hold)
{
    infobase_lock_release(&hold->ours[0]);
    hold->ours_count--;
    memmove(&hold->ours[0], &hold->ours[1], hold->ours_count * sizeof hold->ours[0]);
}

void hold_found(struct hold *hold, const struct infobase_lock *lock)
{
    infobase_lock_release(&hold->found);
    hold->found = infobase_lock_copy(lock);
}

void hold_note(struct hold *hold, const struct infobase_lock *before,
               const struct infobase_lock *during)
{
    struct infobase_lock kept = infobase_lock_copy(before);
    infobase_lock_release(&hold->before);
    hold->before = kept;
    for (uint32_t i = 0; i < hold->ours_count; i++)
        if (infobase_lock_equal(&hold->ours[i], during))
            return;
    if (hold->ours_count == HOLD_OURS_MAX)
        forget_oldest(hold);
    hold->ours = mem_resize(hold->ours, hold->ours_count + 1, sizeof hold->ours[0]);
    hold->ours[hold->ours_count++] = infobase_lock_copy(during);
}

/* None is the earliest: at once. */
static struct server_time earlier(struct server_time a, struct server_time b)
{
    return a.ticks < b.ticks ? a : b;
}

static bool is_in_force(const struct infobase_lock *lock, struct server_time local_now)
{
    bool over =
        lock->denied_to.ticks && local_now.ticks && lock->denied_to.ticks <= local_now.ticks;
    return lock->sessions_deny && !over;
}

static struct infobase_lock over(const struct hold *hold, const struct infobase_lock *seen,
                                 const struct infobase_lock *wanted, struct server_time local_now)
{
    bool ours = sessions_are_ours(hold, seen);
    struct infobase_lock ret = infobase_lock_copy(ours ? seen : wanted);
    ret.infobase = seen->infobase;
    ret.scheduled_jobs_deny = seen->scheduled_jobs_deny || wanted->scheduled_jobs_deny;
    if (!ours && !is_in_force(seen, local_now))
        return ret;
    ret.denied_from = earlier(seen->denied_from, wanted->denied_from);
    ret.denied_to = (struct server_time){0};
    if (ours)
        return ret;
    if (!is_empty(seen->denied_message)) {
        free(ret.denied_message);
        ret.denied_message = mem_copy(seen->denied_message);
    }
    if (!is_empty(seen->permission_code)) {
        free(ret.permission_code);
        ret.permission_code = mem_copy(seen->permission_code);
    }
    return ret;
}

struct infobase_lock hold_during(const struct hold *hold, const struct infobase_lock *seen,
                                 const struct infobase_lock *wanted, struct server_time local_now)
{
    if (hold->shares > 0)
        return over(hold, seen, wanted, local_now);
    struct infobase_lock base = hold_back(hold, seen); /* without a late write of an earlier hold */
    struct infobase_lock ret = over(hold, &base, wanted, local_now);
    infobase_lock_release(&base);
    return ret;
}

bool hold_covers(const struct hold *hold, const struct infobase_lock *seen,
                 const struct infobase_lock *during)
{
    return seen->sessions_deny && sessions_are_ours(hold, seen) &&
           seen->denied_from.ticks <= during->denied_from.ticks &&
           (seen->scheduled_jobs_deny || !during->scheduled_jobs_deny);
}

bool hold_keeps_out(const struct infobase_lock *seen, const struct infobase_lock *during)
{
    bool ends_early = seen->denied_to.ticks &&
                      (!during->denied_to.ticks || seen->denied_to.ticks < during->denied_to.ticks);
    return seen->sessions_deny && !ends_early &&
           seen->denied_from.ticks <= during->denied_from.ticks &&
           (seen->scheduled_jobs_deny || !during->scheduled_jobs_deny);
}

struct infobase_lock hold_back(const struct hold *hold, const struct infobase_lock *seen)
{
    struct infobase_lock ret = infobase_lock_copy(seen);
    if (sessions_are_ours(hold, seen)) {
        take_sessions(&ret, &hold->before);
    } else if (sessions_were_ours(hold, seen)) {
        take_sessions(&ret, &hold->before);
        ret.sessions_deny = false;
    }
    if (seen->scheduled_jobs_deny && jobs_are_ours(hold, seen))
        ret.scheduled_jobs_deny = hold->before.scheduled_jobs_deny;
    return ret;
}

bool hold_kept_foreign(const struct hold *hold, const struct infobase_lock *now)
{
    return !infobase_lock_same_sessions(&hold->found, now) ||
           hold->found.scheduled_jobs_deny != now->scheduled_jobs_deny;
}
