/* The simulator against the recordings: a world seeded with the values of the recorded answers gets
 * the recorded requests and answers the same bytes, those of a real server included. */
#include "tests/unit/sim/test_ras_support.h"

#include <dirent.h>

#include "tests/vectors/vector.h"

enum { FILES_LEAST = 60 };

/* Where the world cannot be seeded from the answer, and why. */
static const struct {
    const char *file;
    const char *reason;
} exceptions[] = {
    {"real_error_process_lost_16.hex", "the text names a host of the recording"},
};

static struct vector vector;

/* ---- seeding ---- */

struct seed {
    struct stand *stand;
    struct arena *arena;
    unsigned version;
    const struct ras_packet_value *request; /* the last one */
    struct world_cluster *cluster;          /* of the last request that named one */
};

static struct world_cluster *need_cluster(struct seed *seed, const struct uuid *uuid)
{
    struct world_cluster *cluster = world_cluster_find(seed->stand->world, uuid);
    struct ras_cluster record = {.uuid = *uuid};
    if (!cluster)
        cluster =
            world_add_cluster(seed->stand->world, &record, (struct text){0}, (struct text){0});
    return cluster;
}

static struct world_infobase *need_infobase(struct seed *seed, const struct ras_infobase *record)
{
    struct world_infobase *infobase = world_infobase_find(seed->cluster, &record->uuid);
    if (infobase || uuid_is_nil(&record->uuid))
        return infobase;
    struct ras_infobase masked = *record;
    masked.db_pwd = TEXT("\xef\xbf\xbd");
    return world_add_infobase(seed->cluster, &masked, (struct text){0}, (struct text){0});
}

static void add_session(struct seed *seed, const struct ras_session *record)
{
    struct error err;
    need_infobase(seed, &(struct ras_infobase){.uuid = record->infobase});
    if (world_session_find(seed->cluster, &record->uuid))
        return;
    if (world_add_session(seed->cluster, record, NULL, &err))
        fail_msg("%s", err.message);
}

static void add_connection(struct seed *seed, const struct ras_connection *record)
{
    if (!world_connection_find(seed->cluster, &record->uuid))
        world_add_connection(seed->cluster, record);
}

static void add_records(struct seed *seed, struct world_records *records,
                        const struct ras_message *message)
{
    const unsigned char *items = message->records;
    if (records->count)
        return; /* the same list came before */
    for (uint32_t i = 0; i < message->count; i++)
        world_add_record(seed->stand->world, records, items + i * records->layout->size);
}

static void seed_clusters(struct seed *seed, const struct ras_message *message)
{
    const struct ras_cluster *items = message->records;
    for (uint32_t i = 0; i < message->count; i++)
        if (!world_cluster_find(seed->stand->world, &items[i].uuid))
            world_add_cluster(seed->stand->world, &items[i], (struct text){0}, (struct text){0});
}

static void seed_infobases(struct seed *seed, const struct ras_message *message)
{
    const struct ras_infobase_short *items = message->records;
    for (uint32_t i = 0; i < message->count; i++)
        need_infobase(seed, &(struct ras_infobase){.uuid = items[i].uuid,
                                                   .descr = items[i].descr,
                                                   .name = items[i].name});
}

static void seed_answer(struct seed *seed, const struct ras_message *message)
{
    const struct ras_layout *layout = message->layout;
    const struct ras_agent_version *version = message->records;
    struct world *world = seed->stand->world;
    if (layout == &ras_cluster_layout)
        seed_clusters(seed, message);
    else if (layout == &ras_infobase_short_layout)
        seed_infobases(seed, message);
    else if (layout == &ras_infobase_layout)
        need_infobase(seed, message->records);
    else if (layout == &ras_session_layout)
        for (uint32_t i = 0; i < message->count; i++)
            add_session(seed, (const struct ras_session *)message->records + i);
    else if (layout == &ras_connection_layout)
        for (uint32_t i = 0; i < message->count; i++)
            add_connection(seed, (const struct ras_connection *)message->records + i);
    else if (layout == &ras_process_layout)
        add_records(seed, &seed->cluster->processes, message);
    else if (layout == &ras_server_layout)
        add_records(seed, &seed->cluster->servers, message);
    else if (layout == &ras_manager_layout)
        add_records(seed, &seed->cluster->managers, message);
    else if (layout == &ras_service_layout)
        add_records(seed, &seed->cluster->services, message);
    else if (layout == &ras_lock_layout)
        add_records(seed, &seed->cluster->locks, message);
    else if (layout == &ras_user_layout)
        add_records(seed, world_agent_admins(world), message);
    else if (layout == &ras_agent_version_layout)
        world_set_agent(world, (struct text){0}, (struct text){0}, version->version);
}

/* The last word of the refusal is the infobase's name. */
static void seed_rights(struct seed *seed, struct text message)
{
    const struct ras_of_infobase *asked = seed->request->message.records;
    const char *space = memrchr(message.at, ' ', message.length);
    assert_non_null(space);
    struct text name = {space + 1, (size_t)(message.at + message.length - space - 1)};
    struct ras_infobase record = {.uuid = asked->infobase, .name = name};
    world_add_infobase(seed->cluster, &record, TEXT("ibadmin"), TEXT("secret"));
}

static void seed_refusal(struct seed *seed, const struct ras_exception *exception)
{
    const struct ras_message *request = &seed->request->message;
    if (request->head.type == RAS_AUTHENTICATE_CLUSTER && seed->cluster)
        world_set_credentials(seed->cluster, TEXT("somebody"), TEXT("else"));
    if (request->head.type == RAS_GET_INFOBASE_INFO &&
        text_equal(ras_class_name(exception->class_name), TEXT("Rights")))
        seed_rights(seed, exception->message);
}

/* What a void answer says about the things that were named. */
static void seed_success(struct seed *seed)
{
    const struct ras_message *request = &seed->request->message;
    const struct ras_terminate *terminate = request->records;
    const struct ras_disconnect *disconnect = request->records;
    const struct ras_infobase_update *update = request->records;
    const struct ras_infobase_short_update *update_short = request->records;
    const struct ras_infobase infobase = {.uuid = {{0x77}}};
    if (request->head.type == RAS_TERMINATE_SESSION) {
        if (world_session_find(seed->cluster, &terminate->session))
            return;
        need_infobase(seed, &infobase);
        add_session(seed,
                    &(struct ras_session){.uuid = terminate->session, .infobase = infobase.uuid});
    } else if (request->head.type == RAS_DISCONNECT) {
        add_connection(seed, &(struct ras_connection){.uuid = disconnect->connection,
                                                      .process = disconnect->process});
    } else if (request->head.type == RAS_UPDATE_INFOBASE) {
        need_infobase(seed, &update->info);
    } else if (request->head.type == RAS_UPDATE_INFOBASE_SHORT) {
        need_infobase(seed, &(struct ras_infobase){.uuid = update_short->info.uuid});
    }
}

static const struct uuid *named_cluster(const struct ras_message *message)
{
    if (!message->layout->field_count || message->layout->fields[0].type != RAS_TYPE_UUID)
        return NULL;
    return message->records;
}

static void seed_exchange(struct seed *seed, const struct ras_packet_value *answer)
{
    const struct ras_message *request = &seed->request->message;
    const struct ras_exception *exception = &answer->message.exception;
    const struct uuid *named = named_cluster(request);
    const struct ras_of_infobase *of_infobase = request->records;
    bool refused = answer->message.head.kind == RAS_KIND_EXCEPTION;
    struct text why = refused ? ras_class_name(exception->class_name) : (struct text){0};
    bool itself = answer->message.layout == &ras_cluster_layout;
    if (named && !itself && !text_equal(why, TEXT("ClusterNotFound")))
        seed->cluster = need_cluster(seed, named);
    itself = itself || answer->message.layout == &ras_infobase_layout;
    if (request->layout == &ras_of_infobase_layout && !refused && !itself)
        need_infobase(seed, &(struct ras_infobase){.uuid = of_infobase->infobase});
    if (refused)
        seed_refusal(seed, exception);
    else if (answer->message.head.kind == RAS_KIND_VOID)
        seed_success(seed);
    else
        seed_answer(seed, &answer->message);
}

static struct ras_packet packet_of(const struct vector_packet *recorded)
{
    size_t header = 2;
    while (recorded->bytes[header - 1] & 0x80)
        header++;
    return (struct ras_packet){recorded->bytes[0], recorded->bytes + header,
                               recorded->length - header};
}

static bool is_negotiation(const struct vector_packet *recorded)
{
    return recorded->from_client && recorded->length == RAS_NEGOTIATE_BYTES &&
           recorded->bytes[0] == ras_negotiate[0];
}

static struct ras_packet_value decode(struct seed *seed, const struct vector_packet *recorded)
{
    struct ras_packet_value value;
    struct error err;
    if (ras_packet_decode(packet_of(recorded), seed->version, seed->arena, &value, &err))
        fail_msg("%s", err.message);
    return value;
}

/* The fullest answers first: an infobase's record before its name alone. */
static void seed_from(struct seed *seed, bool full_records)
{
    struct ras_packet_value request = {0};
    for (size_t i = 0; i < vector.count; i++) {
        if (is_negotiation(&vector.packets[i]))
            continue;
        struct ras_packet_value value = decode(seed, &vector.packets[i]);
        if (vector.packets[i].from_client) {
            request = value;
            seed->request = &request;
        } else if (value.type == RAS_PACKET_MESSAGE && request.type == RAS_PACKET_MESSAGE) {
            bool full = value.message.layout == &ras_infobase_layout &&
                        value.message.head.kind == RAS_KIND_MESSAGE;
            if (full == full_records)
                seed_exchange(seed, &value);
        }
    }
}

/* ---- replaying ---- */

static void read_offer(struct seed *seed, struct ras_sim_options *options)
{
    for (size_t i = 0; i < vector.count; i++) {
        if (is_negotiation(&vector.packets[i]))
            continue;
        struct ras_packet_value value = decode(seed, &vector.packets[i]);
        if (value.type == RAS_PACKET_OPEN_ACK)
            options->first_endpoint = (uint32_t)value.open.endpoint;
        else if (value.type == RAS_PACKET_MESSAGE && !options->first_endpoint)
            options->first_endpoint = (uint32_t)value.message.head.endpoint;
        if (value.type == RAS_PACKET_FAILURE)
            ras_supported_versions(&value.failure.exception, options->versions,
                                   RAS_SIM_VERSIONS_MAX);
    }
    if (!options->versions[0])
        options->versions[0] = (uint8_t)vector.version;
    if (!options->first_endpoint)
        options->first_endpoint = 1;
}

/* A recording that starts in the middle gets what must have stood before it. */
static void prepare(struct peer *peer, struct stand *stand)
{
    peer_open(peer, stand);
    if (is_negotiation(&vector.packets[0]))
        return;
    peer_connect(peer);
    if (packet_of(&vector.packets[0]).type == RAS_PACKET_OPEN)
        return;
    peer_ask_version(peer, vector.version);
    for (size_t i = 0; i < world_cluster_count(stand->world); i++) {
        struct world_cluster *cluster = world_cluster_at(stand->world, i);
        struct ras_cluster_credentials nobody = {.cluster = cluster->record.uuid};
        peer_authenticate(peer, cluster);
        peer_ask(peer, RAS_ADD_AUTHENTICATION, &nobody);
    }
    peer_ask(peer, RAS_AUTHENTICATE_AGENT, &(struct ras_agent_credentials){0});
}

static bool same_answer(struct peer *peer, const struct vector_packet *recorded, const char *name)
{
    struct ras_packet due = packet_of(recorded), got;
    if (!peer_packet(peer, &got)) {
        print_error("%s: the server closed\n", name);
        return false;
    }
    if (got.type == due.type && got.length == due.length && !memcmp(got.body, due.body, due.length))
        return true;
    size_t at = 0;
    while (at < got.length && at < due.length && got.body[at] == due.body[at])
        at++;
    print_error("%s: type %u length %zu, due %u %zu, first difference at %zu\n", name, got.type,
                got.length, due.type, due.length, at);
    return false;
}

static bool replay(struct stand *stand, const char *name)
{
    struct peer *peer = mem_new(struct peer);
    bool same = true;
    prepare(peer, stand);
    for (size_t i = 0; i < vector.count && same; i++) {
        const struct vector_packet *recorded = &vector.packets[i];
        if (recorded->from_client)
            peer_bytes(peer, recorded->bytes, recorded->length);
        else
            same = same_answer(peer, recorded, name);
    }
    peer_close(peer);
    free(peer);
    return same;
}

static bool file_replays(const char *name)
{
    struct stand stand;
    struct ras_sim_options options = {.tick_ms = -1};
    struct world_options world = world_options_default();
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/vectors/%s", CURFEW_SOURCE_DIR, name);
    vector_load(&vector, path);
    struct seed seed = {.arena = arena_create(SUPPORT_ARENA), .version = vector.version};
    read_offer(&seed, &options);
    stand_open(&stand, world, &options);
    seed.stand = &stand;
    seed_from(&seed, true);
    seed_from(&seed, false);
    bool same = replay(&stand, name);
    stand_assert_clean(&stand);
    stand_close(&stand);
    arena_destroy(seed.arena);
    return same;
}

static bool excepted(const char *name)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (!strcmp(exceptions[i].file, name))
            return true;
    return false;
}

static int is_vector(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && !strcmp(entry->d_name + length - 4, ".hex");
}

static void recorded_requests_get_the_recorded_answers(void **state)
{
    (void)state;
    struct dirent **files;
    int count = scandir(CURFEW_SOURCE_DIR "/tests/vectors", &files, is_vector, alphasort);
    unsigned same = 0, different = 0;
    assert_true(count >= 0);
    for (int i = 0; i < count; i++) {
        if (!excepted(files[i]->d_name)) {
            if (file_replays(files[i]->d_name))
                same++;
            else
                different++;
        }
        free(files[i]);
    }
    free(files);
    assert_int_equal(different, 0);
    assert_true(same >= FILES_LEAST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_requests_get_the_recorded_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
