#include "cli/demo_world.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "sim/ras/server.h"

enum { ENDS_MAX = 100000 };

static const double churn_per_second = 3;

/* One session that left the lists. */
struct end {
    struct uuid session;
    struct uuid infobase;
    uint32_t number;
    enum world_cause cause;
};

struct demo_world {
    uv_loop_t *loop;
    struct clock clock;
    struct world *world;
    struct ras_sim *sim;
    char names[DEMO_CLUSTERS][32];
    uint16_t ports[DEMO_CLUSTERS];
    struct end *ends; /* owned */
    size_t end_count;
    bool closed;
};

/* ---- life ---- */

static void on_event(void *self, const struct world_event *event)
{
    struct demo_world *world = self;
    if (event->kind != WORLD_ENDED || world->end_count == ENDS_MAX)
        return;
    world->ends = mem_resize(world->ends, world->end_count + 1, sizeof *world->ends);
    world->ends[world->end_count++] =
        (struct end){event->session->record.uuid, event->session->record.infobase,
                     (uint32_t)event->session->record.session_id, event->cause};
}

static void populate(struct demo_world *world)
{
    struct world_options options = world_options_default();
    options.churn = churn_per_second;
    options.relogin_ms = 1500; /* who was thrown out comes back, with another UUID */
    options.linger_ms = 150;   /* as real clusters do: gone a moment later */
    options.stress = false;
    world->world = world_create(options);
    struct world_population population = {
        .clusters = DEMO_CLUSTERS, .infobases = DEMO_INFOBASES, .sessions = DEMO_SESSIONS};
    world_populate(world->world, &population, clock_wall(&world->clock));
    world_watch(world->world, on_event, world);
}

enum error_code demo_world_create(uv_loop_t *loop, struct demo_world **ret, struct error *err)
{
    AUTO(demo_world) world = mem_new(struct demo_world);
    struct ras_sim_options options = {.seed = 1, .english = true};
    world->loop = loop;
    world->clock = clock_real();
    populate(world);
    world->sim = ras_sim_create(loop, world->world, &options);
    for (unsigned i = 0; i < DEMO_CLUSTERS; i++) {
        struct world_cluster *cluster = world_cluster_at(world->world, i);
        snprintf(world->names[i], sizeof world->names[i], "%.*s", TEXT_ARGS(cluster->record.name));
        if (ras_sim_listen(world->sim, NULL, 0, cluster, &world->ports[i], err))
            return error_wrap(err, "the simulated clusters cannot listen");
    }
    *ret = STEAL(world);
    return ERR_OK;
}

static void on_closed(void *self)
{
    struct demo_world *world = self;
    world->closed = true;
}

void demo_world_destroy(struct demo_world *world)
{
    if (!world)
        return;
    if (world->sim) {
        ras_sim_close(world->sim, on_closed, world);
        while (!world->closed)
            uv_run(world->loop, UV_RUN_ONCE);
        ras_sim_destroy(world->sim);
    }
    world_destroy(world->world);
    free(world->ends);
    free(world);
}

const char *demo_world_name(const struct demo_world *world, unsigned cluster)
{
    CHECK(cluster < DEMO_CLUSTERS);
    return world->names[cluster];
}

uint16_t demo_world_port(const struct demo_world *world, unsigned cluster)
{
    CHECK(cluster < DEMO_CLUSTERS);
    return world->ports[cluster];
}

size_t demo_world_sessions(const struct demo_world *world, unsigned cluster)
{
    return world_cluster_at(world->world, cluster)->session_count;
}

/* ---- asking ---- */

/* Nobody wonders when such a session is ended, and none of them is protected. */
static bool is_ordinary(const struct world_session *session)
{
    static const char *const apps[] = {"1CV8", "1CV8C", "WebClient"};
    if (session->gone_at.ms)
        return false;
    for (size_t i = 0; i < sizeof apps / sizeof *apps; i++)
        if (text_equal(session->record.app_id, text_of(apps[i])))
            return true;
    return false;
}

static void ask(struct demo_asked *asked, const struct world_session *session)
{
    CHECK(asked->count < DEMO_ASKED_MAX);
    asked->numbers[asked->count] = (uint32_t)session->record.session_id;
    asked->sessions[asked->count++] = session->record.uuid;
}

void demo_world_ask_numbers(struct demo_world *world, size_t ordinary, struct demo_asked *ret)
{
    struct world_cluster *cluster = world_cluster_at(world->world, 0);
    struct world_infobase *infobase = cluster->infobases[0];
    *ret = (struct demo_asked){.by_number = true, .infobase = "ib-01"};
    CHECK(text_equal(infobase->record.name, text_of(ret->infobase)));
    for (size_t i = 2; i < infobase->number_count && ret->count < ordinary; i += 3)
        if (infobase->by_number[i] && is_ordinary(infobase->by_number[i]))
            ask(ret, infobase->by_number[i]);
    ret->guarded = ret->count;
    ask(ret, world_login(infobase, TEXT("Администратор"), TEXT("SrvrConsole"), TEXT("ADMIN-PC"),
                         clock_wall(&world->clock)));
    CHECK(ret->count < DEMO_ASKED_MAX);
    ret->numbers[ret->count++] = 9999;
}

void demo_world_ask_sessions(struct demo_world *world, size_t ordinary, struct demo_asked *ret)
{
    struct world_cluster *cluster = world_cluster_at(world->world, 1);
    *ret = (struct demo_asked){.cluster = 1};
    for (size_t i = 0; i < cluster->session_count && ret->count < ordinary; i += 5)
        if (is_ordinary(cluster->sessions[i]))
            ask(ret, cluster->sessions[i]);
    ret->guarded = ret->count;
}

/* ---- the truth ---- */

static const struct end *find_end(const struct demo_world *world, const struct uuid *session)
{
    for (size_t i = 0; i < world->end_count; i++)
        if (uuid_equal(&world->ends[i].session, session))
            return &world->ends[i];
    return NULL;
}

static bool announced_as_ended(const struct verdict *verdict, const struct uuid *session)
{
    for (uint32_t i = 0; i < verdict->count; i++)
        for (uint32_t j = 0; j < verdict->parts[i]->target_count; j++) {
            const struct event_target_view *target = &verdict->parts[i]->targets[j];
            if (target->outcome == TARGET_ENDED && uuid_equal(&target->session, session))
                return true;
        }
    return false;
}

/* By number it may be whoever has the number when the worker looks: that is what was asked. */
static bool was_asked(const struct demo_world *world, const struct demo_asked *asked,
                      const struct end *end)
{
    const struct world_cluster *cluster = world_cluster_at(world->world, asked->cluster);
    const struct world_infobase *infobase =
        asked->by_number ? world_infobase_named(cluster, text_of(asked->infobase)) : NULL;
    for (size_t i = 0; i < asked->count; i++) {
        if (uuid_equal(&asked->sessions[i], &end->session))
            return i != asked->guarded;
        if (infobase && uuid_equal(&infobase->record.uuid, &end->infobase) &&
            asked->numbers[i] == end->number)
            return true;
    }
    return false;
}

static void judge_end(const struct demo_world *world, const struct demo_asked *asked,
                      const struct verdict *verdicts, size_t count, const struct end *end,
                      struct demo_truth *truth)
{
    bool right = false;
    if (end->cause != WORLD_TERMINATED) {
        truth->by_itself += end->cause == WORLD_LOGOUT;
        return;
    }
    truth->terminated++;
    for (size_t i = 0; i < count && !right; i++)
        right = was_asked(world, &asked[i], end) && announced_as_ended(&verdicts[i], &end->session);
    truth->asked += right;
    truth->strangers += !right;
}

static void judge_announced(const struct demo_world *world, const struct verdict *verdict,
                            struct demo_truth *truth)
{
    for (uint32_t i = 0; i < verdict->count; i++)
        for (uint32_t j = 0; j < verdict->parts[i]->target_count; j++) {
            const struct event_target_view *target = &verdict->parts[i]->targets[j];
            if (target->outcome != TARGET_ENDED)
                continue;
            const struct end *end = find_end(world, &target->session);
            truth->announced++;
            truth->untrue += !end; /* a logout that came first ends it as well */
        }
}

static void judge_asked(const struct demo_world *world, const struct demo_asked *asked,
                        struct demo_truth *truth)
{
    const struct world_cluster *cluster = world_cluster_at(world->world, asked->cluster);
    for (size_t i = 0; i < asked->count; i++) {
        const struct end *end = find_end(world, &asked->sessions[i]);
        if (i == asked->guarded)
            truth->guarded_ended |= end && end->cause == WORLD_TERMINATED;
        else if (!uuid_is_nil(&asked->sessions[i]))
            truth->left_over += world_session_find(cluster, &asked->sessions[i]) != NULL;
    }
}

struct demo_truth demo_world_judge(const struct demo_world *world, const struct demo_asked *asked,
                                   const struct verdict *verdicts, size_t count)
{
    struct demo_truth truth = {0};
    for (size_t i = 0; i < world->end_count; i++)
        judge_end(world, asked, verdicts, count, &world->ends[i], &truth);
    for (size_t i = 0; i < count; i++) {
        judge_announced(world, &verdicts[i], &truth);
        judge_asked(world, &asked[i], &truth);
    }
    return truth;
}

bool demo_truth_is_good(const struct demo_truth *truth)
{
    return truth->terminated > 0 && !truth->strangers && !truth->untrue && !truth->left_over &&
           !truth->guarded_ended;
}
