/* The file that tests hold the journal against: one JSON line per event, one write per line. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "sim/ras/server_internal.h"

enum error_code ras_sim_log(struct ras_sim *sim, const char *path, bool life, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set(err, ERR_SYSTEM, "cannot open '%s': %s", path, strerror(errno));
    if (sim->log.fd >= 0)
        close(sim->log.fd);
    sim->log.fd = fd;
    sim->log.life = life;
    return ERR_OK;
}

static json_t *json_of(struct text text)
{
    return json_stringn(text.at ? text.at : "", text.length);
}

static json_t *json_uuid(const struct uuid *uuid)
{
    return json_string(uuid_format(uuid).text);
}

static json_t *line_start(struct ras_sim *sim, const char *what)
{
    struct wall wall = sim_wall(sim);
    json_t *line = json_object();
    json_object_set_new(line, "seq", json_integer((json_int_t)++sim->log.lines));
    json_object_set_new(line, "time", json_string(wall_format(wall).text));
    json_object_set_new(line, "wall_ms", json_integer(wall.ms));
    json_object_set_new(line, "boot_ns", json_integer(sim_now(sim).ns));
    json_object_set_new(line, "what", json_string(what));
    return line;
}

static void line_end(struct ras_sim *sim, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    CHECK(text);
    size_t length = strlen(text);
    text[length] = '\n'; /* instead of the closing zero */
    ssize_t written = write(sim->log.fd, text, length + 1);
    (void)written; /* a full disk must not stop the cluster */
    free(text);
    json_decref(line);
}

static void put_infobase(json_t *line, const struct world_infobase *infobase)
{
    if (!infobase)
        return;
    json_object_set_new(line, "infobase", json_uuid(&infobase->record.uuid));
    json_object_set_new(line, "infobase_name", json_of(infobase->record.name));
}

static void put_lock(json_t *line, const struct ras_infobase *lock)
{
    json_object_set_new(line, "sessions_deny", json_boolean(lock->sessions_deny));
    json_object_set_new(line, "scheduled_jobs_deny", json_boolean(lock->scheduled_jobs_deny));
    json_object_set_new(line, "denied_from",
                        json_string(server_time_format(lock->denied_from).text));
    json_object_set_new(line, "denied_to", json_string(server_time_format(lock->denied_to).text));
    json_object_set_new(line, "denied_message", json_of(lock->denied_message));
    json_object_set_new(line, "denied_parameter", json_of(lock->denied_parameter));
}

static void put_target(json_t *line, const struct sim_action *action)
{
    if (!uuid_is_nil(&action->session)) {
        json_object_set_new(line, "session", json_uuid(&action->session));
        json_object_set_new(line, "number", json_integer(action->number));
        json_object_set_new(line, "user", json_of(action->user));
        json_object_set_new(line, "app", json_of(action->app));
    }
    if (!uuid_is_nil(&action->connection))
        json_object_set_new(line, "connection_uuid", json_uuid(&action->connection));
    if (action->message.length)
        json_object_set_new(line, "message", json_of(action->message));
    if (action->lock)
        put_lock(line, action->lock);
}

void sim_log_action(struct sim_conn *conn, const struct sim_action *action)
{
    struct ras_sim *sim = conn->sim;
    if (sim->log.fd < 0)
        return;
    json_t *line = line_start(sim, action->what);
    json_object_set_new(line, "received_ms", json_integer(conn->received.ms));
    json_object_set_new(line, "cluster", json_uuid(&action->cluster_uuid));
    if (action->cluster)
        json_object_set_new(line, "cluster_name", json_of(action->cluster->record.name));
    put_infobase(line, action->infobase);
    put_target(line, action);
    json_object_set_new(line, "effect", json_string(action->effect));
    json_object_set_new(line, "applied", json_boolean(action->applied));
    json_object_set_new(line, "connection", json_integer((json_int_t)conn->number));
    json_object_set_new(line, "port", json_integer(conn->listener->port));
    struct buf faults;
    buf_init(&faults, 1024);
    fault_plan_print(&conn->plan, &faults);
    if (faults.length)
        json_object_set_new(line, "faults", json_string(buf_text(&faults)));
    buf_release(&faults);
    line_end(sim, line);
}

void sim_log_life(struct ras_sim *sim, const struct world_event *event)
{
    if (sim->log.fd < 0 || !sim->log.life)
        return;
    bool started = event->kind == WORLD_STARTED;
    const struct world_session *session = event->session;
    json_t *line = line_start(sim, started ? "session_started" : "session_ended");
    const struct world_cluster *cluster = session->infobase->cluster;
    json_object_set_new(line, "cluster", json_uuid(&cluster->record.uuid));
    json_object_set_new(line, "cluster_name", json_of(cluster->record.name));
    put_infobase(line, session->infobase);
    json_object_set_new(line, "session", json_uuid(&session->record.uuid));
    json_object_set_new(line, "number", json_integer(session->record.session_id));
    json_object_set_new(line, "user", json_of(session->record.user_name));
    json_object_set_new(line, "app", json_of(session->record.app_id));
    if (!started)
        json_object_set_new(line, "cause", json_string(world_cause_name(event->cause)));
    line_end(sim, line);
}
