/* The holds that there are: who has a share in one, and who works on its lock (hold.c says what it
 * keeps). */
#include "engine/holds.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/common.h"
#include "engine/hold.h"
#include "engine/lock.h"

struct hold *hold_known(const struct engine *engine, struct cluster *cluster,
                        const struct uuid *infobase)
{
    struct hold_key key;
    struct hold *hold;
    memset(&key, 0, sizeof key);
    key.cluster = cluster;
    key.infobase = *infobase;
    HASH_FIND(hh, engine->holds, &key, sizeof key, hold);
    return hold;
}

struct hold *hold_find(struct engine *engine, struct cluster *cluster, const struct uuid *infobase)
{
    struct hold *hold = hold_known(engine, cluster, infobase);
    if (hold)
        return hold;
    hold = mem_new(struct hold);
    hold->key.cluster = cluster;
    hold->key.infobase = *infobase;
    HASH_ADD(hh, engine->holds, key, sizeof hold->key, hold);
    return hold;
}

static void drop_hold(struct engine *engine, struct hold *hold)
{
    HASH_DEL(engine->holds, hold);
    hold_release(hold);
    free(hold);
}

void hold_drop_unused(struct engine *engine, struct hold *hold)
{
    if (hold->shares == 0 && !hold->busy && !hold->watcher)
        drop_hold(engine, hold);
}

static void touch_others(struct engine *engine, struct cluster *cluster)
{
    struct open *open;
    TAILQ_FOREACH(open, &cluster->opens, of_cluster)
    if (open->drain)
        engine_touch(engine, open);
}

void hold_leave(struct engine *engine, struct drain *drain)
{
    struct hold *hold = drain->busy;
    drain->busy = NULL;
    if (!hold)
        return;
    hold->busy = NULL;
    touch_others(engine, hold->key.cluster);
    hold_drop_unused(engine, hold);
}

bool hold_enter(struct open *open, struct hold *hold)
{
    if (hold->busy && hold->busy != open)
        return false;
    hold->busy = open;
    open->drain->busy = hold;
    return true;
}

void hold_note_lost(struct drain *drain, bool lost)
{
    if (drain->lost && !lost)
        drain->share->lost--;
    else if (lost && !drain->lost)
        drain->share->lost++;
    drain->lost = lost;
}

void hold_drop_share(struct engine *engine, struct drain *drain)
{
    struct hold *hold = drain->share;
    hold_note_lost(drain, false);
    drain->share = NULL;
    CHECK(hold->shares > 0);
    hold->shares--;
    if (drain->busy)
        hold_leave(engine, drain);
    else
        hold_drop_unused(engine, hold);
}

void holds_free(struct engine *engine)
{
    struct hold *hold;
    struct hold *next;
    HASH_ITER(hh, engine->holds, hold, next)
    drop_hold(engine, hold);
}
