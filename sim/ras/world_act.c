/* What clients do to the world (docs/ras-protocol.md 7, 8.7). */
#include <string.h>

#include "base/check.h"
#include "sim/ras/world_internal.h"

#define MASKED "\xef\xbf\xbd" /* U+FFFD: what RAS shows instead of a password */

const char *world_effect_name(enum world_effect effect)
{
    static const char *const names[] = {
        [WORLD_DONE] = "done",       [WORLD_ACCEPTED] = "accepted", [WORLD_AGAIN] = "again",
        [WORLD_IDLE] = "idle",       [WORLD_REFUSED] = "refused",   [WORLD_GONE] = "gone",
        [WORLD_UNKNOWN] = "unknown",
    };
    CHECK((size_t)effect < sizeof names / sizeof *names);
    return names[effect];
}

static struct wall later(struct wall now, int64_t ms)
{
    if (ms > WORLD_FOREVER - now.ms)
        return (struct wall){WORLD_FOREVER};
    return (struct wall){now.ms + ms};
}

void world_due_at(struct world_cluster *cluster, struct wall at)
{
    if (at.ms == 0 || at.ms >= cluster->due.ms)
        return;
    int64_t over = at.ms % WORLD_GRAIN_MS;
    int64_t due = over ? at.ms - over + WORLD_GRAIN_MS : at.ms;
    if (due < cluster->due.ms)
        cluster->due.ms = due;
}

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

/* The connection outlives its session for a while: exclusive access right after the end fails. */
static void release_link(struct world_session *session, struct wall now)
{
    struct world_connection *link = session->link;
    struct world_cluster *cluster = session->infobase->cluster;
    int64_t stays = cluster->world->options.connection_ms;
    if (!link)
        return;
    session->link = NULL;
    link->session = NULL;
    if (stays <= 0) {
        world_connection_leave(cluster, link);
        return;
    }
    link->gone_at = later(now, stays);
    world_due_at(cluster, link->gone_at);
}

static void comes_back(struct world_session *session, struct wall now)
{
    int64_t after = session->infobase->cluster->world->options.relogin_ms;
    if (!session->person || after <= 0)
        return;
    session->person->back_at = later(now, after);
    world_due_at(session->infobase->cluster, session->person->back_at);
}

void world_logout(struct world_session *session, enum world_cause cause, struct wall now)
{
    release_link(session, now);
    if (cause == WORLD_TERMINATED)
        comes_back(session, now);
    world_leave(session, cause, now);
}

enum world_effect world_terminate(struct world_cluster *cluster, const struct uuid *uuid,
                                  int64_t stay_ms, struct wall now)
{
    struct world_session *session = world_session_find(cluster, uuid);
    if (!session)
        return world_ghost_find(cluster, uuid) ? WORLD_GONE : WORLD_UNKNOWN;
    if (world_session_ending(session))
        return WORLD_AGAIN;
    if (stay_ms == WORLD_USUAL)
        stay_ms = cluster->world->options.linger_ms;
    if (stay_ms <= 0) {
        world_logout(session, WORLD_TERMINATED, now);
        return WORLD_DONE;
    }
    session->cause = WORLD_TERMINATED;
    session->gone_at = later(now, stay_ms);
    world_due_at(cluster, session->gone_at);
    return WORLD_ACCEPTED;
}

void world_call(struct world_session *session, int32_t ms)
{
    struct ras_session *record = &session->record;
    record->duration_current = ms;
    record->duration_current_dbms = ms / 2;
    record->connection = (struct uuid){{0}};
    record->process = (struct uuid){{0}};
    record->db_proc_took = 0;
    record->db_proc_took_at.ticks = 0;
    record->db_proc_info = (struct text){0};
    if (ms <= 0 || !session->link)
        return;
    record->connection = session->link->record.uuid;
    record->process = session->link->record.process;
    record->hibernate = false;
}

enum world_effect world_interrupt(struct world_cluster *cluster, const struct uuid *uuid,
                                  struct wall now)
{
    struct world_session *session = world_session_find(cluster, uuid);
    if (!session)
        return world_ghost_find(cluster, uuid) ? WORLD_GONE : WORLD_UNKNOWN;
    if (session->record.duration_current <= 0)
        return WORLD_IDLE;
    session->record.last_active_at = world_time(cluster->world, now);
    world_call(session, 0);
    if (world_session_ending(session)) /* the call was what kept it */
        world_logout(session, WORLD_TERMINATED, now);
    return WORLD_DONE;
}

enum world_effect world_disconnect(struct world_cluster *cluster, const struct uuid *process,
                                   const struct uuid *uuid, struct wall now)
{
    struct world_connection *connection = world_connection_find(cluster, uuid);
    if (!connection || !uuid_equal(&connection->record.process, process))
        return WORLD_UNKNOWN;
    struct world_session *session = connection->session;
    world_connection_leave(cluster, connection);
    if (session && !world_session_ending(session)) {
        world_call(session, 0);
        world_link(session, now);
    }
    return WORLD_DONE;
}

static bool same_password(const struct world_infobase *infobase, struct text password)
{
    return text_equal(password, TEXT(MASKED)) || text_equal(password, infobase->password);
}

enum world_effect world_update(struct world_infobase *infobase, const struct ras_infobase *record)
{
    if (!same_password(infobase, record->db_pwd))
        return WORLD_REFUSED;
    struct ras_infobase copy = *record;
    copy.uuid = infobase->record.uuid;
    copy.db_pwd = TEXT(MASKED);
    copy.security_level = infobase->record.security_level;
    keep_record(infobase->cluster->world->keep, &ras_infobase_layout, &copy);
    infobase->record = copy;
    infobase->updates++;
    return WORLD_DONE;
}

void world_update_short(struct world_infobase *infobase, const struct ras_infobase_short *record)
{
    struct keep *keep = infobase->cluster->world->keep;
    infobase->record.descr = keep_text(keep, record->descr);
    if (record->name.length)
        infobase->record.name = keep_text(keep, record->name);
    infobase->updates++;
}

void world_ras_was_here(struct world_infobase *infobase, struct wall now)
{
    struct world_cluster *cluster = infobase->cluster;
    int64_t stays = cluster->world->options.ras_session_ms;
    if (stays <= 0 || !cluster->lives)
        return;
    if (!infobase->ras) {
        struct ras_session record = {
            .uuid = world_uuid(cluster->world, "session"),
            .app_id = TEXT("RAS"),
            .host = cluster->record.host,
            .infobase = infobase->record.uuid,
            .started_at = world_time(cluster->world, now),
            .passive_session_hibernate_time = 1200,
            .hibernate_session_terminate_time = 86400,
            .data_separation = TEXT("''"),
            .locale = TEXT("ru_RU"),
        };
        infobase->ras = world_enter(infobase, &record, now);
    }
    if (world_session_ending(infobase->ras))
        return;
    infobase->ras->record.last_active_at = world_time(cluster->world, now);
    infobase->ras->cause = WORLD_EXPIRED;
    infobase->ras->gone_at = later(now, stays);
    world_due_at(cluster, infobase->ras->gone_at);
}

void world_cluster_renew(struct world_cluster *cluster)
{
    cluster->record.uuid = world_uuid(cluster->world, "cluster renewed");
}

void world_set_credentials(struct world_cluster *cluster, struct text user, struct text password)
{
    cluster->user = keep_text(cluster->world->keep, user);
    cluster->password = keep_text(cluster->world->keep, password);
}
