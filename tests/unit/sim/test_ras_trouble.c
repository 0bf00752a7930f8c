/* Each fault does what it says: to the client, to the world and in the log. */
#include "tests/unit/sim/test_ras_support.h"

#include <jansson.h>

static struct stand stand;
static struct peer peer;
static struct world_cluster *cluster;
static char log_path[64];

static int setup(void **state)
{
    (void)state;
    struct error err;
    struct world_options options = world_options_default();
    struct world_population population = {.clusters = 1, .infobases = 2, .sessions = 130};
    options.activity = false;
    options.connection_ms = 0;
    stand_open(&stand, options, NULL);
    snprintf(log_path, sizeof log_path, "/tmp/curfew-ras-XXXXXX");
    int fd = mkstemp(log_path);
    assert_true(fd >= 0);
    close(fd);
    world_populate(stand.world, &population, stand.wall);
    assert_int_equal(ras_sim_log(stand.sim, log_path, true, &err), ERR_OK);
    cluster = world_cluster_at(stand.world, 0);
    peer_ready(&peer, &stand, 10);
    peer_authenticate(&peer, cluster);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (peer.arena)
        peer_close(&peer);
    stand_close(&stand);
    unlink(log_path);
    return 0;
}

static void spoil(const char *spec)
{
    struct error err;
    if (ras_sim_fault(stand.sim, spec, NULL, &err))
        fail_msg("%s", err.message);
}

static void send_terminate(const struct uuid *session)
{
    struct ras_terminate asked = {cluster->record.uuid, *session, TEXT("bye")};
    peer_send(&peer, RAS_TERMINATE_SESSION, &asked);
}

static bool ask_sessions(void)
{
    struct ras_of_cluster asked = {cluster->record.uuid};
    return peer_ask(&peer, RAS_GET_SESSIONS, &asked);
}

static struct uuid any_session(void)
{
    return cluster->sessions[5]->record.uuid;
}

static bool lives(const struct uuid *session)
{
    return world_session_find(cluster, session) != NULL;
}

/* The last line of the log about a terminate. */
static json_t *last_terminate(void)
{
    json_t *last = NULL;
    char line[4096];
    FILE *file = fopen(log_path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        json_t *entry = json_loads(line, 0, NULL);
        assert_non_null(entry);
        const char *what = json_string_value(json_object_get(entry, "what"));
        if (!strcmp(what, "terminate")) {
            json_decref(last);
            last = json_incref(entry);
        }
        json_decref(entry);
    }
    fclose(file);
    return last;
}

static void assert_logged(const struct uuid *session, const char *effect, bool applied)
{
    json_t *line = last_terminate();
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "session")),
                        uuid_format(session).text);
    assert_string_equal(json_string_value(json_object_get(line, "effect")), effect);
    assert_int_equal(json_is_true(json_object_get(line, "applied")), applied);
    assert_string_equal(json_string_value(json_object_get(line, "cluster_name")), "sim-01");
    assert_int_equal(json_integer_value(json_object_get(line, "wall_ms")), stand.wall.ms);
    json_decref(line);
}

static void a_terminate_is_done_and_written_down(void **state)
{
    (void)state;
    struct uuid session = any_session();
    send_terminate(&session);
    assert_true(peer_answer(&peer));
    assert_true(peer_is_void(&peer));
    assert_false(lives(&session));
    assert_logged(&session, "done", true);
    send_terminate(&session);
    assert_true(peer_answer(&peer));
    assert_true(peer_refused(&peer, "SessionNotFound"));
    assert_logged(&session, "gone", false);
}

static void hang_takes_the_request_and_does_nothing(void **state)
{
    (void)state;
    struct uuid session = any_session();
    spoil("hang,op=terminate");
    send_terminate(&session);
    assert_true(peer_silent(&peer));
    assert_true(lives(&session));
    assert_logged(&session, "none", false);
    peer_close(&peer);
    assert_int_equal(ras_sim_counters(stand.sim)->gave_up, 1);
}

static void silent_does_it_and_never_answers(void **state)
{
    (void)state;
    struct uuid session = any_session();
    spoil("silent,op=terminate");
    send_terminate(&session);
    assert_true(peer_silent(&peer));
    assert_false(lives(&session));
    assert_logged(&session, "done", true);
}

static void lost_does_it_and_closes(void **state)
{
    (void)state;
    struct uuid session = any_session();
    spoil("lost,op=terminate");
    send_terminate(&session);
    assert_true(peer_ends(&peer));
    assert_false(lives(&session));
    assert_logged(&session, "done", true);
}

static void drop_and_reset_close_and_do_nothing(void **state)
{
    (void)state;
    struct uuid session = any_session();
    spoil("drop,op=terminate,times=1");
    spoil("reset,op=terminate,skip=1");
    send_terminate(&session);
    assert_true(peer_ends(&peer));
    assert_true(lives(&session));
    peer_close(&peer);
    peer_ready(&peer, &stand, 10);
    peer_authenticate(&peer, cluster);
    send_terminate(&session);
    assert_true(peer_ends(&peer));
    assert_true(lives(&session));
    assert_logged(&session, "none", false);
}

static void what_was_delayed_is_done_although_the_client_left(void **state)
{
    (void)state;
    struct uuid session = any_session();
    spoil("delay=30ms,op=terminate");
    send_terminate(&session);
    assert_true(lives(&session));
    close(peer.fd);
    peer.fd = -1;
    while (lives(&session))
        uv_run(&stand.loop, UV_RUN_ONCE);
    peer_close(&peer);
    assert_logged(&session, "done", true);
    assert_int_equal(ras_sim_connections(stand.sim), 0);
}

static void late_answers_come_after_the_deed(void **state)
{
    (void)state;
    struct uuid session = any_session();
    spoil("late=30ms,op=terminate");
    send_terminate(&session);
    for (int i = 0; i < 5 && lives(&session); i++)
        stand_turn(&stand);
    assert_false(lives(&session));
    assert_true(peer_answer(&peer));
    assert_true(peer_is_void(&peer));
}

static void a_cut_leaves_so_many_bytes(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < 9; cut++) {
        char spec[64];
        uint8_t bytes[64];
        size_t got = 0;
        struct uuid session = any_session();
        snprintf(spec, sizeof spec, "cut=%zu,op=terminate", cut);
        spoil(spec);
        send_terminate(&session);
        while (!peer.ended)
            got += peer_poll(&peer, bytes + got, sizeof bytes - got);
        /* a void answer of endpoint 5000 has 7 bytes */
        assert_int_equal(got, cut < 7 ? cut : 7);
        assert_false(lives(&session));
        ras_sim_clear_faults(stand.sim);
        peer_close(&peer);
        peer_ready(&peer, &stand, 10);
        peer_authenticate(&peer, cluster);
    }
}

/* Segments with data that the client has received: tcpi_data_segs_in of the kernel's struct
 * tcp_info, which is longer than the one of netinet/tcp.h and cannot be included beside it. */
enum { DATA_SEGS_IN_AT = 152, TCP_INFO_MAX = 512 };

static uint32_t segments(void)
{
    uint8_t info[TCP_INFO_MAX];
    uint32_t count = 0;
    socklen_t length = sizeof info;
    assert_int_equal(getsockopt(peer.fd, IPPROTO_TCP, TCP_INFO, info, &length), 0);
    if (length < DATA_SEGS_IN_AT + sizeof count)
        skip(); /* a kernel before 4.6 */
    memcpy(&count, info + DATA_SEGS_IN_AT, sizeof count);
    if (count == 0)
        skip(); /* something that only looks like Linux */
    return count;
}

static uint32_t segments_of_an_answer(void)
{
    uint32_t before = segments();
    struct ras_of_cluster asked = {cluster->record.uuid};
    assert_true(peer_ask(&peer, RAS_GET_CLUSTER_INFO, &asked));
    return segments() - before;
}

static void header_and_body_come_apart_unless_told_otherwise(void **state)
{
    (void)state;
    assert_int_equal(segments_of_an_answer(), 2);
    spoil("whole");
    assert_int_equal(segments_of_an_answer(), 1);
}

static void pieces_arrive_whole_in_the_end(void **state)
{
    (void)state;
    spoil("pieces");
    assert_true(segments_of_an_answer() > 60);
    assert_true(ask_sessions());
    assert_int_equal(peer.answer.message.count, 130);
    ras_sim_clear_faults(stand.sim);
    spoil("pieces=7");
    assert_in_range(segments_of_an_answer(), 9, 20);
}

static void lists_can_lie(void **state)
{
    (void)state;
    spoil("empty,times=1");
    spoil("partial=3,skip=1,times=1");
    assert_true(ask_sessions());
    assert_int_equal(peer.answer.message.count, 0);
    assert_true(ask_sessions());
    assert_int_equal(peer.answer.message.count, 3);
    assert_true(ask_sessions());
    assert_int_equal(peer.answer.message.count, 130);
}

static void a_session_stays_listed(void **state)
{
    (void)state;
    struct uuid session = any_session(), stuck = cluster->sessions[6]->record.uuid;
    spoil("stay=2s,times=1");
    spoil("stay=forever,skip=1");
    send_terminate(&session);
    assert_true(peer_answer(&peer));
    assert_true(peer_is_void(&peer));
    assert_logged(&session, "accepted", true);
    send_terminate(&stuck);
    assert_true(peer_answer(&peer));
    assert_true(lives(&session));
    stand_pass(&stand, 2000);
    assert_false(lives(&session));
    assert_true(lives(&stuck));
    stand_pass(&stand, 100000000);
    assert_true(lives(&stuck));
}

static void a_lie_says_yes_and_does_nothing(void **state)
{
    (void)state;
    struct uuid session = any_session();
    spoil("lie");
    send_terminate(&session);
    assert_true(peer_answer(&peer));
    assert_true(peer_is_void(&peer));
    assert_true(lives(&session));
    assert_false(world_session_ending(world_session_find(cluster, &session)));
    assert_logged(&session, "none", false);
}

static void errors_of_every_class_come_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"Failure",          "Rights",          "ClusterNotFound",
                                        "InfoBaseNotFound", "SessionNotFound", "ConnectionNotFound",
                                        "ClientNotFound"};
    static const char *const whole[] = {"UnknownThrowable", "swp.UnknownThrowable", "Generic",
                                        "v8.Generic",       "x.y#Strange",          "Strange"};
    struct uuid session = any_session();
    for (size_t i = 0; i < 7 + 3; i++) {
        char spec[96];
        const char *asked = i < 7 ? names[i] : whole[(i - 7) * 2];
        snprintf(spec, sizeof spec, "error=%s,op=terminate", asked);
        spoil(spec);
        send_terminate(&session);
        assert_true(peer_answer(&peer));
        assert_true(peer_refused(&peer, i < 7 ? names[i] : whole[(i - 7) * 2 + 1]));
        assert_true(lives(&session));
        ras_sim_clear_faults(stand.sim);
    }
    spoil("error_after=UnknownThrowable,op=terminate");
    send_terminate(&session);
    assert_true(peer_answer(&peer));
    assert_true(peer_refused(&peer, "swp.UnknownThrowable"));
    assert_false(lives(&session));
}

static void credentials_are_refused(void **state)
{
    (void)state;
    struct ras_cluster_credentials asked = {.cluster = cluster->record.uuid};
    spoil("credentials");
    assert_true(peer_ask(&peer, RAS_AUTHENTICATE_CLUSTER, &asked));
    assert_true(peer_refused(&peer, "Failure"));
}

static void an_endpoint_fails(void **state)
{
    (void)state;
    spoil("failure,times=1");
    assert_true(ask_sessions());
    assert_int_equal(peer.answer.type, RAS_PACKET_FAILURE);
    assert_int_equal(peer.answer.failure.endpoint, peer.endpoint);
}

static void keep_alives_come_first(void **state)
{
    (void)state;
    spoil("keep_alive=2");
    assert_true(ask_sessions());
    assert_int_equal(peer.answer.type, RAS_PACKET_KEEP_ALIVE);
    assert_true(peer_answer(&peer));
    assert_int_equal(peer.answer.type, RAS_PACKET_KEEP_ALIVE);
    assert_true(peer_answer(&peer));
    assert_int_equal(peer.answer.message.count, 130);
}

static struct ras_packet raw_answer(void)
{
    struct ras_packet packet;
    struct ras_of_cluster asked = {cluster->record.uuid};
    peer_send(&peer, RAS_GET_SESSIONS, &asked);
    assert_true(peer_packet(&peer, &packet));
    return packet;
}

static void answers_of_somebody_else(void **state)
{
    (void)state;
    struct ras_head head;
    spoil("wrong_endpoint,times=1");
    assert_int_equal(ras_head_decode(raw_answer(), &head, NULL), ERR_OK);
    assert_int_not_equal(head.endpoint, peer.endpoint);
    spoil("wrong_type,times=1");
    assert_int_equal(ras_head_decode(raw_answer(), &head, NULL), ERR_OK);
    assert_int_equal(head.endpoint, peer.endpoint);
    assert_int_not_equal(head.type, RAS_GET_SESSIONS + 1);
    spoil("wrong_packet,times=1");
    assert_int_not_equal(raw_answer().type, RAS_PACKET_MESSAGE);
    spoil("twice,times=1");
    assert_true(ask_sessions());
    assert_true(peer_answer(&peer));
    assert_int_equal(peer.answer.message.count, 130);
}

static void records_that_do_not_fit(void **state)
{
    (void)state;
    static const char *const specs[] = {"short,times=1", "extra,times=1", "short=300,times=1",
                                        "huge_count,times=1"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct ras_packet_value value;
        spoil(specs[i]);
        assert_int_equal(ras_packet_decode(raw_answer(), 10, peer.arena, &value, NULL),
                         ERR_PROTOCOL);
    }
    assert_true(ask_sessions());
}

static void two_gigabytes_are_announced(void **state)
{
    (void)state;
    struct ras_of_cluster asked = {cluster->record.uuid};
    uint8_t bytes[64];
    size_t got = 0;
    spoil("huge_packet");
    peer_send(&peer, RAS_GET_SESSIONS, &asked);
    while (got < 6)
        got += peer_poll(&peer, bytes + got, sizeof bytes - got);
    assert_memory_equal(bytes, "\x0e\x80\x80\x80\x80\x08", 6);
    assert_true(peer_silent(&peer));
}

static void garbage_comes(void **state)
{
    (void)state;
    struct ras_of_cluster asked = {cluster->record.uuid};
    uint8_t bytes[256];
    size_t got = 0;
    spoil("garbage=100");
    peer_send(&peer, RAS_GET_SESSIONS, &asked);
    while (got < 100)
        got += peer_poll(&peer, bytes + got, sizeof bytes - got);
    assert_int_equal(got, 100);
}

static void a_refused_port_opens_again(void **state)
{
    (void)state;
    uint32_t id = 0;
    assert_int_equal(ras_sim_fault(stand.sim, "refuse", &id, NULL), ERR_OK);
    assert_int_equal(peer_try_connect(&stand), -1);
    assert_true(ask_sessions()); /* who is in stays in */
    assert_true(ras_sim_unfault(stand.sim, id));
    for (int i = 0; i < 5; i++)
        stand_turn(&stand);
    int fd = peer_try_connect(&stand);
    assert_true(fd >= 0);
    close(fd);
    stand_turn(&stand);
}

static void connections_are_taken_and_ignored(void **state)
{
    (void)state;
    spoil("hang,op=accept");
    peer_close(&peer);
    peer_open(&peer, &stand);
    peer_negotiate(&peer);
    peer_value(&peer,
               &(struct ras_packet_value){.type = RAS_PACKET_CONNECT, .connect = {.null = true}});
    assert_true(peer_silent(&peer));
}

static void handshakes_hang(void **state)
{
    (void)state;
    spoil("hang,op=open");
    peer_close(&peer);
    peer_open(&peer, &stand);
    peer_connect(&peer);
    peer_value(&peer, &(struct ras_packet_value){.type = RAS_PACKET_OPEN,
                                                 .open = {.service = TEXT(RAS_SERVICE),
                                                          .version = TEXT("10.0"),
                                                          .params = {.null = true}}});
    assert_true(peer_silent(&peer));
}

static void all_connections_are_cut(void **state)
{
    (void)state;
    ras_sim_cut(stand.sim, NULL);
    assert_true(peer_ends(&peer));
}

static void the_server_closes_in_the_middle_of_anything(void **state)
{
    (void)state;
    struct uuid session = any_session();
    spoil("delay=1h,op=terminate");
    send_terminate(&session);
    stand_turn(&stand);
}

static unsigned applied_lines(void)
{
    char line[4096];
    unsigned count = 0;
    FILE *file = fopen(log_path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        count += strstr(line, "\"what\":\"terminate\"") && strstr(line, "\"applied\":true");
    fclose(file);
    return count;
}

/* Whatever chaos draws: a session ends when the log says so, and not otherwise. */
static void chaos_never_hides_an_end(void **state)
{
    (void)state;
    struct uuid asked[60];
    unsigned ended = 0;
    for (int i = 0; i < 60; i++)
        asked[i] = cluster->sessions[i]->record.uuid;
    spoil("chaos=0.5,op=terminate");
    for (int i = 0; i < 60; i++) {
        send_terminate(&asked[i]);
        for (int turn = 0; turn < 5; turn++)
            stand_turn(&stand);
        peer_close(&peer);
        peer_ready(&peer, &stand, 10);
        peer_authenticate(&peer, cluster);
    }
    peer_close(&peer);
    while (ras_sim_connections(stand.sim)) /* what was delayed is still to come */
        uv_run(&stand.loop, UV_RUN_ONCE);
    for (int i = 0; i < 60; i++) {
        const struct world_session *session = world_session_find(cluster, &asked[i]);
        ended += !session || world_session_ending(session);
    }
    assert_in_range(ended, 30, 59);
    assert_int_equal(ras_sim_counters(stand.sim)->terminates, 60);
    assert_int_equal(ras_sim_counters(stand.sim)->terminated, ended);
    assert_int_equal(applied_lines(), ended);
    stand_assert_clean(&stand);
}

/* ---- the control protocol ---- */

static json_t *command(const char *line)
{
    AUTO_BUF out = {0};
    buf_init(&out, 1 << 20);
    ras_sim_command(stand.sim, text_of(line), &out);
    assert_int_equal(out.data[out.length - 1], '\n');
    json_t *answer = json_loads(buf_text(&out), 0, NULL);
    assert_non_null(answer);
    return answer;
}

static bool commanded(const char *line)
{
    json_t *answer = command(line);
    bool ok = json_is_true(json_object_get(answer, "ok"));
    if (!ok)
        assert_non_null(json_object_get(answer, "error"));
    json_decref(answer);
    return ok;
}

static void words_change_and_show_the_world(void **state)
{
    (void)state;
    assert_true(commanded("ping"));
    assert_true(commanded("fault lost,op=terminate,times=1"));
    assert_true(commanded("unfault 1"));
    assert_false(commanded("unfault 1"));
    assert_true(commanded("login ib-01 user=Новый"));
    assert_int_equal(cluster->session_count, 131);
    assert_true(commanded("{\"do\":\"login\",\"infobase\":\"ib-01\",\"user\":\"Иванов А. Б.\"}"));
    assert_true(commanded("logout infobase=ib-01 number=1"));
    assert_int_equal(cluster->session_count, 131);
    assert_true(commanded("call infobase=ib-01 number=2 ms=5000"));
    assert_true(commanded("lock ib-01 sessions_deny=on denied_from=2026-03-01T15:00:00 "
                          "denied_parameter=foreign"));
    assert_true(cluster->infobases[0]->record.sessions_deny);
    assert_false(commanded("login ib-01 user=X force=off"));
    assert_true(commanded("set churn=2.5 linger=3s relogin=1s zone_minutes=0"));
    assert_int_equal(world_options(stand.world)->linger_ms, 3000);
    assert_true(world_options(stand.world)->churn > 2.4);
    assert_true(commanded("credentials sim-01 user=a password=b"));
    assert_true(text_equal(cluster->password, TEXT("b")));
    assert_true(commanded("cut"));
}

static void queries_hold_what_a_test_needs(void **state)
{
    (void)state;
    json_t *answer = command("sessions infobase=ib-02");
    json_t *sessions = json_object_get(answer, "sessions");
    assert_int_equal(json_array_size(sessions), 65);
    assert_non_null(json_object_get(json_array_get(sessions, 0), "started_at"));
    json_decref(answer);
    answer = command("state");
    json_t *counters = json_object_get(answer, "counters");
    assert_int_equal(json_integer_value(json_object_get(counters, "connections")), 1);
    json_decref(answer);
    answer = command("infobases");
    assert_int_equal(json_array_size(json_object_get(answer, "infobases")), 2);
    json_decref(answer);
    struct uuid before = cluster->record.uuid;
    assert_true(commanded("renew"));
    assert_false(uuid_equal(&before, &cluster->record.uuid));
    assert_true(commanded("connections"));
    assert_true(commanded("violations"));
    assert_true(commanded("faults"));
}

static void wrong_words_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"dance",
                                        "fault",
                                        "fault explode",
                                        "{\"do\":",
                                        "login nowhere",
                                        "logout",
                                        "sessions x",
                                        "[]",
                                        "lock ib-01 denied_from=1",
                                        "unfault one",
                                        "\xff\xfe",
                                        "set linger=long"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (commanded(lines[i]))
            fail_msg("'%s' was taken", lines[i]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_terminate_is_done_and_written_down),
        CASE(hang_takes_the_request_and_does_nothing),
        CASE(silent_does_it_and_never_answers),
        CASE(lost_does_it_and_closes),
        CASE(drop_and_reset_close_and_do_nothing),
        CASE(what_was_delayed_is_done_although_the_client_left),
        CASE(late_answers_come_after_the_deed),
        CASE(a_cut_leaves_so_many_bytes),
        CASE(header_and_body_come_apart_unless_told_otherwise),
        CASE(pieces_arrive_whole_in_the_end),
        CASE(lists_can_lie),
        CASE(a_session_stays_listed),
        CASE(a_lie_says_yes_and_does_nothing),
        CASE(errors_of_every_class_come_by_name),
        CASE(credentials_are_refused),
        CASE(an_endpoint_fails),
        CASE(keep_alives_come_first),
        CASE(answers_of_somebody_else),
        CASE(records_that_do_not_fit),
        CASE(two_gigabytes_are_announced),
        CASE(garbage_comes),
        CASE(a_refused_port_opens_again),
        CASE(connections_are_taken_and_ignored),
        CASE(handshakes_hang),
        CASE(all_connections_are_cut),
        CASE(the_server_closes_in_the_middle_of_anything),
        CASE(chaos_never_hides_an_end),
        CASE(words_change_and_show_the_world),
        CASE(queries_hold_what_a_test_needs),
        CASE(wrong_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
