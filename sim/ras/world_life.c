/* What happens in the world as time passes: sessions come, are active, and leave. */
#include <string.h>

#include "base/check.h"
#include "sim/ras/world_internal.h"

enum {
    TOUCH_EVERY_S = 20,      /* on average, per session */
    TICK_GAP_MAX_MS = 60000, /* more than this at once is not caught up with */
    BUSY_PERCENT = 20,
    SLEEP_PERCENT = 3,
    LICENSED_PERCENT = 60,
};

/* ---- sessions come ---- */

static bool is_job(struct text app)
{
    return text_equal(app, TEXT("BackgroundJob")) || text_equal(app, TEXT("SystemBackgroundJob"));
}

/* The most bytes that both readings of a length agree on (docs/ras-protocol.md 3.3). */
static struct text license_text(struct world *world)
{
    static char longest[4095];
    if (!world->options.stress || rng_below(&world->rng, 500))
        return TEXT("Клиент, 4242, ORGL8 Сетевой 50");
    memset(longest, 'L', sizeof longest);
    return keep_text(world->keep, (struct text){longest, sizeof longest});
}

static void give_license(struct world *world, struct world_session *session)
{
    if (rng_below(&world->rng, 100) >= LICENSED_PERCENT)
        return;
    session->license = (struct ras_license){
        .full_presentation = license_text(world),
        .license_type = 1,
        .max_users_all = 50,
        .max_users_cur = 50,
        .net = true,
        .rmngr_pid = TEXT("4242"),
        .series = TEXT("ORGL8"),
        .short_presentation = TEXT("Клиент, ORGL8 Сет 50"),
    };
    session->record.licenses = (struct ras_license_list){&session->license, 1};
}

static void first_counters(struct world *world, struct ras_session *record)
{
    record->bytes_all = rng_between(&world->rng, 1000, 5000000);
    record->calls_all = (int32_t)rng_between(&world->rng, 1, 100000);
    record->dbms_bytes_all = rng_between(&world->rng, 1000, 50000000);
    record->duration_all = (int32_t)rng_between(&world->rng, 100, 1000000);
    record->duration_all_dbms = record->duration_all / 3;
    record->memory_current = rng_between(&world->rng, -5000, 5000000);
    record->memory_total = rng_between(&world->rng, 0, 6000000000);
    record->read_total = rng_between(&world->rng, 0, 100000);
    record->write_total = rng_between(&world->rng, 0, 100000);
    record->cpu_time_total = record->duration_all / 2;
}

struct world_session *world_start(struct world_infobase *infobase, struct world_person *person,
                                  struct wall now)
{
    struct world *world = infobase->cluster->world;
    struct server_time at = world_time(world, now);
    struct ras_session record = {
        .uuid = world_uuid(world, "session"),
        .app_id = person->app,
        .host = person->host,
        .infobase = infobase->record.uuid,
        .last_active_at = at,
        .passive_session_hibernate_time = 1200,
        .hibernate_session_terminate_time = 86400,
        .locale = TEXT("ru_RU"),
        .started_at = at,
        .user_name = person->user,
        .data_separation = TEXT("''"),
        .client_ip = person->ip,
    };
    first_counters(world, &record);
    struct world_session *session = world_enter(infobase, &record, now);
    give_license(world, session);
    world_link(session, now);
    return session;
}

/* Until authentication ends a session has no user name. */
void world_show_name(struct world_session *session)
{
    session->record.user_name = session->user;
    session->named_at.ms = 0;
}

static void hide_name(struct world_session *session, struct wall now)
{
    int64_t nameless = session->infobase->cluster->world->options.nameless_ms;
    if (nameless <= 0)
        return;
    session->user = session->record.user_name;
    session->record.user_name = (struct text){0};
    session->named_at.ms = now.ms + nameless;
    world_due_at(session->infobase->cluster, session->named_at);
}

void world_enter_person(struct world_infobase *infobase, struct world_person *person,
                        struct wall now)
{
    person->session = world_start(infobase, person, now);
    person->session->person = person;
    person->back_at.ms = 0;
    hide_name(person->session, now);
}

struct world_session *world_login(struct world_infobase *infobase, struct text user,
                                  struct text app, struct text host, struct wall now)
{
    struct keep *keep = infobase->cluster->world->keep;
    struct world_person person = {
        .user = keep_text(keep, user), .app = keep_text(keep, app), .host = keep_text(keep, host)};
    struct world_session *session = world_start(infobase, &person, now);
    hide_name(session, now);
    return session;
}

bool world_lets_in(const struct world_infobase *infobase, struct text app, struct wall now)
{
    const struct ras_infobase *record = &infobase->record;
    struct server_time at = world_time(infobase->cluster->world, now);
    if (record->scheduled_jobs_deny && is_job(app))
        return false;
    if (!record->sessions_deny)
        return true;
    bool begun = record->denied_from.ticks == 0 || at.ticks >= record->denied_from.ticks;
    bool over = record->denied_to.ticks != 0 && at.ticks >= record->denied_to.ticks;
    return !begun || over;
}

/* ---- time passes ---- */

static void leave_due(struct world_cluster *cluster, struct wall now)
{
    for (size_t i = cluster->session_count; i-- > 0;) {
        struct world_session *session = cluster->sessions[i];
        if (session->named_at.ms && session->named_at.ms <= now.ms)
            world_show_name(session);
        if (session->gone_at.ms && session->gone_at.ms <= now.ms)
            world_logout(session, session->cause, now);
    }
    for (size_t i = cluster->connection_count; i-- > 0;) {
        struct world_connection *connection = cluster->connections[i];
        if (connection->gone_at.ms && connection->gone_at.ms <= now.ms)
            world_connection_leave(cluster, connection);
    }
}

static void come_back_due(struct world_cluster *cluster, struct wall now)
{
    for (size_t i = 0; i < cluster->infobase_count; i++) {
        struct world_infobase *infobase = cluster->infobases[i];
        for (size_t p = 0; p < infobase->person_count; p++) {
            struct world_person *person = &infobase->people[p];
            if (!person->back_at.ms || person->back_at.ms > now.ms || person->session)
                continue;
            if (world_lets_in(infobase, person->app, now))
                world_enter_person(infobase, person, now);
        }
    }
}

static void find_due(struct world_cluster *cluster)
{
    cluster->due.ms = WORLD_FOREVER;
    for (size_t i = 0; i < cluster->session_count; i++) {
        world_due_at(cluster, cluster->sessions[i]->gone_at);
        world_due_at(cluster, cluster->sessions[i]->named_at);
    }
    for (size_t i = 0; i < cluster->connection_count; i++)
        world_due_at(cluster, cluster->connections[i]->gone_at);
    for (size_t i = 0; i < cluster->infobase_count; i++)
        for (size_t p = 0; p < cluster->infobases[i]->person_count; p++)
            if (!cluster->infobases[i]->people[p].session)
                world_due_at(cluster, cluster->infobases[i]->people[p].back_at);
}

static struct world_cluster *any_cluster(struct world *world)
{
    return world->clusters[rng_below(&world->rng, world->cluster_count)];
}

static void churn_login(struct world *world, struct wall now)
{
    struct world_cluster *cluster = any_cluster(world);
    if (!cluster->infobase_count)
        return;
    struct world_infobase *infobase =
        cluster->infobases[rng_below(&world->rng, cluster->infobase_count)];
    for (unsigned tries = 0; tries < 8 && infobase->person_count; tries++) {
        struct world_person *person =
            &infobase->people[rng_below(&world->rng, infobase->person_count)];
        if (person->session || !world_lets_in(infobase, person->app, now))
            continue;
        world_enter_person(infobase, person, now);
        return;
    }
}

static void churn_logout(struct world *world, struct wall now)
{
    struct world_cluster *cluster = any_cluster(world);
    if (!cluster->session_count)
        return;
    struct world_session *session =
        cluster->sessions[rng_below(&world->rng, cluster->session_count)];
    if (!session->gone_at.ms)
        world_logout(session, WORLD_LOGOUT, now);
}

static void touch(struct world *world, struct world_session *session, struct wall now)
{
    struct ras_session *record = &session->record;
    uint64_t draw = rng_below(&world->rng, 100);
    if (session->gone_at.ms)
        return;
    record->last_active_at = world_time(world, now);
    record->calls_all++;
    record->calls_last_5min = rng_between(&world->rng, 1, 40);
    record->bytes_all += rng_between(&world->rng, 100, 9000);
    record->bytes_last_5min = rng_between(&world->rng, 100, 90000);
    record->memory_current = rng_between(&world->rng, -4096, 4096);
    record->hibernate = false;
    world_call(session, draw < BUSY_PERCENT ? (int32_t)rng_between(&world->rng, 1, 9000) : 0);
    if (draw >= 100 - SLEEP_PERCENT)
        record->hibernate = true;
}

static void be_active(struct world *world, struct wall now, double seconds)
{
    world->activity_debt += seconds * (double)world_totals(world).sessions / TOUCH_EVERY_S;
    for (; world->activity_debt >= 1; world->activity_debt -= 1) {
        struct world_cluster *cluster = any_cluster(world);
        if (cluster->session_count)
            touch(world, cluster->sessions[rng_below(&world->rng, cluster->session_count)], now);
    }
}

static void live(struct world *world, struct wall now, double seconds)
{
    world->login_debt += seconds * world->options.churn;
    world->logout_debt += seconds * world->options.churn;
    for (; world->logout_debt >= 1; world->logout_debt -= 1)
        churn_logout(world, now);
    for (; world->login_debt >= 1; world->login_debt -= 1)
        churn_login(world, now);
    if (world->options.activity)
        be_active(world, now, seconds);
}

void world_tick(struct world *world, struct wall now)
{
    int64_t gap = world->ticked_at.ms ? now.ms - world->ticked_at.ms : 0;
    world->ticked_at = now;
    for (size_t i = 0; i < world->cluster_count; i++) {
        struct world_cluster *cluster = world->clusters[i];
        if (cluster->due.ms > now.ms)
            continue;
        leave_due(cluster, now);
        come_back_due(cluster, now);
        find_due(cluster);
    }
    if (gap <= 0 || !world->cluster_count)
        return;
    if (gap > TICK_GAP_MAX_MS)
        gap = TICK_GAP_MAX_MS;
    live(world, now, (double)gap / 1000);
}
