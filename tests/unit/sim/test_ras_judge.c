/* Clients that are wrong on purpose: each mistake is named, and a right client is never blamed. */
#include "tests/unit/sim/test_ras_support.h"

static struct stand stand;
static struct peer peer;
static struct world_cluster *cluster;

static int setup(void **state)
{
    (void)state;
    struct world_options options = world_options_default();
    struct world_population population = {.clusters = 2,
                                          .infobases = 2,
                                          .sessions = 200,
                                          .user = TEXT("admin"),
                                          .password = TEXT("pw")};
    options.activity = false;
    stand_open(&stand, options, NULL);
    world_populate(stand.world, &population, stand.wall);
    cluster = world_cluster_at(stand.world, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (peer.arena)
        peer_close(&peer);
    stand_close(&stand);
    return 0;
}

static void assert_only(enum ras_violation violation)
{
    const struct ras_sim_counters *counters = ras_sim_counters(stand.sim);
    if (counters->violations != 1 || counters->violation[violation] != 1)
        for (size_t i = 0; ras_sim_note(stand.sim, i); i++)
            print_error("noted: %s\n", ras_sim_note(stand.sim, i));
    assert_int_equal(counters->violation[violation], 1);
    assert_int_equal(counters->violations, 1);
}

/* Up to message 9; then 10 as well. */
static void log_in(unsigned version)
{
    struct ras_cluster_credentials nobody = {.cluster = cluster->record.uuid};
    peer_ready(&peer, &stand, version);
    peer_authenticate(&peer, cluster);
    assert_true(peer_ask(&peer, RAS_ADD_AUTHENTICATION, &nobody));
}

/* Its texts are good until the next answer. */
static struct ras_infobase read_infobase(void)
{
    struct ras_of_infobase asked = {cluster->record.uuid, cluster->infobases[0]->record.uuid};
    assert_true(peer_ask(&peer, RAS_GET_INFOBASE_INFO, &asked));
    assert_ptr_equal(peer.answer.message.layout, &ras_infobase_layout);
    return *(struct ras_infobase *)peer.answer.message.records;
}

static void write_infobase(const struct ras_infobase *record)
{
    struct ras_infobase_update asked = {cluster->record.uuid, *record};
    assert_true(peer_ask(&peer, RAS_UPDATE_INFOBASE, &asked));
}

/* ---- a right client ---- */

static void whole_dialogue(unsigned version)
{
    log_in(version);
    struct ras_of_cluster of_cluster = {cluster->record.uuid};
    assert_true(peer_ask(&peer, RAS_GET_SESSIONS, &of_cluster));
    assert_int_equal(peer.answer.message.count, cluster->session_count);
    const struct ras_session *sessions = peer.answer.message.records;
    size_t chosen = text_equal(sessions[3].app_id, TEXT("RAS")) ? 4 : 3;
    struct ras_terminate asked = {cluster->record.uuid, sessions[chosen].uuid, TEXT("пора")};
    assert_true(peer_ask(&peer, RAS_TERMINATE_SESSION, &asked));
    assert_true(peer_is_void(&peer));
    assert_true(peer_ask(&peer, RAS_TERMINATE_SESSION, &asked));
    assert_true(peer_refused(&peer, "SessionNotFound"));
    struct ras_infobase record = read_infobase();
    record.sessions_deny = true;
    record.denied_from = world_time(stand.world, stand.wall);
    record.denied_message = TEXT("Регламентные работы");
    write_infobase(&record);
    assert_true(peer_is_void(&peer));
    record = read_infobase();
    assert_true(record.sessions_deny);
    record.sessions_deny = false;
    write_infobase(&record);
    peer_value(&peer, &(struct ras_packet_value){.type = RAS_PACKET_CLOSE,
                                                 .close = {.endpoint = peer.endpoint}});
    peer_close(&peer);
}

static void a_right_client_is_never_blamed(void **state)
{
    (void)state;
    for (size_t i = 0; ras_versions[i]; i++)
        whole_dialogue(ras_versions[i]);
    stand_assert_clean(&stand);
    assert_int_equal(ras_sim_counters(stand.sim)->terminated, 9);
    assert_int_equal(ras_sim_counters(stand.sim)->updated, 18);
    assert_int_equal(ras_sim_connections(stand.sim), 0);
}

static void fields_that_an_old_version_lacks_are_kept(void **state)
{
    (void)state;
    struct world_infobase *infobase = cluster->infobases[0];
    int32_t delay = infobase->record.configuration_unload_delay;
    assert_int_not_equal(delay, 0);
    log_in(5);
    struct ras_infobase record = read_infobase();
    record.sessions_deny = true;
    write_infobase(&record);
    assert_int_equal(infobase->record.configuration_unload_delay, delay);
    stand_assert_clean(&stand);
}

/* ---- wrong ones ---- */

static void another_magic(void **state)
{
    (void)state;
    peer_open(&peer, &stand);
    peer_hex(&peer, "5057531c00010001");
    assert_true(peer_ends(&peer));
    assert_only(RAS_VIOLATION_NEGOTIATION);
}

static void no_negotiation(void **state)
{
    (void)state;
    peer_open(&peer, &stand);
    peer_hex(&peer, "0116010f636f6e6e6563742e74696d656f757404000007d0");
    assert_true(peer_ends(&peer));
    assert_only(RAS_VIOLATION_NEGOTIATION);
}

static void open_before_connect(void **state)
{
    (void)state;
    peer_open(&peer, &stand);
    peer_hex(&peer, "1c53575001000100"
                    "0b1f1876382e736572766963652e41646d696e2e436c75737465720431302e3080");
    assert_true(peer_ends(&peer));
    assert_only(RAS_VIOLATION_PACKET_TYPE);
}

static void a_keep_alive_from_a_client(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    peer_hex(&peer, "1000");
    assert_true(peer_ends(&peer));
    assert_only(RAS_VIOLATION_PACKET_TYPE);
}

static void parameters_with_a_byte_left_over(void **state)
{
    (void)state;
    peer_open(&peer, &stand);
    peer_hex(&peer, "1c53575001000100"
                    "0117010f636f6e6e6563742e74696d656f757404000007d000");
    assert_true(peer_ends(&peer));
    assert_only(RAS_VIOLATION_MALFORMED);
}

static void another_service(void **state)
{
    (void)state;
    peer_open(&peer, &stand);
    peer_connect(&peer);
    peer_value(&peer, &(struct ras_packet_value){.type = RAS_PACKET_OPEN,
                                                 .open = {.service = TEXT("v8.service.Other"),
                                                          .version = TEXT("10.0"),
                                                          .params = {.null = true}}});
    assert_true(peer_answer(&peer));
    assert_int_equal(peer.answer.type, RAS_PACKET_FAILURE);
    assert_only(RAS_VIOLATION_SERVICE);
}

static void a_message_without_an_endpoint(void **state)
{
    (void)state;
    peer_open(&peer, &stand);
    peer_connect(&peer);
    peer_hex(&peer, "0e05010000010b");
    assert_true(peer_answer(&peer));
    assert_int_equal(peer.answer.type, RAS_PACKET_FAILURE);
    assert_only(RAS_VIOLATION_ENDPOINT);
}

static void endpoint_one_when_another_was_handed_out(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    assert_int_equal(peer.endpoint, 5000);
    peer_hex(&peer, "0e05010000010b");
    assert_true(peer_answer(&peer));
    assert_int_equal(peer.answer.type, RAS_PACKET_FAILURE);
    assert_only(RAS_VIOLATION_ENDPOINT);
}

static void an_endpoint_is_not_valid_on_another_connection(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    peer_close(&peer);
    peer_open(&peer, &stand);
    peer_connect(&peer);
    peer.endpoint = 5000;
    peer.version = 10;
    assert_true(peer_ask(&peer, RAS_GET_CLUSTERS, NULL));
    assert_only(RAS_VIOLATION_ENDPOINT);
}

static void closing_what_was_not_open(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    peer_hex(&peer, "0d0101");
    assert_true(peer_ask(&peer, RAS_GET_CLUSTERS, NULL));
    assert_only(RAS_VIOLATION_ENDPOINT);
}

/* Endpoint 5000 is 48 4e. */
static void an_odd_format(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    peer_hex(&peer, "0e06484e0002010b");
    assert_true(peer_answer(&peer));
    assert_only(RAS_VIOLATION_FORMAT);
}

static void the_format_of_generated_clients_is_tolerated(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    peer_hex(&peer, "0e06484e0100010b");
    assert_true(peer_answer(&peer));
    stand_assert_clean(&stand);
}

static void compression_that_was_not_agreed(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    peer_hex(&peer, "0e06484e0001010b");
    assert_true(peer_ends(&peer));
    assert_only(RAS_VIOLATION_MALFORMED);
}

static void a_void_message_as_a_request(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    peer_hex(&peer, "0e05484e000000");
    assert_true(peer_ends(&peer));
    assert_only(RAS_VIOLATION_KIND);
}

static void a_number_that_nobody_knows(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    peer_hex(&peer, "0e06484e000001fe");
    assert_true(peer_answer(&peer));
    assert_true(peer_refused(&peer, "v8.service.UnexpectedMessage"));
    assert_only(RAS_VIOLATION_UNKNOWN_MESSAGE);
}

static void the_number_of_an_answer(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    peer_hex(&peer, "0e06484e0000010c");
    assert_true(peer_answer(&peer));
    assert_only(RAS_VIOLATION_ANSWER_MESSAGE);
}

/* Message 71 without its text: 34 bytes and the header. */
static void terminate_without_its_text(void **state)
{
    (void)state;
    log_in(10);
    uint8_t packet[2 + 6 + 32] = {0x0e, 6 + 32, 0x48, 0x4e, 0, 0, 1, 71};
    memcpy(packet + 8, cluster->record.uuid.bytes, 16);
    memcpy(packet + 24, cluster->sessions[0]->record.uuid.bytes, 16);
    peer_bytes(&peer, packet, sizeof packet);
    assert_true(peer_answer(&peer));
    assert_true(peer_refused(&peer, "v8.service.Format"));
    assert_only(RAS_VIOLATION_MALFORMED);
    assert_int_equal(ras_sim_counters(stand.sim)->terminates, 0);
}

static void a_record_of_another_version(void **state)
{
    (void)state;
    log_in(10);
    struct ras_infobase record = read_infobase();
    struct ras_infobase_update asked = {cluster->record.uuid, record};
    peer.version = 16;
    peer_send(&peer, RAS_UPDATE_INFOBASE, &asked);
    assert_true(peer_answer(&peer));
    assert_only(RAS_VIOLATION_MALFORMED);
    assert_int_equal(ras_sim_counters(stand.sim)->updates, 0);
}

static void text_in_another_encoding(void **state)
{
    (void)state;
    log_in(10);
    uint8_t packet[2 + 6 + 32 + 4] = {0x0e, 6 + 36, 0x48, 0x4e, 0, 0, 1, 71};
    memcpy(packet + 8, cluster->record.uuid.bytes, 16);
    memcpy(packet + 24, cluster->sessions[0]->record.uuid.bytes, 16);
    memcpy(packet + 40, "\x03\xcf\xee\xf0", 4); /* CP1251 */
    peer_bytes(&peer, packet, sizeof packet);
    assert_true(peer_answer(&peer));
    assert_only(RAS_VIOLATION_MALFORMED);
}

static void lists_without_authentication(void **state)
{
    (void)state;
    struct ras_of_cluster asked = {cluster->record.uuid};
    peer_ready(&peer, &stand, 10);
    assert_true(peer_ask(&peer, RAS_GET_SESSIONS, &asked));
    assert_true(peer_refused(&peer, "Rights"));
    assert_only(RAS_VIOLATION_CLUSTER_AUTHENTICATION);
}

static void authentication_of_another_cluster(void **state)
{
    (void)state;
    struct ras_of_cluster asked = {cluster->record.uuid};
    peer_ready(&peer, &stand, 10);
    peer_authenticate(&peer, world_cluster_at(stand.world, 1));
    assert_true(peer_ask(&peer, RAS_GET_SESSIONS, &asked));
    assert_only(RAS_VIOLATION_CLUSTER_AUTHENTICATION);
}

static void a_wrong_password_is_refused_and_no_violation(void **state)
{
    (void)state;
    struct ras_cluster_credentials asked = {cluster->record.uuid, TEXT("admin"), TEXT("wrong")};
    peer_ready(&peer, &stand, 10);
    assert_true(peer_ask(&peer, RAS_AUTHENTICATE_CLUSTER, &asked));
    assert_true(peer_refused(&peer, "Failure"));
    stand_assert_clean(&stand);
}

static void authentication_ends_with_the_endpoint(void **state)
{
    (void)state;
    struct ras_of_cluster asked = {cluster->record.uuid};
    peer_ready(&peer, &stand, 10);
    peer_authenticate(&peer, cluster);
    peer_ask_version(&peer, 9);
    assert_int_equal(peer.endpoint, 5001);
    assert_true(peer_ask(&peer, RAS_GET_SESSIONS, &asked));
    assert_only(RAS_VIOLATION_CLUSTER_AUTHENTICATION);
}

static void an_infobase_without_message_ten(void **state)
{
    (void)state;
    struct ras_of_infobase asked = {cluster->record.uuid, cluster->infobases[0]->record.uuid};
    peer_ready(&peer, &stand, 10);
    peer_authenticate(&peer, cluster);
    assert_true(peer_ask(&peer, RAS_GET_INFOBASE_INFO, &asked));
    assert_only(RAS_VIOLATION_INFOBASE_AUTHENTICATION);
}

static void administrators_without_message_eight(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    assert_true(peer_ask(&peer, RAS_GET_AGENT_ADMINS, NULL));
    assert_only(RAS_VIOLATION_AGENT_AUTHENTICATION);
}

static void uuids_in_the_order_of_another_system(void **state)
{
    (void)state;
    log_in(10);
    struct ras_of_session asked = {cluster->record.uuid, cluster->sessions[0]->record.uuid};
    uint8_t *bytes = asked.session.bytes;
    uint8_t first[4] = {bytes[3], bytes[2], bytes[1], bytes[0]};
    uint8_t rest[4] = {bytes[5], bytes[4], bytes[7], bytes[6]};
    memcpy(bytes, first, 4);
    memcpy(bytes + 4, rest, 4);
    assert_true(peer_ask(&peer, RAS_GET_SESSION_INFO, &asked));
    assert_true(peer_refused(&peer, "SessionNotFound"));
    assert_only(RAS_VIOLATION_UUID_ORDER);
}

static void unknown_uuids_are_no_violation(void **state)
{
    (void)state;
    log_in(10);
    struct ras_of_session asked = {cluster->record.uuid, uuid_random()};
    assert_true(peer_ask(&peer, RAS_GET_SESSION_INFO, &asked));
    assert_true(peer_refused(&peer, "SessionNotFound"));
    struct ras_of_cluster other = {uuid_random()};
    assert_true(peer_ask(&peer, RAS_GET_SESSIONS, &other));
    assert_true(peer_refused(&peer, "ClusterNotFound"));
    stand_assert_clean(&stand);
}

static void an_emptied_password(void **state)
{
    (void)state;
    log_in(10);
    struct ras_infobase record = read_infobase();
    record.db_pwd = (struct text){0};
    write_infobase(&record);
    assert_int_equal(peer.answer.message.head.kind, RAS_KIND_EXCEPTION);
    assert_only(RAS_VIOLATION_UPDATE_PASSWORD);
}

static void an_update_that_forgets_a_field(void **state)
{
    (void)state;
    log_in(10);
    struct ras_infobase record = read_infobase();
    record.license_distribution = 0;
    write_infobase(&record);
    assert_true(peer_is_void(&peer));
    assert_only(RAS_VIOLATION_UPDATE_FIELD);
}

static void dates_counted_from_another_year(void **state)
{
    (void)state;
    log_in(10);
    struct ras_infobase record = read_infobase();
    record.denied_from.ticks = stand.wall.ms * 10; /* since 1970 instead of 0001 */
    write_infobase(&record);
    assert_only(RAS_VIOLATION_DATE_RANGE);
}

static void dates_in_utc(void **state)
{
    (void)state;
    log_in(10);
    struct ras_infobase record = read_infobase();
    record.denied_from = world_time(stand.world, stand.wall);
    record.denied_from.ticks -= INT64_C(180) * 60 * 10000;
    write_infobase(&record);
    assert_only(RAS_VIOLATION_DATE_ZONE);
}

static void a_request_before_the_answer(void **state)
{
    (void)state;
    AUTO_BUF two = {0};
    buf_init(&two, 4096);
    peer_ready(&peer, &stand, 10);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ras_request_encode(peer.endpoint, 10, RAS_GET_CLUSTERS, NULL, &two, NULL),
                         ERR_OK);
    peer_bytes(&peer, two.data, two.length);
    assert_true(peer_answer(&peer));
    assert_true(peer_answer(&peer)); /* both are served */
    assert_only(RAS_VIOLATION_PIPELINING);
}

static void a_connection_that_ends_inside_a_packet(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    peer_hex(&peer, "0e05484e");
    peer_close(&peer);
    assert_only(RAS_VIOLATION_CLOSED_INSIDE);
}

static void a_probe_of_the_port_is_no_violation(void **state)
{
    (void)state;
    peer_open(&peer, &stand);
    peer_close(&peer);
    stand_assert_clean(&stand);
}

static void a_packet_of_two_gigabytes(void **state)
{
    (void)state;
    peer_ready(&peer, &stand, 10);
    peer_hex(&peer, "0e8080808008");
    assert_true(peer_ends(&peer));
    assert_only(RAS_VIOLATION_PACKET_LENGTH);
}

static void the_end_of_a_session_of_ras(void **state)
{
    (void)state;
    log_in(10);
    read_infobase();
    struct ras_terminate asked = {
        cluster->record.uuid, cluster->infobases[0]->ras->record.uuid, {0}};
    assert_true(peer_ask(&peer, RAS_TERMINATE_SESSION, &asked));
    assert_only(RAS_VIOLATION_PROTECTED);
}

static void a_version_that_is_not_offered(void **state)
{
    (void)state;
    uint8_t offered[RAS_SIM_VERSIONS_MAX];
    peer_open(&peer, &stand);
    peer_connect(&peer);
    peer_ask_version(&peer, 12);
    assert_int_equal(peer.answer.type, RAS_PACKET_FAILURE);
    assert_int_equal(peer.answer.failure.endpoint, RAS_NONE);
    size_t count = ras_supported_versions(&peer.answer.failure.exception, offered, sizeof offered);
    assert_int_equal(count, 9);
    peer_ask_version(&peer, 9); /* on the same connection */
    assert_int_equal(peer.answer.type, RAS_PACKET_OPEN_ACK);
    stand_assert_clean(&stand);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_right_client_is_never_blamed),
        CASE(fields_that_an_old_version_lacks_are_kept),
        CASE(another_magic),
        CASE(no_negotiation),
        CASE(open_before_connect),
        CASE(a_keep_alive_from_a_client),
        CASE(parameters_with_a_byte_left_over),
        CASE(another_service),
        CASE(a_message_without_an_endpoint),
        CASE(endpoint_one_when_another_was_handed_out),
        CASE(an_endpoint_is_not_valid_on_another_connection),
        CASE(closing_what_was_not_open),
        CASE(an_odd_format),
        CASE(the_format_of_generated_clients_is_tolerated),
        CASE(compression_that_was_not_agreed),
        CASE(a_void_message_as_a_request),
        CASE(a_number_that_nobody_knows),
        CASE(the_number_of_an_answer),
        CASE(terminate_without_its_text),
        CASE(a_record_of_another_version),
        CASE(text_in_another_encoding),
        CASE(lists_without_authentication),
        CASE(authentication_of_another_cluster),
        CASE(a_wrong_password_is_refused_and_no_violation),
        CASE(authentication_ends_with_the_endpoint),
        CASE(an_infobase_without_message_ten),
        CASE(administrators_without_message_eight),
        CASE(uuids_in_the_order_of_another_system),
        CASE(unknown_uuids_are_no_violation),
        CASE(an_emptied_password),
        CASE(an_update_that_forgets_a_field),
        CASE(dates_counted_from_another_year),
        CASE(dates_in_utc),
        CASE(a_request_before_the_answer),
        CASE(a_connection_that_ends_inside_a_packet),
        CASE(a_probe_of_the_port_is_no_violation),
        CASE(a_packet_of_two_gigabytes),
        CASE(the_end_of_a_session_of_ras),
        CASE(a_version_that_is_not_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
