/* What the messages do that change something, what is answered, and what is written down of them
 * (docs/ras-protocol.md 6, 7). */
#include "sim/ras/change.h"

#include "base/check.h"

/* ---- infobases ---- */

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

void change_update_infobase_short(struct turn *turn)
{
    const struct ras_infobase_short_update *asked = turn->record;
    struct world_infobase *infobase = turn_infobase(turn, &asked->info.uuid);
    if (!infobase)
        return;
    if (!turn->lie)
        world_update_short(infobase, &asked->info);
    note_update(turn, "update_infobase_short", infobase, NULL, WORLD_DONE);
    turn_reply_void(turn);
}

void change_update_infobase(struct turn *turn)
{
    const struct ras_infobase_update *asked = turn->record;
    struct world_infobase *infobase = turn_infobase(turn, &asked->info.uuid);
    if (!infobase)
        return;
    if (!turn_may_use(turn, infobase)) {
        note_update(turn, "update_infobase", infobase, &asked->info, WORLD_REFUSED);
        turn_refuse_rights(turn, infobase);
        return;
    }
    world_ras_was_here(infobase, turn->now);
    enum world_effect effect =
        sim_update_infobase(turn->conn, turn->endpoint, infobase, &asked->info, turn->lie);
    note_update(turn, "update_infobase", infobase, &asked->info, effect);
    if (effect == WORLD_REFUSED)
        turn_refuse(turn, "Database", NULL);
    else
        turn_reply_void(turn);
}

/* ---- sessions and connections ---- */

static void describe_session(const struct world_session *session, struct sim_action *action)
{
    action->infobase = session->infobase;
    action->number = (uint32_t)session->record.session_id;
    action->user = session->record.user_name;
    action->app = session->record.app_id;
}

void change_disconnect(struct turn *turn)
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
        if (action.infobase && !turn_may_use(turn, action.infobase)) {
            turn_refuse_rights(turn, action.infobase);
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
        turn_reply_void(turn);
    else
        turn_unknown(turn, &asked->connection, "ClientNotFound");
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
        turn_unknown(turn, &action->session, "SessionNotFound");
    else
        turn_reply_void(turn);
}

void change_terminate_session(struct turn *turn)
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

void change_interrupt_session(struct turn *turn)
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

/* ---- what was not done ---- */

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
    struct sim_action action = {.cluster_uuid = *turn_asked_cluster(message)};
    if (session)
        action = session_action(&turn, NULL);
    const struct uuid *infobase = turn_asked_infobase(message);
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
