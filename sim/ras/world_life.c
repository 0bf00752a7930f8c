/* How the world comes to be from a seed, and what happens in it as time passes. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "sim/ras/world_internal.h"

enum {
    FIRST_AGE_S = 8 * 3600,  /* sessions of the first moment are up to this old */
    FIRST_IDLE_S = 30 * 60,  /* and idle up to this */
    TOUCH_EVERY_S = 20,      /* on average, per session */
    TICK_GAP_MAX_MS = 60000, /* more than this at once is not caught up with */
    PEOPLE_SPARE = 3,        /* people not logged in: a third of the sessions */
    STRESS_EVERY = 16,       /* every 16th person has an odd name */
    BUSY_PERCENT = 20,
    SLEEP_PERCENT = 3,
    LICENSED_PERCENT = 60,
    SERVICE_CONNECTIONS = 2,
};

static const char *const surnames[] = {
    "Иванов",  "Петрова",  "Сидоренко", "Кузнецов", "Смирнова", "Попов",     "Васильева",
    "Соколов", "Михайлов", "Новикова",  "Фёдоров",  "Морозова", "Волков",    "Алексеева",
    "Лебедев", "Семёнова", "Егоров",    "Павлова",  "Козлов",   "Степанова", "Николаев",
    "Орлова",  "Андреев",  "Макарова",  "Никитин",  "Захарова", "Зайцев",    "Соловьёва",
    "Борисов", "Яковлева", "Григорьев", "Романова", "Воробьёв", "Сергеева",  "Кузьмин",
    "Фролова", "Ghenadie", "O'Neill",   "Ärö",      "Müller",
};
static const char *const initials[] = {"А", "Б", "В", "Г", "Д", "Е", "И", "К",
                                       "Л", "М", "Н", "О", "П", "Р", "С", "Т"};

/* Percent of the sessions, in this order; the rest is 1CV8C. */
static const struct {
    const char *app;
    unsigned percent;
} apps[] = {
    {"1CV8C", 52},
    {"1CV8", 16},
    {"WebClient", 12},
    {"BackgroundJob", 7},
    {"HTTPServiceConnection", 5},
    {"COMConnection", 3},
    {"WSConnection", 2},
    {"Designer", 1},
    {"SrvrConsole", 1},
    {"SystemBackgroundJob", 1},
};

static struct text pick_app(struct world *world)
{
    unsigned draw = (unsigned)rng_below(&world->rng, 100);
    for (size_t i = 0; i < sizeof apps / sizeof *apps; i++) {
        if (draw < apps[i].percent)
            return text_of(apps[i].app);
        draw -= apps[i].percent;
    }
    return TEXT("1CV8C");
}

static bool is_job(struct text app)
{
    return text_equal(app, TEXT("BackgroundJob")) || text_equal(app, TEXT("SystemBackgroundJob"));
}

/* Names that break readers: empty, around the borders of the length's forms, four-byte letters. */
static struct text odd_name(struct keep *keep, size_t which)
{
    static const size_t lengths[] = {0, 63, 64, 127, 128};
    char name[160];
    switch (which % 8) {
    case 5:
        return TEXT("Ольга 😀 𝒦уликова");
    case 6:
        return TEXT("\"О\"\"Браен\": client=1\n'x'");
    case 7:
        return RAS_NULL;
    default:
        memset(name, 'a' + (int)(which % 26), sizeof name);
        return keep_text(keep, (struct text){name, lengths[which % 8]});
    }
}

static struct text person_name(struct world *world, size_t index)
{
    if (world->options.stress && index % STRESS_EVERY == STRESS_EVERY - 1)
        return odd_name(world->keep, index / STRESS_EVERY);
    size_t names = sizeof surnames / sizeof *surnames;
    size_t letters = sizeof initials / sizeof *initials;
    size_t round = index / names;
    return keep_format(world->keep, "%s %s.%s.", surnames[index % names], initials[round % letters],
                       initials[round / letters % letters]);
}

static void make_people(struct world_infobase *infobase, unsigned sessions)
{
    struct world *world = infobase->cluster->world;
    infobase->person_count = sessions + sessions / PEOPLE_SPARE + 1;
    infobase->people = mem_alloc(infobase->person_count, sizeof *infobase->people);
    for (size_t i = 0; i < infobase->person_count; i++) {
        struct world_person *person = &infobase->people[i];
        uint64_t host = rng_below(&world->rng, 250);
        person->user = person_name(world, i);
        person->app = keep_text(world->keep, pick_app(world));
        person->host = keep_format(world->keep, "WS-%03u", (unsigned)host);
        if (host % 9)
            person->ip =
                keep_format(world->keep, "10.0.%u.%u", (unsigned)(i / 250 % 250), (unsigned)host);
    }
}

/* ---- building ---- */

static void add_process(struct world_cluster *cluster, unsigned index, struct wall now)
{
    struct world *world = cluster->world;
    char pid[16];
    snprintf(pid, sizeof pid, "%u", 4000 + index * 7);
    struct ras_process record = {
        .uuid = world_uuid(world, "process"),
        .avg_call_time = 0.483,
        .avg_db_call_time = 0.124,
        .avg_server_call_time = -0.265,
        .avg_threads = 0.281,
        .capacity = 1000,
        .host = cluster->record.host,
        .is_enable = true,
        .port = (uint16_t)(1560 + index),
        .memory_size = 390788,
        .pid = text_of(pid),
        .running = 1,
        .selection_size = 18050,
        .started_at = world_time(world, (struct wall){now.ms - 86400000}),
        .use = 1,
        .available_performance = 100,
    };
    world_add_record(world, &cluster->processes, &record);
}

static void add_server(struct world_cluster *cluster)
{
    struct ras_port_range range = {.high = 1591, .low = 1560};
    struct ras_server record = {
        .uuid = world_uuid(cluster->world, "server"),
        .agent_host = cluster->record.host,
        .agent_port = 1540,
        .name = TEXT("Центральный сервер"),
        .main_server = true,
        .infobases_limit = 8,
        .connections_limit = 256,
        .cluster_port = cluster->record.port,
        .port_ranges = {&range, 1},
        .critical_total_memory = 54321,
        .temporary_allowed_total_memory = 12345,
        .temporary_allowed_total_memory_time_limit = 600,
    };
    world_add_record(cluster->world, &cluster->servers, &record);
}

static void add_manager(struct world_cluster *cluster)
{
    struct ras_manager manager = {
        .uuid = world_uuid(cluster->world, "manager"),
        .descr = TEXT("Главный менеджер кластера"),
        .host = cluster->record.host,
        .main_manager = 1,
        .port = cluster->record.port,
        .pid = TEXT("3366"),
    };
    struct ras_manager_ref ref = {.uuid = manager.uuid};
    struct ras_service service = {
        .name = TEXT("SessionDataService"),
        .descr = TEXT("Сервис сеансовых данных"),
        .managers = {&ref, 1},
    };
    world_add_record(cluster->world, &cluster->managers, &manager);
    world_add_record(cluster->world, &cluster->services, &service);
}

static void add_service_connections(struct world_cluster *cluster, struct wall now)
{
    const struct ras_process *process = (const void *)cluster->processes.items;
    for (unsigned i = 0; i < SERVICE_CONNECTIONS; i++) {
        struct ras_connection record = {
            .uuid = world_uuid(cluster->world, "connection"),
            .application = i ? TEXT("AgentStandardCall") : TEXT("JobScheduler"),
            .connected_at = world_time(cluster->world, now),
            .host = cluster->record.host,
            .process = process->uuid,
        };
        world_add_connection(cluster, &record);
    }
}

static struct world_cluster *make_cluster(struct world *world,
                                          const struct world_population *population, unsigned index,
                                          struct wall now)
{
    struct ras_cluster record = {
        .uuid = world_uuid(world, "cluster"),
        .expiration_timeout = 60,
        .host = keep_format(world->keep, "srv-%02u", index + 1),
        .port = 1541,
        .name = keep_format(world->keep, "sim-%02u", index + 1),
        .kill_by_memory_with_dump = true,
        .unknown_v16 = 1,
        .ping_period = 59999,
        .ping_timeout = 65366,
        .restart_schedule = TEXT("0 3 * * 6"),
    };
    struct world_cluster *cluster =
        world_add_cluster(world, &record, population->user, population->password);
    cluster->lives = true;
    add_process(cluster, 0, now);
    add_process(cluster, 1, now);
    add_server(cluster);
    add_manager(cluster);
    add_service_connections(cluster, now);
    if (population->user.length) {
        struct ras_user admin = {.name = population->user,
                                 .password = TEXT("\xef\xbf\xbd"),
                                 .password_auth_allowed = true};
        world_add_record(world, &cluster->admins, &admin);
    }
    return cluster;
}

static struct world_infobase *make_infobase(struct world_cluster *cluster,
                                            const struct world_population *population,
                                            unsigned index)
{
    struct world *world = cluster->world;
    struct text name = keep_format(world->keep, "ib-%02u", index + 1);
    struct ras_infobase record = {
        .uuid = world_uuid(world, "infobase"),
        .dbms = TEXT("PostgreSQL"),
        .db_name = keep_format(world->keep, "db_%02u", index + 1),
        .db_pwd = TEXT("\xef\xbf\xbd"),
        .db_server = TEXT("db-host"),
        .db_user = TEXT("postgres"),
        .descr = keep_format(world->keep, "База %u", index + 1),
        .locale = TEXT("ru_RU"),
        .name = name,
        .license_distribution = 1,
        .configuration_unload_delay = 999,
        .minimum_scheduled_jobs_start_period = 888,
        .maximum_scheduled_jobs_start_shift = 777,
    };
    return world_add_infobase(cluster, &record, population->infobase_user,
                              population->infobase_password);
}

static void show_name(struct world_session *session)
{
    session->record.user_name = session->user;
    session->named_at.ms = 0;
}

/* Sessions of the first moment began earlier; `now` is what the watchers hear. */
static void age_session(struct world *world, struct world_session *session, struct wall now)
{
    int64_t idle = rng_between(&world->rng, 0, FIRST_IDLE_S);
    int64_t age = idle + rng_between(&world->rng, 1, FIRST_AGE_S);
    session->record.started_at = world_time(world, (struct wall){now.ms - age * 1000});
    session->record.last_active_at = world_time(world, (struct wall){now.ms - idle * 1000});
    session->record.hibernate = idle > 1200 && text_equal(session->record.app_id, TEXT("1CV8C"));
    if (session->link)
        session->link->record.connected_at = session->record.started_at;
    if (session->named_at.ms)
        show_name(session);
}

void world_populate(struct world *world, const struct world_population *population, struct wall now)
{
    if (world->agent_user.length == 0)
        world_set_agent(world, population->user, population->password, world->agent_version);
    for (unsigned c = 0; c < population->clusters; c++) {
        struct world_cluster *cluster = make_cluster(world, population, c, now);
        for (unsigned i = 0; i < population->infobases; i++)
            make_infobase(cluster, population, i);
        for (unsigned i = 0; i < population->infobases; i++) {
            unsigned share = population->sessions / population->infobases +
                             (i < population->sessions % population->infobases);
            struct world_infobase *infobase = cluster->infobases[i];
            make_people(infobase, share);
            for (unsigned s = 0; s < share; s++) {
                world_enter_person(infobase, &infobase->people[s], now);
                age_session(world, infobase->people[s].session, now);
            }
        }
    }
    world->ticked_at = now;
}

/* ---- sessions come ---- */

static struct uuid any_process(struct world_cluster *cluster)
{
    const struct ras_process *items = (const void *)cluster->processes.items;
    if (!cluster->processes.count)
        return (struct uuid){{0}};
    return items[rng_below(&cluster->world->rng, cluster->processes.count)].uuid;
}

void world_link(struct world_session *session, struct wall now)
{
    struct world_cluster *cluster = session->infobase->cluster;
    struct ras_connection record = {
        .uuid = world_uuid(cluster->world, "connection"),
        .application = session->record.app_id,
        .connected_at = world_time(cluster->world, now),
        .conn_id = (int32_t)(cluster->world->made % 30000) + 1,
        .host = session->record.host,
        .infobase = session->infobase->record.uuid,
        .process = any_process(cluster),
        .session_number = session->record.session_id,
    };
    session->link = world_add_connection(cluster, &record);
    session->link->session = session;
}

/* 4095 bytes are the most that both readings of the length agree on (RAS notes 3.3). */
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

/* Until authentication ends a session has no user name (domain notes 4, 9). */
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
            show_name(session);
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
