#include "sim/ras/show.h"

void show_put(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

void show_put_text(json_t *object, const char *key, struct text text)
{
    show_put(object, key, json_stringn(text.at ? text.at : "", text.length));
}

static void put_uuid(json_t *object, const char *key, const struct uuid *uuid)
{
    show_put(object, key, json_string(uuid_format(uuid).text));
}

static void put_time(json_t *object, const char *key, struct server_time time)
{
    show_put(object, key, json_string(server_time_format(time).text));
}

json_t *show_session(const struct world_session *session)
{
    json_t *object = json_object();
    const struct ras_session *record = &session->record;
    put_uuid(object, "session", &record->uuid);
    show_put(object, "number", json_integer(record->session_id));
    put_uuid(object, "infobase", &record->infobase);
    show_put_text(object, "infobase_name", session->infobase->record.name);
    show_put_text(object, "user", record->user_name);
    show_put_text(object, "app", record->app_id);
    show_put_text(object, "host", record->host);
    put_time(object, "started_at", record->started_at);
    put_time(object, "last_active_at", record->last_active_at);
    show_put(object, "hibernate", json_boolean(record->hibernate));
    show_put(object, "duration_current", json_integer(record->duration_current));
    show_put(object, "ending", json_boolean(world_session_ending(session)));
    return object;
}

json_t *show_infobase(const struct world_infobase *infobase)
{
    json_t *object = json_object();
    const struct ras_infobase *record = &infobase->record;
    put_uuid(object, "infobase", &record->uuid);
    show_put_text(object, "name", record->name);
    show_put(object, "sessions", json_integer((json_int_t)infobase->session_count));
    show_put(object, "updates", json_integer((json_int_t)infobase->updates));
    show_put(object, "sessions_deny", json_boolean(record->sessions_deny));
    show_put(object, "scheduled_jobs_deny", json_boolean(record->scheduled_jobs_deny));
    put_time(object, "denied_from", record->denied_from);
    put_time(object, "denied_to", record->denied_to);
    show_put_text(object, "denied_message", record->denied_message);
    show_put_text(object, "denied_parameter", record->denied_parameter);
    show_put_text(object, "permission_code", record->permission_code);
    return object;
}

json_t *show_connection(const struct world_connection *connection)
{
    json_t *object = json_object();
    put_uuid(object, "connection", &connection->record.uuid);
    put_uuid(object, "process", &connection->record.process);
    put_uuid(object, "infobase", &connection->record.infobase);
    show_put_text(object, "app", connection->record.application);
    show_put(object, "session_number", json_integer(connection->record.session_number));
    show_put(object, "lingering", json_boolean(connection->gone_at.ms != 0));
    return object;
}

/* The address that serves the cluster. */
static uint16_t port_of(const struct ras_sim *sim, const struct world_cluster *cluster)
{
    for (size_t i = 0; i < sim->listener_count; i++)
        if (!sim->listeners[i]->only || sim->listeners[i]->only == cluster)
            return sim->listeners[i]->port;
    return 0;
}

json_t *show_cluster(const struct ras_sim *sim, const struct world_cluster *cluster)
{
    json_t *object = json_object();
    put_uuid(object, "cluster", &cluster->record.uuid);
    show_put_text(object, "name", cluster->record.name);
    show_put(object, "port", json_integer(port_of(sim, cluster)));
    show_put(object, "sessions", json_integer((json_int_t)cluster->session_count));
    show_put(object, "connections", json_integer((json_int_t)cluster->connection_count));
    show_put(object, "infobases", json_integer((json_int_t)cluster->infobase_count));
    return object;
}

json_t *show_counters(const struct ras_sim *sim)
{
    const struct ras_sim_counters *counters = &sim->counters;
    json_t *object = json_object();
    json_t *kinds = json_object();
    show_put(object, "connections", json_integer((json_int_t)counters->connections));
    show_put(object, "open_connections", json_integer((json_int_t)sim->conn_count));
    show_put(object, "requests", json_integer((json_int_t)counters->requests));
    show_put(object, "terminates", json_integer((json_int_t)counters->terminates));
    show_put(object, "terminated", json_integer((json_int_t)counters->terminated));
    show_put(object, "disconnects", json_integer((json_int_t)counters->disconnects));
    show_put(object, "updates", json_integer((json_int_t)counters->updates));
    show_put(object, "updated", json_integer((json_int_t)counters->updated));
    show_put(object, "interrupts", json_integer((json_int_t)counters->interrupts));
    show_put(object, "faults", json_integer((json_int_t)counters->faults));
    show_put(object, "gave_up", json_integer((json_int_t)counters->gave_up));
    show_put(object, "violations", json_integer((json_int_t)counters->violations));
    for (int i = 0; i < RAS_VIOLATION_COUNT; i++)
        if (counters->violation[i])
            show_put(kinds, ras_violation_name((enum ras_violation)i),
                     json_integer((json_int_t)counters->violation[i]));
    show_put(object, "violation_kinds", kinds);
    return object;
}
