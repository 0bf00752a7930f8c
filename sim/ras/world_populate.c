/* How the world comes to be from a seed. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "sim/ras/world_internal.h"

enum {
    FIRST_AGE_S = 8 * 3600, /* sessions of the first moment are up to this old */
    FIRST_IDLE_S = 30 * 60, /* and idle up to this */
    PEOPLE_SPARE = 3,       /* people not logged in: a third of the sessions */
    STRESS_EVERY = 16,      /* every 16th person has an odd name */
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
        world_show_name(session);
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
