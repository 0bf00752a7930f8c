/* The modelled clusters: sessions that come and go, and answers that lie, stall and get lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "leftovers.h"
#include "locks.h"
#include "oracle.h"
#include "worker.h"
#include "world.h"

enum { LIST_BYTES_MAX = 4 * 1024 * 1024, TICKS_OF_MS = 10, FIRST_AGE_MS = 600000 };
static const char *const infobase_names[INFOBASES] = {"ut", "бух"};

/* ---- sessions ---- */

static void login_task(struct world *world, struct task *task);

bool session_protected(const struct truth *truth)
{
    return !strcmp(truth->app, "RAS") || !strcmp(truth->app, "SrvrConsole");
}

static uint32_t free_number(const struct sim_cluster *cluster, uint32_t infobase)
{
    for (uint32_t number = 1;; number++) {
        bool taken = false;
        for (size_t i = 0; i < cluster->alive.count && !taken; i++) {
            const struct truth *truth = &cluster->all.at[cluster->alive.at[i]];
            taken = truth->number == number && truth->infobase == infobase;
        }
        if (!taken)
            return number;
    }
}

struct truth *session_login(struct world *world, int32_t at, uint32_t infobase,
                            const struct uuid *uuid)
{
    static const char *const apps[] = {"1CV8C",     "1CV8", "BackgroundJob",
                                       "WebClient", "RAS",  "SrvrConsole"};
    struct sim_cluster *cluster = &world->clusters[at];
    uint32_t number = free_number(cluster, infobase);
    uint32_t index = (uint32_t)cluster->all.count;
    struct truth *truth = VECTOR_ADD(&cluster->all);
    *VECTOR_ADD(&cluster->alive) = index;
    truth->uuid = uuid ? *uuid : draw_uuid(&world->draw);
    truth->infobase = infobase;
    truth->number = number;
    snprintf(truth->user, sizeof truth->user, "user%u", cluster->users++ % 7);
    truth->app = apps[draw_below(&world->draw, draw_percent(&world->draw, 15) ? 6 : 4)];
    truth->started_at = server_time_of_ms(world_wall(world).ms + cluster->clock_ms);
    truth->started_at.ticks += index % TICKS_OF_MS;
    truth->born_ns = world->now_ns;
    truth->died_ns = NEVER_NS;
    connection_begin(world, at, index);
    say(world, "%s: session %s number %u of %s comes (%s)", cluster->name, brief(&truth->uuid).text,
        number, truth->user, truth->app);
    return truth;
}

void session_die(struct world *world, int32_t at, uint32_t index)
{
    struct sim_cluster *cluster = &world->clusters[at];
    struct truth *truth = &cluster->all.at[index];
    CHECK(truth->died_ns == NEVER_NS);
    truth->died_ns = world->now_ns;
    for (size_t i = 0; i < cluster->alive.count; i++)
        if (cluster->alive.at[i] == index)
            cluster->alive.at[i] = cluster->alive.at[--cluster->alive.count];
    connection_outlive(world, at, index);
    say(world, "%s: session %s number %u is gone", cluster->name, brief(&truth->uuid).text,
        truth->number);
    struct task back = {
        .run = login_task, .worker = -1, .index = at, .generation = truth->infobase};
    if (draw_chance(&world->draw, world->plan.reuse_uuid)) {
        back.number = index + UINT64_C(1); /* comes back under the same UUID, as somebody else */
        world_after(world, world_delay(world, 0, 3000), back);
    } else if (draw_chance(&world->draw, world->plan.reconnect)) {
        world_after(world, world_delay(world, 0, 50), back);
    }
}

static void login_task(struct world *world, struct task *task)
{
    struct uuid uuid;
    bool same = task->number > 0;
    if (same)
        uuid = world->clusters[task->index].all.at[task->number - 1].uuid;
    if (same && session_find(world, task->index, &uuid) >= 0)
        return;
    if (!lock_lets_in(world, task->index, task->generation))
        return;
    session_login(world, task->index, task->generation, same ? &uuid : NULL);
}

int64_t session_find(const struct world *world, int32_t at, const struct uuid *uuid)
{
    const struct sim_cluster *cluster = &world->clusters[at];
    for (size_t i = 0; i < cluster->alive.count; i++)
        if (uuid_equal(&cluster->all.at[cluster->alive.at[i]].uuid, uuid))
            return cluster->alive.at[i];
    return -1;
}

void cluster_begin(struct world *world, int32_t at)
{
    struct sim_cluster *cluster = &world->clusters[at];
    snprintf(cluster->name, sizeof cluster->name, "c%d", at);
    cluster->home = at % (int32_t)world->plan.partitions;
    cluster->clock_ms = draw_between(&world->draw, -CLUSTER_CLOCK_MS, CLUSTER_CLOCK_MS);
    for (int i = 0; i < INFOBASES; i++)
        cluster->infobase[i] = draw_uuid(&world->draw);
    locks_begin(world, at);
    for (uint32_t i = 0; i < world->plan.sessions; i++) { /* they came long before */
        struct truth *truth = session_login(world, at, draw_below(&world->draw, INFOBASES), NULL);
        truth->born_ns -= FIRST_AGE_MS * MS;
        truth->started_at.ticks -= FIRST_AGE_MS * TICKS_OF_MS;
    }
}

/* ---- answers ---- */

void request_free(void *at)
{
    struct request *request = at;
    session_list_destroy(request->list);
    connection_list_destroy(request->connections);
    infobase_lock_release(&request->lock);
    infobase_lock_release(&request->expected);
    free(request);
}

static void answer_task(struct world *world, struct task *task)
{
    worker_answered(world, world->workers[task->worker], task->data);
}

static void answer(struct world *world, struct request *request, enum error_code code,
                   int64_t delay_ns)
{
    request->code = code;
    int64_t left = request->deadline_ns - world->now_ns;
    if (delay_ns > left) { /* too late: the caller has given up */
        delay_ns = left > 0 ? left : 0;
        request->code = request_changes(request->kind) ? ERR_IN_DOUBT : ERR_UNAVAILABLE;
    }
    world_after(world, delay_ns,
                (struct task){.run = answer_task,
                              .worker = request->worker,
                              .life = request->life,
                              .data = request,
                              .release = request_free});
}

static void *list_take(struct session_list *list, size_t count, size_t size)
{
    void *taken = arena_take(list->arena, count ? count : 1, size);
    CHECK(taken);
    return taken;
}

static const char *list_text(struct session_list *list, const char *text)
{
    const char *taken = arena_text(list->arena, text_of(text));
    CHECK(taken);
    return taken;
}

/* As the decoder fills it in: every text is there, fields that the cluster does not report are
 * empty. */
static void tell_session(const struct world *world, struct session_list *list,
                         const struct sim_cluster *cluster, const struct truth *truth,
                         struct session *ret)
{
#define SIM_EMPTY_UUID(name)
#define SIM_EMPTY_U32(name)
#define SIM_EMPTY_I64(name)
#define SIM_EMPTY_TEXT(name) ret->name = "";
#define SIM_EMPTY_TIME(name)
#define SIM_EMPTY_BOOL(name)
#define FIELD(type, name) SIM_EMPTY_##type(name)
#include "model/session.def"
#undef FIELD
    ret->uuid = truth->uuid;
    ret->number = truth->number;
    ret->infobase = cluster->infobase[truth->infobase];
    ret->infobase_name = infobase_names[truth->infobase];
    ret->user_name = list_text(
        list, truth_fades(truth) && truth->stuck_until > world->now_ns ? "" : truth->user);
    ret->app_id = truth->app;
    ret->started_at = truth->started_at;
    ret->reported = (1U << SESSION_uuid) | (1U << SESSION_number) | (1U << SESSION_infobase) |
                    (1U << SESSION_user_name) | (1U << SESSION_app_id) | (1U << SESSION_started_at);
}

static struct session_list *list_now(struct world *world, struct request *request)
{
    struct sim_cluster *cluster = &world->clusters[request->cluster];
    struct session_list *list = session_list_create(LIST_BYTES_MAX);
    bool *lied = &cluster->lied[request->worker];
    bool lies = !world->calm && !*lied && draw_chance(&world->draw, world->plan.lying_list);
    request->lies = lies;
    *lied |= lies;
    list->count = lies ? 0 : cluster->alive.count;
    list->sessions = list_take(list, list->count, sizeof list->sessions[0]);
    for (size_t i = 0; i < list->count; i++)
        tell_session(world, list, cluster, &cluster->all.at[cluster->alive.at[i]],
                     &list->sessions[i]);
    list->has_infobases = request->names;
    list->infobase_count = request->names ? INFOBASES : 0;
    list->infobases = list_take(list, INFOBASES, sizeof list->infobases[0]);
    for (size_t i = 0; i < list->infobase_count; i++)
        list->infobases[i] =
            (struct infobase_name){.uuid = cluster->infobase[i], .name = infobase_names[i]};
    if (lies)
        say(world, "%s: lies to worker %d: no sessions", cluster->name, request->worker);
    return list;
}

/* ---- effects ---- */

void cluster_effect(struct world *world, const struct request *request)
{
    if (request->kind == ENGINE_LOCK_WRITE) {
        if (request->infobase >= 0)
            lock_effect(world, request);
        return;
    }
    if (request->kind != ENGINE_END) {
        leftovers_effect(world, request);
        return;
    }
    int64_t index = session_find(world, request->cluster, &request->session);
    if (index < 0)
        return;
    struct truth *truth = &world->clusters[request->cluster].all.at[index];
    if (truth->stuck_until > world->now_ns) {
        say(world, "%s: the end of %s does nothing yet", world->clusters[request->cluster].name,
            brief(&request->session).text);
        return;
    }
    oracle_effect(world, request, request->cluster, (uint32_t)index);
    session_die(world, request->cluster, (uint32_t)index);
}

static void late_effect(struct world *world, struct task *task)
{
    const struct request *request = task->data;
    world->locks_under_way -= request->kind == ENGINE_LOCK_WRITE;
    cluster_effect(world, request);
}

static void effect_later(struct world *world, const struct request *request, int64_t delay_ns)
{
    struct request *copy = mem_new(struct request);
    *copy = *request;
    copy->list = NULL;
    copy->connections = NULL;
    copy->lock = infobase_lock_copy(&request->lock);
    copy->expected = infobase_lock_copy(&request->expected);
    world->locks_under_way += request->kind == ENGINE_LOCK_WRITE;
    world_after(
        world, delay_ns,
        (struct task){.run = late_effect, .worker = -1, .data = copy, .release = request_free});
}

/* A session whose end is accepted may stay listed for a while, or for ever. */
static bool sticks(struct world *world, struct truth *truth)
{
    if (truth->stuck_until)
        return truth->stuck_until > world->now_ns;
    truth->stuck_until = 1; /* drawn once for each session */
    if (!draw_chance(&world->draw, world->plan.stuck))
        return false;
    bool for_ever = draw_percent(&world->draw, 30);
    truth->stuck_until = for_ever ? NEVER_NS : world->now_ns + world_delay(world, 100, 8000);
    return true;
}

static void end_arrives(struct world *world, struct request *request)
{
    struct sim_cluster *cluster = &world->clusters[request->cluster];
    int64_t index = session_find(world, request->cluster, &request->session);
    int64_t reply_ns = world_delay(world, 0, 30);
    if (index < 0) {
        answer(world, request, ERR_GONE, reply_ns);
        return;
    }
    if (!world->calm && draw_chance(&world->draw, world->plan.lying_gone)) {
        say(world, "%s: says that it does not know %s", cluster->name,
            brief(&request->session).text);
        answer(world, request, ERR_GONE, reply_ns);
        return;
    }
    if (!world->calm && draw_chance(&world->draw, world->plan.refuse)) {
        answer(world, request, ERR_REFUSED, reply_ns);
        return;
    }
    struct truth *truth = &cluster->all.at[index];
    if (!sticks(world, truth))
        cluster_effect(world, request);
    else if (truth->stuck_until != NEVER_NS)
        effect_later(world, request, truth->stuck_until - world->now_ns);
    answer(world, request, ERR_OK, reply_ns);
}

static void probe_arrives(struct world *world, struct request *request)
{
    const struct sim_cluster *cluster = &world->clusters[request->cluster];
    int64_t index = session_find(world, request->cluster, &request->session);
    bool lies = index >= 0 && !world->calm && draw_chance(&world->draw, world->plan.lying_probe);
    bool told = index >= 0 && !lies;
    if (told) { /* as it is: it may be somebody else's by now */
        request->list = session_list_create(LIST_BYTES_MAX);
        request->list->count = 1;
        request->list->sessions = list_take(request->list, 1, sizeof request->list->sessions[0]);
        tell_session(world, request->list, cluster, &cluster->all.at[index],
                     request->list->sessions);
    }
    answer(world, request, told ? ERR_OK : ERR_GONE, world_delay(world, 0, 30));
}

static void lock_answered(struct world *world, struct request *request)
{
    int64_t reply_ns = world_delay(world, 0, 30);
    enum error_code code = lock_arrives(world, request);
    if (request->kind == ENGINE_LOCK_READ) {
        answer(world, request, code, reply_ns);
        return;
    }
    request->sent = !code;
    if (!code && !world->calm && draw_chance(&world->draw, world->plan.refuse))
        code = ERR_REFUSED;
    else if (!code)
        cluster_effect(world, request);
    answer(world, request, code, reply_ns);
}

/* Far behind every bound: the process that sent it, or the cluster, stood still. Only where the
 * journal remembers drains for longer than that. */
static bool comes_late(struct world *world, const struct request *request)
{
    return world->plan.late_locks && world->plan.validity_ms > 2 * LATE_LOCK_MS &&
           lock_is_ours(&world->clusters[request->cluster], &request->lock) &&
           draw_percent(&world->draw, world->plan.late_locks);
}

/* No answer before the caller's deadline, or the connection breaks; the effect may come all the
 * same. */
static void no_answer(struct world *world, struct request *request, bool hangs)
{
    bool ends = request_changes(request->kind);
    bool locks = request->kind == ENGINE_LOCK_WRITE;
    if (locks && lock_arrives(world, request)) { /* it reads first, and that got no answer */
        request->sent = false;
        answer(world, request, ERR_UNAVAILABLE, world_delay(world, 0, 100));
        return;
    }
    request->beyond = locks && comes_late(world, request);
    if (request->beyond)
        effect_later(world, request, world_delay(world, 0, LATE_LOCK_MS));
    else if (ends && draw_percent(&world->draw, 40))
        cluster_effect(world, request);
    else if (ends && draw_percent(&world->draw, 30))
        effect_later(world, request,
                     locks ? world_delay(world, 100, world->plan.request_timeout_ms)
                           : world_delay(world, 100, 20000)); /* a RAS that stood still */
    answer(world, request, ends ? ERR_IN_DOUBT : ERR_UNAVAILABLE,
           hangs ? NEVER_NS / 2 : world_delay(world, 0, 100));
}

static void arrives(struct world *world, struct task *task)
{
    struct request *request = task->data;
    task->data = NULL;
    struct sim_cluster *cluster = &world->clusters[request->cluster];
    bool hangs = cluster->mode == MODE_HANG;
    bool cuts = cluster->mode == MODE_CUT && draw_percent(&world->draw, 50);
    if (!world->calm)
        cuts |= draw_chance(&world->draw, world->plan.cut);
    if (hangs || cuts) {
        no_answer(world, request, hangs);
        return;
    }
    switch (request->kind) {
    case ENGINE_LIST:
        request->list = list_now(world, request);
        bool slow = cluster->mode == MODE_SLOW || draw_chance(&world->draw, world->plan.slow);
        answer(world, request, ERR_OK,
               world->plan.list_ms * MS + (slow && !world->calm ? world_delay(world, 200, 6000)
                                                                : world_delay(world, 0, 30)));
        break;
    case ENGINE_PROBE:
        probe_arrives(world, request);
        break;
    case ENGINE_CONNECTIONS:
    case ENGINE_DISCONNECT:
    case ENGINE_INTERRUPT:
        answer(world, request, leftovers_arrive(world, request), world_delay(world, 0, 30));
        break;
    case ENGINE_LOCK_READ:
    case ENGINE_LOCK_WRITE:
        lock_answered(world, request);
        break;
    default:
        end_arrives(world, request);
        break;
    }
}

void cluster_request(struct world *world, struct request *request)
{
    if (world->clusters[request->cluster].mode == MODE_DOWN) {
        request->sent = false; /* no connection: not a byte went out */
        answer(world, request, ERR_UNAVAILABLE, world_delay(world, 0, 20));
        return;
    }
    request->sent = request_changes(request->kind);
    world_after(
        world, world_delay(world, 0, 10),
        (struct task){.run = arrives, .worker = -1, .data = request, .release = request_free});
}

int32_t cluster_named(const struct world *world, const char *name)
{
    for (uint32_t i = 0; i < world->plan.clusters; i++)
        if (!strcmp(world->clusters[i].name, name))
            return (int32_t)i;
    CHECK(!"a cluster that is configured");
    return -1;
}
