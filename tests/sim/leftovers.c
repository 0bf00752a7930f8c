#include "leftovers.h"

#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "oracle.h"
#include "oracle_state.h"

enum { CONNECTION_BYTES_MAX = 1024 * 1024, OUTLIVES_MS = 8000 };

void connection_begin(struct world *world, int32_t at, uint32_t session)
{
    struct sim_cluster *cluster = &world->clusters[at];
    *VECTOR_ADD(&cluster->connections) = (struct sim_connection){.uuid = draw_uuid(&world->draw),
                                                                 .process = draw_uuid(&world->draw),
                                                                 .session = session,
                                                                 .gone_ns = NEVER_NS};
}

void connection_outlive(struct world *world, int32_t at, uint32_t session)
{
    struct sim_cluster *cluster = &world->clusters[at];
    int64_t stays = draw_percent(&world->draw, 50)   ? 0
                    : draw_percent(&world->draw, 80) ? world_delay(world, 1, OUTLIVES_MS)
                                                     : NEVER_NS / 2;
    for (size_t i = 0; i < cluster->connections.count; i++)
        if (cluster->connections.at[i].session == session)
            cluster->connections.at[i].gone_ns = world->now_ns + stays;
}

int32_t connection_infobase(const struct sim_cluster *cluster, const char *uuid)
{
    for (int32_t i = 0; i < INFOBASES; i++)
        if (!strcmp(uuid_format(&cluster->infobase[i]).text, uuid))
            return i;
    return -1;
}

/* ---- answers ---- */

static struct connection_list *list_now(const struct world *world, const struct request *request)
{
    const struct sim_cluster *cluster = &world->clusters[request->cluster];
    struct connection_list *list = mem_new(struct connection_list);
    list->arena = arena_create(CONNECTION_BYTES_MAX);
    list->connections =
        arena_take(list->arena, cluster->connections.count + 1, sizeof list->connections[0]);
    CHECK(list->connections);
    for (size_t i = 0; i < cluster->connections.count; i++) {
        const struct sim_connection *from = &cluster->connections.at[i];
        const struct truth *truth = &cluster->all.at[from->session];
        if (from->gone_ns <= world->now_ns || (int32_t)truth->infobase != request->infobase)
            continue;
        list->connections[list->count++] = (struct connection){
            .uuid = from->uuid,
            .process = from->process,
            .infobase = cluster->infobase[truth->infobase],
            .application = truth->app,
            .host = "pc",
            .session_number = truth->number,
        };
    }
    return list;
}

static struct sim_connection *find(struct sim_cluster *cluster, const struct uuid *uuid)
{
    for (size_t i = 0; i < cluster->connections.count; i++)
        if (uuid_equal(&cluster->connections.at[i].uuid, uuid))
            return &cluster->connections.at[i];
    return NULL;
}

enum error_code leftovers_arrive(struct world *world, struct request *request)
{
    if (request->kind == ENGINE_CONNECTIONS) {
        CHECK(request->infobase >= 0);
        request->connections = list_now(world, request);
        return ERR_OK;
    }
    if (!world->calm && draw_chance(&world->draw, world->plan.refuse))
        return ERR_REFUSED;
    leftovers_effect(world, request);
    return ERR_OK;
}

static void disconnect(struct world *world, const struct request *request)
{
    struct sim_cluster *cluster = &world->clusters[request->cluster];
    struct sim_connection *connection = find(cluster, &request->connection.connection);
    CHECK(connection); /* the engine knows of it from us */
    const struct truth *truth = &cluster->all.at[connection->session];
    if (truth->died_ns == NEVER_NS)
        violate(world, "I2", "%s: the connection of %s, who is there, was cut", cluster->name,
                brief(&truth->uuid).text);
    if (connection->gone_ns > world->now_ns)
        connection->gone_ns = world->now_ns;
    world->oracle->disconnects++;
}

/* The call is what keeps a session whose end was accepted. */
static void interrupt(struct world *world, const struct request *request)
{
    struct sim_cluster *cluster = &world->clusters[request->cluster];
    int64_t index = session_find(world, request->cluster, &request->session);
    world->oracle->interrupts++;
    if (index < 0 || cluster->all.at[index].stuck_until <= world->now_ns)
        return;
    cluster->all.at[index].stuck_until = world->now_ns; /* the next end takes it */
    say(world, "%s: the call of %s is interrupted", cluster->name, brief(&request->session).text);
}

void leftovers_effect(struct world *world, const struct request *request)
{
    if (request->kind == ENGINE_DISCONNECT)
        disconnect(world, request);
    else if (request->kind == ENGINE_INTERRUPT)
        interrupt(world, request);
}

/* ---- the oracle ---- */

void oracle_fold_leftovers(struct fold *fold, const struct fold_command *command,
                           const struct record *record, int64_t handed_ns)
{
    struct leftover_licence licence = {.act = record->attempt.act,
                                       .epoch = record->epoch,
                                       .offset = (int64_t)fold->entries.count - 1,
                                       .handed_ns = handed_ns};
    for (uint32_t i = 0; i < record->attempt.connection_count; i++) {
        licence.what = record->attempt.connections[i].connection;
        *VECTOR_ADD(&fold->leftovers) = licence;
    }
    for (uint32_t i = 0; i < record->attempt.count; i++)
        if (record->attempt.targets[i] < command->count) {
            licence.what = command->targets[record->attempt.targets[i]].session;
            *VECTOR_ADD(&fold->leftovers) = licence;
        }
}

void oracle_leftovers_sent(struct world *world, const struct worker *worker, int32_t partition,
                           const struct request *request)
{
    struct fold *fold = &world->oracle->folds[partition];
    const struct seat *seat = &worker->seats[partition];
    const struct fold_owner *owner = fold_owner_at(fold, seat->read);
    bool cuts = request->kind == ENGINE_DISCONNECT;
    const struct uuid *what = cuts ? &request->connection.connection : &request->session;
    const char *why = "there is none";
    for (size_t i = fold->leftovers.count; i-- > 0;) {
        const struct leftover_licence *licence = &fold->leftovers.at[i];
        if (licence->act != (cuts ? ACT_DISCONNECT : ACT_INTERRUPT) ||
            !uuid_equal(&licence->what, what))
            continue;
        if (licence->offset >= seat->read)
            why = "it was not read back";
        else if (!owner || owner->worker != worker->index || owner->life != worker->life)
            why = "its worker knew that another owns the partition";
        else if (!epoch_equal(&owner->epoch, &licence->epoch))
            why = "it is of another epoch";
        else if (world->now_ns - licence->handed_ns >= LICENCE_AGE_MS * MS)
            why = "it is older than 10 s";
        else
            return;
    }
    violate(world, "I1", "w%d %s %s without a licence: %s", worker->index,
            cuts ? "cuts the connection" : "interrupts the call of", brief(what).text, why);
}
