/* What every message does and what is answered (RAS notes, sections 6 and 7). */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "sim/ras/server_internal.h"

#define ADMIN "v8.service.Admin.Cluster#"
#define HEADLINE                                                                                   \
    "Ошибка операции администрирования\n" /* up to 8.3.2x; 8.5 sends the reason alone */

enum { HEADLINE_UNTIL = 15 };

static const struct {
    const char *name;
    const char *class_name;
    const char *russian;
    const char *english;
} errors[] = {
#define ROW(NAME, name, class_name, russian, english) {name, class_name, russian, english},
#include "sim/ras/error.def"
};

/* One request on its way to an answer. */
struct turn {
    struct sim_conn *conn;
    struct ras_sim *sim;
    struct sim_endpoint *endpoint;
    const struct ras_message_row *row;
    const void *record; /* of the request */
    struct world_cluster *cluster;
    struct wall now;
    bool lie;
};

/* ---- exceptions ---- */

/* `%s` stands at most once in these texts. */
static void fill_in(const char *pattern, const char *detail, struct buf *out)
{
    const char *at = strstr(pattern, "%s");
    if (!at) {
        buf_str(out, pattern);
        return;
    }
    buf_add(out, pattern, (size_t)(at - pattern));
    buf_str(out, detail ? detail : "");
    buf_str(out, at + 2);
}

static void put_exception(struct sim_conn *conn, int64_t endpoint, struct text class_name,
                          struct text message)
{
    enum error_code code = ras_exception_encode(endpoint == RAS_NONE ? 0 : endpoint, class_name,
                                                message, &conn->reply, NULL);
    CHECK(code == ERR_OK);
}

/* `name` is a short name of error.def, or any class as it stands. */
void sim_answer_exception(struct sim_conn *conn, int64_t endpoint, struct text name,
                          const char *detail)
{
    AUTO_BUF message = {0};
    buf_init(&message, LIMIT_RAS_STRING_BYTES - 1);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (!text_equal(name, text_of(errors[i].name)))
            continue;
        bool english = conn->sim->options.english;
        fill_in(english ? errors[i].english : errors[i].russian, detail, &message);
        put_exception(conn, endpoint, text_of(errors[i].class_name), text_of(buf_text(&message)));
        return;
    }
    put_exception(conn, endpoint, name, TEXT("Ошибка по заказу"));
}

static void refuse(struct turn *turn, const char *name, const char *detail)
{
    sim_answer_exception(turn->conn, turn->endpoint->id, text_of(name), detail);
}

/* Wrong names and passwords: the text has a headline before 8.5 (RAS notes 5.3). */
static void refuse_credentials(struct turn *turn, const char *name)
{
    AUTO_BUF message = {0};
    bool agent = strcmp(name, "Failure") != 0;
    buf_init(&message, 1024);
    if (turn->sim->options.english || turn->endpoint->version > HEADLINE_UNTIL) {
        refuse(turn, name, NULL);
        return;
    }
    buf_str(&message, HEADLINE);
    buf_str(&message, agent ? "Администратор центрального сервера не аутентифицирован"
                            : "Администратор кластера не аутентифицирован");
    put_exception(turn->conn, turn->endpoint->id, TEXT(ADMIN "Failure"),
                  text_of(buf_text(&message)));
}

/* ---- plain answers ---- */

static void reply(struct turn *turn, const void *records, size_t count)
{
    const struct fault_plan *plan = &turn->conn->plan;
    if (turn->row->shape == RAS_SHAPE_LIST) {
        if (fault_has(plan, FAULT_PARTIAL) && (size_t)plan->partial < count)
            count = (size_t)plan->partial;
        if (fault_has(plan, FAULT_EMPTY))
            count = 0;
    }
    enum error_code code =
        ras_answer_encode(turn->endpoint->id, turn->endpoint->version, turn->row->number, records,
                          (uint32_t)count, &turn->conn->reply, NULL);
    if (code) /* above 64 MiB: a real server has some limit too */
        refuse(turn, "Generic", NULL);
}

static void reply_void(struct turn *turn)
{
    reply(turn, NULL, 0);
}

static void reply_records(struct turn *turn, const struct world_records *records)
{
    CHECK(records->layout == turn->row->answer);
    reply(turn, records->items, records->count);
}

/* ---- who may ---- */

static const struct sim_credentials *find_credentials(const struct sim_credentials *list,
                                                      const struct uuid *cluster)
{
    for (; list; list = list->next)
        if (uuid_equal(&list->cluster, cluster))
            return list;
    return NULL;
}

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

static bool is_authenticated(struct turn *turn)
{
    bool agent = turn->row->needs == RAS_NEEDS_AGENT;
    if (turn->row->needs == RAS_NEEDS_NOBODY || (agent && turn->endpoint->agent))
        return true;
    enum ras_violation missing = RAS_VIOLATION_COUNT;
    if (agent)
        missing = RAS_VIOLATION_AGENT_AUTHENTICATION;
    else if (!find_credentials(turn->endpoint->clusters, &turn->cluster->record.uuid))
        missing = RAS_VIOLATION_CLUSTER_AUTHENTICATION;
    else if (turn->row->needs == RAS_NEEDS_INFOBASE &&
             !find_credentials(turn->endpoint->infobases, &turn->cluster->record.uuid))
        missing = RAS_VIOLATION_INFOBASE_AUTHENTICATION;
    if (missing == RAS_VIOLATION_COUNT)
        return true;
    sim_violation(turn->conn, missing, "message %u (%s)", turn->row->number, turn->row->label);
    return false;
}

static bool may_use(struct turn *turn, const struct world_infobase *infobase)
{
    if (infobase->user.length == 0)
        return true;
    const struct sim_credentials *tried = turn->endpoint->infobases;
    for (; tried; tried = tried->next)
        if (uuid_equal(&tried->cluster, &turn->cluster->record.uuid) &&
            text_equal(tried->user, infobase->user) &&
            text_equal(tried->password, infobase->user_password))
            return true;
    return false;
}

static void refuse_rights(struct turn *turn, const struct world_infobase *infobase)
{
    char name[LIMIT_NAME_BYTES];
    snprintf(name, sizeof name, "%.*s", TEXT_ARGS(infobase->record.name));
    refuse(turn, "Rights", name);
}

/* ---- unknown UUIDs ---- */

static struct uuid swapped(const struct uuid *uuid)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    struct uuid ret;
    for (size_t i = 0; i < sizeof order; i++)
        ret.bytes[i] = uuid->bytes[order[i]];
    return ret;
}

static struct uuid reversed(const struct uuid *uuid)
{
    struct uuid ret;
    for (size_t i = 0; i < sizeof ret.bytes; i++)
        ret.bytes[i] = uuid->bytes[sizeof ret.bytes - 1 - i];
    return ret;
}

/* Answers with the error, after a look whether the bytes only came in another order. */
static void unknown(struct turn *turn, const struct uuid *uuid, const char *name)
{
    struct uuid other = swapped(uuid), back = reversed(uuid);
    if (!world_knows(turn->sim->world, uuid) && !uuid_is_nil(uuid) &&
        (world_knows(turn->sim->world, &other) || world_knows(turn->sim->world, &back)))
        sim_violation(turn->conn, RAS_VIOLATION_UUID_ORDER, "%s", uuid_format(uuid).text);
    refuse(turn, name, uuid_format(uuid).text);
}

static struct world_infobase *infobase_of(struct turn *turn, const struct uuid *uuid)
{
    struct world_infobase *infobase = world_infobase_find(turn->cluster, uuid);
    if (!infobase)
        unknown(turn, uuid, "InfoBaseNotFound");
    return infobase;
}

/* ---- authentication ---- */

static void authenticate_agent(struct turn *turn)
{
    const struct ras_agent_credentials *asked = turn->record;
    struct text user = world_agent_user(turn->sim->world);
    bool right =
        user.length == 0 || (text_equal(asked->user, user) &&
                             text_equal(asked->password, world_agent_password(turn->sim->world)));
    if (!right) {
        refuse_credentials(turn, "AgentFailure");
        return;
    }
    turn->endpoint->agent = true;
    reply_void(turn);
}

static void authenticate_cluster(struct turn *turn)
{
    const struct ras_cluster_credentials *asked = turn->record;
    const struct world_cluster *cluster = turn->cluster;
    bool right = cluster->user.length == 0 || (text_equal(asked->user, cluster->user) &&
                                               text_equal(asked->password, cluster->password));
    if (!right) {
        refuse_credentials(turn, "Failure");
        return;
    }
    if (!find_credentials(turn->endpoint->clusters, &asked->cluster))
        add_credentials(turn, &turn->endpoint->clusters, asked);
    reply_void(turn);
}

static void add_authentication(struct turn *turn)
{
    add_credentials(turn, &turn->endpoint->infobases, turn->record);
    reply_void(turn);
}

/* ---- clusters, servers, processes ---- */

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
    reply(turn, list, used);
    free(list);
}

static void get_cluster_info(struct turn *turn)
{
    reply(turn, &turn->cluster->record, 1);
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
        reply(turn, server, 1);
    else
        unknown(turn, &asked->server, "ServerNotFound");
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
        unknown(turn, &asked->server, "ServerNotFound");
}

static void get_process_info(struct turn *turn)
{
    const struct ras_of_process *asked = turn->record;
    const void *process = world_record_find(&turn->cluster->processes, &asked->process);
    if (process)
        reply(turn, process, 1);
    else
        unknown(turn, &asked->process, "ProcessNotFound");
}

static void get_agent_version(struct turn *turn)
{
    struct ras_agent_version version = {.version = world_agent_version(turn->sim->world)};
    reply(turn, &version, 1);
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
    reply(turn, list, count);
    free(list);
}

static void get_infobase_short(struct turn *turn)
{
    const struct ras_of_infobase *asked = turn->record;
    struct world_infobase *infobase = infobase_of(turn, &asked->infobase);
    if (!infobase)
        return;
    struct ras_infobase_short record = short_of(infobase);
    reply(turn, &record, 1);
}

static void get_infobase(struct turn *turn)
{
    const struct ras_of_infobase *asked = turn->record;
    struct world_infobase *infobase = infobase_of(turn, &asked->infobase);
    if (!infobase)
        return;
    if (!may_use(turn, infobase)) {
        refuse_rights(turn, infobase);
        return;
    }
    world_ras_was_here(infobase, turn->now);
    reply(turn, &infobase->record, 1);
}

static void note_update(struct turn *turn, const char *what, const struct world_infobase *infobase,
                        const struct ras_infobase *lock, enum world_effect effect)
{
    struct sim_action action = {
        .what = what,
        .cluster = turn->cluster,
        .cluster_uuid = turn->cluster->record.uuid,
        .infobase = infobase,
        .effect = turn->lie ? "none" : world_effect_name(effect),
        .applied = !turn->lie && effect == WORLD_DONE,
        .lock = lock,
    };
    turn->sim->counters.updates++;
    turn->sim->counters.updated += action.applied;
    sim_log_action(turn->conn, &action);
}

static void update_infobase_short(struct turn *turn)
{
    const struct ras_infobase_short_update *asked = turn->record;
    struct world_infobase *infobase = infobase_of(turn, &asked->info.uuid);
    if (!infobase)
        return;
    if (!turn->lie)
        world_update_short(infobase, &asked->info);
    note_update(turn, "update_infobase_short", infobase, NULL, WORLD_DONE);
    reply_void(turn);
}

static void update_infobase(struct turn *turn)
{
    const struct ras_infobase_update *asked = turn->record;
    struct world_infobase *infobase = infobase_of(turn, &asked->info.uuid);
    if (!infobase)
        return;
    if (!may_use(turn, infobase)) {
        note_update(turn, "update_infobase", infobase, &asked->info, WORLD_REFUSED);
        refuse_rights(turn, infobase);
        return;
    }
    world_ras_was_here(infobase, turn->now);
    enum world_effect effect =
        sim_update_infobase(turn->conn, turn->endpoint, infobase, &asked->info, turn->lie);
    note_update(turn, "update_infobase", infobase, &asked->info, effect);
    if (effect == WORLD_REFUSED)
        refuse(turn, "Database", NULL);
    else
        reply_void(turn);
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
    reply(turn, list, used);
    free(list);
}

static void get_connections(struct turn *turn)
{
    list_connections(turn, NULL);
}

static void get_infobase_connections(struct turn *turn)
{
    const struct ras_of_infobase *asked = turn->record;
    if (infobase_of(turn, &asked->infobase))
        list_connections(turn, &asked->infobase);
}

static void get_connection_info(struct turn *turn)
{
    const struct ras_of_connection *asked = turn->record;
    const struct world_connection *connection =
        world_connection_find(turn->cluster, &asked->connection);
    if (connection)
        reply(turn, &connection->record, 1);
    else
        unknown(turn, &asked->connection, "ConnectionNotFound");
}

static void get_connections_full(struct turn *turn)
{
    const struct ras_of_process_infobase *asked = turn->record;
    struct world_infobase *infobase = infobase_of(turn, &asked->infobase);
    size_t count = turn->cluster->connection_count, used = 0;
    if (!infobase)
        return;
    if (!may_use(turn, infobase)) {
        refuse_rights(turn, infobase);
        return;
    }
    struct ras_connection_full *list = mem_alloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        const struct world_connection *connection = turn->cluster->connections[i];
        if (uuid_equal(&connection->record.infobase, &asked->infobase) &&
            uuid_equal(&connection->record.process, &asked->process))
            list[used++] = world_connection_full(connection);
    }
    reply(turn, list, used);
    free(list);
}

static void describe_session(const struct world_session *session, struct sim_action *action)
{
    action->infobase = session->infobase;
    action->number = (uint32_t)session->record.session_id;
    action->user = session->record.user_name;
    action->app = session->record.app_id;
}

static void disconnect(struct turn *turn)
{
    const struct ras_disconnect *asked = turn->record;
    const struct world_connection *connection =
        world_connection_find(turn->cluster, &asked->connection);
    struct sim_action action = {.what = "disconnect",
                                .cluster = turn->cluster,
                                .cluster_uuid = asked->cluster,
                                .connection = asked->connection};
    enum world_effect effect = WORLD_DONE;
    if (connection) {
        action.infobase = world_infobase_find(turn->cluster, &connection->record.infobase);
        if (connection->session) {
            action.session = connection->session->record.uuid;
            describe_session(connection->session, &action);
        }
        if (action.infobase && !may_use(turn, action.infobase)) {
            refuse_rights(turn, action.infobase);
            return;
        }
    }
    if (!turn->lie)
        effect = world_disconnect(turn->cluster, &asked->process, &asked->connection, turn->now);
    action.effect = turn->lie ? "none" : world_effect_name(effect);
    action.applied = !turn->lie && effect == WORLD_DONE;
    turn->sim->counters.disconnects++;
    sim_log_action(turn->conn, &action);
    if (effect == WORLD_DONE)
        reply_void(turn);
    else
        unknown(turn, &asked->connection, "ClientNotFound");
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
    reply(turn, list, used);
    free(list);
}

static void get_sessions(struct turn *turn)
{
    list_sessions(turn, NULL);
}

static void get_infobase_sessions(struct turn *turn)
{
    const struct ras_of_infobase *asked = turn->record;
    const struct world_infobase *infobase = infobase_of(turn, &asked->infobase);
    if (infobase)
        list_sessions(turn, infobase);
}

static void get_session_info(struct turn *turn)
{
    const struct ras_of_session *asked = turn->record;
    const struct world_session *session = world_session_find(turn->cluster, &asked->session);
    if (session)
        reply(turn, &session->record, 1);
    else
        unknown(turn, &asked->session, "SessionNotFound");
}

/* Who it was about; of ended sessions what is remembered. */
static struct sim_action session_action(const struct turn *turn, const char *what)
{
    const struct ras_terminate *asked = turn->record;
    struct sim_action action = {.what = what,
                                .cluster = turn->cluster,
                                .cluster_uuid = asked->cluster,
                                .session = asked->session,
                                .message = asked->message};
    if (!turn->cluster)
        return action;
    const struct world_session *session = world_session_find(turn->cluster, &asked->session);
    const struct world_ghost *ghost = world_ghost_find(turn->cluster, &asked->session);
    if (session) {
        describe_session(session, &action);
    } else if (ghost) {
        action.infobase = ghost->infobase;
        action.number = ghost->number;
        action.user = ghost->user;
        action.app = ghost->app;
    }
    return action;
}

static void judge_target(struct turn *turn, const struct sim_action *action)
{
    if (text_same_name(action->app, TEXT("RAS")))
        sim_violation(turn->conn, RAS_VIOLATION_PROTECTED, "session %s",
                      uuid_format(&action->session).text);
}

static void reply_effect(struct turn *turn, const struct sim_action *action,
                         enum world_effect effect)
{
    if (effect == WORLD_GONE || effect == WORLD_UNKNOWN)
        unknown(turn, &action->session, "SessionNotFound");
    else
        reply_void(turn);
}

static void terminate_session(struct turn *turn)
{
    const struct ras_terminate *asked = turn->record;
    const struct fault_plan *plan = &turn->conn->plan;
    struct sim_action action = session_action(turn, "terminate");
    enum world_effect effect = WORLD_DONE;
    int64_t stay = fault_has(plan, FAULT_STAY) ? plan->stay_ms : WORLD_USUAL;
    judge_target(turn, &action);
    if (!turn->lie)
        effect = world_terminate(turn->cluster, &asked->session, stay, turn->now);
    action.effect = turn->lie ? "none" : world_effect_name(effect);
    action.applied = !turn->lie && (effect == WORLD_DONE || effect == WORLD_ACCEPTED);
    turn->sim->counters.terminates++;
    turn->sim->counters.terminated += action.applied;
    sim_log_action(turn->conn, &action);
    reply_effect(turn, &action, effect);
}

static void interrupt_session(struct turn *turn)
{
    const struct ras_terminate *asked = turn->record;
    struct sim_action action = session_action(turn, "interrupt");
    enum world_effect effect = WORLD_DONE;
    if (!turn->lie)
        effect = world_interrupt(turn->cluster, &asked->session, turn->now);
    action.effect = turn->lie ? "none" : world_effect_name(effect);
    action.applied = !turn->lie && effect == WORLD_DONE;
    turn->sim->counters.interrupts++;
    sim_log_action(turn->conn, &action);
    reply_effect(turn, &action, effect);
}

/* ---- locks ---- */

enum { LOCKS_FIRST = 64 };

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
    reply(turn, list, used);
    free(list);
}

static void get_locks(struct turn *turn)
{
    list_locks(turn, &(struct lock_filter){0});
}

static void get_infobase_locks(struct turn *turn)
{
    const struct ras_of_infobase *asked = turn->record;
    if (infobase_of(turn, &asked->infobase))
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
    if (infobase_of(turn, &asked->infobase))
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
    [RAS_UPDATE_INFOBASE_SHORT] = update_infobase_short,
    [RAS_UPDATE_INFOBASE] = update_infobase,
    [RAS_GET_INFOBASES_SHORT] = get_infobases,
    [RAS_GET_INFOBASE_SHORT_INFO] = get_infobase_short,
    [RAS_GET_INFOBASE_INFO] = get_infobase,
    [RAS_GET_CONNECTIONS_SHORT] = get_connections,
    [RAS_GET_INFOBASE_CONNECTIONS] = get_infobase_connections,
    [RAS_GET_CONNECTION_INFO] = get_connection_info,
    [RAS_GET_CONNECTIONS_FULL] = get_connections_full,
    [RAS_DISCONNECT] = disconnect,
    [RAS_GET_SESSIONS] = get_sessions,
    [RAS_GET_INFOBASE_SESSIONS] = get_infobase_sessions,
    [RAS_GET_SESSION_INFO] = get_session_info,
    [RAS_TERMINATE_SESSION] = terminate_session,
    [RAS_GET_LOCKS] = get_locks,
    [RAS_GET_INFOBASE_LOCKS] = get_infobase_locks,
    [RAS_GET_CONNECTION_LOCKS] = get_connection_locks,
    [RAS_GET_SESSION_LOCKS] = get_session_locks,
    [RAS_INTERRUPT_SESSION] = interrupt_session,
    [RAS_GET_AGENT_VERSION] = get_agent_version,
};

/* Every request about a cluster starts with its UUID. */
static const struct uuid *asked_cluster(const struct ras_message *message)
{
    if (message->layout->field_count == 0 || message->layout->fields[0].type != RAS_TYPE_UUID)
        return NULL;
    return message->records;
}

static struct turn turn_of(struct sim_conn *conn, struct sim_endpoint *endpoint)
{
    const struct ras_message *message = &conn->request.message;
    const struct uuid *cluster = asked_cluster(message);
    return (struct turn){
        .conn = conn,
        .sim = conn->sim,
        .endpoint = endpoint,
        .row = ras_message_by_request(message->head.type),
        .record = message->records,
        .cluster = cluster ? sim_cluster(conn, cluster) : NULL,
        .now = sim_wall(conn->sim),
        .lie = fault_has(&conn->plan, FAULT_LIE),
    };
}

void sim_answer_message(struct sim_conn *conn, struct sim_endpoint *endpoint)
{
    struct turn turn = turn_of(conn, endpoint);
    const struct uuid *asked = asked_cluster(&conn->request.message);
    CHECK(turns[turn.row->number]);
    world_tick(conn->sim->world, turn.now);
    if (asked && !turn.cluster)
        unknown(&turn, asked, "ClusterNotFound");
    else if (!is_authenticated(&turn))
        refuse(&turn, turn.row->needs == RAS_NEEDS_AGENT ? "AgentFailure" : "Rights", NULL);
    else
        turns[turn.row->number](&turn);
}

/* ---- what the rules look at, and what was not done ---- */

static const struct uuid *asked_session(const struct ras_message *message)
{
    switch (message->head.type) {
    case RAS_TERMINATE_SESSION:
    case RAS_INTERRUPT_SESSION:
        return &((const struct ras_terminate *)message->records)->session;
    case RAS_GET_SESSION_INFO:
        return &((const struct ras_of_session *)message->records)->session;
    default:
        return NULL;
    }
}

static const struct uuid *asked_infobase(const struct ras_message *message)
{
    switch (message->head.type) {
    case RAS_UPDATE_INFOBASE:
        return &((const struct ras_infobase_update *)message->records)->info.uuid;
    case RAS_UPDATE_INFOBASE_SHORT:
        return &((const struct ras_infobase_short_update *)message->records)->info.uuid;
    default:
        break;
    }
    return message->layout == &ras_of_infobase_layout
               ? &((const struct ras_of_infobase *)message->records)->infobase
               : NULL;
}

struct fault_request sim_fault_request(struct sim_conn *conn)
{
    const struct ras_message *message = &conn->request.message;
    struct fault_request request = {
        .op = conn->request.type == RAS_PACKET_CONNECT ? FAULT_OP_CONNECT : FAULT_OP_OPEN};
    struct world_cluster *cluster = conn->listener->only;
    request.port = conn->listener->port;
    if (conn->request.type == RAS_PACKET_MESSAGE) {
        request.op = message->head.type;
        request.cluster = asked_cluster(message);
        request.session = asked_session(message);
        if (request.cluster)
            cluster = sim_cluster(conn, request.cluster);
    }
    if (!cluster)
        return request;
    request.cluster = &cluster->record.uuid;
    request.cluster_name = cluster->record.name;
    const struct world_session *session =
        request.session ? world_session_find(cluster, request.session) : NULL;
    const struct uuid *asked =
        conn->request.type == RAS_PACKET_MESSAGE ? asked_infobase(message) : NULL;
    const struct world_infobase *infobase = asked ? world_infobase_find(cluster, asked) : NULL;
    if (session) {
        infobase = session->infobase;
        request.number = (uint32_t)session->record.session_id;
        request.user = session->record.user_name;
    }
    if (infobase)
        request.infobase_name = infobase->record.name;
    return request;
}

void sim_not_done(struct sim_conn *conn)
{
    const struct ras_message *message = &conn->request.message;
    if (conn->request.type != RAS_PACKET_MESSAGE)
        return;
    struct turn turn = turn_of(conn, NULL);
    if (!turn.row->changes)
        return;
    bool session =
        message->head.type == RAS_TERMINATE_SESSION || message->head.type == RAS_INTERRUPT_SESSION;
    struct sim_action action = {.cluster_uuid = *asked_cluster(message)};
    if (session)
        action = session_action(&turn, NULL);
    const struct uuid *infobase = asked_infobase(message);
    if (infobase && turn.cluster)
        action.infobase = world_infobase_find(turn.cluster, infobase);
    if (message->head.type == RAS_DISCONNECT)
        action.connection = ((const struct ras_disconnect *)message->records)->connection;
    action.what = message->head.type == RAS_TERMINATE_SESSION   ? "terminate"
                  : message->head.type == RAS_INTERRUPT_SESSION ? "interrupt"
                                                                : turn.row->label;
    action.cluster = turn.cluster;
    action.effect = "none";
    conn->sim->counters.terminates += message->head.type == RAS_TERMINATE_SESSION;
    sim_log_action(conn, &action);
}
