/* Locks of infobases: the truth, strangers, and the oracle's word on them. */
#include "locks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/mem.h"
#include "oracle_state.h"

static const char *const names[INFOBASES] = {"ut", "бух"};

/* ---- values ---- */

static struct server_time local_of(const struct wall at)
{
    return (struct server_time){at.ms ? INT64_C(639000000000000) + (at.ms - BROKER_EPOCH_MS) * 10
                                      : 0};
}

static char *text_copy(const char *text)
{
    return mem_text(text, strlen(text));
}

static void put(struct infobase_lock *to, const struct infobase_lock *from)
{
    struct infobase_lock copy = infobase_lock_copy(from);
    infobase_lock_release(to);
    *to = copy;
}

static void put_sessions(struct infobase_lock *to, const struct infobase_lock *from)
{
    bool jobs = to->scheduled_jobs_deny;
    put(to, from);
    to->scheduled_jobs_deny = jobs;
}

int32_t lock_infobase(const char *name)
{
    for (int32_t i = 0; name && i < INFOBASES; i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

void locks_begin(struct world *world, int32_t at)
{
    struct sim_cluster *cluster = &world->clusters[at];
    for (int i = 0; i < INFOBASES; i++) {
        struct infobase_lock *lock = &cluster->lock[i];
        lock->infobase = cluster->infobase[i];
        lock->scheduled_jobs_deny = draw_percent(&world->draw, 20);
        if (draw_percent(&world->draw, 30)) {
            lock->denied_message = text_copy("last month");
            lock->sessions_deny = draw_percent(&world->draw, 50);
            lock->denied_from.ticks = 638000000000000;
            lock->denied_to.ticks = 638000000600000; /* long past */
        }
        put(&cluster->meant[i], lock);
    }
}

void locks_free(struct sim_cluster *cluster)
{
    for (int i = 0; i < INFOBASES; i++) {
        infobase_lock_release(&cluster->lock[i]);
        infobase_lock_release(&cluster->meant[i]);
        for (size_t k = 0; k < cluster->ours[i].count; k++)
            infobase_lock_release(&cluster->ours[i].at[k]);
        free(cluster->ours[i].at);
    }
}

bool lock_lets_in(const struct world *world, int32_t cluster, uint32_t infobase)
{
    const struct infobase_lock *lock = &world->clusters[cluster].lock[infobase];
    int64_t now = local_of(world_wall(world)).ticks;
    bool over = lock->denied_to.ticks && lock->denied_to.ticks <= now;
    return !lock->sessions_deny || lock->denied_from.ticks > now || over;
}

enum error_code lock_wanted(void *self, const struct command *command,
                            const struct infobase_lock *seen, struct wall from, struct wall now,
                            struct deny *ret, struct error *err)
{
    struct uuid_text id = uuid_format(&command->id);
    (void)self;
    (void)seen;
    (void)err;
    *ret = (struct deny){.wanted = {.sessions_deny = true,
                                    .scheduled_jobs_deny = !command->keep_jobs,
                                    .denied_from = local_of(from),
                                    .denied_message = text_copy("update"),
                                    .denied_parameter = text_copy(id.text)},
                         .now = local_of(now)};
    return ERR_OK;
}

bool lock_is_ours(const struct sim_cluster *cluster, const struct infobase_lock *lock)
{
    for (int i = 0; i < INFOBASES; i++)
        for (size_t k = 0; k < cluster->ours[i].count; k++)
            if (infobase_lock_same_sessions(&cluster->ours[i].at[k], lock))
                return true;
    return false;
}

/* A drain that takes its lock anew over the words of a stranger may write just what he wrote, if
 * his lock bears its mark: then it is his, and has to stand there at the end. */
static bool is_his(const struct sim_cluster *cluster, int infobase,
                   const struct infobase_lock *lock)
{
    return infobase_lock_same_sessions(&cluster->meant[infobase], lock);
}

static bool is_still_ours(const struct sim_cluster *cluster, int infobase)
{
    const struct infobase_lock *lock = &cluster->lock[infobase];
    return lock_is_ours(cluster, lock) && !is_his(cluster, infobase, lock);
}

/* ... or was, before somebody let people in. */
static bool was_ours(const struct sim_cluster *cluster, const struct infobase_lock *lock)
{
    struct infobase_lock on = *lock;
    on.sessions_deny = true;
    return lock_is_ours(cluster, &on);
}

bool locks_settled(const struct world *world)
{
    for (uint32_t at = 0; at < world->plan.clusters; at++)
        for (int i = 0; i < INFOBASES; i++)
            if (is_still_ours(&world->clusters[at], i))
                return false;
    return world->locks_under_way == 0;
}

/* A command that has LOCKED and not RESTORED. */
static bool is_held(const struct world *world, int32_t cluster, int32_t infobase)
{
    for (uint32_t p = 0; p < world->plan.partitions; p++) {
        const struct fold *fold = &world->oracle->folds[p];
        for (size_t i = 0; i < fold->commands.count; i++) {
            const struct fold_command *command = &fold->commands.at[i];
            if (command->locked && command->cluster == cluster &&
                lock_infobase(command->command->infobase) == infobase)
                return true;
        }
    }
    return false;
}

/* ---- strangers ---- */

static bool has_ended(const struct world *world, const char *mark)
{
    struct uuid id;
    if (uuid_read(text_of(mark), &id, NULL))
        return false;
    for (uint32_t p = 0; p < world->plan.partitions; p++) {
        const struct fold *fold = &world->oracle->folds[p];
        for (size_t i = 0; i < fold->commands.count; i++)
            if (uuid_equal(&fold->commands.at[i].id, &id) && fold->commands.at[i].ended_offset >= 0)
                return true;
    }
    return false;
}

/* Like one of ours of a command that is over, but for its words; or with the mark of a command that
 * nobody knows. */
static struct infobase_lock similar_lock(struct world *world, const struct sim_cluster *cluster,
                                         uint32_t infobase)
{
    char text[40];
    size_t count = cluster->ours[infobase].count;
    const struct infobase_lock *last = count ? &cluster->ours[infobase].at[count - 1] : NULL;
    struct infobase_lock lock = {.sessions_deny = true};
    if (last && has_ended(world, last->denied_parameter)) {
        put(&lock, last);
    } else {
        struct uuid id = draw_uuid(&world->draw);
        lock.denied_parameter = text_copy(uuid_format(&id).text);
    }
    snprintf(text, sizeof text, "update, says stranger %u", draw_below(&world->draw, 1000000));
    free(lock.denied_message);
    lock.denied_message = text_copy(text);
    return lock;
}

static struct infobase_lock strange_lock(struct world *world, const struct sim_cluster *cluster,
                                         uint32_t infobase)
{
    char text[32];
    if (draw_percent(&world->draw, 30))
        return similar_lock(world, cluster, infobase);
    snprintf(text, sizeof text, "stranger %u", draw_below(&world->draw, 1000000));
    struct infobase_lock lock = {.sessions_deny = draw_percent(&world->draw, 60),
                                 .denied_message = text_copy(text),
                                 .denied_parameter = text_copy("stranger"),
                                 .permission_code = text_copy("sesame")};
    if (draw_percent(&world->draw, 50))
        lock.denied_from.ticks =
            local_of(world_wall(world)).ticks + draw_between(&world->draw, -100000, 300000);
    return lock;
}

void chaos_lock(struct world *world)
{
    int32_t at = (int32_t)draw_below(&world->draw, world->plan.clusters);
    uint32_t infobase = draw_below(&world->draw, INFOBASES);
    struct sim_cluster *cluster = &world->clusters[at];
    struct infobase_lock *lock = &cluster->lock[infobase];
    struct infobase_lock *meant = &cluster->meant[infobase];
    uint32_t what = draw_below(&world->draw, 3);
    say(world, "%s: a stranger %s of %s", cluster->name,
        what == 0   ? "writes a lock"
        : what == 1 ? "switches the lock off"
                    : "changes the jobs setting",
        names[infobase]);
    /* Behind the end of a drain the jobs that its late write denied are known by its lock alone. */
    if (what < 2 && lock_is_ours(cluster, lock) && !is_held(world, at, (int32_t)infobase))
        cluster->jobs_unclear[infobase] = true;
    if (what == 0) {
        struct infobase_lock strange = strange_lock(world, cluster, infobase);
        strange.infobase = lock->infobase;
        put_sessions(lock, &strange);
        put_sessions(meant, &strange);
        infobase_lock_release(&strange);
    } else if (what == 1) {
        lock->sessions_deny = false;
        meant->sessions_deny = false;
    } else {
        /* Denied by us and denied by him are one value: he is taken at his word only when he
         * allows. */
        lock->scheduled_jobs_deny = !lock->scheduled_jobs_deny;
        meant->scheduled_jobs_deny = lock->scheduled_jobs_deny;
        cluster->jobs_unclear[infobase] = true;
    }
}

/* ---- the cluster's side ---- */

enum error_code lock_arrives(struct world *world, struct request *request)
{
    if (request->infobase < 0)
        return ERR_NOT_FOUND;
    struct sim_cluster *cluster = &world->clusters[request->cluster];
    struct infobase_lock *lock = &cluster->lock[request->infobase];
    if (request->kind == ENGINE_LOCK_READ) {
        put(&request->lock, lock);
        return ERR_OK;
    }
    if (!infobase_lock_equal(lock, &request->expected) && !world->omissions.comparing)
        return ERR_CONFLICT;
    return ERR_OK;
}

void lock_effect(struct world *world, const struct request *request)
{
    struct sim_cluster *cluster = &world->clusters[request->cluster];
    struct infobase_lock *lock = &cluster->lock[request->infobase];
    if (!request->beyond && lock_is_ours(cluster, &request->lock) &&
        !is_his(cluster, request->infobase, &request->lock) &&
        !is_held(world, request->cluster, request->infobase))
        violate(world, "I9", "RESTORED was said of %s in %s while a lock was under way",
                names[request->infobase], cluster->name);
    if (!infobase_lock_equal(lock, &request->expected) && !world->omissions.comparing)
        cluster->clobbered[request->infobase] = true; /* the window that is stated */
    put(lock, &request->lock);
    say(world, "%s: the lock of %s is written by w%d: %s%s, jobs %s, %s", cluster->name,
        names[request->infobase], request->worker, lock->sessions_deny ? "on" : "off",
        lock_is_ours(cluster, lock) ? " (ours)" : "",
        lock->scheduled_jobs_deny ? "denied" : "allowed",
        lock->denied_message ? lock->denied_message : "");
}

/* ---- the oracle ---- */

static void note_ours(struct sim_cluster *cluster, const struct infobase_lock *during)
{
    for (int i = 0; i < INFOBASES; i++)
        if (uuid_equal(&cluster->infobase[i], &during->infobase))
            *VECTOR_ADD(&cluster->ours[i]) = infobase_lock_copy(during);
}

void oracle_fold_lock(struct world *world, struct fold *fold, struct fold_command *command,
                      const struct record *record, int64_t handed_ns)
{
    struct brief id = brief(&command->id);
    struct sim_cluster *cluster = &world->clusters[command->cluster];
    if (record->kind == RECORD_RESTORED) {
        if (!command->locked && !command->stray)
            violate(world, "I9", "%s gives back what it does not hold", id.text);
        command->locked = command->stray = false;
        command->restored_offset = (int64_t)fold->entries.count - 1;
        return;
    }
    if (command->command->action != ACTION_DRAIN)
        violate(world, "I9", "%s is no drain and has a licence for a lock", id.text);
    if (record->kind == RECORD_LOCKED) {
        if (command->waits)
            violate(world, "approval", "%s locks, and nobody has approved its list", id.text);
        command->locked = true;
        command->end_by = record->locked.end_by;
        if (record->locked.attempt == 1)
            command->lock_from = record->locked.grace_until;
        int infobase = lock_infobase(command->command->infobase);
        if (lock_is_ours(cluster, &record->locked.before) &&
            !is_his(cluster, infobase, &record->locked.before))
            violate(world, "I9", "%s promises to give back a lock of ours", id.text);
        note_ours(cluster, &record->locked.during);
    } else {
        command->gives_back = true;
        command->stray |= command->ended_offset >= 0;
        if (!command->locked && !command->stray)
            violate(world, "I9", "%s is to give back what it does not hold", id.text);
    }
    *VECTOR_ADD(&fold->locks) = (struct lock_licence){.cluster = command->cluster,
                                                      .locks = record->kind == RECORD_LOCKED,
                                                      .stray = command->stray,
                                                      .epoch = record->epoch,
                                                      .offset = (int64_t)fold->entries.count - 1,
                                                      .handed_ns = handed_ns};
}

void oracle_lock_sent(struct world *world, const struct worker *worker, int32_t partition,
                      const struct request *request)
{
    const struct sim_cluster *cluster = &world->clusters[request->cluster];
    bool ours = lock_is_ours(cluster, &request->lock);
    bool either = ours && is_his(cluster, request->infobase, &request->lock);
    struct fold *fold = &world->oracle->folds[partition];
    const struct seat *seat = &worker->seats[partition];
    const struct fold_owner *owner = fold_owner_at(fold, seat->read);
    const char *why = "there is none";
    for (size_t i = fold->locks.count; i-- > 0;) {
        struct lock_licence *licence = &fold->locks.at[i];
        if (licence->cluster != request->cluster || (licence->locks != ours && !either))
            continue;
        if (licence->used)
            why = "it was used before";
        else if (licence->offset >= seat->read)
            why = "it was not read back";
        else if (!owner || owner->worker != worker->index || owner->life != worker->life)
            why = "its worker knew that another owns the partition";
        else if (!epoch_equal(&owner->epoch, &licence->epoch))
            why = "it is of another epoch";
        else if (world->now_ns - licence->handed_ns >= LICENCE_AGE_MS * MS)
            why = "it is older than 10 s";
        else if (licence->locks && worker->halted)
            why = "the kill switch is on";
        else {
            licence->used = true;
            if (licence->stray && !was_ours(cluster, &request->expected))
                violate(world, "I9", "w%d takes somebody else's lock in %s for one of ours",
                        worker->index, cluster->name);
            world->oracle->strays += licence->stray;
            world->oracle->locks += licence->locks;
            world->oracle->restores += !licence->locks;
            return;
        }
    }
    violate(world, "I1", "w%d writes a lock in %s without a licence: %s", worker->index,
            cluster->name, why);
}

static void check_lock(struct world *world, const struct sim_cluster *cluster, int i)
{
    const struct infobase_lock *lock = &cluster->lock[i];
    const struct infobase_lock *meant = &cluster->meant[i];
    if (is_still_ours(cluster, i))
        violate(world, "I9", "the lock of %s in %s is still ours", names[i], cluster->name);
    if (cluster->clobbered[i])
        return;
    if (!infobase_lock_same_sessions(lock, meant))
        violate(world, "I9", "the lock of %s in %s is '%s' %d, and '%s' %d was there", names[i],
                cluster->name, lock->denied_message ? lock->denied_message : "",
                lock->sessions_deny, meant->denied_message ? meant->denied_message : "",
                meant->sessions_deny);
    if (!cluster->jobs_unclear[i] && lock->scheduled_jobs_deny != meant->scheduled_jobs_deny)
        violate(world, "I9", "jobs of %s in %s are %s, and were not", names[i], cluster->name,
                lock->scheduled_jobs_deny ? "denied" : "allowed");
}

void oracle_locks(struct world *world)
{
    for (uint32_t at = 0; at < world->plan.clusters; at++)
        for (int i = 0; i < INFOBASES; i++)
            check_lock(world, &world->clusters[at], i);
}
