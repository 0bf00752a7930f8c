/* The model's parts: clusters, infobases, sessions, connections, and how they are found. */
#include "sim/ras/world.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "sim/ras/world_internal.h"

struct world_options world_options_default(void)
{
    return (struct world_options){
        .seed = 1,
        .zone_minutes = 180,
        .activity = true,
        .connection_ms = 300,
        .ras_session_ms = 60000,
        .stress = true,
    };
}

const char *world_cause_name(enum world_cause cause)
{
    static const char *const names[WORLD_CAUSE_COUNT] = {
        [WORLD_LOGOUT] = "logout",
        [WORLD_TERMINATED] = "terminated",
        [WORLD_EVICTED] = "evicted",
        [WORLD_EXPIRED] = "expired",
    };
    CHECK(cause < WORLD_CAUSE_COUNT);
    return names[cause];
}

struct world *world_create(struct world_options options)
{
    struct world *world = mem_new(struct world);
    world->options = options;
    world->rng.state = options.seed;
    world->keep = keep_create(WORLD_KEEP_BYTES);
    world->agent_admins.layout = &ras_user_layout;
    world->agent_version = TEXT("8.3.27.1786");
    world->ghosts = mem_alloc(WORLD_GHOSTS_MAX, sizeof(struct world_ghost *));
    return world;
}

static void infobase_destroy(struct world_infobase *infobase)
{
    free(infobase->by_number);
    free(infobase->people);
    free(infobase);
}

static void cluster_destroy(struct world_cluster *cluster)
{
    for (size_t i = 0; i < cluster->session_count; i++)
        free(cluster->sessions[i]);
    for (size_t i = 0; i < cluster->connection_count; i++)
        free(cluster->connections[i]);
    for (size_t i = 0; i < cluster->infobase_count; i++)
        infobase_destroy(cluster->infobases[i]);
    uuid_map_release(&cluster->session_map);
    uuid_map_release(&cluster->connection_map);
    uuid_map_release(&cluster->ghosts);
    free(cluster->processes.items);
    free(cluster->servers.items);
    free(cluster->managers.items);
    free(cluster->services.items);
    free(cluster->locks.items);
    free(cluster->admins.items);
    free(cluster->sessions);
    free(cluster->connections);
    free(cluster->infobases);
    free(cluster);
}

void world_destroy(struct world *world)
{
    if (!world)
        return;
    for (size_t i = 0; i < world->cluster_count; i++)
        cluster_destroy(world->clusters[i]);
    for (size_t i = 0; i < world->ghost_count; i++)
        free(world->ghosts[i]);
    free(world->ghosts);
    free(world->clusters);
    free(world->agent_admins.items);
    keep_destroy(world->keep);
    free(world);
}

void world_watch(struct world *world, world_watcher watcher, void *self)
{
    for (size_t i = 0; i < WORLD_WATCHERS; i++) {
        if (world->watchers[i].watcher)
            continue;
        world->watchers[i].watcher = watcher;
        world->watchers[i].self = self;
        return;
    }
    CHECK(!"more than WORLD_WATCHERS watchers");
}

void world_unwatch(struct world *world, world_watcher watcher, void *self)
{
    for (size_t i = 0; i < WORLD_WATCHERS; i++)
        if (world->watchers[i].watcher == watcher && world->watchers[i].self == self)
            world->watchers[i].watcher = NULL;
}

void world_notify(struct world *world, enum world_event_kind kind,
                  const struct world_session *session, enum world_cause cause, struct wall at)
{
    struct world_event event = {.kind = kind, .session = session, .cause = cause, .at = at};
    for (size_t i = 0; i < WORLD_WATCHERS; i++)
        if (world->watchers[i].watcher)
            world->watchers[i].watcher(world->watchers[i].self, &event);
}

const struct world_options *world_options(const struct world *world)
{
    return &world->options;
}

void world_change(struct world *world, struct world_options options)
{
    options.seed = world->options.seed;
    world->options = options;
}

struct world_totals world_totals(const struct world *world)
{
    struct world_totals totals = world->totals;
    for (size_t i = 0; i < world->cluster_count; i++) {
        totals.sessions += world->clusters[i]->session_count;
        totals.connections += world->clusters[i]->connection_count;
    }
    return totals;
}

struct server_time world_time(const struct world *world, struct wall wall)
{
    int64_t seconds = wall.ms / 1000 + world->options.zone_minutes * 60;
    return (struct server_time){621355968000000 + seconds * 10000};
}

struct uuid world_uuid(struct world *world, const char *what)
{
    char name[96];
    int length =
        snprintf(name, sizeof name, "curfew-ras-sim %llu %s %llu",
                 (unsigned long long)world->options.seed, what, (unsigned long long)world->made++);
    return uuid_derive(name, (size_t)length);
}

/* ---- building ---- */

void *world_grown(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? *room * 2 : 16;
    return mem_resize(array, *room, size);
}

struct world_cluster *world_add_cluster(struct world *world, const struct ras_cluster *record,
                                        struct text user, struct text password)
{
    struct world_cluster *cluster = mem_new(struct world_cluster);
    cluster->world = world;
    cluster->record = *record;
    keep_record(world->keep, &ras_cluster_layout, &cluster->record);
    cluster->user = keep_text(world->keep, user);
    cluster->password = keep_text(world->keep, password);
    cluster->processes.layout = &ras_process_layout;
    cluster->servers.layout = &ras_server_layout;
    cluster->managers.layout = &ras_manager_layout;
    cluster->services.layout = &ras_service_layout;
    cluster->locks.layout = &ras_lock_layout;
    cluster->admins.layout = &ras_user_layout;
    cluster->due.ms = WORLD_FOREVER;
    world->clusters = mem_resize(world->clusters, world->cluster_count + 1, sizeof cluster);
    world->clusters[world->cluster_count++] = cluster;
    return cluster;
}

struct world_infobase *world_add_infobase(struct world_cluster *cluster,
                                          const struct ras_infobase *record, struct text user,
                                          struct text password)
{
    struct keep *keep = cluster->world->keep;
    struct world_infobase *infobase = mem_new(struct world_infobase);
    infobase->cluster = cluster;
    infobase->record = *record;
    keep_record(keep, &ras_infobase_layout, &infobase->record);
    infobase->password = keep_format(keep, "db-%.*s", TEXT_ARGS(record->name));
    infobase->user = keep_text(keep, user);
    infobase->user_password = keep_text(keep, password);
    cluster->infobases =
        mem_resize(cluster->infobases, cluster->infobase_count + 1, sizeof infobase);
    cluster->infobases[cluster->infobase_count++] = infobase;
    return infobase;
}

void world_add_record(struct world *world, struct world_records *records, const void *record)
{
    size_t size = records->layout->size;
    records->items = mem_resize(records->items, records->count + 1, size);
    unsigned char *at = records->items + records->count++ * size;
    memcpy(at, record, size);
    keep_record(world->keep, records->layout, at);
}

uint32_t world_lowest_free(const struct world_infobase *infobase)
{
    for (size_t i = 0; i < infobase->number_count; i++)
        if (!infobase->by_number[i])
            return (uint32_t)i + 1;
    return (uint32_t)infobase->number_count + 1;
}

static void take_number(struct world_infobase *infobase, struct world_session *session)
{
    size_t number = (size_t)session->record.session_id;
    CHECK(number >= 1);
    CHECK(number <= WORLD_NUMBERS_MAX);
    if (number > infobase->number_count) {
        infobase->by_number = mem_resize(infobase->by_number, number, sizeof session);
        memset(infobase->by_number + infobase->number_count, 0,
               (number - infobase->number_count) * sizeof(session));
        infobase->number_count = number;
    }
    infobase->by_number[number - 1] = session;
}

struct world_session *world_enter(struct world_infobase *infobase, const struct ras_session *record,
                                  struct wall now)
{
    struct world_cluster *cluster = infobase->cluster;
    struct world_session *session = mem_new(struct world_session);
    session->record = *record;
    session->infobase = infobase;
    if (session->record.session_id == 0)
        session->record.session_id = (int32_t)world_lowest_free(infobase);
    take_number(infobase, session);
    cluster->sessions = world_grown(cluster->sessions, cluster->session_count,
                                    &cluster->session_room, sizeof session);
    session->place = cluster->session_count;
    cluster->sessions[cluster->session_count++] = session;
    infobase->session_count++;
    uuid_map_put(&cluster->session_map, &session->record.uuid, session);
    cluster->world->totals.started++;
    world_notify(cluster->world, WORLD_STARTED, session, WORLD_LOGOUT, now);
    return session;
}

enum error_code world_add_session(struct world_cluster *cluster, const struct ras_session *record,
                                  struct world_session **ret, struct error *err)
{
    struct world_infobase *infobase = world_infobase_find(cluster, &record->infobase);
    if (!infobase)
        return error_set(err, ERR_INVALID, "the session's infobase is not in this cluster");
    if (world_session_find(cluster, &record->uuid))
        return error_set(err, ERR_INVALID, "the session's UUID is in use");
    if (record->session_id < 0 || record->session_id > WORLD_NUMBERS_MAX ||
        world_session_numbered(infobase, (uint32_t)record->session_id))
        return error_set(err, ERR_INVALID, "the session's number is in use");
    struct ras_session copy = *record;
    keep_record(cluster->world->keep, &ras_session_layout, &copy);
    struct world_session *session = world_enter(infobase, &copy, (struct wall){0});
    if (ret)
        *ret = session;
    return ERR_OK;
}

struct world_connection *world_add_connection(struct world_cluster *cluster,
                                              const struct ras_connection *record)
{
    struct world_connection *connection = mem_new(struct world_connection);
    connection->record = *record;
    keep_record(cluster->world->keep, &ras_connection_layout, &connection->record);
    cluster->connections = world_grown(cluster->connections, cluster->connection_count,
                                       &cluster->connection_room, sizeof connection);
    connection->place = cluster->connection_count;
    cluster->connections[cluster->connection_count++] = connection;
    uuid_map_put(&cluster->connection_map, &connection->record.uuid, connection);
    return connection;
}

void world_set_agent(struct world *world, struct text user, struct text password,
                     struct text version)
{
    world->agent_user = keep_text(world->keep, user);
    world->agent_password = keep_text(world->keep, password);
    world->agent_version = keep_text(world->keep, version);
}

struct text world_agent_user(const struct world *world)
{
    return world->agent_user;
}

struct text world_agent_password(const struct world *world)
{
    return world->agent_password;
}

struct text world_agent_version(const struct world *world)
{
    return world->agent_version;
}

struct world_records *world_agent_admins(struct world *world)
{
    return &world->agent_admins;
}

/* ---- leaving ---- */

static void remember(struct world_session *session, enum world_cause cause, struct wall now)
{
    struct world_cluster *cluster = session->infobase->cluster;
    struct world *world = cluster->world;
    struct world_ghost *ghost = world->ghosts[world->ghost_next];
    if (ghost) /* the oldest gives its place up */
        uuid_map_remove(&ghost->infobase->cluster->ghosts, &ghost->uuid);
    else
        ghost = mem_new(struct world_ghost);
    *ghost = (struct world_ghost){
        .uuid = session->record.uuid,
        .infobase = session->infobase,
        .user = session->record.user_name,
        .app = session->record.app_id,
        .number = (uint32_t)session->record.session_id,
        .cause = cause,
        .ended_at = now,
    };
    if (world->ghost_count < WORLD_GHOSTS_MAX)
        world->ghost_count++;
    world->ghosts[world->ghost_next] = ghost;
    world->ghost_next = (world->ghost_next + 1) % WORLD_GHOSTS_MAX;
    uuid_map_put(&cluster->ghosts, &ghost->uuid, ghost);
}

void world_leave(struct world_session *session, enum world_cause cause, struct wall now)
{
    struct world_infobase *infobase = session->infobase;
    struct world_cluster *cluster = infobase->cluster;
    remember(session, cause, now);
    cluster->sessions[session->place] = cluster->sessions[--cluster->session_count];
    cluster->sessions[session->place]->place = session->place;
    infobase->by_number[session->record.session_id - 1] = NULL;
    infobase->session_count--;
    uuid_map_remove(&cluster->session_map, &session->record.uuid);
    if (session->link)
        session->link->session = NULL;
    if (session->person)
        session->person->session = NULL;
    if (infobase->ras == session)
        infobase->ras = NULL;
    cluster->world->totals.ended[cause]++;
    world_notify(cluster->world, WORLD_ENDED, session, cause, now);
    free(session);
}

void world_connection_leave(struct world_cluster *cluster, struct world_connection *connection)
{
    cluster->connections[connection->place] = cluster->connections[--cluster->connection_count];
    cluster->connections[connection->place]->place = connection->place;
    uuid_map_remove(&cluster->connection_map, &connection->record.uuid);
    if (connection->session)
        connection->session->link = NULL;
    free(connection);
}

/* ---- finding ---- */

size_t world_cluster_count(const struct world *world)
{
    return world->cluster_count;
}

struct world_cluster *world_cluster_at(const struct world *world, size_t index)
{
    CHECK(index < world->cluster_count);
    return world->clusters[index];
}

struct world_cluster *world_cluster_find(const struct world *world, const struct uuid *uuid)
{
    for (size_t i = 0; i < world->cluster_count; i++)
        if (uuid_equal(&world->clusters[i]->record.uuid, uuid))
            return world->clusters[i];
    return NULL;
}

struct world_cluster *world_cluster_named(const struct world *world, struct text name)
{
    struct uuid uuid;
    if (uuid_read(name, &uuid, NULL) == ERR_OK)
        return world_cluster_find(world, &uuid);
    for (size_t i = 0; i < world->cluster_count; i++)
        if (text_same_name(world->clusters[i]->record.name, name))
            return world->clusters[i];
    return NULL;
}

struct world_infobase *world_infobase_find(const struct world_cluster *cluster,
                                           const struct uuid *uuid)
{
    for (size_t i = 0; i < cluster->infobase_count; i++)
        if (uuid_equal(&cluster->infobases[i]->record.uuid, uuid))
            return cluster->infobases[i];
    return NULL;
}

struct world_infobase *world_infobase_named(const struct world_cluster *cluster, struct text name)
{
    struct uuid uuid;
    if (uuid_read(name, &uuid, NULL) == ERR_OK)
        return world_infobase_find(cluster, &uuid);
    for (size_t i = 0; i < cluster->infobase_count; i++)
        if (text_same_name(cluster->infobases[i]->record.name, name))
            return cluster->infobases[i];
    return NULL;
}

struct world_session *world_session_find(const struct world_cluster *cluster,
                                         const struct uuid *uuid)
{
    return uuid_map_get(&cluster->session_map, uuid);
}

struct world_session *world_session_numbered(const struct world_infobase *infobase, uint32_t number)
{
    if (number == 0 || number > infobase->number_count)
        return NULL;
    return infobase->by_number[number - 1];
}

struct world_connection *world_connection_find(const struct world_cluster *cluster,
                                               const struct uuid *uuid)
{
    return uuid_map_get(&cluster->connection_map, uuid);
}

const struct world_ghost *world_ghost_find(const struct world_cluster *cluster,
                                           const struct uuid *uuid)
{
    return uuid_map_get(&cluster->ghosts, uuid);
}

const void *world_record_find(const struct world_records *records, const struct uuid *uuid)
{
    for (size_t i = 0; i < records->count; i++) {
        const unsigned char *at = records->items + i * records->layout->size;
        if (!memcmp(at + records->layout->fields[0].offset, uuid->bytes, sizeof uuid->bytes))
            return at;
    }
    return NULL;
}

static bool cluster_knows(const struct world_cluster *cluster, const struct uuid *uuid)
{
    return uuid_equal(&cluster->record.uuid, uuid) || world_session_find(cluster, uuid) ||
           world_ghost_find(cluster, uuid) || world_infobase_find(cluster, uuid) ||
           world_connection_find(cluster, uuid) || world_record_find(&cluster->processes, uuid) ||
           world_record_find(&cluster->servers, uuid);
}

bool world_knows(const struct world *world, const struct uuid *uuid)
{
    for (size_t i = 0; i < world->cluster_count; i++)
        if (cluster_knows(world->clusters[i], uuid))
            return true;
    return false;
}

struct ras_connection_full world_connection_full(const struct world_connection *connection)
{
    const struct ras_connection *from = &connection->record;
    struct ras_connection_full full = {
        .uuid = from->uuid,
        .application = from->application,
        .connected_at = from->connected_at,
        .conn_id = from->conn_id,
        .host = from->host,
    };
    const struct world_session *session = connection->session;
    if (!session)
        return full;
    const struct ras_session *record = &session->record;
    full.user_name = record->user_name;
    full.bytes_all = record->bytes_all;
    full.calls_all = record->calls_all;
    full.duration_all = record->duration_all;
    full.duration_current = record->duration_current;
    full.thread_mode = record->duration_current > 0;
    full.memory_current = record->memory_current;
    full.memory_total = record->memory_total;
    return full;
}
