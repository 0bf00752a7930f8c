/* What is answered to every message (docs/ras-protocol.md 6, 7): the table, and those that only
 * look. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "sim/ras/change.h"

/* ---- authentication ---- */

static void add_credentials(struct turn *turn, struct sim_credentials **list,
                            const struct ras_cluster_credentials *asked)
{
    struct arena *arena = turn->endpoint->arena;
    struct sim_credentials *new = arena_take(arena, 1, sizeof *new);
    char *user = arena_text(arena, asked->user);
    char *password = arena_text(arena, asked->password);
    if (!new || !user || !password)
        return; /* a client that sends a million of them is served as if it had sent fewer */
    *new = (struct sim_credentials){.cluster = asked->cluster,
                                    .user = {user, asked->user.length},
                                    .password = {password, asked->password.length},
                                    .next = *list};
    *list = new;
}

static void authenticate_agent(struct turn *turn)
{
    const struct ras_agent_credentials *asked = turn->record;
    struct text user = world_agent_user(turn->sim->world);
    bool right =
        user.length == 0 || (text_equal(asked->user, user) &&
                             text_equal(asked->password, world_agent_password(turn->sim->world)));
    if (!right) {
        turn_refuse_credentials(turn, "AgentFailure");
        return;
    }
    turn->endpoint->agent = true;
    turn_reply_void(turn);
}

static void authenticate_cluster(struct turn *turn)
{
    const struct ras_cluster_credentials *asked = turn->record;
    const struct world_cluster *cluster = turn->cluster;
    bool right = cluster->user.length == 0 || (text_equal(asked->user, cluster->user) &&
                                               text_equal(asked->password, cluster->password));
    if (!right) {
        turn_refuse_credentials(turn, "Failure");
        return;
    }
    if (!turn_credentials(turn->endpoint->clusters, &asked->cluster))
        add_credentials(turn, &turn->endpoint->clusters, asked);
    turn_reply_void(turn);
}

static void add_authentication(struct turn *turn)
{
    add_credentials(turn, &turn->endpoint->infobases, turn->record);
    turn_reply_void(turn);
}

/* ---- clusters, servers, processes ---- */

static void reply_records(struct turn *turn, const struct world_records *records)
{
    CHECK(records->layout == turn->row->answer);
    turn_reply(turn, records->items, records->count);
}

static void get_clusters(struct turn *turn)
{
    size_t count = world_cluster_count(turn->sim->world);
    struct ras_cluster *list = mem_alloc(count + 1, sizeof *list);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const struct world_cluster *cluster = world_cluster_at(turn->sim->world, i);
        if (sim_serves(turn->conn, cluster))
            list[used++] = cluster->record;
    }
    turn_reply(turn, list, used);
    free(list);
}

static void get_cluster_info(struct turn *turn)
{
    turn_reply(turn, &turn->cluster->record, 1);
}

static void get_cluster_admins(struct turn *turn)
{
    reply_records(turn, &turn->cluster->admins);
}

static void get_agent_admins(struct turn *turn)
{
    reply_records(turn, world_agent_admins(turn->sim->world));
}

static void get_managers(struct turn *turn)
{
    reply_records(turn, &turn->cluster->managers);
}

static void get_services(struct turn *turn)
{
    reply_records(turn, &turn->cluster->services);
}

static void get_servers(struct turn *turn)
{
    reply_records(turn, &turn->cluster->servers);
}

static void get_server_info(struct turn *turn)
{
    const struct ras_of_server *asked = turn->record;
    const void *server = world_record_find(&turn->cluster->servers, &asked->server);
    if (server)
        turn_reply(turn, server, 1);
    else
        turn_unknown(turn, &asked->server, "ServerNotFound");
}

static void get_processes(struct turn *turn)
{
    reply_records(turn, &turn->cluster->processes);
}

static void get_server_processes(struct turn *turn)
{
    const struct ras_of_server *asked = turn->record;
    if (world_record_find(&turn->cluster->servers, &asked->server))
        reply_records(turn, &turn->cluster->processes);
    else
        turn_unknown(turn, &asked->server, "ServerNotFound");
}

static void get_process_info(struct turn *turn)
{
    const struct ras_of_process *asked = turn->record;
    const void *process = world_record_find(&turn->cluster->processes, &asked->process);
    if (process)
        turn_reply(turn, process, 1);
    else
        turn_unknown(turn, &asked->process, "ProcessNotFound");
}

static void get_agent_version(struct turn *turn)
{
    struct ras_agent_version version = {.version = world_agent_version(turn->sim->world)};
    turn_reply(turn, &version, 1);
}

/* ---- infobases ---- */

static struct ras_infobase_short short_of(const struct world_infobase *infobase)
{
    return (struct ras_infobase_short){.uuid = infobase->record.uuid,
                                       .descr = infobase->record.descr,
                                       .name = infobase->record.name};
}

static void get_infobases(struct turn *turn)
{
    size_t count = turn->cluster->infobase_count;
    struct ras_infobase_short *list = mem_alloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = short_of(turn->cluster->infobases[i]);
    turn_reply(turn, list, count);
    free(list);
}

static void get_infobase_short(struct turn *turn)
{
    const struct ras_of_infobase *asked = turn->record;
    struct world_infobase *infobase = turn_infobase(turn, &asked->infobase);
    if (!infobase)
        return;
    struct ras_infobase_short record = short_of(infobase);
    turn_reply(turn, &record, 1);
}

static void get_infobase(struct turn *turn)
{
    const struct ras_of_infobase *asked = turn->record;
    struct world_infobase *infobase = turn_infobase(turn, &asked->infobase);
    if (!infobase)
        return;
    if (!turn_may_use(turn, infobase)) {
        turn_refuse_rights(turn, infobase);
        return;
    }
    world_ras_was_here(infobase, turn->now);
    turn_reply(turn, &infobase->record, 1);
}

/* ---- connections ---- */

static void list_connections(struct turn *turn, const struct uuid *infobase)
{
    size_t count = turn->cluster->connection_count, used = 0;
    struct ras_connection *list = mem_alloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        const struct ras_connection *record = &turn->cluster->connections[i]->record;
        if (!infobase || uuid_equal(&record->infobase, infobase))
            list[used++] = *record;
    }
    turn_reply(turn, list, used);
    free(list);
}

static void get_connections(struct turn *turn)
{
    list_connections(turn, NULL);
}

static void get_infobase_connections(struct turn *turn)
{
    const struct ras_of_infobase *asked = turn->record;
    if (turn_infobase(turn, &asked->infobase))
        list_connections(turn, &asked->infobase);
}

static void get_connection_info(struct turn *turn)
{
    const struct ras_of_connection *asked = turn->record;
    const struct world_connection *connection =
        world_connection_find(turn->cluster, &asked->connection);
    if (connection)
        turn_reply(turn, &connection->record, 1);
    else
        turn_unknown(turn, &asked->connection, "ConnectionNotFound");
}

static void get_connections_full(struct turn *turn)
{
    const struct ras_of_process_infobase *asked = turn->record;
    struct world_infobase *infobase = turn_infobase(turn, &asked->infobase);
    size_t count = turn->cluster->connection_count, used = 0;
    if (!infobase)
        return;
    if (!turn_may_use(turn, infobase)) {
        turn_refuse_rights(turn, infobase);
        return;
    }
    struct ras_connection_full *list = mem_alloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        const struct world_connection *connection = turn->cluster->connections[i];
        if (uuid_equal(&connection->record.infobase, &asked->infobase) &&
            uuid_equal(&connection->record.process, &asked->process))
            list[used++] = world_connection_full(connection);
    }
    turn_reply(turn, list, used);
    free(list);
}

/* ---- sessions ---- */

static void list_sessions(struct turn *turn, const struct world_infobase *only)
{
    size_t count = turn->cluster->session_count, used = 0;
    struct ras_session *list = mem_alloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        const struct world_session *session = turn->cluster->sessions[i];
        if (!only || session->infobase == only)
            list[used++] = session->record;
    }
    turn_reply(turn, list, used);
    free(list);
}

static void get_sessions(struct turn *turn)
{
    list_sessions(turn, NULL);
}

static void get_infobase_sessions(struct turn *turn)
{
    const struct ras_of_infobase *asked = turn->record;
    const struct world_infobase *infobase = turn_infobase(turn, &asked->infobase);
    if (infobase)
        list_sessions(turn, infobase);
}

static void get_session_info(struct turn *turn)
{
    const struct ras_of_session *asked = turn->record;
    const struct world_session *session = world_session_find(turn->cluster, &asked->session);
    if (session)
        turn_reply(turn, &session->record, 1);
    else
        turn_unknown(turn, &asked->session, "SessionNotFound");
}

/* ---- locks ---- */

struct lock_filter {
    const struct uuid *infobase;
    const struct uuid *session;
    const struct uuid *connection;
};

static bool lock_passes(const struct turn *turn, const struct ras_lock *lock,
                        const struct lock_filter *filter)
{
    if (filter->session && !uuid_equal(&lock->session, filter->session))
        return false;
    if (filter->connection && !uuid_equal(&lock->connection, filter->connection))
        return false;
    if (!filter->infobase)
        return true;
    const struct world_session *session = world_session_find(turn->cluster, &lock->session);
    return session && uuid_equal(&session->infobase->record.uuid, filter->infobase);
}

/* A living session holds its database shared, the Designer alone. */
static void session_lock(struct turn *turn, const struct world_session *session,
                         struct ras_lock *ret)
{
    struct arena *arena = turn->conn->arena;
    bool alone = text_equal(session->record.app_id, TEXT("Designer"));
    char descr[512];
    snprintf(descr, sizeof descr, "БД(сеанс ,%.*s,%s)", TEXT_ARGS(session->infobase->record.name),
             alone ? "исключительная" : "разделяемая");
    char *kept = arena_text(arena, text_of(descr));
    *ret = (struct ras_lock){.descr = kept ? text_of(kept) : (struct text){0},
                             .locked_at = session->record.started_at,
                             .object = session->infobase->record.uuid,
                             .session = session->record.uuid};
}

static void list_locks(struct turn *turn, const struct lock_filter *filter)
{
    const struct world_cluster *cluster = turn->cluster;
    size_t living = cluster->lives ? cluster->session_count : 0, used = 0;
    struct ras_lock *list = mem_alloc(cluster->locks.count + living + 1, sizeof *list);
    for (size_t i = 0; i < cluster->locks.count; i++) {
        const struct ras_lock *lock = (const struct ras_lock *)(const void *)cluster->locks.items;
        if (lock_passes(turn, &lock[i], filter))
            list[used++] = lock[i];
    }
    for (size_t i = 0; i < living; i++) {
        session_lock(turn, cluster->sessions[i], &list[used]);
        used += lock_passes(turn, &list[used], filter);
    }
    turn_reply(turn, list, used);
    free(list);
}

static void get_locks(struct turn *turn)
{
    list_locks(turn, &(struct lock_filter){0});
}

static void get_infobase_locks(struct turn *turn)
{
    const struct ras_of_infobase *asked = turn->record;
    if (turn_infobase(turn, &asked->infobase))
        list_locks(turn, &(struct lock_filter){.infobase = &asked->infobase});
}

static void get_connection_locks(struct turn *turn)
{
    const struct ras_of_connection *asked = turn->record;
    list_locks(turn, &(struct lock_filter){.connection = &asked->connection});
}

static void get_session_locks(struct turn *turn)
{
    const struct ras_of_infobase_session *asked = turn->record;
    if (turn_infobase(turn, &asked->infobase))
        list_locks(turn,
                   &(struct lock_filter){.infobase = &asked->infobase, .session = &asked->session});
}

/* ---- the table ---- */

static void (*const turns[256])(struct turn *turn) = {
    [RAS_GET_AGENT_ADMINS] = get_agent_admins,
    [RAS_GET_CLUSTER_ADMINS] = get_cluster_admins,
    [RAS_AUTHENTICATE_AGENT] = authenticate_agent,
    [RAS_AUTHENTICATE_CLUSTER] = authenticate_cluster,
    [RAS_ADD_AUTHENTICATION] = add_authentication,
    [RAS_GET_CLUSTERS] = get_clusters,
    [RAS_GET_CLUSTER_INFO] = get_cluster_info,
    [RAS_GET_CLUSTER_MANAGERS] = get_managers,
    [RAS_GET_WORKING_SERVERS] = get_servers,
    [RAS_GET_WORKING_SERVER_INFO] = get_server_info,
    [RAS_GET_WORKING_PROCESSES] = get_processes,
    [RAS_GET_WORKING_PROCESS_INFO] = get_process_info,
    [RAS_GET_SERVER_PROCESSES] = get_server_processes,
    [RAS_GET_CLUSTER_SERVICES] = get_services,
    [RAS_UPDATE_INFOBASE_SHORT] = change_update_infobase_short,
    [RAS_UPDATE_INFOBASE] = change_update_infobase,
    [RAS_GET_INFOBASES_SHORT] = get_infobases,
    [RAS_GET_INFOBASE_SHORT_INFO] = get_infobase_short,
    [RAS_GET_INFOBASE_INFO] = get_infobase,
    [RAS_GET_CONNECTIONS_SHORT] = get_connections,
    [RAS_GET_INFOBASE_CONNECTIONS] = get_infobase_connections,
    [RAS_GET_CONNECTION_INFO] = get_connection_info,
    [RAS_GET_CONNECTIONS_FULL] = get_connections_full,
    [RAS_DISCONNECT] = change_disconnect,
    [RAS_GET_SESSIONS] = get_sessions,
    [RAS_GET_INFOBASE_SESSIONS] = get_infobase_sessions,
    [RAS_GET_SESSION_INFO] = get_session_info,
    [RAS_TERMINATE_SESSION] = change_terminate_session,
    [RAS_GET_LOCKS] = get_locks,
    [RAS_GET_INFOBASE_LOCKS] = get_infobase_locks,
    [RAS_GET_CONNECTION_LOCKS] = get_connection_locks,
    [RAS_GET_SESSION_LOCKS] = get_session_locks,
    [RAS_INTERRUPT_SESSION] = change_interrupt_session,
    [RAS_GET_AGENT_VERSION] = get_agent_version,
};

void sim_answer_message(struct sim_conn *conn, struct sim_endpoint *endpoint)
{
    struct turn turn = turn_of(conn, endpoint);
    const struct uuid *asked = turn_asked_cluster(&conn->request.message);
    CHECK(turns[turn.row->number]);
    world_tick(conn->sim->world, turn.now);
    if (asked && !turn.cluster)
        turn_unknown(&turn, asked, "ClusterNotFound");
    else if (!turn_may(&turn))
        turn_refuse(&turn, turn.row->needs == RAS_NEEDS_AGENT ? "AgentFailure" : "Rights", NULL);
    else
        turns[turn.row->number](&turn);
}
